"""Batched linear algebra on block matrices: elimination over groups, conserved laws as bordered rows.

A block is ``diagonal`` (batch, size) or ``dense`` (batch, rows, columns), told apart by its number of axes. No sample
can raise for, or spoil, another: what can not be solved is NaN in its own row only. Complex blocks work as real ones
do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from crncompile.solve.problem import Array, Blocks, Structure

BACKWARD_ERROR = 1e-11
"""Largest error of a solution, relative to |A||x| + |b|, before a sample is solved densely instead."""


def inverse(matrices: Array) -> Array:
    """Inverses of (batch, n, n) matrices; NaN for those that are singular."""
    try:
        return np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        singular = np.linalg.slogdet(matrices)[0] == 0
        identity = np.eye(matrices.shape[-1], dtype=matrices.dtype)
        inverses = np.linalg.inv(np.where(singular[:, None, None], identity, matrices))
        inverses[singular] = np.nan
        return inverses


def solve_dense(matrices: Array, right: Array) -> Array:
    """Solve (batch, n, n) systems for (batch, n) right-hand sides, with pivoting; NaN for those that are singular."""
    solution = np.empty(right.shape, np.result_type(matrices, right))
    for sample, matrix in enumerate(matrices):
        try:
            solution[sample] = np.linalg.solve(matrix, right[sample])
        except np.linalg.LinAlgError:
            solution[sample] = np.nan
    return solution


def apply(block: Array, x: Array) -> Array:
    """Block times (batch, size, k) columns."""
    return block[:, :, None] * x if block.ndim == 2 else block @ x


def apply_transposed(block: Array, x: Array) -> Array:
    """Transposed block times (batch, size, k) columns."""
    return block[:, :, None] * x if block.ndim == 2 else block.swapaxes(1, 2) @ x


def product(a: Array, b: Array) -> Array:
    """Product of two blocks of either kind."""
    if a.ndim == 2:
        return a * b if b.ndim == 2 else a[:, :, None] * b
    return a * b[:, None, :] if b.ndim == 2 else a @ b


def as_dense(block: Array) -> Array:
    """Block as (batch, rows, columns)."""
    return block if block.ndim == 3 else block[:, :, None] * np.eye(block.shape[1], dtype=block.dtype)


def total(a: Array, b: Array) -> Array:
    """Sum of two blocks of either kind."""
    return a + b if a.ndim == b.ndim else as_dense(a) + as_dense(b)


def times(structure: Structure, blocks: Blocks, x: Array) -> Array:
    """Multiply (batch, n) vectors by the matrix."""
    result = np.zeros(x.shape, np.result_type(x, *blocks.values()))
    for (row, column), block in blocks.items():
        result[:, structure.slices[row]] += apply(block, x[:, structure.slices[column], None])[:, :, 0]
    return result


def transposed(blocks: Blocks) -> Blocks:
    """Blocks of the transposed matrix (views)."""
    return {(c, r): block.swapaxes(1, 2) if block.ndim == 3 else block for (r, c), block in blocks.items()}


def assemble(structure: Structure, blocks: Blocks) -> Array:
    """Dense (batch, n, n) matrix."""
    size = len(structure.reservoirs)
    first = next(iter(blocks.values()))
    matrix = np.zeros((len(first), size, size), first.dtype)
    for (row, column), block in blocks.items():
        matrix[:, structure.slices[row], structure.slices[column]] = as_dense(block)
    return matrix


def diagonal(structure: Structure, blocks: Blocks) -> Array:
    """Diagonal of the matrix, (batch, n)."""
    own = (blocks[group, group] for group in range(len(structure.groups)))
    return np.concatenate([b if b.ndim == 2 else np.diagonal(b, axis1=1, axis2=2) for b in own], axis=1)


def shifted(structure: Structure, blocks: Blocks, shift: Array) -> Blocks:
    """Blocks of diag(``shift``) - A; ``shift`` is (batch, n)."""
    result = {key: -block for key, block in blocks.items()}
    for group, where in enumerate(structure.slices):
        result[group, group] = total(result[group, group], shift[:, where])
    return result


def pivot_reservoirs(conserved: Array) -> tuple[int, ...]:
    """One reservoir for each conserved law, such that these laws can be solved for these contents."""
    rows, pivots = np.array(conserved, float), list[int]()
    for law in range(len(rows)):
        pivots.append(int(np.argmax(np.abs(rows[law]) > 0.5 * np.abs(rows[law]).max())))
        rows[law + 1 :] -= np.outer(rows[law + 1 :, pivots[-1]] / rows[law, pivots[-1]], rows[law])
    return tuple(pivots)


@dataclass(frozen=True, eq=False)
class Elimination:
    """A factorised block matrix: inverted pivots, and what stood right of and below each when it was eliminated."""

    structure: Structure
    pivots: dict[int, Array]
    upper: Blocks
    lower: Blocks

    @classmethod
    def of(cls, structure: Structure, blocks: Blocks) -> Elimination:
        """Eliminate the groups in `Structure.order`; each step leaves a Schur complement."""
        work, pivots, upper, lower = dict(blocks), dict[int, Array](), Blocks(), Blocks()
        for place, group in enumerate(structure.order):
            later = structure.order[place + 1 :]
            block = work[group, group]
            pivots[group] = 1 / block if block.ndim == 2 else inverse(block)
            upper |= {(group, c): work[group, c] for c in later if (group, c) in work}
            lower |= {(r, group): product(work[r, group], pivots[group]) for r in later if (r, group) in work}
            for row in (r for r in later if (r, group) in lower):
                for column in (c for c in later if (group, c) in upper):
                    fill = product(lower[row, group], -upper[group, column])
                    work[row, column] = total(work[row, column], fill) if (row, column) in work else fill
        return cls(structure, pivots, upper, lower)

    @property
    def sign(self) -> Array:
        """Sign of the determinant, (batch,)."""
        signs = [np.sign(p).prod(axis=1) if p.ndim == 2 else np.linalg.slogdet(p)[0] for p in self.pivots.values()]
        return np.asarray(np.prod(signs, axis=0))

    def solve(self, right: Array) -> Array:
        """Solve A x = ``right``, (batch, n, k)."""
        parts = [right[:, where] for where in self.structure.slices]
        for group in self.structure.order:
            for (row, column), block in self.lower.items():
                if column == group:
                    parts[row] = parts[row] - apply(block, parts[group])
        for group in reversed(self.structure.order):
            for (row, column), block in self.upper.items():
                if row == group:
                    parts[group] = parts[group] - apply(block, parts[column])
            parts[group] = apply(self.pivots[group], parts[group])
        return np.concatenate(parts, axis=1)

    def solve_transposed(self, right: Array) -> Array:
        """Solve A^T x = ``right``, (batch, n, k)."""
        parts = [right[:, where] for where in self.structure.slices]
        for group in self.structure.order:
            parts[group] = apply_transposed(self.pivots[group], parts[group])
            for (row, column), block in self.upper.items():
                if row == group:
                    parts[column] = parts[column] - apply_transposed(block, parts[group])
        for group in reversed(self.structure.order):
            for (row, column), block in self.lower.items():
                if column == group:
                    parts[group] = parts[group] - apply_transposed(block, parts[row])
        return np.concatenate(parts, axis=1)


@dataclass(frozen=True, eq=False)
class LinearSystem:
    """A block matrix in which the row of each pivot reservoir is replaced by a full row (a conserved law).

    ``rows`` is (batch, laws, n), ``pivots`` names the replaced rows. The blocks are kept sparse: the matrix is solved
    with a shifted diagonal at the pivots, and the laws are met by one more unknown each (a bordered system).
    """

    structure: Structure
    blocks: Blocks
    rows: Array
    pivots: tuple[int, ...]

    def times(self, x: Array) -> Array:
        """Matrix times (batch, n) vectors."""
        result = times(self.structure, self.blocks, x)
        result[:, self.pivots] = (self.rows @ x[:, :, None])[:, :, 0]
        return result

    def times_transposed(self, x: Array) -> Array:
        """Transposed matrix times (batch, n) vectors."""
        others = x.copy()
        others[:, self.pivots] = 0
        result = times(self.structure, transposed(self.blocks), others)
        return np.asarray(result + (x[:, None, self.pivots] @ self.rows)[:, 0])

    def absolute(self) -> LinearSystem:
        """System of the entries' absolute values."""
        blocks = {key: np.abs(block) for key, block in self.blocks.items()}
        return LinearSystem(self.structure, blocks, np.abs(self.rows), self.pivots)

    def dense(self, samples: Array) -> Array:
        """Dense matrices of the chosen samples."""
        matrix = assemble(self.structure, {key: block[samples] for key, block in self.blocks.items()})
        matrix[:, self.pivots] = self.rows[samples]
        return matrix

    @property
    def reversed(self) -> Array:
        """Samples (batch,) whose blocks' determinant is negative: of M/h - J, if 1/h is below a rate that grows.

        So large an implicit step damps what should grow (and would hold a path on the border between two outcomes).
        """
        factors = Elimination.of(self.structure, self.blocks) if self.pivots else self._factors
        return np.asarray(factors.sign < 0)

    @cached_property
    def _factors(self) -> Elimination:
        """Elimination of the blocks, their diagonal shifted at the pivots, where they may be singular."""
        blocks, pivots = dict(self.blocks), list(self.pivots)
        if pivots:
            own, shift = np.abs(diagonal(self.structure, blocks)), np.zeros(self.rows.shape[::2])
            shift[:, pivots] = np.where(own > 0, own, 1)[:, pivots]
            for group in {g for g, where in enumerate(self.structure.slices) if shift[:, where].any()}:
                blocks[group, group] = total(blocks[group, group], shift[:, self.structure.slices[group]])
        return Elimination.of(self.structure, blocks)

    @cached_property
    def _border(self) -> tuple[Array, Array]:
        """Columns (batch, n, laws) by which the pivots act, and the inverse of the laws' own small matrix."""
        unit = np.eye(self.rows.shape[2])[:, self.pivots]
        columns = self._factors.solve(np.broadcast_to(unit, (len(self.rows), *unit.shape)))
        return columns, inverse(self.rows @ columns)

    def _solve(self, right: Array) -> Array:
        x = right[:, :, None].copy()
        x[:, self.pivots] = 0
        x = self._factors.solve(x)
        if self.pivots:
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

    def solve(self, right: Array) -> Array:
        """Solve A x = ``right``, (batch, n); rows of singular samples are NaN."""
        with np.errstate(all="ignore"):
            x = self._solve(right)
            size = self.absolute().times(np.abs(x)) + np.abs(right)
            bad = ~(np.abs(self.times(x) - right) <= BACKWARD_ERROR * size).all(axis=1)
            if bad.any():
                x[bad] = solve_dense(self.dense(bad), right[bad])
        return x

    def solve_transposed(self, right: Array) -> Array:
        """Solve A^T x = ``right``, (batch, n); rows of singular samples are NaN."""
        with np.errstate(all="ignore"):
            x = self._solve_transposed(right)
            size = self.absolute().times_transposed(np.abs(x)) + np.abs(right)
            bad = ~(np.abs(self.times_transposed(x) - right) <= BACKWARD_ERROR * size).all(axis=1)
            if bad.any():
                x[bad] = solve_dense(self.dense(bad).swapaxes(1, 2), right[bad])
        return x
