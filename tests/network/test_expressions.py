"""Expressions keep their values and dimensions."""

import math

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants as codata

from crncompile.errors import Source
from crncompile.language.parser import parse
from crncompile.network.expressions import Names, Typed, evaluate, exact, unparse
from crncompile.network.report import Fault, a_dimension, expected, listed
from crncompile.units import CONCENTRATION, ENERGY, NUMBER, RATE, TIME, VOLTAGE, Units

UNITS = Units(0.1)
X, U = sympy.Symbol("x", real=True), sympy.Symbol("u", real=True)
SCOPE = Names(UNITS, {"x": Typed(X, NUMBER), "u": Typed(U, ENERGY), "broken": None})


def node(text):
    return parse(Source("m", f"readout r = {text}")).statements[0].expression


def value(text):
    return evaluate(node(text), SCOPE)


@pytest.mark.parametrize(
    ("text", "number", "dimension"),
    [
        ("2", 2, NUMBER),
        ("1 / 2", 0.5, NUMBER),
        ("5 %", 0.05, NUMBER),
        ("-3 kT + 1 kT", -2, ENERGY),
        ("hbar / kT", codata.hbar / (codata.k * 0.1), TIME),
        ("k_B * 0.1 K / kT", 1, NUMBER),
        ("q_e * 1 mV / kT", codata.e * 1e-3 / (codata.k * 0.1), NUMBER),
        ("2 * pi", 2 * math.pi, NUMBER),
        ("N_A * 1 fL * 1 mM", codata.N_A * 1e-18, NUMBER),
        ("(2 s)^-2 * 1 s", 0.25, RATE),
        ("sqrt(4 kT^2)", 2, ENERGY),
        ("4^(1/2)", 2, NUMBER),
        ("2^0.5", math.sqrt(2), NUMBER),
        ("2^pi", 2**math.pi, NUMBER),
        ("3^200", 3.0**200, NUMBER),
        ("exp(1) + ln(2) + tanh(1) + sinh(1) + cosh(1)", math.e + math.log(2) + math.tanh(1) + math.e, NUMBER),
        ("logistic(0.3)", 1 / (1 + math.exp(-0.3)), NUMBER),
        ("logistic(-1000)", 0, NUMBER),
        ("2 - 3 - 4", -5, NUMBER),
        ("2^3^2", 512, NUMBER),
        ("-2^2", -4, NUMBER),
    ],
)
def test_numbers(text, number, dimension):
    found = value(text)
    assert found.dimension == dimension
    assert float(found.expression) == pytest.approx(number, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("logistic(x)", 1 / (1 + sympy.exp(-X))),
        ("exp(u / kT)", sympy.exp(U)),
        ("x^2 / 2", X**2 / 2),
        ("x^(1/2)", sympy.sqrt(X)),
        ("2^x", 2**X),
        ("sqrt(u) * sqrt(u)", U),
        ("x / 0.25", 4 * X),
    ],
)
def test_symbols(text, expression):
    assert sympy.simplify(value(text).expression - expression) == 0


def test_whole_numbers_stay_exact():
    assert value("x^2").expression == X**2
    assert value("2 * x / 3").expression == sympy.Rational(2, 3) * X


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_survive(number):
    found = value(f"{'-' if math.copysign(1, number) < 0 else ''}{abs(number)!r}")
    assert float(found.expression) == number


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_numbers_are_folded_in_double_precision(a, b):
    assert float(value(f"{a!r} + {b!r}").expression) == a + b
    assert float(value(f"{a!r} / {b!r}").expression) == pytest.approx(a / b, rel=1e-15)
    assert float(value(f"{a!r} * {b!r}").expression) == a * b


def test_a_huge_power_is_refused_quickly():
    for text in ("9^99^99", "((((2 * x)^100)^100)^100)^100", "10^400", "(-2)^0.5", "exp(exp(exp(9)))", "ln(0)"):
        with pytest.raises(Fault):
            value(text)


def test_all_mistakes_of_an_expression_are_told():
    with pytest.raises(Fault) as caught:
        value("a + b * exp(c)")
    assert [mistake.span.text for mistake in caught.value.mistakes] == ["a", "b", "c"]


def test_a_name_with_a_mistake_is_not_told_again():
    with pytest.raises(Fault) as caught:
        value("broken + 1")
    assert caught.value.mistakes == ()


def test_a_name_without_index():
    with pytest.raises(Fault, match="x has no index"):
        value("x[1]")


@pytest.mark.parametrize(
    ("text", "number"), [("1/2", "1/2"), ("-0.5", "-1/2"), ("3", "3"), ("x", "None"), ("1/0", "None")]
)
def test_exact_exponents(text, number):
    assert str(exact(node(text))) == number


@pytest.mark.parametrize("text", ["h[j + 1]", "-(a + b) * exp(2 kT)", "a - (b - c)", "3 / 4"])
def test_unparse_is_one_way_of_writing(text):
    assert unparse(node(unparse(node(text)))) == unparse(node(text))
    assert unparse(node(text.replace(" + ", "+").replace("(a", "( a"))) == unparse(node(text))


def test_words():
    assert a_dimension(ENERGY) == "an energy"
    assert a_dimension(VOLTAGE * VOLTAGE).startswith("a quantity of dimension")
    assert expected(CONCENTRATION**-1) == "expected a concentration to the power -1, for example in mM^-1"
    assert expected(NUMBER) == "expected a number"
    assert listed("abc") == "a, b and c"
    assert listed("a") == "a"
    assert listed("abcdefghij") == "a, b, c, d, e, f, g, h and 2 more"
