"""How each family is best evaluated: its tier, decided symbolically and by what it costs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import sympy

from crncompile.program.kernels import VOLUME, flux_scale, kernel
from crncompile.program.low_rank import Pair, paired
from crncompile.program.separable import Product, Sides, few_terms, sampled_matrix, separated, sides, splits
from crncompile.program.types import Coupled, FamilyCode, Kernel, Routine, SolvedKernel, Split
from crncompile.symbolic.device_law import DeviceLaw

FEW = 256
"""Devices of a family up to which one call on all of them costs less than several on parts."""
_DIVISION, _FUNCTION = 4, 15
"""What a quotient and an exponential cost, in sums or products."""
_FASTER = 8.0
"""How many times faster a sum or product is in a matrix product than between large arrays."""
_TERMS, _DEGREE, _ITERATIONS = 24, 32, 10
"""What is assumed of interpolation: products, the degree of each function, iterations with the same held potentials."""
Cut = tuple[tuple[int, ...], tuple[int, ...]]
"""The axes that are rows, and those that are columns."""


@dataclass
class Tiers:
    """Chooses the tiers of a network's families; what was found for one serves others of its kind.

    ``floating`` are the groups of reservoirs that no one holds.
    """

    floating: Collection[str]
    known: dict[object, Product | Pair | None] = field(default_factory=dict)

    def chosen(self, code: FamilyCode, law: DeviceLaw, whole: Kernel | SolvedKernel) -> FamilyCode:
        """Return a family with its tier; ``whole`` is the kernel of its law."""
        if isinstance(whole, SolvedKernel):
            return code
        costs, best = {code.tier: float(cost(whole.slopes))}, {}
        for split in self._splits(code, law, whole):
            tier, price = self._price(code, split)
            if price < costs.get(tier, np.inf):
                costs[tier], best[tier] = price, split
        tier = min(costs, key=lambda name: costs[name])
        return replace(code, tier=tier, split=best.get(tier), cost=costs)

    def _price(self, code: FamilyCode, split: Split | Coupled) -> tuple[str, float]:
        if isinstance(split, Split):
            return "separable", split_cost(code, split)
        return "low rank", coupled_cost(code, split, self.floating)

    def _splits(self, code: FamilyCode, law: DeviceLaw, whole: Kernel) -> Iterable[Split | Coupled]:
        if law.solved or len(law.fluxes) != 1 or not code.currents or np.prod(code.shape, dtype=int) < FEW:
            return
        arguments = (*whole.terminals, *whole.parameters)
        for rows, columns in splits(code):
            where = sides(code, arguments, rows)
            found = self._found(law, where)
            if isinstance(found, Product):
                yield _split(code, arguments, found, (rows, columns))
            elif found is not None and all(port.view.axes for port in code.ports):
                yield _coupled(code, arguments, found, (rows, columns))

    def _found(self, law: DeviceLaw, where: Sides) -> Product | Pair | None:
        key = (law.kind.name, *((symbol.name, runs) for symbol, runs in where.items()))
        if key not in self.known:
            self.known[key], matrix = None, sampled_matrix(law, where)
            if matrix is not None:
                self.known[key] = (separated(law, where) if few_terms(matrix) else None) or paired(law, where)
        return self.known[key]


class _Parts:
    """Makes the kernels of the parts of a family's law."""

    def __init__(self, code: FamilyCode, arguments: Sequence[sympy.Symbol]):
        self.code = code
        self.terminals, self.parameters = arguments[: len(code.ports)], arguments[len(code.ports) :]

    def part(self, name: str, fluxes: Sequence[sympy.Expr]) -> Kernel:
        used = set().union(*(flux.free_symbols for flux in fluxes))
        own = tuple(t for t in self.terminals if t in used)
        return kernel(
            name=f"{name} of {self.code.name}",
            text="",
            terminals=own,
            parameters=tuple(p for p in self.parameters if p in used),
            definitions=(),
            fluxes=tuple(fluxes),
            pulled=range(len(own)),
            result=name,
        )

    def factor(self, expression: sympy.Expr) -> Kernel:
        return self.part("factor", [flux_scale(VOLUME in self.parameters) * expression])

    def names(self, *kernels: Kernel) -> tuple[str, ...]:
        """Return the names of the network's parameters that are in the slots that kernels take."""
        inside = {symbol for one in kernels for symbol in one.parameters}
        slots = zip(self.parameters, self.code.slots, strict=True)
        return tuple(dict.fromkeys(read.name for p, slot in slots if p in inside for read in slot.reads))


def _split(code: FamilyCode, arguments: Sequence[sympy.Symbol], product: Product, axes: Cut) -> Split:
    parts = _Parts(code, arguments)
    left, right = parts.part("left", product.left), parts.part("right", product.right)
    return Split(*axes, parts.factor(product.factor), left, right, parts.names(left, right))


def _coupled(code: FamilyCode, arguments: Sequence[sympy.Symbol], pair: Pair, axes: Cut) -> Coupled:
    parts = _Parts(code, arguments)
    coupling = parts.part("coupling", [pair.coupling])
    return Coupled(*axes, parts.factor(pair.factor), coupling, parts.names(coupling))


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
    rows, columns = _sizes(code, split)
    products = 2 * 2 * len(split.left.flux_names) / _FASTER
    return products + cost(split.left.slopes) / columns + cost(split.right.slopes) / rows


def coupled_cost(code: FamilyCode, split: Coupled, floating: Collection[str]) -> float:
    """Return the same of a family that is interpolated by sums of products, of a rank and a degree as they often are.

    Where one terminal is held, the products of its functions and the factors are computed once for some iterations.
    """
    sizes = _sizes(code, split)
    held = [port for port in code.ports if port.name not in floating]
    products = 2 * 2 * _TERMS / _FASTER / (_ITERATIONS if held else 1)
    half = 2 * 2 * _TERMS * _DEGREE / _FASTER
    moving = [port for port in code.ports if port not in held]
    others = [sizes[1] if set(port.view.axes or ()) <= set(split.rows) else sizes[0] for port in moving]
    return products + sum(half / other for other in others)


def _sizes(code: FamilyCode, split: Split | Coupled) -> list[int]:
    return [int(np.prod([code.shape[a] for a in axes])) for axes in (split.rows, split.columns)]
