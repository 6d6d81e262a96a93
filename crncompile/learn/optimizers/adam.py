"""Adam on random batches, the rate falling along a half cosine (Kingma and Ba 2015; Loshchilov and Hutter 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.learn.recorder import Recorder
from crncompile.learn.task import Task
from crncompile.learn.teacher import Gradient
from crncompile.learn.transform import Packing

Array = NDArray[Any]


def minimise(
    task: Task,
    packing: Packing,
    values: dict[str, Array],
    recorder: Recorder,
    gradient: Gradient,
    *,
    rng: np.random.Generator,
    rate: float,
    batch: int,
    epochs: int,
    precision: str = "float64",
) -> dict[str, Array]:
    """Train for a number of passes over the samples, in 32 or 64 bits; returns the last parameters."""
    fixed = {name: np.asarray(value, precision) for name, value in values.items()}
    z = packing.pack(values).astype(precision)
    moments, states = _Moments(z), _States(task, precision)
    batches = max(1, task.samples // batch)
    steps = epochs * batches
    for step in range(steps):
        if step % batches == 0:
            order = np.array_split(rng.permutation(task.samples), batches)
        chosen, point = order[step % batches], packing.at(z)
        part, parameters = task.subset(chosen), {**fixed, **point.values}
        outcome = part.run(parameters, states.near(chosen), not states.known[chosen].all(), precision)
        states.keep(chosen, outcome.solution.u)
        recorder.record(outcome.loss, parameters, outcome.unconverged)
        if outcome.good.any():
            slope = gradient(task.compiled, outcome, part.by_readout(part.loss_weights(outcome)))
            moments.move(z, packing.pull_at(slope, point), 0.5 * rate * (1 + np.cos(np.pi * step / steps)))
    return {**values, **packing.unpack(z.astype(float))}


class _States:
    """The last steady state of each sample, from which it starts the next time."""

    def __init__(self, task: Task, precision: str):
        size = len(task.compiled.functions.structure.reservoirs)
        self.u = np.full((task.samples, size), np.nan, precision)
        self.known = np.zeros(task.samples, bool)
        self.recent = np.full(size, np.nan, precision)

    def near(self, chosen: Array) -> Array:
        """Return for each chosen sample its own last state; the mean of the last batch where it has none yet."""
        own = self.u[chosen]
        return own if self.known[chosen].all() else np.where(self.known[chosen, None], own, self.recent)

    def keep(self, chosen: Array, u: Array) -> None:
        """Note the states of a batch, those that were found."""
        found = np.isfinite(u).all(axis=1)
        if found.any():
            self.u[chosen[found]], self.known[chosen[found]] = u[found], True
            self.recent = u[found].mean(axis=0)


class _Moments:
    """Running means of the gradient and its square, and room to work in."""

    def __init__(self, z: Array):
        self.mean, self.square, self.room = np.zeros_like(z), np.zeros_like(z), np.empty_like(z)
        self.step = 0

    def move(self, z: Array, g: Array, rate: float) -> None:
        """Move ``z`` in place along the corrected mean of the gradients ``g``."""
        self.step += 1
        self.mean *= 0.9
        self.mean += np.multiply(g, 0.1, out=self.room)
        self.square *= 0.999
        np.multiply(g, g, out=g)
        self.square += np.multiply(g, 0.001, out=g)
        np.sqrt(np.multiply(self.square, 1 / (1 - 0.999**self.step), out=g), out=g)
        g += 1e-12
        z -= np.divide(np.multiply(self.mean, rate / (1 - 0.9**self.step), out=self.room), g, out=self.room)
