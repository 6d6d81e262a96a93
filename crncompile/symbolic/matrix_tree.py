"""The matrix-tree theorem: stationary occupations of a Markov process as sums over spanning trees.

Kirchhoff 1847; King and Altman, J. Phys. Chem. 60, 1375 (1956); Hill, J. Theor. Biol. 10, 442 (1966).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import sympy

from crncompile.symbolic.graphs import Neighbours, neighbours, parts, towards

Rates = Mapping[tuple[str, str], sympy.Expr]


def tree_factors(states: Sequence[str], ends: Iterable[tuple[str, str]]) -> int:
    """Return how many rates are written in the weights of all states: a product for each tree, directed to each state.

    ``ends`` are those of every step, parallel ones several times. Trees are counted by Kirchhoff's determinant.
    """
    number = {state: n for n, state in enumerate(states)}
    laplacian = np.zeros((len(states), len(states)))
    for a, b in ((number[a], number[b]) for a, b in ends):
        laplacian[[a, b], [a, b]] += a != b
        laplacian[[a, b], [b, a]] -= a != b
    trees = np.linalg.det(laplacian[1:, 1:])
    return round(float(trees)) * len(states) * (len(states) - 1)


def tree_weights(states: Sequence[str], rates: Rates) -> dict[str, sympy.Expr]:
    """Return for each state the sum over spanning trees of the products of rates that lead to it.

    ``rates[a, b]`` is the total rate from state a to state b; absent means zero. The weights are positive polynomials
    in the rates, proportional to the stationary occupations. Weights of unreachable states come out as zero.
    """
    trees = list(_spanning_trees(states, rates))
    return {root: sympy.Add(*(_towards(root, tree, rates) for tree in trees)) for root in states}


def _spanning_trees(states: Sequence[str], rates: Rates) -> list[Neighbours[str]]:
    order = list(states).index
    pairs = sorted({(a, b) if order(a) < order(b) else (b, a) for a, b in rates})
    choices = itertools.combinations(pairs, len(states) - 1)
    return [neighbours(states, edges) for edges in choices if len(parts(states, edges)) == 1]


def _towards(root: str, tree: Neighbours[str], rates: Rates) -> sympy.Expr:
    """Product of the rates along all edges of a tree, each directed towards the root."""
    steps = [(child, parent) for child, parent in towards(root, tree).items() if child != root]
    return sympy.Mul(*(rates.get(step, sympy.Integer(0)) for step in steps))
