"""How each family is best evaluated: its tier, decided symbolically and by what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import sympy

from crncompile.program.kernels import VOLUME, flux_scale, kernel
from crncompile.program.separable import Product, Sides, few_terms, sampled_matrix, separated, sides, splits
from crncompile.program.types import FamilyCode, Kernel, Routine, SolvedKernel, Split
from crncompile.symbolic.device_law import DeviceLaw

FEW = 256
"""Devices of a family up to which one call on all of them costs less than several on parts."""
_DIVISION, _FUNCTION = 4, 15
"""What a quotient and an exponential cost, in sums or products."""
_FASTER = 8.0
"""How many times faster a sum or product is in a matrix product than between large arrays."""


@dataclass
class Tiers:
    """Chooses the tiers of a network's families; what was found for one serves others of its kind."""

    known: dict[object, Product | None] = field(default_factory=dict)

    def chosen(self, code: FamilyCode, law: DeviceLaw, whole: Kernel | SolvedKernel) -> FamilyCode:
        """Return a family with its tier; ``whole`` is the kernel of its law."""
        if isinstance(whole, SolvedKernel):
            return code
        costs = {code.tier: float(cost(whole.slopes))}
        best = min(self._splits(code, law, whole), key=lambda split: split_cost(code, split), default=None)
        if best is not None:
            costs["separable"] = split_cost(code, best)
        tier = min(costs, key=lambda name: costs[name])
        return replace(code, tier=tier, split=best if tier == "separable" else None, cost=costs)

    def _splits(self, code: FamilyCode, law: DeviceLaw, whole: Kernel) -> Iterable[Split]:
        if law.solved or len(law.fluxes) != 1 or not code.currents or np.prod(code.shape, dtype=int) < FEW:
            return
        arguments = (*whole.terminals, *whole.parameters)
        for rows, columns in splits(code):
            where = sides(code, arguments, rows)
            product = self._product(law, where)
            if product is not None:
                yield _split(code, arguments, product, (rows, columns))

    def _product(self, law: DeviceLaw, where: Sides) -> Product | None:
        key = (law.kind.name, *((symbol.name, runs) for symbol, runs in where.items()))
        if key not in self.known:
            matrix = sampled_matrix(law, where)
            near = matrix is not None and few_terms(matrix)
            self.known[key] = separated(law, where) if near else None
        return self.known[key]


def _split(
    code: FamilyCode,
    arguments: Sequence[sympy.Symbol],
    product: Product,
    axes: tuple[tuple[int, ...], tuple[int, ...]],
) -> Split:
    factor = flux_scale(VOLUME in arguments) * product.factor
    terminals, parameters = arguments[: len(code.ports)], arguments[len(code.ports) :]

    def part(name: str, fluxes: Sequence[sympy.Expr]) -> Kernel:
        used = set().union(*(flux.free_symbols for flux in fluxes))
        own = tuple(t for t in terminals if t in used)
        return kernel(
            name=f"{name} of {code.name}",
            text="",
            terminals=own,
            parameters=tuple(p for p in parameters if p in used),
            definitions=(),
            fluxes=tuple(fluxes),
            pulled=range(len(own)),
            result=name,
        )

    left, right = part("left", product.left), part("right", product.right)
    inside = {*left.parameters, *right.parameters}
    reads = [read for p, slot in zip(parameters, code.slots, strict=True) if p in inside for read in slot.reads]
    shared = tuple(dict.fromkeys(read.name for read in reads))
    return Split(*axes, part("factor", [factor]), left, right, shared)


def cost(routine: Routine) -> int:
    """Return about how many sums and products a routine takes."""
    return sum(_cost(value) for _, value in routine.assignments)


def _cost(e: sympy.Expr) -> int:
    inner = sum(_cost(part) for part in e.args)
    if e.is_Add or e.is_Mul:
        return inner + len(e.args) - 1
    if e.is_Pow and e.exp.is_Integer:
        return inner + abs(int(e.exp)) - 1 + (_DIVISION if e.exp < 0 else 0)
    return inner + (_FUNCTION if e.args else 0)


def split_cost(code: FamilyCode, split: Split) -> float:
    """Return about how many operations of the elementwise kind a device takes in matrix products."""
    rows, columns = (int(np.prod([code.shape[a] for a in axes])) for axes in (split.rows, split.columns))
    products = 2 * 2 * len(split.left.flux_names) / _FASTER
    return products + cost(split.left.slopes) / columns + cost(split.right.slopes) / rows
