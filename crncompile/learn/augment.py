"""Batches that differ each time: images moved and distorted, raw inputs with noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import DataError
from crncompile.learn.data import raw_axes
from crncompile.learn.distortion import Distortion
from crncompile.network.types import Reservoir

Array = NDArray[Any]
_FIELDS = 2  # branch of the seed for fields of distortion


class Augmentation:
    """Moves and distorts images at random, and adds noise of standard deviation ``noise`` in raw units.

    What comes in over an edge is what stood at the edge. Noise stays inside the range of the raw data. Fields of
    distortion are drawn from ``seed``, once. Raises DataError where images are to be changed and no input is one.
    """

    def __init__(self, groups: Sequence[Reservoir], distortion: Distortion, noise: float, seed: int = 0):
        self.groups, self.distortion, self.noise = tuple(groups), distortion, noise
        self.images = {group.name: image_shape(group) for group in groups}
        shapes = {name: shape for name, shape in self.images.items() if shape is not None}
        check_images(groups, distortion.asked)
        rng = np.random.default_rng([seed, 0, 0, _FIELDS])
        self.fields = {n: distortion.fields(s, rng) for n, s in shapes.items()} if not distortion.whole else {}

    @property
    def idle(self) -> bool:
        """Whether nothing is changed."""
        return not (self.distortion.asked or self.noise)

    def apply(self, inputs: dict[str, Array], rng: np.random.Generator, precision: str) -> dict[str, Array]:
        """Return raw inputs (samples, *shape) of a batch, changed at random."""
        samples, most = len(next(iter(inputs.values()))), self.distortion.shift
        moves = rng.integers(-most, most + 1, (2, samples)) if most and not self.fields else None
        result = {}
        for group in self.groups:
            values, shape = inputs[group.name], self.images[group.name]
            if group.name in self.fields:
                values = self.fields[group.name].apply(values.reshape(samples, -1), rng).reshape(values.shape)
            elif moves is not None and shape is not None:
                values = moved(values.reshape(samples, *shape), *moves).reshape(values.shape)
            if self.noise:
                values = values + np.asarray(self.noise * rng.standard_normal(values.shape, np.float32), precision)
                if group.coding is not None and group.coding.data is not None:
                    low, high = sorted(group.coding.data)
                    values = np.clip(values, low, high)
            result[group.name] = values
        return result


def check_images(groups: Sequence[Reservoir], asked: Sequence[str]) -> None:
    """Raise DataError where images are to be changed, by the settings ``asked``, and no input is one."""
    if asked and groups and all(image_shape(group) is None for group in groups):
        sizes = [[axis.size for axis in raw_axes(group)] for group in groups]
        counts = [f"{' x '.join(map(str, s)) or 1} element{'' if math.prod(s) == 1 else 's'}" for s in sizes]
        told = ", ".join(f"{group.name} has {count}" for group, count in zip(groups, counts, strict=True))
        changes = f"{' and '.join(asked)} change{'' if len(asked) > 1 else 's'} images"
        raise DataError(f"{changes}: an input of 784 = 28 x 28 elements, or with two indices; {told}")


def image_shape(group: Reservoir) -> tuple[int, int] | None:
    """Return (rows, columns) of what may be an image: an input with two indices, or a square number of elements."""
    sizes = [axis.size for axis in raw_axes(group)]
    if len(sizes) == 2:
        return (sizes[0], sizes[1]) if min(sizes) > 1 else None
    side = math.isqrt(sizes[0]) if len(sizes) == 1 else 0
    return (side, side) if side > 1 and side * side == sizes[0] else None


def moved(images: Array, down: Array, right: Array) -> Array:
    """Move images (samples, rows, columns), each by whole pixels (samples,); edges are repeated."""
    samples, rows, columns = images.shape
    row = np.clip(np.arange(rows) - down[:, None], 0, rows - 1)
    column = np.clip(np.arange(columns) - right[:, None], 0, columns - 1)
    return np.asarray(images[np.arange(samples)[:, None, None], row[:, :, None], column[:, None, :]])
