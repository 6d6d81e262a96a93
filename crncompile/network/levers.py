"""Lever arms: how the levels of a device follow the potentials of its terminals."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import sympy

from crncompile.errors import Span
from crncompile.network.report import fault
from crncompile.network.types import DeviceParameter, Terminal

_SLACK = 1e-12
#: Corners of the bounds of so many parameters are looked at.
_MOST_PARAMETERS = 8


def check_levers(
    state: str, span: Span, energy: sympy.Expr, terminals: Sequence[Terminal], parameters: Sequence[DeviceParameter]
) -> None:
    """Check that an energy (lets expanded) is linear in the potentials, with lever arms >= 0 that sum to at most 1.

    The arms are linear in each parameter, so that their extremes lie at corners of the bounds. Raises Fault.
    """
    symbols = [terminal.symbol for terminal in terminals]
    for terminal in terminals:
        if terminal.content == "molecules" and energy.has(terminal.symbol):
            message = f"the energy of state {state} depends on the concentration of {terminal.name}"
            raise fault(span, message, "energies may follow the potentials of charge alone")
    arms = [sympy.expand(energy.diff(symbol)) for symbol in symbols]
    if any(arm.has(*symbols) for arm in arms):
        hint = "write it as level + lever * left + ..."
        raise fault(span, f"the energy of state {state} is not linear in the potentials of the terminals", hint)
    for terminal, arm in zip(terminals, arms, strict=True):
        if _extremes(arm, parameters)[0] < -_SLACK:
            hint = "bound the parameters, for example: parameter lever: number in [0, 1]"
            raise fault(span, f"the lever arm of {terminal.name} on state {state} is not sure to be at least 0", hint)
    if _extremes(sympy.expand(sum(arms)), parameters)[1] > 1 + _SLACK:
        hint = "ground takes the rest: bound the parameters so that the sum can not exceed 1"
        raise fault(span, f"the lever arms on state {state} are not sure to sum to at most 1", hint)


def _extremes(arm: sympy.Expr, parameters: Sequence[DeviceParameter]) -> tuple[float, float]:
    """Return smallest and largest value over the parameters' bounds; infinite where they can not be told."""
    within = [parameter for parameter in parameters if arm.has(parameter.symbol)]
    linear = all(arm.diff(parameter.symbol, 2).is_zero for parameter in within)
    finite = all(math.isfinite(parameter.lower) and math.isfinite(parameter.upper) for parameter in within)
    if not linear or not finite or len(within) > _MOST_PARAMETERS:
        return -math.inf, math.inf
    corners = itertools.product(*((parameter.lower, parameter.upper) for parameter in within))
    names = [parameter.symbol for parameter in within]
    values = [float(arm.subs(dict(zip(names, corner, strict=True)))) for corner in corners]
    return min(values), max(values)
