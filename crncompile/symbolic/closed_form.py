"""Whether a current that is stated in closed form vanishes at zero affinity and never runs against it.

Proved where signs decide, found at random points otherwise, and refused where it fails.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.errors import Mistake, ModelError
from crncompile.network.types import DeviceKind, Terminal
from crncompile.symbolic.positivity import Bounded, runs_along
from crncompile.symbolic.sampling import draw, evaluate

Verdict = Literal["proved", "sampled"]
Array = NDArray[np.float64]

POINTS = 1000
_ROUNDING = 1e-9
"""Current at zero affinity that counts as none, relative to the one at 1 kT."""
_SMALLEST = 1e-3
"""Affinity in kT below which rounding may turn the sign of a current."""
_MOST_OPERATIONS, _MOST_SIMPLIFIED = 200, 60
"""Sizes of a current beyond which signs are not looked at, and simplification is not tried: they may take very long."""


@dataclass(frozen=True)
class ClosedForm:
    """How it is known that a current vanishes at zero affinity, and that it never dissipates less than nothing."""

    equilibrium: Verdict
    dissipation: Verdict


def bounds(kind: DeviceKind) -> tuple[Bounded, ...]:
    """Return the parameters of a device that have a lower and an upper bound."""
    ends = [(p.symbol, p.lower, p.upper) for p in kind.parameters]
    return tuple(end for end in ends if math.isfinite(end[1]) and math.isfinite(end[2]))


def examine(kind: DeviceKind, current: sympy.Expr, affinity: sympy.Expr) -> ClosedForm:
    """Examine a closed form, both expressions in terminals and parameters alone.

    Raises ModelError where the current does not vanish at zero affinity, runs against it, or is not a number.
    """
    moved = _Moved(kind, current, affinity)
    if moved.small and runs_along(moved.current, moved.affinity, bounds(kind)):
        return ClosedForm("proved", "proved")
    values = draw(kind, POINTS, seed=1)
    equilibrium = _equilibrium(moved, values)
    _check_dissipation(moved, values)
    return ClosedForm(equilibrium, "sampled")


class _Moved:
    """A current as a function of its affinity, which takes the place of one target's potential."""

    def __init__(self, kind: DeviceKind, current: sympy.Expr, affinity: sympy.Expr):
        self.kind = kind
        self.affinity = sympy.Dummy("affinity", real=True)
        self.target: Terminal = next(t for t in kind.terminals if t.role == "target")
        symbol = self.target.symbol
        if self.target.content == "charge":
            self.balanced = affinity + symbol
            place = self.balanced - self.affinity
        else:
            self.balanced = sympy.exp(sympy.expand_log(affinity + sympy.log(symbol), force=True))
            place = self.balanced * sympy.exp(-self.affinity)
        self.current = current.xreplace({symbol: place})
        self.small = sympy.count_ops(self.current) <= _MOST_OPERATIONS

    def at(self, affinity: float | Array, values: dict[sympy.Symbol, Array]) -> Array:
        """Return the current at an affinity in kT and drawn values of everything else, (count,)."""
        count = len(values[self.target.symbol])
        given = {**values, self.affinity: np.broadcast_to(np.asarray(affinity, float), (count,))}
        return evaluate([self.current], given)[0]


def _equilibrium(moved: _Moved, values: dict[sympy.Symbol, Array]) -> Verdict:
    """Refuse a current that does not vanish at zero affinity; say how it is known."""
    rest, above, below = (moved.at(a, values) for a in (0.0, 1.0, -1.0))
    _check_finite(moved.kind, rest)
    if np.any(np.abs(rest) > _ROUNDING * np.fmax(np.abs(above), np.abs(below))):
        message = f"the current of {moved.kind.name} does not vanish at zero affinity"
        where = sympy.sstr(sympy.simplify(moved.balanced))
        hint = f"at {moved.target.name} = {where} the device is at equilibrium and must carry nothing"
        raise ModelError([Mistake(moved.kind.span, message, hint)])
    resting = moved.current.xreplace({moved.affinity: sympy.Integer(0)})
    return "proved" if _vanishes(resting) else "sampled"


def _vanishes(expression: sympy.Expr) -> bool:
    """Whether an expression is seen to be zero, the cheapest way first."""
    if expression == 0 or sympy.expand(expression) == 0:
        return True
    if sympy.count_ops(expression) > _MOST_SIMPLIFIED:
        return False
    return bool(sympy.simplify(expression.rewrite(sympy.exp)) == 0)


def _check_finite(kind: DeviceKind, current: Array) -> None:
    if np.isfinite(current).mean() < 0.5:
        message = f"the current of {kind.name} is not a finite number at most random points"
        hint = "look for a logarithm or a root of what may be negative, or a quotient that grows without bound"
        raise ModelError([Mistake(kind.span, message, hint)])


def _check_dissipation(moved: _Moved, values: dict[sympy.Symbol, Array]) -> None:
    """Refuse a current that runs against its affinity at a random point, half of them near equilibrium."""
    rng = np.random.default_rng(2)
    near, far = 10 ** rng.uniform(np.log10(_SMALLEST), 0, POINTS), rng.uniform(0, 12, POINTS)
    size = np.where(rng.random(POINTS) < 0.5, near, far)
    affinity = rng.choice([-1.0, 1.0], POINTS) * size
    current = moved.at(affinity, values)
    _check_finite(moved.kind, current)
    production = np.nan_to_num(current * affinity)
    worst = int(np.argmin(production))
    if production[worst] < 0.0:
        raise ModelError([_uphill(moved, values, affinity, worst)])


def _uphill(moved: _Moved, values: dict[sympy.Symbol, Array], affinity: Array, worst: int) -> Mistake:
    kind, target = moved.kind, moved.target
    resting = evaluate([moved.balanced], values)[0]
    charge = target.content == "charge"
    place = resting - affinity if charge else resting * np.exp(-affinity)
    shown = {**values, target.symbol: place}
    point = ", ".join(f"{t.name} = {shown[t.symbol][worst]:.3g}" for t in kind.terminals)
    message = f"the current of {kind.name} runs against its affinity, which the second law forbids"
    hint = f"for example at {point} (in kT or M); a current is positive along the arrow of the device"
    return Mistake(kind.span, message, hint)
