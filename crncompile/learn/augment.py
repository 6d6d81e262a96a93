"""Batches that differ each time: images moved by a few pixels, raw inputs with noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import DataError
from crncompile.learn.data import raw_axes
from crncompile.network.types import Reservoir

Array = NDArray[Any]


class Augmentation:
    """Moves images by up to ``shift`` pixels each way, and adds noise of standard deviation ``noise`` in raw units.

    What comes in over an edge is what stood at the edge. Noise stays inside the range of the raw data. Raises DataError
    where images are to be moved and no input is one.
    """

    def __init__(self, groups: Sequence[Reservoir], shift: int, noise: float):
        self.groups, self.shift, self.noise = tuple(groups), shift, noise
        self.images = {group.name: image_shape(group) for group in groups}
        if shift and not any(self.images.values()):
            told = ", ".join(f"{g.name} has {' x '.join(str(axis.size) for axis in raw_axes(g)) or 1}" for g in groups)
            raise DataError(f"shift moves images: an input of 784 = 28 x 28 elements, or with two indices; {told}")

    @property
    def idle(self) -> bool:
        """Whether nothing is changed."""
        return not (self.shift or self.noise)

    def apply(self, inputs: dict[str, Array], rng: np.random.Generator, precision: str) -> dict[str, Array]:
        """Return raw inputs (samples, *shape) of a batch, changed at random."""
        samples = len(next(iter(inputs.values())))
        moves = rng.integers(-self.shift, self.shift + 1, (2, samples)) if self.shift else None
        result = {}
        for group in self.groups:
            values, shape = inputs[group.name], self.images[group.name]
            if moves is not None and shape is not None:
                values = moved(values.reshape(samples, *shape), *moves).reshape(values.shape)
            if self.noise:
                values = values + np.asarray(self.noise * rng.standard_normal(values.shape, np.float32), precision)
                if group.coding is not None and group.coding.data is not None:
                    low, high = sorted(group.coding.data)
                    values = np.clip(values, low, high)
            result[group.name] = values
        return result


def image_shape(group: Reservoir) -> tuple[int, int] | None:
    """Return (rows, columns) of an input that may be an image: with two indices, or a square number of elements."""
    sizes = [axis.size for axis in raw_axes(group)]
    if len(sizes) == 2:
        return sizes[0], sizes[1]
    side = math.isqrt(sizes[0]) if len(sizes) == 1 else 0
    return (side, side) if side > 1 and side * side == sizes[0] else None


def moved(images: Array, down: Array, right: Array) -> Array:
    """Move images (samples, rows, columns), each by whole pixels (samples,); edges are repeated."""
    samples, rows, columns = images.shape
    row = np.clip(np.arange(rows) - down[:, None], 0, rows - 1)
    column = np.clip(np.arange(columns) - right[:, None], 0, columns - 1)
    return np.asarray(images[np.arange(samples)[:, None, None], row[:, :, None], column[:, None, :]])
