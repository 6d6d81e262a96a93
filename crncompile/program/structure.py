"""The shape of the Jacobian: its blocks, how each family fills them, in which order groups are eliminated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from crncompile.program.types import Contribution, GroupCode, Read

Block = tuple[int, int]
Shape = Literal["diagonal", "dense"]


def contributions(
    groups: Mapping[str, int],
    ports: Sequence[Read],
    net: Sequence[tuple[int, ...]],
    slope_of: Sequence[tuple[int, int]],
) -> tuple[Contribution, ...]:
    """Return the terms of the Jacobian of one family; held reservoirs have neither rows nor columns."""
    terms = []
    for slope, (flux, column) in enumerate(slope_of):
        for row, factor in enumerate(net[flux]):
            if factor == 0 or ports[row].name not in groups or ports[column].name not in groups:
                continue
            block = (groups[ports[row].name], groups[ports[column].name])
            terms.append(Contribution(block, row, column, slope, factor, _mode(block, ports[row], ports[column])))
    return tuple(terms)


def _mode(block: Block, row: Read, column: Read) -> Literal["diagonal", "outer", "scatter"]:
    if block[0] == block[1] and same_view(row, column):
        return "diagonal"
    a, b = row.view.axes, column.view.axes
    if a is not None and b is not None and not set(a) & set(b):
        return "outer"
    return "scatter"


def same_view(a: Read, b: Read) -> bool:
    """Whether two ports of a family meet the same reservoir in every device."""
    if a.view.index is not None and b.view.index is not None:
        return bool(np.array_equal(a.view.index, b.view.index))
    return a.view.axes is not None and a.view.axes == b.view.axes


def block_shapes(count: int, terms: Iterable[Contribution]) -> dict[Block, Shape]:
    """Return the shape of every block that some family fills; the blocks on the diagonal are always there."""
    shapes: dict[Block, Shape] = {(g, g): "diagonal" for g in range(count)}
    for term in terms:
        if term.mode != "diagonal":
            shapes[term.block] = "dense"
    return shapes


def elimination_order(groups: Sequence[GroupCode], shapes: Mapping[Block, Shape]) -> tuple[tuple[int, ...], int]:
    """Return an order of the groups that keeps the largest dense block small, and the multiplications that it takes.

    Greedy: eliminating a group costs the cube of its size where its block is dense (little where it is diagonal) and
    makes dense what it was coupled to; the cheapest goes first.
    """
    graph: dict[int, set[int]] = {number: set() for number in range(len(groups))}
    for a, b in ((a, b) for a, b in shapes if a != b):
        graph[a].add(b)
        graph[b].add(a)
    dense = {g for g in graph if shapes[g, g] == "dense"}
    size = [group.stop - group.start for group in groups]
    order: list[int] = []
    work = 0
    while graph:

        def cost(g: int) -> tuple[int, int]:
            own = size[g] ** 3 if g in dense else size[g]
            fill = sum(size[n] for n in graph[g])
            return own + size[g] * fill**2, g

        chosen = min(graph, key=cost)
        work += cost(chosen)[0]
        neighbours = graph.pop(chosen)
        dense.update(neighbours)
        for n in neighbours:
            graph[n] = (graph[n] | neighbours) - {n, chosen}
        order.append(chosen)
    return tuple(order), work
