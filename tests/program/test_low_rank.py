"""Which families are interpolated: those that differ by a factor alone and have one terminal on either side."""

import numpy as np
import pytest
import sympy

import crncompile
from crncompile.program import tiers
from crncompile.program.low_rank import paired
from crncompile.program.separable import COLUMNS, DEVICE, ROWS
from crncompile.symbolic.sampling import draw

HEAD = """
network one temperature 300 K
volume 1 nL
index i = 1..200
index j = 1..50
parameter K = 1 mM
parameter L[j] = train 1 mM
reservoir low = fixed(at = 1 uM)
reservoir x[i] = input(range = [1 mM, 2 mM])
reservoir h[j] = floating(start = 1 mM)
reservoir y[j] = output(start = 1 mM)
readout z = y[1] / 1 mM
"""
LEAK = """
reaction leak[j]: h[j] <-> low = mass_action(k = 1 s^-1, K_eq = 1)
reaction drain[j]: y[j] <-> low = mass_action(k = 1 s^-1, K_eq = 1)
"""
OWN = """
device own: S -> P gate R {
  "A law of these tests"
  terminal S, P, R: molecules
  parameter total: rate > 0
  parameter a: concentration > 0
  current flow = total * (S - P) / (1 + S / a + P / a + R / a)
}
"""
OTHERS = "total = train 1 nM, k_cat = 1 s^-1, K_P = K, K_eq = 10"
SHARED = "k_cat = 1 s^-1, K_M = K, K_P = K, K_eq = 10"


def family(line, head=HEAD):
    network = crncompile.loads(head + LEAK + line)
    return next(f for f in network.program.families if f.name == "w"), network


def test_an_enzyme_whose_amount_alone_is_its_own_is_interpolated():
    code, _ = family(f"enzyme w[i, j]: x[i] -> h[j] = michaelis_menten(total = train 1 nM, {SHARED})")
    assert code.tier == "low rank"
    assert code.cost["low rank"] < code.cost["elementwise"] / 10
    assert set(code.split.shared) == {"K", "w.k_cat", "w.K_eq"}
    assert [s.name for s in code.split.coupling.terminals] == ["S", "P"]
    assert {s.name for s in code.split.factor.parameters} == {"total", "volume"}


def test_shared_factors_too_stand_before_the_law():
    device = "substrate_inhibited"
    code, _ = family(f"enzyme w[j, i]: x[i] -> h[j] = {device}(total = train 1 nM, K_I = K, {SHARED})")
    assert code.tier == "low rank"
    assert {s.name for s in code.split.factor.parameters} >= {"total", "volume", "k_cat"}


def test_the_rate_of_an_enzyme_is_a_factor_that_only_algebra_finds():
    text = f"enzyme w[i, j]: x[i] -> h[j] = michaelis_menten(total = train 1 nM, {SHARED})"
    code, network = family(text.replace("k_cat = 1", "k_cat = train 1"))
    assert code.tier == "low rank"
    assert {s.name for s in code.split.factor.parameters} >= {"total", "volume", "k_cat"}
    assert not {"total", "k_cat"} & {s.name for s in code.split.coupling.parameters}
    law = network.system.laws["michaelis_menten"]
    where = {symbol: frozenset() for symbol in draw(law.kind, 1)}
    where |= {s: frozenset({side}) for s, side in zip(code.split.coupling.terminals, (ROWS, COLUMNS), strict=True)}
    where |= {sympy.Symbol(name, positive=True): frozenset({DEVICE}) for name in ("total", "k_cat")}
    pair = paired(law, where)
    flux, factor, coupling = law.evaluate([law.fluxes[0], pair.factor, pair.coupling], draw(law.kind, 40, 5))
    np.testing.assert_allclose(factor * coupling, flux, rtol=1e-10)


@pytest.mark.parametrize(
    ("line", "tier"),
    [
        (f"enzyme w[i, j]: x[i] -> h[j] = michaelis_menten({OTHERS}, K_M = train 1 mM)", "elementwise"),
        (f"enzyme w[i, j]: x[i] -> h[j] = michaelis_menten({OTHERS}, K_M = L[j])", "elementwise"),
        (f"enzyme w[i, j]: low -> h[j] = michaelis_menten({OTHERS}, K_M = K)", "separable"),
        ("enzyme w[i, j]: low -> h[j] gate x[i] = own(total = train 1 s^-1, a = 1 mM)", "elementwise"),
        (f"enzyme w[j]: h[j] -> y[j] = michaelis_menten(total = train 1 nM, {SHARED})", "elementwise"),
    ],
    ids=["own constant", "constant of columns", "supply", "gate", "one axis"],
)
def test_what_differs_by_more_or_has_other_terminals_is_not(line, tier):
    code, _ = family(line, HEAD + OWN)
    assert "low rank" not in code.cost
    assert code.tier == tier
    assert (code.split is None) == (tier == "elementwise")


def test_small_families_between_floating_reservoirs_are_cheaper_one_by_one(monkeypatch):
    text = f"enzyme w[j, k]: h[j] -> g[k] = michaelis_menten(total = train 1 nM, {SHARED})\n"
    text += "reaction off[k]: g[k] <-> low = mass_action(k = 1 s^-1, K_eq = 1)\n"
    head = HEAD + "index k = 1..{}\nreservoir g[k] = floating(start = 1 mM)\n"
    small, _ = family(text, head.format(10))
    large, _ = family(text.replace("h[j]", "f[l]").replace("w[j", "w[l"), head.format(300) + FLOATING)
    assert (small.tier, large.tier) == ("elementwise", "low rank")
    assert small.cost["low rank"] > small.cost["elementwise"] > large.cost["low rank"]
    monkeypatch.setattr(tiers, "FEW", 10**9)
    assert family(text, head.format(10))[0].cost.keys() == {"elementwise"}


FLOATING = """
index l = 1..300
reservoir f[l] = floating(start = 1 mM)
reaction out[l]: f[l] <-> low = mass_action(k = 1 s^-1, K_eq = 1)
"""
