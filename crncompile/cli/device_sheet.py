"""Everything about a device on one sheet, as data and as text."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import click
import sympy
from sympy.core.alphabets import greeks

from crncompile.language import nodes
from crncompile.network.library import Library
from crncompile.network.types import DeviceKind, DeviceParameter, Step
from crncompile.program.kernels import evaluation
from crncompile.symbolic.closed_form import examine
from crncompile.symbolic.device_law import DeviceLaw, derive
from crncompile.symbolic.signs import conductance
from crncompile.units import DIMENSIONS, Units

_VERDICTS = {
    "proved": "positive for all parameters and potentials (proved)",
    "sampled": "positive at random parameters and potentials (sampled, not proved)",
    "negative": "negative somewhere (NDC)",
    "none": "exchanges other than one for one",
}
_COMMANDS = (*(letter for letter in greeks if letter != "omicron"), "hbar")


_LONGEST_LAW = 400
"""Characters of an expression that a sheet shows; sums over trees may have ten thousand."""


def listing(library: Library) -> list[dict[str, Any]]:
    """Return file, name, terminals, text and parameters of every device of a library."""
    return [
        {
            "file": node.span.source.name,
            "name": node.name,
            "wiring": " ".join(node.wiring.span.text.split()),
            "text": node.text,
            "parameters": _stated(node, False),
            "optional": _stated(node, True),
        }
        for node in library.devices.values()
    ]


def _stated(node: nodes.Device, optional: bool) -> list[str]:
    """Return the parameters of a device that have a default, or those that have none."""
    declared = [item for item in node.items if isinstance(item, nodes.Declaration)]
    return [name for item in declared if (item.default is not None) is optional for name in item.names]


def listing_text(entries: Sequence[Mapping[str, Any]], before: str) -> str:
    """Return the listing as text, a heading for each file; ``before`` stands before a name on the command line."""
    parts = []
    for file, group in itertools.groupby(entries, lambda entry: str(entry["file"])):
        parts.append(click.style(f"--- {file} ---", dim=True))
        parts += [_listed(entry) for entry in group]
    more = f"crncompile devices {before}NAME shows one with states and law, --source how it is written"
    return "\n".join([*parts, "", f"Parameters in brackets have a default. {more}."])


def _listed(entry: Mapping[str, Any]) -> str:
    optional = f"[{', '.join(entry['optional'])}]" if entry["optional"] else ""
    wanted = ", ".join([*entry["parameters"], *([optional] if optional else [])])
    return f"{click.style(entry['name'], bold=True)}: {entry['wiring']}\n    {entry['text']}\n    {wanted}"


def sheet(kind: DeviceKind, units: Units) -> dict[str, Any]:
    """Return what is known of a device; raises ModelError where its law can not be derived."""
    law = derive(kind)
    signs = conductance(law)
    show = _Shown(units)
    return {
        "name": kind.name,
        "text": kind.text,
        "terminals": [{"name": t.name, "content": t.content, "role": t.role} for t in kind.terminals],
        "parameters": [_parameter(parameter) for parameter in kind.parameters],
        "states": [
            {"name": s.name, "energy": show.text(s.energy), "degeneracy": show.text(s.degeneracy)} for s in kind.states
        ],
        "steps": [_step(step, kind, show) for step in kind.steps],
        "definitions": {str(symbol): show.text(value) for symbol, value in law.definitions},
        "fluxes": [_flux(law, number, show) for number in range(len(law.fluxes))],
        "evaluation": evaluation(law),
        "unit": "M/s" if kind.amount else "1/s",
        "occupations": {
            s.name: show.text(p) for s, p in zip(kind.states, law.occupations, strict=bool(law.occupations))
        },
        "thermodynamics": _thermodynamics(law),
        "conductance": {"verdict": signs.verdict, "example": dict(signs.example)},
        "counterpart": kind.counterpart,
        "latex": _latex(law, show),
    }


class _Shown:
    """Expressions as text and LaTeX; where a number is hbar in the coherent system, its name is written."""

    def __init__(self, units: Units):
        self.hbar = units.constants()["hbar"][0]

    def named(self, expression: sympy.Expr) -> sympy.Expr:
        """Write hbar for its number, and whole numbers without a point."""
        replaced = {number: self._name(float(number)) for number in expression.atoms(sympy.Float)}
        return sympy.factor_terms(expression.xreplace({n: name for n, name in replaced.items() if name is not None}))

    def _name(self, number: float) -> sympy.Expr | None:
        hbar = sympy.Symbol("hbar", positive=True)
        for power, turns in itertools.product((1, -1, 2, -2), (0, 1, -1)):
            share = number / (self.hbar**power * math.pi**turns)
            if math.isclose(abs(share), round(abs(share)), rel_tol=1e-9) and 1 <= round(abs(share)) <= 16:
                return round(share) * hbar**power * sympy.pi**turns
        return sympy.Integer(int(number)) if number.is_integer() and abs(number) < 1e6 else None

    def text(self, expression: sympy.Expr) -> str:
        """Return an expression as it would be written in a model."""
        text: str = sympy.sstr(self.named(expression), full_prec=False)
        return text.replace("**", "^").replace("log(", "ln(")

    def latex(self, expression: sympy.Expr) -> str:
        """Return an expression in LaTeX."""
        named = self.named(expression)
        names = {symbol: _latex_name(symbol.name) for symbol in named.free_symbols}
        return str(sympy.latex(named, ln_notation=True, mul_symbol=r"\,", symbol_names=names))


def _latex_name(name: str) -> str:
    """Return a name in LaTeX: what follows the first underscore is a subscript, words are upright."""
    head, _, rest = name.partition("_")
    shown = f"\\{head}" if head in _COMMANDS else head if len(head) == 1 else f"\\mathrm{{{head}}}"
    below = rest.strip("_").replace("_", ",\\,")
    return f"{shown}_{{\\mathrm{{{below}}}}}" if below else shown


def _default(expression: sympy.Expr) -> str:
    """Return a default as one would write it: fifteen digits are what a decimal surely keeps in a double."""
    short = {number: sympy.Float(number, 15) for number in expression.atoms(sympy.Float)}
    whole = {n for n in short if float(n).is_integer() and abs(n) < 1e6}
    short |= {n: sympy.Integer(int(n)) for n in whole}
    return str(sympy.sstr(expression.xreplace(short), full_prec=False))


def _parameter(parameter: DeviceParameter) -> dict[str, Any]:
    dimension = str(parameter.dimension)
    known = DIMENSIONS.get(dimension)
    return {
        "name": parameter.name,
        "dimension": dimension,
        "unit": known[1] if known else "",
        "lower": parameter.lower,
        "upper": parameter.upper,
        "open_lower": parameter.open_lower,
        "default": None if parameter.default is None else _default(parameter.default),
    }


def _step(step: Step, kind: DeviceKind, show: _Shown) -> dict[str, Any]:
    names = [terminal.name for terminal in kind.terminals]

    def side(counts: tuple[int, ...], state: str | None) -> str:
        parts = [f"{n if n > 1 else ''} {name}".strip() for n, name in zip(counts, names, strict=True) if n]
        return " + ".join([*parts, *([state] if state else [])])

    arrow = "<->" if step.reversible else "=>"
    return {
        "name": step.name,
        "equation": f"{side(step.reactants, step.origin)} {arrow} {side(step.products, step.destination)}",
        "law": step.law,
        "forward": show.text(step.forward),
        "K_eq": None if step.K_eq is None else show.text(step.K_eq),
        "reversible": step.reversible,
    }


def _flux(law: DeviceLaw, number: int, show: _Shown) -> dict[str, Any]:
    log_K, names = law.log_K[number], [terminal.name for terminal in law.kind.terminals]
    return {
        "law": show.text(law.fluxes[number]),
        "stoichiometry": dict(zip(names, law.stoichiometry[number], strict=True)),
        "standard_affinity": None if log_K is None else show.text(log_K),
    }


def _thermodynamics(law: DeviceLaw) -> dict[str, str] | None:
    """Return how it is known that a closed form vanishes at zero affinity and dissipates; steps do by themselves."""
    if law.kind.current is None:
        return None
    known = examine(law.kind, law.expand(law.fluxes[0]), law.affinity(0))
    return {"equilibrium": known.equilibrium, "dissipation": known.dissipation}


def law_in_latex(kind: DeviceKind, units: Units) -> str:
    """Return the law of a device in LaTeX; raises ModelError where it can not be derived."""
    return _latex(derive(kind), _Shown(units))


def _latex(law: DeviceLaw, show: _Shown) -> str:
    lines = [f"{show.latex(symbol)} &= {show.latex(value)}" for symbol, value in law.definitions]
    names = ["I"] if len(law.fluxes) == 1 else [f"I_{{{n + 1}}}" for n in range(len(law.fluxes))]
    lines += [f"{name} &= {show.latex(flux)}" for name, flux in zip(names, law.fluxes, strict=True)]
    return "\\begin{align}\n  " + " \\\\\n  ".join(lines) + "\n\\end{align}"


# --- text ---


def text(content: Mapping[str, Any]) -> str:
    """Return a sheet as text."""
    sections = [
        ("terminals", [f"{t['name']}: {t['content']}, {t['role']}" for t in content["terminals"]]),
        ("parameters", _aligned([_parameter_cells(p) for p in content["parameters"]])),
        ("states", [_state_line(state) for state in content["states"]]),
        ("steps", _aligned([_step_cells(step) for step in content["steps"]])),
        (f"law, in {content['unit']} along the arrow", [*_law_lines(content), f"evaluated by {content['evaluation']}"]),
        ("thermodynamics of the closed form", _thermodynamic_lines(content)),
        ("differential conductance", _conductance_lines(content)),
    ]
    parts = [f"{content['name']}\n{content['text']}".rstrip()]
    parts += ["\n".join([head, *(f"  {line}" for line in lines)]) for head, lines in sections if lines]
    return "\n\n".join(parts)


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _parameter_cells(parameter: Mapping[str, Any]) -> tuple[str, ...]:
    unit = f" ({parameter['unit']})" if parameter["unit"] else ""
    lower, upper = parameter["lower"], parameter["upper"]
    bounds = ""
    if math.isfinite(lower) and math.isfinite(upper):
        bounds = f"in [{lower:g}, {upper:g}]"
    elif math.isfinite(lower):
        bounds = f"{'>' if parameter['open_lower'] else '>='} {lower:g}"
    default = "" if parameter["default"] is None else f"default {parameter['default']}"
    return parameter["name"], f"{parameter['dimension'].replace('_', ' ')}{unit}", bounds, default


def _state_line(state: Mapping[str, Any]) -> str:
    energy = f", energy {state['energy']}" if state["energy"] != "0" else ""
    return f"{state['name']}{energy}" + (f", degeneracy {state['degeneracy']}" if state["degeneracy"] != "1" else "")


def _step_cells(step: Mapping[str, Any]) -> tuple[str, ...]:
    equilibrium = "" if step["K_eq"] is None else f"K_eq = {step['K_eq']}"
    return f"{step['name']}:", step["equation"], f"{step['law']}: {step['forward']}", equilibrium


def _law_lines(content: Mapping[str, Any]) -> list[str]:
    rows = list(content["definitions"].items())
    fluxes = content["fluxes"]
    names = ["I"] if len(fluxes) == 1 else [f"I{n + 1}" for n in range(len(fluxes))]
    rows += [(name, flux["law"]) for name, flux in zip(names, fluxes, strict=True)]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name.ljust(width)} = {_brief(value)}" for name, value in rows]
    for name, flux in zip(names, fluxes, strict=True):
        gives = ", ".join(f"{n:+d} to {t}" for t, n in flux["stoichiometry"].items() if n)
        standard = flux["standard_affinity"]
        irreversible = "; irreversible, no affinity"
        lines.append(f"{name}: {gives}" + (irreversible if standard is None else f"; standard affinity {standard} kT"))
    return lines


def _brief(expression: str) -> str:
    """Return an expression, or how it begins where it would fill the terminal."""
    if len(expression) <= _LONGEST_LAW:
        return expression
    shown = expression[:_LONGEST_LAW].rpartition(" ")[0].rstrip(" +-")
    return f"{shown} … ({len(expression) - len(shown)} characters more: --json and --latex have them)"


def _thermodynamic_lines(content: Mapping[str, Any]) -> list[str]:
    known = content["thermodynamics"]
    if known is None:
        return []
    words = {"proved": "proved", "sampled": "sampled at random, not proved"}
    return [
        f"no current at zero affinity ({words[known['equilibrium']]})",
        f"never a current against its affinity ({words[known['dissipation']]})",
    ]


def _conductance_lines(content: Mapping[str, Any]) -> list[str]:
    found = content["conductance"]
    lines = [_VERDICTS[found["verdict"]]]
    if found["example"]:
        lines.append("for example at " + ", ".join(f"{n} = {v:.4g}" for n, v in found["example"].items()))
    if content["counterpart"]:
        lines.append(f"monotone counterpart: {content['counterpart']}")
    return lines
