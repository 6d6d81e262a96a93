"""Newton's method: plain, by pseudo-transient continuation where that strays, and to polish any answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from crncompile.solve.equations import Equations, Linearisation
from crncompile.solve.linear import BACKWARD_ERROR, VANISHING, matrix_of
from crncompile.solve.problem import Array

LARGEST_STEP = 3.0
"""Longest step in kT of any potential."""
FULL_STEP = 1e3
"""The same where a stray does no harm: one such step balances currents that are linear in the potentials."""
MOST_STEPS, MOST_POLISHING = 16, 12
"""Most iterations until a step is small, and behind it."""
STILL = 1e-13, 2e-5
"""A Newton step in kT from which on 64 bits, and 32, gain little."""
ARRIVED = 1e-4
"""A Newton step in kT behind which its square is small: what is left is a matter of polishing."""
ROUGH = 3e-4
"""A Newton step in kT behind which 32 bits tell no more: its square is their rounding."""
MARGIN = 1e-3
"""How far in kT a box that confines an answer reaches beyond it, for the reservoir that moves most; see `region`."""


@dataclass(frozen=True)
class Precision:
    """What counts as found: ``residual`` relative to the gross flux, ``step`` of Newton relative to max(1, |u|).

    ``arrived`` is a Newton step in kT at which polishing begins; below ``rounded`` and ``still`` nothing can be gained.
    """

    residual: float
    step: float
    arrived: float
    rounded: float
    still: float


def precision(dtype: np.dtype[np.floating] | type) -> Precision:
    """Return what counts as found in 64 or in 32 bits."""
    unit = float(np.finfo(dtype).eps)
    if unit > 1e-10:
        return Precision(1e-5, 1e-3, 1e-3, 64 * unit, 2e3 * unit)
    return Precision(1e-10, 1e-9, ARRIVED, 64 * unit, 1e4 * unit)


@dataclass(frozen=True, eq=False)
class Polished:
    """Where Newton ended: states (batch, n); largest relative residual, Newton step and iterations (batch,).

    ``last`` is the linearisation at ``u``, if it was computed for all samples at once. ``confined`` says whom
    `region.confined` would prove to relax to the answer from where the search began, where that is known.
    """

    u: Array
    residual: Array
    step: Array
    iterations: Array
    last: Linearisation | None = None
    confined: Array | None = None

    @classmethod
    def nowhere(cls, start: Array) -> Polished:
        """Return what is known before a search."""
        unknown = np.full(len(start), np.inf, start.dtype)
        return cls(start, unknown, unknown, np.zeros(len(start), int))

    def put(self, where: Array, part: Polished) -> Polished:
        """Return this with what was found for some samples (batch,), in as many iterations more."""
        if where.all():
            return replace(part, iterations=self.iterations + part.iterations)
        u, residual, step, iterations = (a.copy() for a in (self.u, self.residual, self.step, self.iterations))
        u[where], residual[where], step[where] = part.u, part.residual, part.step
        iterations[where] += part.iterations
        return Polished(u, residual, step, iterations)

    @property
    def found(self) -> Array:
        """Say which samples (batch,) have arrived: their residual and Newton step are both small."""
        wanted = precision(self.u.dtype)
        scale = np.maximum(1, np.abs(self.u).max(axis=1, initial=0))
        return np.asarray((self.residual <= wanted.residual) & (self.step <= wanted.step * scale))


def largest(x: Array) -> Array:
    """Return the largest size in each row of (batch, k); NaN counts as infinite."""
    sizes = np.maximum.reduce(np.abs(x), axis=1, initial=0)
    sizes[sizes != sizes] = np.inf
    return np.asarray(sizes)


def limited(step: Array, longest: float = LARGEST_STEP) -> Array:
    """Step (batch, n) shortened to at most ``longest``; zero where it is not finite."""
    size = largest(step)[:, None]
    if (size <= longest).all():
        return step
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(step), step * np.minimum(1, longest / np.maximum(size, longest)), 0)


def residual_of(linearisation: Linearisation) -> Array:
    """Largest residual (batch,): |F| over gross flux of each reservoir, gaps of conserved totals in kT."""
    with np.errstate(all="ignore"):
        relative, gaps = linearisation.residuals
    return np.maximum(largest(relative), largest(gaps)) if gaps.shape[1] else largest(relative)


class Attempt(NamedTuple):
    """How far Newton's method may go: how often its steps may fail to halve, and the longest of them in kT."""

    patience: int
    longest: float = LARGEST_STEP


def approach(
    equations: Equations,
    exact: Equations,
    start: Array,
    attempts: Sequence[Attempt],
    confine: bool = False,
    single: Equations | None = None,
) -> Polished:
    """Newton from ``start`` (batch, n), one attempt after the other, polished with the ``exact`` equations.

    Residual and step are infinite for the samples that strayed in all attempts. What a proof needs that answers are
    confined is computed on the way if it is going to be asked for, where that is quicker. Where the equations in 32
    bits are given too, ``single``, an attempt that goes its long way in them comes before all others.
    """
    own = partial(compiled, confine=confine)
    search = own if equations is exact and equations.compiled else _polished_newton
    found = Polished.nowhere(start)

    def searched(where: Array, begin: Array, attempt: Attempt) -> Polished:
        """Return what is found with one attempt more, of some samples (batch,) from ``begin`` (batch, n)."""
        whole = where.all()
        here = equations if whole else equations.take(where)
        lawful = here if equations is exact else exact if whole else exact.take(where)
        return found.put(where, search(here, lawful, begin if whole else begin[where], attempt))

    if single is not None:
        with np.errstate(all="ignore"):
            begin = start.astype(np.float32)
        states, tried = newton(single, begin, *attempts[0], arrived=ROUGH)
        found, near = replace(found, iterations=tried), np.asarray(np.isfinite(states).all(axis=1))
        found = searched(near, states, attempts[0]) if near.any() else found
    for attempt in attempts:
        lost = np.isinf(found.step)
        found = searched(lost, start, attempt) if lost.any() else found
    return found


def _polished_newton(equations: Equations, exact: Equations, start: Array, attempt: Attempt) -> Polished:
    states, tried = newton(equations, start, *attempt)
    states = states.astype(start.dtype, copy=False)
    found, arrived = Polished.nowhere(start), np.asarray(np.isfinite(states).all(axis=1))
    if arrived.any():
        here = exact if arrived.all() else exact.take(arrived)
        found = found.put(arrived, polish(here, states[arrived]))
    return replace(found, iterations=found.iterations + tried)


def compiled(
    equations: Equations,
    _: Equations,
    start: Array,
    attempt: Attempt,
    iterations: int = MOST_STEPS,
    confine: bool = False,
) -> Polished:
    """Do what `newton` and `polish` do in compiled code, sample by sample; without ``iterations``, what `polish` does.

    Of the states behind the first small step, that with the smallest step is kept. ``confine``: as `region` does.
    """
    wanted, unit = precision(start.dtype), float(np.finfo(start.dtype).eps)
    settings = {
        "longest": attempt.longest,
        "arrived": wanted.arrived,
        "still": STILL[unit > 1e-10],  # less than in `_polish`, as the residual is not asked for
        "allowed": BACKWARD_ERROR * unit,
        "vanishing": VANISHING,
        "margin": MARGIN,
        "iterations": iterations,
        "patience": attempt.patience,
        "polishing": MOST_POLISHING,
    }
    functions: Any = equations.functions
    found = functions.newton(start, equations.held, equations.parameters, equations.injected, settings, confine)
    last = Linearisation(equations, found.u, found.currents, matrix_of(equations.structure, found.blocks))
    last = last.knowing(gross=found.gross, newton_step=found.step)
    if found.response is not None:
        last = last.knowing(response=found.response)
    residual, step = residual_of(last), largest(found.step)
    whole = found.found.all()
    residual[~found.found] = step[~found.found] = np.inf
    result = Polished(found.u, residual, step, found.iterations, last if whole else None, found.confined)
    poor = found.found & ~result.found
    return result.put(poor, _polish(equations.take(poor), found.u[poor])) if poor.any() else result


def newton(
    equations: Equations,
    start: Array,
    patience: int,
    longest: float = LARGEST_STEP,
    iterations: int = MOST_STEPS,
    arrived: float | None = None,
) -> tuple[Array, Array]:
    """Plain Newton from ``start`` (batch, n) until the next step would be a polish: states, iterations (batch,).

    That is behind a step of ``arrived`` in kT, which the precision decides where it is not stated. States are real
    numbers of 64 bits, as 32 do not have room for a last small step.

    NaN marks the samples whose steps failed to halve ``patience`` times (after the natural monotonicity test: Deuflhard
    2004, Newton Methods for Nonlinear Problems, 3.1). Steps are cut reservoir by reservoir: one with a long way to go,
    as where an enzyme is saturated, does not hold up all others.
    """
    result, counts = np.full(start.shape, np.nan), np.zeros(len(start), int)
    u, active, before, left = start, np.arange(len(start)), np.full(len(start), np.inf), np.full(len(start), patience)
    small, on = precision(start.dtype).arrived if arrived is None else arrived, np.ones(len(start), bool)
    with np.errstate(all="ignore"):
        for _ in range(iterations):
            linearisation = equations.linearise(u)
            step = linearisation.newton.solve_unchecked(linearisation.newton_right)
            size = largest(step)
            counts[active[on]] += 1
            step = np.minimum(np.maximum(step, -longest), longest)
            ready = on & (size < small)
            left = left - (size > before / 2)
            on = on & ~ready & np.isfinite(size) & (left > 0)
            if ready.any():
                result[active[ready]] = u[ready].astype(float, copy=False) + step[ready]
            if not on.any():
                break
            u, before = u + step, size
            if few(on):
                equations, u, active, before, left = equations.take(on), u[on], active[on], before[on], left[on]
                on = on[on]
    return result, counts


def few(on: Array) -> bool:
    """Whether so few samples of a batch still go on that a smaller batch is worth its copy."""
    return bool(2 * np.count_nonzero(on) <= len(on))


def polish(equations: Equations, start: Array) -> Polished:
    """Plain Newton from ``start`` (batch, n) until nothing is gained; the best state of each sample is kept.

    That is the one with the smallest step, and where its residual is too large, the one with the smallest residual.
    """
    own = equations.compiled
    found = compiled(equations, equations, start, Attempt(2), iterations=0) if own else _rested(equations, start)
    poor = ~found.found
    return found.put(poor, _polish(equations.take(poor), start[poor])) if poor.any() else found


def _rested(equations: Equations, start: Array) -> Polished:
    """Plain Newton until a sample's step is `STILL`, or twice failed to halve."""
    best, steps, counts = start.copy(), np.full(len(start), np.inf, start.dtype), np.zeros(len(start), int)
    still = STILL[float(np.finfo(start.dtype).eps) > 1e-10]
    here, u, active, patience = equations, start, np.arange(len(start)), np.full(len(start), 2)
    on, last = np.ones(len(start), bool), None
    for _ in range(MOST_POLISHING):
        with np.errstate(all="ignore"):
            linearisation = here.linearise(u)
            step = linearisation.newton_step
        size, before = largest(step), steps[active]
        counts[active[on]] += 1
        better = on & (size < before)
        chosen = active[better]
        best[chosen], steps[chosen] = u[better], size[better]
        last = linearisation if here is equations and np.array_equal(best, u) else None
        patience = patience - (size > before / 2)
        on = on & (size > still) & np.isfinite(size) & (patience > 0)
        if not on.any():
            break
        u = np.where(on[:, None], u + limited(step), u)
        if few(on):
            here, u, active, patience = here.take(on), u[on], active[on], patience[on]
            on = on[on]
    if last is None:
        with np.errstate(all="ignore"):
            last = equations.linearise(best)
    return Polished(best, residual_of(last), steps, counts, last)


def _polish(equations: Equations, start: Array) -> Polished:
    """Plain Newton until a sample was found to rounding, or its step twice failed to halve: the least residual."""
    unknown, wanted = np.full(len(start), np.inf), precision(start.dtype)
    best = Polished(start.copy(), unknown, unknown.copy(), np.zeros(len(start), int))
    u, active, patience = start, np.arange(len(start)), np.full(len(start), 2)
    on = np.ones(len(start), bool)
    for _ in range(MOST_POLISHING):
        with np.errstate(all="ignore"):
            linearisation = equations.linearise(u)
            step = linearisation.newton_step
        residual, size = residual_of(linearisation), largest(step)
        best.iterations[active[on]] += 1
        before = best.step[active]
        better = on & ((residual < best.residual[active]) | ((residual == best.residual[active]) & (size < before)))
        patience = patience - (size > before / 2)
        chosen = active[better]
        best.u[chosen], best.residual[chosen], best.step[chosen] = u[better], residual[better], size[better]
        done = (residual <= wanted.rounded) & (size <= wanted.still)
        on = on & ~done & np.isfinite(size) & (patience > 0) & (size > 0)
        if not on.any():
            break
        u = np.where(on[:, None], u + limited(step), u)
        if few(on):
            equations, u, active, patience = equations.take(on), u[on], active[on], patience[on]
            on = on[on]
    return best


def continuation(equations: Equations, start: Array, iterations: int = 200) -> tuple[Array, Array]:
    """Pseudo-transient continuation from ``start`` (batch, n): a state near the steady state, iterations (batch,).

    The diagonal is scaled by the gross flux, so that ``tau`` counts turnovers of a reservoir (switched evolution
    relaxation: Kelley and Keyes 1998). Steps are accepted and rejected sample by sample. A sample leaves when its
    Newton step is below 1e-6 (in 32 bits 1e-4) or it can go no further; NaN marks the states of those that failed.
    """
    near = max(1e-6, 1e3 * float(np.finfo(start.dtype).eps))
    u, result, counts = start.copy(), np.full_like(start, np.nan), np.zeros(len(start), int)
    active, tau = np.arange(len(start)), np.full(len(start), 0.3, start.dtype)
    with np.errstate(all="ignore"):
        linearisation = equations.linearise(u)
        norm = _norm(linearisation)
        for _ in range(iterations):
            step = limited(linearisation.step(linearisation.gross / tau[:, None]))
            counts[active] += 1
            trial = equations.linearise(u + step)
            trial_norm = _norm(trial)
            rejected = ~(trial_norm <= 2 * norm)
            ratio = np.where(trial_norm <= norm, np.clip(norm / np.maximum(trial_norm, 1e-300), 2, 6), 0.5)
            tau = np.where(rejected, tau / 4, tau * ratio)
            arrived = ~rejected & (largest(step) < near) & (tau > 1e3)
            result[active[arrived]] = (u + step)[arrived]
            linearisation = _choose(rejected, linearisation, trial)
            u, norm = linearisation.u, np.where(rejected, norm, trial_norm)
            stays = ~arrived & (tau > 1e-12)
            if not stays.any():
                break
            if not stays.all():
                active, tau, norm, u = active[stays], tau[stays], norm[stays], u[stays]
                equations, linearisation = equations.take(stays), linearisation.take(stays)
    return result, counts


def _norm(linearisation: Linearisation) -> Array:
    """Root mean square (batch,) of the relative residual, gaps of conserved totals added."""
    relative, gaps = linearisation.residuals
    return np.asarray(np.sqrt((relative**2).mean(axis=1) + (gaps**2).sum(axis=1)))


def _choose(first: Array, a: Linearisation, b: Linearisation) -> Linearisation:
    """Take samples of ``a`` where ``first`` (batch,) is true, of ``b`` elsewhere."""
    if not first.any():
        return b
    here = first[:, None]
    u, currents = np.where(here, a.u, b.u), np.where(here, a.currents, b.currents)
    return Linearisation(a.equations, u, currents, a.jacobian.choose(first, b.jacobian))
