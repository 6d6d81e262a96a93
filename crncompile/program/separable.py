"""Laws that fall apart into a factor of each device and products of functions of its rows and columns.

The axes of a family are split into *rows* and *columns*. Where a law is factor * sum_k left_k * right_k, with the
parameters of single devices in the factor alone, what runs over the rows in the left functions and what runs over the
columns in the right ones, sums over devices are matrix products.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.program.calculus import Names
from crncompile.program.types import FamilyCode, Read
from crncompile.symbolic.device_law import DeviceLaw
from crncompile.symbolic.functions import logistic
from crncompile.symbolic.sampling import draw

ROWS, COLUMNS, DEVICE = "rows", "columns", "device"
MOST_TERMS = 4
"""Products of a law beyond which it does not count as separable."""
_DRAWN, _RANK = 14, 1e-11
_LARGEST = 1000
"""Operations of a law above which it is not taken apart."""

Sides = Mapping[sympy.Symbol, frozenset[str]]


@dataclass(frozen=True)
class Product:
    """A flux as factor * sum(left_k * right_k)."""

    factor: sympy.Expr
    left: tuple[sympy.Expr, ...]
    right: tuple[sympy.Expr, ...]


def splits(code: FamilyCode) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield the ways to cut the axes of a family into rows and columns such that no terminal runs over both.

    A terminal that runs over no axis goes with the rows, so that a cut and its mirror image differ where there is one.
    """
    axes = range(len(code.shape))
    if any(port.view.axes is None for port in code.ports):
        return
    ports = [set(port.view.axes or ()) for port in code.ports]
    mirrored = not all(ports)
    for count in range(1, len(code.shape)):
        for rows in itertools.combinations(axes, count):
            columns = tuple(axis for axis in axes if axis not in rows)
            if (mirrored or 0 in rows) and all(port <= set(rows) or port <= set(columns) for port in ports):
                yield rows, columns


def sides(code: FamilyCode, arguments: Sequence[sympy.Symbol], rows: tuple[int, ...]) -> Sides:
    """Return for each terminal and parameter over what it runs: `ROWS`, `COLUMNS`, both (`DEVICE`), or nothing."""
    terminals = arguments[: len(code.ports)]
    found = dict(zip(terminals, (_side([port], rows) or {ROWS} for port in code.ports), strict=True))
    for symbol, slot in zip(arguments[len(code.ports) :], code.slots, strict=True):
        runs = _side(slot.reads, rows)
        found[symbol] = {DEVICE} if len(runs) > 1 else runs
    return {symbol: frozenset(runs) for symbol, runs in found.items()}


def _side(reads: Iterable[Read], rows: tuple[int, ...]) -> set[str]:
    found: set[str] = set()
    for read in reads:
        found |= {ROWS if axis in rows else COLUMNS for axis in _axes(read)}
    return found


def _axes(read: Read) -> Iterable[int]:
    """Return the axes of its owner over which what is read differs."""
    index = read.view.index
    if index is None:
        return read.view.axes or ()
    return [axis for axis in range(index.ndim) if (index != index.take([0], axis)).any()]


# --- a quick look -----------------------------------------------------------------------------------------------------


def sampled_matrix(law: DeviceLaw, where: Sides) -> NDArray[np.float64] | None:
    """Return a flux at random rows and columns, or None where devices differ by more than a factor."""
    drawn = draw(law.kind, 2 * _DRAWN)
    row, column, device = (a.ravel() for a in np.meshgrid(*map(np.arange, (_DRAWN, _DRAWN, 2)), indexing="ij"))
    values = {}
    for symbol, numbers in drawn.items():
        runs = where[symbol]
        place = row if ROWS in runs else column if COLUMNS in runs else device if DEVICE in runs else 0 * row
        values[symbol] = numbers[place + (_DRAWN if DEVICE in runs else 0)]
    flux = law.evaluate(law.fluxes, values)[0].reshape(_DRAWN, _DRAWN, 2)
    first, second = flux[..., 0], flux[..., 1]
    most = np.unravel_index(np.argmax(np.abs(first)), first.shape)
    with np.errstate(all="ignore"):
        apart = np.abs(first * second[most] - second * first[most]).max() / np.abs(first[most] * second[most])
    return first if np.isfinite(flux).all() and apart < 1e-9 else None


def few_terms(matrix: NDArray[np.float64]) -> bool:
    """Whether samples look like those of a sum of a few products."""
    scaled = matrix / np.maximum(np.abs(matrix).max(axis=0, keepdims=True), 1e-300)
    sizes = np.linalg.svd(scaled, compute_uv=False)
    return bool((sizes > _RANK * sizes[0]).sum() <= MOST_TERMS)


# --- the proof --------------------------------------------------------------------------------------------------------


class _Mixed(Exception):  # noqa: N818 - no error: what can not be separated
    """A part of a law depends on rows and on columns, or on these and on single devices, and does not factor."""


def separated(law: DeviceLaw, where: Sides) -> Product | None:
    """Write the only flux of a law as a product, or None where that is not possible."""
    expression = law.expand(law.fluxes[0])
    if expression.count_ops() > _LARGEST:
        return None
    try:
        return _Separation(where, (t.symbol for t in law.kind.terminals)).product(expression)
    except _Mixed:
        return None


class _Separation:
    """Takes one law apart. Functions become symbols, so that what is left is a quotient of polynomials."""

    def __init__(self, where: Sides, terminals: Iterable[sympy.Symbol]):
        self.where, self.moving = dict(where), set(terminals)
        self.names = Names(symbol.name for symbol in where)
        self.stands_for: dict[sympy.Symbol, sympy.Expr] = {}
        self.known: dict[sympy.Expr, sympy.Symbol] = {}
        self.complement: dict[sympy.Symbol, sympy.Expr] = {}

    def product(self, expression: sympy.Expr) -> Product:
        above, below = sympy.fraction(sympy.together(self.polynomial(expression)))
        powers = self.factors(above, 1)
        for base, power in self.factors(below.xreplace(self.complement), -1).items():
            powers[base] = powers.get(base, 0) + power
        powers = self.divided(powers)
        parts: dict[str, sympy.Expr] = {"": sympy.Integer(1), ROWS: sympy.Integer(1), COLUMNS: sympy.Integer(1)}
        mixed = sympy.Integer(1)
        for base, power in powers.items():
            runs = self.runs(base)
            if not base.free_symbols & self.moving:
                parts[""] *= base**power
            elif len(runs) == 1:
                parts[next(iter(runs))] *= base**power
            elif DEVICE in runs or power < 0:
                raise _Mixed
            else:
                mixed *= base**power
        left, right = self.terms(mixed)
        return Product(
            self.restored(parts[""]),
            tuple(self.restored(parts[ROWS] * term) for term in left),
            tuple(self.restored(parts[COLUMNS] * term) for term in right),
        )

    def divided(self, powers: Mapping[sympy.Expr, int]) -> dict[sympy.Expr, int]:
        """Divide sums by constants that divide the whole and stand in them: S - P / K_eq, not (K_eq * S - P) / K_eq.

        The derivative by such a constant would else be a difference of two parts of the product that nearly cancel.
        """
        found = dict(powers)
        for constant in [base for base, power in powers.items() if base.is_Symbol and power < 0]:
            sums = [b for b, n in found.items() if b.is_Add and n == 1 and constant in b.free_symbols]
            if constant in self.moving or self.where[constant] or len(sums) != 1:
                continue
            del found[sums[0]]
            quotient = sympy.expand(sums[0] / constant)
            found[quotient] = found.get(quotient, 0) + 1
            found[constant] += 1
        return found

    def runs(self, expression: sympy.Expr) -> frozenset[str]:
        return frozenset().union(*(self.where[symbol] for symbol in expression.free_symbols))

    def factors(self, expression: sympy.Expr, sign: int) -> dict[sympy.Expr, int]:
        number, found = sympy.factor_list(expression)
        powers = {number: sign} if number != 1 else {}
        for base, power in found:
            powers[base] = powers.get(base, 0) + sign * power
        return powers

    def terms(self, mixed: sympy.Expr) -> tuple[list[sympy.Expr], list[sympy.Expr]]:
        """Write a polynomial as the shorter of two sums: by its monomials of the columns, or of the rows."""
        by_row: dict[sympy.Expr, sympy.Expr] = {}
        by_column: dict[sympy.Expr, sympy.Expr] = {}
        for term in sympy.Add.make_args(sympy.expand(mixed)):
            column = sympy.Mul(*(f for f in sympy.Mul.make_args(term) if self.runs(f) == {COLUMNS}))
            row = sympy.Mul(*(f for f in sympy.Mul.make_args(term) if self.runs(f) == {ROWS}))
            by_column[column] = by_column.get(column, 0) + term / column
            by_row[row] = by_row.get(row, 0) + term / row
        if min(len(by_row), len(by_column)) > MOST_TERMS:
            raise _Mixed
        if len(by_column) <= len(by_row):
            return list(by_column.values()), list(by_column)
        return list(by_row), list(by_row.values())

    # --- functions as symbols ---

    def polynomial(self, e: sympy.Expr) -> sympy.Expr:
        """Replace functions, odd powers and inexact numbers by symbols."""
        if e.is_Float or e.is_NumberSymbol:
            return self.symbol(e)
        if e.is_Atom:
            return e
        if e.is_Add or e.is_Mul or (e.is_Pow and e.exp.is_Integer):
            return e.func(*map(self.polynomial, e.args))
        if isinstance(e, sympy.exp):
            return self.exponential(sympy.expand(e.args[0]))
        if isinstance(e, logistic):
            return self.occupation(e)
        return self.symbol(e)

    def symbol(self, e: sympy.Expr) -> sympy.Symbol:
        if e not in self.known:
            runs = self.runs(e)
            if len(runs) > 1 and e.free_symbols & self.moving:
                raise _Mixed
            symbol = self.names.symbol(f"part_{len(self.known)}")
            self.known[e], self.stands_for[symbol], self.where[symbol] = symbol, e, runs
            if e.free_symbols & self.moving:
                self.moving.add(symbol)
        return self.known[e]

    def exponential(self, exponent: sympy.Expr) -> sympy.Expr:
        # exp(row - column) is no product here: either exponential alone may overflow.
        if exponent.could_extract_minus_sign():
            return 1 / self.symbol(sympy.exp(-exponent))
        return self.symbol(sympy.exp(exponent))

    def occupation(self, e: sympy.Expr) -> sympy.Symbol:
        """Name logistic(x) and logistic(-x), whose sum is one: divisors may use that, sums would lose digits by it."""
        argument = sympy.expand(e.args[0])
        turned = argument.could_extract_minus_sign()
        if turned:
            argument = -argument
        filled, other = self.symbol(logistic(argument)), self.symbol(logistic(-argument))
        self.complement[other] = 1 - filled
        return other if turned else filled

    def restored(self, e: sympy.Expr) -> sympy.Expr:
        return e.xreplace(self.stands_for)
