"""Enzymes and carriers of the library against the rate laws of textbooks and of their first papers."""

import numpy as np
import pytest

import crncompile
from crncompile.analyze.drives import detailed_balance
from crncompile.symbolic.device_law import derive
from symbolic.kinds import at, drawn, fluxes_at, kind_of, library_kind


def by_name(values):
    return {symbol.name: value for symbol, value in values.items()}


def some(name, count=200, **given):
    """Random values by name, some of them given, and the flux of a library device there."""
    kind = library_kind(name)
    values = at(kind, count, **given)
    return by_name(values), fluxes_at(derive(kind), values)[0]


def assert_same(flux, formula, tolerance=1e-12):
    np.testing.assert_allclose(flux, formula, rtol=1e-9, atol=tolerance * np.max(np.abs(formula)))


def drive(v):
    """Rate of an enzyme that is hardly loaded."""
    return v["total"] * v["k_cat"] / v["K_M"] * (v["S"] - v["P"] / v["K_eq"])


def load(v):
    return v["S"] / v["K_M"] + v["P"] / v["K_P"]


# --- inhibition and activation ----------------------------------------------------------------------------------------

LINEAR = {
    "competitive_effector": lambda v: (1 + v["R"] / v["K_R"], 1.0),
    "uncompetitive_inhibition": lambda v: (1.0, 1 + v["R"] / v["K_iu"]),
    "mixed_inhibition": lambda v: (1 + v["R"] / v["K_ic"], 1 + v["R"] / v["K_iu"]),
    "essential_activation": lambda v: (1 + v["K_A"] / v["A"], 1.0),
}


@pytest.mark.parametrize("name", LINEAR)
def test_effector_divides_rate_at_small_and_at_large_substrate(name):
    """Segel 1975: the two terms of the denominator, free enzyme and loaded enzyme, each with its factor."""
    v, (flux,) = drawn(library_kind(name))
    free, loaded = LINEAR[name](v)
    assert_same(flux, drive(v) / (free + load(v) * loaded))


@pytest.mark.parametrize("name", LINEAR)
def test_apparent_constants_of_an_inhibitor(name):
    """Without product the enzyme is Michaelis-Menten with K_M free/loaded and k_cat/loaded."""
    given = {"P": 1e-40, "K_eq": 1e30}
    v, flux = some(name, **given)
    free, loaded = LINEAR[name](v)
    assert_same(flux, v["total"] * v["k_cat"] / loaded * v["S"] / (v["K_M"] * free / loaded + v["S"]))


# --- cooperativity ----------------------------------------------------------------------------------------------------


def test_reversible_hill():
    """Hofmeyr and Cornish-Bowden 1997: v = V s (1 - Gamma/K) (s + p)^(h - 1) / (1 + (s + p)^h)."""
    v, (flux,) = drawn(library_kind("reversible_hill"))
    s, p = v["S"] / v["K_M"], v["P"] / v["K_P"]
    disequilibrium = 1 - v["P"] / v["S"] / v["K_eq"]
    rate = v["total"] * v["k_cat"] * s * disequilibrium * (s + p) ** (v["h"] - 1) / (1 + (s + p) ** v["h"])
    assert_same(flux, rate)


def test_modified_hill():
    """The same with a modifier m: 1 in the denominator becomes (1 + m^h) / (1 + alpha m^h)."""
    v, (flux,) = drawn(library_kind("modified_hill"))
    s, p, m = v["S"] / v["K_M"], v["P"] / v["K_P"], (v["R"] / v["K_R"]) ** v["h"]
    above = v["total"] * v["k_cat"] * s * (1 - v["P"] / v["S"] / v["K_eq"]) * (s + p) ** (v["h"] - 1)
    assert_same(flux, above / ((1 + m) / (1 + v["alpha"] * m) + (s + p) ** v["h"]))


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("reversible_hill", {"h": 1}),
        ("modified_hill", {"h": 1, "R": 1e-30}),
        ("modified_hill", {"h": 1, "alpha": 1}),
        ("cooperative_dimer", {"cooperativity": 1}),
        ("cooperative_tetramer", {"cooperativity": 1}),
        ("mwc_dimer", {"L": 1e-30}),
        ("monod_wyman_changeux", {"L": 1e-30}),
        ("monod_wyman_changeux", {"L": 1e-30, "sites": 1, "c": 0, "c_A": 0}),
    ],
)
def test_without_cooperativity_each_site_is_michaelis_menten(name, given):
    v, flux = some(name, **given)
    assert_same(flux, drive(v) / (1 + load(v)))


def test_hill_coefficient_is_the_slope_of_its_logarithmic_plot():
    S = np.array([1e-9, 1.001e-9])
    _, flux = some("reversible_hill", 2, S=S, P=1e-60, K_eq=1e60, K_M=1e-3, K_P=1e-3, total=1e-9, k_cat=1, h=3.5)
    np.testing.assert_allclose(np.diff(np.log(flux)) / np.diff(np.log(S)), 3.5, rtol=1e-9)


def test_adair_constants_of_the_dimer():
    """Adair 1925 for two sites: saturation (K1 s + 2 K1 K2 s^2) / 2 / (1 + K1 s + K1 K2 s^2), here with product too."""
    v, (flux,) = drawn(library_kind("cooperative_dimer"))
    x, first, second = load(v), 2.0, v["cooperativity"] / 2
    saturation = (first * x + 2 * first * second * x**2) / 2 / (1 + first * x + first * second * x**2)
    assert_same(flux, drive(v) * saturation / x)


def test_tetramer_binds_as_paulings():
    """Pauling 1935: 1 + 4 x + 6 a x^2 + 4 a^3 x^3 + a^6 x^4, a attraction for each pair of bound molecules."""
    v, (flux,) = drawn(library_kind("cooperative_tetramer"))
    x, a = load(v), v["cooperativity"]
    terms = np.array([1 + 0 * x, 4 * x, 6 * a * x**2, 4 * a**3 * x**3, a**6 * x**4])
    saturation = (np.arange(5)[:, None] * terms).sum(axis=0) / 4 / terms.sum(axis=0)
    assert_same(flux, drive(v) * saturation / x)


def test_concerted_saturation():
    """Monod, Wyman and Changeux 1965, equation 2, times the relaxed sites' rate: L shifted by the activator."""
    v, (flux,) = drawn(library_kind("monod_wyman_changeux"))
    x, n = load(v), v["sites"]
    shifted = v["L"] * ((1 + v["c_A"] * v["A"] / v["K_A"]) / (1 + v["A"] / v["K_A"])) ** n
    relaxed = x * (1 + x) ** (n - 1) / ((1 + x) ** n + shifted * (1 + v["c"] * x) ** n)
    assert_same(flux, drive(v) / x * relaxed)


def test_concerted_dimer_by_states_is_the_closed_form():
    """Ten states of two relaxed or tense sites and two for the activator, out of equilibrium: the same law."""
    v, (flux,) = drawn(library_kind("mwc_dimer"))
    x = load(v)
    shifted = v["L"] / (1 + v["A"] / v["K_A"]) ** 2
    assert_same(flux, drive(v) * (1 + x) / ((1 + x) ** 2 + shifted))
    given = {name: v[name] for name in ("S", "P", "A", "total", "k_cat", "K_M", "K_P", "K_A", "K_eq", "L")}
    _, closed = some("monod_wyman_changeux", **given, sites=2, c=0, c_A=0)
    assert_same(flux, closed)


@pytest.mark.parametrize(("c_A", "rises"), [(0.0, True), (10.0, False)])
def test_concerted_activator_and_inhibitor(c_A, rises):
    A = np.array([1e-9, 1e-3, 1.0])
    given = {"K_A": 1e-3, "S": 1e-4, "P": 1e-9, "K_eq": 1e6, "K_M": 1e-4, "K_P": 1e-3, "L": 100, "sites": 4, "c": 0}
    _, flux = some("monod_wyman_changeux", 3, A=A, c_A=c_A, total=1e-9, k_cat=100, **given)
    assert np.all(np.diff(flux) > 0) == rises
    assert np.all(np.diff(flux) < 0) != rises


# --- signalling -------------------------------------------------------------------------------------------------------


def goldbeter_koshland(v1, v2, J1, J2):
    """Fraction modified: the root in (0, 1) of v1 (1 - w) / (J1 + 1 - w) = v2 w / (J2 + w), by bisection."""
    low, high = np.zeros_like(v1), np.ones_like(v1)
    for _ in range(200):
        w = (low + high) / 2
        rises = v1 * (1 - w) * (J2 + w) > v2 * w * (J1 + 1 - w)
        low, high = np.where(rises, w, low), np.where(rises, high, w)
    return (low + high) / 2


def test_covalent_modification_is_the_switch_of_goldbeter_and_koshland():
    v, (flux,) = drawn(library_kind("covalent_modification"))
    active = goldbeter_koshland(v["k_1"] * v["kinase"], v["k_2"] * v["phosphatase"], v["J_1"], v["J_2"])
    assert np.min(active) < 0.01
    assert np.max(active) > 0.99
    assert_same(flux / drive(v) * (1 + load(v)), active, tolerance=1e-11)


def test_zero_order_ultrasensitivity():
    """Goldbeter and Koshland 1981: with J = 0.01 an 81-fold change of a Michaelian switch shrinks to about 1.2-fold."""
    ratio = np.array([0.5, 1.0, 2.0])
    v, flux = some("covalent_modification", 3, kinase=ratio * 1e-6, phosphatase=1e-6, k_1=1, k_2=1, J_1=0.01, J_2=0.01)
    active = flux / drive(v) * (1 + load(v))
    assert active[0] < 0.02
    np.testing.assert_allclose(active[1], 0.5, rtol=1e-12)
    assert active[2] > 0.98


def test_converter_enzyme_is_michaelis_menten_of_its_enzyme():
    v, (flux,) = drawn(library_kind("converter_enzyme"))
    assert_same(flux, drive({**v, "total": v["E"]}) / (1 + load(v)))


# --- transport --------------------------------------------------------------------------------------------------------


def test_uniporter_at_large_rates_of_binding_is_the_classical_carrier():
    """Fast binding: out (1 + a) and in (1 + b), turning loaded and empty; Jardetzky 1966, Stein 1986."""
    v, flux = some("uniporter", k_off=1e17)
    a, b = v["S_out"] / v["K_out"], v["S_in"] / v["K_in"]
    out_in = v["k_loaded"] * a / (1 + a)
    in_out = v["k_loaded"] / v["K_loaded"] * b / (1 + b)
    empty_out = v["k_empty"] / (1 + b)
    empty_in = v["k_empty"] * v["K_in"] * v["K_loaded"] / v["K_out"] / (1 + a)
    inwards, outwards = out_in + empty_in, in_out + empty_out
    facing_out = outwards / (inwards + outwards)
    wanted = v["total"] * (facing_out * out_in - (1 - facing_out) * in_out)
    np.testing.assert_allclose(flux, wanted, rtol=1e-5, atol=1e-5 * np.max(np.abs(wanted)))


@pytest.mark.parametrize(
    ("name", "ends"), [("symporter", ("A_in", "B_in")), ("antiporter", ("A_in", "B_out"))], ids=lambda e: str(e)[:4]
)
def test_coupled_transport_runs_uphill(name, ends):
    """A, a hundred times more outside, carries B up to a gradient of a hundred and not beyond."""
    gradient = np.array([50.0, 99.999, 100.001, 200.0])
    outside = {"A_out": 1e-2, "A_in": 1e-4}
    B = {"B_out": 1e-5, "B_in": 1e-5 * gradient} if name == "symporter" else {"B_in": 1e-5, "B_out": 1e-5 * gradient}
    _, flux = some(name, 4, K_eq=1, **outside, **B)
    assert np.sign(flux).tolist() == [1, 1, -1, -1]
    net = derive(library_kind(name)).stoichiometry[0]
    given = {t.name: n for t, n in zip(library_kind(name).terminals, net, strict=True)}
    assert sorted(t for t, n in given.items() if n == 1) == sorted(ends)
    assert sorted(given.values()) == [-1, -1, 1, 1]


# --- names stand for what they say ------------------------------------------------------------------------------------


def test_substrate_inhibition_by_states_peaks_where_the_closed_form_does():
    """The mechanism with a dead-end ESS, without product: the same law."""
    kind = kind_of("""
    device with_dead_end: S -> P {
      terminal S, P: molecules
      parameter total: concentration > 0
      parameter k_cat, k_off: rate > 0
      parameter K_M, K_I: concentration > 0
      let k_on = (k_off + k_cat) / K_M
      population total
      state E
      state ES
      state ESS
      transition bind: S + E <-> ES   = mass_action(k = k_on, K_eq = k_on / k_off)
      transition trap: S + ES <-> ESS = mass_action(k = k_on, K_eq = 1 / K_I)
      transition turn: ES => E + P    = mass_action(k = k_cat)
    }""")
    v, (flux,) = drawn(kind)
    wanted = v["total"] * v["k_cat"] * v["S"] / (v["K_M"] + v["S"] + v["S"] ** 2 / v["K_I"])
    assert_same(flux, wanted)
    given = {name: v[name] for name in ("S", "total", "k_cat", "K_M", "K_I")}
    _, closed = some("substrate_inhibited", **given, P=1e-40, K_eq=1e30)
    assert_same(closed, wanted)


CYCLE = """
network cycle "a kinase against a phosphatase"
temperature 310.15 K
volume 1 nL
reservoir kinase = input(range = [0.01 uM, 10 uM])
reservoir phosphatase = fixed(at = 1 uM)
reservoir W = floating(start = 900 uM)
reservoir M = output(start = 100 uM)
enzyme on:  W -> M gate kinase = converter_enzyme(k_cat = 10 s^-1, K_M = 20 uM, K_P = 1e6 M, K_eq = 1e12)
enzyme off: M -> W gate phosphatase = converter_enzyme(k_cat = 10 s^-1, K_M = 50 uM, K_P = 1e6 M, K_eq = 1e12)
readout modified = M / 1 mM
"""


def test_two_converter_enzymes_are_a_covalent_modification_cycle():
    """Goldbeter and Koshland 1981, from two enzymes and a conserved total; the fuel shows as a drive."""
    network = crncompile.loads(CYCLE)
    kinase = np.array([0.2, 0.8, 0.95, 1.05, 1.2, 5.0])
    modified = network.solve(kinase=kinase).raise_for_failure().readouts["modified"]
    wanted = goldbeter_koshland(10 * kinase, 10 * np.ones(6), 0.02, 0.05)
    np.testing.assert_allclose(modified, wanted, rtol=1e-6)
    (drive,) = detailed_balance(network.system, network.parameters()).drives
    assert abs(drive.affinity) == pytest.approx(2 * np.log(1e12))
