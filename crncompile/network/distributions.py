"""Numbers without parameters in them, and distributions of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, cast

import numpy as np
import sympy

from crncompile.errors import did_you_mean
from crncompile.language import nodes
from crncompile.network.context import Context, OwnerScope
from crncompile.network.dues import Due, Limits
from crncompile.network.expressions import DISTRIBUTIONS, FUNCTIONS, Typed, evaluate, is_zero
from crncompile.network.indices import Frame
from crncompile.network.report import each, expected, fault, shown
from crncompile.network.series import evaluated
from crncompile.network.types import Distribution
from crncompile.units import NUMBER, Dimension

DistributionName = Literal["constant", "normal", "lognormal", "uniform", "loguniform"]


def constant(context: Context, expression: nodes.Expression, due: Due) -> tuple[float, Dimension]:
    """Return an expression without parameters as a number and its dimension."""
    typed = evaluate(expression, Constants(context), due.dimension)
    due.check(expression, typed.dimension)
    return finite(typed.expression, expression), typed.dimension


class Constants(OwnerScope):
    """A scope in which a declared name is told to be out of place."""

    def __init__(self, context: Context):
        super().__init__(context, Frame(()))

    def look_up(self, reference: nodes.Reference) -> Typed:
        """Return a constant; raises Fault for all else."""
        if reference.name.partition(".")[0] in self.context.declared or "." in reference.name:
            raise fault(reference.span, f"{reference.name} can not stand here: a number is due")
        return super().look_up(reference)


def finite(expression: sympy.Expr, node: nodes.Expression) -> float:
    """Return an expression without names as a finite number; raises Fault."""
    number = float(expression)
    if not math.isfinite(number):
        raise fault(node.span, f"{shown(node.span)} is not a finite number")
    return number


def constant_of(scope: OwnerScope, typed: Typed, expression: nodes.Expression) -> Distribution:
    """Return the known value of an expression, or its values where they differ from element to element."""
    if not scope.numbers:
        return Distribution("constant", (finite(typed.expression, expression),))
    values = evaluated(typed.expression, {found.symbol: found.values for found in scope.numbers.values()})
    values = np.broadcast_to(values, scope.frame.shape)
    if not np.isfinite(values).all():
        where = scope.frame.element(int(np.argmin(np.isfinite(values))))
        raise fault(expression.span, f"{shown(expression.span)} is not a finite number {where}")
    return Distribution("constant", (), values)


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


def distribution_of(
    context: Context, frame: Frame, expression: nodes.Expression, due: Due
) -> tuple[Dimension, Distribution]:
    """Return the dimension and the distribution of a trained value of the elements of a frame; raises Fault."""
    name, arguments = _named(expression)
    count = 1 if name == "constant" else 2
    if len(arguments) != count:
        raise fault(
            expression.span, f"{name} takes {count} {'value' if count == 1 else 'values'}, not {len(arguments)}"
        )
    if name == "constant":
        return _start(context, frame, arguments[0], due)
    dues = [due, replace(due, dimension=NUMBER, what="sigma", potential=False) if name == "lognormal" else due]
    pairs = each(lambda pair: constant(context, *pair), zip(arguments, dues, strict=True))
    (first, dimension), (last, other) = pairs[0], pairs[-1]
    if name != "lognormal" and dimension != other:
        raise fault(arguments[1].span, f"the two values of {name} are of different kinds", expected(dimension))
    _check_shape(name, first, last, expression)
    values = tuple(value for value, _ in pairs)
    return dimension, Distribution(cast(DistributionName, name), values)


def _start(context: Context, frame: Frame, expression: nodes.Expression, due: Due) -> tuple[Dimension, Distribution]:
    """Return the start of a trained value that is not drawn; it may differ from element to element."""
    scope = OwnerScope(context, frame)
    typed = evaluate(expression, scope, due.dimension)
    if scope.accesses:
        named = next(iter(scope.parts.values()))
        raise fault(named.span, f"{named.name} can not stand here: a number is due")
    due.check(expression, typed.dimension)
    return typed.dimension, constant_of(scope, typed, expression)


def _check_shape(name: str, first: float, last: float, expression: nodes.Expression) -> None:
    if name in ("normal", "lognormal") and last <= 0:
        raise fault(expression.span, f"the sigma of {name} must be above zero")
    if name in ("lognormal", "loguniform") and first <= 0:
        raise fault(expression.span, f"{name} has only values above zero")
    if name in ("uniform", "loguniform") and first >= last:
        raise fault(expression.span, f"the first value of {name} must be below the second")


def interval(context: Context, interval: nodes.Interval, dimension: Dimension, due: Due) -> Limits:
    """Return the bounds of a trained value; raises Fault."""
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
