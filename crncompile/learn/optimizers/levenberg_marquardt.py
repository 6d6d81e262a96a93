"""Least squares with the exact Jacobian, by scipy's trust-region form of the method (Levenberg 1944; Marquardt 1963; More 1978)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from crncompile.learn.recorder import Recorder
from crncompile.learn.rules.adjoint import gradient
from crncompile.learn.task import Outcome, Task
from crncompile.learn.transform import Packing

Array = NDArray[Any]
_FAR = 10.0  # residual, in spreads of the targets, of a sample without a steady state: such a step is refused


class _TargetMetError(Exception):
    """The loss is below the target."""


class _Residuals:
    """Residuals and their Jacobian for one start; the states of the last accepted point begin the search at the next."""

    def __init__(self, task: Task, packing: Packing, fixed: Mapping[str, Array], recorder: Recorder, target: float):
        self.task, self.packing, self.fixed, self.recorder, self.target = task, packing, fixed, recorder, target
        self.scale = 1.0 / np.sqrt(task.targets.size)
        self.warm: Array | None = None
        self.at: Array | None = None
        self.outcome: Outcome | None = None
        self.best = (float("inf"), dict(fixed))

    def __call__(self, z: Array) -> Array:
        parameters = {**self.fixed, **self.packing.unpack(z)}
        self.outcome = self.task.run(parameters, warm=self.warm)
        self.at = z.copy()
        loss = self.outcome.loss if not self.outcome.unconverged else float("inf")
        if loss < self.best[0]:
            self.best = (loss, parameters)
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
            slope = gradient(self.task.compiled, self.outcome, self.task.by_readout(weights), per_sample=True)
            rows.append(self.packing.pull(slope, z))
        return np.stack(rows, axis=1).reshape(-1, self.packing.size)


def minimise(
    task: Task, packing: Packing, values: Mapping[str, Array], recorder: Recorder, *, iterations: int, target: float
) -> tuple[Mapping[str, Array], float]:
    """Minimise the mean square from one start with at most this many evaluations; stop where it is below the target.

    Returns the best parameters and their loss (infinite if no evaluation had all its steady states).
    """
    residuals = _Residuals(task, packing, values, recorder, target)
    try:
        least_squares(
            residuals,
            packing.pack(values),
            jac=residuals.jacobian,
            method="trf",
            max_nfev=iterations,
            ftol=1e-13,
            xtol=1e-13,
            gtol=1e-15,
        )
    except _TargetMetError:
        pass
    return residuals.best[1], residuals.best[0]
