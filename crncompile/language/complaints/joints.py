"""What must stand behind ``train``, ``in``, ``where`` and the like."""

from __future__ import annotations

from crncompile.language.complaints.complaint import Complaint
from crncompile.language.words import RESERVED

JOINTS = (
    Complaint(
        "train-without-distribution",
        "train needs a distribution or a start",
        "train normal(0 kT, 1 kT), train loguniform(0.1 GHz, 1 GHz) or train 1, then perhaps in [a, b]",
        ("parameter p = train", "parameter p = train in [1, 2]", "dot a: x -> h = f(level = train, lever = 0.5)"),
        lambda s: s.previous.text == "train" and s.operand_due,
        place="behind",
    ),
    Complaint(
        "tolerance-without-value",
        "tolerance needs a value",
        "tolerance 1 % or tolerance 0.05 kT",
        ("parameter p = 3 tolerance", "dot a: x -> h = f(level = 1 kT tolerance, lever = 0.5)"),
        lambda s: s.previous.text == "tolerance" and s.operand_due,
        place="behind",
    ),
    Complaint(
        "where-without-condition",
        "where needs a condition",
        "h[i, j where i < j]",
        ("parameter p[i, j where] = 1", "dot a[i, j where i]: x[i] -> h[j] = f()"),
        lambda s: (
            ("COMPARISON" in s.expected and s.found.text == "]") or (s.previous.text == "where" and s.operand_due)
        ),
        place="behind",
    ),
    Complaint(
        "where-comparison",
        "a condition compares by <, <=, >, >=, == or !=, not by {s.found.text}",
        "equality is ==, as in h[i, j where i == j]",
        ("parameter p[i, j where i => j] = 1", "parameter p[i, j where i = j] = 1"),
        lambda s: "COMPARISON" in s.expected and s.found.text in ("=", "=>", ":="),
    ),
    Complaint(
        "where-joint",
        "comparisons are joined by and, by nothing else",
        "h[i, j where 1 <= i + j <= 28 and i != j]; for or, write a family for each",
        ("parameter p[i where i < 3 or i > 5] = 1", "dot a[i where 1 < i, i < 3]: x[i] -> h[i] = f()"),
        lambda s: "AND" in s.expected and (s.found.text in ("or", ",") or s.previous.text == "or"),
    ),
    Complaint(
        "gate-without-terminals",
        "gate needs at least one reservoir or terminal",
        "dot a: x -> h gate g[1], g[2] = ...",
        ("dot a: x -> h gate = f()", "device a: S -> P gate { state E }"),
        lambda s: s.previous.text == "gate" and s.found.text not in RESERVED,
        place="behind",
    ),
    Complaint(
        "in-without-set",
        "in needs a set",
        "in 1..16, in [a, b] or the name of a table",
        ("parameter p[j in] = 1", "parameter p = train 1 in 0, 2", "parameter p = train 1 in"),
        lambda s: (s.previous.text == "in" and s.found.text not in RESERVED) or (s.previous.text == "in" and s.ends),
        place="behind",
    ),
    Complaint(
        "no-equals",
        "{s.previous.text} is written without =",
        "{s.form}",
        ("temperature = 300 K", "volume = 1 nL", "device a: S -> P { population = total state E }"),
        lambda s: s.found.text == "=" and s.previous.text in ("temperature", "volume", "population", "use", "network"),
    ),
)
