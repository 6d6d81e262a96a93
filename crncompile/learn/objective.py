"""The loss of a network as a function of one free vector, for optimisers of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crncompile.compiled import CompiledNetwork, Values
from crncompile.errors import DataError, NotAllowedError
from crncompile.learn.rules import find
from crncompile.learn.task import Outcome, Task
from crncompile.learn.transform import Packing

Array = NDArray[Any]


class LossAndGrad:
    """Called with a free vector (size,) returns the loss and its exact gradient (size,).

    Each trained parameter is a function of free variables that keeps it within its bounds (`transform.Packing`), so
    that an optimiser needs no bounds. Every state is followed from the model's start: the loss depends on the vector
    alone. It is infinite where a sample has no steady state, and the gradient that of the others; where devices do not
    allow what follows from the parameters, the loss is infinite too, the gradient zero, and there is no outcome.

    Attributes
    ----------
    start
        The free vector (size,) of the parameters that were given or drawn.
    packing
        Trained parameters to and from free vectors.
    outcome
        Predictions, loss and states of the last call; None before.
    """

    def __init__(self, task: Task, values: Mapping[str, Array]):
        self.task = task
        self.packing = Packing.of(task.compiled.network)
        if not self.packing.size:
            raise DataError("the model has nothing to train: mark parameters with `train`")
        self.start = self.packing.pack(values)
        self.outcome: Outcome | None = None
        self._values = dict(values)

    def __call__(self, z: ArrayLike) -> tuple[float, Array]:
        """Return the loss and its gradient at a free vector; raises DataError where it has another size."""
        free = self._free(z)
        self.outcome = None
        try:
            outcome = self.outcome = self.task.run(self.parameters(free))
        except NotAllowedError:
            return float("inf"), np.zeros(self.packing.size)
        if not outcome.good.any():
            return float("inf"), np.zeros(self.packing.size)
        weights = self.task.by_readout(self.task.loss_weights(outcome))
        slope = self.packing.pull(find("adjoint").gradient(self.task.compiled, outcome, weights), free)
        return (float("inf") if outcome.unconverged else outcome.loss), slope

    def parameters(self, z: ArrayLike) -> dict[str, Array]:
        """Return all parameters of the network at a free vector, as `solve` and `save_parameters` take them."""
        return {**self._values, **self.packing.unpack(self._free(z))}

    def _free(self, z: ArrayLike) -> Array:
        free = np.asarray(z, float)
        if free.shape != (self.packing.size,):
            raise DataError(f"the free vector has shape {free.shape}, but the network needs {(self.packing.size,)}")
        return free


def loss_and_grad(
    compiled: CompiledNetwork, X: ArrayLike, y: ArrayLike, *, seed: int = 0, parameters: Values | None = None
) -> LossAndGrad:
    """Return the loss of raw inputs X (samples, features) and targets or labels y as a function of a free vector.

    ``parameters`` are values to start from, others are drawn with ``seed``. Raises DataError as `fit.fit` does.
    """
    return LossAndGrad(Task(compiled, X, y), compiled.parameters(parameters, seed))
