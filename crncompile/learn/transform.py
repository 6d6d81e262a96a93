"""Trained parameters as one free vector: bounds hold by construction, whatever an optimiser does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crncompile.network.types import Parameter

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bounded:
    """A parameter between ``lower`` and ``upper`` as a function of a free variable z.

    exp(z) above one bound, a logistic function between two (of the logarithm, where both are positive), z itself without bounds.
    """

    lower: float
    upper: float

    @property
    def logarithmic(self) -> bool:
        """Whether the logistic function is of the logarithm: a positive interval of at least a factor of ten."""
        return self.lower > 0 and self.upper >= 10 * self.lower and math.isfinite(self.upper)

    def _ends(self) -> tuple[float, float]:
        return (math.log(self.lower), math.log(self.upper)) if self.logarithmic else (self.lower, self.upper)

    def free(self, value: Array) -> Array:
        """Return z for values of the parameter; those on a bound are moved inside by a millionth of the interval."""
        low, high = self._ends()
        if math.isfinite(low) and math.isfinite(high):
            share = ((np.log(value) if self.logarithmic else value) - low) / (high - low)
            share = np.clip(share, 1e-6, 1 - 1e-6)
            return np.asarray(np.log(share / (1 - share)))
        if math.isfinite(low):
            return np.asarray(np.log(np.maximum(value - low, 1e-300)))
        if math.isfinite(high):
            return np.asarray(np.log(np.maximum(high - value, 1e-300)))
        return value

    def value_and_slope(self, z: Array) -> tuple[Array, Array]:
        """Return the parameter and its derivative with respect to z."""
        low, high = self._ends()
        if math.isfinite(low) and math.isfinite(high):
            share = 1 / (1 + np.exp(-np.clip(z, -700, 700)))
            value, slope = low + (high - low) * share, (high - low) * share * (1 - share)
            return (np.exp(value), np.exp(value) * slope) if self.logarithmic else (value, slope)
        if math.isfinite(low):
            return low + np.exp(z), np.exp(z)
        if math.isfinite(high):
            return high - np.exp(z), -np.exp(z)
        return z, np.ones_like(z)


class Packing:
    """Trained parameters, in the order of the model, as one free vector."""

    def __init__(self, trained: Sequence[Parameter]):
        self.parameters = tuple(trained)
        self.maps = tuple(Bounded(p.lower, p.upper) for p in self.parameters)
        self.sizes = tuple(int(np.prod(p.shape, dtype=int)) for p in self.parameters)
        self.size = sum(self.sizes)

    def pack(self, values: Mapping[str, Array]) -> Array:
        """Return the free vector (size,) of parameter values."""
        parts = [m.free(np.asarray(values[p.name], float)).ravel() for p, m in zip(self.parameters, self.maps, strict=True)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def unpack(self, z: Array) -> dict[str, Array]:
        """Return the trained parameters of a free vector."""
        return {p.name: m.value_and_slope(part)[0].reshape(p.shape) for p, m, part in self._parts(z)}

    def pull(self, gradient: Mapping[str, Array], z: Array) -> Array:
        """Return the derivative by the free vector, (..., size), from those by the parameters, (..., *shape)."""
        parts = []
        for p, m, part in self._parts(z):
            slope = m.value_and_slope(part)[1]
            batch = gradient[p.name].shape[: gradient[p.name].ndim - len(p.shape)]
            parts.append(gradient[p.name].reshape(*batch, -1) * slope)
        return np.concatenate(parts, axis=-1)

    def _parts(self, z: Array) -> list[tuple[Parameter, Bounded, Array]]:
        pieces = np.split(z, np.cumsum(self.sizes)[:-1]) if self.sizes else []
        return list(zip(self.parameters, self.maps, pieces, strict=True))
