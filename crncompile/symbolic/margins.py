"""Differential conductances that are positive in part of the range of potentials: bounds of their signs on a box."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from crncompile.symbolic.closed_form import bounds
from crncompile.symbolic.device_law import DeviceLaw
from crncompile.symbolic.positivity import MOST_OPERATIONS, is_positive, terms_of, terms_positive
from crncompile.symbolic.signs import exchange


@dataclass(frozen=True)
class Margins:
    """Where a device that moves one unit between two terminals conducts in the usual sense.

    ``of`` has the ends at which that is not proved everywhere, each with an expression of the ``low`` and ``high``
    values of all terminals: where it is positive, dI/du_source > 0 (or dI/du_target < 0) at all values between. It is
    None where no such expression is known.
    """

    low: tuple[sympy.Symbol, ...]
    high: tuple[sympy.Symbol, ...]
    of: Mapping[int, sympy.Expr | None]


def margins(law: DeviceLaw) -> Margins | None:
    """Return the margins of a device; None for one with other than two ends, or whose fluxes are solved for."""
    ends = exchange(law)
    if ends is None or law.solved:
        return None
    flux, bounded = law.expand(law.fluxes[0]), bounds(law.kind)
    terminals = [t.symbol for t in law.kind.terminals]
    low, high = (
        tuple(sympy.Symbol(f"{s.name}_{side}", positive=s.is_positive or None, real=True) for s in terminals)
        for side in ("low", "high")
    )
    slopes = {end: sign * flux.diff(terminals[end]) for end, sign in zip(ends, (1, -1), strict=True)}
    of = {
        end: _least(slope, dict(zip(terminals, low, strict=True)), dict(zip(terminals, high, strict=True)))
        for end, slope in slopes.items()
        if not is_positive(slope, bounded)
    }
    return Margins(low, high, of)


def _least(
    slope: sympy.Expr, low: Mapping[sympy.Symbol, sympy.Symbol], high: Mapping[sympy.Symbol, sympy.Symbol]
) -> sympy.Expr | None:
    """Return what the numerator of a quotient of polynomials of positive numbers is at least.

    Its positive terms are least at the low values, its negative ones at the high values.
    """
    if sympy.count_ops(slope) > MOST_OPERATIONS or not all(s.is_positive for s in low if slope.has(s)):
        return None
    numerator, denominator = sympy.fraction(sympy.together(slope))
    if not (numerator.is_polynomial(*low) and denominator.is_polynomial(*low) and terms_positive(denominator)):
        return None
    terms = terms_of(numerator)
    if not all(term.is_positive or term.is_negative for term in terms):
        return None
    return sympy.Add(*(term.xreplace(low if term.is_positive else high) for term in terms))
