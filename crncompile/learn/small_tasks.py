"""Small tasks that are drawn, not read: ``sine``, ``xor``, ``moons`` and ``bump``.

Each is drawn by a few lines from a seed of its own, whatever the seed of a training: everybody has the same samples.
The part for testing is drawn anew; of the sine, which is evenly spaced, it lies ten times as dense.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Samples = tuple[Array, Array]
"""Raw inputs (samples, features), and labels (samples,) from 0 or values (samples, 1)."""
_SEEDS = {"train": 0, "test": 1}
_TESTED = 1000
_PERIOD = 2 * np.pi
_CLOUD = 0.3  # half the width of the cloud round each corner of xor
_NOISE = 0.1  # of the moons
_WIDTH = 0.4  # of the bump


@dataclass(frozen=True)
class SmallTask:
    """A task: what it is in words, how many samples train, how some are drawn, and whether they have labels."""

    what: str
    trained: int
    draw: Callable[[np.random.Generator, int], Samples]
    classifies: bool

    def part(self, name: Literal["train", "test"]) -> Samples:
        """Return the samples of a part, always the same."""
        return self.draw(np.random.default_rng(_SEEDS[name]), self.trained if name == "train" else _TESTED)


def _sine(_: np.random.Generator, samples: int) -> Samples:
    x = np.linspace(0, _PERIOD, samples)[:, None]
    return x, np.sin(x)


def _xor(rng: np.random.Generator, samples: int) -> Samples:
    bits = np.arange(samples)[:, None] // [1, 2] % 2
    return bits + rng.uniform(-_CLOUD, _CLOUD, bits.shape), bits.sum(axis=1) % 2


def _moons(rng: np.random.Generator, samples: int) -> Samples:
    labels, angle = np.arange(samples) % 2, rng.uniform(0, np.pi, samples)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = [1.0, 0.5] - upper
    return np.where(labels[:, None], lower, upper) + _NOISE * rng.standard_normal((samples, 2)), labels


def _bump(rng: np.random.Generator, samples: int) -> Samples:
    X = rng.uniform(-1, 1, (samples, 2))
    return X, np.exp(-(X**2).sum(axis=1, keepdims=True) / (2 * _WIDTH**2))


SMALL_TASKS = {
    "sine": SmallTask("sin(x) on one period, evenly spaced", 101, _sine, False),
    "xor": SmallTask("points near the corners of the unit square: is exactly one coordinate near 1?", 200, _xor, True),
    "moons": SmallTask("two half circles that reach into each other, with noise: which of them?", 400, _moons, True),
    "bump": SmallTask("a Gaussian bump amid the square [-1, 1] x [-1, 1]", 400, _bump, False),
}
