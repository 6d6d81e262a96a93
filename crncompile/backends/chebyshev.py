"""Functions of two potentials as sums of products of Chebyshev series.

Series on Chebyshev points, the decay of whose coefficients tells their error: Trefethen, Approximation Theory and
Approximation Practice (SIAM, 2013), chapters 3, 8 and 18. Products from the singular vectors of coefficients: Townsend
and Trefethen, An extension of Chebfun to two dimensions, SIAM J. Sci. Comput. 35, C495 (2013).
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Range = tuple[float, float]
Law = Callable[[Array, Array], Array]
"""Values at first potentials (n,) and second ones (m,): (n, m)."""
Columns = Callable[[Array], tuple[Array, Array]]
"""Values at first potentials (n,) for some second ones, (n, columns), and what they are compared with, (columns,)."""
COUNTS = (9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257)
"""Numbers of points that are tried, one after the other."""
MOST_TERMS = 64
"""Products beyond which a function is not interpolated."""
_DENSITY, _MOST_SAMPLES = 3.0, 512
"""Second potentials for each kT at which first functions are found, and how many these may be."""
_TAIL, _LEFT_OUT = 0.1, 0.2
"""Shares of the tolerance: of the coefficients of a series, and of the products that are left out."""


@dataclass(frozen=True, eq=False)
class Series:
    """Functions of one potential on a range: ``coefficients`` (functions, count) of Chebyshev polynomials."""

    range: Range
    coefficients: Array

    @property
    def terms(self) -> int:
        """Number of functions."""
        return len(self.coefficients)

    @property
    def count(self) -> int:
        """Number of polynomials."""
        return int(self.coefficients.shape[1])

    @cached_property
    def derivatives(self) -> Array:
        """Coefficients of the functions' derivatives, (functions, count)."""
        lower, upper = self.range
        found = np.polynomial.chebyshev.chebder(self.coefficients, scl=2 / (upper - lower), axis=1)
        return np.pad(found, ((0, 0), (0, self.count - found.shape[1])))


# --- series -----------------------------------------------------------------------------------------------------------


def points(where: Range, count: int) -> Array:
    """Chebyshev points of the second kind, (count,)."""
    lower, upper = where
    return np.asarray((lower + upper) / 2 + (upper - lower) / 2 * np.cos(np.pi * np.arange(count) / (count - 1)))


def between(where: Range, count: int) -> Array:
    """Points (count - 1,) between those."""
    lower, upper = where
    angles = np.pi * (np.arange(count - 1) + 0.5) / (count - 1)
    return np.asarray((lower + upper) / 2 + (upper - lower) / 2 * np.cos(angles))


def transform(count: int) -> Array:
    """Matrix (count, count) from values at Chebyshev points to coefficients."""
    ends = np.where(np.isin(np.arange(count), (0, count - 1)), 0.5, 1.0)
    cosines = np.cos(np.pi * np.outer(np.arange(count), np.arange(count)) / (count - 1))
    return np.asarray(2 / (count - 1) * ends[:, None] * cosines * ends)


def polynomials(u: Array, where: Range, count: int) -> Array:
    """Chebyshev polynomials of a range at potentials (n,), (count, n), in their precision."""
    lower, upper = where
    x = (u - u.dtype.type((lower + upper) / 2)) * u.dtype.type(2 / (upper - lower))
    twice, values = 2 * x, np.empty((count, len(u)), u.dtype)
    values[0] = 1
    values[1:2] = x
    for k in range(2, count):
        np.multiply(twice, values[k - 1], out=values[k])
        values[k] -= values[k - 2]
    return values


def slopes(values: Array, u: Array, where: Range) -> Array:
    """Return derivatives of Chebyshev polynomials of a range from their values at potentials (n,), (count, n)."""
    lower, upper = where
    scale = u.dtype.type(2 / (upper - lower))
    twice, found = 2 * (u - u.dtype.type((lower + upper) / 2)) * scale, np.empty_like(values)
    found[0] = 0
    found[1:2] = scale
    for k in range(2, len(values)):
        np.multiply(twice, found[k - 1], out=found[k])
        found[k] -= found[k - 2]
        found[k] += 2 * scale * values[k - 1]
    return found


# --- functions of two potentials --------------------------------------------------------------------------------------


def first_functions(columns: Columns, first: Range, tolerance: float) -> Series | None:
    """Return functions of the first potential with whose combinations all columns agree; None if these are too many.

    The tolerance is relative to the largest value of each column, or to what it is given to be compared with.
    """
    for count in COUNTS:
        values, least = columns(points(first, count))
        scale = np.maximum(np.maximum(np.abs(values).max(axis=0), least), np.finfo(float).tiny)
        if not np.isfinite(scale).all():
            return None
        coefficients = (transform(count) @ values) / scale
        kept = _kept(np.abs(coefficients).max(axis=1), _TAIL * tolerance)
        if kept is not None:
            other = between(first, count)
            missed = polynomials(other, first, count).T @ coefficients - columns(other)[0] / scale
            if np.abs(missed).max() <= _LEFT_OUT * tolerance:
                return _few_products(coefficients[:kept], first, tolerance)
    return None


def _kept(sizes: Array, least: float) -> int | None:
    """Return how many coefficients of these sizes count, or None where those that count have not died away."""
    rest = np.cumsum(sizes[::-1])[::-1]
    kept = max(1, int((rest > least).sum()))
    return kept if kept <= len(sizes) - 2 - len(sizes) // 16 else None


def spread_out(where: Range) -> Array | None:
    """Return second potentials, (n,), at which first functions are found; None where these were too many."""
    count = int(_DENSITY * (where[1] - where[0])) + 9
    return points(where, count) if count <= _MOST_SAMPLES else None


def _few_products(coefficients: Array, first: Range, tolerance: float) -> Series | None:
    """Return the fewest functions with whose combinations all columns of coefficients agree to a tolerance."""
    left, sizes, right = np.linalg.svd(coefficients, full_matrices=False)
    everywhere = polynomials(points(first, 2 * len(left) + 1), first, len(left)).T @ (left * sizes)

    def misses(terms: int) -> bool:
        return bool(np.abs(everywhere[:, terms:] @ right[terms:]).max(initial=0) > _LEFT_OUT * tolerance)

    terms = 1 + bisect.bisect_left(range(1, len(sizes)), True, key=lambda terms: not misses(terms))
    return Series(first, np.ascontiguousarray(left[:, :terms].T)) if terms <= MOST_TERMS else None


def second_functions(law: Law, first: Series, where: Range, tolerance: float) -> Series | None:
    """Return the functions of the second potential on a range that go with those of the first, or None.

    The tolerance is relative to the largest value; the sum of products is checked at points that it was not made from.
    """
    project = projection(first)
    everywhere = first.coefficients @ polynomials(between(first.range, 2 * first.count + 2), first.range, first.count)
    for count in COUNTS:
        values = law(points(first.range, project.shape[1]), points(where, count))
        largest = np.abs(values).max()
        if not np.isfinite(largest):
            return None
        coefficients = project @ values @ transform(count).T
        kept = _kept(np.abs(everywhere.T @ coefficients).max(axis=0), _TAIL * tolerance * largest)
        if kept is not None:
            series = Series(where, np.ascontiguousarray(coefficients[:, :kept]))
            if _error(law, first, series) <= tolerance * largest:
                return series
    return None


def projection(first: Series) -> Array:
    """Matrix (terms, points) from values at Chebyshev points of the first potential to the functions of the second."""
    count = max(2, first.count)
    return np.asarray(first.coefficients @ transform(count)[: first.count])


def _error(law: Law, first: Series, second: Series) -> float:
    """Return the largest error of the sum of products between the points."""
    places = [between(series.range, max(2, series.count) + 1) for series in (first, second)]
    left, right = (
        series.coefficients @ polynomials(u, series.range, series.count)
        for series, u in zip((first, second), places, strict=True)
    )
    return float(np.abs(left.T @ right - law(*places)).max())
