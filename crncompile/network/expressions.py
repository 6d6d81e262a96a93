"""Expressions of the language to sympy expressions with a dimension, checked at every operation.

Expressions of numbers alone are folded at once in double precision; only small whole numbers and their quotients stay
exact, so that powers and stoichiometric factors do. Nothing here grows beyond what was written.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

import sympy

from crncompile.errors import Span, did_you_mean
from crncompile.language import nodes
from crncompile.network.report import Fault, a_dimension, each, expected, fault, resembles, shown
from crncompile.units import NUMBER, Dimension, UnitError, Units

#: Literal exponents go up to here, so that an exact power stays a small number.
LARGEST_EXPONENT = 100
#: Whole numbers beyond this many bits become floating-point numbers.
_LARGEST_EXACT = 2**53
_ANY_TEMPERATURE = 300.0
#: Units to suggest for a misspelt one.
COMMON_UNITS = (
    *("kT", "J", "eV", "meV", "ueV", "K", "mK", "s", "ms", "us", "ns", "Hz", "kHz", "MHz", "GHz", "s^-1", "M", "mM"),
    *("uM", "nM", "mM/s", "F", "fF", "pF", "V", "mV", "uV", "A", "nA", "pA", "L", "mL", "uL", "nL", "nm", "um", "%"),
)


@dataclass(frozen=True)
class Typed:
    """An expression and its dimension."""

    expression: sympy.Expr
    dimension: Dimension


class Scope(Protocol):
    """What an expression may name."""

    @property
    def units(self) -> Units:
        """The coherent system of the numbers."""

    def look_up(self, reference: nodes.Reference) -> Typed:
        """Return what a name stands for; raises Fault."""

    def remainder(self, call: nodes.Call) -> Typed:
        """Return the remainder of a division of whole numbers; raises Fault."""


@dataclass(frozen=True)
class Names:
    """A scope of names without indices.

    A name whose declaration has a mistake is ``None``; ``later`` are names that are declared further down.
    """

    units: Units
    names: Mapping[str, Typed | None]
    later: frozenset[str] = frozenset()

    def look_up(self, reference: nodes.Reference) -> Typed:
        """Return the named value or constant; raises Fault for any other name."""
        name = reference.name
        if name in self.names:
            if reference.indices:
                raise fault(reference.span, f"{name} has no index")
            declared = self.names[name]
            if declared is None:
                raise Fault
            return declared
        found = constant(reference, self.units)
        if found is None and name in self.later:
            raise fault(reference.span, f"{name} is used before it is declared", "move its declaration further up")
        return found or undeclared(reference, self.names)

    def remainder(self, call: nodes.Call) -> Typed:
        """Raise Fault: there are no indices here."""
        raise fault(call.span, f"{call.function} is for indices, and there are none here")


def constant(reference: nodes.Reference, units: Units) -> Typed | None:
    """Return the constant of this name, if there is one."""
    value, dimension = units.constants().get(reference.name, (None, NUMBER))
    return None if value is None else Typed(number(value), dimension)


def undeclared(reference: nodes.Reference, known: Mapping[str, object]) -> Any:
    """Raise the Fault of a name that is not declared."""
    raise fault(reference.span, f"{reference.name} is not declared", did_you_mean(reference.name, known))


def number(value: float) -> sympy.Expr:
    """Return a double as a sympy number that survives unchanged; 0 and 1 are exact so that they vanish in products."""
    return sympy.Integer(int(value)) if value in (0.0, 1.0) else sympy.Float(value, 17)


# --- evaluation -------------------------------------------------------------------------------------------------------


def evaluate(expression: nodes.Expression, scope: Scope, due: Dimension | None = None) -> Typed:
    """Return an expression as a sympy expression with its dimension; ``due`` is only told in hints.

    Raises Fault with all mistakes of the expression.
    """
    match expression:
        case nodes.Quantity():
            return _quantity(expression, scope.units, due)
        case nodes.Reference():
            return scope.look_up(expression)
        case nodes.Call():
            return _call(expression, scope)
        case nodes.Operation(operator="^"):
            return _power(expression, scope)
        case _:
            return _operation(expression, scope)


def evaluate_as(expression: nodes.Expression, scope: Scope, due: Dimension, what: str) -> sympy.Expr:
    """Evaluate an expression that must have the dimension ``due``; ``what`` names it in the message."""
    value = evaluate(expression, scope, due)
    check_dimension(expression, value.dimension, due, what)
    return value.expression


def check_dimension(expression: nodes.Expression, found: Dimension, due: Dimension, what: str) -> None:
    """Raise Fault where the dimensions differ: ``1 GHz is a rate, level is an energy``."""
    if found == due:
        return
    plain, kind = strip_sign(expression), a_dimension(due)
    bare = found == NUMBER and isinstance(plain, nodes.Quantity)
    said = f"{shown(expression.span)} {'has no unit' if bare else f'is {a_dimension(found)}'}"
    tautology = what.split()[-1] == kind.split()[-1]
    wanted = f"{kind} is due" if tautology else f"{what} is {kind}"
    raise fault(expression.span, f"{said}, {wanted}", _similar_unit(plain, due), expected(due))


def _similar_unit(expression: nodes.Expression, due: Dimension) -> str:
    """Return a hint for a unit that is one by chance: kt (knots) for kT."""
    if not isinstance(expression, nodes.Quantity) or expression.unit is None:
        return ""
    units = Units(_ANY_TEMPERATURE)
    fitting = [token for token in COMMON_UNITS if units.unit(token)[2] == due]
    return did_you_mean(expression.unit, fitting) if resembles(expression.unit, fitting) else ""


def strip_sign(expression: nodes.Expression) -> nodes.Expression:
    """Return what a sign stands before."""
    while isinstance(expression, nodes.Operation) and len(expression.operands) == 1:
        expression = expression.operands[0]
    return expression


def is_zero(expression: nodes.Expression) -> bool:
    """Whether this is a bare 0, which as a bound needs no unit."""
    return isinstance(expression, nodes.Quantity) and expression.unit is None and float(expression.number) == 0.0


def _quantity(quantity: nodes.Quantity, units: Units, due: Dimension | None) -> Typed:
    if quantity.unit is None and quantity.number.isdigit() and int(quantity.number) < _LARGEST_EXACT:
        return Typed(sympy.Integer(int(quantity.number)), NUMBER)
    try:
        value, dimension = units.quantity(quantity.number, quantity.unit)
    except UnitError as error:
        span = _guilty_part(quantity, error.name)
        hints = [did_you_mean(error.name, COMMON_UNITS), expected(due) if due is not None else ""]
        raise fault(span, str(error), *hints) from None
    return Typed(_finite(lambda: value, quantity.span), dimension)


def _guilty_part(quantity: nodes.Quantity, name: str) -> Span:
    span = quantity.unit_span or quantity.span
    offset = span.text.find(name)
    return replace(span, start=span.start + offset, end=span.start + offset + len(name)) if offset >= 0 else span


def _finite(compute: Callable[[], Any], span: Span) -> sympy.Expr:
    """Return a computed double as a sympy number, or say that it is none."""
    try:
        value = compute()
    except (OverflowError, ZeroDivisionError, ValueError):
        value = math.nan
    if isinstance(value, complex) or not math.isfinite(value):
        raise fault(span, f"{shown(span)} is not a finite number")
    return number(float(value))


# --- operations -------------------------------------------------------------------------------------------------------

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
}


def _operation(operation: nodes.Operation, scope: Scope) -> Typed:
    operands = each(lambda operand: evaluate(operand, scope), operation.operands)
    if len(operands) == 1:
        return Typed(-operands[0].expression, operands[0].dimension)
    left, right = operands
    value = _combine(operation, left.expression, right.expression)
    if operation.operator == "*":
        return Typed(value, left.dimension * right.dimension)
    if operation.operator == "/":
        return Typed(value, left.dimension / right.dimension)
    if left.dimension != right.dimension:
        raise _unlike(operation, left.dimension, right.dimension)
    return Typed(value, left.dimension)


def _unlike(operation: nodes.Operation, left: Dimension, right: Dimension) -> Fault:
    first, second = (shown(operand.span) for operand in operation.operands)
    verb = "added to" if operation.operator == "+" else "subtracted from"
    message = f"{second} is {a_dimension(right)} and can not be {verb} {first}, {a_dimension(left)}"
    bare = right == NUMBER and isinstance(operation.operands[1], nodes.Quantity)
    return fault(operation.operands[1].span, message, expected(left) if bare else "")


def _combine(operation: nodes.Operation, left: sympy.Expr, right: sympy.Expr) -> sympy.Expr:
    function = _OPERATORS[operation.operator]
    if operation.operator == "/" and right.is_zero:
        raise fault(operation.operands[1].span, f"{shown(operation.operands[1].span)} is zero: division by zero")
    if operation.operator == "/" and right.is_Float and not left.is_Number:
        return left * _finite(lambda: 1.0 / float(right), operation.span)
    if not (left.is_Number and right.is_Number):
        return function(left, right)
    if left.is_Rational and right.is_Rational:
        return _small(function(left, right), operation.span)
    return _finite(lambda: function(float(left), float(right)), operation.span)


def _small(value: sympy.Expr, span: Span) -> sympy.Expr:
    """Keep an exact number while it is small."""
    if value.is_Rational and max(abs(value.p), value.q) < _LARGEST_EXACT:
        return value
    return _finite(lambda: float(value), span)


def _power(operation: nodes.Operation, scope: Scope) -> Typed:
    base = evaluate(operation.operands[0], scope)
    exponent = exact(operation.operands[1])
    if exponent is None or max(abs(exponent.numerator), exponent.denominator) > LARGEST_EXPONENT:
        return _general_power(operation, base, scope)
    dimension = base.dimension**exponent
    power = sympy.Rational(exponent.numerator, exponent.denominator)
    if base.expression.is_Number:
        value = _finite(lambda: float(base.expression) ** float(exponent), operation.span)
        whole = base.expression.is_Rational and exponent.denominator == 1 and abs(float(value)) < _LARGEST_EXACT
        return Typed(base.expression**power if whole and exponent >= 0 else value, dimension)
    value = base.expression**power
    if any(abs(part) > 1e300 for part in value.atoms(sympy.Rational)):
        raise fault(operation.span, f"the power {shown(operation.span)} has too large a number in it")
    return Typed(value, dimension)


def _general_power(operation: nodes.Operation, base: Typed, scope: Scope) -> Typed:
    """Return a power whose exponent is an expression or an unwieldy number: its base must be a number."""
    exponent = evaluate_as(operation.operands[1], scope, NUMBER, "an exponent")
    if base.dimension != NUMBER:
        text, kind = shown(operation.operands[0].span), a_dimension(base.dimension)
        message = f"{text} is {kind}, so its exponent must be a whole number or a simple fraction such as 1/2"
        raise fault(operation.operands[1].span, message)
    if exponent.is_Rational:
        exponent = sympy.Float(exponent, 17)
    if base.expression.is_Number and exponent.is_Number:
        return Typed(_finite(lambda: float(base.expression) ** float(exponent), operation.span), NUMBER)
    return Typed(base.expression**exponent, NUMBER)


def exact(expression: nodes.Expression) -> Fraction | None:
    """Return a whole or rational number that is written without names, exactly; ``None`` for anything else."""
    match expression:
        case nodes.Quantity(unit=None) if "e" not in expression.number.lower():
            return Fraction(expression.number)
        case nodes.Operation(operator="-", operands=(operand,)):
            inner = exact(operand)
            return None if inner is None else -inner
        case nodes.Operation(operator="/", operands=(above, below)):
            numerator, denominator = exact(above), exact(below)
            return None if numerator is None or not denominator else numerator / denominator
    return None


# --- functions --------------------------------------------------------------------------------------------------------


def _logistic(x: sympy.Expr) -> sympy.Expr:
    return 1 / (1 + sympy.exp(-x))


_FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[float], float]]] = {
    "exp": (sympy.exp, math.exp),
    "ln": (sympy.log, math.log),
    "sqrt": (sympy.sqrt, math.sqrt),
    "tanh": (sympy.tanh, math.tanh),
    "sinh": (sympy.sinh, math.sinh),
    "cosh": (sympy.cosh, math.cosh),
    "logistic": (_logistic, lambda x: 0.5 + 0.5 * math.tanh(x / 2)),
}
FUNCTIONS = frozenset(_FUNCTIONS)
#: Remainder of a division of whole numbers, for indices.
REMAINDER = "mod"
DISTRIBUTIONS = frozenset({"constant", "normal", "lognormal", "uniform", "loguniform"})


def _call(call: nodes.Call, scope: Scope) -> Typed:
    name = call.function
    if name in DISTRIBUTIONS:
        raise fault(call.span, f"{name} is a distribution", f"a distribution stands behind train: train {name}(...)")
    if name == REMAINDER:
        return scope.remainder(call)
    if name not in FUNCTIONS:
        raise fault(call.span, f"{name} is not a function", did_you_mean(name, {*FUNCTIONS, REMAINDER}))
    if len(call.arguments) != 1:
        raise fault(call.span, f"{name} takes one argument, not {len(call.arguments)}")
    argument = evaluate(call.arguments[0], scope)
    if name != "sqrt" and argument.dimension != NUMBER:
        text, kind = shown(call.arguments[0].span), a_dimension(argument.dimension)
        hint = f"divide it by a quantity of the same kind: {name}({text} / {_one(argument.dimension)})"
        raise fault(call.arguments[0].span, f"{name} takes a number, {text} is {kind}", hint)
    symbolic, numeric = _FUNCTIONS[name]
    dimension = argument.dimension ** Fraction(1, 2) if name == "sqrt" else NUMBER
    if argument.expression.is_Number:
        return Typed(_finite(lambda: numeric(float(argument.expression)), call.span), dimension)
    return Typed(symbolic(argument.expression), dimension)


def _one(dimension: Dimension) -> str:
    hint = expected(dimension).partition("in ")[2]
    return f"1 {hint}" if hint else "..."


def unparse(expression: nodes.Expression) -> str:
    """Return an expression as text in one way of writing, whatever its blanks were."""
    match expression:
        case nodes.Quantity():
            return expression.number + (f" {expression.unit}" if expression.unit else "")
        case nodes.Reference():
            inner = ", ".join(unparse(index) for index in expression.indices)
            return f"{expression.name}[{inner}]" if inner else expression.name
        case nodes.Call():
            return f"{expression.function}({', '.join(unparse(argument) for argument in expression.arguments)})"
    words = [
        f"({unparse(operand)})" if isinstance(operand, nodes.Operation) else unparse(operand)
        for operand in expression.operands
    ]
    return f"-{words[0]}" if len(words) == 1 else f" {expression.operator} ".join(words)
