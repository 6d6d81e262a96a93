"""Least squares with a rule's Jacobian by scipy's trust-region method (Levenberg 1944; Marquardt 1963; More 1978)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import NotAllowedError
from crncompile.learn.job import Job, evaluated
from crncompile.learn.recorder import part
from crncompile.learn.settings import TARGET, Setting, count
from crncompile.learn.task import Outcome, Search

Array = NDArray[Any]
NAME = "levenberg_marquardt"
LEAST_SQUARES = True
SETTINGS: dict[str, Setting] = {
    "starts": count(4, "starts that are tried"),
    "trial": count(40, "evaluations of each trial"),
    "iterations": count(400, "most evaluations of the best starts"),
    "target": TARGET,
}
_FAR = 10.0  # residual, in spreads of the targets, of a sample without a steady state: such a step is refused


@dataclass(frozen=True, eq=False)
class Found:
    """The best parameters of one start, their loss (infinite if none had all its steady states) and their states."""

    values: Mapping[str, Array]
    loss: float
    states: Array | None


class _TargetMetError(Exception):
    """The loss is below the target."""


def train(job: Job) -> None:
    """Try all starts for a while, then finish them in the order of their promise until one meets the target.

    Checkpoints are written between starts; one that is cut off is done again.
    """
    recorder, target = job.recorder, job.number("target")
    starts, trial, iterations = job.count("starts"), job.count("trial"), job.count("iterations")
    recorder.starts = starts
    recorder.plan(starts * trial + iterations)
    tried, finished = _restored(job)
    while len(tried) < starts and not any(found.loss <= target for found in tried):
        begin = Found(job.begin(len(tried)), float("inf"), None)
        tried.append(_minimise(job, begin, trial))
        job.offer(partial(_state, tried, 0))
    order = sorted(range(len(tried)), key=lambda start: tried[start].loss)
    for place in range(finished, len(order)):
        recorder.start, found = order[place] + 1, tried[order[place]]
        found = found if found.loss <= target else _minimise(job, found, iterations)
        over = recorder.confirm(found.values).loss <= 10 * target or not target
        finished = len(order) if over else place + 1
        job.keep(partial(_state, tried, finished))
        if over:
            break


def _state(tried: list[Found], finished: int) -> dict[str, Array]:
    """Return what a later run needs: what has been tried, and how many have been finished."""
    state = {"finished": np.array(finished), "losses": np.array([found.loss for found in tried])}
    for start, found in enumerate(tried):
        state |= {f"{start}.values.{name}": value for name, value in found.values.items()}
        state |= {} if found.states is None else {f"{start}.states": found.states}
    return state


def _restored(job: Job) -> tuple[list[Found], int]:
    if job.resumed is None:
        return [], 0
    state = part(job.resumed, "optimizer")
    tried = [
        Found(part(state, f"{start}.values"), float(loss), state.get(f"{start}.states"))
        for start, loss in enumerate(state["losses"])
    ]
    return tried, int(state["finished"])


class _Residuals:
    """Residuals and their Jacobian for one start; the states of the last accepted point are those to begin with."""

    def __init__(self, job: Job, begin: Found):
        whole = job.task.subset(slice(None))  # solved at once, for derivatives
        self.task, self.packing, self.recorder, self.target = whole, job.packing, job.recorder, job.number("target")
        self.gradient = job.teacher
        self.fixed, self.warm = begin.values, begin.states
        self.scale = 1.0 / np.sqrt(job.task.targets.size)
        self.at: Array | None = None
        self.outcome: Outcome | None = None
        self.best = Found(begin.values, float("inf"), None)

    def __call__(self, z: Array) -> Array:
        parameters = {**self.fixed, **self.packing.unpack(z)}
        far = _FAR * (1.0 + np.ptp(self.task.targets))
        try:
            self.outcome = self.task.run(parameters, Search(self.warm))
        except NotAllowedError:
            return np.full(self.task.targets.size, far * self.scale)
        self.at = z.copy()
        residuals = np.where(self.outcome.good[:, None], self.outcome.predictions - self.task.targets, far).ravel()
        # where samples have no steady state the best is what is minimised: some may never have one
        loss = float(np.mean(residuals**2)) if self.outcome.unconverged else self.outcome.loss
        if loss < self.best.loss:
            self.best = Found(parameters, loss, self.outcome.solution.u)
        self.recorder.add(self.outcome, parameters)
        self.recorder.note(evaluated(self.task, self.outcome))
        self.recorder.tell(self.outcome)
        if loss <= self.target:
            raise _TargetMetError
        return np.asarray(residuals * self.scale)

    def jacobian(self, z: Array) -> Array:
        """Return the derivative of the residuals, (residuals, free variables)."""
        if self.at is None or not np.array_equal(z, self.at):
            self(z)
        assert self.outcome is not None
        if not self.outcome.unconverged:
            self.warm = self.outcome.solution.u
        rows = []
        for output in range(self.task.targets.shape[1]):
            weights = np.zeros(self.task.targets.shape)
            weights[:, output] = self.scale
            slope = self.gradient(self.task.compiled, self.outcome, self.task.by_readout(weights), per_sample=True)
            rows.append(self.packing.pull(slope, z))
        return np.stack(rows, axis=1).reshape(-1, self.packing.size)


def _minimise(job: Job, begin: Found, iterations: int) -> Found:
    """Minimise the mean square from one start with at most this many evaluations; stop where it is below the target."""
    from scipy.optimize import least_squares

    residuals = _Residuals(job, begin)
    with suppress(_TargetMetError):
        least_squares(
            residuals,
            job.packing.pack(begin.values),
            jac=residuals.jacobian,
            method="trf",
            max_nfev=iterations,
            ftol=1e-13,
            xtol=1e-13,
            gtol=1e-15,
        )
    return residuals.best
