"""Signs of differential conductances: what is proved holds, what is found is true."""

import numpy as np
import pytest
import sympy

from crncompile.network.devices import device
from crncompile.network.library import standard_library
from crncompile.symbolic.device_law import derive
from crncompile.symbolic.functions import logistic
from crncompile.symbolic.positivity import is_positive
from crncompile.symbolic.sampling import draw, evaluate
from crncompile.symbolic.signs import conductance, exchange, slope_at
from crncompile.units import Units
from symbolic.kinds import COLD, LIBRARY, WARM, kind_of, library_kind

NOT_PROVED = {"saturable_decay", "covalent_modification"}
SEVERAL = {"ordered_bi_bi", "ping_pong_bi_bi", "symporter", "antiporter"}


def expected(kind):
    """NDC where a counterpart is named, no verdict where several substrates take part, else a proof if one is found."""
    if kind.counterpart is not None:
        return "negative"
    return "none" if kind.name in SEVERAL else "sampled" if kind.name in NOT_PROVED else "proved"


def slopes(law, values):
    """Derivatives by source and target, as differences that are to be positive."""
    source, target = exchange(law)
    return slope_at(law, source, values), -slope_at(law, target, values)


def test_slopes_are_derivatives():
    law = derive(library_kind("double_dot"))
    values = draw(law.kind, 50, seed=4)
    flux = law.expand(law.fluxes[0])
    exact = evaluate([flux.diff(law.kind.terminals[n].symbol) for n in (0, 1)], values)
    for slope, wanted in zip((slope_at(law, 0, values), slope_at(law, 1, values)), exact, strict=True):
        np.testing.assert_allclose(slope, wanted, rtol=1e-9, atol=1e-12 * np.max(np.abs(wanted)))


@pytest.mark.parametrize("name", LIBRARY)
def test_verdict_of_library_device(name):
    law = derive(library_kind(name))
    result = conductance(law)
    assert result.verdict == expected(law.kind)
    assert result.positive == (result.verdict in ("proved", "sampled"))
    values = draw(law.kind, 3000, seed=77)
    if result.verdict == "proved":
        assert all(np.all(slope >= 0) for slope in slopes(law, values))
    if result.verdict == "negative":
        example = {symbol: np.array([dict(result.example)[symbol.name]]) for symbol in values}
        assert min(float(slope[0]) for slope in slopes(law, example)) < 0


@pytest.mark.parametrize("name", [name for name in LIBRARY if library_kind(name).counterpart])
def test_counterpart_is_a_monotone_twin(name):
    """It stands at the same terminals and needs no value that the device has not: a control without NDC."""
    kind = library_kind(name)
    twin = library_kind(kind.counterpart)
    assert conductance(derive(twin)).verdict in ("proved", "sampled")
    assert [(t.role, t.content) for t in twin.terminals] == [(t.role, t.content) for t in kind.terminals]
    dimensions = {p.name: p.dimension for p in kind.parameters}
    assert {p.name: p.dimension for p in twin.parameters}.items() <= dimensions.items()


def test_several_reactants_are_no_exchange():
    text = """
    device pair: A + B -> P {
      "Two in, one out"
      terminal A, B, P: molecules
      parameter total: concentration > 0
      parameter k: second_order_rate > 0
      parameter b, c: rate > 0
      population total
      state E
      state EA
      transition first: A + E <-> EA = mass_action(k = k, K_eq = k / b)
      transition last: B + EA <-> E + P = mass_action(k = k, K_eq = 2)
    }"""
    law = derive(kind_of(text, WARM))
    assert law.stoichiometry == ((-1, -1, 1),)
    assert exchange(law) is None
    assert conductance(law).verdict == "none"


NARROW = """
device narrow: left -> right {
  "A resonance that its bias pulls along: NDC in a small part of its parameters only"
  terminal left, right: charge
  parameter rate: rate > 0
  parameter detuning: energy
  let pull = detuning - (left - right)
  current flow = rate * (1 + 1 / (1 + (pull / kT)^2)) * (left - right) / kT
}"""


def test_ndc_of_a_closed_form_is_found():
    result = conductance(derive(kind_of(NARROW, COLD)))
    assert result.verdict == "negative"
    assert {name for name, _ in result.example} == {"left", "right", "rate", "detuning"}


x, y = sympy.symbols("x y", real=True)
p, q = sympy.symbols("p q", positive=True)


@pytest.mark.parametrize(
    "expression",
    [
        p + q * sympy.exp(x),
        logistic(x) * logistic(-x) * p,
        p / (1 + q) ** 2,
        (p + q) ** 2 * (p + 1) / (q + logistic(x + y)),
        p * (1 + q) / (p + q) - p * q / (p + q),
    ],
)
def test_positive_expressions_are_proved(expression):
    assert is_positive(expression)


@pytest.mark.parametrize("expression", [p - q, x, sympy.Integer(0), -p, p * x**2 - q, logistic(x) - logistic(y), 1 - p])
def test_expressions_that_may_vanish_or_be_negative_are_not(expression):
    assert not is_positive(expression)


@pytest.mark.parametrize("name", ["inelastic_double_dot", "anderson_dot"])
def test_a_proof_that_would_take_too_long_is_not_tried(name):
    law = derive(device(name, standard_library(), Units(300.0)))
    assert conductance(law).verdict in ("sampled", "proved")


def test_what_is_positive_term_by_term_with_rational_coefficients():
    x, y = sympy.symbols("x y", positive=True)
    assert is_positive((x + y / 3) ** 5 * (1 + x) ** 2 - x**5)
    assert not is_positive((x - y / 3) ** 5 * (1 + x) ** 2)
    assert is_positive((x + 0.5 * y) ** 3 - 0.125 * y**3)
    many = sympy.Mul(*(sympy.Add(*sympy.symbols(f"a{n}_:9", positive=True), -x) for n in range(8)))
    assert not is_positive(many)
