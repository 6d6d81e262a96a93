"""The few array operations that generated modules share; their text is part of every generated module.

Shapes: a family of devices has shape ``shape``; values of it are (batch, *shape) or broadcast to that.
"""

from __future__ import annotations

import contextvars
import math
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
N_A = 6.02214076e23  # 1/mol
TILE = 1 << 16  # elements of a family treated at once: temporaries stay in cache
SAMPLES = 8  # of a large family treated at once, which share what does not depend on the sample
WORTH_THREADS = 1 << 19  # elements from which threads for the tiles cost less than they save

# What glibc gives back to the system is cleared when it comes again, which takes longer than the arithmetic on it. Once
# a block of this size was freed, glibc keeps what is smaller.
np.empty(1 << 21)


def exp(x: Array) -> Array:
    """Exponential that saturates instead of overflowing, real or complex, in the precision of its argument."""
    x = np.asarray(x)
    if x.dtype.kind == "c":
        return np.asarray(np.exp(np.minimum(x.real, 700.0) + 1j * x.imag))
    return np.asarray(np.exp(np.minimum(x, 700.0 if x.dtype.itemsize >= 8 else 80.0)))


def collect(value: Array, batch: int, shape: tuple[int, ...], keep: tuple[int, ...]) -> Array:
    """Sum a family's values over all axes but ``keep``, which come out in this order and flattened: (batch, kept)."""
    if np.shape(value) != (batch, *shape):
        value = np.broadcast_to(value, (batch, *shape))
    if len(keep) < len(shape):
        value = np.add.reduce(value, axis=tuple([1 + a for a in range(len(shape)) if a not in keep]))
    if len(keep) > 1 and list(keep) != sorted(keep):
        value = value.transpose(0, *(1 + k for k in np.argsort(np.argsort(keep))))
    return value.reshape(batch, math.prod(shape[a] for a in keep))


def scatter(value: Array, batch: int, shape: tuple[int, ...], index: Array, size: int) -> Array:
    """Sum a family's values into an array of ``size`` at ``index`` (devices,): (batch, size)."""
    value = np.broadcast_to(value, (batch, *shape)).ravel()
    where = (np.arange(batch)[:, None] * size + index.ravel()).ravel()
    if np.iscomplexobj(value):
        real, imaginary = (np.bincount(where, part, batch * size) for part in (value.real, value.imag))
        return (real + 1j * imaginary).reshape(batch, size)
    return np.bincount(where, value, batch * size).reshape(batch, size).astype(value.dtype, copy=False)


def outer(value: Array, batch: int, shape: tuple[int, ...], rows: tuple[int, ...], columns: tuple[int, ...]) -> Array:
    """Sum a family's values over all axes but those of rows and columns: (batch, rows, columns)."""
    flat = collect(value, batch, shape, (*rows, *columns))
    sizes = (math.prod(shape[a] for a in axes) for axes in (rows, columns))
    return flat.reshape(batch, *sizes)


def scatter_block(
    value: Array, batch: int, shape: tuple[int, ...], rows: Array, columns: Array, size: tuple[int, int]
) -> Array:
    """Sum a family's values into a block of ``size`` at ``rows`` and ``columns`` (devices,): (batch, rows, columns)."""
    flat = scatter(value, batch, shape, rows.ravel() * size[1] + columns.ravel(), size[0] * size[1])
    return flat.reshape(batch, *size)


def slabs(law: Callable[..., Any], shape: tuple[int, ...], *arguments: Any) -> tuple[Any, ...]:
    """Call the law of a large family on a part of its first axis at a time, so that what it computes stays in cache."""
    lead = len(shape)

    def axis(value: Any) -> int | None:  # at which a value differs along the family's first axis
        place = np.ndim(value) - lead
        return place if place >= 0 and np.shape(value)[place] > 1 else None

    def along(value: Any, part: slice) -> Any:
        place = axis(value)
        return value if place is None else value[(*[slice(None)] * place, part)]

    step = max(1, TILE // SAMPLES * shape[0] // int(np.prod(shape)))
    parts = [slice(first, first + step) for first in range(0, shape[0], step)]
    found = [law(*[along(value, part) for value in arguments]) for part in parts]
    if len(parts) == 1:
        return tuple(found[0])
    places = [np.ndim(value) - lead for value in found[0]]
    differs = [p >= 0 and np.shape(value)[p] == step for p, value in zip(places, found[0], strict=True)]
    results = zip(places, differs, zip(*found, strict=True), strict=True)
    return tuple(np.concatenate(each, axis=p) if whole else each[0] for p, whole, each in results)


def lowest(value: Array, batch: int) -> Array:
    """Return the least of a family's values for each sample, (batch,)."""
    value = np.asarray(value)
    whole = np.broadcast_to(value, (batch, *value.shape[1:]))
    return np.asarray(whole.min(axis=tuple(range(1, whole.ndim))))


def onto_diagonal(block: Array, value: Array) -> None:
    """Add values, which broadcast to (batch, size), to the diagonal of a dense block (batch, size, size), in place."""
    here = np.arange(block.shape[1])
    block[:, here, here] += value


def positions(size: tuple[int, ...], shape: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    """Flat index into an array of shape ``size`` for each device of a family that reads it by ``axes``: (devices,)."""
    flat = np.arange(int(np.prod(size, dtype=int))).reshape(size).transpose(np.argsort(axes))
    return np.broadcast_to(flat.reshape([shape[a] if a in axes else 1 for a in range(len(shape))]), shape).ravel()


def give(
    gradient: dict[str, Any],
    name: str,
    value: Array,
    batch: int,
    shape: tuple[int, ...],
    axes: Any,
    parameters: Mapping[str, Array],
) -> None:
    """Add what a family's devices say of a parameter to its gradient, (batch, *shape of the parameter)."""
    own = np.shape(parameters[name])
    if isinstance(axes, tuple):
        keep = axes if len(axes) == len(own) else tuple(range(len(shape)))
        flat = collect(value, batch, shape, keep)
    else:
        flat = scatter(value, batch, shape, axes, int(np.prod(own, dtype=int)))
    gradient[name] = added(gradient.get(name), flat.reshape(batch, *own))


def added(total: Any, more: Any) -> Any:
    """Add to a total; None is nothing."""
    return more if total is None else total if more is None else total + more


def tiles(batch: int, devices: int, most: int = TILE) -> list[slice]:
    """Slices of the batch in which a family of this many devices has at most so many elements; one at least."""
    step = max(1, most // max(1, devices))
    return [slice(first, min(first + step, batch)) for first in range(0, max(1, batch), step)]


def dtype_of(*arrays: Array) -> np.dtype[Any]:
    """Complex if anything is, else float; of 32 bits where all arrays are."""
    kinds = {a.dtype for a in arrays if isinstance(a, (np.ndarray, np.generic))}
    return np.result_type(np.float32, *kinds) if kinds else np.dtype(float)


def joined(parts: list[Any]) -> Any:
    """Join the results of tiles along the batch: arrays, or tuples and dictionaries of arrays."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, tuple):
        return tuple(joined([part[k] for part in parts]) for k in range(len(first)))
    if isinstance(first, dict):
        return {key: joined([part[key] for part in parts]) for key in first}
    return np.concatenate(parts)


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_tiles(function: Callable[..., Any], devices: int, parameters: Mapping[str, Array], *arrays: Array) -> Any:
    """Call a function of batched arrays and parameters tile by tile, on all cores where that pays.

    The largest temporaries stay small. How tiles are cut does not depend on the number of cores, so results do not.
    """
    places = tiles(len(arrays[0]), min(devices, TILE // SAMPLES))

    def call(tile: slice, context: contextvars.Context | None = None) -> Any:
        if context is not None:  # numpy's way with errors is part of it
            return context.run(call, tile)
        return function(*(a[tile] for a in arrays), parameters)

    if len(places) < 2:
        return function(*arrays, parameters)
    if devices * len(arrays[0]) < WORTH_THREADS:
        return joined([call(tile) for tile in places])
    with ThreadPoolExecutor(cores()) as pool:
        return joined(list(pool.map(call, places, [contextvars.copy_context() for _ in places])))


def summed(part: Mapping[str, Array]) -> dict[str, Array]:
    """Sum a gradient over its samples."""
    return {name: value[0] if len(value) == 1 else value.sum(axis=0) for name, value in part.items()}


def dense_jacobian(structure: Any, jacobian: Any, batch: int) -> Array:
    """Assemble the blocks, or the entries, of a Jacobian to an array (batch, reservoirs, reservoirs)."""
    n = len(structure.reservoirs)
    whole = np.zeros((batch, n, n), dtype_of(*(jacobian.values() if isinstance(jacobian, dict) else (jacobian,))))
    if structure.pattern is not None:
        rows, ends = structure.pattern
        whole[:, rows, np.repeat(np.arange(n), np.diff(ends))] = jacobian
        return whole
    for (row, column), block in jacobian.items():
        part = whole[:, structure.slices[row], structure.slices[column]]
        if structure.blocks[row, column] == "dense":
            part += block
        else:
            onto_diagonal(part, block)
    return whole
