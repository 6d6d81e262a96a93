"""Trained parameters as a free vector: there and back, slopes, and bounds that hold whatever the optimiser does."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crncompile
from crncompile.learn.transform import Bounded, Packing

NUMBERS = st.floats(-1e6, 1e6)
POSITIVE = st.floats(1e-9, 1e9)


@st.composite
def bounded(draw):
    """Any kind of bounds: none, one side, an interval, positive ones over decades."""
    kind = draw(st.sampled_from(["free", "positive", "above", "below", "interval", "decades", "from zero"]))
    low = draw(NUMBERS)
    match kind:
        case "free":
            return Bounded(-math.inf, math.inf)
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


@given(bounded(), st.floats(-3, 3))
def test_there_and_back(bounds, share):
    width = bounds._interval()[1] if bounds._interval() else 1.0
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
    width = bounds._interval()[1] if bounds._interval() else 1.0
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
    return Packing([p for p in crncompile.loads(MODEL).network.parameters if p.trained])


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
    assert Packing([]).pack({}).shape == (0,)
    assert Packing([]).unpack(np.zeros(0)) == {}
