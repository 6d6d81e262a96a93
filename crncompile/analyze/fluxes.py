"""The fluxes of all devices of a network as arrays: what each moves between which reservoirs, and its ln K."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crncompile.analyze.slots import count, elements, settings
from crncompile.network.types import Family
from crncompile.symbolic.device_law import DeviceLaw
from crncompile.symbolic.numeric import numpy_function
from crncompile.symbolic.system import System

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fluxes:
    """One flux of every device of a family.

    A turn gives ``net[t]`` to reservoir ``where[t, device]``, counted among all reservoirs of the network; ``log_K``
    (devices,) is its standard affinity in kT.
    """

    family: Family
    net: tuple[int, ...]
    where: Indices
    log_K: Array

    @cached_property
    def exchanges(self) -> bool:
        """Whether one unit moves from one reservoir to another."""
        return sorted(self.net) == [-1, 1]

    def given(self, device: int) -> dict[int, int]:
        """Return what a turn of one device gives to reservoirs; those that get nothing in sum are left out."""
        total: dict[int, int] = {}
        for n, node in zip(self.net, self.where[:, device].tolist(), strict=True):
            total[node] = total.get(node, 0) + n
        return {node: n for node, n in total.items() if n}


def reversible_fluxes(system: System, values: Mapping[str, Array]) -> list[Fluxes]:
    """Return all fluxes that have an equilibrium constant; ``values`` are all parameters of the network."""
    before = system.network.offsets
    constants = {name: _Constants(law) for name, law in system.laws.items()}
    found = []
    for family in system.network.families:
        law = system.laws[family.kind.name]
        where = np.stack([before[p.reservoir] + elements(system.network, family, p) for p in family.ports])
        logs = constants[family.kind.name].of(system, family, values)
        for net, log_K in zip(law.stoichiometry, logs, strict=True):
            active = [t for t, n in enumerate(net) if n]
            if log_K is not None:
                found.append(Fluxes(family, tuple(net[t] for t in active), where[active], log_K))
    return found


class _Constants:
    """ln K of a device kind's fluxes as numbers; its code is made once."""

    def __init__(self, law: DeviceLaw):
        self.expressions = [None if log_K is None else law.expand(log_K) for log_K in law.log_K]
        self.symbols = [p.symbol for p in law.kind.parameters]
        known = [e for e in self.expressions if e is not None]
        self.function = numpy_function(self.symbols, known)

    def of(self, system: System, family: Family, values: Mapping[str, Array]) -> list[Array | None]:
        """Return ln K (devices,) of each flux of a family; None for an irreversible one."""
        needed = {s for e in self.expressions if e is not None for s in e.free_symbols}
        given = settings(system.network, family, values) if needed else {}
        numbers = iter(self.function(*(given.get(symbol, np.float64(np.nan)) for symbol in self.symbols)))
        shape = (count(family.shape),)
        return [
            None if e is None else np.broadcast_to(np.asarray(next(numbers), float), shape) for e in self.expressions
        ]
