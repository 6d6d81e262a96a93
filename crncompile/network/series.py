"""Known numbers in expressions, one for each element of an owner: indices, their remainders, columns of tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.errors import Span
from crncompile.network.indices import Frame
from crncompile.network.types import Access, Distribution, Parameter, Place
from crncompile.units import Dimension

Array = NDArray[np.float64]

_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    sympy.Add: lambda *terms: sum(terms[1:], terms[0]),
    sympy.Mul: lambda *factors: math.prod(factors[1:], start=factors[0]),
    sympy.Pow: np.power,
    sympy.exp: np.exp,
    sympy.log: np.log,
    sympy.tanh: np.tanh,
    sympy.sinh: np.sinh,
    sympy.cosh: np.cosh,
    sympy.Abs: np.abs,
}


@dataclass(frozen=True, eq=False)
class Series:
    """``symbol`` stands for ``values``, which broadcast to the shape of the owner's frame; ``span`` names them."""

    symbol: sympy.Symbol
    values: Array
    dimension: Dimension
    unit: str
    span: Span


def series(text: str, values: NDArray[Any], dimension: Dimension, unit: str, span: Span) -> Series:
    """Return numbers under the name by which an expression has them."""
    known = {"positive": True} if bool((values > 0).all()) else {"real": True}
    return Series(sympy.Symbol(text, **known), values.astype(float), dimension, unit, span)


def evaluated(expression: sympy.Expr, values: Mapping[sympy.Symbol, Array]) -> Array:
    """Return an expression's values; what is not defined is infinite or NaN."""
    with np.errstate(all="ignore"):
        return np.asarray(_evaluated(expression, values), dtype=float)


def _evaluated(expression: sympy.Expr, values: Mapping[sympy.Symbol, Array]) -> Any:
    if expression.is_Symbol:
        return values[expression]
    if not expression.args:
        return np.float64(expression)
    return _FUNCTIONS[expression.func](*(_evaluated(argument, values) for argument in expression.args))


def first_values(parameter: Parameter) -> Array | None:
    """Return the values that a parameter has before training; ``None`` where they are drawn."""
    distribution = parameter.distribution
    if distribution.name != "constant":
        return None
    return np.full(parameter.shape, distribution.arguments[0]) if distribution.values is None else distribution.values


def read_at(values: Array, place: Place, owner: tuple[int, ...]) -> Array:
    """Return an array as its owner reads it, broadcastable to the owner's shape."""
    if place.axes is None:
        return np.asarray(values.ravel()[place.index])
    order = np.argsort(place.axes)
    shape = [1] * len(owner)
    for axis in place.axes:
        shape[axis] = owner[axis]
    return values.transpose(order).reshape(shape) if place.axes else values


def holding(name: str, found: Series, frame: Frame) -> tuple[Parameter, Access]:
    """Return the constant parameter ``name`` that holds a series, and how its owner reads it.

    Only the axes along which it varies are kept.
    """
    values = found.values.reshape([1] * (len(frame.shape) - found.values.ndim) + list(found.values.shape))
    kept = tuple(axis for axis, size in enumerate(values.shape) if size > 1)
    axes = tuple(frame.parameter_axes[axis] for axis in kept)
    shape = tuple(axis.size for axis in axes)
    distribution = Distribution("constant", (), values.reshape(shape))
    held = Parameter(
        name,
        axes,
        shape,
        found.dimension,
        found.unit,
        distribution,
        lower=-math.inf,
        upper=math.inf,
        trained=False,
        tolerance=None,
        span=found.span,
    )
    return held, Access(found.symbol, name, Place(kept))
