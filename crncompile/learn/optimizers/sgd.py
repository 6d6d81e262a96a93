"""Stochastic gradient descent with momentum (Polyak 1964; Sutskever, Martens, Dahl and Hinton 2013)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.learn.descent import SETTINGS as SHARED
from crncompile.learn.descent import descend
from crncompile.learn.job import Job
from crncompile.learn.settings import Setting

Array = NDArray[Any]
NAME = "sgd"
LEAST_SQUARES = False
SETTINGS: dict[str, Setting] = {
    "rate": Setting(0.1, "step for a gradient of one", positive=True),
    "momentum": Setting(0.9, "share of the last velocity that is kept, below 1", lowest=0, below=1),
    **SHARED,
}


def train(job: Job) -> None:
    """See `learn.optimizers`."""
    descend(job, partial(Velocity, momentum=job.number("momentum")))


class Velocity:
    """The sum of the gradients, older ones counting less; see `descent.Method`."""

    def __init__(self, z: Array, momentum: float):
        self.velocity, self.momentum = np.zeros_like(z), momentum

    def step(self, g: Array, rate: float) -> Array:
        """Return a step along the velocity."""
        self.velocity *= self.momentum
        self.velocity += g
        return np.asarray(self.velocity * self.velocity.dtype.type(rate))

    def state(self) -> Mapping[str, Array]:
        """See `descent.Method`."""
        return {"velocity": self.velocity}

    def restore(self, state: Mapping[str, Array]) -> None:
        """See `descent.Method`."""
        self.velocity = state["velocity"]
