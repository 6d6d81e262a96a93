"""Searches in arrays of edges agree with those of scipy."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from crncompile.network.array_graphs import breadth_first, components


def drawn(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 40))
    a, b = rng.integers(0, size, (2, int(rng.integers(0, 60))))
    return size, a, b, coo_array((np.ones(len(a)), (a, b)), shape=(size, size)).tocsr()


@pytest.mark.parametrize("seed", range(60))
def test_components_are_those_of_scipy_and_numbered_alike(seed):
    size, a, b, graph = drawn(seed)
    np.testing.assert_array_equal(components(size, a, b), connected_components(graph, directed=False)[1])


@pytest.mark.parametrize("directed", [True, False])
@pytest.mark.parametrize("seed", range(60))
def test_searches_are_those_of_scipy_in_their_order(seed, directed):
    size, a, b, graph = drawn(seed)
    order, before = breadth_first(size, a, b, seed % size, directed)
    expected, predecessors = breadth_first_order(graph, seed % size, directed=directed)
    np.testing.assert_array_equal(order, expected)
    np.testing.assert_array_equal(before, np.maximum(predecessors, -1))


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_long_chain_is_one_part(shuffled):
    size = 100_000
    nodes = np.random.default_rng(0).permutation(size) if shuffled else np.arange(size)
    assert not components(size, nodes[1:], nodes[:-1]).any()
    assert len(breadth_first(size, nodes[:-1], nodes[1:], int(nodes[0]))[0]) == size


def test_no_nodes():
    empty = np.zeros(0, np.int64)
    assert components(0, empty, empty).shape == (0,)
