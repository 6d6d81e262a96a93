"""Numbers that no laboratory has: mistaken units, mostly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.analyze.bound import operating_points
from crncompile.analyze.doubts import Doubt
from crncompile.analyze.slots import count, device_label, settings
from crncompile.network.types import REACTANTS, DeviceKind, Family, Network, Step
from crncompile.symbolic.sampling import evaluate

Array = NDArray[np.float64]
WATER = 55.5
"""Molar concentration of pure water in M."""
SOLUBLE = 10.0
"""Concentration in M that hardly any solution exceeds."""
FASTEST = 1e10
"""Rate constant in 1/(M s) of a reaction at every encounter in water (von Smoluchowski 1917)."""
LIQUID = (250.0, 400.0)
"""Temperatures in K between which solutions in water are liquid, with some room."""


def crowded(network: Network, values: Mapping[str, Array]) -> Iterator[Doubt]:
    """Doubt concentrations that no solution has."""
    points = operating_points(network, values)
    for group in network.reservoirs:
        first = network.offsets[group.name]
        here = points[:, first : first + count(group.shape)].max(axis=0)
        highest = float(here.max())
        is_water = abs(highest - WATER) < 0.01 * WATER
        if group.content == "molecules" and highest > SOLUBLE and not is_water:
            name = group.labels()[int(here.argmax())]
            limit = "pure water has 55.5 M" if highest > WATER else "hardly anything dissolves beyond 10 M"
            message = f"{name} has {highest:.3g} M: {limit}"
            yield Doubt(group.span, highest, message, f"{name} ({highest:.3g} M)", "is the unit meant, M and not mM?")


def frozen(network: Network) -> Iterator[Doubt]:
    """Doubt molecules at temperatures at which nothing is dissolved in water."""
    kelvin = network.units.temperature
    group = next((group for group in network.reservoirs if group.content == "molecules"), None)
    if group is not None and not LIQUID[0] <= kelvin <= LIQUID[1]:
        message = f"{group.name} holds molecules at {kelvin:g} K: water is liquid from 273 K to 373 K"
        yield Doubt(group.span, 1.0, message, "", "affinities count in units of kT at the network's temperature")


def too_fast(network: Network, family: Family, values: Mapping[str, Array]) -> Iterator[Doubt]:
    """Doubt steps that join two molecules faster than they can meet."""
    constants = dict(_second_order(family.kind))
    known = {p.symbol for p in family.kind.parameters}
    constants = {name: k for name, k in constants.items() if k.free_symbols <= known}
    if not constants:
        return
    numbers = evaluate(list(constants.values()), settings(network, family, values))
    name, k = max(zip(constants, numbers, strict=True), key=lambda item: float(np.max(item[1])))
    fastest, label = float(np.max(k)), device_label(family, int(np.argmax(k)))
    if fastest > FASTEST:
        step = f"step {name} of {label}" if family.kind.states else label
        message = f"{step} has a rate constant of {fastest:.2g} M^-1/s: molecules in water meet at 1e9 to 1e10 M^-1/s"
        yield Doubt(family.span, fastest, message, f"{label} ({fastest:.2g} M^-1/s)", "no step can be faster than that")


def _second_order(kind: DeviceKind) -> Iterator[tuple[str, sympy.Expr]]:
    """Yield the rate constants of steps in which two partners meet, forwards and backwards."""
    if any(terminal.content == "charge" for terminal in kind.terminals):
        return
    for step in kind.steps:
        forward = _without_lets(kind, step.forward)
        if not forward.has(REACTANTS):
            continue
        constant = sympy.cancel(forward / REACTANTS)
        if _partners(step, step.reactants) == 2:
            yield step.name, constant
        if step.K_eq is not None and _partners(step, step.products) == 2:
            yield f"{step.name} (backward)", constant / _without_lets(kind, step.K_eq)


def _partners(step: Step, counts: tuple[int, ...]) -> int:
    return sum(counts) + (step.origin is not None)


def _without_lets(kind: DeviceKind, expression: sympy.Expr) -> sympy.Expr:
    for symbol, value in reversed(kind.lets):
        expression = expression.xreplace({symbol: value})
    return expression
