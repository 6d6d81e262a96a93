"""Closed forms: what is called proved is proved, what is only sampled is called so, what is wrong is refused."""

import numpy as np
import pytest
import sympy

from crncompile.analyze.verify import verify
from crncompile.errors import ModelError
from crncompile.symbolic.closed_form import examine
from crncompile.symbolic.device_law import derive
from crncompile.symbolic.functions import logistic
from crncompile.symbolic.positivity import is_positive, runs_along
from symbolic.kinds import COLD, LIBRARY, WARM, kind_of, library_kind

CLOSED = [name for name in LIBRARY if library_kind(name).current is not None]
SAMPLED = {"covalent_modification"}


def examined(kind):
    law = derive(kind)
    return examine(kind, law.expand(law.fluxes[0]), law.affinity(0))


@pytest.mark.parametrize("name", CLOSED)
def test_thermodynamics_of_a_closed_form_of_the_library(name):
    known = examined(library_kind(name))
    assert known.equilibrium == "proved"
    assert known.dissipation == ("sampled" if name in SAMPLED else "proved")


def dot(current, more=""):
    text = f"""device mine: left -> right {{
      terminal left, right: charge
      parameter gamma, delta: rate > 0
      parameter level: energy
      parameter part: number in [0, 1]
      {more}
      current flow = {current}
    }}"""
    return kind_of(text, COLD)


def enzyme(current):
    text = f"""device mine: A + B -> P {{
      terminal A, B, P: molecules
      parameter v: concentration_rate > 0
      parameter K: concentration > 0
      parameter K_eq: number > 0
      current flow = {current}
    }}"""
    return kind_of(text, WARM)


PROVED = [
    "gamma * sinh((left - right) / kT)",
    "gamma * tanh((left - right) / kT) * (1 + part)",
    "gamma * ((left - right) / kT)^3 + delta * (left - right) / kT",
    "gamma * (logistic((left - level) / kT) - logistic((right - level) / kT))",
    "gamma * (1 / (1 + exp((level - left) / kT)) - 1 / (1 + exp((level - right) / kT)))",
    "gamma * (exp(left / kT) - exp(right / kT)) / (exp(left / kT) + exp(right / kT) + 2)",
    "-gamma * (right - left) / kT",
    "(left - right) / kT * (gamma * part + delta * (1 - part))",
    "gamma * (exp(part * (left - right) / kT) - exp((part - 1) * (left - right) / kT))",
]


@pytest.mark.parametrize("current", PROVED)
def test_signs_decide(current):
    known = examined(dot(current))
    assert (known.equilibrium, known.dissipation) == ("proved", "proved")


HONEST = {
    # true, but no rule of signs sees it
    "gamma * (1 - exp(-((left - right) / kT))) * (2 + level / kT * exp(-(level / kT)^2))": "proved",
    "gamma * tanh(((left - right) / kT)^3 + sinh((left - right) / kT) * exp(-(left / kT)^2))": "proved",
    "gamma * ((left - right) / kT)^3 * (1 + (left * right + left^2 + right^2) / kT^2)": "proved",
}


@pytest.mark.parametrize("current", HONEST)
def test_what_is_only_sampled_is_called_so(current):
    known = examined(dot(current))
    assert known.equilibrium == HONEST[current]
    assert known.dissipation in ("sampled", "proved")
    assert examined(dot(next(iter(HONEST)))).dissipation == "sampled"


def test_verification_says_what_is_proved():
    def details(kind):
        return {check.name: check.detail for check in verify(kind)}

    sampled = details(library_kind("covalent_modification"))
    assert sampled["entropy production"].startswith("sampled, not proved; never negative at 1000 random points")
    assert sampled["equilibrium"].startswith("proved for all values; current at zero affinity")
    assert details(library_kind("diode"))["entropy production"].startswith("proved for all values; ")
    steps = details(library_kind("resonant_dot"))
    assert steps["entropy production"].startswith("proved, as every step obeys local detailed balance; ")


REFUSED = {
    "gamma * (left - right) / kT * (1 - part - 0.5)": "runs against its affinity",
    "gamma * ((left - right) / kT - 0.001)": "does not vanish at zero affinity",
    "gamma * (left - right) / kT * sqrt(-1 - (left / kT)^2)": "not a finite number",
    "gamma * ln((left - 60 * kT) / kT) * (left - right) / kT": "not a finite number",
    "gamma * sinh((left - right) / kT) * (1 - exp(-2 - ((left - right) / kT - 3)^2) * 12)": "runs against",
}


@pytest.mark.parametrize("current", REFUSED)
def test_wrong_closed_forms_are_refused(current):
    with pytest.raises(ModelError, match=REFUSED[current]):
        derive(dot(current))


def test_several_substrates_in_closed_form():
    kind = enzyme("v * (A * B / K^2 - P / (K * K_eq) * (1 mM / K)^0) / (1 + A / K + B / K + P / K)")
    with pytest.raises(ModelError, match="does not vanish at zero affinity"):
        derive(kind)


# --- the rules --------------------------------------------------------------------------------------------------------

a, x = sympy.symbols("a x", real=True)
p, q = sympy.symbols("p q", positive=True)
s = sympy.Symbol("s", real=True)
BOUNDED = ((s, 0.0, 1.0),)

ALONG = [
    a,
    p * a**3,
    p * a + q * sympy.sinh(a),
    sympy.exp(a) - 1,
    1 - sympy.exp(-a),
    p - p * sympy.exp(-2 * a),
    sympy.log(1 + a**2 * 0 + sympy.exp(a) - 1),
    logistic(x) - logistic(x - a),
    p * logistic(x + a) - p * logistic(x),
    sympy.exp(s * a) - sympy.exp(-(1 - s) * a),
    a * (s * p + (1 - s) * q),
    -(p + a**2) * (sympy.exp(-a) - 1),
]
NOT_ALONG = [
    -a,
    a**2,
    a + x,
    x * a,
    1 + a,
    sympy.exp(a) - 2,
    p * sympy.exp(a) - q,
    sympy.cosh(a),
    logistic(x + a),
    logistic(x) - logistic(x + a),
    logistic(a) / logistic(x) ** 2 - 1,
    sympy.exp(a) - sympy.exp(a**2),
    a * (s - sympy.Rational(1, 2)),
    sympy.sin(a),
    p,
]


@pytest.mark.parametrize("expression", ALONG, ids=str)
def test_expressions_that_run_along(expression):
    assert runs_along(expression, a, BOUNDED)
    values = {a: 0.7, x: -0.3, p: 2.0, q: 0.4, s: 0.25}
    assert float(expression.subs(values).evalf()) > 0
    assert float(expression.subs({**values, a: -0.7}).evalf()) < 0
    assert abs(float(expression.subs({**values, a: 0}).evalf())) < 1e-15


@pytest.mark.parametrize("expression", NOT_ALONG, ids=str)
def test_expressions_that_do_not(expression):
    assert not runs_along(expression, a, BOUNDED)


@pytest.mark.parametrize(
    "expression",
    [s + p, s * p + (1 - s) * q, 1 - s * logistic(x), 1 - s + p, 2 - s, p * (1 - s) ** 2 + q * s**2],
    ids=str,
)
def test_bounded_symbols_are_run_through(expression):
    assert is_positive(expression, BOUNDED)
    grid = np.linspace(0, 1, 11)
    assert all(float(expression.subs({s: at, p: 0.1, q: 0.2, x: 0.5}).evalf()) > 0 for at in grid)


@pytest.mark.parametrize("expression", [s, 1 - s, s - p, p - s, s * (1 - s), sympy.Integer(-1)], ids=str)
def test_what_vanishes_at_a_bound_is_not_positive(expression):
    assert not is_positive(expression, BOUNDED)
