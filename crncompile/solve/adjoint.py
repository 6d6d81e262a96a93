"""Gradients at a steady state by the implicit-function theorem."""

from __future__ import annotations

import numpy as np

from crncompile.solve.equations import Equations
from crncompile.solve.problem import Array, Functions, Parameters


def adjoint(functions: Functions, parameters: Parameters, held: Array, u: Array, seed: Array) -> Array:
    """Solve J^T lambda = seed at steady states: then dL/dtheta = - lambda . dR/dtheta.

    R is the current F of every reservoir, but for the pivot reservoir of each conserved law (`pivot_reservoirs`) it is
    w . n(u) - T, the law itself: for these, dR/dtheta is w . dn/dtheta - dT/dtheta (and J the same row of derivatives).
    A total T that was not stated is that of the start, T = w . n(start), and may depend on parameters too.

    Parameters
    ----------
    held, u, seed
        Held potentials (batch, m), steady potentials (batch, n) and dL/du there (batch, n).

    Returns
    -------
    lambda, (batch, n); rows of NaN for samples whose Jacobian is singular or whose ``u`` is NaN.
    """
    equations = Equations.of(functions, parameters, held, u, None)
    with np.errstate(all="ignore"):
        linearisation = equations.linearise(u)
        multipliers = -linearisation.system().solve_transposed(np.asarray(seed))
    multipliers[:, equations.pivots] *= -1
    return multipliers
