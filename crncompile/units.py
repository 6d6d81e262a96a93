"""Dimensions, units and constants.

All numbers behind the language stage are in one *coherent* system per temperature, in which laws need no factors:

======================  ==========================================================
energy                  kT
charge                  e, hence capacitance in e²/kT, which is dn/du (electrons per kT)
length, volume          dm, litre
amount, concentration   mol, M (c0 = 1 M)
time, rate              s, 1/s (1 GHz as a tunnel rate is 1e9 per second, no factor 2 pi)
======================  ==========================================================

Prefixes and unit names are pint's, except ``kT``. Its registry takes half a second to build, which units that are not
common (`unit_names`) wait for.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from crncompile import constants as codata
from crncompile.unit_names import common

_BASES = ("[length]", "[mass]", "[time]", "[current]", "[substance]", "[temperature]")
#: Letters of the longest unit with its prefix.
_LONGEST_NAME = 40
#: A unit is made of so many others at most, and none of them to a higher power.
_MOST_FACTORS, _HIGHEST_POWER = 12, 99
_FACTOR = re.compile(r"([^\W\d_]+|%)(?:\^(-?\d{1,40}))?")


@dataclass(frozen=True)
class Dimension:
    """Exponents of length, mass, time, current, substance and temperature."""

    exponents: tuple[Fraction, ...] = (Fraction(0),) * 6

    def __mul__(self, other: Dimension) -> Dimension:
        return Dimension(tuple(a + b for a, b in zip(self.exponents, other.exponents, strict=True)))

    def __truediv__(self, other: Dimension) -> Dimension:
        return self * other ** Fraction(-1)

    def __pow__(self, power: Fraction | int) -> Dimension:
        return Dimension(tuple(a * power for a in self.exponents))

    def __str__(self) -> str:
        for name, (dimension, _) in DIMENSIONS.items():
            if dimension == self:
                return name
        names = ("length", "mass", "time", "current", "amount", "temperature")
        return " ".join(
            name if power == 1 else f"{name}^{power}"
            for name, power in zip(names, self.exponents, strict=True)
            if power != 0
        )


def _dimension(**powers: int) -> Dimension:
    order = ("length", "mass", "time", "current", "substance", "temperature")
    return Dimension(tuple(Fraction(powers.get(name, 0)) for name in order))


NUMBER = _dimension()
TIME = _dimension(time=1)
RATE = _dimension(time=-1)
ENERGY = _dimension(mass=1, length=2, time=-2)
CONCENTRATION = _dimension(substance=1, length=-3)
VOLUME = _dimension(length=3)
CAPACITANCE = _dimension(current=2, time=4, mass=-1, length=-2)
VOLTAGE = _dimension(mass=1, length=2, time=-3, current=-1)
TEMPERATURE = _dimension(temperature=1)
CONDUCTANCE = VOLTAGE**-1 * _dimension(current=1)

# name in a device's declaration -> (dimension, a unit to show in messages)
DIMENSIONS: Mapping[str, tuple[Dimension, str]] = {
    "number": (NUMBER, ""),
    "rate": (RATE, "s^-1"),
    "second_order_rate": (RATE / CONCENTRATION, "mM^-1/s"),
    "third_order_rate": (RATE / CONCENTRATION**2, "mM^-2/s"),
    "concentration": (CONCENTRATION, "mM"),
    "concentration_rate": (CONCENTRATION * RATE, "mM/s"),
    "energy": (ENERGY, "kT"),
    "inverse_energy": (ENERGY**-1, "kT^-1"),
    "action": (ENERGY * TIME, "kT/GHz"),
    "time": (TIME, "s"),
    "capacitance": (CAPACITANCE, "pF"),
    "conductance": (CONDUCTANCE, "uS"),
    "voltage": (VOLTAGE, "mV"),
    "current": (_dimension(current=1), "pA"),
    "charge": (_dimension(current=1, time=1), "e"),
    "volume": (VOLUME, "nL"),
    "length": (_dimension(length=1), "nm"),
    "temperature": (TEMPERATURE, "K"),
}


def example_unit(dimension: Dimension) -> str:
    """Return a unit of this dimension to show in a message (empty for a number or an unnamed dimension)."""
    return next((unit for known, unit in DIMENSIONS.values() if known == dimension), "")


class UnitError(ValueError):
    """A unit token that is not a unit; ``name`` is the part that is not known."""

    def __init__(self, name: str, reason: str):
        self.name = name
        super().__init__(reason)


@functools.cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(non_int_type=Decimal)


@functools.cache
def _named(name: str) -> tuple[Decimal, Decimal, Dimension]:
    """Return factor and offset to SI, and the dimension, of a unit's name alone (with its prefix)."""
    known = common(name)
    if known is not None:
        return known[0], Decimal(0), Dimension(tuple(map(Fraction, known[1])))
    if len(name) > _LONGEST_NAME:
        raise UnitError(name, f"{name[:_LONGEST_NAME]}… is not a unit")
    return _rare(name)


def _rare(name: str) -> tuple[Decimal, Decimal, Dimension]:
    """Look a unit's name up in the registry of all units."""
    import pint

    registry = _registry()
    try:
        unit = registry.Unit(name)
    except (pint.errors.PintError, AttributeError, ValueError, TypeError) as error:
        raise UnitError(name, f"{name} is not a unit") from error
    powers = dict(unit.dimensionality)
    if any(base not in _BASES for base in powers):
        raise UnitError(name, f"{name} is a unit of {', '.join(powers)}, which has no place in a network")
    try:
        one, zero = (registry.Quantity(Decimal(n), unit).to_base_units().magnitude for n in (1, 0))
    except (pint.errors.PintError, ArithmeticError, TypeError) as error:
        raise UnitError(name, f"{name} is a logarithmic unit, which has no place in a network") from error
    dimension = Dimension(tuple(Fraction(str(powers.get(base, 0))) for base in _BASES))
    return one - zero, zero, dimension


def split_unit(token: str) -> list[tuple[str, int]]:
    """Split a unit token into names and powers: ``uM^-1/s`` is ``[("uM", -1), ("s", -1)]``.

    Raises UnitError where the token has not that form.
    """
    factors = []
    if token.count("/") >= _MOST_FACTORS:
        raise UnitError(token, f"a unit is made of {_MOST_FACTORS} others at most")
    for position, part in enumerate(token.split("/")):
        match = _FACTOR.fullmatch(part)
        if match is None:
            raise UnitError(part, f"{token} is not a unit")
        power = int(match[2] or 1)
        if abs(power) > _HIGHEST_POWER:
            raise UnitError(part, f"the exponent of {match[1]} is beyond {_HIGHEST_POWER}")
        factors.append((match[1], power if position == 0 else -power))
    return factors


@dataclass(frozen=True)
class Units:
    """The coherent system at a temperature in kelvin."""

    temperature: float

    def scale(self, dimension: Dimension) -> float:
        """Return the coherent unit of a dimension in SI units."""
        length, mass, _, current, _, _ = dimension.exponents
        metres = 10.0 ** float(2 * mass - length)
        energy, charge = codata.k * self.temperature, codata.e
        return float(metres * energy ** float(mass) * charge ** float(current))

    @functools.lru_cache(maxsize=1000)  # noqa: B019 - a value, and bounded: a listed network states few units often
    def unit(self, token: str | None) -> tuple[float, float, Dimension]:
        """Return factor and offset to the coherent system, and the dimension, of a unit token.

        Raises UnitError for an unknown name.
        """
        factor, offset, dimension, energies = Decimal(1), Decimal(0), NUMBER, 0
        factors = split_unit(token) if token else []
        for name, power in factors:
            if name == "kT":
                energies += power
                continue
            one, zero, single = _named(name)
            if zero and (len(factors) > 1 or power != 1):
                raise UnitError(name, f"{name} has a zero of its own and can not be combined")
            factor, offset, dimension = factor * one**power, zero, dimension * single**power
        try:
            scale = Decimal(repr(self.scale(dimension)))
            found = float(factor / scale)
        except ArithmeticError:
            found = 0.0
        if token and not 0.0 < abs(found) < math.inf:
            raise UnitError(token, f"{token} is too large or too small a unit")
        return found, float(offset / scale), dimension * ENERGY**energies

    def quantity(self, number: str, token: str | None) -> tuple[float, Dimension]:
        """Return a number with a unit token as (value in the coherent system, dimension).

        Raises UnitError for an unknown unit.
        """
        factor, offset, dimension = self.unit(token)
        exact = float(Decimal(number) * Decimal(repr(factor))) if abs(Decimal(number).adjusted()) < 400 else 0.0
        return exact + offset, dimension

    def express(self, value: float, token: str | None) -> float:
        """Return a coherent value in the unit of a token, the inverse of `quantity`."""
        factor, offset, _ = self.unit(token)
        return (value - offset) / factor

    def constants(self) -> dict[str, tuple[float, Dimension]]:
        """Return the constants that every expression knows: name -> (coherent value, dimension)."""
        action = ENERGY * TIME
        boltzmann, charge = ENERGY / TEMPERATURE, DIMENSIONS["charge"][0]
        return {
            "kT": (1.0, ENERGY),
            "hbar": (codata.hbar / self.scale(action), action),
            "k_B": (codata.k / self.scale(boltzmann), boltzmann),
            "N_A": (codata.N_A, _dimension(substance=-1)),
            "q_e": (codata.e / self.scale(charge), charge),
            "pi": (codata.pi, NUMBER),
        }
