"""Devices, laws and reactions mean what they say."""

import pytest
import sympy

from crncompile.errors import Source
from crncompile.language.parser import parse
from crncompile.network.devices import device
from crncompile.network.library import standard_library
from crncompile.network.report import Report
from crncompile.network.resolve import resolve
from crncompile.network.types import AFFINITY, REACTANTS
from crncompile.units import CONCENTRATION, NUMBER, RATE, Units

from .mistakes import DOT, DOTS, ENZYME, ENZYMES

UNITS = Units(0.1)


def kind(text, name="mine"):
    model = parse(Source("m", text))
    report = Report()
    library = standard_library().extended(model, report)
    assert not report.faults
    return device(name, library, UNITS)


def families(text):
    network = resolve(parse(Source("model.tnet", text)), standard_library())
    return {family.name: family for family in network.families}


def test_states_and_steps_of_a_dot():
    found = device("resonant_dot", standard_library(), UNITS)
    gamma, level = (parameter.symbol for parameter in found.parameters[1:])
    assert [(state.name, state.energy) for state in found.states] == [("empty", 0), ("filled", level)]
    enter, leave = found.steps
    assert (enter.origin, enter.destination, enter.net) == ("empty", "filled", (-1, 0))
    assert (leave.origin, leave.destination, leave.net) == ("filled", "empty", (0, 1))
    assert leave.forward == gamma / (1 + sympy.exp(-AFFINITY))
    assert enter.K_eq is None
    assert enter.reversible
    assert (enter.law, found.amount, found.population) == ("tunnel", False, 1)


def test_symbols_say_what_is_known_of_their_signs():
    found = device("double_dot", standard_library(), UNITS)
    symbols = {parameter.name: parameter.symbol for parameter in found.parameters}
    assert symbols["coupling"].is_positive
    assert symbols["dephasing"].is_nonnegative
    assert not symbols["dephasing"].is_positive
    assert symbols["level"].is_real
    assert symbols["level"].is_nonnegative is None
    assert all(terminal.symbol.is_real for terminal in found.terminals)
    enzyme = device("michaelis_menten", standard_library(), UNITS)
    assert all(terminal.symbol.is_positive for terminal in enzyme.terminals)
    bounds = {
        parameter.name: (parameter.lower, parameter.upper, parameter.open_lower) for parameter in found.parameters
    }
    assert bounds["lever"] == (0.0, 1.0, False)
    assert bounds["coupling"] == (0.0, float("inf"), True)


def test_lets_use_only_earlier_ones():
    found = device("double_dot", standard_library(), UNITS)
    known = {parameter.symbol for parameter in found.parameters} | {terminal.symbol for terminal in found.terminals}
    for symbol, expression in found.lets:
        assert expression.free_symbols <= known
        known.add(symbol)


def test_a_device_may_be_one_step_without_states():
    text = """device mine: A + B -> C {
  terminal A, B, C: molecules
  parameter k: third_order_rate > 0
  transition turn: 2 A + B => C = mass_action(k = k)
}"""
    found = kind(text)
    assert found.states == ()
    assert found.amount
    assert found.steps[0].reactants == (2, 1, 0)
    assert found.steps[0].forward == found.parameters[0].symbol * REACTANTS


def test_charge_steps_without_energies_have_equilibrium_one():
    text = """device mine: left -> right {
  terminal left, right: charge
  parameter g: rate > 0
  state a
  state b
  transition one: left + a <-> b = tunnel(gamma = g)
  transition two: b <-> a + right = tunnel(gamma = g, K_eq = 2)
}"""
    assert [step.K_eq for step in kind(text).steps] == [1, 2]


def test_a_degeneracy_alone_gives_the_equilibrium():
    text = """device mine: left -> right {
  terminal left, right: charge
  parameter g: rate > 0
  state a
  state b degeneracy 2
  transition one: left + a <-> b = tunnel(gamma = g)
  transition two: b <-> a + right = tunnel(gamma = g)
}"""
    found = kind(text)
    assert [step.K_eq for step in found.steps] == [None, None]
    assert [state.degeneracy for state in found.states] == [1, 2]


@pytest.mark.parametrize(
    "energy",
    ["level + lever * left + (1 - lever) * right", "0.5 * left + 0.25 * right", "level + lever * lever * left"],
)
def test_lever_arms_within_bounds(energy):
    text = f"""device mine: left -> right {{
  terminal left, right: charge
  parameter g: rate > 0
  parameter level: energy
  parameter lever: number in [0, 1]
  let e = {energy}
  state a
  state b energy e
  transition one: left + a <-> b = tunnel(gamma = g)
  transition two: b <-> a + right = tunnel(gamma = g)
}}"""
    if "lever * lever" in energy:
        with pytest.raises(Exception, match="not sure"):
            kind(text)
    else:
        assert kind(text).states[1].energy.name == "e"


def test_reactions_of_one_pattern_share_a_kind():
    text = ENZYMES + ENZYME + "reservoir w = fixed(at = 1 uM)\n"
    text += "reaction one: s <-> p = mass_action(k = 1 s^-1, K_eq = 1)\n"
    text += "reaction two: p <-> w = mass_action(k = 2 s^-1, K_eq = 3)\n"
    text += "reaction three: p => w = mass_action(k = 2 s^-1)\n"
    text += "reaction four: 2 p <-> w = mass_action(k = 2 mM^-1/s, K_eq = 3 mM^-1)\n"
    found = families(text)
    assert found["one"].kind is found["two"].kind
    assert found["one"].kind.name == "mass_action(r1 <-> r2)"
    assert found["three"].kind.name == "mass_action(r1 => r2)"
    assert found["four"].kind.name == "mass_action(2 r1 <-> r2)"
    dimensions = {parameter.name: parameter.dimension for parameter in found["four"].kind.parameters}
    assert dimensions == {"k": RATE / CONCENTRATION, "K_eq": CONCENTRATION**-1}


def test_reactions_of_one_form_but_other_units_have_other_kinds():
    text = ENZYMES + ENZYME + "law mine(k, q) = k * q * reactants\n"
    text += "reaction one: s => p = mine(k = 1 s^-1, q = 2)\nreaction two: s => p = mine(k = 1, q = 2 s^-1)\n"
    found = families(text)
    assert found["one"].kind.name == "mine(r1 => r2)"
    assert found["two"].kind.name == "mine(r1 => r2) #2"


def test_a_law_may_name_a_parameter_like_a_terminal():
    text = ENZYMES + ENZYME + "law mine(r1) = r1 * reactants\nreaction one: s => p = mine(r1 = 1 s^-1)\n"
    found = families(text)["one"].kind
    assert [terminal.name for terminal in found.terminals] == ["reservoir_1", "reservoir_2"]


def test_roles_in_a_reaction_follow_its_turnover():
    text = ENZYMES + ENZYME + "reservoir c = fixed(at = 1 uM)\n"
    text += "reaction one: s + c => p + c = mass_action(k = 1 mM^-1/s)\n"
    roles = {terminal.name: terminal.role for terminal in families(text)["one"].kind.terminals}
    assert roles == {"r1": "source", "r2": "gate", "r3": "target"}


def test_a_reaction_of_charge():
    text = DOTS + DOT + "reaction r: x <-> y = tunnel(gamma = 1 GHz)\n"
    found = families(text)["r"].kind
    assert not found.amount
    assert found.steps[0].K_eq == 1
    assert [(parameter.name, parameter.dimension) for parameter in found.parameters] == [("gamma", RATE)]


def test_a_law_in_affinity_for_molecules():
    text = ENZYMES + ENZYME + "reaction r: s <-> p = hop(w = 1 mM/s, K_eq = 2)\n"
    found = families(text)["r"].kind
    assert {parameter.name: parameter.dimension for parameter in found.parameters}["K_eq"] == NUMBER


def test_contents_pass_along_reactions():
    text = ENZYMES + "reservoir a = floating(start = 1 mM)\nreservoir b = fixed(at = 1 mM)\n"
    text += "reaction one: s <-> a = mass_action(k = 1 s^-1, K_eq = 1)\n"
    text += "reaction two: a <-> p = mass_action(k = 1 s^-1, K_eq = 1)\n"
    text += "reaction three: p <-> b = mass_action(k = 1 s^-1, K_eq = 1)\n"
    network = resolve(parse(Source("model.tnet", text)), standard_library())
    assert {group.content for group in network.reservoirs} == {"molecules"}
