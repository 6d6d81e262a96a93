"""The part of the article on devices: states, transitions, and the law that follows from them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import sympy

from crncompile.export.tex_math import Mathematics, align, is_long
from crncompile.export.tex_words import symbol, unit, words
from crncompile.network.types import DeviceKind, DeviceParameter, State, Step
from crncompile.program.calculus import Names, forward
from crncompile.symbolic.device_law import DeviceLaw
from crncompile.symbolic.signs import Conductance
from crncompile.units import example_unit

_CONTENTS = {"charge": r"$\mu$ in $k_{\mathrm{B}}T$", "molecules": "concentration"}

_IMPLICIT = r"""
The occupations of \texttt{{{name}}} are differentiated by what defines them: where
$\sum_b (k_{{b \to a}} p_b - k_{{a \to b}} p_a) = 0$ for every state $a$, the derivatives $p'$ solve
$\sum_b (k_{{b \to a}} p'_b - k_{{a \to b}} p'_a) = -\sum_b (k'_{{b \to a}} p_b - k'_{{a \to b}} p_a)$ and
$\sum_a p'_a = 0$; those of the fluxes follow by the product rule.
"""


def device_section(law: DeviceLaw, conductance: Conductance, mathematics: Mathematics) -> str:
    """Return the subsection of a device kind."""
    math_ = mathematics.named(_names(law))
    parts = [rf"\subsection{{Device \texttt{{{words(law.kind.name)}}}}}"]
    if law.kind.text:
        parts.append(f"{words(law.kind.text)}.".replace("..", "."))
    parts += _interface(law.kind)
    parts += _mechanism(law, math_)
    parts += _law(law, math_)
    parts.append(_conductance(conductance))
    return "\n\n".join(part for part in parts if part)


def _names(law: DeviceLaw) -> dict[str, str]:
    """Short names for what every derivation has."""
    names = {"weight": "Z", **_numerators(law)}
    if law.solved:
        for state, occupation in zip(law.kind.states, law.occupations, strict=True):
            names[occupation.name] = rf"p_{{\mathrm{{{_word(state.name)}}}}}"
    for step in law.kind.steps:
        text = rf"\mathrm{{{_word(step.name)}}}"
        names |= {
            f"{step.name}_forward": rf"k^{{+}}_{{{text}}}",
            f"{step.name}_backward": rf"k^{{-}}_{{{text}}}",
            f"{step.name}_affinity": rf"a_{{{text}}}",
        }
    return names


def _word(name: str) -> str:
    return words(name).replace("$", "")


def _interface(kind: DeviceKind) -> Iterator[str]:
    roles = [f"${symbol(t.name)}$ ({t.role}, {_CONTENTS[t.content]})" for t in kind.terminals]
    yield f"Terminals: {', '.join(roles)}."
    if kind.parameters:
        yield f"Parameters: {'; '.join(map(_parameter, kind.parameters))}."


def _parameter(parameter: DeviceParameter) -> str:
    text = f"${symbol(parameter.name)}$"
    shown = example_unit(parameter.dimension)
    if math.isfinite(parameter.lower) and math.isfinite(parameter.upper):
        text += f" in $[{parameter.lower:g}, {parameter.upper:g}]$"
    elif parameter.lower == 0:
        text += " $> 0$" if parameter.open_lower else r" $\geq 0$"
    return text + (f" (as in ${unit(shown)}$)" if shown else "")


# --- states and transitions -------------------------------------------------------------------------------------------


def _mechanism(law: DeviceLaw, math_: Mathematics) -> Iterator[str]:
    kind = law.kind
    if kind.lets:
        yield "With"
        yield align([math_.equation(math_.symbol(s.name), value) for s, value in kind.lets])
    if kind.states:
        yield _states(kind.states, math_)
    if kind.steps:
        yield r"Transitions, with the rates of one forward and one backward step:"
        yield align([line for step in kind.steps for line in _step(step, law, math_)])


def _states(states: tuple[State, ...], math_: Mathematics) -> str:
    texts = []
    for state in states:
        text = rf"\textit{{{words(state.name)}}}"
        details = [f"energy ${math_.text(state.energy)}$"] if state.energy != 0 else []
        details += [f"degeneracy ${math_.text(state.degeneracy)}$"] if state.degeneracy != 1 else []
        texts.append(f"{text} ({', '.join(details)})" if details else text)
    return f"States: {', '.join(texts)}."


def _step(step: Step, law: DeviceLaw, math_: Mathematics) -> Iterator[str]:
    arrow = r"\rightleftharpoons" if step.reversible else r"\to"
    left = _side(law.kind, step.reactants, step.origin)
    right = _side(law.kind, step.products, step.destination)
    yield rf"&\text{{{words(step.name)}: }} {left} {arrow} {right}"
    definitions = dict(law.definitions)
    for name, rate in zip(("+", "-"), law.rates[step.name], strict=True):
        if rate != 0:
            shown = rf"k^{{{name}}}_{{\mathrm{{{_word(step.name)}}}}}"
            yield math_.equation(shown, definitions.get(rate, rate))


def _side(kind: DeviceKind, counts: tuple[int, ...], state: str | None) -> str:
    terms = [
        (rf"{n}\," if n > 1 else "") + symbol(t.name) for n, t in zip(counts, kind.terminals, strict=True) if n > 0
    ]
    terms += [rf"\mathit{{{_word(state)}}}"] if state else []
    return " + ".join(terms) or r"\varnothing"


# --- law --------------------------------------------------------------------------------------------------------------


def flux_name(kind: str, flux: int, count: int) -> str:
    r"""Return the symbol of a flux: ``\varphi`` with the device's name, numbered where there are several."""
    number = f",{flux + 1}" if count > 1 else ""
    return rf"\varphi_{{\text{{{words(kind)}}}{number}}}"


def _parted(law: DeviceLaw, math_: Mathematics) -> tuple[list[tuple[sympy.Symbol, sympy.Expr]], list[sympy.Expr]]:
    """Return long numerators of fluxes by names of their own, and the fluxes in these names.

    A fraction is never broken into lines, a sum is. No name of a model has a space.
    """
    numerators, fluxes = [], []
    for number, flux in enumerate(law.fluxes):
        top, bottom = sympy.fraction(flux)
        if bottom != 1 and is_long(math_.text(top)):
            numerators.append((sympy.Symbol(f"numerator {number + 1}"), top))
            flux = numerators[-1][0] / bottom
        fluxes.append(flux)
    return numerators, fluxes


def _numerators(law: DeviceLaw) -> dict[str, str]:
    """Short names for numerators of fluxes."""
    count = len(law.fluxes)
    return {f"numerator {f + 1}": rf"\mathcal{{N}}{f'_{{{f + 1}}}' if count > 1 else ''}" for f in range(count)}


def _law(law: DeviceLaw, math_: Mathematics) -> Iterator[str]:
    kind, count = law.kind, len(law.fluxes)
    affinities = {f"{step.name}_affinity" for step in kind.steps}
    rest = [(s, v) for s, v in law.definitions if s.name in affinities or s.name == "weight"]
    how = "matrix-tree theorem (King and Altman 1956; Hill 1966)" if kind.states else "law of the step"
    how = "closed form that the device states" if kind.current is not None else how
    if law.solved:
        yield from _stationary(law, math_)
        how = "steps that close its cycles"
    yield f"Steady flux in {'M/s' if kind.amount else 'turnovers per second'}, by the {how}:"
    numerators, fluxes = _parted(law, math_)
    lines = [math_.equation(math_.symbol(s.name), value) for s, value in [*rest, *numerators]]
    lines += [math_.equation(flux_name(kind.name, f, count), flux) for f, flux in enumerate(fluxes)]
    yield align(lines)
    for flux, net in enumerate(law.stoichiometry):
        yield _turnover(law, flux, net, math_)


def _stationary(law: DeviceLaw, math_: Mathematics) -> Iterator[str]:
    """Yield the equations whose solution the occupations are."""
    yield "The occupations $p$ of the states do not change and add up to one:"
    occupied = {state.name: p for state, p in zip(law.kind.states, law.occupations, strict=True)}
    into: dict[str, list[sympy.Expr]] = {name: [] for name in occupied}
    for origin, destination, rate in law.jumps():
        if origin != destination:
            into[destination].append(rate * occupied[origin])
            into[origin].append(-rate * occupied[origin])
    lines = [math_.equation("0", sympy.Add(*terms)) for terms in into.values()]
    yield align([*lines, math_.equation("1", sympy.Add(*law.occupations))])


def _turnover(law: DeviceLaw, flux: int, net: tuple[int, ...], math_: Mathematics) -> str:
    given = [
        f"{'takes' if n < 0 else 'gives'} {abs(n)} {'from' if n < 0 else 'to'} ${symbol(t.name)}$"
        for n, t in zip(net, law.kind.terminals, strict=True)
        if n
    ]
    affinity = "no finite affinity: a step is irreversible"
    if law.log_K[flux] is not None:
        affinity = f"affinity $A = {math_.text(law.affinity(flux))}$"
    return f"One turnover {', '.join(given)}; {affinity}."


def _conductance(conductance: Conductance) -> str:
    positive = "The flux never falls with the source's potential and never rises with the target's"
    return {
        "proved": f"{positive}, proved for all values.",
        "sampled": f"{positive}, at all of several thousand random points.",
        "negative": "The device has negative differential conductance for some values.",
        "none": "",
    }[conductance.verdict]


def slope_section(law: DeviceLaw, mathematics: Mathematics) -> str:
    """Return the derivatives of a device's fluxes by its terminals."""
    terminals = tuple(t.symbol for t in law.kind.terminals)
    names = _names(law)
    plain = mathematics.named(names)
    numerators, fluxes = ([], []) if law.solved else _parted(law, plain)
    definitions = (*law.definitions, *numerators)
    taken = [s.name for s, _ in definitions] + [t.name for t in terminals]
    assignments, table = forward(definitions, fluxes, terminals, Names(taken))
    known = {symbol_ for symbol_, _ in definitions}
    derivatives = {}
    for s, _ in definitions:
        for t in terminals:
            derivatives[f"d_{s.name}_d_{t.name}"] = _partial(plain.symbol(s.name), symbol(t.name))
    math_ = mathematics.named({**names, **derivatives})
    lines = [math_.equation(math_.symbol(s.name), value) for s, value in assignments if s not in known]
    for f, row in enumerate(table):
        left = flux_name(law.kind.name, f, len(law.fluxes))
        for t, value in zip(terminals, row, strict=True):
            if value != 0:
                lines.append(math_.equation(_partial(left, symbol(t.name)), sympy.sympify(value)))
    if law.solved:
        return f"{align(lines)}\n\n{_IMPLICIT.format(name=words(law.kind.name)).strip()}"
    return align(lines)


def _partial(top: str, bottom: str) -> str:
    return rf"\frac{{\partial {top}}}{{\partial {bottom}}}"
