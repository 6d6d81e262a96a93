"""What stands behind ``=``: literals, trained values and expressions become parameters and slots."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.errors import Span
from crncompile.language import nodes
from crncompile.network.context import Context, OwnerScope, parameter_symbol
from crncompile.network.distributions import Constants, constant_of, distribution_of, finite, first_argument, interval
from crncompile.network.dues import ANY, Due, Limits, check_inside, unit_of, unit_token, unsatisfiable
from crncompile.network.expressions import Typed, evaluate
from crncompile.network.indices import Frame
from crncompile.network.report import a_dimension, expected, fault, shown
from crncompile.network.series import evaluated, first_values, holding, read_at
from crncompile.network.types import Access, Distribution, Parameter, Place, Slot, Tolerance
from crncompile.units import ENERGY, NUMBER, VOLTAGE, Dimension

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
        found = literal(scope, name, value, typed, due)
        return _own_slot(context, found, frame.whole if scope.numbers else Place(()), due)
    return _named_slot(scope, name, value, typed, due)


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


def _named_slot(scope: OwnerScope, name: str, value: nodes.Value, typed: Typed, due: Due) -> Slot:
    """Return a slot that reads parameters of other names."""
    context, frame = scope.context, scope.frame
    refuse_tolerance(value, scope)
    hold_numbers(scope, name)
    accesses = tuple(scope.accesses.values())
    typed = _as_due(typed, due)
    first = {access.symbol: first_values(context.parameters[access.name]) for access in accesses}
    known = {a.symbol: read_at(array, a.place, frame.shape) for a in accesses if (array := first[a.symbol]) is not None}
    if len(known) == len(first):
        values = np.broadcast_to(evaluated(typed.expression, known), frame.shape)
        check_inside(values, due.limits, due, value.span, context, frame=frame)
    return Slot(typed.expression, accesses, typed.dimension)


def refuse_tolerance(value: nodes.Value, scope: OwnerScope) -> None:
    """Raise Fault for the tolerance of a value that is made of parameters."""
    if value.tolerance is not None:
        names = ", ".join(access.name for access in scope.accesses.values())
        raise fault(
            value.tolerance.span, "a tolerance belongs to a value of its own", f"state it where {names} is declared"
        )


def hold_numbers(scope: OwnerScope, name: str) -> None:
    """Turn the known numbers of a scope into constant parameters of their own, ``name.j`` and the like, and read these.

    Expressions of known numbers alone become one parameter instead: `literal`.
    """
    for text, found in scope.numbers.items():
        parameter, access = holding(f"{name}.{text}", found, scope.frame)
        scope.context.parameters[parameter.name] = parameter
        scope.context.used.add(parameter.name)
        scope.accesses[text] = access


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
    scope: OwnerScope, name: str, value: nodes.Value, typed: Typed, due: Due, frame: Frame | None = None
) -> Parameter:
    """Return the constant parameter of a value without parameters in it.

    It is an array where indices or columns stand in it, or a frame is given.
    """
    expression = cast(nodes.Expression, value.content)
    frame = scope.frame if scope.numbers else frame or Frame(())
    distribution = constant_of(scope, typed, expression)
    found = _parameter(scope.context, frame, name, value, typed.dimension, expression, distribution, due, ANY)
    units = [number.unit for number in scope.numbers.values() if number.dimension == typed.dimension]
    return replace(found, unit=units[0]) if units else found


def trained(context: Context, frame: Frame, name: str, value: nodes.Value, due: Due) -> Parameter:
    """Return the trained parameter of ``train DISTRIBUTION in [a, b]``, one value for each element of the frame."""
    train = cast(nodes.Train, value.content)
    dimension, distribution = distribution_of(context, frame, train.distribution, due)
    limits = ANY if train.interval is None else interval(context, train.interval, dimension, due)
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
        given = cast(nodes.Train, value.content).interval
        raise unsatisfiable(context, given.span if given else value.span, due)
    check_inside(_support(distribution), limits, due, value.content.span, context, dimension, frame)
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


def _support(distribution: Distribution) -> NDArray[np.float64]:
    """Return the values that must be allowed: all known ones, both ends of an interval, or the median."""
    if distribution.values is not None:
        return distribution.values
    return np.array(distribution.arguments if "uniform" in distribution.name else distribution.arguments[:1])


# --- tolerances and units ---------------------------------------------------------------------------------------------


def _tolerance(context: Context, value: nodes.Value, dimension: Dimension, due: Due) -> Tolerance | None:
    if value.tolerance is None:
        return None
    typed = evaluate(value.tolerance, Constants(context), dimension)
    size = finite(typed.expression, value.tolerance)
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
