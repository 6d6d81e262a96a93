"""Split families one half of which held reservoirs decide: what is left of them once its sums over devices are known.

flux[r, c] = factor[r, c] * sum_k left_k[r] * right_k[c] brings sum_k S_k[c] * right_k[c] into what runs over the
columns, with the sums S_k[c] = sum_r left_k[r] * factor[r, c]. As long as the left half does not move, these are
numbers like the potential of a held reservoir: the family shrinks to one device for each column.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy

from crncompile.program.types import FamilyCode, GroupCode, HeldCode, Kernel, Program, Read, Routine, Split, View

KINDS = 2
"""Columns of sums: first those of the products, then those of their sizes, for the gross flux."""


@dataclass(frozen=True, eq=False)
class Settled:
    """A family, what is left of it, and its values: ``numbers`` of the whole's slots, and the ``axes`` of these."""

    whole: FamilyCode
    left: FamilyCode
    numbers: tuple[int, ...]
    axes: tuple[int, ...]


def settled_half(program: Program, family: FamilyCode) -> tuple[int, ...] | None:
    """Return the axes of the half of a split family that held reservoirs alone decide: the larger one, or None."""
    assert family.split is not None
    held = {code.group.name for code in program.held}
    found = []
    for axes in (family.split.rows, family.split.columns):
        ports = [port for port in family.ports if set(port.view.axes or ()) & set(axes)]
        if ports and all(port.name in held for port in ports):
            found.append(axes)
    return max(found, key=lambda axes: _size(family, axes), default=None)


def _size(family: FamilyCode, axes: Iterable[int]) -> int:
    return int(np.prod([family.shape[axis] for axis in axes], dtype=np.int64))


def with_settled(program: Program, families: Sequence[FamilyCode]) -> tuple[Program, tuple[Settled, ...]] | None:
    """Return a program in which some split families are replaced by what is left of them, and these.

    The sums stand behind the potentials of the held reservoirs, family by family. None where a family is no sum of
    products, or can not be left alone.
    """
    found, held, kernels = [], list(program.held), list(program.kernels)
    start = held[-1].group.stop if held else 0
    for family in families:
        axes = settled_half(program, family)
        if not isinstance(family.split, Split) or axes is None:
            return None
        settled, groups, kernel = _left(program, family, family.split, axes, start)
        found.append(settled)
        held += [HeldCode(group, None) for group in groups]
        kernels.append(kernel)
        start = groups[-1].stop
    others = tuple(family for family in program.families if family not in families)
    whole = replace(program, families=others + tuple(s.left for s in found), held=tuple(held), kernels=tuple(kernels))
    return whole, tuple(found)


def _left(
    program: Program, family: FamilyCode, split: Split, settled: tuple[int, ...], start: int
) -> tuple[Settled, list[GroupCode], Kernel]:
    axes, half = (split.columns, split.right) if settled == split.rows else (split.rows, split.left)
    shape = tuple(family.shape[axis] for axis in axes)
    size, terms = _size(family, axes), len(half.flux_names)
    floating = {group.name for group in program.groups}
    numbers = [
        number
        for number, port in enumerate(family.ports)
        if port.symbol in half.terminals or (port.name in floating and set(port.view.axes or ()) <= set(axes))
    ]
    groups, sums = [], []
    for kind, what in enumerate(("sum", "size")):
        for term in range(terms):
            first = start + (kind * terms + term) * size
            groups.append(GroupCode(f"{what} {term} of {family.name}", shape, first, first + size, "charge", ()))
            symbol = sympy.Symbol(f"{what}_{term}", real=True)
            sums.append(Read(symbol, groups[-1].name, View(tuple(range(len(axes))))))
    ports = [_along(family.ports[number], axes) for number in numbers] + sums
    kernel = _kernel(f"settled {family.name}", half, ports, terms)
    slopes = {place: number for number, (_, place) in enumerate(kernel.slope_of)}
    whole = next(kernel for kernel in program.kernels if kernel.name == family.kernel)
    left = FamilyCode(
        name=family.name,
        text=family.text,
        kernel=kernel.name,
        shape=shape,
        ports=tuple(ports),
        slots=(),
        currents=tuple((numbers.index(terminal), 0, factor) for terminal, _, factor in family.currents),
        contributions=tuple(
            replace(term, row=numbers.index(term.row), column=numbers.index(term.column), slope=slopes[column])
            for term in family.contributions
            if (column := numbers.index(term.column)) in slopes
        ),
        tier=family.tier,
    )
    used = [whole.parameters.index(symbol) for symbol in half.parameters]
    return Settled(family, left, tuple(used), axes), groups, kernel


def _along(port: Read, axes: Sequence[int]) -> Read:
    """Return a port as it is read by what runs over some axes of its family."""
    return replace(port, view=View(tuple(axes.index(axis) for axis in port.view.axes or ())))


def _kernel(name: str, half: Kernel, ports: Sequence[Read], terms: int) -> Kernel:
    """Return the kernel of sum_k S_k * half_k; its derivatives are those of the half's functions, summed likewise."""
    terminals = tuple(port.symbol for port in ports)
    sums, sizes = terminals[-KINDS * terms : -terms], terminals[-terms:]
    place = [terminals.index(symbol) for symbol in half.terminals]
    by_terminal: dict[int, list[int]] = {}
    for number, (_, terminal) in enumerate(half.slope_of):
        by_terminal.setdefault(place[terminal], []).append(number)

    def summed(
        routine: Routine, weights: Sequence[sympy.Symbol], parts: Sequence[Sequence[tuple[int, int]]]
    ) -> Routine:
        names = [sympy.Symbol(f"total_{n}", real=True) for n, _ in enumerate(parts)]
        totals = [sympy.Add(*(weights[k] * routine.outputs[n] for k, n in part)) for part in parts]
        return Routine(
            terminals + half.parameters,
            (*routine.assignments, *zip(names, totals, strict=True)),
            tuple(names),
            tuple(symbol.name for symbol in names),
        )

    flux = [(k, k) for k in range(terms)]
    slopes = [[(half.slope_of[n][0], terms + n) for n in numbers] for numbers in by_terminal.values()]
    return Kernel(
        name=name,
        text="",
        terminals=terminals,
        parameters=half.parameters,
        value=summed(half.value, sums, [flux]),
        gross=summed(half.gross, sizes, [flux]),
        slopes=summed(half.slopes, sums, [flux, *slopes]),
        slope_of=tuple((0, terminal) for terminal in by_terminal),
        pull=Routine(terminals + half.parameters, (), (), ()),
        pulled=(),
    )
