"""Is a steady state stable: a cheap proof where there is one, else the eigenvalues of the relaxation."""

from __future__ import annotations

import numpy as np

from crncompile.solve.equations import Linearisation
from crncompile.solve.linear import LinearSystem
from crncompile.solve.problem import Array

ROUNDING = 1e-15
"""Real parts smaller than this part of the largest eigenvalue have no certain sign."""


def proved_stable(linearisation: Linearisation) -> Array:
    """Prove samples (batch,) stable, whatever the capacities, without eigenvalues.

    The Jacobian's Metzler majorant (off-diagonal entries by absolute value) is Hurwitz if and only if it maps some
    positive vector to a negative one; then the Jacobian is stable too (Berman and Plemmons 1979, chapter 6). Networks
    with conserved laws are never proved this way.
    """
    own = linearisation.jacobian.diagonal()
    if linearisation.pivots:
        return np.zeros(len(own), bool)
    majorant = linearisation.jacobian.map(np.abs).plus_diagonal(own - np.abs(own))
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


def leading_eigenvalue(linearisation: Linearisation) -> Array:
    """Eigenvalue (batch,) in 1/s with the largest real part."""
    values = relaxation_eigenvalues(linearisation)
    if not values.shape[1]:
        return np.full(len(values), -np.inf + 0j)
    return np.take_along_axis(values, np.argmax(values.real, axis=1)[:, None], axis=1)[:, 0]


def unstable_rate(linearisation: Linearisation) -> Array:
    """Largest |eigenvalue| among those that grow, (batch,), 0 where the linearisation is stable, inf where unknown."""
    rates = np.zeros(len(linearisation.currents))
    open_ones = np.flatnonzero(~proved_stable(linearisation))
    if len(open_ones):
        values = relaxation_eigenvalues(linearisation.take(open_ones))
        size = np.abs(values)
        grows = values.real >= -ROUNDING * size.max(axis=1, keepdims=True, initial=0)
        rates[open_ones] = np.where(
            np.isfinite(size).all(axis=1), np.where(grows, size, 0).max(axis=1, initial=0), np.inf
        )
    return rates
