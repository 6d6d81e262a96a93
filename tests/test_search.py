"""Steady states in 32 bits, and of batches that are cut into portions."""

from pathlib import Path

import numpy as np
import pytest

import crncompile
from crncompile import search
from crncompile.errors import DataError
from crncompile.solve import steady
from crncompile.solve.newton import Attempt

MODELS = Path(__file__).parents[1] / "models"
GATED = """
network gated
temperature 300 K
index i = 1..40
index j = 1..9
reservoir x[i] = input(range = [-2 kT, 2 kT])
reservoir high = fixed(at = 4 kT)
reservoir low = fixed(at = -4 kT)
reservoir h[j] = floating(capacitance = 1 pF)
reservoir y = output(capacitance = 1 pF)
dot up[i, j]: high -> h[j] gate x[i] = gated_conductance(conductance = train lognormal(1 uS, 0.5))
dot down[i, j]: h[j] -> low gate x[i] = gated_conductance(conductance = train lognormal(1 uS, 0.5))
dot out[j]: high -> y gate h[j] = gated_conductance(conductance = train lognormal(1 uS, 0.5))
dot drain: y -> low = linear_conductance(conductance = 1 uS)
readout z = y / 1 kT
"""

CLOSED = """
network closed
temperature 310.15 K
volume 1 nL
index j = 1..4
reservoir R = input(range = [0.01 mM, 10 mM])
reservoir A = floating(start = 1 mM)
reservoir B[j] = floating(start = 0.1 mM)
reservoir C = output(start = 0.1 mM)
enzyme first[j]: A -> B[j] gate R = competitive_effector(
    total = 50 nM, k_cat = 100 s^-1, K_M = 0.2 mM, K_P = 1 mM, K_R = 0.1 mM, K_eq = train lognormal(5, 1))
enzyme second[j]: B[j] -> C = michaelis_menten(
    total = 50 nM, k_cat = 100 s^-1, K_M = 0.2 mM, K_P = 1 mM, K_eq = train 2)
readout product = C / 1 mM
"""
TEXTS = {"gated": GATED, "closed": CLOSED}


def held(network, count, seed=0):
    """Inputs of a network within its ranges."""
    rng = np.random.default_rng(seed)
    values = network.parameters()
    inputs = {g.name: rng.uniform(*sorted(g.coding.range), (count, *g.shape)) for g in network.inputs}
    return network.functions.hold(inputs, values), values


@pytest.fixture(
    scope="module", params=["sine_enzymes", "sine_dots", "sine_no_ndc", "gated", "gated c", "closed", "closed c"]
)
def network(request):
    name, *backend = request.param.split()
    if name in TEXTS:
        return crncompile.loads(TEXTS[name], backend=backend[0] if backend else "numpy")
    return crncompile.load(MODELS / f"{name}.tnet")


def test_32_bits_agree_with_64_and_say_so(network):
    inputs, values = held(network, 7)
    double = network.solve_held(inputs, values)
    single = network.solve_held(inputs, values, precision="float32")
    assert single.u.dtype == np.float32
    np.testing.assert_allclose(single.u, double.u, atol=2e-4)
    assert "computed in float32" in single.certificate.summary()
    assert "float32" not in double.certificate.summary()
    assert not single.certificate.failed.any()
    assert (single.certificate.residual <= 1e-5).all()
    name = network.network.readouts[0].name
    weights = np.ones_like(double.readouts[name])
    exact, _ = network.gradient(double, {name: weights})
    rounded, _ = network.gradient(single, {name: weights.astype(np.float32)}, only=network.trained)
    for parameter in network.trained:
        size = np.abs(exact[parameter]).max() + 1e-12 * np.abs(values[parameter]).max()
        assert rounded[parameter].dtype == np.float32
        np.testing.assert_allclose(rounded[parameter], exact[parameter], atol=2e-3 * size)


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_conserved_totals_are_met_in_32_bits(backend):
    network = crncompile.loads(CLOSED, backend=backend)
    inputs, values = held(network, 5)
    (law,) = network.functions.structure.conserved_names
    usual = float((network.functions.content(network.functions.start(values)[None], values)).sum())
    for totals in (None, {law: 3 * usual}):
        double = network.solve_held(inputs, values, totals=totals)
        single = network.solve_held(inputs, values, totals=totals, precision="float32", follow=False)
        assert not single.certificate.failed.any()
        np.testing.assert_allclose(single.u, double.u, atol=2e-4)
        assert {state.dtype.name for state in (single.u, single.certificate.totals)} == {"float32"}


def test_continuation_stays_in_32_bits(monkeypatch):
    monkeypatch.setattr(steady, "_attempts", lambda structure, how: (Attempt(0),))
    network = crncompile.loads(GATED, backend="c")
    inputs, values = held(network, 5)
    found = network.solve_held(inputs, values, precision="float32", follow=False)
    assert not found.certificate.failed.any()
    np.testing.assert_allclose(found.u, network.solve_held(inputs, values).u, atol=2e-4)


def test_portions_change_nothing(network, monkeypatch):
    inputs, values = held(network, 11)
    name = network.network.readouts[0].name
    weights = {name: np.linspace(1, 2, 11).reshape(11, *[1] * len(network.network.readouts[0].shape))}
    whole = network.solve_held(inputs, values, eigenvalues=True)
    slope, to_held = network.gradient(whole, weights)
    each, _ = network.gradient(whole, weights, per_sample=True)
    monkeypatch.setattr(search, "MOST_NUMBERS", 1.0)
    assert len(search.portions(network, 11)) == 11
    parts = network.solve_held(inputs, values, eigenvalues=True)
    np.testing.assert_allclose(parts.u, whole.u, atol=1e-9)
    np.testing.assert_allclose(parts.certificate.eigenvalue, whole.certificate.eigenvalue, rtol=1e-6)
    assert list(parts.certificate.status) == list(whole.certificate.status)
    assert parts.certificate.messages == whole.certificate.messages
    found, found_held = network.gradient(parts, weights)
    found_each, _ = network.gradient(parts, weights, per_sample=True)
    np.testing.assert_allclose(found_held, to_held, rtol=1e-6, atol=1e-12 * np.abs(to_held).max())
    for parameter in slope:
        nothing = 1e-8 / (np.abs(values[parameter]).max() or 1.0)  # as where only equilibrium decides
        size = max(nothing, np.abs(slope[parameter]).max())
        np.testing.assert_allclose(found[parameter] / size, slope[parameter] / size, atol=1e-7)
        np.testing.assert_allclose(found_each[parameter] / size, each[parameter] / size, atol=1e-7)


def test_an_unknown_precision(network):
    inputs, values = held(network, 1)
    with pytest.raises(DataError, match="there is no precision float16"):
        network.solve_held(inputs, values, precision="float16")


def test_samples_that_only_a_path_settles_are_followed_in_64_bits():
    network = crncompile.load(MODELS / "sine_dots.tnet")
    inputs, values = held(network, 5)
    found = network.solve_held(inputs, values, precision="float32", follow=False)
    assert found.certificate.failed.all()
    found = network.solve_held(inputs, values, precision="float32")
    assert not found.certificate.failed.any()
    assert set(found.certificate.how) == {"relaxation followed from the stated start, stability checked"}


def test_a_batch_of_many_portions_keeps_its_shape(monkeypatch):
    monkeypatch.setattr(search, "MOST_NUMBERS", 1.0)
    network = crncompile.loads(GATED)
    found = network.solve(x=np.random.default_rng(0).uniform(-2, 2, (2, 3, 40)))
    assert found.readouts["z"].shape == (2, 3)
    assert found.values["h"].shape == (2, 3, 9)


INHIBITED = """
network large
temperature 300 K
volume 1 nL
index i = 1..40
index j = 1..30
reservoir x[i] = input(range = [0.1 mM, 2 mM])
reservoir h[j] = floating(start = 0.5 mM)
reservoir y = output(start = 0.5 mM)
reservoir low = fixed(at = 0.1 mM)
enzyme first[i, j]: x[i] -> h[j] = substrate_inhibited(total = train lognormal(1 uM, 0.5), k_cat = 1 s^-1,
    K_M = train lognormal(1 mM, 0.3), K_P = train lognormal(1 mM, 0.3), K_I = train lognormal(9 mM, 0.3), K_eq = 2)
enzyme second[j]: h[j] -> y = substrate_inhibited(
    total = 1 uM, k_cat = 9 s^-1, K_M = 1 mM, K_P = 1 mM, K_I = 9 mM, K_eq = 2)
reaction leak[j]: h[j] <-> low = mass_action(k = 1e-6 s^-1, K_eq = 1)
reaction drain: y <-> low = mass_action(k = 1e-5 s^-1, K_eq = 1)
readout z = y / 1 mM
"""


def searched(monkeypatch, network, wanted, *given, **options):
    """Solve with Newton's method beginning in 32 bits or not."""
    monkeypatch.setattr(network.functions, "single_first", lambda parameters: wanted)
    return network.solve_held(*given, **options).raise_for_failure()


def test_many_devices_begin_in_32_bits():
    network = crncompile.loads(INHIBITED)
    functions = network.functions
    assert functions.single_first(functions.prepare(network.parameters()))
    few = crncompile.loads(INHIBITED.replace("j = 1..30", "j = 1..20"))
    assert not few.functions.single_first(few.functions.prepare(few.parameters()))
    products = crncompile.loads(GATED.replace("i = 1..40", "i = 1..400"))
    assert not products.functions.single_first(products.functions.prepare(products.parameters()))


@pytest.mark.parametrize("warm", [False, True])
def test_what_begins_in_32_bits_ends_where_64_do(monkeypatch, warm):
    network = crncompile.loads(INHIBITED)
    given = held(network, 20)
    plain = searched(monkeypatch, network, False, *given)
    options = {"warm": plain.u + 0.1} if warm else {}
    double, single = (searched(monkeypatch, network, wanted, *given, **options) for wanted in (False, True))
    np.testing.assert_allclose(single.u, double.u, atol=1e-12)
    np.testing.assert_array_equal(single.certificate.how, double.certificate.how)
    assert single.u.dtype == single.certificate.residual.dtype == float
    assert single.certificate.residual.max() < 2e-13
    assert "float32" not in single.certificate.summary()
    assert not np.array_equal(single.u, double.u)


def test_conserved_totals_hold_to_64_bits_where_the_search_begins_in_32(monkeypatch):
    network = crncompile.loads(CLOSED)
    given = held(network, 7)
    double, single = (searched(monkeypatch, network, wanted, *given) for wanted in (False, True))
    np.testing.assert_allclose(single.u, double.u, atol=1e-11)
    assert not np.array_equal(single.u, double.u)


@pytest.mark.parametrize("factor", [1e-45, 1e45])
def test_what_is_no_number_in_32_bits_is_found_in_64(factor):
    network = crncompile.loads(INHIBITED)
    inputs, values = held(network, 5)
    plain = network.solve_held(inputs, values).raise_for_failure()
    rates = {name: value * factor for name, value in values.items() if name.endswith((".k", ".k_cat"))}
    scaled = network.solve_held(inputs, {**values, **rates}).raise_for_failure()
    np.testing.assert_allclose(scaled.u, plain.u, atol=1e-12)
