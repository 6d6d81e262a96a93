"""Values of a network's parameters before any training."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from crncompile.network.types import Distribution, Network, Parameter

Values = dict[str, NDArray[np.float64]]
_TRIES = 1000


def initial_values(network: Network, seed: int = 0) -> Values:
    """Return all parameters in the coherent system by name; a drawn one depends on the seed and its own name alone."""
    return {parameter.name: _values(parameter, seed) for parameter in network.parameters}


def _values(parameter: Parameter, seed: int) -> NDArray[np.float64]:
    distribution = parameter.distribution
    if distribution.values is not None:
        return distribution.values.copy()
    if distribution.name == "constant":
        return np.full(parameter.shape, distribution.arguments[0])
    rng = np.random.default_rng([seed, zlib.crc32(parameter.name.encode())])
    values = _draw(distribution, rng, parameter.shape)
    for _ in range(_TRIES):
        outside = (values < parameter.lower) | (values > parameter.upper)
        if not outside.any():
            return values
        values = np.where(outside, _draw(distribution, rng, parameter.shape), values)
    return np.clip(values, parameter.lower, parameter.upper)


def _draw(distribution: Distribution, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    first, second = distribution.arguments
    match distribution.name:
        case "normal":
            return np.asarray(rng.normal(first, second, shape))
        case "lognormal":
            return np.asarray(first * np.exp(rng.normal(0.0, second, shape)))
        case "loguniform":
            return np.asarray(np.exp(rng.uniform(np.log(first), np.log(second), shape)))
        case _:
            return np.asarray(rng.uniform(first, second, shape))
