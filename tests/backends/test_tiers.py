"""Families as matrix products against one evaluation per device: values, Jacobian, gradients, solutions."""

import numpy as np
import pytest

import crncompile
from backends.random_networks import CHARGE, MOLECULES, random_network
from backends.test_agreement import agree, gradient_scale, inside
from crncompile.backends import choice, numpy_backend
from crncompile.program import tiers

DOTS = """
network dots temperature 100 mK
index i = 1..5
index j = 1..4
index k = 1..3
index l = 1..4
parameter L[i] = train normal(0 kT, 1 kT)
parameter T[j] = train normal(0 kT, 1 kT)
parameter V = train 0.5 kT
parameter W[k] = train uniform(1 kT, 3 kT)
reservoir x[i] = input(range = [-3 kT, 3 kT])
reservoir h[j] = floating(capacitance = 10 pF)
reservoir g[l, k] = floating(capacitance = 10 pF)
reservoir y = output(capacitance = 10 pF)
reservoir low = fixed(at = train -2 kT)
dot a[i, j]: x[i] -> h[j] = resonant_dot(gamma_left = train loguniform(0.1 GHz, 1 GHz), gamma_right = 1 GHz,
    level = V)
dot b[i, j, k]: low -> h[j] gate x[i] = gated_conductance(conductance = train loguniform(0.1 uS, 1 uS),
    threshold = L[i] + T[2], width = W[k])
dot b2[i, j]: low -> h[j] gate x[i] = gated_conductance(conductance = train loguniform(0.1 uS, 1 uS))
dot c[j, k, l]: h[j] -> g[l, k] = linear_conductance(conductance = train loguniform(0.1 uS, 1 uS))
dot d[k, j]: h[j] -> g[2, k] = tunnel_junction(conductance = train loguniform(0.1 uS, 1 uS), barrier = W[k])
dot f[l, k]: g[l, k] -> low gate y = gated_conductance(conductance = train loguniform(0.1 uS, 1 uS))
dot o[j, l]: low -> h[l] gate h[j] = gated_conductance(conductance = train loguniform(0.1 uS, 1 uS), threshold = T[j])
dot p[j]: h[j] -> low = linear_conductance(conductance = 1 uS)
dot q: y -> low = linear_conductance(conductance = 1 uS)
readout z = y / 1 kT
"""
ENZYMES = """
network enzymes temperature 300 K
volume 1 nL
index i = 1..5
index j = 1..4
parameter M = train 1 mM
parameter B = train 20 M^-1
parameter K[j] = train lognormal(1 mM, 0.5)
reservoir x[i] = input(range = [0.1 mM, 2 mM])
reservoir h[j] = floating(start = 1 mM)
reservoir y = output(start = 1 mM)
reservoir low = fixed(at = 0.1 mM)
enzyme a[i, j]: x[i] -> h[j] = saturable_decay(total = train lognormal(1 mM, 0.5), k_cat = 1 s^-1, K_M = M)
enzyme b[j, i]: h[j] -> low = saturable_decay(total = train lognormal(1 mM, 0.5), k_cat = 1 s^-1, K_M = K[j])
reaction m[i, j]: x[i] + low <-> h[j] = mass_action(k = train lognormal(100 M^-1/s, 0.5), K_eq = B)
reaction n[j]: h[j] <-> y = mass_action(k = 1 s^-1, K_eq = 1)
reaction o: y <-> low = mass_action(k = 1 s^-1, K_eq = 1)
readout z = y / 1 mM
"""
SEPARABLE = {"dots": ["a", "b", "b2", "c", "o"], "enzymes": list("abm")}


@pytest.fixture(autouse=True)
def small_families_too(monkeypatch):
    monkeypatch.setattr(tiers, "FEW", 0)
    monkeypatch.setattr(tiers, "split_cost", lambda *_: 0.0)


def tier_of(network):
    return {family.name: family.tier for family in network.program.families}


def examine(network, name, seed=0, batch=3):
    """Compare a backend, with held potentials as they are and settled, with the module of single devices."""
    rng = np.random.default_rng(seed)
    whole, other = numpy_backend.elementwise(network.program), choice.load(network.program, name)
    parameters = network.parameters(seed=seed)
    held = whole.hold({group.name: inside(group, rng, batch) for group in network.inputs}, parameters)
    u = whole.start(parameters)[None] + rng.uniform(-1, 1, (batch, len(whole.structure.reservoirs)))
    adjoint = rng.normal(size=u.shape)
    given = other.prepare(parameters)
    gross = whole.gross(u, held, parameters)
    into, jacobian = whole.linearise(u, held, parameters)
    gradient, to_held = whole.pullback(adjoint, u, held, parameters)
    scale = gradient_scale(whole, adjoint, u, held, parameters)
    for fixed in (held, other.settle(held, given)):
        assert agree(other.currents(u, fixed, given), into, gross)
        assert np.all(other.gross(u, fixed, given) >= gross * (1 - 1e-12))
        assert np.all(other.gross(u, fixed, given) <= gross * 1.5)
        values, blocks = other.linearise(u, fixed, given)
        assert agree(values, into, gross)
        assert set(blocks) == set(jacobian)
        for key, block in jacobian.items():
            assert blocks[key].shape == block.shape
            assert agree(blocks[key], block, np.abs(block).max(initial=1e-300))
        slopes, to_inputs = other.pullback(adjoint, u, fixed, given)
        assert agree(to_inputs, to_held, np.abs(to_held).max(initial=1e-300))
        assert set(slopes) == set(gradient)
        for key, value in gradient.items():
            assert slopes[key].shape == value.shape
            assert agree(slopes[key], value, np.maximum(scale[key], 1e-300))


@pytest.mark.parametrize("name", choice.names())
@pytest.mark.parametrize("text", [DOTS, ENZYMES], ids=["dots", "enzymes"])
@pytest.mark.parametrize("tile", [1 << 17, 30])
def test_products_are_sums_over_devices(text, name, tile, monkeypatch):
    monkeypatch.setattr("crncompile.backends.numpy_runtime.TILE", tile)
    network = crncompile.loads(text)
    found = tier_of(network)
    assert [family for family, tier in found.items() if tier == "separable"] == SEPARABLE[network.network.name]
    examine(network, name)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("pool", [CHARGE, MOLECULES], ids=["charge", "molecules"])
def test_random_networks(pool, seed):
    network = crncompile.loads(random_network(pool, seed).text)
    examine(network, "numpy", seed)


@pytest.mark.parametrize("name", choice.names())
def test_shared_parameters_may_get_one_value_per_device(name):
    """Then every device is evaluated on its own again; in the factor they make no difference."""
    network = crncompile.loads(DOTS)
    rng = np.random.default_rng(3)
    whole, other = numpy_backend.elementwise(network.program), choice.load(network.program, name)
    for key in ("b2.threshold", "a.gamma_right"):
        parameters = {**network.parameters(), key: network.parameters()[key] + rng.uniform(0, 1, (5, 4))}
        held = whole.hold({"x": rng.uniform(-3, 3, (2, 5))}, parameters)
        u = rng.uniform(-1, 1, (2, len(whole.structure.reservoirs)))
        given = other.prepare(parameters)
        fixed = other.settle(held, given)
        gross, (into, jacobian) = whole.gross(u, held, parameters), whole.linearise(u, held, parameters)
        values, blocks = other.linearise(u, fixed, given)
        assert agree(values, into, gross)
        assert agree(other.gross(u, fixed, given), gross, gross)
        assert all(agree(blocks[k], block, np.abs(block).max(initial=1e-300)) for k, block in jacobian.items())
        gradient, _ = other.pullback(u, u, held, given)
        wanted, _ = whole.pullback(u, u, held, parameters)
        for parameter, value in wanted.items():
            np.testing.assert_allclose(gradient[parameter], value, rtol=1e-9, atol=1e-12 * np.abs(value).max(initial=0))


@pytest.mark.parametrize("name", choice.names())
def test_complex_potentials(name):
    network = crncompile.loads(ENZYMES)
    whole, other = numpy_backend.elementwise(network.program), choice.load(network.program, name)
    parameters = network.parameters()
    held = whole.hold({"x": np.full((1, 5), 1e-3)}, parameters)
    u, step = whole.start(parameters)[None] + 0j, 1e-30
    _, blocks = whole.linearise(u.real, held, parameters)
    u[0, 0] += 1j * step
    slope = other.currents(u, held, parameters).imag / step
    np.testing.assert_allclose(slope[0, 0], blocks[0, 0][0, 0], rtol=1e-12)


@pytest.mark.parametrize("name", choice.names())
@pytest.mark.parametrize("text", [DOTS, ENZYMES], ids=["dots", "enzymes"])
def test_steady_states_and_their_gradients(text, name, monkeypatch):
    network = crncompile.loads(text, backend=name)
    monkeypatch.setattr(tiers, "FEW", 10**9)
    plain = crncompile.loads(text)
    assert set(tier_of(plain).values()) == {"elementwise"}
    (group,) = network.inputs
    x = inside(group, np.random.default_rng(0), 7)
    found, wanted = (n.solve(x=x, raw=False).raise_for_failure() for n in (network, plain))
    assert found.certificate.tier == "elementwise, separable"
    assert found.certificate.residual.max() <= 1e-12
    np.testing.assert_allclose(found.u, wanted.u, atol=1e-11)
    slopes = [n.gradient(s, {"z": np.ones(7)})[0] for n, s in ((network, found), (plain, wanted))]
    for key, value in network.parameters().items():
        np.testing.assert_allclose(slopes[0][key] * value, slopes[1][key] * value, rtol=1e-8, atol=1e-10)
