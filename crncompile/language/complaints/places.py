"""Words and brackets that stand in the wrong place."""

from __future__ import annotations

from crncompile.language.complaints.complaint import Complaint
from crncompile.language.words import ITEMS

PLACES = (
    Complaint(
        "version-later",
        "tnet stands before all other statements",
        "move it to the first line",
        ("temperature 1 K\ntnet 1",),
        lambda s: s.found.text == "tnet" and s.statement_due,
    ),
    Complaint(
        "empty-circuit",
        "a circuit needs statements between its braces",
        "it is written: circuit NAME: x[i] -> h[j] {{ parameter ...  enzyme ...  reaction ... }}",
        ("circuit a: x -> y { }", 'circuit a: x -> y { "nothing" }'),
        lambda s: s.found.text == "}" and s.word == "circuit" and s.opened == "{" and s.previous.text[0] in '{"',
    ),
    Complaint(
        "item-outside",
        "{s.found.text} belongs inside the braces of a device",
        "device NAME: S -> P {{ ... }}",
        ("temperature 1 K\nstate E", "device a: S -> P { state E }\ntransition b: S <-> E = f()"),
        lambda s: s.found.text in ITEMS and s.statement_due,
    ),
    Complaint(
        "closes-nothing",
        "nothing is open that {s.found.text} could close",
        "leave it out, or open it before",
        ("temperature 1 K)", "device a: S -> P { state E }\n}", "readout y = x]", "device a: S -> P { let b = 1 ] }"),
        lambda s: s.found.text in (")", "]", "}") and s.opened in ("", "{") and s.opened + s.found.text != "{}",
    ),
    Complaint(
        "wrong-bracket",
        "{s.bracket.text} is closed by {s.closer}, not by {s.found.text}",
        "write {s.closer}",
        ("reservoir x = fixed(at = 1 kT]", "reservoir h[j) = floating()", "reservoir x = input(range = [1 kT, 2 kT))"),
        lambda s: s.opened + s.found.text in ("(]", "[)"),
    ),
    Complaint(
        "empty-device",
        "a device needs states and transitions, or a current",
        "it is written: device NAME: S -> P {{ terminal ...  state ...  transition ... }}",
        ("device a: S -> P { }", 'device a: S -> P { "nothing" }'),
        lambda s: s.found.text == "}" and s.opened == "{" and s.previous.text[0] in '{"',
    ),
)
