"""Wirings and steps."""

from __future__ import annotations

from crncompile.language.complaints.complaint import ARROWS, Complaint

WIRES = (
    Complaint(
        "step-arrow-in-wiring",
        "a wiring has the arrow ->, not {s.found.text}",
        "dot a: x -> h: positive current flows along the arrow",
        ("dot a: x <-> h = f()", "enzyme a: x => h = f()", "enzyme a: x <- h = f()", "device a: S <-> P { state E }"),
        lambda s: "ARROW" in s.expected and s.found.text in ARROWS,
    ),
    Complaint(
        "wiring-arrow-in-step",
        "a step has the arrow <-> (reversible) or => (irreversible), not {s.found.text}",
        "{s.form}",
        ("reaction a: X -> Y = f()", "reaction a: X <=> Y = f()", "device a: S -> P { transition b: S -> E = f() }"),
        lambda s: "REVERSIBLE" in s.expected and s.found.text in ARROWS,
    ),
    Complaint(
        "wiring-without-arrow",
        "the wiring has no ->",
        "{s.form}",
        ("dot a: x = f()", "device a: S { state E }", "dot a: x h = f()", "enzyme a: x"),
        lambda s: "ARROW" in s.expected,
        place="behind",
    ),
    Complaint(
        "step-without-arrow",
        "the step has neither <-> nor =>",
        "{s.form}",
        ("reaction a: X = f()", "reaction a: X Y = f()"),
        lambda s: "REVERSIBLE" in s.expected,
        place="behind",
    ),
    Complaint(
        "coefficient-times",
        "a coefficient stands before its name without *",
        "2 X",
        ("reaction a: 2*X <-> Y = f()",),
        lambda s: s.found.text == "*" and s.previous.kind == "number" and s.expected == {"NAME"},
    ),
    Complaint(
        "coefficient-alone",
        "behind the coefficient {s.previous.text} the name of a reservoir or state is missing",
        "2 X; what leaves the network goes into a fixed reservoir; write 2 E1, since 2E1 is the number 20",
        ("reaction a: X => 0 = f()", "reaction a: 2E1 <-> Y = f()"),
        lambda s: s.previous.kind == "number" and s.expected == {"NAME"},
        place="behind",
    ),
    Complaint(
        "empty-side",
        "one side of the arrow is empty",
        "name what stands there: a fixed reservoir takes and gives without end",
        ("reaction a: X => = f()", "reaction a: <-> X = f()", "dot a: x -> = f()", "dot a: -> h = f()"),
        lambda s: (
            s.expected <= {"NAME", "NUMBER"}
            and (s.previous.text in ARROWS or (s.previous.text == ":" and s.found.text in ARROWS))
        ),
        place="behind",
    ),
)
