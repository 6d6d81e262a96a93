"""Which values the parameters of a network may have, whoever gives them: what devices and reservoirs allow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from crncompile.network.dues import POSITIVE, Limits, described
from crncompile.network.families import limits_of
from crncompile.network.types import Network, Parameter, Slot


def allowed(network: Network) -> dict[str, Limits]:
    """Return the limits of every parameter, in the coherent system.

    They are those of all devices and reservoirs to which it is given as it is; one that the model states as never
    negative is not, whatever else follows from it. Bounds of training are no such limits.
    """
    found = {p.name: Limits(0.0) if p.lower >= 0 else Limits() for p in network.parameters}
    for slot, limits in _given(network):
        if len(slot.accesses) == 1 and slot.expression == slot.accesses[0].symbol:
            name = slot.accesses[0].name
            found[name] = found[name].within(limits)
    return found


def _given(network: Network) -> Iterator[tuple[Slot, Limits]]:
    """Yield what is given to devices and reservoirs, with the limits that they have of it."""
    for family in network.families:
        for due in family.kind.parameters:
            if due.name in family.slots:
                yield family.slots[due.name], limits_of(due)
    for group in network.reservoirs:
        positive = (group.capacity, *((group.start, group.at) if group.content == "molecules" else ()))
        yield from ((slot, POSITIVE) for slot in positive if slot is not None)


def wrong(network: Network, parameter: Parameter, limits: Limits, values: NDArray[np.float64]) -> str | None:
    """Say what is wrong with the values of a parameter, if anything is: ``must be > 0 pF, not -10 pF``."""
    bad = values[~(limits.inside(values) & np.isfinite(values))]
    if not bad.size:
        return None
    unit, units = parameter.unit, network.units
    value = f"{units.express(float(bad.flat[0]), unit):.6g}{f' {unit}' if unit else ''}"
    bounds = "a finite number" if limits == Limits() else described(limits, unit, units)
    return f"parameter {parameter.name} must be {bounds}, not {value}"
