"""Families whose law is a factor of each device times products of functions of rows and columns, by matrix products.

flux[b, r, c] = factor[r, c] * sum_k left_k[b, r] * right_k[b, c]. No array of the size of batch times devices is made,
but for a dense block of the Jacobian, which has that size itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.backends import numpy_runtime
from crncompile.backends.halves import Half, Natural
from crncompile.backends.kernel_text import kernel_functions
from crncompile.backends.load import load_module
from crncompile.backends.text import section
from crncompile.program.types import Contribution, FamilyCode, Kernel, Program, Read, Split

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Fixed:
    """What a family's parameters fix: its slots, and the factors (rows, columns)."""

    slots: Sequence[Array]
    factor: Array

    @cached_property
    def sizes(self) -> Fixed:
        """The same with the factors' absolute values."""
        return Fixed(self.slots, abs(self.factor))


class State:
    """The halves of one family at the potentials of a batch, each computed when it is first asked for.

    Where one half is the same in every iteration, ``through`` has it multiplied by the factors already.
    """

    def __init__(self, family: SeparableFamily, natural: Natural, batch: int, fixed: Fixed, through: Array | None):
        self.family, self.natural, self.batch, self.fixed, self.given = family, natural, batch, fixed, through

    def _stack(self, half: Half) -> Array:
        return half.stacked(half.value(*half.arguments(self.natural, self.fixed.slots)), self.batch)

    @cached_property
    def left(self) -> Array:
        """Left functions, (terms, batch, rows)."""
        return self._stack(self.family.left)

    @cached_property
    def right(self) -> Array:
        """Right functions, (terms, batch, columns)."""
        return self._stack(self.family.right)

    @cached_property
    def left_through(self) -> Array:
        """Left functions times the factors, (terms, batch, columns)."""
        given = self.given if self.family.settled is self.family.left else None
        return self.left @ self.fixed.factor if given is None else given

    @cached_property
    def right_through(self) -> Array:
        """Right functions times the factors, (terms, batch, rows)."""
        given = self.given if self.family.settled is self.family.right else None
        return self.right @ self.fixed.factor.T if given is None else given

    @cached_property
    def on_rows(self) -> Array:
        """Sum of the fluxes of each row, (batch, rows)."""
        return self.family.dotted(self.left, self.right_through)

    @cached_property
    def on_columns(self) -> Array:
        """Sum of the fluxes of each column, (batch, columns)."""
        return self.family.dotted(self.left_through, self.right)

    @cached_property
    def left_slopes(self) -> dict[int, Array]:
        """Derivatives of the left functions by the potentials at terminals."""
        return self._slopes(self.family.left)

    @cached_property
    def right_slopes(self) -> dict[int, Array]:
        """Derivatives of the right functions by the potentials at terminals."""
        return self._slopes(self.family.right)

    def _slopes(self, half: Half) -> dict[int, Array]:
        results = half.slopes(*half.arguments(self.natural, self.fixed.slots))
        return half.slope_stacks(results, self.natural, self.batch)


class Sizes(State):
    """The same of absolute values: sums of what flows, with every product counted as positive."""

    def __init__(self, family: SeparableFamily, natural: Natural, batch: int, fixed: Fixed, through: Array | None):
        super().__init__(family, natural, batch, fixed.sizes, through)

    def _stack(self, half: Half) -> Array:
        return abs(half.stacked(half.gross(*half.arguments(self.natural, self.fixed.slots)), self.batch))


class SeparableFamily:
    """One family in matrix products, computed with the array operations of ``runtime``."""

    def __init__(self, program: Program, code: FamilyCode, split: Split, runtime: Any = numpy_runtime):
        self.code, self.split, self.runtime = code, split, runtime
        self.floating = {group.name: group for group in program.groups}
        self.groups = {**self.floating, **{held.group.name: held.group for held in program.held}}
        whole = next(kernel for kernel in program.kernels if kernel.name == code.kernel)
        parts = {"factor": split.factor, "left": split.left, "right": split.right}
        imports = f"from {runtime.__name__} import N_A, exp, np\n{section('halves')}"
        text = "\n\n\n".join([imports, *(kernel_functions(kernel, name) for name, kernel in parts.items())])
        self.module = load_module(text, f"crncompile:{program.name}:{code.name}")
        self._parameters = whole.parameters
        self.left = self._half("left", split.left, split.rows)
        self.right = self._half("right", split.right, split.columns)
        self.factor_slots = self._numbers(split.factor)

    def _numbers(self, kernel: Kernel) -> tuple[int, ...]:
        return tuple(self._parameters.index(symbol) for symbol in kernel.parameters)

    def _half(self, name: str, kernel: Kernel, axes: tuple[int, ...]) -> Half:
        functions = [getattr(self.module, name + suffix) for suffix in ("", "_gross", "_slopes", "_pull")]
        return Half(self.runtime.np, kernel, self.code, axes, self.groups, self._numbers(kernel), *functions)

    @property
    def terms(self) -> int:
        """Number of products."""
        return len(self.split.left.flux_names)

    @property
    def width(self) -> int:
        """Numbers per sample that are at work at once."""
        return self.terms * sum(half.size for half in (self.left, self.right) if half is not self.settled)

    @cached_property
    def settled(self) -> Half | None:
        """The half, if there is one, that held reservoirs alone decide: an iteration need not compute it again."""
        halves = [half for half in (self.left, self.right) if not self._moves(half)]
        return max(halves, key=lambda half: half.size, default=None)

    def _moves(self, half: Half) -> bool:
        return any(port.name in self.floating for port in half.ports.values())

    def through_width(self) -> int:
        """Length of what `through` gives for a sample."""
        if self.settled is None:
            return 0
        return self.terms * (self.right if self.settled is self.left else self.left).size

    # --- parameters ---

    def fixed(self, slots: Sequence[Array]) -> Fixed:
        """Compute what parameters fix, of the family's slots."""
        (factor,) = self.module.factor(*(slots[number] for number in self.factor_slots))
        return Fixed(slots, self._matrix(self.runtime.np.broadcast_to(factor, self.code.shape)))

    def _matrix(self, devices: Array) -> Array:
        """Return an array (*family) as (rows, columns)."""
        moved = devices.transpose(*self.split.rows, *self.split.columns)
        return moved.reshape(self.left.size, self.right.size).copy()

    def through(self, natural: Natural, batch: int, fixed: Fixed, kind: type[State]) -> Array:
        """Return the settled half times the factors, (batch, terms * size)."""
        state = kind(self, natural, batch, fixed, None)
        found = state.left_through if self.settled is self.left else state.right_through
        return found.transpose(1, 0, 2).reshape(batch, -1)

    def state(self, natural: Natural, batch: int, fixed: Fixed, kind: type[State], through: Array | None) -> State:
        """Return the halves at some potentials; ``through`` is what `through` gave, if anything."""
        if through is not None:
            through = through.reshape(batch, self.terms, -1).transpose(1, 0, 2)
        return kind(self, natural, batch, fixed, through)

    # --- currents and Jacobian ---

    def add_currents(self, state: State, into: Array, signed: bool = True) -> None:
        """Add what flows to ``into`` (batch, reservoirs)."""
        for terminal, _, factor in self.code.currents:
            port = self.code.ports[terminal]
            half = self._over(port)
            flow = state.on_rows if half is self.left else state.on_columns
            group = self.floating[port.name]
            flow = flow.reshape(state.batch, *half.shape)
            summed = self.runtime.collect(flow, state.batch, half.shape, half.keep(port))
            into[:, group.start : group.stop] += (factor if signed else abs(factor)) * summed

    def _over(self, port: Read) -> Half:
        """Return the half whose sums have what a port gets: of a scalar port, the one that is cheaper."""
        if port.view.axes:
            return self.left if self.left.has(port) else self.right
        return self.right if self.settled is self.left else self.left

    def add_blocks(self, state: State, blocks: Mapping[tuple[int, int], Array]) -> None:
        """Add derivatives of the currents by potentials to the blocks of the Jacobian."""
        for term in self.code.contributions:
            if term.column in self.left.ports:
                self._add_term(state, blocks[term.block], term, self.left, self.right)
            if term.column in self.right.ports:
                self._add_term(state, blocks[term.block], term, self.right, self.left)

    def _add_term(self, state: State, block: Array, term: Contribution, own: Half, other: Half) -> None:
        """Add a term whose column is at a terminal of the half ``own``."""
        left = own is self.left
        slope = (state.left_slopes if left else state.right_slopes).get(term.column)
        if slope is None:
            return
        row, column = self.code.ports[term.row], self.code.ports[term.column]
        factors = state.fixed.factor if left else state.fixed.factor.T
        if own.has(row):
            value = self.dotted(slope, state.right_through if left else state.left_through)
            self._place(block, term, value, own.axes)
        elif not column.view.axes:
            value = self.dotted(slope @ factors, state.right if left else state.left)
            self._place(block, term, value, other.axes)
        else:
            ends = (state.right if left else state.left).transpose(1, 2, 0), slope.transpose(1, 0, 2)
            value = ends[0] * ends[1] if self.terms == 1 else ends[0] @ ends[1]
            value *= factors.T
            self._place(block, term, value, other.axes + own.axes)

    def _place(self, block: Array, term: Contribution, value: Array, axes: tuple[int, ...]) -> None:
        """Add values over some axes of the family to a block of the Jacobian."""
        batch, shape = len(value), tuple(self.code.shape[axis] for axis in axes)
        ports = [self.code.ports[term.row], self.code.ports[term.column]]
        keep = [tuple(axes.index(axis) for axis in port.view.axes or ()) for port in ports]
        value = value.reshape(batch, *shape) if term.factor == 1 else term.factor * value.reshape(batch, *shape)
        if term.mode == "diagonal":
            summed = self.runtime.collect(value, batch, shape, keep[0])
            if block.ndim == 3:
                self.runtime.onto_diagonal(block, summed)
            else:
                block += summed
        elif not set(keep[0]) & set(keep[1]):
            block += self.runtime.outer(value, batch, shape, *keep)
        else:
            sizes = [self.groups[port.name].shape for port in ports]
            places = [self.runtime.positions(size, shape, k) for size, k in zip(sizes, keep, strict=True)]
            block += self.runtime.scatter_block(value, batch, shape, *places, (block.shape[1], block.shape[2]))

    def dotted(self, a: Array, b: Array) -> Array:
        """Sum of products over the terms, the first axis."""
        product: Array = a[0] * b[0] if len(a) == 1 else self.runtime.np.einsum("kbn,kbn->bn", a, b)
        return product

    # --- gradients ---

    def pullback(self, state: State, adjoint: Array, to_held: Array) -> list[Array]:
        """Return derivatives of sum(adjoint * currents) by the slots, (*family) each; add those by held potentials."""
        factor, weights = state.fixed.factor, {half: self._weights(adjoint, half) for half in (self.left, self.right)}
        rows, columns = [], []
        to_left, to_right = np.zeros((2, 1, 1, 1))
        if (to_rows := weights[self.left]) is not None:
            weighed = to_rows * state.left
            rows, columns = [weighed], [state.right]
            to_left, to_right = to_left + to_rows * state.right_through, to_right + weighed @ factor
        if (to_columns := weights[self.right]) is not None:
            weighed = to_columns * state.right
            rows, columns = [*rows, state.left], [*columns, weighed]
            to_left, to_right = to_left + weighed @ factor.T, to_right + to_columns * state.left_through
        flat = (np.concatenate(parts).reshape(-1, parts[0].shape[2]) for parts in (rows, columns))
        to_slots = self._to_factor(next(flat).T @ next(flat), state.fixed)
        self._pull(state, self.left, to_left, to_slots, to_held)
        self._pull(state, self.right, to_right, to_slots, to_held)
        return to_slots

    def _weights(self, adjoint: Array, half: Half) -> Array | None:
        """Return how the adjoints at terminals over a half weigh a flux, (batch, size); None where there are none."""
        if all(self._over(self.code.ports[terminal]) is not half for terminal, *_ in self.code.currents):
            return None
        total = np.zeros((len(adjoint), *half.shape), adjoint.dtype)
        for terminal, _, factor in self.code.currents:
            port = self.code.ports[terminal]
            if self._over(port) is half:
                group = self.floating[port.name]
                natural = adjoint[:, group.start : group.stop].reshape(-1, *group.shape)
                total += factor * half.spread(natural, port)
        return np.asarray(total.reshape(len(adjoint), half.size))

    def _to_factor(self, weights: Array, fixed: Fixed) -> list[Array]:
        """Return the derivatives by slots of sum(weights * factor), weights (rows, columns)."""
        axes = (*self.split.rows, *self.split.columns)
        devices = weights.reshape([self.code.shape[axis] for axis in axes]).transpose(np.argsort(axes))
        to_slots = [np.zeros(())] * len(fixed.slots)
        pulled = self.module.factor_pull(devices, *(fixed.slots[number] for number in self.factor_slots))
        for number, value in zip(self.factor_slots, pulled, strict=True):
            to_slots[number] = value
        return to_slots

    def _pull(self, state: State, half: Half, weights: Array, to_slots: list[Array], to_held: Array) -> None:
        """Add derivatives of sum(weights * functions of a half), weights (terms, batch, size)."""
        batch = state.batch
        each = weights.reshape(self.terms, batch, *half.shape)
        results = half.pull(*each, *half.arguments(state.natural, state.fixed.slots))
        count = len(half.numbers)
        for number, value in zip(half.numbers, results, strict=False):
            own = np.zeros(self.code.shape, np.result_type(to_slots[number], value))
            # What runs over one half has one value for all of the other: it goes to the first there.
            own[tuple(slice(None) if a in half.axes else 0 for a in range(own.ndim))] = np.sum(
                np.broadcast_to(value, (batch, *half.shape)), axis=0
            )
            to_slots[number] = to_slots[number] + own
        for port, value in zip(half.ports.values(), results[count:], strict=True):
            group = self.groups[port.name]
            if port.name not in self.floating:
                summed = self.runtime.collect(value, batch, half.shape, half.keep(port))
                chain = half.groups[port.name].content == "molecules"
                natural = state.natural[port.name].reshape(batch, -1)
                to_held[:, group.start : group.stop] += summed * natural if chain else summed
