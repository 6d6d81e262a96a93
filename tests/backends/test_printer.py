"""Printed expressions evaluate to what they were."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from program.expressions import EXPRESSIONS, INPUTS, POINT, close, number

from crncompile.backends.kernel_text import function
from crncompile.backends.load import load_module
from crncompile.backends.numpy_runtime import exp
from crncompile.backends.printer import Printer, identifiers
from crncompile.program.lower import routine
from crncompile.symbolic.functions import logistic

NAMES = {symbol.name: symbol.name for symbol in INPUTS}
VALUES = {symbol.name: value for symbol, value in POINT.items()}


def evaluated(text, values=VALUES):
    return eval(text, {"np": np, "exp": exp}, dict(values))


@settings(max_examples=150)
@given(EXPRESSIONS.filter(lambda e: not sympy.sympify(e).has(logistic)))
@pytest.mark.parametrize("constant", [(), ("p", "q"), ("x", "y", "p", "q")])
def test_text_evaluates_to_the_expression(constant, expression):
    expression = sympy.sympify(expression)
    close(float(evaluated(Printer(NAMES, constant).text(expression))), number(expression))


@settings(max_examples=30)
@given(EXPRESSIONS)
def test_functions_take_arrays_and_complex_numbers(expression):
    expression = sympy.sympify(expression)
    code = routine(INPUTS, (), [expression], ["value"])
    text = function("f", code, "Doc.", set())
    module = load_module(f"import numpy as np\nfrom crncompile.backends.numpy_runtime import exp\n\n{text}", "test")
    (real,) = module.f(*(np.full(3, value) for value in POINT.values()))
    close(np.broadcast_to(real, 3), [number(expression)] * 3)
    for place, symbol in enumerate(INPUTS):
        arguments = [complex(v, 1e-30 * (n == place)) for n, v in enumerate(POINT.values())]
        (value,) = module.f(*(np.array([a]) for a in arguments))
        close(np.imag(value) * 1e30, [number(sympy.diff(expression, symbol))], 1e-8)


x, y, p, q = INPUTS


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (1 + x, "1 + x"),
        (x - 1, "x - 1"),
        (1 - x, "1 - x"),
        (-x - 1, "-1 - x"),
        (x * y / (p + q), "x * y / (p + q)"),
        (-x / 2, "-x / 2"),
        (x**2 + y**2, "x**2 + y**2"),
        (x / p**2, "x / p**2"),
        (sympy.sqrt(p) / q, "np.sqrt(p) / q"),
        (sympy.exp(-x), "exp(-x)"),
        (p**q, "p**q"),
        (2 * (x - y), "2 * (x - y)"),
        (sympy.Float(1.5) * x - sympy.Float(1.5) * y, "1.5 * (x - y)"),
        (x - (y - p), "p + x - y"),
        (1 / (1 + sympy.exp(x)), "1 / (1 + exp(x))"),
    ],
)
def test_text_reads_well(expression, text):
    assert Printer(NAMES).text(expression) == text


def test_constant_factors_come_first_and_on_their_own():
    assert Printer(NAMES, {"p", "q"}).text(x * p * q * y) == "(p * q) * x * y"


def test_what_is_not_arithmetic_is_refused():
    with pytest.raises(TypeError, match="Heaviside is not arithmetic"):
        Printer(NAMES).text(sympy.Heaviside(x))


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("total", "total"),
        ("lambda", "lambda_"),
        ("np", "np_"),
        ("γ_left", "γ_left"),
        ("2x", "_2x"),
        ("mass_action(2 X + Y <-> 3 X)", "mass_action_2_X_Y_to_3_X"),
        ("mass_action(X => E)", "mass_action_X_only_to_E"),
    ],
)
def test_identifiers(name, identifier):
    assert identifiers([name]) == {name: identifier}


def test_identifiers_differ():
    found = identifiers(["a b", "a_b", "a(b)", "None"])
    assert len(set(found.values())) == 4
    assert all(text.isidentifier() for text in found.values())
