"""Steady states proved by a box without NDC that the relaxation can not leave, against paths that are followed."""

import types

import numpy as np
import pytest

import crncompile
from crncompile.solve.certificate import How
from crncompile.solve.steady import steady_states

TEXT = """
network pairs
temperature 300 K
volume 1 nL
index i = 1..5
index j = 1..5
reservoir a = fixed(at = 2 mM)
reservoir b = fixed(at = 0.2 mM)
reservoir x = input(range = [0.01 mM, 10 mM])
reservoir h[i] = floating(start = 0.3 mM)
enzyme w[i, j where i < j]: h[i] -> h[j] = substrate_inhibited(
    total = 1 uM, k_cat = 1 s^-1, K_M = 1 mM, K_P = 2 mM, K_I = 10 mM, K_eq = 3)
enzyme up[i]: x -> h[i] = substrate_inhibited(
    total = 1 uM, k_cat = 1 s^-1, K_M = 1 mM, K_P = 2 mM, K_I = 0.05 mM, K_eq = 3)
reaction p[i]: a <-> h[i] = mass_action(k = 1 s^-1, K_eq = 1)
reaction q[i]: h[i] <-> b = mass_action(k = 1 s^-1, K_eq = 1)
readout y = h[5] / 1 mM
"""


@pytest.fixture(scope="module")
def network():
    return crncompile.loads(TEXT)


def drawn(network, seed):
    """Random parameters; K_I spans what inhibits nothing and what inhibits everything."""
    rng = np.random.default_rng(seed)
    values = network.parameters()
    spread = {"w.total": 1.5, "w.K_I": 0.7, "w.K_eq": 1.0, "up.total": 1.5, "p.k": 1.0, "q.k": 1.0}
    for name, width in spread.items():
        family = name.partition(".")[0]
        shape = next((f.shape for f in network.network.families if f.name == family), (5,))
        values[name] = values[name] * np.exp(rng.normal(0, width, shape))
    return values


def followed(network, held, values):
    """The answer by following the relaxation alone."""
    functions = network.functions
    plain = types.SimpleNamespace(**{**vars(functions.structure), "bounded": False})
    start = np.broadcast_to(functions.start(values), (len(held), 5))
    return steady_states(types.SimpleNamespace(**{**vars(functions), "structure": plain}), values, held, start)


def test_what_is_proved_is_where_the_relaxation_leads(network):
    proved, everything = 0, 0
    x = np.exp(np.random.default_rng(0).uniform(np.log(0.01), np.log(10), 20))
    for seed in range(30):
        values = drawn(network, seed)
        found = network.solve(x=x, parameters=values)
        there = followed(network, found.held, values)
        by_region = found.certificate.how == How.REGION.value
        proved, everything = proved + by_region.sum(), everything + len(x)
        np.testing.assert_allclose(found.u[by_region], there.u[by_region], atol=1e-8)
        assert not there.certificate.failed[by_region].any()
    assert 0.2 * everything < proved < everything


def test_where_inhibition_reigns_nothing_is_proved(network):
    values = network.parameters({"w.K_I": 1e-9 * np.ones(())})
    how = network.solve(x=[1.0], parameters=values).certificate.how
    assert how[0] != How.REGION.value


def test_it_is_told_what_can_be_bounded(network):
    assert network.functions.structure.bounded
    assert not network.functions.structure.unique
    unique = crncompile.loads(
        TEXT.replace("substrate_inhibited", "michaelis_menten")
        .replace(", K_I = 10 mM", "")
        .replace(", K_I = 0.05 mM", "")
    )
    assert unique.functions.structure.unique
    assert not unique.functions.structure.bounded


def test_corners_decide_the_signs_of_all_conductances_between(network):
    """What `monotone` says against the Jacobian at random places between the corners."""
    rng, functions = np.random.default_rng(1), network.functions
    values = network.parameters()
    held, _ = network.held({"x": np.ones(200)}, values)
    middle, width = rng.normal(-8, 1, (200, 5)), rng.exponential(0.4, (200, 1))
    low, high = middle - width, middle + width
    said = functions.monotone(low, high, held, values)
    assert 20 < said.sum() < 180
    for _ in range(20):
        u = rng.uniform(low, high)
        jacobian = functions.jacobian(u, held, values)[said]
        off = jacobian[:, ~np.eye(5, dtype=bool)]
        assert (off >= 0).all()
