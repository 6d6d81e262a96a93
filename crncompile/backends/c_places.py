"""Where the devices of a family find their reservoirs, as C text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crncompile.program.types import GroupCode, Read


@dataclass(frozen=True)
class Location:
    """Where a device finds its reservoir: ``base`` + ``stride`` * k, or an element of the array ``index``.

    ``k`` counts along the last axis, ``base`` depends on the other axes; ``index`` is read at base + k.
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
        if self.index:
            return f"{self.index}[{self.base} + {k}]"
        moved = f"{self.stride} * ({k})" if self.stride != 1 else k
        return f"{self.base} + {moved}" if self.stride else self.base


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


def location(read: Read, group: GroupCode, shape: tuple[int, ...], indices: Indices) -> Location:
    """Return where in its group a device of a family finds the reservoir at a port."""
    if read.view.index is not None:
        return Location(row_start(shape), 1, indices.name(np.broadcast_to(read.view.index, shape)))
    steps = [int(np.prod(group.shape[axis + 1 :])) for axis in range(len(group.shape))]
    terms, stride = [], 0
    for step, axis in zip(steps, read.view.axes or (), strict=True):
        if axis == len(shape) - 1:
            stride = step
        else:
            terms.append(f"{step} * a{axis}" if step != 1 else f"a{axis}")
    return Location(" + ".join(terms) or "0", stride)


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


def row_start(shape: tuple[int, ...]) -> str:
    """Return the number of the first device of a row along the last axis."""
    sizes = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape) - 1)]
    return " + ".join(f"{size} * a{axis}" for axis, size in enumerate(sizes)) or "0"
