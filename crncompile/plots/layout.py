"""Where reservoirs stand in a picture: in layers from the inputs to the outputs, fixed ones above and below.

A network without layers is spread out instead, see `free_layout`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from crncompile.network.types import Family, Network, Reservoir
from crncompile.plots.free_layout import is_layered, spread_out

_MOST_IN_ROW, _MOST_FREE = 6, 64
_SPACING, _SLOPE = 3.0, 0.42
"""Least distance of layers, and their distance in heights of the tallest one."""


@dataclass(frozen=True, eq=False)
class Group:
    """A group of reservoirs in the picture.

    ``shown`` are the flat indices of the elements that are drawn and ``xy`` (shown, 2) where; ``gap`` is where dots
    stand for those left out, or ``None``. ``side`` is ``above`` or ``below`` for fixed ones, else empty. ``free`` tells
    that the picture has no layers: lines are straight, and each element bears its whole name.
    """

    reservoir: Reservoir
    shown: tuple[int, ...]
    xy: NDArray[np.float64]
    gap: tuple[float, float] | None
    side: str
    free: bool = False

    def position(self, element: int) -> NDArray[np.float64]:
        """Return where one of the shown elements is drawn."""
        return np.asarray(self.xy[self.shown.index(element)])


def lay_out(network: Network, most: int = 16) -> dict[str, Group]:
    """Return the place of every group of reservoirs, by name; of more than ``most`` elements only some are drawn."""
    if not is_layered(network):
        return _spread_out(network, max(most, _MOST_FREE))
    layers = _layers(network)
    groups: dict[str, Group] = {}
    columns = [_column([network.reservoir(name) for name in names], most) for names in layers]
    tallest = max((np.ptp([y for g in column.values() for y in g.xy[:, 1]]) for column in columns), default=0.0)
    for number, column in enumerate(columns):
        x = number * max(_SPACING, _SLOPE * float(tallest))
        groups |= {name: _moved(group, x) for name, group in column.items()}
    fixed = [group for group in network.reservoirs if group.kind == "fixed"]
    sides = {group.name: _side(network, group) for group in fixed}
    edge = max((abs(group.xy[:, 1]).max() for group in groups.values()), default=0.0)
    for side, sign in (("above", 1.0), ("below", -1.0)):
        members = [group for group in fixed if sides[group.name] == side]
        wanted = {group.name: _near(network, group, groups) for group in members}
        groups |= _row(members, wanted, sign * (edge + 1.7), side)
    return groups


def _spread_out(network: Network, most: int) -> dict[str, Group]:
    groups = {group.name: group for group in network.reservoirs}
    shown = {name: _shown(int(np.prod(group.shape, dtype=int)), most)[0] for name, group in groups.items()}
    places = spread_out(network, shown)
    return {name: Group(group, shown[name], places[name], None, "", free=True) for name, group in groups.items()}


def _layers(network: Network) -> list[list[str]]:
    """Return the names of the groups that are not fixed, by their distance from the inputs; outputs stand last.

    Groups at one distance that devices join follow one another.
    """
    free = [group for group in network.reservoirs if group.kind != "fixed"]
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(group.name for group in free)
    for family in network.families:
        ends = [port.reservoir for port in family.ports if port.reservoir in graph]
        graph.add_edges_from((a, b) for a in ends for b in ends if a != b)
    sources = {group.name for group in free if group.kind == "input"}
    distance = nx.multi_source_dijkstra_path_length(graph, sources) if sources else {}
    inner = [int(distance.get(g.name, 1)) for g in free if g.kind == "floating"]
    last = max(inner, default=0) + 1
    layers: dict[int, list[str]] = {}
    for group in free:
        place = {"input": 0, "output": last}.get(group.kind, max(1, int(distance.get(group.name, 1))))
        layers.setdefault(place, []).append(group.name)
    return [column for place in sorted(layers) for column in _apart(layers[place], graph)]


def _apart(names: list[str], graph: nx.Graph[str]) -> list[list[str]]:
    """Return the columns of a layer: one, unless devices join its groups, which then stand side by side."""
    columns: list[list[str]] = []
    for name in names:
        joined = (number for number, column in enumerate(columns) if any(graph.has_edge(name, o) for o in column))
        place = max(joined, default=-1) + 1
        columns += [[]] if place == len(columns) else []
        columns[place].append(name)
    return columns


def _moved(group: Group, x: float) -> Group:
    gap = None if group.gap is None else (group.gap[0] + x, group.gap[1])
    return Group(group.reservoir, group.shown, group.xy + np.array([x, 0.0]), gap, group.side)


def _column(members: list[Reservoir], most: int) -> dict[str, Group]:
    """Stack the elements of a layer's groups, centred at zero."""
    slots = [_shown(int(np.prod(group.shape, dtype=int)), most) for group in members]
    heights = [len(shown) + (gap is not None) for shown, gap in slots]
    top = (sum(heights) + 1.6 * (len(members) - 1) - 1) / 2
    groups = {}
    for group, (shown, gap), height in zip(members, slots, heights, strict=True):
        rows = [row for row in range(height) if row != gap]
        xy = np.array([(0.0, top - row) for row in rows])
        groups[group.name] = Group(group, shown, xy, None if gap is None else (0.0, top - gap), "")
        top -= height + 1.6
    return groups


def _shown(count: int, most: int) -> tuple[tuple[int, ...], int | None]:
    """Return the elements that are drawn, and after how many of them a gap stands (``None``: nowhere)."""
    if count <= most:
        return tuple(range(count)), None
    first, last = most // 2 - 1, max(1, most // 5)
    return (*range(first), *range(count - last, count)), first


def _side(network: Network, group: Reservoir) -> str:
    """Return above for a fixed reservoir that devices take from, below for one that they give to."""
    balance = 0
    for family in network.families:
        for port, role in zip(family.ports, roles(family), strict=True):
            if port.reservoir == group.name:
                balance += {"source": 1, "target": -1, "gate": 0}[role]
    return "above" if balance > 0 else "below"


def roles(family: Family) -> list[str]:
    """Return the role of each port of a family: source, target or gate."""
    by_name = {terminal.name: terminal.role for terminal in family.kind.terminals}
    return [by_name[port.terminal] for port in family.ports]


def _row(members: list[Reservoir], wanted: Mapping[str, float], y: float, side: str) -> dict[str, Group]:
    """Place fixed groups in a row, each near its wanted place and none upon another."""
    placed: dict[str, Group] = {}
    least = -np.inf
    for group in sorted(members, key=lambda g: wanted[g.name]):
        count = int(np.prod(group.shape, dtype=int))
        shown, _ = _shown(count, _MOST_IN_ROW)
        x = max(wanted[group.name], least)
        xy = np.array([(x + 0.9 * number, y) for number in range(len(shown))])
        placed[group.name] = Group(group, shown, xy, None, side)
        least = float(xy[-1, 0]) + 1.5
    return placed


def _near(network: Network, group: Reservoir, groups: Mapping[str, Group]) -> float:
    joined = [
        float(groups[port.reservoir].xy[:, 0].mean())
        for family in network.families
        if any(port.reservoir == group.name for port in family.ports)
        for port in family.ports
        if port.reservoir in groups
    ]
    return float(np.mean(joined)) if joined else 0.0
