"""Families whose law is a factor of each device times an interpolated function of two potentials, by matrix products.

flux[b, r, c] = factor[r, c] * sum_k first_k(u[b, r]) * second_k(u[b, c]), or with rows and columns exchanged: `first`
are the potentials that are held, if either are. What they give, times the factors, is computed once; what is left are
functions of one potential each, as Chebyshev series. All ranges are those of the potentials at hand, outward to
multiples of a step, so that a result depends on nothing that was computed before.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.backends.chebyshev import (
    Law,
    Range,
    Series,
    first_functions,
    points,
    projection,
    second_functions,
    spread_out,
    transform,
)
from crncompile.backends.halves import Half, Potentials
from crncompile.backends.interpolated import Interpolated, LowRankState, Ranges, outward
from crncompile.backends.numpy_runtime import added, collect, exp
from crncompile.backends.separable import KINDS, Fixed, Placed, SeparableFamily, Sizes, State, dotted, times
from crncompile.program.types import Coupled, FamilyCode, Kernel, Program, Read

Array = NDArray[Any]
TOLERANCE = {State: 1e-9, Sizes: 1e-4}
"""Largest error, relative to the largest value on the ranges: of currents, and of the sizes that scale residuals."""
MARGIN = 12.0
"""How far beyond all held and initial potentials others are interpolated, in kT."""
_NOMINAL = 12
"""Numbers for each element of a half that are at work at once."""
_REMEMBERED = 64
"""Series of a family that are kept."""
_MORE = 4
"""Points by which derivatives of a law by its parameters are interpolated more finely than the law itself."""
_NOWHERE = Placed(dict.fromkeys(KINDS), dict.fromkeys(KINDS))
"""Every device is evaluated on its own."""


class LowRankFamily(SeparableFamily):
    """One family in matrix products of interpolated halves."""

    def __init__(self, program: Program, code: FamilyCode):
        super().__init__(program, code)
        (self.kernel,) = self._kernels().values()
        self.numbers = self._numbers(self.kernel)
        slots = [code.slots[number] for number in self.numbers if number < len(code.slots)]
        self.shared = frozenset(read.name for slot in slots for read in slot.reads)
        self.first = self.settled or self.left
        self.second = self.right if self.first is self.left else self.left
        # They depend on their arguments alone: what was found serves all that have the same shared parameters.
        self.first_series = functools.lru_cache(_REMEMBERED)(self._first_series)
        self.second_series = functools.lru_cache(_REMEMBERED)(self._second_series)

    def _kernels(self) -> Mapping[str, Kernel]:
        assert isinstance(self.code.split, Coupled)
        return {"coupling": self.code.split.coupling}

    def _halves(self) -> tuple[Half, Half]:
        ports = self.code.ports
        rows, columns = (
            tuple(port.symbol for port in ports if set(port.view.axes or ()) <= set(axes))
            for axes in (self.rows, self.columns)
        )
        return Half(self.code, self.rows, self.groups, rows), Half(self.code, self.columns, self.groups, columns)

    def port(self, half: Half) -> Read:
        """Return the only port of a half."""
        (port,) = half.ports.values()
        return port

    def width(self, settled: bool) -> int:
        """Numbers per sample that are at work at once, with or without the settled half."""
        return _NOMINAL * sum(half.size for half in (self.left, self.right) if settled or half is not self.settled)

    # --- parameters ---

    def fixed(self, slots: Sequence[Array]) -> Interpolated:
        """Compute what parameters fix, of the family's slots."""
        fixed = super().fixed(slots)
        return Interpolated(fixed.slots, fixed.factor, tuple(float(np.reshape(slots[n], ())) for n in self.numbers))

    def law(self, shared: Sequence[float], signed: bool) -> Law:
        """Return the law but for its factor, or its size without ``signed``, of first and second potentials."""
        function = self.module.coupling if signed else self.module.coupling_gross

        def values(x: Array, c: Array) -> Array:
            with np.errstate(all="ignore"):
                (value,) = function(*self._arguments(shared, x, c))
            return np.array(np.broadcast_to(value, (len(x), len(c))), float)

        return values

    def _arguments(self, shared: Sequence[float], x: Array, c: Array) -> list[Any]:
        by_symbol = {}
        for half, u in ((self.first, x[:, None]), (self.second, c[None])):
            port = self.port(half)
            by_symbol[port.symbol] = exp(u) if self.groups[port.name].content == "molecules" else u
        return [by_symbol[symbol] for symbol in self.kernel.terminals] + list(shared)

    def terms_of(self, fixed: Fixed) -> int:
        """Return the number of products."""
        assert isinstance(fixed, Interpolated)
        return next(iter(fixed.series.values())).terms

    # --- ranges ---

    def _reach(self, around: Potentials) -> Range | None:
        """Return in which range potentials may be interpolated at all, or None."""
        content = self.groups[self.port(self.second).name].content
        return outward((around.potential(n) for n, g in self.groups.items() if g.content == content), MARGIN)

    def _limits(self, around: Potentials) -> Ranges | None:
        """Return the ranges outside of which devices are evaluated on their own, or None."""
        reach = self._reach(around)
        first = reach if self.settled is None else outward([around.potential(self.port(self.first).name)])
        return None if reach is None or first is None else Ranges(first, reach)

    def settling(self, fixed: Fixed, around: Potentials) -> tuple[Array, Placed]:
        """Return the ranges, as 4 numbers, and the functions of the held potentials."""
        limits = None if self.settled is None else self._limits(around)
        if limits is None:
            return np.full(0 if self.settled is None else 4, np.nan), Placed(dict.fromkeys(KINDS), {})
        return np.ravel(limits), Placed({kind: self._with_first(fixed, kind, limits) for kind in KINDS}, {})

    def place(
        self, fixed: Fixed, natural: Potentials, around: Potentials, columns: Array | None
    ) -> tuple[Placed, Array | None]:
        """Return how the family is evaluated, and what is left of ``columns``, which held potentials gave before it."""
        if self.settled is None:
            return self._afloat(fixed, natural, around), columns
        limits = self._limits(around) if columns is None else _written(columns[:1, :4])
        columns = None if columns is None else columns[:, 4:]
        if limits is None:
            return _NOWHERE, columns
        begun = {kind: self._with_first(fixed, kind, limits) for kind in KINDS}
        through, columns = self._cut(begun, columns)
        wanted = {self.second: limits.second} if columns is not None else self._by_half(limits)
        return self._placed(begun, through, natural, wanted), columns

    def _afloat(self, fixed: Fixed, natural: Potentials, around: Potentials) -> Placed:
        """Return how the family is evaluated where neither half is held: the first range too is that at hand."""
        limits = self._limits(around)
        if limits is None:
            return _NOWHERE
        inside = self._inside(natural, self._by_half(limits))
        first, second = (outward([natural.potential(self.port(h).name)[inside]]) for h in (self.first, self.second))
        if first is None or second is None:
            return _NOWHERE
        begun = {kind: self._with_first(fixed, kind, Ranges(first, second)) for kind in KINDS}
        return self._placed(begun, dict.fromkeys(KINDS), natural, self._by_half(limits))

    def _by_half(self, ranges: Ranges) -> dict[Half, Range]:
        return {self.first: ranges.first, self.second: ranges.second}

    def _placed(
        self,
        begun: Mapping[type[State], Interpolated | None],
        through: Mapping[type[State], Array | None],
        natural: Potentials,
        wanted: Mapping[Half, Range],
    ) -> Placed:
        """Add the functions of the second potentials that are in their range."""
        if np.iscomplexobj(natural.u) or np.iscomplexobj(natural.held):
            return _NOWHERE
        inside, u = self._inside(natural, wanted), natural.potential(self.port(self.second).name)
        box = outward([u if inside.all() else u[inside]])
        placed = {kind: self._with_second(one, kind, box) for kind, one in begun.items()}
        return Placed(placed, through, None if inside.all() else ~inside)

    def _inside(self, natural: Potentials, ranges: Mapping[Half, Range]) -> Array:
        """Return which samples have all their potentials in ranges, (batch,)."""
        inside = np.ones(len(natural.u), bool)
        for half, (lower, upper) in ranges.items():
            group = self.groups[self.port(half).name]
            u = natural.potential(group.name).reshape(len(inside), group.stop - group.start)
            inside &= (u.min(axis=1) >= lower) & (u.max(axis=1) <= upper)
        return inside

    def _with_first(self, fixed: Fixed, kind: type[State], ranges: Ranges) -> Interpolated | None:
        assert isinstance(fixed, Interpolated)
        series = self.first_series(fixed.shared, kind is State, ranges, TOLERANCE[kind])
        return None if series is None else replace(fixed, series={self.first: series})

    def _with_second(self, fixed: Interpolated | None, kind: type[State], box: Range | None) -> Interpolated | None:
        if fixed is None or box is None:
            return None
        first = fixed.series[self.first]
        series = self.second_series(fixed.shared, kind is State, first, box, TOLERANCE[kind])
        return None if series is None else replace(fixed, series={self.first: first, self.second: series})

    def _first_series(self, shared: tuple[float, ...], signed: bool, ranges: Ranges, tolerance: float) -> Series | None:
        """Return the functions that make up the law and, for its gradients, its derivatives by shared parameters."""
        law, c = self.law(shared, signed), spread_out(ranges.second)
        if c is None:
            return None

        def columns(x: Array) -> tuple[Array, Array]:
            values, arguments = law(x, c), self._arguments(shared, x, c)
            sizes, found, least = np.abs(values).max(axis=0), [values], [np.zeros(len(c))]
            with np.errstate(all="ignore"):
                pulled = self.module.coupling_pull(np.ones(values.shape), *arguments) if signed else ()
            for parameter, slope in zip(shared, pulled, strict=False):
                found.append(np.broadcast_to(slope, values.shape))
                # A derivative that is what rounding leaves of others counts as little as it changes the law.
                whole = np.full(len(c), np.abs(found[-1]).max())
                least.append(sizes / abs(parameter) if parameter else whole)
            return np.concatenate(found, axis=1), np.concatenate(least)

        return first_functions(columns, ranges.first, tolerance)

    def _second_series(
        self, shared: tuple[float, ...], signed: bool, first: Series, box: Range, tolerance: float
    ) -> Series | None:
        return second_functions(self.law(shared, signed), first, box, tolerance)

    def state(
        self,
        natural: Potentials,
        batch: int,
        fixed: Fixed,
        kind: type[State],
        through: Array | None = None,
        outside: Array | None = None,
    ) -> State:
        """Return the halves at some potentials; ``through`` is what `through` gave, if anything."""
        found = super().state(natural, batch, fixed.sizes if kind is Sizes else fixed, LowRankState, through)
        assert isinstance(found, LowRankState)
        found.outside = outside
        return found

    # --- gradients ---

    def pullback(
        self, state: State, adjoint: Array, to_held: Array, only: Collection[str] | None
    ) -> list[Array | None]:
        """Return derivatives of sum(adjoint * currents) by the slots, (*family) each; add those by held potentials."""
        to_slots = super().pullback(state, adjoint, to_held, only)
        if self.numbers and (only is None or not self.shared.isdisjoint(only)):
            assert isinstance(state, LowRankState)
            # What all devices share has a derivative that is the sum of theirs: each gets its part.
            devices = self.left.size * self.right.size
            for number, value in zip(self.numbers, self._to_shared(state, adjoint), strict=True):
                to_slots[number] = added(to_slots[number], value / devices)
        return to_slots

    def _to_shared(self, state: LowRankState, adjoint: Array) -> list[Array]:
        """Return derivatives by the shared parameters: those of the law at Chebyshev points, weighted."""
        left = self.first is self.left
        first, second = (state.fixed.series[half] for half in (self.first, self.second))
        through = state.left_through if left else state.right_through
        on_first, on_second = (self._weights(adjoint, half) for half in (self.first, self.second))
        total = np.zeros_like(through) if on_second is None else through * on_second
        if on_first is not None:
            factor = state.fixed.factor if left else state.fixed.factor.T
            total += times((state.left if left else state.right) * on_first, factor)
        project, count = projection(first), second.count + _MORE
        along = total.reshape(first.terms, -1) @ state.polynomials(self.second, count).T
        weights = project.T @ along @ transform(count)
        at = points(first.range, project.shape[1]), points(second.range, count)
        pulled = self.module.coupling_pull(weights, *self._arguments(state.fixed.shared, *at))
        return [np.sum(np.broadcast_to(value, weights.shape)) for value in pulled[: len(self.numbers)]]

    def _pull(self, state: State, half: Half, weights: Array, to_slots: list[Array | None], to_held: Array) -> None:
        """Add derivatives of sum(weights * functions of a half) by held potentials."""
        port = self.port(half)
        if port.name not in self.floating:
            (slope,) = (state.left_slopes if half is self.left else state.right_slopes).values()
            value = dotted(np.broadcast_to(weights, slope.shape), slope)
            group = self.groups[port.name]
            each = value.reshape(state.batch, *half.shape)
            to_held[:, group.start : group.stop] += collect(each, state.batch, half.shape, half.keep(port))


def _written(head: Array) -> Ranges | None:
    """Return the ranges that stand in front of what held potentials gave, (1, 4) or, of no sample, (0, 4)."""
    if not len(head) or not np.isfinite(head).all():
        return None
    ends = head[0].real.tolist()
    return Ranges((ends[0], ends[1]), (ends[2], ends[3]))
