"""What is to be learned: raw inputs, targets, and the loss of a network's readouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crncompile.compiled import CompiledNetwork
from crncompile.errors import DataError
from crncompile.solution import Solution
from crncompile.solve.certificate import Certificate

Array = NDArray[Any]
FEW = 1000
"""Samples that are solved at once whatever they take."""
MOST_HELD = 200_000
"""Potentials of inputs that are made of raw data at once; a quarter where states are followed, which takes more room.

The images of MNIST are solved some 250 at a time then: it is what goes with their states that fills memory.
"""


class Search(NamedTuple):
    """How states are sought.

    ``warm`` (samples, floating) are states near the answers, from which Newton starts. What it does not lead to a
    stable state is followed from the stated start where ``follow`` says so, and else counts as not converged; by
    default it is followed unless all samples have such states. See `CompiledNetwork.solve_held` for the others.
    """

    warm: Array | None = None
    follow: bool | None = None
    precision: str = "float64"
    exact: bool = True

    @property
    def follows(self) -> bool:
        """Whether what is not found is followed."""
        if self.follow is None:
            return self.warm is None or not bool(np.isfinite(self.warm).all())
        return self.follow

    def take(self, samples: slice) -> Search:
        """Return the same for some samples."""
        return self._replace(warm=None if self.warm is None else self.warm[samples], follow=self.follows)


COLD = Search()
"""From the stated start, in 64 bits."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Predictions (samples, outputs) of one set of parameters; NaN and not ``good`` where there is no steady state.

    Where so many samples have been solved that it was done in portions, the solution has no held potentials: its
    ``held`` is (samples, 0).
    """

    solution: Solution
    predictions: Array
    loss: float
    good: Array

    @property
    def unconverged(self) -> int:
        """Number of samples without a certified steady state."""
        return int(np.count_nonzero(~self.good))

    @property
    def lost(self) -> bool:
        """Whether half of the samples, or more, have no steady state."""
        return 2 * self.unconverged >= len(self.good)


def _numbers(values: ArrayLike, what: str) -> Array:
    """Return values as an array of at least one axis; bytes stay bytes, as a million images would not fit otherwise."""
    try:
        array = np.atleast_1d(np.asarray(values))
        if np.iscomplexobj(array):
            raise DataError(f"the {what} are complex numbers")
        return array if array.dtype in (np.uint8, np.float32) else array.astype(float, copy=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"the {what} are not numbers: {error}") from error


class Task:
    """Samples and targets for one network.

    A network with ``classify`` learns labels 0, 1, ... by cross-entropy of its logits; one with readouts learns their
    values by mean squared error over samples and outputs.
    """

    thrifty = False
    """Whether many samples are solved in portions, for their outcome alone: no gradients can be taken there."""

    def __init__(self, compiled: CompiledNetwork, X: ArrayLike, y: ArrayLike):
        self.compiled = compiled
        kinds = {readout.keyword for readout in compiled.network.readouts}
        self.classifies = "classify" in kinds
        self.readouts = [
            r for r in compiled.network.readouts if r.keyword == ("classify" if self.classifies else "readout")
        ]
        if not self.readouts or (self.classifies and len(self.readouts) > 1):
            raise DataError("to learn, a model needs readouts, or one classify statement")
        self.sizes = [int(np.prod(r.shape, dtype=int)) for r in self.readouts]
        self.inputs = self._inputs(_numbers(X, "inputs"))
        self.samples = len(next(iter(self.inputs.values())))
        self.targets = self._targets(_numbers(y, "targets"))

    def _inputs(self, X: Array) -> dict[str, Array]:
        groups = self.compiled.inputs
        if not groups:
            raise DataError("the network has no input, and so no response that it could learn")
        shapes = [g.shape[:-1] if g.coding and g.coding.encoding == "dual" else g.shape for g in groups]
        counts = [int(np.prod(shape, dtype=int)) for shape in shapes]
        if not len(X):
            raise DataError("there are no samples")
        X = X.reshape(len(X), -1)
        if X.shape[1] != sum(counts):
            raise DataError(f"the network has {sum(counts)} inputs, but the data have shape {X.shape}")
        if X.dtype != np.uint8 and not np.isfinite(X).all():
            raise DataError(f"sample {np.argwhere(~np.isfinite(X))[0][0]} of the inputs is not a finite number")
        parts = np.split(X, np.cumsum(counts)[:-1], axis=1)
        return {g.name: p.reshape(len(X), *s) for g, p, s in zip(groups, parts, shapes, strict=True)}

    def _targets(self, y: Array) -> Array:
        if self.classifies:
            labels = y.reshape(-1)
            if len(labels) != self.samples:
                raise DataError(f"there are {self.samples} samples but {len(labels)} labels")
            wrong = np.flatnonzero((labels != np.floor(labels)) | (labels < 0) | (labels >= self.sizes[0]))
            if wrong.size:
                told = f"the label of sample {wrong[0]} is {labels[wrong[0]]:g}"
                raise DataError(f"labels must be whole numbers from 0 to {self.sizes[0] - 1}: {told}")
            return labels.astype(int)
        values = y.reshape(len(y), -1) if y.size else y
        if values.shape != (self.samples, sum(self.sizes)):
            names = ", ".join(readout.name for readout in self.readouts)
            told = f"the targets have shape {values.shape}, but must have {(self.samples, sum(self.sizes))}"
            raise DataError(f"{told}: {self.samples} samples, and a column for each element of {names}")
        if not np.isfinite(values).all():
            raise DataError(f"sample {np.argwhere(~np.isfinite(values))[0][0]} of the targets is not a finite number")
        return values

    def subset(self, samples: Array | slice) -> Task:
        """Return the same task on some of the samples; a slice of them is not copied."""
        part = object.__new__(type(self))
        part.__dict__.update(self.__dict__)
        part.thrifty = False
        part.inputs = {name: values[samples] for name, values in self.inputs.items()}
        part.targets = self.targets[samples]
        part.samples = len(part.targets)
        return part

    def run(self, parameters: Mapping[str, Array], search: Search = COLD) -> Outcome:
        """Solve all samples and compare."""
        return self.outcome(self._solved(parameters, search))

    def _solved(self, parameters: Mapping[str, Array], search: Search) -> Solution:
        """Solve all samples, many of them in portions: what these held is left out, being eight times their images."""
        step, precision = max(1, self.portion // 4) if search.follows else self.portion, search.precision
        if not self.thrifty or self.samples <= max(step, FEW):
            held, _ = self.compiled.held(self.inputs, parameters, raw=True, precision=precision)
            return self.compiled.solve_held(
                held, parameters, warm=search.warm, follow=search.follows, precision=precision, exact=search.exact
            )
        parts, states = [], np.empty((self.samples, len(self.compiled.functions.structure.reservoirs)), precision)
        for piece in (slice(first, first + step) for first in range(0, self.samples, step)):
            found = self.subset(piece)._solved(parameters, search.take(piece))
            states[piece] = found.u
            parts.append(replace(found, u=states[piece], held=np.zeros((len(found.u), 0)), linearisation=None))
        return self._joined(parts, states)

    @property
    def portion(self) -> int:
        """How many samples are solved at once at most, so that their inputs fit into memory."""
        width = sum(int(np.prod(group.shape, dtype=int)) for group in self.compiled.inputs)
        return max(1, MOST_HELD // width)

    def _joined(self, parts: Sequence[Solution], u: Array) -> Solution:
        """Return the solution of all portions, whose states are ``u``."""
        readouts = {r.name: np.concatenate([part.readouts[r.name] for part in parts]) for r in self.readouts}
        certificate = Certificate.joined([part.certificate for part in parts])
        held = np.zeros((self.samples, 0))
        return replace(parts[0], readouts=readouts, certificate=certificate, u=u, held=held, batch=(self.samples,))

    def outcome(self, solution: Solution) -> Outcome:
        """Compare states with the targets."""
        predictions = np.concatenate(
            [solution.readouts[r.name].reshape(self.samples, -1) for r in self.readouts], axis=1
        )
        good = ~solution.certificate.failed & np.isfinite(predictions).all(axis=1)
        return Outcome(solution, predictions, self._loss(predictions, good), good)

    def _loss(self, predictions: Array, good: Array) -> float:
        """Mean loss over the samples that have a steady state; infinite if none has."""
        if not good.any():
            return float("inf")
        if self.classifies:
            logits = predictions[good]
            shifted = logits - logits.max(axis=1, keepdims=True)
            own = shifted[np.arange(len(logits)), self.targets[good]]
            return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - own))
        return float(np.mean((predictions[good] - self.targets[good]) ** 2))

    def accuracy(self, outcome: Outcome) -> float:
        """Share of all samples that are classified rightly; one without a steady state counts as wrong."""
        return self.right(outcome) / self.samples

    def right(self, outcome: Outcome) -> int:
        """Count the samples that are classified rightly; none where nothing is classified."""
        if not self.classifies:
            return 0
        return int(np.count_nonzero(outcome.predictions[outcome.good].argmax(axis=1) == self.targets[outcome.good]))

    def loss_weights(self, outcome: Outcome) -> Array:
        """Return the mean loss's derivative by the predictions, (samples, outputs); zero without a steady state."""
        count = max(1, int(outcome.good.sum()))
        predictions = np.where(outcome.good[:, None], outcome.predictions, 0)
        if self.classifies:
            shifted = predictions - predictions.max(axis=1, keepdims=True)
            weights = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
            weights[np.arange(self.samples), self.targets] -= 1.0
            weights /= count
        else:
            weights = 2.0 * (predictions - self.targets) / (count * predictions.shape[1])
        return np.asarray(np.where(outcome.good[:, None], weights, 0).astype(outcome.predictions.dtype, copy=False))

    def by_readout(self, weights: Array) -> dict[str, Array]:
        """Split weights (samples, outputs) into one array (samples, *readout) for each readout."""
        parts = np.split(weights, np.cumsum(self.sizes)[:-1], axis=1)
        return {r.name: part.reshape(self.samples, *r.shape) for r, part in zip(self.readouts, parts, strict=True)}
