"""Proof that a relaxation ends at a state, without following it: a box that it can not leave, free of NDC.

Where on a box of potentials every device between two reservoirs has dI/du_source > 0 and dI/du_target < 0, the
relaxation is cooperative there and its Jacobian has no positive column sum. If the currents F are nowhere positive at
the upper corner and nowhere negative at the lower one, no path leaves the box (Kamke 1932; Smith 1995, Monotone
Dynamical Systems, 3.1); in it, contents come nearer to each other in the sum of their distances, so that there is one
steady state, and all paths lead to it. No capacity and no volume enters.
"""

from __future__ import annotations

import numpy as np

from crncompile.solve.equations import Equations
from crncompile.solve.newton import MARGIN, Polished
from crncompile.solve.problem import Array


def confined(equations: Equations, polished: Polished, candidates: Array, start: Array) -> Array:
    """Those of the candidates (batch,) of which a box around answer and start (batch, n) proves that one leads there.

    The corners lie along the response w = -J^-1 gross to currents into all reservoirs, u* - a w and u* + b w: with the
    linearised equations F(u* + b w) is -b gross, and the exact equations are asked whether it is negative.
    """
    if equations.pivots or not candidates.any():
        return np.zeros_like(candidates)
    if polished.confined is not None:
        return np.asarray(candidates & polished.confined)
    with np.errstate(all="ignore"):
        linearisation = polished.last or equations.linearise(polished.u)
        response = linearisation.response
        away = (start - polished.u) / response
        least = MARGIN / response.max(axis=1, keepdims=True)
        low, high = (
            polished.u + side * np.maximum((side * away).max(axis=1, keepdims=True), least) * response
            for side in (-1, 1)
        )
        inside = candidates & (response > 0).all(axis=1)
        inside &= (equations.currents(low) > 0).all(axis=1) & (equations.currents(high) < 0).all(axis=1)
        chosen = np.flatnonzero(inside)
        if len(chosen):
            here = equations.take(chosen)
            inside[chosen] = here.functions.monotone(low[chosen], high[chosen], here.held, here.parameters)
    return np.asarray(inside)
