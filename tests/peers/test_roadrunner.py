"""Every device for molecules in a small network: the same steady state in libRoadRunner.

Mechanisms are written as what they are, elementary reactions with the enzyme's states as species of conserved total;
closed forms as the rate law of their paper, written once more by hand. Nothing that the compiler derived is used: of
the device only its states, its steps with their rate constants, and the values of its parameters.
"""

import numpy as np
import pytest
import sympy
from symbolic.kinds import LIBRARY, library_kind

import crncompile
from crncompile.network.types import REACTANTS
from peers.sbml import Model

DEVICES = [name for name in LIBRARY if library_kind(name).amount]
SUPPLIES = (0.3, 3.0, 30.0)
"""Concentrations, in mM, that the first substrate is exchanged with, one after the other."""

# Rate laws along the arrow, in mM/s with concentrations in mM.
LAWS = {
    "substrate_inhibited": "total*k_cat*(S - P/K_eq)/K_M/(1 + S/K_M + P/K_P + S**2/(K_M*K_I))",
    "reversible_hill": "total*k_cat*(S/K_M)*(1 - P/(S*K_eq))*(S/K_M + P/K_P)**(h - 1)/(1 + (S/K_M + P/K_P)**h)",
    "modified_hill": "total*k_cat*(S/K_M)*(1 - P/(S*K_eq))*(S/K_M + P/K_P)**(h - 1)"
    "/((1 + (R/K_R)**h)/(1 + alpha*(R/K_R)**h) + (S/K_M + P/K_P)**h)",
    "monod_wyman_changeux": "total*k_cat*(S - P/K_eq)/K_M*(1 + S/K_M + P/K_P)**(sites - 1)/((1 + S/K_M + P/K_P)**sites"
    " + L*((1 + c_A*A/K_A)/(1 + A/K_A))**sites*(1 + c*(S/K_M + P/K_P))**sites)",
    "covalent_modification": "total*k_cat*(S - P/K_eq)/K_M/(1 + S/K_M + P/K_P)*2*k_1*kinase*J_2/(B + (B**2"
    " - 4*(k_2*phosphatase - k_1*kinase)*k_1*kinase*J_2)**(1/2))",
    "passive_diffusion": "permeability*(S - P/K_eq)",
    "linear_exchange": "conductance*log(S*K_eq/P)",
}
INSERTED = {"B": "k_2*phosphatase - k_1*kinase + J_1*k_2*phosphatase + J_2*k_1*kinase"}
# Typical values: an enzyme of 1 uM that turns over a thousand molecules per second, and constants around 1 mM.
TYPICAL = {
    "total": 1e-3,
    "E": 1e-3,
    "k_cat": 1e3,
    "K_eq": 4.0,
    "L": 20.0,
    "c": 0.02,
    "c_A": 0.1,
    "sites": 3.0,
    "h": 2.3,
}
TYPICAL |= {"J_1": 0.1, "J_2": 0.05, "cooperativity": 6.0, "kinase": 0.5, "k_off": 2e3, "permeability": 0.7}
TYPICAL |= {"k_loaded": 1e3, "k_empty": 1e3, "k_inwards": 1e3, "k_outwards": 1e3}


def values_of(kind):
    """Values of parameters and gates by name, in mM and seconds, and supplies of the terminals between them."""
    rng = np.random.default_rng(len(kind.name))
    names = [p.name for p in kind.parameters] + [t.name for t in kind.terminals if t.role == "gate"]
    values = {name: float(f"{TYPICAL.get(name, 1.0) * rng.uniform(0.6, 1.6):.4g}") for name in names}
    supplied = {t.name: {"source": 3.0, "target": 0.1}.get(t.role) for t in kind.terminals}
    return values, {name: float(f"{c * rng.uniform(0.6, 1.6):.4g}") for name, c in supplied.items() if c is not None}


# --- here -------------------------------------------------------------------------------------------------------------


def unit_of(parameter):
    units = {"concentration": " mM", "rate": " s^-1", "number": "", "concentration_rate": " mM/s"}
    return units[str(parameter.dimension)]


def text_of(kind, values, supplies):
    """The device between reservoirs that are each exchanged with a supply of their own, 1 per second."""
    first = next(iter(supplies))
    lines = ["network peer", "temperature 310.15 K", "volume 1 uL"]
    for name, supply in supplies.items():
        kept = "input(range = [0.01 mM, 100 mM])" if name == first else f"fixed(at = {supply!r} mM)"
        role = "output" if name == list(supplies)[-1] else "floating"
        lines += [f"reservoir supply_{name} = {kept}", f"reservoir {name} = {role}(start = {supply!r} mM)"]
        lines.append(f"reaction exchange_{name}: supply_{name} <-> {name} = mass_action(k = 1 s^-1, K_eq = 1)")
    gates = [t.name for t in kind.terminals if t.role == "gate"]
    lines += [f"reservoir {name} = fixed(at = {values[name]!r} mM)" for name in gates]
    settings = ", ".join(f"{p.name} = {values[p.name]!r}{unit_of(p)}" for p in kind.parameters)
    ends = (" + ".join(t.name for t in kind.terminals if t.role == role) for role in ("source", "target"))
    gate = f" gate {', '.join(gates)}" if gates else ""
    lines.append(f"enzyme e: {' -> '.join(ends)}{gate} = {kind.name}({settings})")
    lines.append(f"readout r = {list(supplies)[-1]} / 1 mM")
    return "\n".join(lines)


def solved_here(kind, values, supplies):
    """Concentrations in mM by name, (supplies,)."""
    network = crncompile.loads(text_of(kind, values, supplies))
    solution = network.solve(**{f"supply_{next(iter(supplies))}": SUPPLIES}).raise_for_failure()
    return {name: np.asarray(solution.values[name]) * 1e3 for name in supplies}


# --- there ------------------------------------------------------------------------------------------------------------


def number_of(kind, expression, values):
    """Evaluate an expression of a device without its terminals; concentrations in M behind it."""
    for symbol, value in reversed(kind.lets):
        expression = expression.xreplace({symbol: value})
    molar = {"concentration": 1e-3, "concentration_rate": 1e-3}
    given = {p.symbol: values[p.name] * molar.get(str(p.dimension), 1.0) for p in kind.parameters}
    given |= {t.symbol: values[t.name] * 1e-3 for t in kind.terminals if t.role == "gate"}
    return float(expression.subs(given))


def mechanism(model, kind, values):
    """Write a device's steps as elementary reactions between its states, all of the enzyme in the first at first."""
    population = number_of(kind, kind.population, values) * 1e3
    for position, state in enumerate(kind.states):
        model.let_go(f"state_{state.name}", population if position == 0 else 0.0)
    for step in kind.steps:
        sides, rate = [], sympy.Integer(0)
        for end, counts in ((step.origin, step.reactants), (step.destination, step.products)):
            taken = {t.name: n for t, n in zip(kind.terminals, counts, strict=True) if n}
            sides.append({f"state_{end}": 1, **taken})
        k = number_of(kind, step.forward / REACTANTS, values)
        constants = [k] if step.K_eq is None else [k, -k / number_of(kind, step.K_eq, values)]
        for way, (constant, side) in enumerate(zip(constants, sides, strict=False)):
            molecules = sum(side.values()) - 1
            number = model.number(f"k_{step.name}_{way}", constant * 1e-3**molecules)
            rate += number * sympy.Mul(*(sympy.Symbol(name) ** n for name, n in side.items()))
        model.react(*sides, rate)


def written(text):
    """Read a rate law of this file; S is a symbol here and nothing of sympy's."""
    return sympy.sympify(text, locals={"S": sympy.Symbol("S")})


def closed_form(model, kind, values):
    """Write a device's rate law by its text in this file."""
    law = written(LAWS[kind.name]).subs({sympy.Symbol(name): written(text) for name, text in INSERTED.items()})
    for parameter in kind.parameters:
        model.number(parameter.name, values[parameter.name])
    ends = [{t.name: 1 for t in kind.terminals if t.role == role} for role in ("source", "target")]
    model.react(*ends, law)


def solved_there(roadrunner, kind, values, supplies):
    model = Model()
    one = model.number("exchange_rate", 1.0)
    for name, supply in supplies.items():
        model.hold(f"supply_{name}", supply)
        model.let_go(name, supply)
        law = one * sympy.Symbol(f"supply_{name}") - one * sympy.Symbol(name)
        model.react({f"supply_{name}": 1}, {name: 1}, law)
    for terminal in kind.terminals:
        if terminal.role == "gate":
            model.hold(terminal.name, values[terminal.name])
    (closed_form if kind.current is not None else mechanism)(model, kind, values)
    return steady(roadrunner, model.text(), list(supplies))


def steady(roadrunner, sbml, names):
    """Relax for a long time, then polish by libRoadRunner's own search for steady states."""
    runner = roadrunner.RoadRunner(sbml)
    runner.conservedMoietyAnalysis = True
    runner.integrator.relative_tolerance = 1e-10
    runner.integrator.absolute_tolerance = 1e-14
    runner.simulate(0, 200, 3)
    runner.steadyStateSolver.relative_tolerance = 1e-15
    runner.steadyState()
    return {name: float(runner[f"[{name}]"]) for name in names}


@pytest.mark.parametrize("name", DEVICES)
def test_steady_state_is_that_of_libroadrunner(roadrunner, name):
    kind = library_kind(name)
    assert (kind.current is None) == (name not in LAWS)
    values, supplies = values_of(kind)
    here, first = solved_here(kind, values, supplies), next(iter(supplies))
    for sample, supply in enumerate(SUPPLIES):
        there = solved_there(roadrunner, kind, values, {**supplies, first: supply})
        for reservoir, concentrations in here.items():
            assert concentrations[sample] == pytest.approx(there[reservoir], rel=1e-8), (supply, reservoir)
    moved = [np.max(np.abs(np.log(here[name] / supply))) for name, supply in supplies.items() if name != first]
    assert min(moved) > 0.01, "the device hardly does anything"
