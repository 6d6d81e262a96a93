"""Cycles of a network that something drives: their equilibrium constants do not multiply to one (Wegscheider 1901)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components

from crncompile.analyze.slots import slot_values
from crncompile.network.types import Family, Network, Port
from crncompile.symbolic.conservation import flat_index
from crncompile.symbolic.sampling import evaluate
from crncompile.symbolic.signs import exchange
from crncompile.symbolic.system import System

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
NOTHING = 1e-9
"""Affinity of a cycle in kT that counts as none."""


@dataclass(frozen=True)
class Drive:
    """A driven cycle: its reservoirs in order (the first device of it belongs to ``family``) and its affinity in kT.

    ``others`` is the number of further devices of the family that close driven cycles.
    """

    family: Family
    cycle: tuple[str, ...]
    affinity: float
    others: int


def drives(system: System, values: Mapping[str, Array]) -> tuple[Drive, ...]:
    """Return for each family the most strongly driven cycle that its devices close.

    Only devices that exchange one unit between two reservoirs are looked at; ``values`` are all parameters. Along a
    spanning tree of the reservoirs standard potentials are chosen so that every device of the tree is balanced; what
    is missing at another device is the affinity of the cycle that it closes.
    """
    network = system.network
    edges = [_edges(system, family, values) for family in network.families if _is_exchange(system, family)]
    if not edges:
        return ()
    labels = [label for group in network.reservoirs for label in group.labels()]
    source, target, log_K = (np.concatenate(parts) for parts in zip(*(e[1:] for e in edges), strict=True))
    before, standard = _tree(len(labels), source, target, log_K)
    missing = log_K - (standard[target] - standard[source])
    found, first = [], 0
    for family, ends, *_ in edges:
        here = slice(first, first + len(ends))
        first += len(ends)
        driven = np.flatnonzero(np.abs(missing[here]) > NOTHING * (1 + np.abs(log_K[here])))
        if len(driven):
            worst = here.start + driven[np.argmax(np.abs(missing[here][driven]))]
            cycle = _cycle(before, int(source[worst]), int(target[worst]))
            names = tuple(labels[node] for node in cycle)
            found.append(Drive(family, names, float(missing[worst]), len(driven) - 1))
    return tuple(found)


def _is_exchange(system: System, family: Family) -> bool:
    law = system.laws[family.kind.name]
    return exchange(law) is not None and law.log_K[0] is not None


def _edges(system: System, family: Family, values: Mapping[str, Array]) -> tuple[Family, Indices, Indices, Array]:
    """Return source, target (devices,) and ln K of every device of a family."""
    law = system.laws[family.kind.name]
    ends = exchange(law)
    assert ends is not None
    log_K = law.log_K[0]
    assert log_K is not None
    slots = {
        p.symbol: slot_values(system.network, family.slots[p.name], family.shape, values).ravel()
        for p in family.kind.parameters
    }
    count = int(np.prod(family.shape, dtype=int))
    whole = evaluate([law.expand(log_K)], slots)[0] if slots and log_K.free_symbols else np.zeros(count)
    source, target = (_nodes(system.network, family, family.ports[e]) for e in ends)
    return family, source, target, np.broadcast_to(whole, (count,))


def _nodes(network: Network, family: Family, port: Port) -> Indices:
    """Return the number, among all reservoirs of the network, of the one at a port of each device."""
    group = network.reservoir(port.reservoir)
    before = network.reservoirs[: network.reservoirs.index(group)]
    offset = sum(int(np.prod(g.shape, dtype=np.int64)) for g in before)
    return offset + flat_index(group.shape, family.shape, port.place.axes, port.place.index).ravel()


def _tree(size: int, source: Indices, target: Indices, log_K: Array) -> tuple[Indices, Array]:
    """Return each reservoir's predecessor in a spanning forest, -1 at roots, and standard potentials in kT."""
    low, high = np.minimum(source, target), np.maximum(source, target)
    first = np.unique(low * size + high, return_index=True)[1]
    graph = coo_matrix((np.ones(len(first)), (low[first], high[first])), shape=(size, size)).tocsr()
    step = {(int(source[e]), int(target[e])): float(log_K[e]) for e in first}
    before, standard = np.full(size, -1), np.zeros(size)
    for root in np.unique(connected_components(graph, directed=False)[1], return_index=True)[1]:
        order, predecessors = breadth_first_order(graph, root, directed=False)
        for node in order[1:].tolist():
            parent = int(predecessors[node])
            rise = step[parent, node] if (parent, node) in step else -step[node, parent]
            before[node], standard[node] = parent, standard[parent] + rise
    return before, standard


def _cycle(before: Indices, source: int, target: int) -> list[int]:
    """Return the reservoirs of the cycle that a device closes: from its source over it to its target, and back."""
    up, down = _ancestors(before, source), _ancestors(before, target)
    shared = next(node for node in down if node in set(up))
    back = down[: down.index(shared) + 1]
    return [source, *back, *reversed(up[1 : up.index(shared)])] if shared != source else [source, *back[:-1]]


def _ancestors(before: Indices, node: int) -> list[int]:
    line = [node]
    while before[line[-1]] >= 0:
        line.append(int(before[line[-1]]))
    return line
