"""Newton's method: with pseudo-transient continuation where the answer is unique, and plain to polish any answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crncompile.solve.equations import Equations, Linearisation
from crncompile.solve.problem import Array

LARGEST_STEP = 3.0
"""Longest step in kT of any potential."""
CERTAIN_STEP = 1e-9
"""A Newton step, relative to max(1, |u|), at which a state counts as found."""


@dataclass(frozen=True, eq=False)
class Polished:
    """Where Newton ended: states (batch, n); largest relative residual, Newton step and iterations (batch,)."""

    u: Array
    residual: Array
    step: Array
    iterations: Array

    def found(self, tolerance: float) -> Array:
        """Say which samples (batch,) have arrived: their residual and Newton step are both small."""
        scale = np.maximum(1, np.abs(self.u).max(axis=1, initial=0))
        return np.asarray((self.residual <= tolerance) & (self.step <= CERTAIN_STEP * scale))


def largest(x: Array) -> Array:
    """Return the largest size in each row of (batch, k); NaN counts as infinite."""
    sizes = np.abs(x).max(axis=1, initial=0)
    return np.where(np.isnan(sizes), np.inf, sizes)


def limited(step: Array) -> Array:
    """Step (batch, n) shortened to at most `LARGEST_STEP`; zero where it is not finite."""
    size = largest(step)[:, None]
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(size), step * np.minimum(1, LARGEST_STEP / np.maximum(size, LARGEST_STEP)), 0)


def residual_of(equations: Equations, u: Array, linearisation: Linearisation) -> Array:
    """Largest residual (batch,): |F| over gross flux of each reservoir, gaps of conserved totals in kT."""
    with np.errstate(all="ignore"):
        relative, gaps = equations.residual(u, linearisation.currents)
    return np.maximum(largest(relative), largest(gaps))


def polish(equations: Equations, start: Array, iterations: int = 12) -> Polished:
    """Plain Newton from ``start`` (batch, n) until the residual no longer falls; the best state of each sample is kept.

    A sample leaves the batch when it was found to rounding, or its Newton step twice failed to halve.
    """
    unknown = np.full(len(start), np.inf)
    best = Polished(start.copy(), unknown, unknown.copy(), np.zeros(len(start), int))
    u, active, patience = start.copy(), np.arange(len(start)), np.full(len(start), 2)
    for _ in range(iterations):
        if not len(active):
            break
        here = equations.take(active)
        with np.errstate(all="ignore"):
            linearisation = here.linearise(u)
            step = linearisation.step()
        residual, size = residual_of(here, u, linearisation), largest(step)
        best.iterations[active] += 1
        better = (residual < best.residual[active]) | ((residual == best.residual[active]) & (size < best.step[active]))
        chosen = active[better]
        patience = patience - (size > best.step[active] / 2)
        best.u[chosen], best.residual[chosen], best.step[chosen] = u[better], residual[better], size[better]
        stays = np.isfinite(size) & (patience > 0) & (size > 1e-15)
        active, u, patience = active[stays], (u + limited(step))[stays], patience[stays]
    return best


def continuation(equations: Equations, start: Array, iterations: int = 200) -> tuple[Array, Array]:
    """Pseudo-transient continuation from ``start`` (batch, n): a state near the steady state, iterations (batch,).

    The diagonal is scaled by the gross flux, so that ``tau`` counts turnovers of a reservoir (switched evolution
    relaxation: Kelley and Keyes 1998). Steps are accepted and rejected sample by sample. A sample leaves when its
    Newton step is below 1e-6 or it can go no further; NaN marks the states of those that failed.
    """
    u, result, counts = start.copy(), np.full(start.shape, np.nan), np.zeros(len(start), int)
    active, tau = np.arange(len(start)), np.full(len(start), 0.3)
    with np.errstate(all="ignore"):
        linearisation, gross, norm = _evaluate(equations, u)
        for _ in range(iterations):
            here = equations.take(active)
            step = limited(linearisation.step(gross / tau[:, None]))
            counts[active] += 1
            trial, trial_gross, trial_norm = _evaluate(here, u + step)
            rejected = ~(trial_norm <= 2 * norm)
            ratio = np.where(trial_norm <= norm, np.clip(norm / np.maximum(trial_norm, 1e-300), 2, 6), 0.5)
            tau = np.where(rejected, tau / 4, tau * ratio)
            arrived = ~rejected & (largest(step) < 1e-6) & (tau > 1e3)
            result[active[arrived]] = (u + step)[arrived]
            u = np.where(rejected[:, None], u, u + step)
            linearisation = _choose(rejected, linearisation, trial)
            gross = np.where(rejected[:, None], gross, trial_gross)
            norm = np.where(rejected, norm, trial_norm)
            stays = ~arrived & (tau > 1e-12)
            if not stays.any():
                break
            active, u, tau, gross, norm = active[stays], u[stays], tau[stays], gross[stays], norm[stays]
            linearisation = linearisation.take(stays)
    return result, counts


def _evaluate(equations: Equations, u: Array) -> tuple[Linearisation, Array, Array]:
    """Linearisation, gross flux (batch, n), and root mean square of the relative residual (batch,)."""
    linearisation = equations.linearise(u)
    gross = equations.gross(u)
    relative, gaps = equations.residual(u, linearisation.currents, gross)
    return linearisation, gross, np.sqrt((relative**2).mean(axis=1) + (gaps**2).sum(axis=1))


def _choose(first: Array, a: Linearisation, b: Linearisation) -> Linearisation:
    """Take samples of ``a`` where ``first`` (batch,) is true, of ``b`` elsewhere."""

    def pick(x: Array, y: Array) -> Array:
        return np.where(first.reshape(-1, *[1] * (x.ndim - 1)), x, y)

    jacobian = a.jacobian.choose(first, b.jacobian)
    parts = (pick(a.currents, b.currents), jacobian, pick(a.capacity, b.capacity), pick(a.gap, b.gap))
    return Linearisation(a.structure, a.pivots, *parts)
