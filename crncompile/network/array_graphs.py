"""Searches in graphs of reservoirs, which may be large; edges are two arrays of node numbers, (edges,) each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


def components(size: int, a: Ids, b: Ids) -> Ids:
    """Return the number of the connected part that each node belongs to, (size,), counted by their first nodes.

    Every node points to a smaller one of its part; those at the ends of an edge point to each other's smaller end,
    until they agree: a few rounds, as many for a chain as for anything else (Shiloach and Vishkin 1982).
    """
    pointer = np.arange(size, dtype=np.int64)
    while not np.array_equal(low := pointer[a], high := pointer[b]):
        np.minimum.at(pointer, low, high)
        np.minimum.at(pointer, high, low)
        while not np.array_equal(further := pointer[pointer], pointer):
            pointer = further
    return np.unique(pointer, return_inverse=True)[1].astype(np.int64)


def breadth_first(size: int, a: Ids, b: Ids, root: int, directed: bool = True) -> tuple[Ids, Ids]:
    """Return the nodes that are reached from a root, nearest first, and for all nodes (size,) the one before, or -1.

    Neighbours along edges come before those against them (where these count), the first ones first.
    """
    along, against = _rows(size, a, b), ([0] * (size + 1), list[int]()) if directed else _rows(size, b, a)
    before, seen, order = [-1] * size, [False] * size, [root]
    seen[root] = True
    for node in order:
        for ends, others in (along, against):
            for other in others[ends[node] : ends[node + 1]]:
                if not seen[other]:
                    seen[other], before[other] = True, node
                    order.append(other)
    return np.array(order, np.int64), np.array(before, np.int64)


def _rows(size: int, a: Ids, b: Ids) -> tuple[Sequence[int], Sequence[int]]:
    """Return where each node's neighbours end and begin in a list of all, sorted."""
    ends = np.concatenate([[0], np.cumsum(np.bincount(a, minlength=size))])
    return ends.tolist(), b[np.lexsort((b, a))].tolist()
