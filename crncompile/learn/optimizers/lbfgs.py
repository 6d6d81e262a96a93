"""L-BFGS on the whole set, by scipy (Liu and Nocedal 1989; Byrd, Lu, Nocedal and Zhu 1995)."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import NotAllowedError
from crncompile.learn.descent import States
from crncompile.learn.job import Job, evaluated
from crncompile.learn.recorder import Metrics, merit, part
from crncompile.learn.settings import HELD_BACK, TARGET, Setting, count
from crncompile.learn.task import Outcome, Search

Array = NDArray[Any]
NAME = "lbfgs"
LEAST_SQUARES = False
SETTINGS: dict[str, Setting] = {
    "starts": count(4, "starts, the best of which is kept"),
    "iterations": count(400, "most iterations of a start"),
    "memory": count(20, "steps whose curvature is remembered"),
    **HELD_BACK,
    "target": TARGET,
}
PORTION = 2000
"""Samples whose gradient is taken at a time; the sum is over all."""
_DEAR = 10.0  # a share of samples without a steady state multiplies the loss by so much, so that the step is shortened
_WORST = 1e10  # the loss where there is no answer at all


class _EndedError(Exception):
    """The target is met, or patience at its end."""


def train(job: Job) -> None:
    """See `learn.optimizers`; checkpoints are written between starts."""
    starts, recorder = job.count("starts"), job.recorder
    recorder.starts, recorder.most_epochs = starts, job.count("iterations")
    recorder.plan(starts * job.count("iterations"))
    first = int(part(job.resumed, "optimizer")["start"]) if job.resumed is not None else 0
    for start in range(first, starts):
        best = _Start(job, start).run()
        if job.held_back is not None:
            recorder.parameters = best  # what is kept where there is no time to follow them
        over = recorder.confirm(best).loss <= job.number("target")
        done = {"start": np.array(starts if over else start + 1)}
        job.keep(partial(dict, done))
        if over:
            break


class _Start:
    """One start: the loss and its gradient by the free vector."""

    def __init__(self, job: Job, start: int):
        self.job, self.values = job, job.begin(start)
        self.states = States(job.task, "float64")
        self.checked = None if job.held_back is None else States(job.held_back, "float64")
        self.best: tuple[tuple[float, ...], Array] | None = None
        self.waited = self.iterations = 0
        self.last: tuple[Metrics, Array] | None = None

    def run(self) -> dict[str, Array]:
        """Minimise, and return the best parameters."""
        from scipy.optimize import minimize

        options: Any = {
            "maxiter": self.job.count("iterations"),
            "maxcor": self.job.count("memory"),
            "maxfun": 10**9,
            "ftol": 1e-15,
            "gtol": 1e-12,
        }
        z, solve = self.job.packing.pack(self.values), cast(Any, minimize)  # the stubs know no callable objects
        try:
            with suppress(_EndedError):
                z = solve(self, z, jac=True, method="L-BFGS-B", callback=self._iterated, options=options).x
        except BaseException:
            if self.best is not None:
                self.job.recorder.parameters = self._parameters(self.best[1])
            raise
        return self._parameters(z if self.best is None else self.best[1])

    def _parameters(self, z: Array) -> dict[str, Array]:
        return {**self.values, **self.job.packing.unpack(z)}

    def __call__(self, z: Array) -> tuple[float, Array]:
        """Return the mean loss and its derivative (size,)."""
        job, parameters = self.job, self._parameters(z)
        every = np.arange(job.task.samples)
        try:
            outcome = job.task.run(parameters, Search(self.states.near(every), True))
        except NotAllowedError:
            return _WORST, np.zeros(len(z))
        self.states.keep(every, outcome.solution.u)
        right = job.task.right(outcome) if job.task.classifies else None
        self.last = evaluated(job.task, outcome, right), z.copy()
        job.recorder.record(outcome, parameters, right=right)
        dear = 1 + _DEAR * outcome.unconverged / job.task.samples
        if not outcome.good.any():
            return _WORST, np.zeros(len(z))
        return dear * outcome.loss, dear * self._gradient(outcome, parameters, z)

    def _gradient(self, outcome: Outcome, parameters: dict[str, Array], z: Array) -> Array:
        task, total = self.job.task, np.zeros(len(z))
        weights, step = task.loss_weights(outcome), min(PORTION, task.portion)
        for first in range(0, task.samples, step):
            chosen = np.arange(first, min(first + step, task.samples))
            portion = task.subset(chosen)
            near = Search(outcome.solution.u[chosen], False)
            found = portion.run(parameters, near) if len(chosen) < task.samples else outcome
            weighted = np.where(found.good[:, None], weights[chosen], 0)
            total += self.job.packing.pull(self.job.teacher(task.compiled, found, portion.by_readout(weighted)), z)
        return total

    def _iterated(self, z: Array) -> None:
        """Note an iteration, and try it on what is held back; raises _EndedError where training shall end."""
        job, held_back = self.job, self.job.held_back
        self.iterations += 1
        assert self.last is not None
        entry: Metrics = {"epoch": self.iterations, **self.last[0]}
        if held_back is not None and self.checked is not None:
            every = np.arange(held_back.samples)
            found = held_back.run(self._parameters(z), Search(self.checked.near(every), True))
            self.checked.keep(every, found.solution.u)
            entry |= {f"validation_{name}": value for name, value in evaluated(held_back, found).items()}
            merits = merit(held_back, found)
            better = self.best is None or merits < self.best[0]
            self.waited = 0 if better else self.waited + 1
            self.best = (merits, z.copy()) if better else self.best
            job.recorder.validation = entry.get("validation_accuracy", entry["validation_loss"])
        job.recorder.epoch = self.iterations
        job.recorder.note(entry)
        patience = job.count("patience")
        if entry["loss"] <= job.number("target") or (patience and self.waited >= patience):
            raise _EndedError
