"""Matrices by blocks and sparse ones against numpy's dense solver."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crncompile.solve.blocks import BlockMatrix
from crncompile.solve.linear import LinearSystem, matrix_of, pivot_reservoirs
from crncompile.solve.problem import Structure
from tests.solve.problems import cut, one_group


def random_blocks(seed, complex_entries=False, laws=0, batch=4):
    """A structure of random groups and blocks, and a diagonally dominant system on it."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, rng.integers(1, 5))
    ends = np.cumsum(sizes)
    slices = tuple(slice(int(end - size), int(end)) for size, end in zip(sizes, ends, strict=True))
    groups, kinds = range(len(sizes)), ("diagonal", "dense")
    blocks = {(g, g): kinds[rng.integers(2)] for g in groups}
    for row in groups:
        for column in groups:
            if row != column and rng.random() < 0.5:
                blocks[row, column] = kinds[rng.integers(2)] if sizes[row] == sizes[column] else "dense"
    n = int(ends[-1])
    weights = rng.integers(1, 3, (laws, n))
    order = tuple(int(g) for g in rng.permutation(len(sizes)))
    names = tuple(f"h{i}" for i in range(n))
    structure = Structure(names, (), tuple(map(str, groups)), slices, blocks, order, weights, ("",) * laws, "")
    matrix = rng.normal(size=(batch, n, n)) + 1j * complex_entries * rng.normal(size=(batch, n, n))
    matrix = matrix + (n + 2) * np.eye(n)
    rows = rng.uniform(0.5, 1, (batch, laws, n))
    blocks = BlockMatrix(structure, cut(structure, matrix))
    system = LinearSystem(blocks, rows.astype(matrix.dtype), pivot_reservoirs(weights))
    return system, rng.normal(size=(batch, n)).astype(matrix.dtype)


def random_sparse(seed, complex_entries=False, laws=0, batch=4):
    """A diagonally dominant system of a random pattern."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1 + laws, 20))
    columns, rows = np.nonzero((rng.random((n, n)) < 0.2) | np.eye(n, dtype=bool))
    pattern = (rows, np.searchsorted(columns, np.arange(n + 1)))
    weights = rng.integers(1, 3, (laws, n))
    names = tuple(f"h{i}" for i in range(n))
    structure = Structure(names, (), (), (), {}, (), weights, ("",) * laws, "", pattern)
    entries = rng.normal(size=(batch, len(rows))) + 1j * complex_entries * rng.normal(size=(batch, len(rows)))
    entries = np.where(rows == columns, rng.choice([-1, 1], len(rows)) * (n + 2), entries)
    law_rows = rng.uniform(0.5, 1, (batch, laws, n)).astype(entries.dtype)
    system = LinearSystem(matrix_of(structure, entries), law_rows, pivot_reservoirs(weights))
    return system, rng.normal(size=(batch, n)).astype(entries.dtype)


def dense_of(system):
    """The matrices of a system, its laws inserted."""
    dense = system.matrix.dense()
    dense[:, system.pivots] = system.rows
    return dense


both_kinds = pytest.mark.parametrize("random_system", [random_blocks, random_sparse])


@both_kinds
@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 10**6), complex_entries=st.booleans(), laws=st.integers(0, 1))
def test_solutions_are_those_of_the_dense_matrix(random_system, seed, complex_entries, laws):
    system, right = random_system(seed, complex_entries, laws)
    dense = dense_of(system)
    np.testing.assert_allclose(system.times(right), (dense @ right[:, :, None])[:, :, 0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(system.solve(right), np.linalg.solve(dense, right[:, :, None])[:, :, 0], rtol=1e-9)
    transposed = np.linalg.solve(dense.swapaxes(1, 2), right[:, :, None])[:, :, 0]
    np.testing.assert_allclose(system.solve_transposed(right), transposed, rtol=1e-9)


@both_kinds
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6))
def test_factors_alone_are_exact(random_system, seed):
    system, right = random_system(seed)
    factors, dense = system.matrix.factors(), system.matrix.dense()
    np.testing.assert_allclose(dense @ factors.solve(right[:, :, None]), right[:, :, None], atol=1e-10)
    back = factors.solve_transposed(right[:, :, None])
    np.testing.assert_allclose(dense.swapaxes(1, 2) @ back, right[:, :, None], atol=1e-10)
    np.testing.assert_array_equal(factors.sign, np.linalg.slogdet(dense)[0])


@both_kinds
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), laws=st.integers(0, 1))
def test_full_pivoting_gives_the_same(random_system, seed, laws):
    system, right = random_system(seed, False, laws)
    for transposed, solution in ((False, system.solve(right)), (True, system.solve_transposed(right))):
        again = system.matrix.solve_replaced(system.rows, system.pivots, right, transposed)
        np.testing.assert_allclose(again, solution, rtol=1e-9, atol=1e-12)


@both_kinds
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_the_parts_of_a_matrix(random_system, seed):
    system, right = random_system(seed)
    matrix, first = system.matrix, np.array([True, False, True, False])
    dense, identity = matrix.dense(), np.eye(right.shape[1])
    np.testing.assert_array_equal(matrix.diagonal(), np.diagonal(dense, axis1=1, axis2=2))
    shifted = matrix.map(np.negative).plus_diagonal(np.abs(right))
    np.testing.assert_allclose(shifted.dense(), np.abs(right)[:, :, None] * identity - dense)
    np.testing.assert_array_equal(matrix.transposed.dense(), dense.swapaxes(1, 2))
    chosen = matrix.choose(first, matrix.map(np.negative)).dense()
    np.testing.assert_array_equal(chosen, np.where(first[:, None, None], dense, -dense))


@pytest.mark.parametrize("sparse", [False, True])
def test_a_singular_sample_is_nan_and_spoils_no_other(sparse):
    structure = one_group(3)
    matrix = np.random.default_rng(0).normal(size=(3, 3, 3))
    matrix[1] = 0
    if sparse:
        structure = replace(structure, pattern=(np.tile(np.arange(3), 3), np.arange(0, 10, 3)))
        system = LinearSystem.plain(matrix_of(structure, matrix.swapaxes(1, 2).reshape(3, 9)))
    else:
        system = LinearSystem.plain(matrix_of(structure, {(0, 0): matrix}))
    x = system.solve(np.ones((3, 3)))
    assert np.isnan(x[1]).all()
    np.testing.assert_allclose(matrix[[0, 2]] @ x[[0, 2], :, None], 1, rtol=1e-9)
    assert np.isnan(system.solve_transposed(np.ones((3, 3)))[1]).all()


def test_a_zero_pivot_group_is_solved_with_pivoting():
    structure = Structure(
        ("a", "b"),
        (),
        ("a", "b"),
        (slice(0, 1), slice(1, 2)),
        {(0, 0): "diagonal", (1, 1): "diagonal", (0, 1): "dense", (1, 0): "dense"},
        (0, 1),
        np.zeros((0, 2), np.int64),
        (),
        "",
    )
    blocks = cut(structure, np.array([[[0.0, 2.0], [4.0, 1.0]]]))
    system = LinearSystem.plain(BlockMatrix(structure, blocks))
    np.testing.assert_allclose(system.solve(np.array([[2.0, 5.0]])), [[1, 1]])


@pytest.mark.parametrize(
    ("conserved", "pivots"),
    [([[1, 1, 0], [0, 0, 1]], (0, 2)), ([[1, 2, 1], [1, 2, 0]], (1, 2)), (np.zeros((0, 3)), ())],
)
def test_pivot_reservoirs_make_the_laws_solvable(conserved, pivots):
    assert pivot_reservoirs(np.array(conserved)) == pivots
