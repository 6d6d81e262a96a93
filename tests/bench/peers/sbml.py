"""A case as SBML Level 3, one reaction an enzyme, every constant a global parameter; inputs are boundary species."""

import sympy

from tests.peers.sbml import HEAD, math

S, P, Vmax, Km, Kp, Keq, Ki, k = sympy.symbols("S P Vmax Km Kp Keq Ki k")
LAW = Vmax * (S - P / Keq) / (Km * (1 + S / Km + P / Kp + S**2 / (Km * Ki)))
LEAK = k * (S - P)


def text(case):
    """Return the SBML of a case: inputs x0, x1, ..., floating species s0, s1, ..., hidden ones first."""
    inputs, hidden, outputs = case.layers
    species = [_species("low", case.low, True)]
    species += [_species(f"x{i}", float(case.u[0, i]), True) for i in range(inputs)]
    species += [_species(f"s{j}", case.start, False) for j in range(hidden + outputs)]
    numbers, reactions = [], []
    law, leak = math(LAW), math(LEAK)
    pairs = [(case.first, i, j, f"x{i}", f"s{j}") for i in range(inputs) for j in range(hidden)]
    pairs += [(case.second, j, o, f"s{j}", f"s{hidden + o}") for j in range(hidden) for o in range(outputs)]
    for n, (layer, i, j, source, target) in enumerate(pairs):
        own = {name: float(value[i, j]) for name, value in vars(layer).items()}
        _add(n, law, source, target, own, numbers, reactions)
    for j, rate in enumerate(case.k):
        _add(len(pairs) + j, leak, f"s{j}", "low", {"k": float(rate)}, numbers, reactions)
    return (
        f"{HEAD}<listOfSpecies>{''.join(species)}</listOfSpecies><listOfParameters>{''.join(numbers)}"
        f"</listOfParameters><listOfReactions>{''.join(reactions)}</listOfReactions></model></sbml>"
    )


def _species(name, value, held):
    truth = str(held).lower()
    return (
        f'<species id="{name}" compartment="cell" initialConcentration="{value!r}" hasOnlySubstanceUnits="false" '
        f'boundaryCondition="{truth}" constant="false"/>'
    )


def _add(number, law, source, target, own, numbers, reactions):
    for name, value in own.items():
        numbers.append(f'<parameter id="{name}{number}" value="{value!r}" constant="true"/>')
        law = law.replace(f"<ci>{name}</ci>", f"<ci>{name}{number}</ci>")
    law = law.replace("<ci>S</ci>", f"<ci>{source}</ci>").replace("<ci>P</ci>", f"<ci>{target}</ci>")
    ends = "".join(
        f'<listOf{side}><speciesReference species="{name}" stoichiometry="1" constant="true"/></listOf{side}>'
        for side, name in (("Reactants", source), ("Products", target))
    )
    reactions.append(
        f'<reaction id="r{number}" reversible="true" fast="false">{ends}<kineticLaw>'
        f'<math xmlns="http://www.w3.org/1998/Math/MathML">{law}</math></kineticLaw></reaction>'
    )
