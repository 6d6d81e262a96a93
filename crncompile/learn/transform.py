"""Trained parameters as one free vector: bounds hold by construction, whatever an optimiser does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crncompile.network.allowed import allowed
from crncompile.network.dues import Limits
from crncompile.network.types import Network, Parameter
from crncompile.units import ENERGY, Units

Array = NDArray[np.floating]
_EDGE = 0.995  # values on a bound start this far from the middle, where they can still move


@dataclass(frozen=True)
class Bounded:
    """A parameter between ``lower`` and ``upper`` as a function of a free variable z.

    Positive parameters are exponentials; an interval is ``middle + half * tanh(z / half)``, which has slope one in its
    middle, so that a unit step of z means a unit of the parameter (or of its logarithm, where it is positive).

    ``unit`` is that unit in the coherent system.
    """

    lower: float
    upper: float
    unit: float = 1.0

    @property
    def logarithmic(self) -> bool:
        """Whether a finite interval is mapped in the logarithm: if positive, and a factor of two or more wide."""
        return self.lower > 0 and math.isfinite(self.upper) and self.upper >= 2 * self.lower

    def _interval(self) -> tuple[float, float] | None:
        """Middle and half width of a finite interval, of the logarithm where it is one."""
        if not (math.isfinite(self.lower) and math.isfinite(self.upper)):
            return None
        if self.logarithmic:
            low, high = math.log(self.lower), math.log(self.upper)
        else:
            low, high = self.lower, self.upper
        return (low + high) / 2, (high - low) / 2

    @cached_property
    def _own(self) -> Bounded | None:
        """The same of numbers of units, where that is another map."""
        relative = self.logarithmic or math.isfinite(self.lower) != math.isfinite(self.upper)
        return None if relative or self.unit == 1 else Bounded(self.lower / self.unit, self.upper / self.unit)

    def free(self, value: Array) -> Array:
        """Return z for values of the parameter; those on a bound are moved inside."""
        if self._own is not None:
            return self._own.free(value / self.unit)
        interval = self._interval()
        if interval is not None:
            middle, half = interval
            inner = np.log(value) if self.logarithmic else value
            return np.asarray(half * np.arctanh(np.clip((inner - middle) / half, -_EDGE, _EDGE)))
        if math.isfinite(self.lower):
            return np.asarray(np.log(np.maximum(value - self.lower, 1e-300)))
        if math.isfinite(self.upper):
            return np.asarray(-np.log(np.maximum(self.upper - value, 1e-300)))
        return value

    def value_and_slope(self, z: Array) -> tuple[Array, Array]:
        """Return the parameter and its derivative with respect to z."""
        if self._own is not None:
            value, slope = self._own.value_and_slope(z)
            return value * self.unit, slope * self.unit
        interval = self._interval()
        if interval is not None:
            middle, half = interval
            share = np.tanh(z / half)
            value, slope = middle + half * share, 1.0 - share**2
            if self.logarithmic:
                value = np.clip(np.exp(value), self.lower, self.upper)
                return value, value * slope
            return value, slope
        if math.isfinite(self.lower):
            above = np.exp(z)
            return (self.lower + above if self.lower else above), above
        if math.isfinite(self.upper):
            below = np.exp(-z)
            return self.upper - below, below
        return z, np.ones_like(z)


class Point(NamedTuple):
    """Trained parameters by name, and their derivatives by the free vector, flat."""

    values: Mapping[str, Array]
    slopes: Mapping[str, Array]


class Packing:
    """Trained parameters, in the order of the model, as one free vector."""

    def __init__(self, trained: Sequence[Parameter], maps: Sequence[Bounded]):
        self.parameters, self.maps = tuple(trained), tuple(maps)
        self.sizes = tuple(int(np.prod(p.shape, dtype=int)) for p in self.parameters)
        self.size = sum(self.sizes)

    @classmethod
    def of(cls, network: Network) -> Packing:
        """Return that of a network: bounds are those stated, those of the devices, and positive what is drawn so."""
        trained, limits = [p for p in network.parameters if p.trained], allowed(network)
        return cls(trained, [_bounded(network.units, p, limits[p.name]) for p in trained])

    def pack(self, values: Mapping[str, Array]) -> Array:
        """Return the free vector (size,) of parameter values."""
        parts = [
            m.free(np.asarray(values[p.name], float)).ravel() for p, m in zip(self.parameters, self.maps, strict=True)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def at(self, z: Array) -> Point:
        """Return the trained parameters of a free vector, and what their derivatives by it are, each by name."""
        values, slopes = {}, {}
        for p, m, part in self._parts(z):
            value, slope = m.value_and_slope(part)
            values[p.name], slopes[p.name] = value.reshape(p.shape), slope
        return Point(values, slopes)

    def unpack(self, z: Array) -> dict[str, Array]:
        """Return the trained parameters of a free vector."""
        return dict(self.at(z).values)

    def pull(self, gradient: Mapping[str, Array], z: Array) -> Array:
        """Return the derivative by the free vector, (..., size), from those by the parameters, (..., *shape)."""
        return self.pull_at(gradient, self.at(z))

    def pull_at(self, gradient: Mapping[str, Array], point: Point) -> Array:
        """Return the same where the parameters are known."""
        parts = []
        for p in self.parameters:
            batch = gradient[p.name].shape[: gradient[p.name].ndim - len(p.shape)]
            parts.append(gradient[p.name].reshape(*batch, -1) * point.slopes[p.name])
        return np.concatenate(parts, axis=-1)

    def push(self, slopes: Array, z: Array) -> dict[str, Array]:
        """Return derivatives by the parameters, (..., *shape), from those by the free vector, (..., size)."""
        result = {}
        pieces = np.split(slopes, np.cumsum(self.sizes)[:-1], axis=-1)
        for (p, m, part), piece in zip(self._parts(z), pieces, strict=True):
            slope = m.value_and_slope(part)[1]
            shared = np.divide(piece, slope, out=np.zeros(piece.shape), where=slope > 0)
            result[p.name] = shared.reshape(*piece.shape[:-1], *p.shape)
        return result

    def _parts(self, z: Array) -> list[tuple[Parameter, Bounded, Array]]:
        pieces = np.split(z, np.cumsum(self.sizes)[:-1]) if self.sizes else []
        return list(zip(self.parameters, self.maps, pieces, strict=True))


def _bounded(units: Units, parameter: Parameter, limits: Limits) -> Bounded:
    """Return the map of a trained parameter; energies count in kT, all else in the unit in which it was written."""
    positive = parameter.distribution.name in ("lognormal", "loguniform")
    lower = max(parameter.lower, limits.lower, 0.0 if positive else -math.inf)
    unit = 1.0 if parameter.dimension == ENERGY else units.unit(parameter.unit)[0]
    return Bounded(lower, min(parameter.upper, limits.upper), unit)
