"""Where reservoirs stand in a picture of a network that has no layers: rings, chains, lattices, cycles of reactions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from crncompile.network.types import Family, Network
from crncompile.symbolic.conservation import flat_index

Node = tuple[str, int]
Points = NDArray[np.float64]
_SPACING = 1.7
"""Least distance of two reservoirs."""


def is_layered(network: Network) -> bool:
    """Whether no family joins elements of one group, and free groups do not stand in a ring."""
    groups: nx.Graph[str] = nx.Graph()
    free = {group.name for group in network.floating}
    for family in network.families:
        names = [port.reservoir for port in family.ports if port.reservoir in free]
        if len(names) != len(set(names)) and _joins_elements(network, family):
            return False
        if len(names) == 2 and len(family.ports) == 2:
            groups.add_edge(*names)
    return all(len(ring) < 3 for ring in nx.cycle_basis(groups))


def _joins_elements(network: Network, family: Family) -> bool:
    return any(a[0] == b[0] and a != b for device in _devices(network, family) for a, b in combinations(device, 2))


def _devices(network: Network, family: Family, most: int = 2000) -> Iterator[list[Node]]:
    """Yield the reservoirs (group and flat index) at the terminals of each device."""
    columns = []
    for port in family.ports:
        shape = network.reservoir(port.reservoir).shape
        columns.append(flat_index(shape, family.shape, port.place.axes, port.place.index).ravel()[:most])
    for places in zip(*columns, strict=True):
        yield [(port.reservoir, int(place)) for port, place in zip(family.ports, places, strict=True)]


def spread_out(network: Network, shown: dict[str, tuple[int, ...]]) -> dict[str, Points]:
    """Return where the shown elements of each group stand, (shown, 2): joined ones near each other, inputs left."""
    graph: nx.Graph[Node] = nx.Graph()
    graph.add_nodes_from((name, element) for name, elements in shown.items() for element in elements)
    for family in network.families:
        for device in _devices(network, family):
            ends = [node for node in device if node in graph]
            graph.add_edges_from((a, b) for a, b in combinations(ends, 2) if a != b)
    pieces = [min(piece) for piece in nx.connected_components(graph)]
    graph.add_edges_from(pairwise(sorted(pieces)))
    nodes = list(graph)
    found = nx.kamada_kawai_layout(graph) if len(nodes) > 2 else {n: (float(i), 0.0) for i, n in enumerate(nodes)}
    xy = _turned(network, nodes, np.array([found[node] for node in nodes]))
    apart = [float(np.hypot(*(xy[a] - xy[b]))) for a, b in combinations(range(len(nodes)), 2)]
    xy = xy * (_SPACING / max(min(apart, default=1.0), 1e-3))
    where = dict(zip(nodes, xy, strict=True))
    return {name: np.array([where[name, element] for element in elements]) for name, elements in shown.items()}


def _turned(network: Network, nodes: list[Node], xy: Points) -> Points:
    """Turn the picture so that outputs stand right of the inputs, and the fixed reservoirs rather below."""
    kinds = np.array([network.reservoir(name).kind for name, _ in nodes])
    if not ((kinds == "input").any() and (kinds == "output").any()):
        return xy
    x, y = xy[kinds == "output"].mean(axis=0) - xy[kinds == "input"].mean(axis=0)
    length = np.hypot(x, y)
    if length > 1e-6:
        xy = xy @ (np.array([[x, -y], [y, x]]) / length)
    fixed = kinds == "fixed"
    upside_down = fixed.any() and xy[fixed, 1].mean() > xy[~fixed, 1].mean()
    return np.asarray(xy * np.array([1.0, -1.0 if upside_down else 1.0]))
