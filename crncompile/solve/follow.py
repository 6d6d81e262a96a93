"""The followed path: the relaxation from a start, integrated with error control until it is as good as over.

Linearly implicit Euler, (M/h - J) delta = F with M = dn/du, extrapolated (Deuflhard, Hairer and Zugck 1987): order 2 is
step doubling, order 3 costs as much and needs half the steps. The potentials are the variables, so concentrations stay
positive; conserved totals are kept by the solver.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from crncompile.solve.cycles import find_cycle
from crncompile.solve.equations import Equations, Linearisation
from crncompile.solve.newton import largest
from crncompile.solve.problem import Array
from crncompile.solve.stability import unstable_rate

NEAR = 0.05
"""A Newton step in kT below which a steady state is near, and its stability matters."""
ON_UNSTABLE = 1e-6
"""A Newton step in kT below which an unstable steady state has been reached for good."""
SLOW = 0.2
"""Largest h |eigenvalue| of what grows near an unstable state: larger steps damp what should grow."""
TRUSTED = 0.05
"""Estimated error in kT of a path's place, the lead or lag along it left out, up to which its outcome is certain."""
RECORD_FROM, CHECK_EVERY = 200, 200
"""Steps after which states are recorded, and between searches for a cycle in them."""


class Accuracy(NamedTuple):
    """Error per step in kT and order of the extrapolation."""

    tolerance: float
    order: int


class Tableau(NamedTuple):
    """The most exact states of an extrapolation, and their estimated errors; both (batch, n)."""

    u: Array
    error: Array


@dataclass(frozen=True, eq=False)
class Path:
    """Where followed paths ended.

    ``u`` (batch, n) the last states; ``end`` (batch,) why: ``near`` a stable state, ``unstable`` state reached,
    ``cycle`` found, ``lost`` (steps used up or the step size vanished); ``sensitive`` (batch,) was led astray, maybe
    state; ``steps`` (batch,) tried; ``record`` samples, times and states of the accepted steps from `RECORD_FROM` on.
    """

    u: Array
    end: Array
    sensitive: Array
    steps: Array
    record: list[tuple[Array, Array, Array]]

    def history(self, sample: int) -> tuple[Array, Array]:
        """Return the recorded times (steps,) and states (steps, n) of one sample."""
        found = [(times[index == sample], u[index == sample]) for index, times, u in self.record]
        empty = (np.zeros(0), self.u[:0])
        times, states = zip(empty, *found, strict=True)
        return np.concatenate(times), np.concatenate(states)


@dataclass(eq=False)
class _Walkers:
    """Samples still under way: their ``equations``, and fields that have the sample as their first axis."""

    equations: Equations
    index: Array
    u: Array
    h: Array
    time: Array
    fresh: Array
    sensitive: Array
    error: Array

    def keep(self, stays: Array) -> None:
        if stays.all():
            return
        self.equations = self.equations.take(stays)
        for field in fields(self)[1:]:
            setattr(self, field.name, getattr(self, field.name)[stays])


def extrapolated(equations: Equations, u: Array, h: Array, start: Linearisation, euler: Array, order: int) -> Tableau:
    """Extrapolate a step of ``h`` (batch,) from ``u``, where the linearisation is ``start``.

    ``euler`` (batch, n) is the result of one step of linearly implicit Euler; that of k steps of h/k is computed for
    all k up to the order.
    """
    row = [euler]
    for parts in range(2, order + 1):
        x, shift, before = u, (parts / h)[:, None], row
        for part in range(parts):
            here = start if part == 0 else equations.linearise(x)
            x = x + here.step(here.capacity * shift)
        row = [x]
        for column in range(1, parts):
            row.append(row[-1] + (row[-1] - before[column - 1]) / (parts / (parts - column) - 1))
    return Tableau(row[-1], row[-1] - row[-2])


def first_step(linearisation: Linearisation) -> Array:
    """Step size (batch,) in which no potential moves by more than about 0.01 kT."""
    rate = largest(linearisation.currents / linearisation.capacity)
    return np.clip(0.01 / np.maximum(rate, 1e-200), 1e-200, 1e200)


def follow(equations: Equations, start: Array, near: float, accuracy: Accuracy, maximum_steps: int) -> Path:
    """Follow the relaxation from ``start`` (batch, n) until the Newton step is below ``near`` and all is stable."""
    batch = len(start)
    flags = np.ones(batch, bool)
    path = Path(start.copy(), np.full(batch, "lost", "<U8"), ~flags, np.zeros(batch, int), [])
    with np.errstate(all="ignore"):
        h = first_step(equations.linearise(start))
        walkers = _Walkers(equations, np.arange(batch), start.copy(), h, 0 * h, flags, ~flags, 0 * start)
        for step in range(1, maximum_steps + 1):
            if not len(walkers.index):
                break
            good = _advance(walkers, path, near, accuracy)
            if step > RECORD_FROM:
                path.record.append((walkers.index[good], walkers.time[good], walkers.u[good]))
            if step % CHECK_EVERY == 0 or step == maximum_steps:
                cycling = [find_cycle(*path.history(sample)) is not None for sample in walkers.index]
                _leave(path, walkers, np.where(cycling, "cycle", ""))
        _leave(path, walkers, np.full(len(walkers.index), "lost"))
    return path


def _advance(walkers: _Walkers, path: Path, near: float, accuracy: Accuracy) -> Array:
    """Try one step for every sample under way and say whose was accepted; those that arrived leave first."""
    linearisation = walkers.equations.linearise(walkers.u)
    stays = _leave(path, walkers, _examine(linearisation, walkers, near))
    if not stays.any():
        return stays[:0]
    linearisation = linearisation if stays.all() else linearisation.of(walkers.equations, stays)
    shift = linearisation.capacity / walkers.h[:, None]
    system = linearisation.system(shift)
    euler = walkers.u + system.solve(linearisation.right)
    u, local = extrapolated(walkers.equations, walkers.u, walkers.h, linearisation, euler, accuracy.order)
    size = largest(local)
    good = np.asarray((size <= accuracy.tolerance) & ~system.reversed)
    _accumulate(walkers, system.solve(linearisation.constrained(shift * walkers.error)) + local, u, good)
    path.steps[walkers.index] += 1
    walkers.u = np.where(good[:, None], u, walkers.u)
    walkers.time = walkers.time + np.where(good, walkers.h, 0)
    factor = 0.9 * (accuracy.tolerance / np.maximum(size, 1e-300)) ** (1 / accuracy.order)
    walkers.h = walkers.h * np.where(good, np.clip(factor, 0.1, 5), np.clip(factor, 0.1, 0.5))
    walkers.fresh = good
    return good


def _accumulate(walkers: _Walkers, error: Array, u: Array, good: Array) -> None:
    """Note the errors (batch, n) of accepted states ``u``: earlier ones carried by the flow, and those of this step.

    The part along the path is a lead or lag, which changes no outcome.
    """
    move = u - walkers.u
    along = (move * error).sum(axis=1) / np.maximum((move * move).sum(axis=1), 1e-300)
    walkers.sensitive |= good & (largest(error - along[:, None] * move) > TRUSTED)
    walkers.error = np.where(good[:, None], error, walkers.error)


def _examine(linearisation: Linearisation, walkers: _Walkers, near: float) -> Array:
    """Say which samples end here, (batch,) of words or empty; limit the steps of those near an unstable state."""
    ends = np.where((walkers.h < 1e-250) | (walkers.h > 1e150), "lost", np.full(len(walkers.h), "", "<U8"))
    newton = largest(linearisation.newton_step)
    close = np.flatnonzero(walkers.fresh & (newton < NEAR))
    if len(close):
        rate, newton = unstable_rate(linearisation.take(close)), newton[close]
        ends[close[(rate == 0) & (newton < near)]] = "near"
        ends[close[(rate > 0) & (newton < ON_UNSTABLE)]] = "unstable"
        walkers.h[close] = np.minimum(walkers.h[close], SLOW / np.maximum(rate, 1e-200))
    return ends


def _leave(path: Path, walkers: _Walkers, ends: Array) -> Array:
    """Note the ends (batch,) of samples, empty for those that go on; returns which do."""
    leaves = np.asarray(ends != "")
    chosen = walkers.index[leaves]
    path.end[chosen], path.u[chosen], path.sensitive[chosen] = (
        ends[leaves],
        walkers.u[leaves],
        walkers.sensitive[leaves],
    )
    walkers.keep(~leaves)
    return ~leaves
