"""Linear systems of a batch: a matrix with some of its rows replaced by conserved laws, solved and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any, Protocol, Self

import numpy as np

from crncompile.solve.blocks import BlockMatrix, inverse
from crncompile.solve.problem import Array, Jacobian, Structure
from crncompile.solve.sparse import SparseMatrix

BACKWARD_ERROR = 4.5e4
"""Largest error of a solution in roundings of |A||x| + |b|, before a sample is solved with full pivoting instead."""
VANISHING = 1e-280
"""Numbers below this part of the largest are too near underflow to be exact in themselves."""


Map = Callable[[Array], Array]


class Factors(Protocol):
    """A factorised batch of matrices; the columns of right-hand sides and solutions are (batch, n, k)."""

    @property
    def sign(self) -> Array:
        """Sign of the determinant, (batch,)."""
        ...

    def solve(self, right: Array) -> Array:
        """Solve A x = ``right``; NaN for samples that are singular."""
        ...

    def solve_transposed(self, right: Array) -> Array:
        """Solve A^T x = ``right``; NaN for samples that are singular."""
        ...


class Matrix(Protocol):
    """A batch of matrices (batch, n, n). No sample can raise for, or spoil, another."""

    @property
    def transposed(self) -> Self:
        """The transposed matrix (views)."""
        ...

    def times(self, x: Array) -> Array:
        """Multiply (batch, n) vectors."""
        ...

    def dense(self) -> Array:
        """All entries, (batch, n, n)."""
        ...

    def diagonal(self) -> Array:
        """Diagonal, (batch, n)."""
        ...

    def plus_diagonal(self, shift: Array) -> Self:
        """Add ``shift`` (batch, n) to the diagonal."""
        ...

    def map(self, function: Callable[[Array], Array]) -> Self:
        """Apply a function to the entries that are not identically zero, whose first axis is the sample."""
        ...

    def choose(self, first: Array, other: Any) -> Self:
        """Keep the samples where ``first`` (batch,) is true; those of ``other`` stand elsewhere."""
        ...

    def factors(self) -> Factors:
        """Factorise."""
        ...

    def solve_replaced(self, rows: Array, pivots: tuple[int, ...], right: Array, transposed: bool) -> Array:
        """Solve with the rows ``pivots`` replaced by ``rows`` (batch, laws, n), slowly, with full pivoting."""
        ...


def matrix_of(structure: Structure, jacobian: Jacobian) -> Matrix:
    """Return the matrix of what `Functions.linearise` gives."""
    if isinstance(jacobian, dict):
        return BlockMatrix(structure, jacobian)
    return SparseMatrix(structure, jacobian)


def pivot_reservoirs(conserved: Array) -> tuple[int, ...]:
    """One reservoir for each conserved law, such that these laws can be solved for these contents."""
    rows, pivots = np.array(conserved, float), list[int]()
    for law in range(len(rows)):
        pivots.append(int(np.argmax(np.abs(rows[law]) > 0.5 * np.abs(rows[law]).max())))
        rows[law + 1 :] -= np.outer(rows[law + 1 :, pivots[-1]] / rows[law, pivots[-1]], rows[law])
    return tuple(pivots)


@dataclass(frozen=True, eq=False)
class LinearSystem:
    """A matrix in which the row of each pivot reservoir is replaced by a full row (a conserved law).

    ``rows`` is (batch, laws, n), ``pivots`` names the replaced rows. The matrix keeps its sparsity: it is solved with
    a shifted diagonal at the pivots, and the laws are met by one more unknown each (a bordered system).
    """

    matrix: Matrix
    rows: Array
    pivots: tuple[int, ...]

    @classmethod
    def plain(cls, matrix: Matrix) -> LinearSystem:
        """Return a system without laws."""
        batch, size = matrix.diagonal().shape
        return cls(matrix, np.zeros((batch, 0, size), matrix.diagonal().dtype), ())

    def times(self, x: Array) -> Array:
        """Matrix times (batch, n) vectors."""
        result = self.matrix.times(x)
        if self.pivots:
            result[:, self.pivots] = (self.rows @ x[:, :, None])[:, :, 0]
        return result

    def times_transposed(self, x: Array) -> Array:
        """Transposed matrix times (batch, n) vectors."""
        if not self.pivots:
            return self.matrix.transposed.times(x)
        others = x.copy()
        others[:, self.pivots] = 0
        result = self.matrix.transposed.times(others)
        return np.asarray(result + (x[:, None, self.pivots] @ self.rows)[:, 0])

    def absolute(self) -> LinearSystem:
        """System of the entries' absolute values."""
        return LinearSystem(self.matrix.map(np.abs), np.abs(self.rows), self.pivots)

    @property
    def reversed(self) -> Array:
        """Samples (batch,) whose matrix's determinant is negative: of M/h - J, if 1/h is below a rate that grows.

        So large an implicit step damps what should grow (and would hold a path on the border between two outcomes).
        """
        factors = self.matrix.factors() if self.pivots else self._factors
        return np.asarray(factors.sign < 0)

    @cached_property
    def _factors(self) -> Factors:
        """Factors of the matrix, its diagonal shifted at the pivots, where it may be singular."""
        if not self.pivots:
            return self.matrix.factors()
        own, pivots = self.matrix.diagonal(), list(self.pivots)
        shift = np.zeros(own.shape, own.dtype)
        shift[:, pivots] = np.where(own != 0, own, 1)[:, pivots]
        return self.matrix.plus_diagonal(shift).factors()

    @cached_property
    def _border(self) -> tuple[Array, Array]:
        """Columns (batch, n, laws) by which the pivots act, and the inverse of the laws' own small matrix."""
        unit = np.eye(self.rows.shape[2], dtype=self.rows.dtype)[:, self.pivots]
        columns = self._factors.solve(np.broadcast_to(unit, (len(self.rows), *unit.shape)))
        return columns, inverse(self.rows @ columns)

    def _solve(self, right: Array) -> Array:
        if not self.pivots:
            return np.asarray(self._factors.solve(right[:, :, None])[:, :, 0])
        x = right[:, :, None].copy()
        x[:, self.pivots] = 0
        x = self._factors.solve(x)
        columns, small = self._border
        x = x + columns @ (small @ (right[:, self.pivots, None] - self.rows @ x))
        return np.asarray(x[:, :, 0])

    def _solve_transposed(self, right: Array) -> Array:
        x = self._factors.solve_transposed(right[:, :, None])
        if self.pivots:
            multipliers = self._border[1].swapaxes(1, 2) @ x[:, self.pivots]
            x = x - self._factors.solve_transposed(self.rows.swapaxes(1, 2) @ multipliers)
            x[:, self.pivots] = multipliers
        return np.asarray(x[:, :, 0])

    def solve_unchecked(self, right: Array) -> Array:
        """Solve A x = ``right``, (batch, n), by elimination over the groups, whatever its rounding errors."""
        return self._solve(right)

    def solve(self, right: Array) -> Array:
        """Solve A x = ``right``, (batch, n); rows of singular samples are NaN."""
        with np.errstate(all="ignore"):
            return self._checked(self._solve, self.times, lambda x: self.absolute().times(x), right, transposed=False)

    def solve_transposed(self, right: Array) -> Array:
        """Solve A^T x = ``right``, (batch, n); rows of singular samples are NaN."""
        with np.errstate(all="ignore"):
            return self._checked(
                self._solve_transposed,
                self.times_transposed,
                lambda x: self.absolute().times_transposed(x),
                right,
                transposed=True,
            )

    def _checked(self, solve: Map, times: Map, absolute: Map, right: Array, transposed: bool) -> Array:
        """Solve; where the error is too large refine once (Skeel 1980), and where it still is, pivot fully."""
        x = solve(right)
        allowed = BACKWARD_ERROR * float(np.finfo(x.dtype).eps)
        for last in (False, True):
            error = times(x) - right
            if (np.abs(error) <= allowed * np.abs(right)).all():  # which is less than what is allowed, and seen sooner
                break
            size = absolute(np.abs(x)) + np.abs(right)
            floor = VANISHING * size.max(axis=1, keepdims=True, initial=0)
            bad = ~(np.abs(error) <= allowed * size + floor).all(axis=1)
            if not bad.any():
                break
            if last:
                chosen = self.matrix.map(itemgetter(bad))
                x[bad] = chosen.solve_replaced(self.rows[bad], self.pivots, right[bad], transposed)
            else:
                x = np.where(bad[:, None], x - solve(error), x)
        return x
