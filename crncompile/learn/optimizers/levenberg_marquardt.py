"""Least squares with the exact Jacobian by scipy's trust-region method (Levenberg 1944; Marquardt 1963; More 1978)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from crncompile.learn.recorder import Recorder
from crncompile.learn.rules.adjoint import gradient
from crncompile.learn.task import Outcome, Task
from crncompile.learn.transform import Packing

Array = NDArray[Any]
_FAR = 10.0  # residual, in units of the targets' spread, of a sample without a steady state: such a step is refused


class _Residuals:
    """Residuals and their Jacobian for one start; the states of the last point begin the search at the next."""

    def __init__(self, task: Task, packing: Packing, values: dict[str, Array], recorder: Recorder, evaluations: int):
        self.task, self.packing, self.values, self.recorder = task, packing, values, recorder
        self.evaluations, self.count = evaluations, 0
        self.scale = 1.0 / np.sqrt(task.targets.size)
        self.warm: Array | None = None
        self.at: Array | None = None
        self.outcome: Outcome | None = None

    def __call__(self, z: Array) -> Array:
        parameters = {**self.values, **self.packing.unpack(z)}
        self.outcome = self.task.run(parameters, warm=self.warm)
        self.at = z.copy()
        self.count += 1
        fraction = min(1.0, self.count / self.evaluations)
        self.recorder.record(self.outcome.loss, parameters, self.outcome.unconverged, self.count, fraction)
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
    task: Task, packing: Packing, values: dict[str, Array], recorder: Recorder, *, iterations: int = 200, tolerance: float = 1e-12
) -> None:
    """Minimise the sum of squares from one start; everything found is in the recorder."""
    residuals = _Residuals(task, packing, values, recorder, iterations)
    least_squares(
        residuals,
        packing.pack(values),
        jac=residuals.jacobian,
        method="trf",
        x_scale="jac",
        max_nfev=iterations,
        ftol=tolerance,
        xtol=tolerance,
        gtol=1e-15,
    )
