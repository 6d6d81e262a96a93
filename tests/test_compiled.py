"""What a compiled network says of inputs that it can not take, and how it is handed on."""

import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

import crncompile
from crncompile.errors import DataError
from crncompile.learn.robust import Workshop

MODELS = Path(__file__).parents[1] / "models"
MODEL = """
network pair temperature 300 K volume 1 nL
reservoir s = input(range = [0.1 mM, 10 mM])
reservoir t = input(range = [0.1 mM, 10 mM])
reservoir p = output(start = 1 mM)
reaction a: s <-> p = mass_action(k = 1 s^-1, K_eq = 1)
reaction b: t <-> p = mass_action(k = 1 s^-1, K_eq = 1)
readout z = p / 1 mM
"""


@pytest.fixture(scope="module")
def net():
    """A small network of two inputs."""
    return crncompile.loads(MODEL)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"s": "a", "t": 1.0}, "the values of input s are not numbers: could not convert string to float: 'a'"),
        ({"s": 1.0}, "input t is missing: give t=..."),
        ({"s": 1.0, "t": 1.0, "u": 1.0}, "the network has no input u; known here: s, t"),
        ({"s": 0.0, "t": 1.0}, "input s is a concentration and must be positive"),
        ({"s": [1.0, 2.0], "t": [1.0, 2.0, 3.0]}, "do not fit together"),
    ],
)
def test_inputs_that_do_not_fit_are_told(net, inputs, said):
    with pytest.raises(DataError) as error:
        net.solve(inputs)
    assert said in str(error.value)


def test_a_misspelt_option_is_no_input(net):
    with pytest.raises(DataError, match=r"has no input precison; did you mean precision\?"):
        net.solve(s=1.0, t=1.0, precison="float32")


def test_batches_broadcast(net):
    solution = net.solve(s=[[1.0], [3.0]], t=[1.0, 2.0, 3.0])
    assert solution.readouts["z"] == pytest.approx(np.array([[1, 1.5, 2], [2, 2.5, 3]]))


def test_a_copy_is_the_network_and_what_is_pickled_is_compiled_again(net):
    assert copy.deepcopy(net) is net
    again = pickle.loads(pickle.dumps(net))
    assert again is not net
    assert again.backend == net.backend
    assert again.solve(s=1.0, t=2.0).readouts["z"] == net.solve(s=1.0, t=2.0).readouts["z"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"a.gamma_left": -1e6}, "parameter a.gamma_left must be > 0, not -0.001 GHz"),
        ({"a.gamma_left": 0.0}, "parameter a.gamma_left must be > 0, not 0 GHz"),
        ({"a.lever": 5.0}, "parameter a.lever must be between 0 and 1, not 5"),
        ({"y.capacitance": -1.0}, "parameter y.capacitance must be > 0, not -"),
        ({"a.level": np.nan}, "parameter a.level must be a finite number, not nan kT"),
        ({"a.level": "low"}, "the values of parameter a.level are not numbers"),
    ],
)
def test_values_that_devices_do_not_allow_are_refused_as_proofs_build_on_them(values, message):
    network = crncompile.loads(
        "network a\ntemperature 100 mK\nreservoir x = input(range = [-3 kT, 3 kT])\n"
        "reservoir lo = fixed(at = -3 kT)\nreservoir y = output(capacitance = 10 pF)\n"
        "dot a: x -> y = double_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, coupling = 1 GHz, level = 0 kT,\n"
        "    detuning = 0 kT, lever = 0.5)\n"
        "dot b: y -> lo = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)\nreadout r = y / 1 kT\n"
    )
    with pytest.raises(DataError, match=re.escape(message)):
        network.solve(x=1.0, parameters=values)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"warm": np.zeros((3, 1))}, "the states of a warm start have shape (3, 1), but (2, 1) is wanted"),
        ({"warm": [0.1]}, "the states of a warm start have shape (1,), but (2, 1) is wanted"),
        ({"warm": "warm"}, "the states of a warm start are not numbers"),
        ({"injected": {"p": "much"}}, "the currents into p are not numbers"),
    ],
)
def test_what_a_search_begins_with_must_fit(net, given, message):
    with pytest.raises(DataError, match=re.escape(message)):
        net.solve(s=[1.0, 2.0], t=1.0, **given)


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_no_samples_are_no_mistake(backend):
    network = crncompile.loads(MODEL, backend=backend)
    found = network.solve(s=[], t=1.0)
    assert found.readouts["z"].shape == (0,)
    gradient, to_held = network.gradient(found, {"z": np.zeros(0)})
    assert all((value == 0).all() for value in gradient.values())
    assert to_held.shape == (0, 2)


def test_samples_of_a_solution_are_taken_in_the_order_asked_for(net):
    found = net.solve(s=[1.0, 2.0, 3.0], t=1.0)
    np.testing.assert_array_equal(found.take(np.array([2, 1, 0])).u, found.u[::-1])
    np.testing.assert_array_equal(found.take(np.array([True, False, False])).u, found.u[:1])
    assert found.take(np.arange(3)) is found


def test_raw_data_beyond_all_numbers_are_told():
    """Finite ones: others are told sample by sample."""
    far = crncompile.loads(MODEL.replace("10 mM])", "10 mM], data = [0, 1], encoding = log)"))
    with pytest.raises(DataError) as caught:
        far.solve(s=[0.5, 1e6], t=0.5, raw=True)
    said = "input s is so far outside the data range [0, 1] that its concentration is beyond all numbers"
    assert str(caught.value) == said
    assert far.solve(s=[0.5, np.nan], t=0.5, raw=True).certificate.failed.tolist() == [False, True]


FOLLOWING = """
network a
temperature 300 K
volume 1 nL
index i = 1..2
parameter E0 = {E0}
parameter lost[i] = {lost}
parameter share = 0.5
reservoir x = input(range = [0.1 mM, 1 mM], data = [0, 1])
reservoir y = output(start = share * 1 mM)
reservoir low = fixed(at = 0.1 mM)
enzyme e[i]: x -> y = michaelis_menten(
    total = E0 - lost[i], k_cat = 1 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 1)
reaction leak: y <-> low = mass_action(k = 1 s^-1, K_eq = 1)
readout r = y / 1 mM
"""


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lost": np.array([0, 3e-6])}, "e.total must be > 0, but is -0.002 mM as it follows from E0 and lost"),
        ({"E0": np.array(1e-9)}, "e.total must be > 0, but is 0 mM as it follows from E0 and lost"),
        ({"share": np.array(0.0)}, "y.start must be > 0, but is 0 mM as it follows from share"),
    ],
)
def test_what_follows_from_values_is_examined_too(values, message):
    network = crncompile.loads(FOLLOWING.format(E0="1 uM", lost="1 nM"))
    network.solve(x=1.0, parameters={"E0": 2e-6}).raise_for_failure()
    for refusing in (
        lambda: network.solve(x=1.0, parameters=values),
        lambda: network.prepared(values),
        lambda: network.simulate(x=1.0, parameters=values),
        lambda: network.solve_held(np.zeros((1, 2)), network.parameters() | values),
    ):
        with pytest.raises(DataError, match=re.escape(message)):
            refusing()


def learner():
    text = FOLLOWING.format(E0="train 1 uM in [0.1 uM, 9 uM]", lost="train 0.9 uM in [0.1 uM, 9 uM]")
    return crncompile.loads(text), np.full((4, 1), 0.9), np.zeros((4, 1))


@pytest.mark.parametrize("options", [{}, {"rate": 0.3, "epochs": 60}, {"optimizer": "sgd", "rate": 3.0, "epochs": 60}])
def test_descents_shorten_steps_to_what_devices_do_not_allow(options):
    network, x, y = learner()
    fit = network.fit(x, y, **{"optimizer": "adam", "epochs": 300, **options})
    assert fit.message == "finished"
    assert 0 < fit.loss < 0.02
    assert (fit.parameters["E0"] - fit.parameters["lost"] < 0.05e-6).all()
    network.solve(x=x, raw=True, parameters=fit.parameters).raise_for_failure()


@pytest.mark.parametrize("optimizer", ["levenberg_marquardt", "lbfgs"])
def test_a_step_to_what_devices_do_not_allow_is_not_taken(optimizer):
    network, x, y = learner()
    fit = network.fit(x, y, optimizer=optimizer)
    assert 0 < fit.loss < 0.02
    network.solve(x=x, raw=True, parameters=fit.parameters).raise_for_failure()


@pytest.mark.parametrize("optimizer", ["levenberg_marquardt", "lbfgs"])
def test_starts_are_drawn_until_devices_allow_them(optimizer):
    network = crncompile.loads(FOLLOWING.format(E0="1 uM", lost="train normal(0.9 uM, 0.2 uM)"))
    x, y = np.full((4, 1), 0.9), np.full((4, 1), 0.2)
    fit = network.fit(x, y, optimizer=optimizer, starts=6, target=1e-30, seed=1, parameters={"lost": [0.5e-6, 0.5e-6]})
    assert "must be" not in fit.message


def test_networks_that_devices_do_not_allow_are_drawn_again():
    text = FOLLOWING.format(E0="1 uM tolerance 50 %", lost="train 0.7 uM in [0.1 uM, 9 uM]")
    network = crncompile.loads(text)
    workshop = Workshop(network)
    drawn = [workshop.build(network.parameters()) for _ in range(50)]
    assert min(float(np.min(values["E0"])) for values in drawn) > 0.7e-6
    again = Workshop(network)
    assert all(again.build(network.parameters())["E0"] == values["E0"] for values in drawn)


def test_the_loss_is_infinite_where_devices_do_not_allow_the_parameters():
    network, x, y = learner()
    loss = network.loss_and_grad(x, y)
    assert np.isfinite(loss(loss.start)[0])
    value, slope = loss(loss.start - np.array([1.0, 0.0, 0.0]))
    assert value == np.inf
    assert not slope.any()


@pytest.mark.parametrize("backend", ["numpy", "c"])
@pytest.mark.parametrize("model", sorted(path.name for path in MODELS.glob("*.tnet")))
def test_no_samples_are_no_mistake_in_any_model(model, backend):
    network = crncompile.load(MODELS / model, backend=backend)
    found = network.solve({group.name: np.zeros((0, *group.shape)) for group in network.inputs})
    assert (len(found.u), found.certificate.summary()) == (0, "no samples")
    name, values = next(iter(found.readouts.items()))
    gradient, _ = network.gradient(found, {name: np.zeros(values.shape)})
    assert all((value == 0).all() for value in gradient.values())


def test_weights_of_a_gradient_are_like_the_readouts():
    network = crncompile.loads(MODEL)
    one, many = network.solve(s=1.0, t=2.0), network.solve(s=[[1.0, 3.0]], t=2.0)
    alone, _ = network.gradient(one, {"z": np.ones(one.readouts["z"].shape)})
    first, _ = network.gradient(many, {"z": np.array([[1.0, 0.0]])})
    np.testing.assert_array_equal(alone["a.k"], first["a.k"])
    with pytest.raises(DataError, match="the network has no readout y"):
        network.gradient(one, {"y": np.ones(1)})
    with pytest.raises(DataError, match=re.escape("the weights of z have shape (3,), but (2,) is wanted")):
        network.gradient(many, {"z": np.ones(3)})


FUNCTIONS = {
    "exp(w)": np.exp,
    "logistic(w)": lambda w: 1 / (1 + np.exp(-w)),
    "1 / (1 + exp(w - 1))": lambda w: 1 / (1 + np.exp(w - 1)),
    "sqrt(w^2)": np.abs,
    "(w^4)^(1/4)": np.abs,
    "exp(tanh(w))": lambda w: np.exp(np.tanh(w)),
    "ln(9 + sinh(w) * cosh(w))": lambda w: np.log(9 + np.sinh(w) * np.cosh(w)),
}


@pytest.mark.parametrize("text", FUNCTIONS)
@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_values_are_functions_of_single_numbers(text, backend):
    model = FOLLOWING.format(E0="train 0.3 in [-2, 2]", lost="1 nM").replace(
        "E0 - lost[i]", text.replace("w", "E0") + " * 1 uM"
    )
    network = crncompile.loads(model, backend=backend)
    for w in (0.3, -0.7):
        found = network.solve(x=[0.9], parameters={"E0": w}).raise_for_failure()
        gradient, _ = network.gradient(found, {"r": np.ones(1)})
        total, y = 1e-6 * FUNCTIONS[text](w), found.values["y"][0]
        turnover = 2 * total * (0.9e-3 - y) / 1e-3 / (1 + 0.9 + y / 1e-3)
        assert turnover == pytest.approx(y - 0.1e-3, rel=1e-9)
        ends = [network.solve(x=[0.9], parameters={"E0": w + step}).readouts["r"][0] for step in (-1e-5, 1e-5)]
        assert gradient["E0"] == pytest.approx((ends[1] - ends[0]) / 2e-5, rel=1e-6)


def test_a_single_device_has_a_single_current_wherever_it_is():
    network = crncompile.loads(
        "network n temperature 300 K index j = 1..2\nreservoir x = input(range = [-3 kT, 3 kT])\n"
        "reservoir h[j] = floating(capacitance = 1 pF)\nreservoir y = output(capacitance = 1 pF)\n"
        "dot a[j]: x -> h[j] = linear_conductance(conductance = 1 uS)\n"
        "dot s: h[1] -> y = linear_conductance(conductance = 1 uS)\nreadout r = y / 1 kT\n"
    )
    found = network.solve(x=[1.0, 2.0, 3.0])
    assert (found.currents("s").shape, found.currents("a").shape) == ((3,), (3, 2))
    assert network.solve(x=1.0).currents("s").shape == ()
