"""The matrix-tree theorem: stationary occupations of a Markov process as sums over spanning trees.

Kirchhoff 1847; King and Altman, J. Phys. Chem. 60, 1375 (1956); Hill, J. Theor. Biol. 10, 442 (1966).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import networkx as nx
import numpy as np
import sympy

Rates = Mapping[tuple[str, str], sympy.Expr]


def tree_factors(states: Sequence[str], ends: Iterable[tuple[str, str]]) -> int:
    """Return how many rates are written in the weights of all states: a product for each tree, directed to each state.

    ``ends`` are those of every step, parallel ones several times. Trees are counted by Kirchhoff's determinant.
    """
    graph: nx.MultiGraph[str] = nx.MultiGraph()
    graph.add_nodes_from(states)
    graph.add_edges_from((a, b) for a, b in ends if a != b)
    trees = np.linalg.det(nx.laplacian_matrix(graph).toarray()[1:, 1:].astype(float))
    return round(float(trees)) * len(states) * (len(states) - 1)


def tree_weights(states: Sequence[str], rates: Rates) -> dict[str, sympy.Expr]:
    """Return for each state the sum over spanning trees of the products of rates that lead to it.

    ``rates[a, b]`` is the total rate from state a to state b; absent means zero. The weights are positive polynomials
    in the rates, proportional to the stationary occupations. Weights of unreachable states come out as zero.
    """
    trees = list(_spanning_trees(states, rates))
    return {root: sympy.Add(*(_towards(root, tree, rates) for tree in trees)) for root in states}


def _spanning_trees(states: Sequence[str], rates: Rates) -> list[nx.Graph[str]]:
    order = list(states).index
    pairs = sorted({(a, b) if order(a) < order(b) else (b, a) for a, b in rates})
    trees = []
    for edges in itertools.combinations(pairs, len(states) - 1):
        graph: nx.Graph[str] = nx.Graph(edges)
        graph.add_nodes_from(states)
        if nx.is_connected(graph):
            trees.append(graph)
    return trees


def _towards(root: str, tree: nx.Graph[str], rates: Rates) -> sympy.Expr:
    """Product of the rates along all edges of a tree, each directed towards the root."""
    return sympy.Mul(*(rates.get((child, parent), sympy.Integer(0)) for parent, child in nx.bfs_edges(tree, root)))
