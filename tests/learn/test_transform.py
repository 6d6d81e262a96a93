"""Trained parameters as a free vector: there and back, slopes, and bounds that hold whatever the optimiser does."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crncompile
from crncompile.errors import DataError
from crncompile.learn.transform import Bounded, Packing

NUMBERS = st.floats(-1e6, 1e6)
POSITIVE = st.floats(1e-9, 1e9)


@st.composite
def bounded(draw):
    """Any kind of bounds: none, one side, an interval, positive ones over decades."""
    kind = draw(
        st.sampled_from(
            [
                "free",
                "free in a unit",
                "interval in a unit",
                "positive",
                "above",
                "below",
                "interval",
                "decades",
                "from zero",
            ]
        )
    )
    low = draw(NUMBERS)
    match kind:
        case "free":
            return Bounded(-math.inf, math.inf)
        case "free in a unit":
            return Bounded(-math.inf, math.inf, 1e-9)
        case "interval in a unit":
            return Bounded(low * 1e-9, (low + draw(st.floats(1e-3, 1e6))) * 1e-9, 1e-9)
        case "positive":
            return Bounded(0.0, math.inf)
        case "above":
            return Bounded(low, math.inf)
        case "below":
            return Bounded(-math.inf, low)
        case "interval":
            return Bounded(low, low + draw(st.floats(1e-3, 1e6)))
        case "decades":
            first = draw(POSITIVE)
            return Bounded(first, first * draw(st.floats(1.1, 1e6)))
        case _:
            return Bounded(0.0, draw(POSITIVE))


def width_of(bounds):
    """Half the width of an interval as z counts it."""
    bounds = bounds._own or bounds
    return bounds._interval()[1] if bounds._interval() else 1.0


@given(bounded(), st.floats(-3, 3))
def test_there_and_back(bounds, share):
    width = width_of(bounds)
    z = np.array([share * width])
    value, _ = bounds.value_and_slope(z)
    again, _ = bounds.value_and_slope(bounds.free(value))
    if np.abs(share) < 2.9:  # further out a start is drawn inwards, where it can still move
        assert again == pytest.approx(value, rel=1e-9, abs=1e-9 * width)


@given(bounded(), st.floats(-700, 700))
def test_bounds_hold_everywhere(bounds, z):
    with np.errstate(over="ignore"):
        value, slope = bounds.value_and_slope(np.array([z]))
    slack = 1e-15 * max(abs(b) for b in (bounds.lower, bounds.upper, 0.0) if math.isfinite(b))
    assert bounds.lower - slack <= value[0] <= bounds.upper + slack
    assert slope[0] >= 0


@given(bounded(), st.floats(-2, 2))
def test_slopes_are_those_of_the_values(bounds, share):
    width = width_of(bounds)
    z, step = share * width, 1e-4 * width
    _, slope = bounds.value_and_slope(np.array([z]))
    ends = [bounds.value_and_slope(np.array([z + k * step]))[0][0] for k in (-2, -1, 1, 2)]
    difference = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * step)
    error = 1e-8 * abs(slope[0]) + 1e-15 * max(map(abs, ends)) / step
    assert slope[0] == pytest.approx(difference, abs=error + 1e-12)


@pytest.mark.parametrize("bounds", [Bounded(0.1, 10.0), Bounded(-2.0, 3.0), Bounded(0.0, 2.0)])
def test_a_value_on_its_bound_can_still_move(bounds):
    for value in (bounds.lower, bounds.upper):
        if value > 0 or not bounds.logarithmic or bounds.lower == 0:
            z = bounds.free(np.array([value]))
            assert np.isfinite(z).all()
            assert bounds.value_and_slope(z)[1][0] > 1e-3 * bounds.lower


def test_the_middle_has_slope_one():
    """A unit step of z is a unit of the parameter, or of its logarithm where it is positive."""
    assert Bounded(-3.0, 5.0).value_and_slope(np.array([0.0]))[1] == pytest.approx([1.0])
    value, slope = Bounded(0.01, 100.0).value_and_slope(np.array([0.0]))
    assert slope / value == pytest.approx([1.0])


MODEL = """
network three
temperature 100 mK
index j = 1..3
reservoir x    = input(range = [-3 kT, 3 kT])
reservoir h[j] = output(capacitance = 10 pF)
parameter gain = train 1
dot a[j]: x -> h[j] = resonant_dot(gamma_left = train 1 GHz in [0.1 GHz, 2 GHz], gamma_right = 1 GHz,
                                   level = train normal(0 kT, 1 kT) in [-2 kT, 2 kT])
dot b[j]: h[j] -> x = resonant_dot(gamma_left = 1 GHz, gamma_right = train 2 GHz, level = 1 kT)
readout r[j] = gain * h[j] / 1 kT
"""


@pytest.fixture(scope="module")
def packing():
    return Packing.of(crncompile.loads(MODEL).network)


def test_a_model_is_packed_in_its_order(packing):
    values = {p.name: np.full(p.shape, 0.5) * (1e9 if "gamma" in p.name else 1) for p in packing.parameters}
    z = packing.pack(values)
    assert z.shape == (packing.size,) == (sum(packing.sizes),)
    for name, value in packing.unpack(z).items():
        assert value == pytest.approx(values[name]), name
        assert value.shape == values[name].shape


def test_gradients_by_parameters_become_gradients_by_the_free_vector(packing):
    rng = np.random.default_rng(3)
    z = rng.normal(size=packing.size)
    weights = {p.name: rng.normal(size=p.shape) / (1e9 if "gamma" in p.name else 1) for p in packing.parameters}

    def total(z):
        return sum(np.sum(weights[name] * value) for name, value in packing.unpack(z).items())

    step = 1e-5
    steps = step * np.eye(packing.size)
    difference = [(total(z + e) - total(z - e)) / (2 * step) for e in steps]
    pulled = packing.pull(weights, z)
    assert pulled == pytest.approx(difference, rel=1e-6, abs=1e-8)
    several = packing.pull({name: np.stack([w, 2 * w]) for name, w in weights.items()}, z)
    assert several == pytest.approx(np.stack([pulled, 2 * pulled]))


def test_nothing_trained_is_an_empty_vector():
    assert Packing([], []).pack({}).shape == (0,)
    assert Packing([], []).unpack(np.zeros(0)) == {}


UNBOUNDED = """
network unbounded
temperature 300 K
volume 1 nL
index i = 1..2
parameter K0 = train 0.1 mM
parameter rate = train loguniform(0.05 s^-1, 1 s^-1)
parameter lost[i] = train uniform(1 nM, 3 nM)
parameter share = train 0.5 in [0, 1]
parameter part = train 2 nM in [0 nM, 5 nM]
reservoir x = input(range = [0.1 mM, 1 mM], data = [0, 1])
reservoir y = output(start = 1 mM)
reservoir low = fixed(at = 0.1 mM)
enzyme e[i]: x -> y = michaelis_menten(
    total = 10 nM - lost[i] + share * part, k_cat = 10 s^-1, K_M = K0, K_P = 1 mM, K_eq = 1)
reaction leak: y <-> low = mass_action(k = rate * 0.0001, K_eq = 1)
readout r = y / 1 mM
"""


def test_bounds_are_also_those_of_devices_and_of_distributions_and_units_those_of_the_text():
    network = crncompile.loads(UNBOUNDED)
    packing = Packing.of(network.network)
    maps = dict(zip([p.name for p in packing.parameters], packing.maps, strict=True))
    assert maps["K0"].lower == maps["rate"].lower == 0
    assert maps["lost"].lower == -math.inf
    values = network.parameters()
    z = packing.pack(values)
    slopes = packing.at(z).slopes
    assert slopes["K0"] == pytest.approx([1e-4])
    assert slopes["lost"] == pytest.approx([1e-9, 1e-9])
    assert slopes["part"] == pytest.approx([1e-9 * (1 - 0.2**2)])
    assert slopes["share"] == pytest.approx([1.0])
    for name, value in packing.unpack(z).items():
        np.testing.assert_allclose(value, values[name], rtol=1e-12)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "lbfgs", "levenberg_marquardt"])
def test_what_has_no_bounds_is_trained_by_shares_and_in_its_unit(optimizer):
    text = (
        UNBOUNDED.replace("uniform(1 nM, 3 nM)", "3 nM")
        .replace("in [0, 1]", "")
        .replace("train 2 nM in [0 nM, 5 nM]", "2 nM")
    )
    network = crncompile.loads(text)
    x = np.linspace(0, 1, 9)[:, None]
    wanted = network.solve(x=x[:, 0], raw=True, parameters={"K0": 0.4e-3, "rate": 0.5}).readouts["r"]
    before = network.fit(x, wanted, optimizer="adam", epochs=1, rate=1e-9).loss
    options = {"adam": {"rate": 0.05}, "sgd": {"rate": 3.0}}.get(optimizer, {})
    options |= {"epochs": 400} if options else {}
    assert network.fit(x, wanted, optimizer=optimizer, **options).loss < 1e-2 * before


def test_what_is_drawn_outside_what_devices_allow_is_refused():
    network = crncompile.loads(UNBOUNDED.replace("train 0.1 mM", "train normal(0.1 mM, 1 mM)"))
    seeds = [seed for seed in range(20) if _drawn(network, seed) is None]
    assert seeds
    with pytest.raises(DataError, match=rf"K0 must be > 0, not -.* mM, as it is drawn with seed {seeds[0]}"):
        network.solve(x=0.5, seed=seeds[0])


def _drawn(network, seed):
    try:
        return network.parameters(seed=seed)
    except DataError:
        return None
