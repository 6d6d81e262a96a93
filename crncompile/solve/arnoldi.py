"""Some eigenvalues of a large relaxation, by Arnoldi's method (ARPACK: Lehoucq, Sorensen and Yang 1998).

The relaxation is C du/dt = J u with C = dn/du; its eigenvalues are those of C^-1 J on the states that keep the totals.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crncompile.solve.equations import Linearisation
from crncompile.solve.problem import Array

RATES = (1.0, 1e-2, 1e-4)
"""Rates at which growth is looked for, as parts of the fastest reservoir's own."""
WANTED, TURNS = 6, 100
GROWTH = 1e-6
"""Excess of a Cayley transform's eigenvalue over one that counts as growth."""


def slowest(linearisation: Linearisation) -> complex:
    """Eigenvalue in 1/s with the largest real part among the `WANTED` nearest to zero, of one sample."""

    def inverse(v: Array) -> Array:
        return np.asarray(linearisation.newton.solve(linearisation.constrained(-linearisation.capacity * v[None]))[0])

    values = -1 / _largest(inverse, linearisation)
    return complex(values[np.argmax(values.real)]) if len(values) else complex(np.nan)


def growing(linearisation: Linearisation) -> float:
    """Rate in 1/s of what grows fastest among what was found to grow, of one sample; 0 where nothing was.

    The Cayley transform (s C - J)^-1 (s C + J) turns an eigenvalue that grows into one larger than one, the larger the
    nearer to s; it is looked for at several rates s.
    """
    capacity = linearisation.capacity
    fastest = float(np.abs(linearisation.jacobian.diagonal() / capacity).max())
    if not np.isfinite(fastest):
        return np.inf
    return max(_growing(linearisation, fastest * part) for part in RATES)


def _growing(linearisation: Linearisation, rate: float) -> float:
    shift = rate * linearisation.capacity
    system = linearisation.system(shift)

    def cayley(v: Array) -> Array:
        image = linearisation.jacobian.times(v[None]) + shift * v[None]
        return np.asarray(system.solve(linearisation.constrained(image))[0])

    values = _largest(cayley, linearisation)
    grown = values[np.abs(values) > 1 + GROWTH]
    return float(np.abs(rate * (grown - 1) / (grown + 1)).max(initial=0))


def _largest(image: Callable[[Array], Array], linearisation: Linearisation) -> Array:
    """Eigenvalues of largest size of a linear map; those that have not converged are left out."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

    size = linearisation.currents.shape[1]
    operator = LinearOperator((size, size), matvec=lambda v: image(v.ravel()), dtype=float)
    start = linearisation.system(linearisation.capacity).solve(linearisation.constrained(np.ones((1, size))))[0]
    try:
        return np.asarray(eigs(operator, WANTED, v0=start, maxiter=TURNS, tol=1e-8, return_eigenvectors=False))
    except ArpackNoConvergence as error:
        return np.asarray(error.eigenvalues)
