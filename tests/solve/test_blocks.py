"""Block elimination against numpy's dense solver."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crncompile.solve.blocks import Elimination, LinearSystem, assemble, pivot_reservoirs, shifted, times
from crncompile.solve.problem import Structure
from tests.solve.problems import cut, one_group


def random_system(seed, complex_entries=False, laws=0, batch=4):
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
    system = LinearSystem(structure, cut(structure, matrix), rows.astype(matrix.dtype), pivot_reservoirs(weights))
    return system, rng.normal(size=(batch, n)).astype(matrix.dtype)


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 10**6), st.booleans(), st.integers(0, 1))
def test_solutions_are_those_of_the_dense_matrix(seed, complex_entries, laws):
    system, right = random_system(seed, complex_entries, laws)
    dense = system.dense(np.ones(len(right), bool))
    np.testing.assert_allclose(system.times(right), (dense @ right[:, :, None])[:, :, 0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(system.solve(right), np.linalg.solve(dense, right[:, :, None])[:, :, 0], rtol=1e-9)
    transposed = np.linalg.solve(dense.swapaxes(1, 2), right[:, :, None])[:, :, 0]
    np.testing.assert_allclose(system.solve_transposed(right), transposed, rtol=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_elimination_alone_is_exact(seed):
    system, right = random_system(seed)
    elimination = Elimination.of(system.structure, system.blocks)
    dense = assemble(system.structure, system.blocks)
    np.testing.assert_allclose(dense @ elimination.solve(right[:, :, None]), right[:, :, None], atol=1e-10)
    back = elimination.solve_transposed(right[:, :, None])
    np.testing.assert_allclose(dense.swapaxes(1, 2) @ back, right[:, :, None], atol=1e-10)
    np.testing.assert_array_equal(elimination.sign, np.linalg.slogdet(dense)[0])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_shifting_negates_and_adds_to_the_diagonal(seed):
    system, right = random_system(seed)
    shift = np.abs(right)
    result = assemble(system.structure, shifted(system.structure, system.blocks, shift))
    n = right.shape[1]
    np.testing.assert_allclose(result, shift[:, :, None] * np.eye(n) - assemble(system.structure, system.blocks))
    np.testing.assert_allclose(times(system.structure, system.blocks, 0 * right), 0)


def test_a_singular_sample_is_nan_and_spoils_no_other():
    structure = one_group(3)
    matrix = np.random.default_rng(0).normal(size=(3, 3, 3))
    matrix[1] = 0
    system = LinearSystem(structure, {(0, 0): matrix}, np.zeros((3, 0, 3)), ())
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
    system = LinearSystem(structure, blocks, np.zeros((1, 0, 2)), ())
    np.testing.assert_allclose(system.solve(np.array([[2.0, 5.0]])), [[1, 1]])


@pytest.mark.parametrize(
    ("conserved", "pivots"),
    [([[1, 1, 0], [0, 0, 1]], (0, 2)), ([[1, 2, 1], [1, 2, 0]], (1, 2)), (np.zeros((0, 3)), ())],
)
def test_pivot_reservoirs_make_the_laws_solvable(conserved, pivots):
    assert pivot_reservoirs(np.array(conserved)) == pivots
