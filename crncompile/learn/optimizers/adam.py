"""Adam on random batches (Kingma and Ba 2015), the rate falling along a half cosine, weight decay apart from the
gradient (Loshchilov and Hutter 2017, 2019).
"""  # noqa: D205

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.learn.descent import SETTINGS as SHARED
from crncompile.learn.descent import descend
from crncompile.learn.job import Job
from crncompile.learn.settings import Setting

Array = NDArray[Any]
NAME = "adam"
LEAST_SQUARES = False
SETTINGS: dict[str, Setting] = {
    "rate": Setting(0.02, "largest step of each free variable", positive=True),
    **SHARED,
}


def train(job: Job) -> None:
    """See `learn.optimizers`."""
    descend(job, Moments)


class Moments:
    """Running means of the gradient and its square, and room to work in; see `descent.Method`."""

    def __init__(self, z: Array):
        self.mean, self.square, self.room = np.zeros_like(z), np.zeros_like(z), np.empty_like(z)
        self.steps = 0

    def step(self, g: Array, rate: float) -> Array:
        """Return a step along the corrected mean of the gradients ``g``, which is written over."""
        self.steps += 1
        self.mean *= 0.9
        self.mean += np.multiply(g, 0.1, out=self.room)
        self.square *= 0.999
        np.multiply(g, g, out=g)
        self.square += np.multiply(g, 0.001, out=g)
        np.sqrt(np.multiply(self.square, 1 / (1 - 0.999**self.steps), out=g), out=g)
        g += 1e-12
        np.multiply(self.mean, rate / (1 - 0.9**self.steps), out=self.room)
        return np.divide(self.room, g, out=self.room)

    def state(self) -> Mapping[str, Array]:
        """See `descent.Method`."""
        return {"mean": self.mean, "square": self.square, "steps": np.array(self.steps)}

    def restore(self, state: Mapping[str, Array]) -> None:
        """See `descent.Method`."""
        self.mean, self.square, self.steps = state["mean"], state["square"], int(state["steps"])
