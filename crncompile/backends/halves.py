"""The two halves of a split law: functions of what runs over the rows of a family, or over its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.backends.numpy_runtime import exp
from crncompile.program.types import FamilyCode, GroupCode, Kernel, Read

Array = NDArray[Any]


class Potentials(Mapping[str, Array]):
    """Potentials of every group at samples: here mu in kT, or c in M, (batch, *group), each computed when asked for."""

    def __init__(self, u: Array, held: Array, floating: Mapping[str, GroupCode], fixed: Mapping[str, GroupCode]):
        self.u, self.held, self.floating, self.fixed = u, held, floating, fixed
        self.found: dict[str, Array] = {}
        self.polynomials: dict[object, tuple[Array, Array]] = {}
        self.stacks: dict[object, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self.found:
            content = (self.floating.get(name) or self.fixed[name]).content
            self.found[name] = exp(self.potential(name)) if content == "molecules" else self.potential(name)
        return self.found[name]

    def __iter__(self) -> Iterator[str]:
        yield from (*self.floating, *self.fixed)

    def __len__(self) -> int:
        return len(self.floating) + len(self.fixed)

    def potential(self, name: str) -> Array:
        """Return the dimensionless potentials of a group, mu/kT or ln(c/1 M), (batch, *group)."""
        group = self.floating.get(name) or self.fixed[name]
        vector = self.u if name in self.floating else self.held
        return vector[:, group.start : group.stop].reshape(-1, *group.shape)


@dataclass(frozen=True, eq=False)
class Half:
    """One half: ``axes`` of the family, of sizes ``shape``; a stack of its functions is (terms, batch, size).

    Its functions are of the potentials at some ``terminals``.
    """

    family: FamilyCode
    axes: tuple[int, ...]
    groups: Mapping[str, GroupCode]
    terminals: tuple[sympy.Symbol, ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return tuple(self.family.shape[axis] for axis in self.axes)

    @cached_property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @cached_property
    def ports(self) -> dict[int, Read]:
        """Ports of the terminals by their numbers among the family's, in the order of the terminals."""
        numbers = {port.symbol: number for number, port in enumerate(self.family.ports)}
        return {numbers[symbol]: self.family.ports[numbers[symbol]] for symbol in self.terminals}

    def keep(self, port: Read) -> tuple[int, ...]:
        """Return the axes of a port as axes of this half."""
        return tuple(self.axes.index(axis) for axis in port.view.axes or ())

    def has(self, port: Read) -> bool:
        """Whether a port runs over axes of this half alone, or over none."""
        return set(port.view.axes or ()) <= set(self.axes)

    def spread(self, array: Array, port: Read) -> Array:
        """Give a group's array (batch, *group) its places among the axes of this half."""
        axes = port.view.axes or ()
        if axes == self.axes:
            return array
        order = sorted(range(len(axes)), key=lambda k: axes[k])
        moved = array.transpose(0, *(1 + k for k in order))
        return moved[(slice(None), *(slice(None) if axis in axes else None for axis in self.axes))]


@dataclass(frozen=True, eq=False)
class KernelHalf(Half):
    """A half whose functions are those of a kernel.

    ``numbers`` are those of the kernel's parameters among the family's slots; ``value``, ``gross``, ``slopes`` and
    ``pull`` its functions, of arrays that ``arrays`` makes.
    """

    kernel: Kernel
    numbers: tuple[int, ...]
    value: Any
    gross: Any
    slopes: Any
    pull: Any
    arrays: Any = np

    @property
    def positive(self) -> bool:
        """Whether all functions are positive: then their sizes are themselves."""
        return self.kernel.gross == self.kernel.value

    @cached_property
    def text(self) -> str:
        """The functions and where they read: two halves with the same are the same function of their slots."""
        ports = [(port.name, port.view.axes) for port in self.ports.values()]
        places = [tuple(self.axes.index(axis) for axis in axes or ()) for _, axes in ports]
        return repr((self.kernel.value, self.shape, [name for name, _ in ports], places))

    def values(self, natural: Any, slots: Sequence[Array], batch: int, gross: bool) -> Array:
        """Return the functions, or the sizes of their terms, (terms, batch, size); families may share them."""
        function, own = self.gross if gross else self.value, [slots[number] for number in self.numbers]

        def found() -> Array:
            return self.stacked(function(*self.arguments(natural, slots)), batch)

        if not isinstance(natural, Potentials) or any(np.ndim(slot) for slot in own):
            return found()
        key = (self.text, gross, *map(float, own))
        if key not in natural.stacks:
            natural.stacks[key] = found()
        return natural.stacks[key]

    def stacked(self, values: Sequence[Any], batch: int) -> Array:
        """Stack results of the kernel: (terms, batch, size)."""
        stack: Array = self.arrays.stack([self.arrays.broadcast_to(value, (batch, *self.shape)) for value in values])
        return stack.reshape(len(values), batch, self.size)

    def arguments(self, natural: Potentials, slots: Sequence[Array]) -> list[Array]:
        """Return what the kernel's functions are called with."""
        terminals = [self.spread(natural[port.name], port) for port in self.ports.values()]
        return terminals + [own_values(slots[number], self.axes) for number in self.numbers]

    def slope_stacks(self, results: Sequence[Any], natural: Potentials, batch: int) -> dict[int, Array]:
        """Return for each terminal the derivatives of all functions by its potential, (terms, batch, size)."""
        terms, ports = len(self.kernel.flux_names), list(self.ports.items())
        found: dict[int, list[Any]] = {}
        for (term, terminal), value in zip(self.kernel.slope_of, results[terms:], strict=True):
            found.setdefault(terminal, [0.0] * terms)[term] = value
        stacks = {}
        for terminal, values in found.items():
            number, port = ports[terminal]
            stacks[number] = self.stacked(values, batch)
            if self.groups[port.name].content == "molecules":
                stacks[number] = stacks[number] * self.stacked([self.spread(natural[port.name], port)], batch)
        return stacks


def own_values(slot: Array, axes: tuple[int, ...]) -> Array:
    """Return a slot, which runs over these axes of its family at most, as an array over them."""
    if np.ndim(slot) == 0:
        return slot
    return slot[tuple(slice(None) if axis in axes else 0 for axis in range(slot.ndim))]
