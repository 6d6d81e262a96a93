"""Where the devices of a family find their reservoirs, as C text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crncompile.program.types import GroupCode, Read


@dataclass(frozen=True)
class Location:
    """Where a device finds its reservoir: ``base`` + ``stride`` * k, or that element of the array ``index``.

    ``k`` counts along the inner axis, ``base`` depends on the other axes.
    """

    base: str
    stride: int
    index: str = ""

    @property
    def fixed(self) -> bool:
        """Whether all devices of a tile share it."""
        return not self.index and self.stride == 0

    def at(self, k: str) -> str:
        """Return the text of the place of device ``k``."""
        moved = f"{self.stride} * ({k})" if self.stride != 1 else k
        place = f"{self.base} + {moved}" if self.stride else self.base
        return f"{self.index}[{place}]" if self.index else place


class Indices:
    """Index arrays that a family's functions are given, each once."""

    def __init__(self) -> None:
        self.arrays: list[NDArray[np.int64]] = []

    def name(self, array: NDArray[np.int64]) -> str:
        """Return the text of an index array, flattened."""
        flat = np.ascontiguousarray(array, dtype=np.int64).ravel()
        for number, known in enumerate(self.arrays):
            if known.shape == flat.shape and np.array_equal(known, flat):
                return f"index[{number}]"
        self.arrays.append(flat)
        return f"index[{len(self.arrays) - 1}]"


def inner_axis(shape: tuple[int, ...]) -> int:
    """Return the axis that the innermost loop runs along: the longest, the last among several."""
    return max(range(len(shape)), key=lambda axis: (shape[axis], axis))


def location(read: Read, group: GroupCode, shape: tuple[int, ...], indices: Indices) -> Location:
    """Return where in its group a device of a family finds the reservoir at a port."""
    if read.view.index is not None:
        return device(shape, indices.name(np.broadcast_to(read.view.index, shape)))
    return _along(dict(zip(read.view.axes or (), _steps(group.shape), strict=True)), inner_axis(shape))


def device(shape: tuple[int, ...], index: str = "") -> Location:
    """Return the number of a device in its family, or what the array ``index`` has there."""
    return _along(dict(enumerate(_steps(shape))), inner_axis(shape), index)


def _steps(shape: tuple[int, ...]) -> list[int]:
    return [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]


def _along(steps: Mapping[int, int], inner: int, index: str = "") -> Location:
    """Return the place that a step along each of some axes leads to."""
    terms = [f"{step} * a{axis}" if step != 1 else f"a{axis}" for axis, step in steps.items() if axis != inner]
    return Location(" + ".join(terms) or "0", steps.get(inner, 0), index)


@dataclass(frozen=True)
class Crossing:
    """Where a dense block of ``breadth`` columns has the entry at a row and a column."""

    row: Location
    column: Location
    breadth: int

    @property
    def index(self) -> str:
        """The index array by which it is found, if there is one."""
        return self.row.index or self.column.index

    @property
    def fixed(self) -> bool:
        """Whether all devices of a tile share it."""
        return self.row.fixed and self.column.fixed

    def at(self, k: str) -> str:
        """Return the text of the place of device ``k``."""
        return f"({self.row.at(k)}) * {self.breadth} + {self.column.at(k)}"
