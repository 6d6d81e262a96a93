"""Every device against published formulas, and through all checks of ``crncompile devices --verify``."""

import numpy as np
import pytest

from crncompile.analyze.verify import verify
from crncompile.symbolic.device_law import derive
from symbolic.kinds import COLD, LIBRARY, at, drawn, fluxes_at, kind_of, library_kind

CHECKED = [
    "detailed balance",
    "steady current",
    "derivatives",
    "equilibrium",
    "entropy production",
    "conductances",
]


def assert_verified(kind):
    checks = verify(kind)
    assert [check.name for check in checks] == CHECKED
    for check in checks:
        assert check.passed, f"{kind.name}: {check.name}: {check.detail}"
    return {check.name: check.detail for check in checks}


@pytest.mark.parametrize("name", LIBRARY)
def test_library_device_is_verified(name):
    kind = library_kind(name)
    details = assert_verified(kind)
    assert ("negative" in details["conductances"]) == (kind.counterpart is not None)


def test_device_of_a_model_file_is_verified(shared):
    text = (shared / "language" / "2_cascade.tnet").read_text(encoding="utf-8")
    details = assert_verified(kind_of(text))
    assert "proved for all values" in details["conductances"]


def fermi(x):
    return 1 / (1 + np.exp(x))


def assert_same(flux, formula, tolerance=1e-12):
    """Compare with a formula, relative to the largest of the values."""
    np.testing.assert_allclose(flux, formula, rtol=1e-9, atol=tolerance * np.max(np.abs(formula)))


# --- dots -------------------------------------------------------------------------------------------------------------


def test_resonant_dot_is_sequential_tunnelling():
    v, (flux,) = drawn(library_kind("resonant_dot"))
    GL, GR = v["gamma_left"], v["gamma_right"]
    difference = fermi(v["level"] - v["left"]) - fermi(v["level"] - v["right"])
    assert_same(flux, GL * GR / (GL + GR) * difference)


def test_gated_dot_follows_its_gate():
    v, (flux,) = drawn(library_kind("gated_dot"))
    GL, GR, level = v["gamma_left"], v["gamma_right"], v["level"] + v["lever"] * v["control"]
    assert_same(flux, GL * GR / (GL + GR) * (fermi(level - v["left"]) - fermi(level - v["right"])))


SPINFUL = """
device spinful_dot: left -> right {
  "One orbital with two spins, not both at once"
  terminal left, right: charge
  parameter gamma_left, gamma_right: rate > 0
  parameter level: energy
  state empty
  %s
}
"""
DEGENERATE = """state filled energy level degeneracy 2
  transition enter: left + empty <-> filled  = tunnel(gamma = gamma_left)
  transition leave: filled <-> empty + right = tunnel(gamma = gamma_right)"""
TWO_STATES = """state up energy level
  state down energy level
  transition enter_up:   left + empty <-> up    = tunnel(gamma = gamma_left)
  transition leave_up:   up <-> empty + right   = tunnel(gamma = gamma_right)
  transition enter_down: left + empty <-> down  = tunnel(gamma = gamma_left)
  transition leave_down: down <-> empty + right = tunnel(gamma = gamma_right)"""


def beenakker(v):
    """Without double occupation: Phys. Rev. B 44, 1646 (1991); Bonet et al., Phys. Rev. B 65, 045317 (2002)."""
    GL, GR = v["gamma_left"], v["gamma_right"]
    fL, fR = fermi(v["level"] - v["left"]), fermi(v["level"] - v["right"])
    return 2 * GL * GR * (fL - fR) / (GL * (1 + fL) + GR * (1 + fR))


@pytest.mark.parametrize("states", [DEGENERATE, TWO_STATES], ids=["degeneracy", "two states"])
def test_spin_degenerate_dot_without_double_occupation(states):
    kind = kind_of(SPINFUL % states, COLD)
    assert_verified(kind)
    v, (flux,) = drawn(kind)
    assert_same(flux, beenakker(v))
    v, (flux,) = drawn(library_kind("spin_degenerate_dot"))
    assert_same(flux, beenakker(v))


def anderson(charging, count=200):
    kind = library_kind("anderson_dot")
    values = at(kind, count, charging=charging)
    return {symbol.name: value for symbol, value in values.items()}, fluxes_at(derive(kind), values)[0]


def test_a_large_charging_energy_forbids_two_electrons():
    v, flux = anderson(60.0)
    assert_same(flux, beenakker(v), tolerance=1e-15)


def test_without_charging_energy_the_spins_are_two_dots():
    v, flux = anderson(0.0)
    GL, GR = v["gamma_left"], v["gamma_right"]
    difference = fermi(v["level"] - v["left"]) - fermi(v["level"] - v["right"])
    assert_same(flux, 2 * GL * GR / (GL + GR) * difference)


def test_charging_energy_divides_the_steps_of_the_staircase():
    """At large bias either spin passes by itself; between both steps the one electron blocks the other."""
    kind = library_kind("anderson_dot")
    values = at(kind, 2, left=[20.0, 100.0], right=-20, level=0, charging=50, gamma_left=1e9, gamma_right=1e9)
    one, two = fluxes_at(derive(kind), values)[0]
    np.testing.assert_allclose([one, two], [1e9 * 2 / 3, 1e9], rtol=1e-6)


# --- two dots ---------------------------------------------------------------------------------------------------------


def blockade(bias, **changed):
    """Current through two dots side by side; the second opens at a bias of 16 kT and is hardly drained."""
    kind = library_kind("coupled_dots")
    settings = {"level": 0, "level_2": 8, "repulsion": 60, "gamma_left": 1e9, "gamma_right": 1e9}
    settings |= {"gamma_left_2": 1e9, "gamma_right_2": 1e6, **changed}
    return fluxes_at(derive(kind), at(kind, np.size(bias), left=bias / 2, right=-bias / 2, **settings))[0]


def test_a_second_dot_blocks_the_first():
    """Channel blockade: the current falls as soon as an electron can be caught by the dot that is hardly drained."""
    flux = blockade(np.array([8.0, 48.0]))
    np.testing.assert_allclose(flux[0], 1e9 / 2, rtol=0.1)
    # a turn begins by 0.5 ns of waiting; half of them then take 1 ns through the first dot, half 1 us by the second
    np.testing.assert_allclose(flux[1], 1 / (0.5e-9 + 0.5 * 1e-9 + 0.5 * 1e-6), rtol=1e-4)


def test_without_repulsion_the_dots_are_independent():
    bias = np.linspace(-20, 20, 41)
    GL, GR, GL2, GR2 = 1e9, 1e9, 1e9, 1e6
    first = GL * GR / (GL + GR) * (fermi(-bias / 2) - fermi(bias / 2))
    second = GL2 * GR2 / (GL2 + GR2) * (fermi(8 - bias / 2) - fermi(8 + bias / 2))
    assert_same(blockade(bias, repulsion=0), first + second)


def test_a_faint_second_dot_leaves_the_counterpart():
    """An electron that the second dot never gets leaves the counterpart of the device, a resonant dot."""
    bias = np.linspace(-20, 20, 41)
    flux = blockade(bias, gamma_left_2=1e-6, gamma_right_2=1e-3, level_2=80)
    assert_same(flux, 1e9 / 2 * (fermi(-bias / 2) - fermi(bias / 2)))


def test_inelastic_hops_carry_the_current_off_resonance():
    """Downhill at large bias each electron waits for its phonon; without phonons the double dot is left."""
    kind = library_kind("inelastic_double_dot")
    settings = {"left": 90, "right": -90, "level": 0, "lever": 0, "dephasing": 0, "gamma_left": 3e9, "gamma_right": 5e9}
    far = at(kind, 1, detuning=40, coupling=1.0, emission=2e9, **settings)
    assert_same(fluxes_at(derive(kind), far)[0], 1 / (1 / 3e9 + 1 / 2e9 + 1 / 5e9))
    detuning = np.linspace(-4, 4, 9)
    near = {"detuning": detuning, "coupling": 2e9, **settings}
    quiet = fluxes_at(derive(kind), at(kind, 9, emission=1e-3, **near))[0]
    plain = library_kind("double_dot")
    assert_same(quiet, fluxes_at(derive(plain), at(plain, 9, **near))[0])


def double_dot_at_large_bias(detuning, **rates):
    kind = library_kind("double_dot")
    count = np.size(detuning)
    values = at(kind, count, left=80, right=-80, level=0, lever=0, dephasing=0, detuning=detuning, **rates)
    return fluxes_at(derive(kind), values)[0]


def test_double_dot_near_resonance_is_stoof_and_nazarov():
    """Phys. Rev. B 53, 1050 (1996), for a detuning far below kT; both signs."""
    T, GL, GR = 2e5, 3e5, 5e5
    d = np.linspace(-3e6, 3e6, 41)
    hbar = COLD.constants()["hbar"][0]
    flux = double_dot_at_large_bias(hbar * d, coupling=T, gamma_left=GL, gamma_right=GR)
    wanted = T**2 * GR / (T**2 * (2 + GR / GL) + GR**2 / 4 + d**2)
    np.testing.assert_allclose(flux, wanted, rtol=2 * np.max(np.abs(hbar * d)))


def test_double_dot_far_below_resonance_hops_one_way():
    """For a detuning far above kT the backward hop is gone: 1 in place of 2, and half the Lorentzian's denominator."""
    T, GL, GR = 2e11, 3e8, 5e8
    hbar = COLD.constants()["hbar"][0]
    d = np.linspace(30, 60, 7) / hbar
    flux = double_dot_at_large_bias(hbar * d, coupling=T, gamma_left=GL, gamma_right=GR)
    wanted = T**2 * GR / (T**2 * (1 + GR / GL) + (GR**2 / 4 + d**2) / 2)
    np.testing.assert_allclose(flux, wanted, rtol=1e-12)


def test_double_dot_far_above_resonance_is_blocked():
    flux = double_dot_at_large_bias(np.array([0.0, -40.0]), coupling=1e9, gamma_left=1e9, gamma_right=1e9)
    assert flux[1] < 1e-15 * flux[0]


def test_double_dot_pulled_by_its_bias_has_a_peak():
    kind = library_kind("double_dot")
    bias = np.linspace(0, 16, 161)  # which pulls the levels into resonance at 6 kT
    settings = {"gamma_left": 1e9, "gamma_right": 1e9, "coupling": 3e9, "dephasing": 13e9, "level": 0}
    values = at(kind, len(bias), left=bias / 2, right=-bias / 2, lever=0.5, detuning=-3, **settings)
    flux = fluxes_at(derive(kind), values)[0]
    assert 6 < bias[np.argmax(flux)] < 9
    assert flux[-1] < 0.5 * flux.max()


# --- enzymes ----------------------------------------------------------------------------------------------------------


def haldane(v, more=0.0):
    drive = v["total"] * v["k_cat"] / v["K_M"] * (v["S"] - v["P"] / v["K_eq"])
    return drive / (1 + v["S"] / v["K_M"] + v["P"] / v["K_P"] + more)


def test_michaelis_menten_with_haldane():
    v, (flux,) = drawn(library_kind("michaelis_menten"))
    assert_same(flux, haldane(v))


def test_competitive_effector():
    v, (flux,) = drawn(library_kind("competitive_effector"))
    assert_same(flux, haldane(v, v["R"] / v["K_R"]))


def test_substrate_inhibition():
    v, (flux,) = drawn(library_kind("substrate_inhibited"))
    assert_same(flux, haldane(v, v["S"] ** 2 / (v["K_M"] * v["K_I"])))


def test_saturable_decay():
    v, (flux,) = drawn(library_kind("saturable_decay"))
    assert_same(flux, v["total"] * v["k_cat"] * v["S"] / (v["K_M"] + v["S"]))


def test_peak_of_substrate_inhibition():
    """At S = P/K_eq + sqrt((P/K_eq)^2 + K_M K_I (1 + P/K_P + P/(K_eq K_M))); Haldane 1930 where nothing comes back."""
    kind = library_kind("substrate_inhibited")
    law = derive(kind)
    values = at(kind, 50)
    v = {symbol.name: value for symbol, value in values.items()}
    back = v["P"] / v["K_eq"]
    peak = back + np.sqrt(back**2 + v["K_M"] * v["K_I"] * (1 + v["P"] / v["K_P"] + back / v["K_M"]))
    S = next(symbol for symbol in values if symbol.name == "S")
    top, *beside = (fluxes_at(law, {**values, S: peak * factor})[0] for factor in (1, 1 - 1e-4, 1 + 1e-4))
    assert all(np.all(other < top) for other in beside)


def test_height_of_the_peak_without_product():
    kind = library_kind("substrate_inhibited")
    K_M, K_I = 1e-3, 5e-5
    given = {"K_M": K_M, "K_I": K_I, "total": 1e-9, "k_cat": 100, "K_eq": 1e30, "P": 1e-15, "K_P": 1e-3}
    flux = fluxes_at(derive(kind), at(kind, S=np.sqrt(K_M * K_I), **given))[0]
    np.testing.assert_allclose(flux, 1e-7 / (1 + 2 * np.sqrt(K_M / K_I)), rtol=1e-10)


BI_BI = """
device bi_bi: A + B -> P + Q {
  "Two substrates, two products"
  terminal A, B, P, Q: molecules
  parameter total: concentration > 0
  parameter %s: second_order_rate > 0
  parameter %s: rate > 0
  population total
  state E
  %s
}
"""
ORDERED = BI_BI % (
    "k1, k2, b3, b4",
    "b1, b2, k3, k4",
    """state EA
  state EAB
  state EQ
  transition first:  A + E <-> EA    = mass_action(k = k1, K_eq = k1 / b1)
  transition second: B + EA <-> EAB  = mass_action(k = k2, K_eq = k2 / b2)
  transition third:  EAB <-> EQ + P  = mass_action(k = k3, K_eq = k3 / b3)
  transition fourth: EQ <-> E + Q    = mass_action(k = k4, K_eq = k4 / b4)""",
)
PING_PONG = BI_BI % (
    "k1, b2, k3, b4",
    "b1, k2, b3, k4",
    """state EA
  state F
  state FB
  transition first:  A + E <-> EA    = mass_action(k = k1, K_eq = k1 / b1)
  transition second: EA <-> F + P    = mass_action(k = k2, K_eq = k2 / b2)
  transition third:  B + F <-> FB    = mass_action(k = k3, K_eq = k3 / b3)
  transition fourth: FB <-> E + Q    = mass_action(k = k4, K_eq = k4 / b4)""",
)


def cleland(c, A, B, P, Q, ordered):
    """Rate law of Cleland, Biochim. Biophys. Acta 67, 104 (1963), in its kinetic constants (Segel 1975, chapter 9)."""
    back = c["V1"] / c["Keq"]
    below = (
        c["V2"] * (c["Kb"] * A + c["Ka"] * B + A * B)
        + back * (c["Kq"] * P + c["Kp"] * Q + P * Q)
        + back * c["Kq"] * A * P / c["Kia"]
        + c["V2"] * c["Ka"] * B * Q / c["Kiq"]
    )
    if ordered:
        below += c["V2"] * (c["Kia"] * c["Kb"] + A * B * P / c["Kip"]) + back * B * P * Q / c["Kib"]
    return c["V1"] * c["V2"] * (A * B - P * Q / c["Keq"]) / below


def ordered_constants(E, k1, k2, k3, k4, b1, b2, b3, b4):
    return {
        "V1": k3 * k4 * E / (k3 + k4),
        "V2": b1 * b2 * E / (b1 + b2),
        "Ka": k3 * k4 / (k1 * (k3 + k4)),
        "Kb": (b2 + k3) * k4 / (k2 * (k3 + k4)),
        "Kp": b1 * (b2 + k3) / (b3 * (b1 + b2)),
        "Kq": b1 * b2 / (b4 * (b1 + b2)),
        "Kia": b1 / k1,
        "Kib": (b1 + b2) / k2,
        "Kip": (k3 + k4) / b3,
        "Kiq": k4 / b4,
        "Keq": k1 * k2 * k3 * k4 / (b1 * b2 * b3 * b4),
    }


def ping_pong_constants(E, k1, k2, k3, k4, b1, b2, b3, b4):
    return {
        "V1": k2 * k4 * E / (k2 + k4),
        "V2": b1 * b3 * E / (b1 + b3),
        "Ka": (b1 + k2) * k4 / (k1 * (k2 + k4)),
        "Kb": (b3 + k4) * k2 / (k3 * (k2 + k4)),
        "Kp": (b1 + k2) * b3 / (b2 * (b1 + b3)),
        "Kq": (b3 + k4) * b1 / (b4 * (b1 + b3)),
        "Kia": b1 / k1,
        "Kiq": k4 / b4,
        "Keq": k1 * k2 * k3 * k4 / (b1 * b2 * b3 * b4),
    }


@pytest.mark.parametrize(
    ("text", "constants"),
    [(ORDERED, ordered_constants), (PING_PONG, ping_pong_constants)],
    ids=["ordered", "ping-pong"],
)
def test_bi_bi_mechanisms_are_clelands(text, constants):
    kind = kind_of(text)
    assert_verified(kind)
    assert derive(kind).stoichiometry == ((-1, -1, 1, 1),)
    v, (flux,) = drawn(kind)
    c = constants(v["total"], *(v[f"{side}{n}"] for side in "kb" for n in (1, 2, 3, 4)))
    assert_same_ratio(flux, cleland(c, *(v[t] for t in "ABPQ"), ordered=text is ORDERED))


def assert_same_ratio(flux, wanted):
    scale = np.maximum(np.abs(wanted), 1e-6 * np.max(np.abs(wanted)))
    assert np.max(np.abs(flux - wanted) / scale) < 1e-9


def test_ordered_bi_bi_of_the_library_has_the_constants_that_it_is_given():
    """Parameters of the library's device against Cleland's constants of its rate constants, and his rate law."""
    v, (flux,) = drawn(library_kind("ordered_bi_bi"))
    k3, k4 = v["k_cat"] * (1 + v["release"]), v["k_cat"] * (1 + 1 / v["release"])
    k1, b2 = v["k_cat"] / v["K_A"], k3 / v["commitment"]
    b1, k2 = v["K_iA"] * k1, (b2 + k3) * v["k_cat"] / (v["K_B"] * k3)
    b4 = k4 / v["K_iQ"]
    b3 = k1 * k2 * k3 * k4 / (b1 * b2 * b4 * v["K_eq"])
    c = ordered_constants(v["total"], k1, k2, k3, k4, b1, b2, b3, b4)
    same = {"V1": v["k_cat"] * v["total"], "Ka": v["K_A"], "Kb": v["K_B"], "Kia": v["K_iA"], "Kiq": v["K_iQ"]}
    for name, wanted in same.items():
        np.testing.assert_allclose(c[name], wanted, rtol=1e-12, err_msg=name)
    assert_same_ratio(flux, cleland(c, *(v[t] for t in "ABPQ"), ordered=True))


def test_ping_pong_of_the_library_has_the_constants_that_it_is_given():
    v, (flux,) = drawn(library_kind("ping_pong_bi_bi"))
    k2, k4 = v["k_cat"] * (1 + v["halves"]), v["k_cat"] * (1 + 1 / v["halves"])
    b1, b3 = k2 / v["commitment_A"], k4 / v["commitment_B"]
    k1, k3 = (b1 + k2) * v["k_cat"] / (v["K_A"] * k2), (b3 + k4) * v["k_cat"] / (v["K_B"] * k4)
    b2 = (b1 + k2) * b3 / (v["K_P"] * (b1 + b3))
    b4 = k1 * k2 * k3 * k4 / (b1 * b2 * b3 * v["K_eq"])
    c = ping_pong_constants(v["total"], k1, k2, k3, k4, b1, b2, b3, b4)
    same = {"V1": v["k_cat"] * v["total"], "Ka": v["K_A"], "Kb": v["K_B"], "Kp": v["K_P"], "Keq": v["K_eq"]}
    for name, wanted in same.items():
        np.testing.assert_allclose(c[name], wanted, rtol=1e-12, err_msg=name)
    assert_same_ratio(flux, cleland(c, *(v[t] for t in "ABPQ"), ordered=False))


HILL = """
device own_hill: S -> P {
  "Cooperative and reversible (Hofmeyr and Cornish-Bowden, Comput. Appl. Biosci. 13, 377, 1997)"
  terminal S, P: molecules
  parameter v_max: concentration_rate > 0
  parameter K_S, K_P: concentration > 0
  parameter h: number in [1, 4]
  parameter K_eq: number > 0
  let load = S / K_S + P / K_P
  current flow = v_max / K_S * (S - P / K_eq) * load^(h - 1) / (1 + load^h)
}
"""


def test_closed_form_of_a_user_is_verified():
    kind = kind_of(HILL)
    assert_verified(kind)
    v, (flux,) = drawn(kind)
    s, p = v["S"] / v["K_S"], v["P"] / v["K_P"]
    ratio = 1 - v["P"] / v["S"] / v["K_eq"]
    assert_same(flux, v["v_max"] * s * ratio * (s + p) ** (v["h"] - 1) / (1 + (s + p) ** v["h"]))
