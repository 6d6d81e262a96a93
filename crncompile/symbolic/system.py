"""The System: a network with the laws of its devices, and what can be said of it before any number is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import Mistake, ModelError
from crncompile.network.types import DeviceKind, Network
from crncompile.symbolic.conservation import conserved_totals
from crncompile.symbolic.device_law import DeviceLaw, derive
from crncompile.symbolic.graphs import parts
from crncompile.symbolic.margins import Margins, margins
from crncompile.symbolic.signs import Conductance, conductance, exchange


@dataclass(frozen=True, eq=False)
class System:
    """A network, the law and the conductance signs of each device kind (by its name), and its conservation laws.

    ``conserved`` is (laws, floating reservoirs). ``unique`` says how uniqueness of the steady state is proved, or is
    empty. ``margins`` are those of the kinds of which something is not proved, where all families of the network can be
    bounded; else it is empty.
    """

    network: Network
    laws: Mapping[str, DeviceLaw]
    conductances: Mapping[str, Conductance]
    conserved: NDArray[np.int64]
    conserved_names: tuple[str, ...]
    unique: str
    margins: Mapping[str, Margins] = field(default_factory=dict)

    @property
    def monotone(self) -> bool:
        """Whether only two-terminal devices without gates and without known NDC are in the network."""
        return all(
            self.conductances[family.kind.name].positive and len(family.kind.terminals) == 2
            for family in self.network.families
        )


def derive_system(network: Network) -> System:
    """Derive the laws of all device kinds, each once, and the structure of the network.

    Raises ModelError with the mistakes of all device kinds.
    """
    kinds = {family.kind.name: family.kind for family in network.families}
    laws = derive_all(kinds)
    conductances = {name: conductance(law) for name, law in laws.items()}
    conserved, names = conserved_totals(network, laws)
    unique = _uniqueness(network, laws, conductances)
    bounded = {} if unique or len(conserved) else _margins(network, laws, conductances)
    return System(network, laws, conductances, conserved, names, unique, bounded)


def derive_all(kinds: Mapping[str, DeviceKind]) -> dict[str, DeviceLaw]:
    """Derive the laws of device kinds; raises ModelError with the mistakes of all of them."""
    laws: dict[str, DeviceLaw] = {}
    mistakes: list[Mistake] = []
    for name, kind in kinds.items():
        try:
            laws[name] = derive(kind)
        except ModelError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ModelError(mistakes)
    return laws


def _margins(
    network: Network, laws: Mapping[str, DeviceLaw], conductances: Mapping[str, Conductance]
) -> dict[str, Margins]:
    """Return the margins of all kinds that are not proved, if they bound every family between floating reservoirs."""
    floating = {group.name for group in network.floating}
    found: dict[str, Margins] = {}
    for family in network.families:
        kind = family.kind.name
        ends = exchange(laws[kind])
        if ends is None or any(p.reservoir in floating for t, p in enumerate(family.ports) if t not in ends):
            return {}
        if conductances[kind].verdict == "proved":
            continue
        known = found.get(kind) or margins(laws[kind])
        if known is None or any(known.of.get(e, 0) is None and family.ports[e].reservoir in floating for e in ends):
            return {}
        found[kind] = known
    return found


def _uniqueness(network: Network, laws: Mapping[str, DeviceLaw], conductances: Mapping[str, Conductance]) -> str:
    """Prove uniqueness where all conductances are proved positive and gates form no loop; else return an empty string.

    Without gates the relaxation is cooperative with non-positive column sums, so the steady state is unique and
    stable. With gates that form no loop the components settle one after the other.
    """
    if any(conductances[family.kind.name].verdict != "proved" for family in network.families):
        return ""
    moved: list[list[str]] = []
    gates: list[tuple[str, str]] = []
    floating = {group.name for group in network.floating}
    for family in network.families:
        ends = exchange(laws[family.kind.name])
        assert ends is not None
        moved.append([family.ports[e].reservoir for e in ends if family.ports[e].reservoir in floating])
        gating = {port.reservoir for t, port in enumerate(family.ports) if t not in ends} & floating
        gates += [(gate, moved[-1][0]) for gate in sorted(gating) if moved[-1]]
    joined = parts(sorted(floating), (pair for names in moved for pair in pairwise(names)))
    component = {name: number for number, part in enumerate(joined) for name in part}
    control = TopologicalSorter[int]()
    for a, b in gates:
        control.add(component[a], component[b])
    try:
        control.prepare()
    except CycleError:
        return ""
    return "all differential conductances are positive" + (", gates form no loop" if gates else "")
