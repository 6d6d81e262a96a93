"""What stands behind ``=``: literals, trained values and expressions become parameters and slots."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, cast

import sympy

from crncompile.errors import Span, did_you_mean
from crncompile.language import nodes
from crncompile.network.context import Context, OwnerScope, parameter_symbol
from crncompile.network.expressions import (
    DISTRIBUTIONS,
    FUNCTIONS,
    Typed,
    check_dimension,
    evaluate,
    is_zero,
    strip_sign,
)
from crncompile.network.indices import Frame
from crncompile.network.report import Fault, a_dimension, each, expected, fault, shown
from crncompile.network.types import Access, Distribution, Parameter, Place, Slot, Tolerance
from crncompile.units import ENERGY, NUMBER, VOLTAGE, Dimension, example_unit

DistributionName = Literal["constant", "normal", "lognormal", "uniform", "loguniform"]


@dataclass(frozen=True)
class Limits:
    """Where a value may lie; ``open_lower`` excludes the lower end."""

    lower: float = -math.inf
    upper: float = math.inf
    open_lower: bool = False

    def contain(self, value: float) -> bool:
        """Whether a value lies within."""
        above = value > self.lower if self.open_lower else value >= self.lower
        return above and value <= self.upper

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


# --- slots ------------------------------------------------------------------------------------------------------------


def slot(context: Context, frame: Frame, name: str, value: nodes.Value, due: Due) -> Slot:
    """Return a setting's value as a slot of its owner; a literal or trained one becomes the parameter ``name``.

    Raises Fault with all mistakes of the value.
    """
    if isinstance(value.content, nodes.Interval):
        raise fault(value.content.span, f"{due.what} is one value, not a range")
    if isinstance(value.content, nodes.Train):
        found = trained(context, frame, name, value, due)
        return _own_slot(context, found, frame.whole, due)
    scope = OwnerScope(context, frame)
    typed = evaluate(value.content, scope, due.dimension)
    due.check(value.content, typed.dimension)
    if not scope.accesses:
        found = literal(context, name, value, typed, due)
        return _own_slot(context, found, Place(()), due)
    return _named_slot(context, value, typed, tuple(scope.accesses.values()), due)


def _own_slot(context: Context, parameter: Parameter, place: Place, due: Due) -> Slot:
    context.parameters[parameter.name] = parameter
    context.used.add(parameter.name)
    symbol = parameter_symbol(parameter.name, parameter)
    typed = _as_due(Typed(symbol, parameter.dimension), due)
    return Slot(typed.expression, (Access(symbol, parameter.name, place),), typed.dimension)


def _as_due(typed: Typed, due: Due) -> Typed:
    """Turn a voltage V into the electrochemical potential -e V."""
    if due.dimension == ENERGY and typed.dimension == VOLTAGE:
        return Typed(-typed.expression, ENERGY)
    return typed


def _named_slot(context: Context, value: nodes.Value, typed: Typed, accesses: tuple[Access, ...], due: Due) -> Slot:
    if value.tolerance is not None:
        names = ", ".join(access.name for access in accesses)
        raise fault(
            value.tolerance.span, "a tolerance belongs to a value of its own", f"state it where {names} is declared"
        )
    initial = {access.symbol: _initial(context.parameters[access.name]) for access in accesses}
    typed = _as_due(typed, due)
    if None not in initial.values():
        number = float(typed.expression.subs(initial))
        _check_inside(number, due.limits, due, value.span, context)
    return Slot(typed.expression, accesses, typed.dimension)


def _initial(parameter: Parameter) -> float | None:
    constant = parameter.distribution.name == "constant"
    return parameter.distribution.arguments[0] if constant else None


def default_slot(context: Context, name: str, expression: sympy.Expr, due: Due, span: Span) -> Slot:
    """Return the slot of a device's own constant default."""
    dimension = due.dimension or NUMBER
    parameter = Parameter(
        name,
        (),
        (),
        dimension,
        unit_of(dimension),
        Distribution("constant", (float(expression),)),
        due.limits.lower,
        due.limits.upper,
        trained=False,
        tolerance=None,
        span=span,
    )
    return _own_slot(context, parameter, Place(()), due)


# --- parameters -------------------------------------------------------------------------------------------------------


def literal(
    context: Context, name: str, value: nodes.Value, typed: Typed, due: Due, frame: Frame | None = None
) -> Parameter:
    """Return the constant parameter of a value without names; it is an array only where a frame is given."""
    expression = cast(nodes.Expression, value.content)
    distribution = Distribution("constant", (_number(typed.expression, expression),))
    return _parameter(context, frame or Frame(()), name, value, typed.dimension, expression, distribution, due, ANY)


def trained(context: Context, frame: Frame, name: str, value: nodes.Value, due: Due) -> Parameter:
    """Return the trained parameter of ``train DISTRIBUTION in [a, b]``, one value for each element of the frame."""
    train = cast(nodes.Train, value.content)
    dimension, distribution = _distribution(context, train.distribution, due)
    limits = ANY if train.interval is None else _interval(context, train.interval, dimension, due)
    first = first_argument(train.distribution)
    found = _parameter(context, frame, name, value, dimension, first, distribution, due, limits)
    return replace(found, trained=True)


def _parameter(
    context: Context,
    frame: Frame,
    name: str,
    value: nodes.Value,
    dimension: Dimension,
    example: nodes.Expression,
    distribution: Distribution,
    due: Due,
    limits: Limits,
) -> Parameter:
    """Return a parameter, its distribution checked against its limits."""
    limits = limits.within(due.limits if dimension == due.dimension else ANY)
    if limits.empty:
        interval = cast(nodes.Train, value.content).interval
        raise _unsatisfiable(context, interval.span if interval else value.span, due)
    for number in _support(distribution):
        _check_inside(number, limits, due, value.content.span, context, dimension)
    return Parameter(
        name,
        frame.parameter_axes,
        frame.shape,
        dimension,
        unit_token(context, example, dimension),
        distribution,
        limits.lower,
        limits.upper,
        trained=False,
        tolerance=_tolerance(context, value, dimension, due),
        span=value.span,
    )


def _support(distribution: Distribution) -> tuple[float, ...]:
    """Return the values that must be allowed: both ends of an interval, or the median."""
    return distribution.arguments if "uniform" in distribution.name else distribution.arguments[:1]


def _check_inside(
    number: float, limits: Limits, due: Due, span: Span, context: Context, dimension: Dimension | None = None
) -> None:
    if limits.contain(number):
        return
    bounds = describe(limits, dimension or due.dimension or NUMBER, context)
    raise fault(span, f"{shown(span)} is outside the bounds of {due.what}", f"{due.what} must be {bounds}")


def _unsatisfiable(context: Context, span: Span, due: Due) -> Fault:
    bounds = describe(due.limits, due.dimension or NUMBER, context)
    return fault(
        span, f"unsatisfiable bound: no value of {due.what} lies in {shown(span)}", f"{due.what} must be {bounds}"
    )


def describe(limits: Limits, dimension: Dimension, context: Context) -> str:
    """Return ``> 0 mM`` or ``between 0 and 1``."""
    unit = unit_of(dimension)
    lower, upper = (f"{context.units.express(end, unit):.6g}" for end in (limits.lower, limits.upper))
    after = f" {unit}" if unit else ""
    if limits.upper == math.inf:
        return f"{'>' if limits.open_lower else '>='} {'0' if limits.lower == 0 else lower + after}"
    if limits.lower == -math.inf:
        return f"<= {upper}{after}"
    return f"between {lower} and {upper}{after}"


def _number(expression: sympy.Expr, node: nodes.Expression) -> float:
    number = float(expression)
    if not math.isfinite(number):
        raise fault(node.span, f"{shown(node.span)} is not a finite number")
    return number


def constant(context: Context, expression: nodes.Expression, due: Due) -> tuple[float, Dimension]:
    """Return an expression without parameters as a number and its dimension."""
    typed = evaluate(expression, _Constants(context), due.dimension)
    due.check(expression, typed.dimension)
    return _number(typed.expression, expression), typed.dimension


class _Constants(OwnerScope):
    """A scope in which a declared name is told to be out of place."""

    def __init__(self, context: Context):
        super().__init__(context, Frame(()))

    def look_up(self, reference: nodes.Reference) -> Typed:
        """Return a constant; raises Fault for all else."""
        if reference.name in self.context.declared:
            raise fault(reference.span, f"{reference.name} can not stand here: a number is due")
        return super().look_up(reference)


# --- distributions ----------------------------------------------------------------------------------------------------


def _named(expression: nodes.Expression) -> tuple[str, tuple[nodes.Expression, ...]]:
    """Return a distribution's name and arguments; a plain expression is a constant's."""
    if not isinstance(expression, nodes.Call) or expression.function in FUNCTIONS:
        return "constant", (expression,)
    if expression.function not in DISTRIBUTIONS:
        hint = did_you_mean(expression.function, DISTRIBUTIONS)
        raise fault(expression.span, f"{expression.function} is not a distribution", hint)
    return expression.function, expression.arguments


def first_argument(expression: nodes.Expression) -> nodes.Expression:
    """Return the mean, median or lower end of a distribution: it has the dimension of the value."""
    return _named(expression)[1][0]


def _distribution(context: Context, expression: nodes.Expression, due: Due) -> tuple[Dimension, Distribution]:
    name, arguments = _named(expression)
    count = 1 if name == "constant" else 2
    if len(arguments) != count:
        raise fault(
            expression.span, f"{name} takes {count} {'value' if count == 1 else 'values'}, not {len(arguments)}"
        )
    dues = [due, replace(due, dimension=NUMBER, what="sigma", potential=False) if name == "lognormal" else due]
    pairs = each(lambda pair: constant(context, *pair), zip(arguments, dues[:count], strict=True))
    (first, dimension), (last, other) = pairs[0], pairs[-1]
    if name != "lognormal" and dimension != other:
        raise fault(arguments[1].span, f"the two values of {name} are of different kinds", expected(dimension))
    _check_shape(name, first, last, expression)
    values = tuple(value for value, _ in pairs)
    return dimension, Distribution(cast(DistributionName, name), values)


def _check_shape(name: str, first: float, last: float, expression: nodes.Expression) -> None:
    if name in ("normal", "lognormal") and last <= 0:
        raise fault(expression.span, f"the sigma of {name} must be above zero")
    if name in ("lognormal", "loguniform") and first <= 0:
        raise fault(expression.span, f"{name} has only values above zero")
    if name in ("uniform", "loguniform") and first >= last:
        raise fault(expression.span, f"the first value of {name} must be below the second")


def _interval(context: Context, interval: nodes.Interval, dimension: Dimension, due: Due) -> Limits:
    lower, upper = each(lambda end: bound(context, end, dimension, due.what), (interval.lower, interval.upper))
    if lower > upper:
        raise fault(
            interval.span, f"unsatisfiable bound: {shown(interval.span)} is empty", "the lower end stands first"
        )
    return Limits(lower, upper)


def bound(context: Context, expression: nodes.Expression, dimension: Dimension, what: str) -> float:
    """Return the value of a bound, in which a bare 0 needs no unit."""
    if is_zero(expression):
        return 0.0
    return constant(context, expression, Due(what, dimension))[0]


# --- tolerances and units ---------------------------------------------------------------------------------------------


def _tolerance(context: Context, value: nodes.Value, dimension: Dimension, due: Due) -> Tolerance | None:
    if value.tolerance is None:
        return None
    typed = evaluate(value.tolerance, _Constants(context), dimension)
    size = _number(typed.expression, value.tolerance)
    percent = isinstance(value.tolerance, nodes.Quantity) and value.tolerance.unit == "%"
    if size <= 0:
        raise fault(value.tolerance.span, "a tolerance must be above zero")
    if typed.dimension == NUMBER and (percent or dimension != NUMBER):
        return Tolerance(size, relative=True)
    if typed.dimension != dimension:
        text = shown(value.tolerance.span)
        message = f"{text} is {a_dimension(typed.dimension)}, {due.what} is {a_dimension(dimension)}"
        raise fault(value.tolerance.span, message, f"{expected(dimension)}, or a share in %")
    return Tolerance(size, relative=False)


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
