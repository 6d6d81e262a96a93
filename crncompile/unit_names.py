"""The units of this field by name: what most models need, found without building the registry of all units.

A name is that of a unit, with a prefix or without. What each means is what pint says (a test compares them all).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from crncompile import constants

#: Exponents of length, mass, time, current, substance and temperature.
Exponents = tuple[int, int, int, int, int, int]

PREFIXES = {
    "a": -18,
    "f": -15,
    "p": -12,
    "n": -9,
    "u": -6,
    "µ": -6,  # the micro sign
    "μ": -6,  # the Greek letter
    "m": -3,
    "c": -2,
    "d": -1,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
}
_ONE, _MILLI, _E = Decimal(1), Decimal("0.001"), Decimal(repr(constants.e))
# unit -> (factor to SI, dimension)
UNITS: dict[str, tuple[Decimal, Exponents]] = {
    "m": (_ONE, (1, 0, 0, 0, 0, 0)),
    "g": (_MILLI, (0, 1, 0, 0, 0, 0)),
    "s": (_ONE, (0, 0, 1, 0, 0, 0)),
    "A": (_ONE, (0, 0, 0, 1, 0, 0)),
    "mol": (_ONE, (0, 0, 0, 0, 1, 0)),
    "K": (_ONE, (0, 0, 0, 0, 0, 1)),
    "Hz": (_ONE, (0, 0, -1, 0, 0, 0)),
    "L": (_MILLI, (3, 0, 0, 0, 0, 0)),
    "l": (_MILLI, (3, 0, 0, 0, 0, 0)),
    "M": (Decimal(1000), (-3, 0, 0, 0, 1, 0)),
    "J": (_ONE, (2, 1, -2, 0, 0, 0)),
    "eV": (_E, (2, 1, -2, 0, 0, 0)),
    "W": (_ONE, (2, 1, -3, 0, 0, 0)),
    "C": (_ONE, (0, 0, 1, 1, 0, 0)),
    "V": (_ONE, (2, 1, -3, -1, 0, 0)),
    "F": (_ONE, (-2, -1, 4, 2, 0, 0)),
    "S": (_ONE, (-2, -1, 3, 2, 0, 0)),
    "Ω": (_ONE, (2, 1, -3, -2, 0, 0)),
    "ohm": (_ONE, (2, 1, -3, -2, 0, 0)),
}
# units that take no prefix here
PLAIN: dict[str, tuple[Decimal, Exponents]] = {
    "%": (Decimal("0.01"), (0, 0, 0, 0, 0, 0)),
    "e": (_E, (0, 0, 1, 1, 0, 0)),
    "min": (Decimal(60), (0, 0, 1, 0, 0, 0)),
    "h": (Decimal(3600), (0, 0, 1, 0, 0, 0)),
}


def common(name: str) -> tuple[Decimal, Exponents] | None:
    """Return factor to SI and dimension of a common unit, with its prefix; None for any other name."""
    for prefix, unit in _readings(name):
        if unit in UNITS:
            factor, exponents = UNITS[unit]
            return factor.scaleb(PREFIXES.get(prefix, 0)), exponents
    return PLAIN.get(name)


def _readings(name: str) -> Iterator[tuple[str, str]]:
    """Yield a name as a unit alone, and as a prefix with a unit."""
    yield "", name
    if name[:1] in PREFIXES:
        yield name[0], name[1:]
