"""Steady states in 32 bits, and of batches that are cut into portions."""

from pathlib import Path

import numpy as np
import pytest

import crncompile
from crncompile import search
from crncompile.errors import DataError

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


def held(network, count, seed=0):
    """Inputs of a network within its ranges."""
    rng = np.random.default_rng(seed)
    values = network.parameters()
    inputs = {g.name: rng.uniform(*sorted(g.coding.range), (count, *g.shape)) for g in network.inputs}
    return network.functions.hold(inputs, values), values


@pytest.fixture(scope="module", params=["sine_enzymes", "sine_dots", "sine_no_ndc", "gated", "gated c"])
def network(request):
    if request.param.startswith("gated"):
        return crncompile.loads(GATED, backend="c" if request.param.endswith("c") else "numpy")
    return crncompile.load(MODELS / f"{request.param}.tnet")


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
        size = max(1e-300, np.abs(slope[parameter]).max())
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
