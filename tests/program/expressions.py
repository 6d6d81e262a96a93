"""Random expressions of the kind that device laws are made of, and straight-line code made of them."""

import math

import numpy as np
import sympy
from hypothesis import strategies as st

from crncompile.symbolic.functions import logistic

INPUTS = tuple(sympy.symbols("x y", real=True)) + tuple(sympy.symbols("p q", positive=True))

LEAVES = st.one_of(
    st.sampled_from(INPUTS),
    st.integers(-3, 3).map(sympy.Integer),
    st.sampled_from([sympy.Rational(1, 2), sympy.Rational(2, 3), sympy.Float(0.3), sympy.Float(1.7e3)]),
)


def _grow(children):
    small = st.tuples(children, children)
    return st.one_of(
        small.map(lambda ab: ab[0] + ab[1]),
        small.map(lambda ab: ab[0] * ab[1]),
        small.map(lambda ab: ab[0] - ab[1]),
        small.map(lambda ab: ab[0] / (2 + ab[1] ** 2)),
        st.tuples(children, st.sampled_from([2, 3, 5])).map(lambda an: an[0] ** an[1]),
        st.tuples(children, st.sampled_from([-1, -2])).map(lambda an: (1 + an[0] ** 2) ** an[1]),
        children.map(lambda a: logistic(sympy.tanh(a))),
        children.map(lambda a: logistic(-a)),
        children.map(lambda a: sympy.exp(sympy.tanh(a))),
        children.map(lambda a: sympy.sqrt(1 + a**2)),
        children.map(lambda a: sympy.log(2 + sympy.tanh(a))),
        children.map(lambda a: -a),
        children.map(lambda a: sympy.cosh(sympy.tanh(a))),
        children.map(lambda a: sympy.sinh(sympy.tanh(a))),
    )


EXPRESSIONS = st.recursive(LEAVES, _grow, max_leaves=8).filter(
    lambda e: e.is_finite is not False and not e.has(sympy.zoo)
)


@st.composite
def programs(draw):
    """Definitions that use inputs and earlier definitions, and two outputs."""
    definitions, known = [], list(INPUTS)
    for number in range(draw(st.integers(1, 4))):
        pieces = [draw(EXPRESSIONS), draw(st.sampled_from(known)), draw(st.sampled_from(known))]
        value = sympy.sympify(pieces[0]) + pieces[1] * sympy.tanh(pieces[2])
        symbol = sympy.Symbol(f"v{number}", real=True)
        definitions.append((symbol, value))
        known.append(symbol)
    outputs = [draw(st.sampled_from(known)) * draw(EXPRESSIONS) + known[-1] for _ in range(2)]
    return tuple(definitions), outputs


def inserted(definitions, expression):
    """Insert all definitions: one expression in inputs alone."""
    for symbol, value in reversed(definitions):
        expression = sympy.sympify(expression).xreplace({symbol: value})
    return expression


POINT = {INPUTS[0]: 0.37, INPUTS[1]: -1.21, INPUTS[2]: 0.83, INPUTS[3]: 1.46}


FUNCTIONS = {
    "exp": math.exp,
    "log": math.log,
    "tanh": math.tanh,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "logistic": lambda x: (1 + math.tanh(x / 2)) / 2,
    "Abs": abs,
}


def evaluate(expression, known):
    """Evaluate an expression in floats; ``known`` holds what symbols and, as it grows, subexpressions are."""
    if expression not in known:
        arguments = [evaluate(argument, known) for argument in expression.args]
        if expression.is_Add:
            known[expression] = math.fsum(arguments)
        elif expression.is_Mul:
            known[expression] = math.prod(arguments)
        elif expression.is_Pow:
            known[expression] = arguments[0] ** arguments[1]
        elif arguments:
            known[expression] = FUNCTIONS[type(expression).__name__](*arguments)
        else:
            known[expression] = float(expression)
    return known[expression]


def number(expression):
    """Value at `POINT`."""
    return evaluate(sympy.sympify(expression), dict(POINT))


def run(assignments, outputs, values=None):
    """Evaluate straight-line code."""
    known = dict(values or POINT)
    for symbol, value in assignments:
        known[symbol] = evaluate(sympy.sympify(value), known)
    return [evaluate(sympy.sympify(output), known) for output in outputs]


def close(found, wanted, tolerance=1e-9):
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
