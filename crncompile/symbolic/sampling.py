"""Random values for a device's parameters and terminals: wide enough to find what a law can do, fixed by a seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.network.types import DeviceKind, DeviceParameter
from crncompile.symbolic.numeric import numpy_function
from crncompile.units import CAPACITANCE, CONCENTRATION, CONDUCTANCE, ENERGY, RATE, Dimension

# Decades in which positive quantities of a dimension are drawn, in the coherent system; others between 1e-2 and 1e2.
_DECADES: dict[Dimension, tuple[float, float]] = {
    RATE: (7.0, 10.0),
    CONCENTRATION: (-5.0, -2.0),
    RATE / CONCENTRATION: (4.0, 8.0),
    RATE / CONCENTRATION**2: (6.0, 12.0),
    CAPACITANCE: (2.0, 4.0),
    CONDUCTANCE: (7.0, 10.0),
}


def draw(kind: DeviceKind, count: int, seed: int = 0) -> dict[sympy.Symbol, NDArray[np.float64]]:
    """Return ``count`` random values for every terminal and parameter of a device, shape (count,)."""
    rng = np.random.default_rng(seed)
    values = {}
    for terminal in kind.terminals:
        u = rng.uniform(-6.0, 6.0, count)
        values[terminal.symbol] = u if terminal.content == "charge" else np.exp(u) * 1e-3
    for parameter in kind.parameters:
        values[parameter.symbol] = _draw(parameter, count, rng)
    return values


def _draw(parameter: DeviceParameter, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    lower, upper = parameter.lower, parameter.upper
    if math.isfinite(lower) and math.isfinite(upper):
        return rng.uniform(lower, upper, count)
    if parameter.dimension == ENERGY and not lower >= 0:
        return np.clip(rng.normal(0.0, 3.0, count), lower, upper)
    decades = _DECADES.get(parameter.dimension, (-2.0, 2.0))
    size = 10.0 ** rng.uniform(*decades, count)
    if lower >= 0:
        return lower + size
    sign = rng.choice([-1.0, 1.0], count)
    return np.clip(sign * size, lower, upper)


def evaluate(
    expressions: Sequence[sympy.Expr],
    values: Mapping[sympy.Symbol, NDArray[Any]],
    definitions: Sequence[tuple[sympy.Symbol, sympy.Expr]] = (),
) -> list[NDArray[Any]]:
    """Evaluate expressions in terminals, parameters and definitions at drawn values, independently of generated code.

    ``definitions`` are in an order in which each uses earlier ones only. Complex values give complex results.
    """
    return function_of(expressions, list(values), definitions)(values)


def function_of(
    expressions: Sequence[sympy.Expr],
    symbols: Sequence[sympy.Symbol],
    definitions: Sequence[tuple[sympy.Symbol, sympy.Expr]] = (),
) -> Callable[[Mapping[sympy.Symbol, NDArray[Any]]], list[NDArray[Any]]]:
    """Return the function that `evaluate` calls, for those who call it several times."""
    shared = (lambda outputs: (list(definitions), list(outputs))) if definitions else True
    compiled = numpy_function(symbols, list(expressions), cse=shared)

    def function(values: Mapping[sympy.Symbol, NDArray[Any]]) -> list[NDArray[Any]]:
        given = [values[symbol] for symbol in symbols]
        count, kind = len(given[0]), np.result_type(float, *given)
        with np.errstate(all="ignore"):
            return [np.broadcast_to(np.asarray(result, kind), (count,)) for result in compiled(*given)]

    return function


def stationary(states: int, ends: Sequence[tuple[int, int]], rates: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the stationary occupations of Markov processes, (states, count), from the rates of jumps, (count,) each.

    States are eliminated one by one without any subtraction, which keeps every digit of small occupations (Grassmann,
    Taksar and Heyman 1985; O'Cinneide 1993). The last state must be one that all others lead to.
    """
    matrix = np.zeros((states, states, len(rates[0])), np.result_type(float, *rates))
    for (origin, destination), rate in zip(ends, rates, strict=True):
        matrix[origin, destination] += rate
    occupations = np.ones((states, len(rates[0])), matrix.dtype)
    with np.errstate(all="ignore"):
        for out in range(states - 1):
            from_, to = (
                out + 1 + np.flatnonzero(m.any(axis=-1)) for m in (matrix[out + 1 :, out], matrix[out, out + 1 :])
            )
            matrix[out, to] /= (total := matrix[out, to].sum(axis=0))
            matrix[np.ix_(from_, to)] += matrix[from_, out, None] * matrix[out, to]
            matrix[from_, out] /= total
        for state in reversed(range(states - 1)):
            occupations[state] = (occupations[state + 1 :] * matrix[state + 1 :, state]).sum(axis=0)
        return np.asarray(occupations / occupations.sum(axis=0))
