"""Doubts about a model come with their numbers, one warning for each kind, at the worst place."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from symbolic.kinds import LIBRARY, library_kind

from crncompile.analyze.bound import capacities, held_by_devices, operating_points, taken_up
from crncompile.analyze.drives import detailed_balance
from crncompile.analyze.validity import second_electron
from crncompile.analyze.warnings import model_warnings
from crncompile.cli.main import cli
from crncompile.compiler import check_source
from crncompile.errors import Source
from crncompile.network.initial import initial_values
from crncompile.symbolic.sampling import draw
from crncompile.symbolic.signs import Conductance
from crncompile.symbolic.system import System, derive_all, derive_system
from crncompile.units import Units, example_unit

MODELS_FOLDER = Path(__file__).parents[2] / "models"
DOTS = """network dots
temperature 100 mK
reservoir x = input(range = [-3 kT, 3 kT])
"""
MOLECULES = """network enzymes
temperature 300 K
volume 1 nL
reservoir x = input(range = [0.1 mM, 10 mM])
"""
WASTE = "reservoir waste = fixed(at = 1 uM)\n"
Y = "reservoir y = output(start = 1 mM)\nreadout z = y / 1 mM\n"
NDC = (
    "dot {}: x -> y = double_dot(gamma_left = {}, gamma_right = {}, coupling = 3 GHz, dephasing = 13 GHz, "
    "level = 0 kT, lever = 0.5)\n"
)
ENZYME = "enzyme {}: {} = michaelis_menten(total = {}, k_cat = 100 s^-1, K_M = {}, K_P = 1 mM, K_eq = {})\n"
TWICE = "reaction dimer: 2 x <-> y = mass_action(k = 1 mM^-1/s, K_eq = 2 mM^-1)\n"


def react(name, equation, K, k="1 s^-1"):
    return f"reaction {name}: {equation} = mass_action(k = {k}, K_eq = {K})\n"


MODELS = {
    "driven": MOLECULES
    + Y
    + "reservoir a = floating(start = 1 mM)\n"
    + react("feed", "x <-> a", 1e6)
    + react("convert", "a <-> y", 1)
    + react("back", "y <-> x", 1)
    + TWICE,
    "driven-family": MOLECULES
    + "index j = 1..5\nreservoir y[j] = output(start = 1 mM)\nclassify d[j] = ln(y[j] / 1 mM)\n"
    + ENZYME.format("one[j]", "x -> y[j]", "1 nM", "1 mM", 10)
    + ENZYME.format("two[j]", "x -> y[j]", "1 nM", "1 mM", 1000)
    + TWICE.replace("y", "y[1]"),
    "drivable": MOLECULES
    + WASTE
    + Y
    + react("one", "x <-> y", "train 2")
    + react("two", "x <-> y", 2)
    + react("three", "2 x <-> y + waste", 4e-3, "1 mM^-1/s"),
    "long-cycle": MOLECULES
    + Y
    + "index j = 1..12\nreservoir h[j] = floating(start = 1 mM)\n"
    + react("ring[j where j < 12]", "h[j] <-> h[j + 1]", 2)
    + react("close", "h[12] <-> h[1]", 2)
    + react("feed", "x <-> h[1]", 1)
    + react("out", "h[6] <-> y", 1)
    + TWICE,
    "irreversible": MOLECULES
    + Y
    + WASTE
    + "reservoir a = floating(start = 1 mM)\nreaction feed: x => a = mass_action(k = 1 s^-1)\n"
    + "enzyme out: a -> waste = saturable_decay(total = 1 nM, k_cat = 1 s^-1, K_M = 1 mM)\n"
    + TWICE,
    "broad": DOTS
    + "reservoir y = output(capacitance = 100 pF)\nreadout z = y / 1 kT\n"
    + NDC.format("a", "5 GHz", "20 GHz")
    + NDC.format("b", "6 GHz", "1 GHz")
    + NDC.format("fine", "1 GHz", "1 GHz"),
    "fluctuating": DOTS
    + "index j = 1..3\nreservoir h[j] = floating(capacitance = 1 fF)\nreservoir y = output(capacitance = 1 pF)\n"
    + "readout z = y / 1 kT\n"
    + NDC.format("a", "1 GHz", "1 GHz").replace("y", "h[1]")
    + "dot b[j]: h[j] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)\n",
    "charge-on-dots": DOTS
    + "index j = 1..60\nreservoir y = output(capacitance = 10 pF)\nreadout z = y / 1 kT\n"
    + "dot d[j]: x -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)\n"
    + NDC.format("a", "1 GHz", "1 GHz"),
    "bound-to-enzymes": MOLECULES
    + Y
    + "reservoir a = floating(start = 10 uM)\n"
    + ENZYME.format("first", "x -> a", "1 nM", "1 mM", 100)
    + ENZYME.format("second", "a -> y", "20 uM", "40 uM", 100)
    + TWICE,
    "concentrated": MOLECULES.replace("10 mM", "10 M")
    + "reservoir y = output(start = 1 mM)\nreservoir water = fixed(at = 60 M)\nreadout z = y / 1 mM\n"
    + "reservoir a = floating(start = 20 M)\n"
    + react("hydrolyse", "x + water <-> a + y", 1, "1 mM^-1/s"),
    "frozen": MOLECULES.replace("300 K", "100 mK") + Y + TWICE,
    "driven-many": MOLECULES + Y + "".join(react(f"r{k}", "x <-> y", k) for k in range(1, 11)) + TWICE,
    "too-fast": MOLECULES
    + Y
    + "reservoir a = floating(start = 1 mM)\n"
    + ENZYME.format("first", "x -> a", "1 nM", "1 nM", 1e4)
    + react("pair", "x + a <-> 2 y", 1, "1e8 mM^-1/s"),
}


def examined(text):
    system = derive_system(check_source(Source("model.tnet", text)))
    values = initial_values(system.network)
    return system, values


def warned(text):
    system, values = examined(text)
    return model_warnings(system, values, detailed_balance(system, values))


@pytest.mark.parametrize("name", MODELS)
def test_warnings(name, golden):
    golden.check(f"warnings/{name}.txt", "\n".join(map(str, warned(MODELS[name]))))


@pytest.mark.parametrize("path", ["sine_dots", "sine_enzymes", "mnist_enzymes"])
def test_sound_models_are_not_doubted(path):
    assert warned((MODELS_FOLDER / f"{path}.tnet").read_text()) == ()


def test_drives_are_data_too(tmp_path):
    (tmp_path / "m.tnet").write_text(MODELS["driven"])
    content = json.loads(CliRunner().invoke(cli, ["check", str(tmp_path / "m.tnet"), "--json"]).stdout)
    (drive,) = content["drives"]
    assert drive["cycle"] == "x -> a (feed), a -> y (convert), y -> x (back)"
    assert drive["affinity"] == pytest.approx(np.log(1e6))
    assert [turn["device"] for turn in drive["turns"]] == ["feed", "convert", "back"]
    assert sum(turn["log_K"] for turn in drive["turns"]) == pytest.approx(drive["affinity"])
    assert content["balance"]["examined"] == content["balance"]["fluxes"] == 4
    assert any("a cycle is driven" in warning["message"] for warning in content["warnings"])


def test_the_example_of_the_reference():
    reference = (MODELS_FOLDER.parent / "grammars" / "README.md").read_text(encoding="utf-8")
    wheel = "network wheel" + reference.split("network wheel", 1)[1].split("```", 1)[0]
    system = derive_system(check_source(Source("wheel.tnet", wheel)))
    values = initial_values(system.network)
    told = [str(w) for w in model_warnings(system, values, detailed_balance(system, values)) if "driven" in w.message]
    assert len(told) == 1
    assert told[0] in reference


def placed(kind):
    """Write a network of one device, with drawn parameters, between reservoirs of its own."""
    charge = kind.terminals[0].content == "charge"
    units = Units(0.1 if charge else 310.15)
    text = f"network n\ntemperature {units.temperature} K\n" + ("" if charge else "volume 1 nL\n")
    example = "kT" if charge else "mM"
    setting = "capacitance = 10 pF" if charge else "start = 1 mM"
    for number in range(len(kind.terminals)):
        text += f"reservoir r{number} = {'floating' if number else 'output'}({setting})\n"
    ends = {
        role: [f"r{number}" for number, terminal in enumerate(kind.terminals) if terminal.role == role]
        for role in ("source", "target", "gate")
    }
    wiring = f"{' + '.join(ends['source'])} -> {' + '.join(ends['target'])}"
    wiring += f" gate {', '.join(ends['gate'])}" if ends["gate"] else ""
    drawn = draw(kind, 1)
    given = []
    for parameter in kind.parameters:
        unit = example_unit(parameter.dimension)
        given.append(f"{parameter.name} = {units.express(float(drawn[parameter.symbol][0]), unit or None)!r} {unit}")
    text += f"{'dot' if charge else 'enzyme'} d: {wiring} = {kind.name}({', '.join(given)})\n"
    return text + f"readout z = r0 / 1 {example}\n"


@pytest.mark.parametrize("name", LIBRARY)
def test_every_device_of_the_library_can_be_examined(name):
    network = check_source(Source("model.tnet", placed(library_kind(name))))
    laws = derive_all({name: network.families[0].kind})
    system = System(network, laws, {name: Conductance("none")}, np.zeros((0, 0), int), (), "")
    values = initial_values(network)
    balance = detailed_balance(system, values)
    assert balance.drives == ()
    assert balance.complete
    for warning in model_warnings(system, values, balance):
        assert "nan" not in str(warning)
        assert "inf" not in str(warning)


# --- the numbers behind them ---


def test_what_enzymes_hold_is_that_of_michaelis_and_menten():
    """Bound S is total S / (K_M + S) where P is far from K_P; d bound / d ln S is total K_M S / (K_M + S)^2."""
    text = (
        MOLECULES + WASTE + Y + "reservoir a = floating(start = 1 mM)\n" + react("feed", "x <-> a + y", "1 M", "1 s^-1")
    )
    text += ENZYME.format("e", "a -> waste", "3 uM", "0.5 mM", 100)
    system, values = examined(text)
    points = operating_points(system.network, values)
    (held,) = held_by_devices(system, values, points)
    free = 1 + 1e-6 / 1e-3  # 1 + P / K_P: P is bound in the same complex
    K, S, N = 0.5e-3, 1e-3, 1e-9 * 6.02214076e23
    node = [group.name for group in system.network.reservoirs].index("a")
    assert held.largest[0, node] == pytest.approx(N * 3e-6 * (S / K + free - 1) / (S / K + free))
    assert held.slope[0, node] == pytest.approx(N * 3e-6 * (S / K) / (S / K + free) ** 2)
    assert capacities(system.network, values, points)[0, node] == pytest.approx(N * S)


def test_what_dots_hold_is_a_quarter_of_an_electron_per_kT_at_most():
    text = DOTS + "reservoir y = output(capacitance = 10 pF)\nreadout z = y / 1 kT\n"
    text += "dot d: y -> y2 = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)\n"
    text += "reservoir y2 = floating(capacitance = 10 pF)\ndot i: x -> y = linear_conductance(conductance = 1 nS)\n"
    system, values = examined(text)
    held = held_by_devices(system, values, operating_points(system.network, values))
    names = [group.name for group in system.network.reservoirs]
    slopes = {held_at.terminal: held_at.slope[0] for held_at in held}
    assert slopes[0][names.index("y")] == pytest.approx(0.125)  # half of the filling follows each side
    assert slopes[1][names.index("y2")] == pytest.approx(0.125)


@pytest.mark.parametrize(
    ("device", "terminal", "taken"),
    [
        ("double_dot", 0, [0, 1, 1]),
        ("double_dot", 1, [0, 1, 1]),
        ("michaelis_menten", 1, [0, 1]),
        ("competitive_effector", 2, [0, 0, 1]),
    ],
)
def test_what_states_have_taken_up(device, terminal, taken):
    assert taken_up(library_kind(device), terminal) == taken


def test_a_lever_arm_displaces_charge_at_a_gate():
    text = DOTS + "reservoir y = output(capacitance = 10 pF)\nreadout z = y / 1 kT\n"
    text += "reservoir g = floating(capacitance = 10 pF)\ndot i: x -> g = linear_conductance(conductance = 1 nS)\n"
    text += "dot d: x -> y gate g = gated_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT, lever = 0.4)\n"
    system, values = examined(text)
    held = held_by_devices(system, values, operating_points(system.network, values))
    node = [group.name for group in system.network.reservoirs].index("g")
    (gate,) = [h for h in held if h.terminal == 2]
    # at the middle of the range of x all potentials are 0: filling 1/2, slope -lever/4, displaced lever^2/4
    assert gate.slope[1, node] == pytest.approx(0.4**2 / 4)


def test_how_much_charging_energy_a_dot_needs():
    text = DOTS + "reservoir y = output(capacitance = 10 pF)\nreadout z = y / 1 kT\n"
    text += "dot d: x -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = -4 kT)\n"
    text += "dot l: x -> y = linear_conductance(conductance = 1 nS)\n"
    system, values = examined(text)
    assert second_electron(system, system.network.families[0], values) == pytest.approx(7.0)
    assert second_electron(system, system.network.families[1], values) is None
