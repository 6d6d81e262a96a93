"""Batched linear algebra on block matrices: elimination over groups.

A block is ``diagonal`` (batch, size) or ``dense`` (batch, rows, columns), told apart by its number of axes. No sample
can raise for, or spoil, another: what can not be solved is NaN in its own row only. Complex blocks work as real ones
do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crncompile.solve.problem import Array, Blocks, Structure


def inverse(matrices: Array) -> Array:
    """Inverses of (batch, n, n) matrices; NaN for those that are singular."""
    if matrices.shape[-1] == 1:
        return 1 / np.where(matrices == 0, np.nan, matrices)
    try:
        return np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        singular = np.linalg.slogdet(matrices)[0] == 0
        identity = np.eye(matrices.shape[-1], dtype=matrices.dtype)
        inverses = np.linalg.inv(np.where(singular[:, None, None], identity, matrices))
        inverses[singular] = np.nan
        return inverses


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
    if a.ndim == b.ndim:
        return a + b
    dense, diagonal = (a, b) if a.ndim == 3 else (b, a)
    result = dense.astype(np.result_type(a, b), order="C")
    result.reshape(len(result), dense.shape[1] * dense.shape[2])[:, :: dense.shape[2] + 1] += diagonal
    return result


@dataclass(frozen=True, eq=False)
class BlockMatrix:
    """A batch of matrices by blocks between groups; see `matrix.Matrix` for what its methods do."""

    structure: Structure
    blocks: Blocks

    @property
    def transposed(self) -> BlockMatrix:
        """The transposed matrix (views)."""
        flipped = {(c, r): b.swapaxes(1, 2) if b.ndim == 3 else b for (r, c), b in self.blocks.items()}
        return BlockMatrix(self.structure, flipped)

    def times(self, x: Array) -> Array:
        """Multiply (batch, n) vectors."""
        result = np.zeros(x.shape, np.result_type(x, *self.blocks.values()))
        for (row, column), block in self.blocks.items():
            result[:, self.structure.slices[row]] += apply(block, x[:, self.structure.slices[column], None])[:, :, 0]
        return result

    def dense(self) -> Array:
        """All entries, (batch, n, n)."""
        size = len(self.structure.reservoirs)
        first = next(iter(self.blocks.values()))
        matrix = np.zeros((len(first), size, size), first.dtype)
        for (row, column), block in self.blocks.items():
            matrix[:, self.structure.slices[row], self.structure.slices[column]] = as_dense(block)
        return matrix

    def diagonal(self) -> Array:
        """Diagonal, (batch, n)."""
        own = (self.blocks[group, group] for group in range(len(self.structure.groups)))
        return np.concatenate([b if b.ndim == 2 else np.diagonal(b, axis1=1, axis2=2) for b in own], axis=1)

    def plus_diagonal(self, shift: Array) -> BlockMatrix:
        """Add ``shift`` (batch, n) to the diagonal."""
        blocks = dict(self.blocks)
        for group, where in enumerate(self.structure.slices):
            if shift[:, where].any():
                blocks[group, group] = total(blocks[group, group], shift[:, where])
        return BlockMatrix(self.structure, blocks)

    def map(self, function: Callable[[Array], Array]) -> BlockMatrix:
        """Apply a function to the entries that are not identically zero, sample by sample."""
        return BlockMatrix(self.structure, {key: function(block) for key, block in self.blocks.items()})

    def choose(self, first: Array, other: BlockMatrix) -> BlockMatrix:
        """Keep the samples where ``first`` (batch,) is true; those of ``other`` stand elsewhere."""
        blocks = {}
        for key, block in self.blocks.items():
            blocks[key] = np.where(first.reshape(-1, *[1] * (block.ndim - 1)), block, other.blocks[key])
        return BlockMatrix(self.structure, blocks)

    def factors(self) -> Elimination:
        """Factorise."""
        return Elimination.of(self.structure, self.blocks)

    def solve_replaced(self, rows: Array, pivots: tuple[int, ...], right: Array, transposed: bool) -> Array:
        """Solve with the rows ``pivots`` replaced, sample by sample and with full pivoting."""
        matrices = self.dense()
        matrices[:, pivots] = rows
        solution = np.empty(right.shape, np.result_type(matrices, right))
        for sample, matrix in enumerate(matrices.swapaxes(1, 2) if transposed else matrices):
            try:
                solution[sample] = np.linalg.solve(matrix, right[sample])
            except np.linalg.LinAlgError:
                solution[sample] = np.nan
        return solution


@dataclass(frozen=True, eq=False)
class Elimination:
    """A factorised block matrix: inverted pivots, and what stood right of and below each when it was eliminated.

    What stood below is not multiplied by the pivot: vectors are, which is less work.
    """

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
            lower |= {(r, group): work[r, group] for r in later if (r, group) in work}
            columns = [c for c in later if (group, c) in upper]
            for row in (r for r in later if columns and (r, group) in lower):
                share = product(lower[row, group], -pivots[group])
                for column in columns:
                    fill = product(share, upper[group, column])
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
            below = [(row, block) for (row, column), block in self.lower.items() if column == group]
            if below:
                share = apply(self.pivots[group], parts[group])
            for row, block in below:
                parts[row] = parts[row] - apply(block, share)
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
            below = [apply_transposed(block, parts[row]) for (row, c), block in self.lower.items() if c == group]
            if below:
                parts[group] = parts[group] - apply_transposed(self.pivots[group], np.sum(below, axis=0))
        return np.concatenate(parts, axis=1)
