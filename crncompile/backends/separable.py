"""Families whose law is a factor of each device times products of functions of rows and columns, by matrix products.

flux[b, r, c] = factor[r, c] * sum_k left_k[b, r] * right_k[b, c]. No array of the size of batch times devices is made,
but for a dense block of the Jacobian, which has that size itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.backends import numpy_runtime
from crncompile.backends.halves import Half, KernelHalf, Potentials
from crncompile.backends.kernel_text import kernel_functions, pull_functions
from crncompile.backends.load import load_module
from crncompile.backends.numpy_runtime import dtype_of, joined
from crncompile.backends.text import section
from crncompile.program.types import Contribution, FamilyCode, Kernel, Program, Read, Split

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Fixed:
    """What a family's parameters fix: its slots, and the factors (rows, columns)."""

    slots: Sequence[Array]
    factor: Array

    @cached_property
    def one_sign(self) -> bool:
        """Whether all factors have the same sign, as far as they have one."""
        return bool(self.factor.min(initial=0) >= 0 or self.factor.max(initial=0) <= 0)

    @cached_property
    def sizes(self) -> Fixed:
        """The same with the factors' absolute values."""
        return Fixed(self.slots, abs(self.factor))


def _flat(stack: Array) -> Array:
    return stack.reshape(-1, stack.shape[2])


def _sum(a: Array | None, b: Array | None) -> Array:
    if a is None or b is None:
        found = b if a is None else a
        assert found is not None
        return found
    return np.asarray(a + b)


def dotted(a: Array, b: Array) -> Array:
    """Sum of products over the terms, the first axis."""
    if len(a) > 1 and isinstance(a, np.ndarray):
        return np.asarray(np.einsum("k...,k...->...", a, b))
    product: Array = a[0] * b[0] if len(a) == 1 else (a * b).sum(axis=0)
    return product


def times(stack: Array, matrix: Array) -> Array:
    """Multiply a stack (terms, batch, n) by a matrix (n, m), as one matrix product."""
    return (stack.reshape(-1, stack.shape[2]) @ matrix).reshape(*stack.shape[:2], matrix.shape[1])


class State:
    """The halves of one family at the potentials of a batch, each computed when it is first asked for.

    Where one half is the same in every iteration, ``through`` has it multiplied by the factors already.
    """

    def __init__(self, family: SeparableFamily, natural: Potentials, batch: int, fixed: Fixed, through: Array | None):
        self.family, self.natural, self.batch, self.fixed, self.given = family, natural, batch, fixed, through

    def _stack(self, half: Half) -> Array:
        assert isinstance(half, KernelHalf)
        return half.values(self.natural, self.fixed.slots, self.batch, gross=False)

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
        return times(self.left, self.fixed.factor) if given is None else given

    @cached_property
    def right_through(self) -> Array:
        """Right functions times the factors, (terms, batch, rows)."""
        given = self.given if self.family.settled is self.family.right else None
        return times(self.right, self.fixed.factor.T) if given is None else given

    def flow(self, half: Half) -> Array:
        """Return sums of the fluxes over the other half, (batch, size)."""
        if half is self.family.left:
            return dotted(self.left, self.right_through)
        return dotted(self.left_through, self.right)

    def flow_slope(self, half: Half, terminal: int) -> Array | None:
        """Return derivatives of `flow` by the potentials at a terminal of this half, or None where they vanish."""
        left = half is self.family.left
        slope = (self.left_slopes if left else self.right_slopes).get(terminal)
        return None if slope is None else dotted(slope, self.right_through if left else self.left_through)

    @cached_property
    def left_slopes(self) -> dict[int, Array]:
        """Derivatives of the left functions by the potentials at terminals."""
        return self._slopes(self.family.left)

    @cached_property
    def right_slopes(self) -> dict[int, Array]:
        """Derivatives of the right functions by the potentials at terminals."""
        return self._slopes(self.family.right)

    def _slopes(self, half: Half) -> dict[int, Array]:
        assert isinstance(half, KernelHalf)
        results = half.slopes(*half.arguments(self.natural, self.fixed.slots))
        return half.slope_stacks(results, self.natural, self.batch)


class Sizes(State):
    """The same of absolute values: sums of what flows, with every product counted as positive."""

    def __init__(self, family: SeparableFamily, natural: Potentials, batch: int, fixed: Fixed, through: Array | None):
        super().__init__(family, natural, batch, fixed.sizes, through)

    def _stack(self, half: Half) -> Array:
        assert isinstance(half, KernelHalf)
        return abs(half.values(self.natural, self.fixed.slots, self.batch, gross=True))


@dataclass(frozen=True, eq=False)
class Placed:
    """How a family is evaluated at the potentials of a batch, by what is summed, `State` or `Sizes`.

    ``fixed`` is None where every device is to be evaluated on its own; so it is for the samples ``outside`` (batch,).
    """

    fixed: Mapping[type[State], Fixed | None]
    through: Mapping[type[State], Array | None]
    outside: Array | None = None


KINDS: tuple[type[State], ...] = (State, Sizes)


class SeparableFamily:
    """One family in matrix products, computed with the array operations of ``runtime``."""

    def __init__(self, program: Program, code: FamilyCode, runtime: Any = numpy_runtime):
        assert code.split is not None
        self.code, self.rows, self.columns, self.runtime = code, code.split.rows, code.split.columns, runtime
        self.floating = {group.name: group for group in program.groups}
        self.groups = {**self.floating, **{held.group.name: held.group for held in program.held}}
        self._parameters = next(kernel for kernel in program.kernels if kernel.name == code.kernel).parameters
        parts = {"factor": code.split.factor, **self._kernels()}
        imports = f"from {runtime.__name__} import N_A, exp, np\n{section('halves')}"
        functions = [kernel_functions(kernel, name) for name, kernel in parts.items()]
        text = "\n\n\n".join([imports, *functions, pull_functions(code.split.factor, "factor_by")])
        self.module = load_module(text, f"crncompile:{program.name}:{code.name}")
        self.left, self.right = self._halves()
        self.factor_slots = self._numbers(code.split.factor)
        self.fixtures = program.held
        self.decide = {half: self._decides(half) for half in (self.left, self.right)}

    def _kernels(self) -> Mapping[str, Kernel]:
        """Return the kernels of the law but for its factor."""
        assert isinstance(self.code.split, Split)
        return {"left": self.code.split.left, "right": self.code.split.right}

    def _halves(self) -> tuple[Half, Half]:
        left, right = (self._half(name, kernel) for name, kernel in self._kernels().items())
        return left, right

    def _numbers(self, kernel: Kernel) -> tuple[int, ...]:
        return tuple(self._parameters.index(symbol) for symbol in kernel.parameters)

    def _half(self, name: str, kernel: Kernel) -> Half:
        value, gross, slopes, pull = (getattr(self.module, name + s) for s in ("", "_gross", "_slopes", "_pull"))
        axes = self.rows if name == "left" else self.columns
        numbers, arrays = self._numbers(kernel), self.runtime.np
        return KernelHalf(
            self.code, axes, self.groups, kernel.terminals, kernel, numbers, value, gross, slopes, pull, arrays
        )

    @property
    def terms(self) -> int:
        """Number of products."""
        return len(self._kernels()["left"].flux_names)

    def width(self, settled: bool) -> int:
        """Numbers per sample that are at work at once, with or without the settled half."""
        return self.terms * sum(half.size for half in (self.left, self.right) if settled or half is not self.settled)

    @cached_property
    def settled(self) -> Half | None:
        """The half, if there is one, that held reservoirs alone decide: an iteration need not compute it again."""
        halves = [half for half in (self.left, self.right) if not self._moves(half)]
        return max(halves, key=lambda half: half.size, default=None)

    def _moves(self, half: Half) -> bool:
        return any(port.name in self.floating for port in half.ports.values())

    # --- parameters ---

    def fixed(self, slots: Sequence[Array]) -> Fixed:
        """Compute what parameters fix, of the family's slots."""
        (factor,) = self.module.factor(*(slots[number] for number in self.factor_slots))
        return Fixed(slots, self._matrix(self.runtime.np.broadcast_to(factor, self.code.shape)))

    def _matrix(self, devices: Array) -> Array:
        """Return an array (*family) as (rows, columns)."""
        moved = devices.transpose(*self.rows, *self.columns).reshape(self.left.size, self.right.size)
        return np.ascontiguousarray(moved) if self.runtime.np is np else moved

    # --- potentials ---

    def terms_of(self, fixed: Fixed) -> int:
        """Return the number of products."""
        return self.terms

    def state(
        self,
        natural: Potentials,
        batch: int,
        fixed: Fixed,
        kind: type[State],
        through: Array | None = None,
        outside: Array | None = None,
    ) -> State:
        """Return the halves at some potentials; ``through`` is what `through` gave, if anything.

        Samples ``outside`` (batch,) shall have no fluxes.
        """
        if through is not None:
            through = through.reshape(batch, self.terms_of(fixed), -1).transpose(1, 0, 2)
        return kind(self, natural, batch, fixed, through)

    def through(
        self, natural: Potentials, batch: int, fixed: Fixed, kind: type[State], signed: Array | None = None
    ) -> Array:
        """Return the settled half times the factors, (batch, terms * size); ``signed`` are those of State, if known."""
        half = self.settled
        if signed is not None and isinstance(half, KernelHalf) and half.positive and fixed.one_sign:
            return np.abs(signed)
        state = self.state(natural, batch, fixed, kind)
        found = state.left_through if half is self.left else state.right_through
        return found.transpose(1, 0, 2).reshape(batch, -1)

    def through_width(self, fixed: Fixed | None) -> int:
        """Length of what `through` gives for a sample."""
        if self.settled is None or fixed is None:
            return 0
        return self.terms_of(fixed) * (self.right if self.settled is self.left else self.left).size

    def settling(self, fixed: Fixed, around: Potentials) -> tuple[Array, Placed]:
        """Return what stands in front of the products of held potentials, (numbers,), and how these are computed.

        ``around`` has the held potentials of all samples, and potentials that floating ones start from.
        """
        return np.zeros(0), Placed(dict.fromkeys(KINDS, fixed), {})

    def place(
        self, fixed: Fixed, natural: Potentials, around: Potentials, columns: Array | None
    ) -> tuple[Placed, Array | None]:
        """Return how the family is evaluated, and what is left of ``columns``, which held potentials gave before it."""
        placed = dict.fromkeys(KINDS, fixed)
        through, columns = self._cut(placed, columns)
        return Placed(placed, through), columns

    def _cut(
        self, placed: Mapping[type[State], Fixed | None], columns: Array | None
    ) -> tuple[dict[type[State], Array | None], Array | None]:
        through: dict[type[State], Array | None] = dict.fromkeys(KINDS)
        if columns is not None and self.settled is not None:
            for kind in KINDS:
                width = self.through_width(placed[kind])
                through[kind], columns = columns[:, :width], columns[:, width:]
        return through, columns

    # --- currents and Jacobian ---

    def add_currents(self, state: State, into: Array, signed: bool = True) -> None:
        """Add what flows to ``into`` (batch, reservoirs)."""
        for terminal, _, factor in self.code.currents:
            port = self.code.ports[terminal]
            half = self._over(port)
            flow = state.flow(half)
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
        row, column = self.code.ports[term.row], self.code.ports[term.column]
        if own.has(row):
            found = state.flow_slope(own, term.column)
            if found is not None:
                self._place(block, term, found, own.axes)
            return
        left = own is self.left
        slope = (state.left_slopes if left else state.right_slopes).get(term.column)
        if slope is None:
            return
        factors = state.fixed.factor if left else state.fixed.factor.T
        if not column.view.axes:
            value = dotted(slope @ factors, state.right if left else state.left)
            self._place(block, term, value, other.axes)
        else:
            ends = (state.right if left else state.left).transpose(1, 2, 0), slope.transpose(1, 0, 2)
            value = ends[0] * ends[1] if ends[0].shape[2] == 1 else ends[0] @ ends[1]
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

    # --- gradients ---

    def pullback(
        self, state: State, adjoint: Array, to_held: Array, only: Collection[str] | None
    ) -> list[Array | None]:
        """Return derivatives of sum(adjoint * currents) by the slots, (*family) each; add those by held potentials.

        Where ``only`` is given, halves of which nothing in it is a part are left out; slots that read none of it are
        None.
        """
        factor, weights = state.fixed.factor, {half: self._weights(adjoint, half) for half in (self.left, self.right)}
        to_rows, to_columns = weights[self.left], weights[self.right]
        weighed_rows = None if to_rows is None else to_rows * state.left
        weighed_columns = None if to_columns is None else to_columns * state.right
        pairs = [(weighed_rows, state.right), (state.left, weighed_columns)]
        used = [(a, b) for a, b in pairs if a is not None and b is not None]
        rows, columns = (joined(list(parts)) for parts in zip(*used, strict=True))
        to_slots = self._to_factor(_flat(rows).T @ _flat(columns), state.fixed, only)
        if self._bears(self.left, only):
            through = None if to_rows is None else to_rows * state.right_through
            other = None if weighed_columns is None else times(weighed_columns, factor.T)
            self._pull(state, self.left, _sum(through, other), to_slots, to_held)
        if self._bears(self.right, only):
            through = None if to_columns is None else to_columns * state.left_through
            other = None if weighed_rows is None else times(weighed_rows, factor)
            self._pull(state, self.right, _sum(through, other), to_slots, to_held)
        return to_slots

    def _bears(self, half: Half, only: Collection[str] | None) -> bool:
        """Whether a half depends on a parameter in ``only``, by itself or by a reservoir that it holds."""
        return only is None or any(name in self.decide[half] for name in only)

    def _decides(self, half: Half) -> frozenset[str]:
        """Return the parameters on which a half depends, by itself or by fixed reservoirs."""
        ports = {port.name for port in half.ports.values()}
        numbers = half.numbers if isinstance(half, KernelHalf) else ()
        slots = [self.code.slots[number] for number in numbers if number < len(self.code.slots)]
        slots += [fixed.at for fixed in self.fixtures if fixed.at is not None and fixed.group.name in ports]
        return frozenset(read.name for slot in slots for read in slot.reads)

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

    def _to_factor(self, weights: Array, fixed: Fixed, only: Collection[str] | None) -> list[Array | None]:
        """Return the derivatives by slots of sum(weights * factor), weights (rows, columns)."""
        axes = (*self.rows, *self.columns)
        devices = weights.reshape([self.code.shape[axis] for axis in axes]).transpose(np.argsort(axes))
        arguments = [fixed.slots[number] for number in self.factor_slots]
        to_slots: list[Array | None] = [None] * len(fixed.slots)
        for place, number in enumerate(self.factor_slots):
            if only is None or any(read in only for read in self._reads(number)):
                (to_slots[number],) = getattr(self.module, f"factor_by_{place}")(devices, *arguments)
        return to_slots

    def _reads(self, number: int) -> set[str]:
        """Return the parameters that a slot reads; the volume is one too, behind those of the device."""
        return {read.name for read in self.code.slots[number].reads}

    def _pull(self, state: State, half: Half, weights: Array, to_slots: list[Array | None], to_held: Array) -> None:
        """Add derivatives of sum(weights * functions of a half), weights (terms, batch, size)."""
        assert isinstance(half, KernelHalf)
        batch = state.batch
        each = weights.reshape(self.terms, batch, *half.shape)
        results = half.pull(*each, *half.arguments(state.natural, state.fixed.slots))
        count = len(half.numbers)
        for number, value in zip(half.numbers, results, strict=False):
            own = np.zeros(self.code.shape, dtype_of(value))
            # What runs over one half has one value for all of the other: it goes to the first there.
            own[tuple(slice(None) if a in half.axes else 0 for a in range(own.ndim))] = np.sum(
                np.broadcast_to(value, (batch, *half.shape)), axis=0
            )
            before = to_slots[number]
            to_slots[number] = own if before is None else before + own
        for port, value in zip(half.ports.values(), results[count:], strict=True):
            group = self.groups[port.name]
            if port.name not in self.floating:
                summed = self.runtime.collect(value, batch, half.shape, half.keep(port))
                chain = half.groups[port.name].content == "molecules"
                natural = state.natural[port.name].reshape(batch, group.stop - group.start)
                to_held[:, group.start : group.stop] += summed * natural if chain else summed
