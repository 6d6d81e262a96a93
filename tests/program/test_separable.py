"""Which laws count as separable: whatever is found is the law itself, and laws that are none are not taken for some."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import crncompile
from crncompile.program.separable import few_terms, sampled_matrix, separated, sides, splits
from crncompile.symbolic.sampling import draw

HEAD = """
network one temperature {temperature}
volume 1 nL
index i = 1..20
index j = 1..15
reservoir low = fixed(at = 1 {unit})
reservoir x[i] = input(range = [1 {unit}, 2 {unit}])
reservoir h[j] = output({setting})
readout z = h[1] / 1 {unit}
"""
DEVICE = """
device own: S -> P gate R {{
  "A law of these tests"
  terminal S, P, R: molecules
  parameter total: rate > 0
  parameter a, b: concentration > 0
  current flow = total * 1 nM * ({law})
}}
enzyme w[i, j]: low -> h[j] gate x[i] = own(total = train 1 s^-1, a = 1 mM, b = 2 mM)
reaction leak[j]: h[j] <-> low = mass_action(k = 1 s^-1, K_eq = 1)
"""


def own(law):
    """Return the law and the family of a model's own device, S at one reservoir, R at the rows, P at the columns."""
    head = HEAD.format(temperature="300 K", unit="mM", setting="start = 1 mM")
    network = crncompile.loads(head + DEVICE.format(law=law))
    return network.system.laws["own"], network.program.families[0]


def products(law, code):
    """Yield what is found for every cut of the axes, with where the symbols stand."""
    arguments = [t.symbol for t in law.kind.terminals] + [p.symbol for p in law.kind.parameters]
    arguments += [sympy.Symbol("volume", positive=True)] * (len(code.slots) - len(law.kind.parameters))
    for rows, _ in splits(code):
        where = sides(code, arguments, rows)
        matrix = sampled_matrix(law, where)
        yield where, separated(law, where) if matrix is not None and few_terms(matrix) else None


def equal(law, where, product):
    """Whether a product is the law, and its parts keep to their sides."""
    for part, allowed in ((product.left, {"rows"}), (product.right, {"columns"})):
        assert all(where[s] <= allowed for e in part for s in e.free_symbols)
    assert not product.factor.free_symbols & {t.symbol for t in law.kind.terminals}
    values = draw(law.kind, 50, 3)
    terms = [sympy.Mul(a, b) for a, b in zip(product.left, product.right, strict=True)]
    flux, factor, *parts = law.evaluate([law.fluxes[0], product.factor, *terms], values)
    scale = np.abs(factor) * np.sum(np.abs(parts), axis=0)
    return np.all(np.abs(factor * np.sum(parts, axis=0) - flux) <= 1e-12 * scale)


POWER = st.integers(1, 2)
GATE = st.sampled_from(["1", "R / a", "a / (a + R)", "(R / b)^2 / (1 + (R / b)^2)", "exp(-R / a)", "(R / a)^1.5"])
DRIVE = st.sampled_from(["(S - P) / a", "(S^2 - P^2) / a^2", "((S / a)^1.5 - (P / a)^1.5)"])


@settings(max_examples=8, deadline=None)
@given(gate=GATE, drive=DRIVE, power=POWER)
def test_products_of_a_gate_and_a_drive_are_found(gate, drive, power):
    law, code = own(f"({gate})^{power} * {drive}")
    found = [(where, product) for where, product in products(law, code) if product is not None]
    assert found
    assert all(equal(law, where, product) for where, product in found)
    assert min(len(product.left) for _, product in found) == 1


@pytest.mark.parametrize(
    "law",
    [
        "(S - P) / (a + R + P)",
        "(S - P) / a / (1 + exp((R - P) / a))",
        "(S - P) / a * exp(-P * R / a^2)",
        "(S - P) / (a + P * R / b)",
        "(S - P) / a * (1 + R / a + P / b)^2.5",
    ],
)
def test_what_couples_rows_and_columns_is_none(law):
    assert all(product is None for _, product in products(*own(law)))


def test_a_parameter_of_each_device_inside_the_law_is_none():
    head = HEAD.format(temperature="300 K", unit="mM", setting="start = 1 mM")
    text = head + DEVICE.format(law="(S - P) * R / (a + R) / a").replace("a = 1 mM", "a = train 1 mM")
    network = crncompile.loads(text)
    assert all(product is None for _, product in products(network.system.laws["own"], network.program.families[0]))
    assert network.program.families[0].tier == "elementwise"


def test_models_tell_their_tiers_and_costs():
    network = crncompile.loads(
        HEAD.format(temperature="300 K", unit="mM", setting="start = 1 mM") + DEVICE.format(law="(S - P) * R / a^2")
    )
    wide, leak = network.program.families
    assert (wide.tier, leak.tier) == ("separable", "elementwise")
    assert wide.cost["separable"] < wide.cost["elementwise"]
    assert set(leak.cost) == {"elementwise"}
