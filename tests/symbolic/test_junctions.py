"""Conductors and junctions of the library; networks of devices that feel their bias alone are reciprocal."""

import numpy as np
import pytest

import crncompile
from crncompile.symbolic.device_law import derive
from crncompile.symbolic.signs import exchange, slope_at
from symbolic.kinds import COLD, LIBRARY, at, drawn, fluxes_at, library_kind

BIAS_ONLY = {
    "linear_conductance",
    "quantum_point_contact",
    "tunnel_junction",
    "diode",
    "tunnel_diode",
    "butler_volmer",
    "linear_exchange",
}


def flux_of(name, count, **given):
    kind = library_kind(name)
    return fluxes_at(derive(kind), at(kind, count, **given))[0]


# --- laws -------------------------------------------------------------------------------------------------------------


def test_point_contact_is_landauers():
    """2 e^2/h for each mode: 7.748e-5 S, as an electron current per kT of bias."""
    siemens = COLD.unit("uS")[0]
    flux = flux_of("quantum_point_contact", 1, left=1.0, right=0.0, transmission=2.0)
    np.testing.assert_allclose(flux, 2 * 77.48091729 * siemens, rtol=1e-9)


def test_tunnel_junction_is_ohmic_at_small_bias_and_cubic_beyond():
    bias = np.array([1e-6, 30.0])
    flux = flux_of("tunnel_junction", 2, left=bias, right=0, conductance=5.0, barrier=30.0)
    np.testing.assert_allclose(flux, [5e-6, 5.0 * 30 * (1 + 1 / 3)], rtol=1e-12)
    kind = library_kind("tunnel_junction")
    slope = slope_at(derive(kind), 0, at(kind, 2, left=bias, right=0, conductance=5.0, barrier=30.0))
    np.testing.assert_allclose(slope, [5.0, 10.0], rtol=1e-12)


def test_diode_rectifies():
    flux = flux_of("diode", 3, left=[-50.0, 0.0, 2.0], right=0, saturation=7.0, ideality=2.0)
    np.testing.assert_allclose(flux, [-7.0, 0.0, 7.0 * np.expm1(1.0)], rtol=1e-9, atol=1e-12)


def test_tunnel_diode_has_its_peak_where_it_is_told():
    bias = np.linspace(0, 12, 1201)
    given = {"left": bias, "right": 0, "peak": 1e9, "peak_bias": 3.0, "ideality": 1.0}
    faint = flux_of("tunnel_diode", 1201, **given, saturation=1e-3)
    np.testing.assert_allclose(bias[np.argmax(faint)], 3.0)
    np.testing.assert_allclose(faint.max(), 1e9, rtol=1e-9)
    valley = flux_of("tunnel_diode", 1201, **given, saturation=1e4)
    lowest = 300 + np.argmin(valley[300:])
    assert 300 < lowest < 1200
    assert valley[lowest] < 0.5e9 < valley[-1]


def test_butler_volmer_and_its_tafel_slopes():
    v, (flux,) = drawn(library_kind("butler_volmer"))
    eta, alpha = v["left"] - v["right"], v["transfer"]
    wanted = v["exchange"] * (np.exp(alpha * eta) - np.exp(-(1 - alpha) * eta))
    np.testing.assert_allclose(flux, wanted, rtol=1e-9, atol=1e-9 * v["exchange"].min())
    far = flux_of("butler_volmer", 2, left=[40.0, 41.0], right=0, transfer=0.3, exchange=1.0)
    np.testing.assert_allclose(np.diff(np.log(far)), 0.3, rtol=1e-9)


def test_fick_and_onsager():
    v, (flux,) = drawn(library_kind("passive_diffusion"))
    np.testing.assert_allclose(flux, v["permeability"] * (v["S"] - v["P"] / v["K_eq"]), rtol=1e-9, atol=1e-12)
    v, (flux,) = drawn(library_kind("linear_exchange"))
    affinity = np.log(v["K_eq"]) + np.log(v["S"]) - np.log(v["P"])
    np.testing.assert_allclose(flux, v["conductance"] * affinity, rtol=1e-9, atol=1e-9)


# --- reciprocity ------------------------------------------------------------------------------------------------------


def two_slopes(name):
    kind = library_kind(name)
    law, values = derive(kind), at(kind, 200)
    return [slope_at(law, end, values) for end in exchange(law)]


@pytest.mark.parametrize("name", sorted(BIAS_ONLY))
def test_current_feels_the_bias_alone(name):
    by_source, by_target = two_slopes(name)
    np.testing.assert_allclose(by_source, -by_target, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in LIBRARY if name not in {*BIAS_ONLY, "gated_conductance"}])
def test_all_others_do_not(name):
    law = derive(library_kind(name))
    if exchange(law) is None:
        return
    by_source, by_target = two_slopes(name)
    assert np.max(np.abs(by_source + by_target) / (np.abs(by_source) + np.abs(by_target) + 1e-300)) > 1e-3


RECIPROCAL = """
network junctions
temperature 4 K
index j = 1..4
reservoir x = input(range = [-5 kT, 5 kT])
reservoir h[j] = floating(capacitance = 1 pF)
reservoir y = output(capacitance = 1 pF)
dot a[j]: x -> h[j] = diode(saturation = train loguniform(1 GHz, 10 GHz))
dot b[j where j < 4]: h[j] -> h[j + 1] = tunnel_diode(peak = 3 GHz, peak_bias = train uniform(1 kT, 3 kT),
                                                       saturation = 1 MHz)
dot c: h[4] -> h[1] = butler_volmer(exchange = 2 GHz, transfer = 0.3)
dot d[j]: h[j] -> y = tunnel_junction(conductance = 1 nS, barrier = 4 kT)
dot e: h[2] -> y = quantum_point_contact(transmission = 0.00002)
dot f: y -> h[3] = linear_conductance(conductance = 2 nS)
readout v = y / 1 kT
"""


def relaxation_jacobian(text, seed):
    network = crncompile.loads(text)
    functions, parameters = network.functions, network.parameters(seed=seed)
    held = functions.hold({"x": np.array([1.5])}, parameters)
    u = np.array([[4.0, 1.0, -1.0, -5.0, 0.0]]) + np.random.default_rng(seed).uniform(-0.5, 0.5, 5)
    return functions.jacobian(u, held, parameters)[0]


@pytest.mark.parametrize("seed", range(5))
def test_network_of_bias_only_devices_is_reciprocal(seed):
    """The Jacobian is symmetric, NDC (there is some) or not: what j does to i, i does to j."""
    jacobian = relaxation_jacobian(RECIPROCAL, seed)
    assert np.max(np.abs(jacobian - jacobian.T)) <= 1e-12 * np.max(np.abs(jacobian))
    assert np.any(jacobian[~np.eye(len(jacobian), dtype=bool)] < 0)


def test_network_with_a_dot_is_not():
    dot = "dot c: h[4] -> h[1] = resonant_dot(gamma_left = 2 GHz, gamma_right = 1 GHz, level = 0 kT)"
    start = RECIPROCAL.index("dot c")
    text = RECIPROCAL[:start] + dot + RECIPROCAL[RECIPROCAL.index("\n", start) :]
    jacobian = relaxation_jacobian(text, 0)
    assert np.max(np.abs(jacobian - jacobian.T) / (np.abs(jacobian) + np.abs(jacobian.T) + 1e-300)) > 0.1
