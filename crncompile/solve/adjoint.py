"""Gradients at a steady state by the implicit-function theorem."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from crncompile.solve.equations import Equations, Linearisation
from crncompile.solve.linear import pivot_reservoirs
from crncompile.solve.problem import Array, Functions, Parameters


def adjoint(
    functions: Functions,
    parameters: Parameters,
    held: Array,
    u: Array,
    seed: Array,
    linearisation: Linearisation | None = None,
) -> Array:
    """Solve J^T lambda = seed at steady states: then dL/dtheta = - lambda . dR/dtheta.

    R is the current F of every reservoir, but for the pivot reservoir of each conserved law (`pivot_reservoirs`) it is
    w . n(u) - T, the law itself: for these, dR/dtheta is w . dn/dtheta - dT/dtheta (and J the same row of derivatives).
    A total T that was not stated is that of the start, T = w . n(start), and may depend on parameters too.

    Parameters
    ----------
    held, u, seed
        Held potentials (batch, m), steady potentials (batch, n) and dL/du there (batch, n).
    linearisation
        That at ``u``, if it is known: its factors are used again.

    Returns
    -------
    lambda, (batch, n); rows of NaN for samples whose Jacobian is singular or whose ``u`` is NaN.
    """
    with np.errstate(all="ignore"):
        here = linearisation or Equations.of(functions, parameters, held, u, None).linearise(u)
        return here.solve_transposed(np.asarray(seed))


def gradient_at(
    functions: Any,
    parameters: Parameters,
    held: Array,
    u: Array,
    weights: Mapping[str, Array],
    *,
    per_sample: bool = False,
    totals_fixed: bool = False,
    linearisation: Linearisation | None = None,
    only: Collection[str] | None = None,
) -> tuple[dict[str, Array], Array]:
    """Differentiate sum(weights[readout] * readout) at steady states ``u`` (samples, n) by parameters and ``held``.

    ``functions`` are those of a generated module, ``weights[name]`` is (samples, *readout). Returns
    ({parameter: array}, (samples, m)), summed over the samples or, with ``per_sample``, (samples, *parameter).
    ``totals_fixed``: conserved totals were stated and do not follow the start. Exact, by the implicit-function theorem:
    one linear solve with the transposed Jacobian and one pass over the families. ``linearisation`` is that at ``u``, if
    it is known; ``only`` names the parameters that matter.
    """
    to_u, to_held, direct = functions.readout_pullback(weights, u, held, parameters)
    multipliers = adjoint(functions, parameters, held, u, to_u, linearisation)
    prepared, settled = parameters, held
    if linearisation is not None and linearisation.equations.functions is functions:
        prepared, settled = linearisation.equations.parameters, linearisation.equations.held
    free = multipliers.copy()
    pivots = list(pivot_reservoirs(functions.structure.conserved))
    free[:, pivots] = 0.0
    through, held_part = functions.pullback(-free, u, settled, prepared, per_sample, only)
    to_held = to_held + held_part
    parts = [direct, functions.hold_pullback(to_held, parameters)]
    if pivots:
        parts += _conserved(functions, parameters, u, multipliers[:, pivots], totals_fixed)
    samples = (len(u),) if per_sample else ()
    result = dict(through)
    for part in parts:
        for name, value in part.items():
            share = value if per_sample else value.sum(axis=0)
            result[name] = result[name] + share if name in result else share
    for name, value in parameters.items():
        if name not in result and (only is None or name in only):
            result[name] = np.zeros((*samples, *np.shape(value)), u.dtype)
    return result, to_held


def _conserved(
    functions: Any, parameters: Parameters, u: Array, multipliers: Array, totals_fixed: bool
) -> list[dict[str, Array]]:
    """Add what conserved totals do: -multiplier * (w . dn/dtheta - dT/dtheta), T of the start unless stated."""
    weights = multipliers @ functions.structure.conserved
    parts = [functions.content_pullback(-weights, u, parameters)]
    if not totals_fixed:
        start = np.broadcast_to(functions.start(parameters), u.shape)
        parts.append(functions.content_pullback(weights, start, parameters))
        parts.append(functions.start_pullback(weights * functions.capacity(start, parameters), parameters))
    return parts
