"""Settings, intervals and expressions."""

from __future__ import annotations

from crncompile.language.complaints.complaint import Complaint
from crncompile.language.words import RESERVED

VALUES = (
    Complaint(
        "setting-without-value",
        "the setting {s.second.text} has no value",
        "write a value behind =",
        (
            "reservoir x = fixed(at = )",
            "reservoir x = floating(start = , capacitance = 1 pF)",
            "reservoir x = fixed(at =",
        ),
        lambda s: (
            s.opened == "(" and s.previous.text == "=" and s.operand_due and (s.ends or s.found.text in (",", ")"))
        ),
        place="behind",
    ),
    Complaint(
        "setting-without-equals",
        "the setting {s.previous.text} has no value",
        "it is written: {s.previous.text} = value",
        ("reservoir x = fixed(at)", "reservoir x = floating(start, capacitance = 1 pF)"),
        lambda s: s.expected == {"EQUAL"} and s.opened == "(" and s.found.text in (",", ")"),
        place="behind",
    ),
    Complaint(
        "unary-plus",
        "a value does not begin with +",
        "leave it out",
        ("reservoir x = fixed(at = +3 kT)", "readout y = +x"),
        lambda s: s.found.text == "+" and s.operand_due,
    ),
    Complaint(
        "missing-operand",
        "something is missing behind {s.previous.text}",
        "write a name, a number or ( there",
        (
            "readout y = a +",
            "readout y = a * / b",
            "readout y = (a - )",
            "dot a: x + -> h = f()",
            "reaction a: X + <-> Y = f()",
        ),
        lambda s: (
            s.previous.text in ("+", "-", "*", "/", "^")
            and "NAME" in s.expected
            and (s.ends or s.found.text not in RESERVED)
        ),
        place="behind",
    ),
    Complaint(
        "missing-between-commas",
        "something is missing beside this comma",
        "leave it out, or fill the gap",
        (
            "reservoir x = fixed(, at = 1 kT)",
            "reservoir x = floating(start = 1 kT,, capacitance = 1 pF)",
            "readout y = h[, 1]",
        ),
        lambda s: s.found.text == "," and s.previous.text in (",", "(", "["),
    ),
    Complaint(
        "comma-before-bracket",
        "something is missing between , and {s.found.text}",
        "leave the comma out, or fill the gap",
        ("readout y = h[1, ]", "dot a[i, ]: x -> h = f()"),
        lambda s: s.found.text in (")", "]") and s.previous.text == ",",
    ),
    Complaint(
        "empty-brackets",
        "nothing stands between {s.previous.text} and {s.found.text}",
        "fill them, or leave them out",
        ("readout y = exp()", "readout y = h[]", "reservoir h[] = floating()", "reservoir x = input(range = [])"),
        lambda s: s.previous.text + s.found.text in ("()", "[]"),
    ),
    Complaint(
        "round-interval",
        "an interval stands in square brackets",
        "it is written: [lower, upper]",
        ("reservoir x = input(range = (-1 kT, 1 kT))",),
        lambda s: s.found.text == "," and s.in_round_interval,
    ),
    Complaint(
        "unit-behind-interval",
        "a unit stands behind each end of an interval",
        "it is written: [lower {s.found.text}, upper {s.found.text}]",
        ("reservoir x = input(range = [-30, 30] uV)", "parameter p = train 1 kT in [0, 2] kT"),
        lambda s: s.found.kind in ("name", "unit") and s.behind_interval,
    ),
    Complaint(
        "half-interval",
        "an interval has two ends",
        "it is written: [lower, upper]",
        (
            "reservoir x = input(range = [1 kT])",
            "reservoir x = input(range = [1 kT .. 2 kT])",
            "reservoir x = input(range = [1 kT 2 kT])",
            "parameter p = train 1 in [0,5, 1]",
        ),
        lambda s: s.in_interval and not s.ends and not s.operand_due,
    ),
    Complaint(
        "setting-without-name",
        "here the name of a setting is due, not {s.shown}",
        "settings look like name = value",
        (
            "reservoir x = fixed(2 kT)",
            "reservoir x = input([1 kT, 2 kT])",
            "dot a: x -> h = f(train 3)",
            "dot a: x -> h = f(-1 kT)",
        ),
        lambda s: (
            s.setting_due
            and not s.ends
            and (s.found.kind in ("number", "text") or s.found.text in ("train", "-", "[", "(", "{", "=", ":"))
        ),
    ),
)
