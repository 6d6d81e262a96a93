"""Occupations by the matrix-tree theorem against the null vectors of numerical rate matrices."""

import itertools

import networkx as nx
import numpy as np
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

from crncompile.symbolic.matrix_tree import tree_factors, tree_weights


@st.composite
def processes(draw):
    """Rates between 2 to 5 states, of very different sizes, some one-way; the graph is connected."""
    count = draw(st.integers(2, 5))
    names = [f"s{n}" for n in range(count)]
    logs = st.floats(-6, 6, allow_nan=False)
    rates = {pair: np.exp(draw(logs)) for pair in itertools.permutations(names, 2) if draw(st.integers(0, 2))}
    graph = nx.DiGraph(list(rates))
    graph.add_nodes_from(names)
    assume(nx.is_weakly_connected(graph))
    assume(len(list(nx.attracting_components(graph))) == 1)
    return names, rates


def null_vector(names, rates):
    matrix = np.zeros((len(names), len(names)))
    for (a, b), rate in rates.items():
        matrix[names.index(b), names.index(a)] += rate
        matrix[names.index(a), names.index(a)] -= rate
    matrix[0] = 1.0
    return np.linalg.solve(matrix, np.eye(len(names))[0])


@given(processes())
def test_weights_are_proportional_to_the_null_vector(process):
    names, rates = process
    weights = tree_weights(names, {pair: sympy.Float(rate) for pair, rate in rates.items()})
    found = np.array([float(weights[name]) for name in names])
    assert np.all(found >= 0)
    np.testing.assert_allclose(found / found.sum(), null_vector(names, rates), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_complete_graph_has_cayleys_number_of_trees(count):
    names = [f"s{n}" for n in range(count)]
    weights = tree_weights(names, dict.fromkeys(itertools.permutations(names, 2), sympy.Integer(1)))
    assert set(weights.values()) == {sympy.Integer(count ** (count - 2))}


def test_three_states_in_a_ring_are_king_and_altmans():
    """J. Phys. Chem. 60, 1375 (1956): three trees of two rates for every state."""
    names = ["E", "ES", "EP"]
    k = {pair: sympy.Symbol(f"k_{pair[0]}_{pair[1]}") for pair in itertools.permutations(names, 2)}
    weight = tree_weights(names, k)["E"]
    wanted = k["ES", "E"] * k["EP", "E"] + k["ES", "EP"] * k["EP", "E"] + k["EP", "ES"] * k["ES", "E"]
    assert sympy.expand(weight - wanted) == 0


def test_a_state_that_is_left_for_good_is_empty():
    rates = {("a", "b"): sympy.Integer(2), ("b", "c"): sympy.Integer(3), ("c", "b"): sympy.Integer(5)}
    weights = tree_weights(["a", "b", "c"], rates)
    assert weights["a"] == 0
    assert sympy.Rational(weights["b"], weights["c"]) == sympy.Rational(5, 3)


@given(processes())
def test_factors_are_counted_without_writing_the_trees(process):
    """One rate a step of each tree, directed to each state; parallel steps make trees of their own."""
    names, rates = process
    pairs = list({tuple(sorted(pair)) for pair in rates})
    weights = tree_weights(names, dict.fromkeys([(a, b) for p in pairs for a, b in (p, p[::-1])], sympy.Integer(1)))
    assert tree_factors(names, pairs) == sum(weights.values()) * (len(names) - 1)
    assert tree_factors(names, pairs * 2) == 2 ** (len(names) - 1) * tree_factors(names, pairs)
