"""The sign of a device's differential conductances: proved where signs decide, sampled otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import sympy

from crncompile.symbolic.device_law import DeviceLaw
from crncompile.symbolic.functions import logistic
from crncompile.symbolic.sampling import draw, evaluate

_SAMPLES = 4000


@dataclass(frozen=True)
class Conductance:
    """Whether a two-terminal device has dI/du_source > 0 and dI/du_target < 0 everywhere.

    ``verdict``: ``proved`` (for all parameters and potentials), ``sampled`` (no exception among random ones),
    ``negative`` (NDC found, at ``example``: values of all terminals and parameters in the coherent system), or
    ``none`` for a device with other than two terminals that carry current.
    """

    verdict: Literal["proved", "sampled", "negative", "none"]
    example: tuple[tuple[str, float], ...] = ()

    @property
    def positive(self) -> bool:
        """Whether no negative differential conductance is known of."""
        return self.verdict in ("proved", "sampled")


def exchange(law: DeviceLaw) -> tuple[int, int] | None:
    """Return source and target terminal of a device that moves one unit from one to the other, else None."""
    if len(law.fluxes) != 1:
        return None
    net = law.stoichiometry[0]
    moved = [n for n in net if n != 0]
    return (net.index(-1), net.index(1)) if sorted(moved) == [-1, 1] else None


def conductance(law: DeviceLaw) -> Conductance:
    """Decide the sign of the differential conductances of a device."""
    ends = exchange(law)
    if ends is None:
        return Conductance("none")
    terminals = [law.kind.terminals[e] for e in ends]
    flux = law.expand(law.fluxes[0])
    slopes = [sympy.diff(flux, t.symbol) for t in terminals]
    slopes[1] = -slopes[1]
    values = draw(law.kind, _SAMPLES)
    scale, *sampled = evaluate([*_scales(law, flux), *slopes], values)
    for slope, terminal in zip(sampled, terminals, strict=True):
        step = 1.0 if terminal.content == "charge" else values[terminal.symbol]
        wrong = np.flatnonzero(slope * step < -1e-9 * scale)
        if wrong.size:
            at = wrong[np.argmin((slope * step / scale)[wrong])]
            return Conductance("negative", tuple((s.name, float(v[at])) for s, v in values.items()))
    return Conductance("proved" if all(is_positive(slope) for slope in slopes) else "sampled")


def _scales(law: DeviceLaw, flux: sympy.Expr) -> list[sympy.Expr]:
    """Return a positive scale for the current: its values with target or source far below, added."""
    far = []
    for number in exchange(law) or ():
        terminal = law.kind.terminals[number]
        low = terminal.symbol - 40 if terminal.content == "charge" else terminal.symbol * sympy.Float(1e-12)
        far.append(sympy.Abs(flux.subs(terminal.symbol, low)))
    return [sympy.Add(*far) + sympy.Float(1e-300)]


def is_positive(expression: sympy.Expr) -> bool:
    """Whether an expression is positive because all terms of numerator and denominator are: sufficient, not necessary.

    Every exponential and Fermi function is a positive number of its own.
    """
    atoms: dict[sympy.Expr, sympy.Symbol] = {}

    def positive(e: sympy.Expr) -> sympy.Symbol:
        return atoms.setdefault(e, sympy.Dummy(f"p{len(atoms)}", positive=True))

    plain = expression.replace(
        lambda e: isinstance(e, (logistic, sympy.exp)), lambda e: positive(e) if e.is_extended_real else e
    )
    numerator, denominator = sympy.fraction(sympy.together(plain))
    return all(_terms_positive(part) for part in (numerator, denominator))


def _terms_positive(expression: sympy.Expr) -> bool:
    if expression.is_positive:
        return True
    if expression.is_Mul or expression.is_Pow:
        factors = expression.args if expression.is_Mul else (expression.base,)
        if all(_terms_positive(f) for f in factors):
            return True
    terms = sympy.Add.make_args(sympy.expand(expression))
    return bool(terms) and all(term.is_positive for term in terms)
