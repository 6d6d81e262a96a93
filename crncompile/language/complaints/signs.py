"""Signs that are missing, and what is told last of all."""

from __future__ import annotations

from crncompile.language.complaints.complaint import ARROWS, Complaint
from crncompile.language.words import ITEMS, JOINTS

_KIND_FORM = "it is written: kind(setting = value, ...)"

SIGNS = (
    Complaint(
        "misspelt-item",
        "{s.misspelt.text} begins no item of a device",
        "{s.near}",
        (
            "device a: S -> P {\n  trminal S, P: molecules\n  state E\n}",
            "device a: S -> P {\n  population 3\n  stat E\n}",
        ),
        lambda s: s.item_due and s.misspelt.kind == "name" and s.misspelt.opens_line and not s.ends,
        place="misspelt",
    ),
    Complaint(
        "misspelt-statement",
        "{s.misspelt.text} begins no statement",
        "{s.near}",
        (
            "resrvoir x = floating()",
            "temperature 3\nresrvoir x = floating()",
            "Reservoir x = floating()",
            "network a\nreservoirs x = floating()",
            "temperature 3 K\nx = 3",
        ),
        lambda s: s.statement_due and s.misspelt.kind == "name" and s.misspelt.opens_line and not s.ends,
        place="misspelt",
    ),
    Complaint(
        "three-dots",
        "a range has two dots, not three",
        "it is written: 1..16",
        ("index j = 1...16",),
        lambda s: s.found.text == "." and s.previous.text == "..",
    ),
    Complaint(
        "missing-range",
        "the range has no ..",
        "it is written: 1..16",
        (
            "index j = 16",
            "index j = 1.16",
            "index j = 1-16",
            "index j = 1:16",
            "index j = 1 to 16",
            "parameter p[j in 4] = 1",
        ),
        lambda s: "RANGE" in s.expected and (s.word == "index" or s.previous.kind == "number") and s.found.text != "..",
        place="behind",
    ),
    Complaint(
        "bound",
        "a bound is written > a, >= a or in [a, b], not with {s.found.text}",
        "{s.form}",
        ("device a: S -> P { parameter k: rate < 3\n state E }",),
        lambda s: "MORE" in s.expected and s.found.text in ("<", "<="),
    ),
    Complaint(
        "other-equals",
        "here = is due, not {s.found.text}",
        "{s.form}",
        ("reservoir x: floating()", "reservoir x == floating()", "parameter a := 3"),
        lambda s: s.other_equals and s.opened != "(",
    ),
    Complaint(
        "other-equals-in-setting",
        "here = is due, not {s.found.text}",
        "settings look like name = value",
        ("reservoir x = fixed(at: 1 kT)", "reservoir x = fixed(at == 1 kT)"),
        lambda s: s.other_equals,
    ),
    Complaint(
        "missing-colon",
        "the : is missing",
        "{s.form}",
        (
            "dot a[j] x -> h[j] = f()",
            "reaction leak X <-> Y = f()",
            "device a S -> P { state E }",
            "dot a = x -> h",
            "device a: S -> P { terminal S, P molecules\n state E }",
            "device a: S -> P { parameter k > 0\n state E }",
        ),
        lambda s: "COLON" in s.expected and s.found.text not in (")", "}"),
        place="behind",
    ),
    Complaint(
        "missing-brace",
        "the {s.word} has no {{",
        "{s.form}",
        (
            "device a: S -> P",
            "device a: S -> P\n  state E\n",
            "device a: S -> P = f()",
            "circuit a: x -> y\ndot b: x -> y = f()",
        ),
        lambda s: "LBRACE" in s.expected,
        place="behind",
    ),
    Complaint(
        "missing-comma",
        "a , is missing before the setting {s.found.text}",
        "settings are separated by commas",
        (
            "reservoir x = floating(start = 1 kT capacitance = 1 pF)",
            "dot a: x -> h = f(level = train 1 kT\n  lever = 0.5)",
        ),
        lambda s: "COMMA" in s.expected and s.opened == "(" and s.found.kind == "name" and s.next.text == "=",
        place="behind",
    ),
    Complaint(
        "unclosed-bracket",
        "{s.bracket.text} is not closed",
        "opened in line {s.bracket.line}, column {s.bracket.column}; write {s.closer} here",
        (
            "reservoir x = fixed(at = 1 kT\nreservoir y = output()",
            "reservoir x = input(range = [1 kT, 2 kT\n",
            "reservoir h[j = floating()",
            "readout y = (a + b",
            "device a: S -> P {\n  state E\nreservoir x = floating()",
            "dot a[j: x -> h = f()",
            "reservoir x = floating(start = 1 kT,",
            "device a: S -> P {\n  let b = (1\n}",
        ),
        lambda s: (
            s.bracket is not None
            and s.found.text != s.closer
            and (s.closable or s.ends)
            and (s.ends or s.found.text in (":", "=", *ARROWS, "{", "}", ")", "]"))
        ),
        place="behind",
    ),
    Complaint(
        "law-parameters",
        "the parameters of a law stand in parentheses",
        "{s.form}",
        ("law f = 3", "law f k = 3"),
        lambda s: s.word == "law" and "LPAR" in s.expected and "NAME" not in s.expected,
        place="behind",
    ),
    Complaint(
        "kind-without-parentheses",
        "behind {s.previous.text} the parentheses are missing",
        "write {s.previous.text}() even where nothing is set",
        ("reservoir y = output", "dot a: x -> h = channel gamma = 3", "training = adam"),
        lambda s: s.expected == {"LPAR"},
        place="behind",
    ),
    Complaint(
        "nothing-behind-equals",
        "behind = a kind is missing",
        _KIND_FORM,
        ("reservoir x =", "dot a: x -> h =\nreservoir y = output()"),
        lambda s: s.expected == {"NAME"} and s.previous.text == "=" and s.ends,
        place="behind",
    ),
    Complaint(
        "missing-kind",
        "behind = a kind is due, not {s.shown}",
        _KIND_FORM,
        ("reservoir x = 3 kT", "reaction a: X <-> Y = [1, 2]"),
        lambda s: s.expected == {"NAME"} and s.previous.text == "=",
    ),
    Complaint(
        "missing-equals",
        "the = is missing",
        "{s.form}",
        (
            "reservoir x floating()",
            "dot a: x -> h f()",
            "parameter p 3",
            "index j 1..3",
            "training adam()",
            "readout y",
        ),
        lambda s: "EQUAL" in s.expected and s.opened in ("", "{"),
        place="behind",
    ),
    Complaint(
        "missing-equals-in-setting",
        "the = is missing behind {s.previous.text}",
        "settings look like name = value",
        ("reservoir x = fixed(at 1 kT)",),
        lambda s: s.expected == {"EQUAL"},
        place="behind",
    ),
    Complaint(
        "nothing-behind",
        "behind {s.previous.text} a value is missing",
        "{s.form}",
        (
            "parameter p =",
            "readout y =\ntemperature 1 K",
            "temperature",
            "temperature cold\nvolume",
            "device a: S -> P { state E energy\n}",
        ),
        lambda s: s.operand_due and (s.ends or s.found.text == "}"),
        place="behind",
    ),
    Complaint(
        "missing-value",
        "here a value is due, not {s.shown}",
        "{s.form}",
        ("readout y = [1, 2]", 'readout y = "x"', "index j = ..3", "parameter p = *"),
        lambda s: s.operand_due,
    ),
    Complaint(
        "unfinished-before",
        "something is missing before {s.previous.text}",
        "the line before it ends unfinished",
        ("device a: S -> P {\n  let b = 1 +\n  let c = 2\n}",),
        lambda s: s.previous.text in ITEMS and s.previous.opens_line and s.found.kind == "name",
        place="previous",
    ),
    Complaint(
        "missing-between",
        "between {s.previous.text} and {s.found.text} something is missing",
        "a comma, or an operator such as *",
        ("readout y = h[1 2]", "readout y = a b", "temperature 3 K K", "readout y = (a b)", "readout y = 2 kT x"),
        lambda s: (
            s.found.kind in ("name", "number", "text")
            and s.previous.kind in ("name", "number")
            and not s.ends
            and s.found.text not in JOINTS
        ),
    ),
    Complaint(
        "misplaced",
        "{s.shown} can not stand here",
        "{s.choices}",
        (
            "temperature 3 K = 4",
            "reservoir h[1] = floating()",
            "readout y = a tolerance 3",
            "1 + 2",
            "device a: 3 -> P { state E }",
        ),
        lambda s: True,
    ),
)
