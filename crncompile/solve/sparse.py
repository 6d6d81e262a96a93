"""Batched linear algebra on sparse matrices of one pattern: SuperLU, sample by sample (Li 2005)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from crncompile.solve.problem import Array, Structure

SYMMETRIC = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.001, "options": {"SymmetricMode": True}}
"""An ordering for patterns that are nearly symmetric, as exchange makes them; its solutions are checked."""
PRECISION, ITERATIONS = 1e-12, 1000
"""Residual relative to the right-hand side at which an iteration ends, and how many there are at most."""


@dataclass(frozen=True, eq=False)
class SparseMatrix:
    """A batch of matrices with the pattern of a structure; see `matrix.Matrix` for what its methods do.

    ``entries`` (batch, entries) stand in the order of `Structure.pattern`; ``flipped`` for the transposed matrix.
    """

    structure: Structure
    entries: Array
    flipped: bool = False

    @property
    def transposed(self) -> SparseMatrix:
        """The transposed matrix (views)."""
        return SparseMatrix(self.structure, self.entries, not self.flipped)

    @property
    def _pattern(self) -> tuple[Array, Array]:
        assert self.structure.pattern is not None
        return self.structure.pattern

    @cached_property
    def _own(self) -> Array:
        """Where the diagonal stands among the entries, (n,)."""
        rows, ends = self._pattern
        return np.flatnonzero(rows == np.repeat(np.arange(len(ends) - 1), np.diff(ends)))

    def samples(self) -> list[Any]:
        """Each sample's matrix by columns, as scipy has it."""
        from scipy.sparse import csc_array

        rows, ends = self._pattern
        shape = (len(ends) - 1, len(ends) - 1)
        matrices = [csc_array((values, rows, ends), shape) for values in self.entries]
        return [matrix.T for matrix in matrices] if self.flipped else matrices

    def times(self, x: Array) -> Array:
        """Multiply (batch, n) vectors."""
        return np.array([matrix @ vector for matrix, vector in zip(self.samples(), x, strict=True)]).reshape(x.shape)

    def dense(self) -> Array:
        """All entries, (batch, n, n)."""
        size = len(self.structure.reservoirs)
        return np.array([matrix.toarray() for matrix in self.samples()]).reshape(-1, size, size)

    def diagonal(self) -> Array:
        """Diagonal, (batch, n)."""
        return self.entries[:, self._own]

    def plus_diagonal(self, shift: Array) -> SparseMatrix:
        """Add ``shift`` (batch, n) to the diagonal."""
        entries = self.entries.astype(np.result_type(self.entries, shift))
        entries[:, self._own] += shift
        return SparseMatrix(self.structure, entries, self.flipped)

    def map(self, function: Callable[[Array], Array]) -> SparseMatrix:
        """Apply a function to the entries that are not identically zero, sample by sample."""
        return SparseMatrix(self.structure, function(self.entries), self.flipped)

    def choose(self, first: Array, other: SparseMatrix) -> SparseMatrix:
        """Keep the samples where ``first`` (batch,) is true; those of ``other`` stand elsewhere."""
        return self.map(lambda entries: np.where(first[:, None], entries, other.entries))

    def factors(self) -> SparseFactors | Iteration:
        """Factorise, or prepare to iterate."""
        if self.structure.iterated:
            return Iteration(self)
        return SparseFactors(tuple(_factorised(matrix.tocsc(), SYMMETRIC) for matrix in self.samples()))

    def solve_replaced(self, rows: Array, pivots: tuple[int, ...], right: Array, transposed: bool) -> Array:
        """Solve with the rows ``pivots`` replaced, sample by sample and with full pivoting."""
        solution = np.full(right.shape, np.nan, np.result_type(self.entries, right))
        if self.structure.iterated:  # full pivoting would fill the matrix: what iteration can not solve is not solved
            return solution
        for sample, matrix in enumerate(self.samples()):
            factors = _factorised(_replaced(matrix.tocsr(), rows[sample], pivots), {})
            if factors is not None:
                solution[sample] = factors.solve(right[sample].astype(solution.dtype), "T" if transposed else "N")
        return solution


@dataclass(frozen=True, eq=False)
class SparseFactors:
    """The factors of each sample; ``None`` for one that is singular or not finite."""

    samples: tuple[Any, ...]

    @property
    def sign(self) -> Array:
        """Sign of the determinant, (batch,); zero where it is singular."""
        return np.array([0.0 if factors is None else _sign(factors) for factors in self.samples])

    def solve(self, right: Array) -> Array:
        """Solve A x = ``right``, (batch, n, k)."""
        return self._solve(right, "N")

    def solve_transposed(self, right: Array) -> Array:
        """Solve A^T x = ``right``, (batch, n, k)."""
        return self._solve(right, "T")

    def _solve(self, right: Array, which: str) -> Array:
        dtypes = [right.dtype, *(factors.L.dtype for factors in self.samples[:1] if factors is not None)]
        solution = np.full(right.shape, np.nan, np.result_type(*dtypes))
        for sample, factors in enumerate(self.samples):
            if factors is not None:
                solution[sample] = factors.solve(right[sample].astype(solution.dtype), which)
        return solution


@dataclass(frozen=True, eq=False)
class Iteration:
    """Solves by iteration, for graphs that no elimination keeps sparse (BiCGSTAB: van der Vorst 1992).

    Such graphs are those on which everything is near to everything, so that few iterations do; the diagonal is the
    preconditioner.
    """

    matrix: SparseMatrix

    @property
    def sign(self) -> Array:
        """Sign of the determinant, (batch,): taken to be that of the diagonal."""
        return np.asarray(np.prod(np.sign(self.matrix.diagonal().real), axis=1))

    def solve(self, right: Array) -> Array:
        """Solve A x = ``right``, (batch, n, k), as well as the iteration can."""
        return self._solve(self.matrix, right)

    def solve_transposed(self, right: Array) -> Array:
        """Solve A^T x = ``right``, (batch, n, k), as well as the iteration can."""
        return self._solve(self.matrix.transposed, right)

    def _solve(self, matrix: SparseMatrix, right: Array) -> Array:
        from scipy.sparse.linalg import LinearOperator, bicgstab

        solution = np.full(right.shape, np.nan, np.result_type(matrix.entries, right))
        for sample, (entries, own) in enumerate(zip(matrix.samples(), self.matrix.diagonal(), strict=True)):
            scale = LinearOperator(entries.shape, matvec=partial(np.multiply, 1 / own), dtype=entries.dtype)
            for column in range(right.shape[2]):
                b = right[sample, :, column]
                x, _ = bicgstab(entries, b, rtol=PRECISION, atol=0.0, maxiter=ITERATIONS, M=scale)
                solution[sample, :, column] = x
        return solution


def _factorised(matrix: Any, options: dict[str, Any]) -> Any:
    from scipy.sparse.linalg import splu

    if not np.isfinite(matrix.data).all():
        return None
    try:
        return splu(matrix, **options)
    except RuntimeError:  # the factor is exactly singular
        return None


def _replaced(matrix: Any, rows: Array, pivots: tuple[int, ...]) -> Any:
    """Return a matrix by columns whose rows ``pivots`` are ``rows``."""
    from scipy.sparse import coo_array

    kept = np.ones(matrix.shape[0])
    kept[list(pivots)] = 0
    law, column = np.nonzero(rows)
    laws = coo_array((rows[law, column], (np.asarray(pivots, int)[law], column)), matrix.shape)
    return (matrix.multiply(kept[:, None]) + laws).tocsc()


def _sign(factors: Any) -> float:
    return float(np.prod(np.sign(factors.U.diagonal().real))) * _parity(factors.perm_r) * _parity(factors.perm_c)


def _parity(permutation: Array) -> int:
    """Sign of a permutation: each cycle of even length turns it over."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(permutation)
    graph = coo_array((np.ones(size, np.int8), (np.arange(size), permutation)), (size, size))
    return 1 - 2 * ((size - connected_components(graph)[0]) % 2)
