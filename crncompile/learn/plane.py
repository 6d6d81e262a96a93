"""Small tasks in the plane, for networks with two inputs: ``xor``, ``moons`` and ``bump``.

Each is drawn by a few lines from a seed of its own, whatever the seed of a training: everybody has the same samples, and
the part for testing holds none of those for training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Samples = tuple[Array, Array]
"""Raw inputs (samples, 2), and labels (samples,) from 0 or values (samples, 1)."""
_SEEDS = {"train": 0, "test": 1}
_TESTED = 1000


@dataclass(frozen=True)
class Drawn:
    """A task: what it is in words, how many samples train, and how samples are drawn."""

    what: str
    trained: int
    draw: Callable[[np.random.Generator, int], Samples]
    classifies: bool

    def part(self, name: str) -> Samples:
        """Return the samples of the part ``train`` or ``test``."""
        return self.draw(np.random.default_rng(_SEEDS[name]), self.trained if name == "train" else _TESTED)


def _xor(rng: np.random.Generator, samples: int) -> Samples:
    bits = np.arange(samples)[:, None] // [1, 2] % 2
    return bits + rng.uniform(-0.3, 0.3, (samples, 2)), bits.sum(axis=1) % 2


def _moons(rng: np.random.Generator, samples: int) -> Samples:
    labels = np.arange(samples) % 2
    angle, down = rng.uniform(0, np.pi, samples), labels == 1
    x = np.where(down, 1 - np.cos(angle), np.cos(angle))
    y = np.where(down, 0.5 - np.sin(angle), np.sin(angle))
    return np.stack([x, y], axis=1) + 0.1 * rng.standard_normal((samples, 2)), labels


def _bump(rng: np.random.Generator, samples: int) -> Samples:
    X = rng.uniform(-1, 1, (samples, 2))
    return X, np.exp(-(X**2).sum(axis=1, keepdims=True) / (2 * 0.4**2))


TASKS = {
    "xor": Drawn("points within 0.3 of each corner of the unit square: is one coordinate near 1?", 200, _xor, True),
    "moons": Drawn("two half circles that reach into each other, with noise of 0.1: which one?", 400, _moons, True),
    "bump": Drawn("exp(-r^2 / (2 * 0.4^2)) on the square [-1, 1]^2", 400, _bump, False),
}
