"""Is a steady state stable: a cheap proof where there is one, else the eigenvalues of the relaxation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from crncompile.solve import arnoldi
from crncompile.solve.equations import Linearisation
from crncompile.solve.linear import LinearSystem
from crncompile.solve.problem import Array

ROUNDING = 5.0
"""Real parts of fewer roundings of the largest eigenvalue have no certain sign."""
CANCELLED = 500.0
"""Sums of a column of fewer roundings of its diagonal are zero."""
LARGEST_DENSE = 2000
"""Reservoirs up to which all eigenvalues are computed."""


def _rounding(x: Array) -> float:
    return float(np.finfo(x.dtype).eps)


def proved_stable(linearisation: Linearisation) -> Array:
    """Prove samples (batch,) stable, whatever the capacities, without eigenvalues.

    The Jacobian's Metzler majorant (off-diagonal entries by absolute value) is Hurwitz if and only if it maps some
    positive vector to a negative one; then the Jacobian is stable too (Berman and Plemmons 1979, chapter 6). With
    conserved laws it is enough that its columns, weighted by the laws, have no positive sum: what one reservoir loses
    the others gain at most, so nothing grows, and what stays is the conserved totals (Gershgorin 1931).
    """
    own = linearisation.jacobian.diagonal()
    majorant = linearisation.jacobian.map(np.abs).plus_diagonal(own - np.abs(own))
    if linearisation.pivots:
        kept = np.abs(linearisation.structure.conserved).sum(axis=0, dtype=float)
        columns = majorant.transposed.times(np.broadcast_to(np.where(kept > 0, kept, 1.0), own.shape))
        return np.asarray(((own < 0) & (columns <= CANCELLED * _rounding(own) * np.abs(own))).all(axis=1))
    weights = LinearSystem.plain(majorant.map(np.negative)).solve(-own)
    with np.errstate(invalid="ignore", over="ignore"):
        image = majorant.times(weights)
        return np.asarray(((own < 0) & (weights > 0) & (image <= own / 2)).all(axis=1))


def relaxation_matrix(linearisation: Linearisation) -> Array:
    """Matrix of the relaxation of contents, (batch, n - laws, n - laws), with the conserved totals eliminated."""
    structure, pivots = linearisation.structure, list(linearisation.pivots)
    with np.errstate(all="ignore"):
        matrix = linearisation.jacobian.dense() / linearisation.capacity[:, None, :]
    if not pivots:
        return matrix
    others = [i for i in range(len(structure.reservoirs)) if i not in pivots]
    weights = np.linalg.solve(structure.conserved[:, pivots].astype(float), structure.conserved[:, others])
    return matrix[:, others][:, :, others] - matrix[:, others][:, :, pivots] @ weights


def relaxation_eigenvalues(linearisation: Linearisation) -> Array:
    """Eigenvalues of the relaxation in 1/s, (batch, n - laws); NaN where the matrix is not finite."""
    matrix = relaxation_matrix(linearisation)
    finite = np.isfinite(matrix).all(axis=(1, 2))
    values = np.full(matrix.shape[:2], np.nan, complex)
    if matrix.shape[1]:
        values[finite] = np.linalg.eigvals(matrix[finite])
    return values


def _each(linearisation: Linearisation, samples: Iterable[int]) -> Iterator[Linearisation]:
    for sample in samples:
        yield linearisation.take(np.array([sample]))


def leading_eigenvalue(linearisation: Linearisation) -> Array:
    """Eigenvalue (batch,) in 1/s with the largest real part; of large networks, among those nearest to zero."""
    if linearisation.currents.shape[1] > LARGEST_DENSE:
        return np.array([arnoldi.slowest(one) for one in _each(linearisation, range(len(linearisation.currents)))])
    values = relaxation_eigenvalues(linearisation)
    if not values.shape[1]:
        return np.full(len(values), -np.inf + 0j)
    return np.take_along_axis(values, np.argmax(values.real, axis=1)[:, None], axis=1)[:, 0]


def unstable_rate(linearisation: Linearisation) -> Array:
    """Largest |eigenvalue| among those that grow, (batch,), 0 where the linearisation is stable, inf where unknown.

    Of large networks that are not proved stable, a sample of what could grow is examined (see `arnoldi.growing`).
    """
    rates = np.zeros(len(linearisation.currents))
    open_ones = np.flatnonzero(~proved_stable(linearisation))
    if len(open_ones) and linearisation.currents.shape[1] > LARGEST_DENSE:
        rates[open_ones] = [arnoldi.growing(one) for one in _each(linearisation, open_ones)]
    elif len(open_ones):
        values = relaxation_eigenvalues(linearisation.take(open_ones))
        size = np.abs(values)
        grows = values.real >= -ROUNDING * _rounding(size) * size.max(axis=1, keepdims=True, initial=0)
        rates[open_ones] = np.where(
            np.isfinite(size).all(axis=1), np.where(grows, size, 0).max(axis=1, initial=0), np.inf
        )
    return rates
