"""Settings become slots and parameters with the right numbers, units and bounds."""

import math

import pytest
import sympy
from scipy import constants as codata

from crncompile.errors import Source
from crncompile.language.parser import parse
from crncompile.network.library import standard_library
from crncompile.network.resolve import resolve
from crncompile.network.types import Distribution
from crncompile.units import CONCENTRATION, ENERGY, VOLTAGE

from .mistakes import DOT, DOTS, ENZYME, ENZYMES, MANY_DOTS, RATES

THERMAL = codata.k * 0.1 / codata.e  # volts per kT/e at 100 mK


def network(text):
    return resolve(parse(Source("model.tnet", text)), standard_library())


def parameters(text):
    return {parameter.name: parameter for parameter in network(text).parameters}


def slots(text, family):
    return next(found for found in network(text).families if found.name == family).slots


def test_voltages_are_minus_e_v():
    found = network(DOTS.replace("[-3 kT, 3 kT]", "[-1 mV, 2 mV], data = [0, 1]") + DOT).reservoir("x").coding
    assert found.range == pytest.approx((-2e-3 / THERMAL, 1e-3 / THERMAL))
    assert (found.data, found.unit) == ((1.0, 0.0), "mV")


def test_a_voltage_at_a_fixed_reservoir():
    text = DOTS + DOT + "reservoir low = fixed(at = train normal(1 mV, 1 uV))\n" + DOT.replace("a: x", "b: low")
    at = network(text).reservoir("low").at
    assert at.expression == -at.accesses[0].symbol
    assert at.dimension == ENERGY
    found = parameters(text)["low.at"]
    assert (found.dimension, found.unit, found.trained) == (VOLTAGE, "mV", True)
    assert found.distribution.arguments == pytest.approx((1e-3 / THERMAL, 1e-6 / THERMAL))


@pytest.mark.parametrize(
    ("value", "distribution"),
    [
        ("2 kT", Distribution("constant", (2.0,))),
        ("train 2 kT", Distribution("constant", (2.0,))),
        ("train constant(2 kT)", Distribution("constant", (2.0,))),
        ("train normal(-1 kT, 2 kT)", Distribution("normal", (-1.0, 2.0))),
        ("train lognormal(1 kT, 0.5)", Distribution("lognormal", (1.0, 0.5))),
        ("train uniform(-1 kT, 2 kT)", Distribution("uniform", (-1.0, 2.0))),
        ("train loguniform(1 kT, 2 kT)", Distribution("loguniform", (1.0, 2.0))),
    ],
)
def test_distributions(value, distribution):
    found = parameters(DOTS + DOT.replace("0 kT", value))["a.level"]
    assert found.distribution == distribution
    assert found.trained == value.startswith("train")
    assert (found.lower, found.upper) == (-math.inf, math.inf)


def test_bounds_meet():
    text = DOTS + DOT.replace("gamma_left = 1 GHz", "gamma_left = train 1 GHz in [0, 2 GHz]")
    found = parameters(text)["a.gamma_left"]
    assert (found.lower, found.upper) == (0.0, 2e9)


def test_an_expression_of_numbers_is_a_parameter_with_a_unit():
    text = ENZYMES + ENZYME + "parameter q = 1 / (2 mM)\nparameter r = 3 uM * 2\n"
    found = parameters(text)
    units = network(text).units
    assert found["q"].distribution.arguments[0] == pytest.approx(500)
    assert units.unit(found["q"].unit)[2] == CONCENTRATION**-1
    assert (found["r"].unit, found["r"].dimension) == ("uM", CONCENTRATION)


def test_an_indexed_parameter_has_a_value_for_each():
    text = MANY_DOTS + "parameter p[j] = 1 kT\nparameter q[j] = train normal(0 kT, 1 kT)\n"
    text += f"dot a[j]: x -> h[j] = resonant_dot({RATES}, level = p[j])\n"
    text += f"dot b[j]: h[j] -> y = resonant_dot({RATES}, level = q[j] - p[17 - j])\n"
    found = parameters(text)
    assert found["p"].shape == found["q"].shape == (16,)
    assert slots(text, "b")["level"].accesses[1].place.index.tolist() == list(range(15, -1, -1))
    assert network(text).warnings == ()


def test_two_readings_of_one_parameter_are_one_access():
    text = DOTS + "parameter p = 1 kT\n" + DOT.replace("0 kT", "p + 2 * p - p^2 / kT")
    level = slots(text, "a")["level"]
    assert len(level.accesses) == 1
    symbol = level.accesses[0].symbol
    assert sympy.expand(level.expression - (3 * symbol - symbol**2)) == 0
    assert "a.level" not in parameters(text)


def test_defaults_become_parameters_or_read_the_other_slots():
    device = """device mine: left -> right {
  terminal left, right: charge
  parameter g: rate > 0
  parameter half: rate > 0 = g / 2
  parameter third: rate >= 0 = 3 GHz
  parameter quarter: rate = half / 2 + third
  current flow = (g + half + third + quarter) * (left - right) / kT
}
"""
    text = DOTS + "parameter shared = 4 GHz\n" + device + "dot a: x -> y = mine(g = 2 * shared)\n"
    found = slots(text, "a")
    shared, third = sympy.Symbol("shared", real=True), sympy.Symbol("a.third", real=True)
    assert sympy.expand(found["half"].expression - shared) == 0
    assert sympy.expand(found["quarter"].expression - shared / 2 - third) == 0
    assert {access.name for access in found["quarter"].accesses} == {"shared", "a.third"}
    assert parameters(text)["a.third"].distribution == Distribution("constant", (3e9,))


def test_volumes_of_reservoirs_and_devices():
    text = ENZYMES.replace("output(", "output(volume = 3 nL, ")
    text += ENZYME.replace("K_eq = 10", "K_eq = 10, volume = 2 nL")
    text += "reaction r: p <-> s = mass_action(k = 1 s^-1, K_eq = 0.1, volume = 4 nL)\n"
    found = parameters(text)
    names = ("volume", "p.volume", "e.volume", "r.volume")
    volumes = [found[name].distribution.arguments[0] for name in names]
    assert volumes == pytest.approx([1e-9, 3e-9, 2e-9, 4e-9])
    families = {family.name: family for family in network(text).families}
    assert families["e"].volume.accesses[0].name == "e.volume"
    assert "volume" not in families["r"].slots


def test_a_temperature_in_celsius():
    assert network(ENZYMES.replace("310.15 K", "37 degC") + ENZYME).units.temperature == pytest.approx(310.15)


def test_training():
    found = network(DOTS + DOT + "training = adam(rate = 0.02, batch = 100, share = 5 %, decay = cosine)\n").training
    assert (found.name, found.settings) == ("adam", {"rate": 0.02, "batch": 100.0, "share": 0.05, "decay": "cosine"})


@pytest.mark.parametrize(
    ("encoding", "name"), [("", "linear"), (", encoding = log", "log"), (", encoding = linear", "linear")]
)
def test_encodings(encoding, name):
    text = ENZYMES.replace("10 mM]", "10 mM], data = [0, 255]" + encoding) + ENZYME
    assert network(text).reservoir("s").coding.encoding == name


def test_dual_rail():
    text = DOTS.replace("reservoir x =", "reservoir x[i in 1..3, rail in 0..1] =")
    text = text.replace("3 kT]", "3 kT], data = [0, 1], encoding = dual")
    text += f"dot a[i in 1..3, rail in 0..1]: x[i, rail] -> y = resonant_dot({RATES}, level = 0 kT)\n"
    found = network(text).reservoir("x")
    assert (found.coding.encoding, found.shape) == ("dual", (3, 2))
