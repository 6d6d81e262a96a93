"""A network as a JAX layer: against its own solver, its own gradient, and finite differences."""

import numpy as np
import pytest

import crncompile
from crncompile.errors import DataError
from tests.peers.networks import DOTS, ENZYMES

STEP = 1e-5
MODELS = {"dots": DOTS, "enzymes": ENZYMES}
WORDS = ["raw data", "units of the range"]


@pytest.fixture(scope="module")
def networks():
    return {name: crncompile.loads(text) for name, text in MODELS.items()}


def inputs(net, raw, count=4):
    """Inputs well within their ranges, (count, features)."""
    rng = np.random.default_rng(0)
    if len(net.inputs) == 1:
        return rng.uniform(0.1, 0.9, (count, 1)) if raw else rng.uniform(-2, 2, (count, 1))
    return rng.uniform(0.2, 0.8, (count, 3 if raw else 5))


def named(net, X, raw):
    """The same inputs as `solve` takes them."""
    if len(net.inputs) == 1:
        return {"x": X[:, 0]}
    return {"x": X[:, :-1].reshape((-1, 2) if raw else (-1, 2, 2)), "z": X[:, -1]}


def slopes(function, at):
    """Central differences of a function of an array."""
    found = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[place] = STEP
        found[place] = (function(at + step) - function(at - step)) / (2 * STEP)
    return found


@pytest.mark.parametrize("raw", [True, False], ids=WORDS)
@pytest.mark.parametrize("name", MODELS)
def test_forward_is_the_solver(networks, name, raw, double):
    net = networks[name]
    layer, X = crncompile.jax_layer(net, raw=raw), inputs(networks[name], raw)
    given = layer.initial()
    found = net.solve(named(net, X, raw), raw=raw, parameters=layer.values(given)).readouts
    (readout,) = found.values()
    assert set(given) == set(net.trained)
    assert np.array_equal(layer(given, X), readout.reshape(len(X), -1))


@pytest.mark.parametrize("raw", [True, False], ids=WORDS)
@pytest.mark.parametrize("name", MODELS)
def test_derivatives_are_those_of_finite_differences(networks, name, raw, jax, double):
    layer, X = crncompile.jax_layer(networks[name], raw=raw), inputs(networks[name], raw)
    given = layer.initial()
    weights = np.random.default_rng(1).normal(size=layer(given, X).shape)

    def loss(parameters, X):
        return jax.numpy.sum(weights * layer(parameters, X) ** 2)

    by_parameters, by_inputs = jax.jit(jax.grad(loss, argnums=(0, 1)))(given, X)
    assert np.allclose(by_inputs, slopes(lambda X: loss(given, X), X), rtol=1e-6, atol=1e-7)
    for one, value in given.items():
        expected = slopes(lambda v, one=one: loss({**given, one: v}, X), value)
        assert np.allclose(by_parameters[one], expected, rtol=1e-6, atol=1e-7), one


@pytest.mark.parametrize("name", MODELS)
def test_by_values_the_derivative_is_that_of_the_network(networks, name, jax, double):
    net = networks[name]
    layer, X = crncompile.jax_layer(net, free=False), inputs(net, True)
    given = layer.initial()
    assert all(np.array_equal(given[one], net.parameters()[one]) for one in net.trained)
    solution = net.solve(named(net, X, True), raw=True, parameters=given)
    weights = {one: np.ones(value.shape) for one, value in solution.readouts.items()}
    expected, _ = net.gradient(solution, weights)
    found = jax.grad(lambda p: layer(p, X).sum())(given)
    assert all(np.allclose(found[one], expected[one], rtol=1e-10, atol=0) for one in given)


def test_one_precision_lower_is_that_much_less_exact(networks, jax):
    layer, X = crncompile.jax_layer(networks["enzymes"]), inputs(networks["enzymes"], True).astype(np.float32)
    given = layer.initial()
    found = jax.grad(lambda p: layer(p, X).sum())(given)
    jax.config.update("jax_enable_x64", True)
    exact = jax.grad(lambda p: layer(p, X.astype(float)).sum())(given)
    jax.config.update("jax_enable_x64", False)
    for one in given:
        assert found[one].dtype == np.float32
        assert np.allclose(found[one], exact[one], rtol=1e-4, atol=1e-4 * np.abs(exact[one]).max())


def test_maps_over_inputs_and_parameters(networks, jax, double):
    layer, X = crncompile.jax_layer(networks["enzymes"]), inputs(networks["enzymes"], True)
    given = layer.initial()
    whole = layer(given, X)
    assert np.allclose(jax.vmap(layer, (None, 0))(given, X), whole, rtol=1e-12)
    assert layer(given, X.reshape(2, 2, 3)).shape == (2, 2, 2)
    several = jax.tree.map(lambda value: np.stack([value, value + 0.1, value - 0.1]), given)
    assert np.allclose(jax.vmap(layer, (0, None))(several, X)[0], whole, rtol=1e-12)
    both = jax.vmap(jax.vmap(layer, (None, 0)), (0, None))(several, X)
    assert both.shape == (3, 4, 2)
    assert np.allclose(both[0], whole, rtol=1e-12)

    def slope(p, x):
        return jax.grad(lambda p: layer(p, x).sum())(p)

    total, each = slope(given, X), jax.vmap(slope, (None, 0))(given, X)
    assert all(np.allclose(each[one].sum(axis=0), total[one], rtol=1e-10) for one in given)


def test_a_layer_in_a_model_is_trained(networks, jax, double):
    """The model before it moves the inputs, the one after it scales what comes out."""
    jnp, layer, X = jax.numpy, crncompile.jax_layer(networks["dots"]), np.linspace(0.1, 0.9, 8)[:, None]
    target = -1 + 0.5 * X**2

    def loss(p):
        return jnp.mean((p["after"] * layer(p["network"], jax.nn.sigmoid(p["before"] * X)) - target) ** 2)

    step = jax.jit(jax.value_and_grad(loss))
    p = {"network": layer.initial(), "before": np.ones(1), "after": np.ones(1)}
    first = step(p)[0]
    for _ in range(60):
        last, slope = step(p)
        p = jax.tree.map(lambda value, s: value - 0.05 * s, p, slope)
    assert last < first / 10
    assert set(layer.values(p["network"])) == set(networks["dots"].parameter_names)


def test_states_near_give_the_same(networks, jax, double):
    layer, X = crncompile.jax_layer(networks["enzymes"]), inputs(networks["enzymes"], True)
    given = layer.initial()
    readouts, states = layer.near(given, X)
    assert states.shape == (4, 2)
    for begin in (states, states.mean(axis=0)):
        assert np.allclose(layer.near(given, X, begin)[0], readouts, rtol=1e-10)
    slope = jax.grad(lambda p, s: layer.near(p, X, s)[0].sum(), argnums=(0, 1))(given, states)
    plain = jax.grad(lambda p: layer(p, X).sum())(given)
    assert not np.any(slope[1])
    assert all(np.allclose(slope[0][one], plain[one], rtol=1e-9) for one in given)


def test_a_sample_without_a_steady_state_is_nan_and_may_be_left_out(networks, jax, double):
    layer, X = crncompile.jax_layer(networks["enzymes"]), inputs(networks["enzymes"], True)
    given, good = layer.initial(), X[1:]
    X = np.concatenate([np.full((1, 3), np.nan), good])
    readouts = layer(given, X)
    assert np.isnan(readouts[0]).all()
    assert np.allclose(readouts[1:], layer(given, good), rtol=1e-12)
    chosen = jax.grad(lambda p: layer(p, X)[1:].sum())(given)
    expected = jax.grad(lambda p: layer(p, good).sum())(given)
    assert all(np.allclose(chosen[one], expected[one], rtol=1e-10) for one in given)
    assert np.isnan(jax.grad(lambda p: layer(p, X).sum())(given)["scale"])


def test_a_call_may_name_some_parameters_only(networks, double):
    layer, X = crncompile.jax_layer(networks["dots"], parameters={"gain": 2.0}), inputs(networks["dots"], True)
    assert np.allclose(layer({}, X), layer(layer.initial(), X), rtol=1e-12)
    assert np.allclose(layer({"gain": np.array(-2.0)}, X), -layer({}, X))


@pytest.mark.parametrize(
    ("parameters", "shape", "message"),
    [
        ({"gian": 1.0}, (4, 1), "no trained parameter gian; did you mean gain"),
        ({"gain": np.ones(2)}, (4, 1), r"parameter gain has shape \(2,\), but the network needs \(\)"),
        ({}, (4, 2), r"takes inputs \(..., 1\), not of shape \(4, 2\)"),
    ],
)
def test_what_does_not_fit_is_told(networks, jax, parameters, shape, message):
    with pytest.raises(DataError, match=message):
        crncompile.jax_layer(networks["dots"])(parameters, np.ones(shape))


def test_a_network_without_inputs_is_no_layer(jax):
    text = DOTS.replace("input(range = [-3 kT, 3 kT], data = [0, 1])", "fixed(at = 1 kT)")
    with pytest.raises(DataError, match="a network needs inputs and readouts"):
        crncompile.jax_layer(crncompile.loads(text))
