"""Which values the parameters of a network may have, whoever gives them: what devices and reservoirs allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import Span
from crncompile.network.dues import POSITIVE, Limits, described, unit_of
from crncompile.network.families import limits_of
from crncompile.network.series import evaluated, read_at
from crncompile.network.types import Network, Parameter, Slot

Array = NDArray[np.float64]


class Wrong(NamedTuple):
    """What is wrong with a value, and where the model states it."""

    message: str
    span: Span


@dataclass(frozen=True)
class Given:
    """What an owner of some ``shape`` is given under a name, ``first.total``, and within which limits it has to be."""

    name: str
    shape: tuple[int, ...]
    slot: Slot
    limits: Limits
    span: Span

    @property
    def follows(self) -> bool:
        """Whether it follows from parameters, and is not one of them as it is."""
        return len(self.slot.accesses) != 1 or self.slot.expression != self.slot.accesses[0].symbol


def allowed(network: Network) -> dict[str, Limits]:
    """Return the limits of every parameter, in the coherent system.

    They are those of all devices and reservoirs to which it is given as it is; one that the model states as never
    negative is not, whatever else follows from it. Bounds of training are no such limits.
    """
    found = {p.name: Limits(0.0) if p.lower >= 0 else Limits() for p in network.parameters}
    for given in _given(network):
        if not given.follows:
            name = given.slot.accesses[0].name
            found[name] = found[name].within(given.limits)
    return found


def following(network: Network) -> tuple[Given, ...]:
    """Return what devices and reservoirs are given that follows from parameters."""
    return tuple(given for given in _given(network) if given.follows)


def _given(network: Network) -> Iterator[Given]:
    for family in network.families:
        for due in family.kind.parameters:
            if due.name in family.slots:
                own, limits = family.slots[due.name], limits_of(due)
                yield Given(f"{family.name}.{due.name}", family.shape, own, limits, family.span)
    for group in network.reservoirs:
        settings = {"capacitance" if group.content == "charge" else "volume": group.capacity}
        if group.content == "molecules":
            settings |= {"start": group.start, "at": group.at}
        for name, slot in settings.items():
            if slot is not None:
                yield Given(f"{group.name}.{name}", group.shape, slot, POSITIVE, group.span)


@dataclass(frozen=True)
class Examiner:
    """What is asked of the parameters of a network: limits of each, and of what follows from them.

    ``drawn`` are those of which not all that their distribution may give is allowed.
    """

    network: Network
    limits: Mapping[str, tuple[Parameter, Limits]]
    drawn: tuple[str, ...]
    follows: tuple[Given, ...]

    @classmethod
    def of(cls, network: Network) -> Examiner:
        """Return that of a network."""
        limits = allowed(network)
        free = [p.name for p in network.parameters if p.distribution.name in ("normal", "uniform")]
        known = {parameter.name: (parameter, limits[parameter.name]) for parameter in network.parameters}
        drawn = tuple(name for name in free if limits[name] != Limits())
        return cls(network, known, drawn, following(network))

    def of_value(self, name: str, values: Array) -> Wrong | None:
        """Say what is wrong with the values of a parameter, if anything is."""
        return wrong(self.network, *self.limits[name], values)

    def of_drawn(self, parameters: Mapping[str, Array], seed: int) -> Wrong | None:
        """Say what is wrong with parameters that were drawn with a seed, if anything is."""
        told = (self.of_value(name, np.real(parameters[name])) for name in self.drawn)
        found = next((wrong for wrong in told if wrong is not None), None)
        if found is None:
            return self.of_following(parameters)
        return Wrong(f"{found.message}, as it is drawn with seed {seed}", found.span)

    def of_following(self, parameters: Mapping[str, Array]) -> Wrong | None:
        """Say what is wrong with what follows from parameters, if anything is."""
        told = (wrong_at(self.network, given, parameters) for given in self.follows)
        return next((wrong for wrong in told if wrong is not None), None)


def wrong(network: Network, parameter: Parameter, limits: Limits, values: Array) -> Wrong | None:
    """Say what is wrong with the values of a parameter, if anything is: ``must be > 0 pF, not -10 pF``."""
    found = _outside(network, limits, values, parameter.unit)
    if found is None:
        return None
    return Wrong(f"parameter {parameter.name} must be {found[0]}, not {found[1]}", parameter.span)


def wrong_at(network: Network, given: Given, parameters: Mapping[str, Array]) -> Wrong | None:
    """Say what is wrong with what follows from some parameters, if anything is."""
    read = {a.symbol: read_at(np.real(parameters[a.name]), a.place, given.shape) for a in given.slot.accesses}
    values = evaluated(given.slot.expression, read)
    found = _outside(network, given.limits, values, unit_of(given.slot.dimension))
    if found is None:
        return None
    names = " and ".join(dict.fromkeys(access.name for access in given.slot.accesses))
    return Wrong(f"{given.name} must be {found[0]}, but is {found[1]} as it follows from {names}", given.span)


def _outside(network: Network, limits: Limits, values: Array, unit: str) -> tuple[str, str] | None:
    """Return what values must be, and the first of them that is not: ``> 0 pF``, ``-10 pF``."""
    bad = values[~(limits.inside(values) & np.isfinite(values))]
    if not bad.size:
        return None
    bounds = "a finite number" if limits == Limits() else described(limits, unit, network.units)
    return bounds, f"{network.units.express(float(bad.flat[0]), unit):.6g}{f' {unit}' if unit else ''}"
