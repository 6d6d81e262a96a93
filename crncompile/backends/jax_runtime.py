"""What generated text needs of array operations, in jax: it is traced as it stands, written for numpy.

The names are those of `numpy_runtime`. Results have the precision of what they are given. On a
GPU what is summed by index is summed in no fixed order.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy

from crncompile.constants import N_A

__all__ = [
    "N_A",
    "collect",
    "dtype_of",
    "exp",
    "in_double",
    "np",
    "onto_diagonal",
    "outer",
    "positions",
    "scatter",
    "scatter_block",
]

Array = Any
_LARGEST_EXPONENTS = {"float32": 88.0, "float64": 700.0}


class Changing:
    """An array (batch, ...) that text adds to in place, which jax has no word for.

    What is put into columns is kept apart until the whole ``array`` is asked for, and then joined: a group of
    reservoirs has columns of its own, so that is one operation in place of one for each term.
    """

    def __init__(self, array: Array):
        self._array = array
        self._columns: dict[tuple[int, int], Array] = {}

    @property
    def array(self) -> Array:
        """The whole array so far."""
        if self._columns:
            pieces, done = [], 0
            for (first, last), part in sorted(self._columns.items(), key=lambda item: item[0]):
                pieces += [self._array[:, done:first], part]
                done = last
            self._array = jnp.concatenate([*pieces, self._array[:, done:]], axis=1)
            self._columns = {}
        return self._array

    @array.setter
    def array(self, value: Array) -> None:
        self._array, self._columns = value, {}

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return tuple(self._array.shape)

    @property
    def ndim(self) -> int:
        """Number of its axes."""
        return len(self.shape)

    def __getitem__(self, where: tuple[Any, ...]) -> Array:
        if not isinstance(where[1], int | slice):
            return self.array[where]
        part = self._columns.get(_ends(where))
        if part is None:
            return self._array[where]
        return part[:, 0] if isinstance(where[1], int) else part

    def __setitem__(self, where: tuple[Any, ...], value: Array) -> None:
        first, last = _ends(where)
        shape = (self.shape[0], last - first, *self.shape[2:])
        self._columns[first, last] = jnp.broadcast_to(value, self._array[where].shape).reshape(shape)

    def __iadd__(self, value: Array) -> Changing:
        self.array = self.array + value
        return self

    def __isub__(self, value: Array) -> Changing:
        self.array = self.array - value
        return self

    def __imul__(self, value: Array) -> Changing:
        self.array = self.array * value
        return self


def _ends(where: tuple[Any, ...]) -> tuple[int, int]:
    """Return the ends of columns as text picks them: ``[:, 2:5]``, ``[:, 2]``, and ``[:, 0, 0]`` where all is one."""
    if isinstance(where[1], slice):
        return where[1].start, where[1].stop
    return where[1], where[1] + 1


def plain(results: Any) -> Any:
    """Return results with arrays in place of those that change."""

    def changing(part: Any) -> bool:
        return isinstance(part, Changing)

    return jax.tree.map(lambda part: part.array if changing(part) else part, results, is_leaf=changing)


def in_tiles(function: Callable[..., Any], step: int, *arrays: Array) -> Any:
    """Call a function of batched arrays, ``step`` samples at a time: its temporaries stay in cache.

    The batch is a multiple of ``step``, or smaller. Derivatives go through a tile once more, in place of keeping all.
    """
    batch = len(arrays[0])
    if step >= batch:
        return plain(function(*arrays))
    cut = [array.reshape(batch // step, step, *array.shape[1:]) for array in arrays]
    again = jax.checkpoint(lambda parts: plain(function(*parts)), prevent_cse=False)
    found = jax.lax.map(again, cut)
    return jax.tree.map(lambda array: array.reshape(batch, *array.shape[2:]), found)


def in_double(function: Callable[..., tuple[Array, ...]]) -> Callable[..., tuple[Array, ...]]:
    """Return a function that computes in double precision, and gives results in that of its arguments."""

    def widened(*arguments: Array) -> tuple[Array, ...]:
        own = jnp.result_type(*arguments)
        results = function(*(jnp.asarray(argument, numpy.float64) for argument in arguments))
        return tuple(jnp.asarray(result, own) for result in results)

    return widened


def _zeros(shape: tuple[int, ...], dtype: Any) -> Changing:
    return Changing(jnp.zeros(shape, dtype))


def _ones(shape: tuple[int, ...], dtype: Any) -> Changing:
    return Changing(jnp.ones(shape, dtype))


# numpy as the text knows it
np = types.SimpleNamespace(**{**vars(jnp), "zeros": _zeros, "ones": _ones})


def exp(x: Array) -> Array:
    """Exponential that saturates instead of overflowing."""
    x = jnp.asarray(x)
    return jnp.exp(jnp.minimum(x, _LARGEST_EXPONENTS[x.dtype.name]))


def dtype_of(*arrays: Array) -> Any:
    """Double precision if anything has it, else single."""
    return jnp.result_type(*arrays)


def collect(value: Array, batch: int, shape: tuple[int, ...], keep: tuple[int, ...]) -> Array:
    """Sum a family's values over all axes but ``keep``, which come out in this order and flattened: (batch, kept)."""
    value = jnp.broadcast_to(value, (batch, *shape))
    value = value.sum(axis=tuple(1 + a for a in range(len(shape)) if a not in keep))
    order = sorted(range(len(keep)), key=lambda k: keep[k])
    return value.transpose(0, *(1 + order.index(k) for k in range(len(keep)))).reshape(batch, -1)


def scatter(value: Array, batch: int, shape: tuple[int, ...], index: Array, size: int) -> Array:
    """Sum a family's values into an array of ``size`` at ``index`` (devices,): (batch, size)."""
    value = jnp.broadcast_to(value, (batch, *shape)).reshape(batch, -1)
    return jnp.zeros((batch, size), value.dtype).at[:, index.ravel()].add(value)


def outer(value: Array, batch: int, shape: tuple[int, ...], rows: tuple[int, ...], columns: tuple[int, ...]) -> Array:
    """Sum a family's values over all axes but those of rows and columns: (batch, rows, columns)."""
    count = int(numpy.prod([shape[a] for a in rows], dtype=int))
    return collect(value, batch, shape, (*rows, *columns)).reshape(batch, count, -1)


def scatter_block(
    value: Array, batch: int, shape: tuple[int, ...], rows: Array, columns: Array, size: tuple[int, int]
) -> Array:
    """Sum a family's values into a block of ``size`` at ``rows`` and ``columns`` (devices,): (batch, rows, columns)."""
    flat = scatter(value, batch, shape, rows.ravel() * size[1] + columns.ravel(), size[0] * size[1])
    return flat.reshape(batch, *size)


def onto_diagonal(block: Changing, value: Array) -> None:
    """Add values, which broadcast to (batch, size), to the diagonal of a dense block (batch, size, size)."""
    here = jnp.arange(block.shape[1])
    block.array = block.array.at[:, here, here].add(value)


def positions(size: tuple[int, ...], shape: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    """Flat index into an array of shape ``size`` for each device of a family that reads it by ``axes``: (devices,)."""
    order = sorted(range(len(axes)), key=lambda k: axes[k])
    flat = jnp.arange(int(numpy.prod(size, dtype=int))).reshape(size).transpose(order)
    return jnp.broadcast_to(flat.reshape([n if a in axes else 1 for a, n in enumerate(shape)]), shape).ravel()
