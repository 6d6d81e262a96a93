"""Images distorted at random: smooth fields, and small rotations, scalings, shears and shifts.

Elastic distortions are those of Simard, Steinkraus and Platt (2003): random displacements of all pixels, smoothed by a
Gaussian. Fields are drawn once, many more than a batch has images, and each image gets one of them by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.learn.settings import Setting

Array = NDArray[Any]
SETTINGS: dict[str, Setting] = {
    "shift": Setting(0, "pixels by which images are moved at random, each way", lowest=0, whole=True),
    "elastic": Setting(0.0, "pixels (standard deviation) by which smooth random fields distort images", lowest=0),
    "smoothing": Setting(4.0, "pixels over which these fields are smoothed", positive=True),
    "rotation": Setting(0.0, "degrees by which images are turned at random, each way", lowest=0),
    "scaling": Setting(0.0, "share by which their height and their width change at random", lowest=0, below=1),
    "shear": Setting(0.0, "share of their height by which they are slanted at random", lowest=0),
}
"""Settings of what happens to images."""
DISTORTIONS = tuple(name for name in SETTINGS if name != "smoothing")
"""Those that ask for a change; the other says how it is."""
_POOL = 2_400_000
"""Pixels of all fields: some 3000 fields for images of 28 x 28, in 29 MB."""


@dataclass(frozen=True)
class Distortion:
    """How far images are distorted; the fields are those of `SETTINGS`."""

    shift: int = 0
    elastic: float = 0.0
    smoothing: float = 4.0
    rotation: float = 0.0
    scaling: float = 0.0
    shear: float = 0.0

    @staticmethod
    def of(settings: Mapping[str, Any]) -> Distortion:
        """Return what an optimiser's settings ask for."""
        return Distortion(**{name: settings[name] for name in SETTINGS})

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the settings that distort."""
        return tuple(name for name in DISTORTIONS if getattr(self, name))

    @property
    def whole(self) -> bool:
        """Whether images are moved by whole pixels, and no more: none is interpolated."""
        return self.asked in ((), ("shift",))

    def fields(self, shape: tuple[int, int], rng: np.random.Generator) -> Fields:
        """Draw fields for images (rows, columns)."""
        count = max(1, _POOL // math.prod(shape))
        down, right = self._affine(shape, rng, count)
        if self.elastic:
            down += self.elastic * _smooth(shape, self.smoothing, rng, count)
            right += self.elastic * _smooth(shape, self.smoothing, rng, count)
        return Fields.through(down, right)

    def _affine(self, shape: tuple[int, int], rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        """Return the rows and columns, (fields, rows, columns) each, that turned, scaled and moved images show."""

        def drawn(most: float) -> Array:
            return rng.uniform(-most, most, (count, 1, 1)).astype(np.float32)

        angle = drawn(math.radians(self.rotation))
        high, wide, slant = 1 + drawn(self.scaling), 1 + drawn(self.scaling), drawn(self.shear)
        middle = [(size - 1) / 2 for size in shape]
        down, right = (np.float32(i - m) for i, m in zip(np.ogrid[: shape[0], : shape[1]], middle, strict=True))
        rows = middle[0] + high * (np.cos(angle) * down + np.sin(angle) * right) + drawn(self.shift)
        columns = middle[1] + wide * (np.cos(angle) * right - np.sin(angle) * down) + slant * down + drawn(self.shift)
        return rows, columns


def _smooth(shape: tuple[int, int], width: float, rng: np.random.Generator, count: int) -> Array:
    """Draw fields (fields, rows, columns) of standard deviation 1, as a Gaussian of this width leaves of white noise.

    At a distance d their correlation is exp(-d^2 / (4 width^2)), a product over both directions: so is its root.
    """
    roots = []
    for size in shape:
        distance = np.subtract.outer(np.arange(size), np.arange(size))
        variances, axes = np.linalg.eigh(np.exp(-((distance / (2 * width)) ** 2)))
        roots.append((axes * np.sqrt(np.maximum(variances, 0))).astype(np.float32))
    return np.asarray(roots[0] @ rng.standard_normal((count, *shape), np.float32) @ roots[1].T)


@dataclass(frozen=True, eq=False)
class Fields:
    """Where each pixel of a distorted image is read: (fields, pixels) each.

    ``corner`` is the upper left of the four pixels between which it lies, ``down`` and ``right`` how far from there.
    """

    corner: Array
    down: Array
    right: Array
    columns: int

    @staticmethod
    def through(rows: Array, columns: Array) -> Fields:
        """Return fields that read at these rows and columns, (fields, rows, columns) each; beyond an edge, at it."""
        count, height, width = rows.shape
        at, fractions = [], []
        for places, size in ((rows, height), (columns, width)):
            inside = np.clip(places, 0, size - 1)
            first = np.minimum(inside.astype(np.int32), size - 2)
            at.append(first)
            fractions.append((inside - first).astype(np.float32).reshape(count, -1))
        return Fields((at[0] * width + at[1]).reshape(count, -1), fractions[0], fractions[1], width)

    def apply(self, images: Array, rng: np.random.Generator) -> Array:
        """Return images (samples, pixels), each distorted by one field, interpolated between four pixels.

        They keep their type: bytes are rounded.
        """
        samples, pixels = images.shape
        chosen = rng.integers(0, len(self.corner), samples)
        down, right = self.down[chosen], self.right[chosen]
        corner = self.corner[chosen] + np.arange(0, samples * pixels, pixels)[:, None]
        flat = np.ascontiguousarray(images).reshape(-1)
        upper = _between(flat, flat[1:], corner, right)
        lower = _between(flat[self.columns :], flat[self.columns + 1 :], corner, right)
        lower -= upper
        lower *= down
        upper += lower
        if images.dtype == np.uint8:
            upper += 0.5
        return upper.astype(images.dtype)


def _between(first: Array, second: Array, places: Array, share: Array) -> Array:
    """Return first[places] + share * (second[places] - first[places]), in 32 bits for bytes."""
    near = first.take(places)
    start = near.astype(np.float32) if near.dtype == np.uint8 else near
    step = second.take(places) - start
    step *= share
    step += start
    return np.asarray(step)
