"""SBML Level 3 of small reaction networks, written from nothing but strings: what another program is asked to solve.

Concentrations are in mM, time in seconds, the one compartment has size 1.
"""

from dataclasses import dataclass, field

import sympy

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
<model id="peer">
<listOfCompartments><compartment id="cell" spatialDimensions="3" size="1" constant="true"/></listOfCompartments>
"""


@dataclass
class Model:
    """Species (held ones are boundaries), parameters by name, and reactions with their kinetic laws."""

    species: dict[str, tuple[float, bool]] = field(default_factory=dict)
    parameters: dict[str, float] = field(default_factory=dict)
    reactions: list[tuple[dict[str, int], dict[str, int], sympy.Expr]] = field(default_factory=list)

    def hold(self, name, value):
        self.species[name] = (value, True)

    def let_go(self, name, value):
        self.species[name] = (value, False)

    def number(self, name, value):
        """Return the symbol of a new parameter."""
        self.parameters[name] = float(value)
        return sympy.Symbol(name)

    def react(self, left, right, law):
        """Add a reaction: coefficients by species on both sides, and its rate in species and parameters."""
        self.reactions.append((left, right, law))

    def text(self):
        """Return the whole as SBML."""
        species = "".join(
            f'<species id="{name}" compartment="cell" initialConcentration="{value!r}" hasOnlySubstanceUnits="false" '
            f'boundaryCondition="{str(held).lower()}" constant="{str(held).lower()}"/>\n'
            for name, (value, held) in self.species.items()
        )
        parameters = "".join(
            f'<parameter id="{name}" value="{value!r}" constant="true"/>\n' for name, value in self.parameters.items()
        )
        reactions = "".join(self._reaction(n, *reaction) for n, reaction in enumerate(self.reactions, 1))
        return (
            f"{HEAD}<listOfSpecies>\n{species}</listOfSpecies>\n<listOfParameters>\n{parameters}</listOfParameters>\n"
            f"<listOfReactions>\n{reactions}</listOfReactions>\n</model>\n</sbml>\n"
        )

    def _reaction(self, number, left, right, law):
        def side(what, terms):
            inner = "".join(
                f'<speciesReference species="{name}" stoichiometry="{n}" constant="true"/>' for name, n in terms.items()
            )
            return f"<listOf{what}>{inner}</listOf{what}>" if terms else ""

        used = {symbol.name for symbol in law.free_symbols} & set(self.species)
        others = "".join(f'<modifierSpeciesReference species="{n}"/>' for n in sorted(used - set(left) - set(right)))
        return (
            f'<reaction id="r{number}" reversible="true" fast="false">{side("Reactants", left)}'
            f"{side('Products', right)}{f'<listOfModifiers>{others}</listOfModifiers>' if others else ''}"
            f'<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">{math(law)}</math></kineticLaw></reaction>\n'
        )


_OPERATIONS = {sympy.Add: "plus", sympy.Mul: "times", sympy.Pow: "power", sympy.log: "ln", sympy.exp: "exp"}


def math(expression):
    """Return an expression of symbols and rational numbers as content MathML."""
    if expression.is_Symbol:
        return f"<ci>{expression.name}</ci>"
    if expression.is_Integer:
        return f'<cn type="integer">{expression}</cn>'
    if expression.is_Rational:
        return f'<cn type="rational">{expression.p}<sep/>{expression.q}</cn>'
    operation = _OPERATIONS[expression.func]
    return f"<apply><{operation}/>{''.join(math(argument) for argument in expression.args)}</apply>"
