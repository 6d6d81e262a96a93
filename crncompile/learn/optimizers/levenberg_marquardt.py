"""Least squares with a rule's Jacobian by scipy's trust-region method (Levenberg 1944; Marquardt 1963; More 1978)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from crncompile.learn.recorder import Recorder
from crncompile.learn.task import Outcome, Task
from crncompile.learn.teacher import Gradient
from crncompile.learn.transform import Packing

Array = NDArray[Any]
_FAR = 10.0  # residual, in spreads of the targets, of a sample without a steady state: such a step is refused


@dataclass(frozen=True, eq=False)
class Found:
    """The best parameters of one start, their loss (infinite if none had all its steady states) and their states."""

    values: Mapping[str, Array]
    loss: float
    states: Array | None


class _TargetMetError(Exception):
    """The loss is below the target."""


class _Residuals:
    """Residuals and their Jacobian for one start; the states of the last accepted point are those to begin with."""

    def __init__(
        self, task: Task, packing: Packing, begin: Found, recorder: Recorder, gradient: Gradient, target: float
    ):
        self.task, self.packing, self.recorder, self.target = task, packing, recorder, target
        self.gradient = gradient
        self.fixed, self.warm = begin.values, begin.states
        self.scale = 1.0 / np.sqrt(task.targets.size)
        self.at: Array | None = None
        self.outcome: Outcome | None = None
        self.best = Found(begin.values, float("inf"), None)

    def __call__(self, z: Array) -> Array:
        parameters = {**self.fixed, **self.packing.unpack(z)}
        self.outcome = self.task.run(parameters, warm=self.warm)
        self.at = z.copy()
        loss = self.outcome.loss if not self.outcome.unconverged else float("inf")
        if loss < self.best.loss:
            self.best = Found(parameters, loss, self.outcome.solution.u)
        self.recorder.record(self.outcome.loss, parameters, self.outcome.unconverged)
        if loss <= self.target:
            raise _TargetMetError
        far = _FAR * (1.0 + np.ptp(self.task.targets))
        residuals = np.where(self.outcome.good[:, None], self.outcome.predictions - self.task.targets, far)
        return np.asarray(residuals.ravel() * self.scale)

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


def minimise(
    task: Task,
    packing: Packing,
    begin: Found,
    recorder: Recorder,
    gradient: Gradient,
    *,
    iterations: int,
    target: float,
) -> Found:
    """Minimise the mean square from one start with at most this many evaluations; stop where it is below the target."""
    residuals = _Residuals(task, packing, begin, recorder, gradient, target)
    with suppress(_TargetMetError):
        least_squares(
            residuals,
            packing.pack(begin.values),
            jac=residuals.jacobian,
            method="trf",
            max_nfev=iterations,
            ftol=1e-13,
            xtol=1e-13,
            gtol=1e-15,
        )
    return residuals.best
