"""Names that look like others: letters of another script that nobody can tell from a Latin one."""

from __future__ import annotations

import unicodedata

# Letters of the same shape only: Greek nu, eta or omega have shapes of their own, and every physicist reads them so.
_SHAPES = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХаеѕіјорсухԁԛԝһ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο" + "ՕՏօոս",
        "ABESIJKMHOPCTYXaesijopcyxdqwh" + "ABEZHIKMNOPTYXo" + "OSonu",
        strict=True,
    )
)


def skeleton(name: str) -> str:
    """Return what a name looks like.

    >>> skeleton("рН"), skeleton("γ_L")
    ('pH', 'γ_L')
    """
    return name if name.isascii() else "".join(_SHAPES.get(c, c) for c in name)


def mixed(name: str) -> str:
    """Return the first letter of another script that is hidden among Latin ones, or an empty string.

    A name in which letters of that script stand that can be told from Latin ones is no disguise.

    >>> mixed("gаmma") == "а", mixed("ток_x"), mixed("Δx")
    (True, '', '')
    """
    letters = [c for c in name if c.isalpha() and not c.isascii()]
    latin = any(c.isascii() and c.isalpha() for c in name)
    disguised = latin and bool(letters) and all(c in _SHAPES for c in letters)
    return letters[0] if disguised else ""


def spelt(character: str) -> str:
    """Return a letter with its name: ``а (U+0430, cyrillic small letter a)``."""
    return f"{character} (U+{ord(character):04X}, {unicodedata.name(character, 'unnamed').lower()})"


def difference(name: str, other: str) -> str:
    """Return the first letter of ``name`` that is not that of ``other``, with its name."""
    return next((spelt(a) for a, b in zip(name, other, strict=False) if a != b), name)
