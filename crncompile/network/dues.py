"""What a value must be, and the units and limits that it is told in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import Span
from crncompile.language import nodes
from crncompile.network.context import Context
from crncompile.network.expressions import check_dimension, strip_sign
from crncompile.network.indices import Frame
from crncompile.network.report import Fault, fault, shown
from crncompile.units import NUMBER, VOLTAGE, Dimension, Units, example_unit


@dataclass(frozen=True)
class Limits:
    """Where a value may lie; ``open_lower`` excludes the lower end."""

    lower: float = -math.inf
    upper: float = math.inf
    open_lower: bool = False

    def contain(self, value: float) -> bool:
        """Whether a value lies within."""
        return bool(self.inside(np.asarray(value)))

    def inside(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say which values lie within."""
        above = values > self.lower if self.open_lower else values >= self.lower
        return np.asarray(above & (values <= self.upper))

    def within(self, other: Limits) -> Limits:
        """Return the intersection."""
        lower = max(self.lower, other.lower)
        opened = any(limit.open_lower and limit.lower == lower for limit in (self, other))
        return Limits(lower, min(self.upper, other.upper), opened)

    @property
    def empty(self) -> bool:
        """Whether no value lies within."""
        return not self.contain(self.upper) if self.upper < math.inf else False


ANY = Limits()
POSITIVE = Limits(0.0, math.inf, open_lower=True)


@dataclass(frozen=True)
class Due:
    """What a value must be: its name in messages, its dimension (``None``: any), and its limits.

    ``potential``: a voltage V is accepted where an energy is due, and means -e V.
    """

    what: str
    dimension: Dimension | None
    limits: Limits = ANY
    potential: bool = False

    def check(self, expression: nodes.Expression, found: Dimension) -> None:
        """Raise Fault where a value has another dimension."""
        if self.dimension is not None and not (self.potential and found == VOLTAGE):
            check_dimension(expression, found, self.dimension, self.what)


# --- limits ---------------------------------------------------------------------------------------------------------


def check_inside(
    values: NDArray[np.float64],
    limits: Limits,
    due: Due,
    span: Span,
    context: Context,
    dimension: Dimension | None = None,
    frame: Frame | None = None,
) -> None:
    """Raise Fault for the first value outside its limits, and name its element where it is one of a frame's."""
    inside = limits.inside(values)
    if inside.all():
        return
    where = f" {frame.element(int(np.argmin(inside)))}" if frame and frame.shape == values.shape != () else ""
    bounds = describe(limits, dimension or due.dimension or NUMBER, context)
    raise fault(span, f"{shown(span)} is outside the bounds of {due.what}{where}", f"{due.what} must be {bounds}")


def unsatisfiable(context: Context, span: Span, due: Due) -> Fault:
    """Return the Fault of bounds that no value fulfils."""
    bounds = describe(due.limits, due.dimension or NUMBER, context)
    return fault(
        span, f"unsatisfiable bound: no value of {due.what} lies in {shown(span)}", f"{due.what} must be {bounds}"
    )


def describe(limits: Limits, dimension: Dimension, context: Context) -> str:
    """Return ``> 0 mM`` or ``between 0 and 1``."""
    return described(limits, unit_of(dimension), context.units)


def described(limits: Limits, unit: str, units: Units) -> str:
    """Return limits in a unit: ``> 0 mM`` or ``between 0 and 1``."""
    lower, upper = (f"{units.express(end, unit):.6g}" for end in (limits.lower, limits.upper))
    after = f" {unit}" if unit else ""
    if limits.upper == math.inf:
        return f"{'>' if limits.open_lower else '>='} {'0' if limits.lower == 0 else lower + after}"
    if limits.lower == -math.inf:
        return f"<= {upper}{after}"
    return f"between {lower} and {upper}{after}"


# --- units ----------------------------------------------------------------------------------------------------------


def quantities(expression: nodes.Expression) -> Iterator[nodes.Quantity]:
    """Yield the numbers in an expression in the order of the text."""
    match expression:
        case nodes.Quantity():
            yield expression
        case nodes.Call():
            for argument in expression.arguments:
                yield from quantities(argument)
        case nodes.Operation():
            for operand in expression.operands:
                yield from quantities(operand)


def unit_token(context: Context, expression: nodes.Expression, dimension: Dimension) -> str:
    """Return the unit as the user wrote it, or one of the same dimension."""
    for quantity in quantities(strip_sign(expression)):
        if quantity.unit is not None and context.units.unit(quantity.unit)[2] == dimension:
            return quantity.unit
    return unit_of(dimension)


def unit_of(dimension: Dimension) -> str:
    """Return a unit token of any dimension: the usual one, or powers of base units."""
    known = example_unit(dimension)
    if known or dimension == NUMBER:
        return known
    names = ("m", "kg", "s", "A", "mol", "K")
    if any(power.denominator != 1 for power in dimension.exponents):
        return ""
    factors = [(name, int(power)) for name, power in zip(names, dimension.exponents, strict=True) if power != 0]
    (name, power), *rest = factors
    return "/".join([f"{name}^{power}", *(f"{name}^{-power}" for name, power in rest)])
