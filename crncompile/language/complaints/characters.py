"""Characters, numbers and quotes that the language does not know."""

from __future__ import annotations

from crncompile.language.complaints.complaint import Complaint
from crncompile.language.situation import LOOKALIKES

CHARACTERS = (
    Complaint(
        "unclosed-text",
        "this text is not closed",
        'close it by " in the same line',
        ('network a "one', 'use "edges.tnet\nindex j = 1..2', 'reservoir x = fixed(at = "1 kT)'),
        lambda s: s.found.kind == "open_text",
    ),
    Complaint(
        "other-quotes",
        "{s.found.text} is no quotation mark here",
        'texts stand in double quotes: "..."',
        ("network a 'one'", "network a “one”"),
        lambda s: s.found.text in tuple("'`“”‘’„«»"),
    ),
    Complaint(
        "lookalike",
        "{s.character} is not part of the language",
        "write {s.replacement}",
        ("temperature −3 K", "dot a: x → h = f()", "reaction r: A ⇌ B = f()", "readout y = 2 * x × 3"),
        lambda s: s.found.text in LOOKALIKES,
    ),
    Complaint(
        "semicolon",
        "statements are not separated by ;",
        "leave it out: a statement ends where the next one begins",
        ("temperature 1 K; volume 1 nL",),
        lambda s: s.found.text == ";",
    ),
    Complaint(
        "superscript",
        "{s.character} can not be an exponent",
        "write exponents with ^: s^-1, mM^-2/s",
        ("parameter k = 3 s⁻¹",),
        lambda s: s.found.text in tuple("⁻⁺²³¹⁴⁵⁶⁷⁸⁹⁰"),
    ),
    Complaint(
        "degrees",
        "degrees are not part of the language",
        "write temperatures in kelvin: temperature 298.15 K",
        ("temperature 25 °C",),
        lambda s: s.found.text == "°",
    ),
    Complaint(
        "unknown-character",
        "unknown character {s.character}",
        "names may hold letters, digits and _; comments begin with #",
        ("parameter $k = 3", "reservoir x = fixed(at = 3 kT)\n\\", "temperature 3 K ©", "index j = 1..4 & 3"),
        lambda s: s.found.kind == "unknown",
    ),
    Complaint(
        "slashes",
        "comments do not begin with //",
        "write # in its place",
        ("temperature 3 K // cold", "// a model\ntemperature 3 K"),
        lambda s: s.found.text == "/" and ((s.previous.text == "/" and s.glued) or s.next.text == "/"),
    ),
    Complaint(
        "two-stars",
        "powers are not written with **",
        "write ^: x^2",
        ("readout y = x**2",),
        lambda s: s.found.text == "**",
    ),
    Complaint(
        "decimal-comma",
        "a number has a decimal point, not a comma",
        "write {s.second.text}.{s.found.text}",
        ("reservoir x = fixed(at = 0,5 kT)",),
        lambda s: s.glued and s.previous.text == "," and s.second.kind == s.found.kind == "number",
    ),
    Complaint(
        "glued-number",
        "{s.previous.text}{s.found.text} is no number",
        "numbers look like 1000, 0.5 or 1e-3, without separators",
        ("temperature 1_000 K", "temperature 1.2.3 K", "temperature 1. K", "temperature 0..5 K"),
        lambda s: (
            s.glued
            and s.previous.kind == "number"
            and "RANGE" not in s.expected
            and (s.found.kind in ("number", "name") or s.found.text in (".", ".."))
        ),
    ),
)
