"""Cycles among the devices of a network that move one unit from one reservoir to another."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crncompile.network.array_graphs import breadth_first, components

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Turns = dict[int, int]
"""How often each edge turns over, by its number; negative where it runs backwards."""
NOTHING = 1e-9
"""Affinity in kT, relative to the ln K that add up to it, that counts as none."""


class ExchangeGraph:
    """Reservoirs 0..size-1 joined by edges (edges,) with ln K, and a spanning forest of them, short at every root.

    ``standard`` are potentials in kT at which all edges of the forest are at equilibrium; ``missing`` (edges,) is what
    every edge lacks then: the affinity of the cycle that it closes with the forest. ``component`` numbers the trees.
    """

    def __init__(self, size: int, source: Indices, target: Indices, log_K: Array):
        self.size, self.source, self.target, self.log_K = size, source, target, log_K
        self.keys = np.minimum(source, target) * size + np.maximum(source, target)
        self.pairs, self.first = np.unique(self.keys, return_index=True)
        self.component = components(size, source[self.first], target[self.first])
        self.before, self.standard = self._grow()
        self.missing = log_K - (self.standard[target] - self.standard[source])

    @cached_property
    def driven(self) -> NDArray[np.bool_]:
        """Edges (edges,) that close a driven cycle with the forest."""
        scale = 1 + np.abs(self.log_K) + np.abs(self.standard[self.source]) + np.abs(self.standard[self.target])
        return np.asarray(np.abs(self.missing) > NOTHING * scale)

    @cached_property
    def distinct(self) -> NDArray[np.bool_]:
        """Edges (edges,) that close a driven cycle and have none before them between the same ends that agrees."""
        forwards = np.where(self.source <= self.target, self.log_K, -self.log_K)
        order = np.lexsort((forwards, self.keys))
        apart = np.diff(forwards[order]) > NOTHING * (1 + np.abs(forwards[order[1:]]))
        begins = np.concatenate([[True], apart | (np.diff(self.keys[order]) > 0)])[: len(order)]
        earliest = np.zeros(len(order), bool)
        earliest[np.minimum.reduceat(order, np.flatnonzero(begins)) if len(order) else order] = True
        return self.driven & earliest

    def _grow(self) -> tuple[Indices, Array]:
        """Return predecessors (-1 at roots) and standard potentials of all reservoirs: one search for all trees.

        It starts at one node more than there are reservoirs, which leads to the roots.
        """
        roots = np.unique(self.component, return_index=True)[1]
        a = np.concatenate([self.source[self.first], np.full(len(roots), self.size)])
        b = np.concatenate([self.target[self.first], roots])
        order, found = breadth_first(self.size + 1, a, b, self.size, directed=False)
        before = np.where(found < self.size, found, -1)[: self.size]
        children = np.flatnonzero(before >= 0)
        edge, sign = self._between(before[children], children)
        rise = np.zeros(self.size)
        rise[children] = sign * self.log_K[edge]
        standard, steps, parents = [0.0] * self.size, rise.tolist(), before.tolist()
        for node in order[1:].tolist():
            standard[node] = (standard[parents[node]] if parents[node] >= 0 else 0.0) + steps[node]
        return before, np.array(standard)

    def _between(self, a: Indices, b: Indices) -> tuple[Indices, Indices]:
        """Return the first edge between reservoirs ``a`` and ``b``, and whether it runs so (1) or back (-1)."""
        edge = self.first[np.searchsorted(self.pairs, np.minimum(a, b) * self.size + np.maximum(a, b))]
        return edge, np.where(self.source[edge] == a, 1, -1)

    def _along(self, path: list[int]) -> Turns:
        """Return one turn of the first edge between each reservoir of a path and the next."""
        edges, signs = self._between(np.array(path[:-1]), np.array(path[1:]))
        return dict(zip(edges.tolist(), signs.tolist(), strict=True))

    # --- turns that close a cycle ---

    def balance(self, given: dict[int, int]) -> Turns:
        """Return turns of the forest that carry off what was given to reservoirs, (node, amount); it sums to zero."""
        turns: Turns = {}
        for node, amount in given.items():
            line = self._to_root(node)
            for edge, sign in self._along(line).items() if len(line) > 1 else ():
                turns[edge] = turns.get(edge, 0) + sign * amount
        return {edge: n for edge, n in turns.items() if n}

    def _to_root(self, node: int) -> list[int]:
        line = [node]
        while self.before[line[-1]] >= 0:
            line.append(int(self.before[line[-1]]))
        return line

    def cycle(self, edge: int, allowed: NDArray[np.bool_]) -> Turns:
        """Return a shortest cycle of an edge and allowed others (edges,), which include the forest and not itself."""
        start, end = int(self.target[edge]), int(self.source[edge])
        if start == end:
            return {edge: 1}
        return {edge: 1} | self._along(self._path(self.first[allowed[self.first]], start, end))

    def drives(self, turns: Turns) -> bool:
        """Whether turns that make a cycle have an affinity."""
        terms = [n * self.log_K[edge] for edge, n in turns.items()]
        return bool(abs(sum(terms)) > NOTHING * (1 + sum(map(abs, terms))))

    def _path(self, edges: Indices, start: int, end: int) -> list[int]:
        """Return the reservoirs along the shortest path over some edges that lead there."""
        _, predecessors = breadth_first(self.size, self.source[edges], self.target[edges], start, directed=False)
        path = [end]
        while path[-1] != start:
            path.append(int(predecessors[path[-1]]))
        return path[::-1]
