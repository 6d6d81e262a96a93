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
) -> dict[str, Array]:
    """Train for a number of passes over the samples by a rule's gradients; returns the last parameters."""
    z = packing.pack(values)
    mean, square = np.zeros_like(z), np.zeros_like(z)
    batches = max(1, task.samples // batch)
    steps, warm = epochs * batches, np.full((task.samples, len(task.compiled.functions.structure.reservoirs)), np.nan)
    for step in range(steps):
        if step % batches == 0:
            order = np.array_split(rng.permutation(task.samples), batches)
        chosen = order[step % batches]
        part, parameters = task.subset(chosen), {**values, **packing.unpack(z)}
        outcome = part.run(parameters, warm=_guesses(warm, chosen), follow=not np.isfinite(warm[chosen]).all())
        warm[chosen] = outcome.solution.u
        recorder.record(outcome.loss, parameters, outcome.unconverged)
        if not outcome.good.any():
            continue
        slope = gradient(task.compiled, outcome, part.by_readout(part.loss_weights(outcome)))
        g = packing.pull(slope, z)
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g**2
        corrected = (mean / (1 - 0.9 ** (step + 1))) / (np.sqrt(square / (1 - 0.999 ** (step + 1))) + 1e-12)
        z = z - 0.5 * rate * (1 + np.cos(np.pi * step / steps)) * corrected
    return {**values, **packing.unpack(z)}


def _guesses(warm: Array, chosen: Array) -> Array:
    """Return for each chosen sample its own last state (n,); the mean of all known ones where it has none yet."""
    known = np.asarray(np.isfinite(warm).all(axis=1))
    mean = warm[known].mean(axis=0) if known.any() else np.full(warm.shape[1], np.nan)
    return np.where(known[chosen, None], warm[chosen], mean)
