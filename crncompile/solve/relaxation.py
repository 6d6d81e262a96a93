"""The relaxation in time of one sample, by scipy's BDF: independent of the path that finds steady states."""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from crncompile.errors import SteadyStateError
from crncompile.solve.blocks import assemble
from crncompile.solve.problem import Array, Functions, Parameters


def relax(
    functions: Functions, parameters: Parameters, held: Array, start: Array, times: Array, *, rtol: float = 1e-8
) -> Array:
    """Potentials (times, n) of one sample at rising ``times`` in s, from ``start`` (n,) at the first of them.

    ``held`` is (m,). The absolute tolerance in kT is ``rtol`` too. Raises `SteadyStateError` where the integration
    fails.
    """

    def rate(_: float, u: Array) -> Array:
        u = u[None]
        flow = functions.currents(u, held[None], parameters) / functions.capacity(u, parameters)
        return np.asarray(flow[0])

    def jacobian(_: float, u: Array) -> Array:
        u = u[None]
        blocks = functions.linearise(u, held[None], parameters)[1]
        capacity = functions.capacity(u, parameters)
        matrix = assemble(functions.structure, blocks) / capacity[:, :, None]
        return np.asarray(matrix[0])

    span = (float(times[0]), float(times[-1]))
    with np.errstate(all="ignore"):
        solution = solve_ivp(rate, span, start, "BDF", times, jac=jacobian, rtol=rtol, atol=rtol)
    if not solution.success:
        raise SteadyStateError(f"the relaxation could not be followed beyond t = {solution.t[-1]:.4g} s")
    return np.asarray(solution.y.T)
