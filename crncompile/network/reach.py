"""Which reservoirs anything reaches.

A graph whose nodes are the reservoirs and hubs: one hub for all devices of a family that agree in the indices that all
their terminals share, since these are connected among themselves; one for each device of a list. So the graph is as
large as the reservoirs, not as the devices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crncompile.network.array_graphs import breadth_first
from crncompile.network.types import Family, Network, Port, Reservoir

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Reach:
    """By group: whether an input or fixed reservoir reaches each element, and whether any device exchanges with it."""

    reached: dict[str, NDArray[np.bool_]]
    joined: dict[str, NDArray[np.bool_]]


def reach(network: Network) -> Reach:
    """Return what is reached along devices; a gate acts on what its device exchanges, not the other way round."""
    offsets, total = _offsets(network.reservoirs)
    starts: list[Ids] = []
    ends: list[Ids] = []
    joined = np.zeros(total, dtype=bool)
    nodes = total
    for family in network.families:
        for port, gate in _roles(family):
            elements, hubs = _edges(family, port, network.reservoir(port.reservoir))
            elements, hubs = elements + offsets[port.reservoir], hubs + nodes
            starts.append(elements)
            ends.append(hubs)
            if not gate:
                starts.append(hubs)
                ends.append(elements)
                joined[elements] = True
        nodes += _hub_count(family)
    held = [np.arange(math.prod(group.shape)) + offsets[group.name] for group in network.held]
    reached = _search(starts, ends, held, nodes)
    slices = {
        group.name: slice(offsets[group.name], offsets[group.name] + math.prod(group.shape))
        for group in network.reservoirs
    }
    return Reach(
        {name: reached[part] for name, part in slices.items()}, {name: joined[part] for name, part in slices.items()}
    )


def _offsets(groups: Sequence[Reservoir]) -> tuple[dict[str, int], int]:
    offsets, total = {}, 0
    for group in groups:
        offsets[group.name] = total
        total += math.prod(group.shape)
    return offsets, total


def _roles(family: Family) -> list[tuple[Port, bool]]:
    gates = {terminal.name for terminal in family.kind.terminals if terminal.role == "gate"}
    return [(port, port.terminal in gates) for port in family.ports]


def _shared_axes(family: Family) -> tuple[int, ...] | None:
    """Return the family's axes that all exchanging ports have; ``None`` for a list: each device is a hub."""
    if family.labels_at is not None:
        return None
    sets = [set(port.place.axes or ()) for port, gate in _roles(family) if not gate]
    return tuple(sorted(set.intersection(*sets))) if sets else ()


def _hub_count(family: Family) -> int:
    shared = _shared_axes(family)
    return family.shape[0] if shared is None else math.prod(family.shape[axis] for axis in shared)


def _edges(family: Family, port: Port, group: Reservoir) -> tuple[Ids, Ids]:
    """Return the flat elements of a port's reservoir and the hubs that they are connected to."""
    shared = _shared_axes(family)
    if shared is None:
        hubs = np.arange(family.shape[0], dtype=np.int64)
        elements = port.place.index if port.place.index is not None else np.zeros_like(hubs)
        return elements, hubs
    axes = port.place.axes or ()
    own = list(axes) + [axis for axis in shared if axis not in axes]
    count = math.prod(family.shape[axis] for axis in own)
    positions = np.indices([family.shape[axis] for axis in own], dtype=np.int64).reshape(len(own), count)
    at = dict(zip(own, positions, strict=True))
    elements = _flat([at[axis] for axis in axes], group.shape, count)
    return elements, _flat([at[axis] for axis in shared], [family.shape[axis] for axis in shared], count)


def _flat(positions: Sequence[Ids], shape: Sequence[int], count: int) -> Ids:
    flat = np.zeros(count, dtype=np.int64)
    for position, size in zip(positions, shape, strict=True):
        flat = flat * size + position
    return flat


def _search(starts: Sequence[Ids], ends: Sequence[Ids], held: Sequence[Ids], nodes: int) -> NDArray[np.bool_]:
    """Return which nodes a breadth-first search reaches from the held ones, by way of one node before them all."""
    sources = np.concatenate([*held, np.zeros(0, dtype=np.int64)])
    rows = np.concatenate([*starts, np.full(len(sources), nodes)])
    columns = np.concatenate([*ends, sources])
    order, _ = breadth_first(nodes + 1, rows, columns, nodes)
    reached = np.zeros(nodes + 1, dtype=bool)
    reached[order] = True
    return reached
