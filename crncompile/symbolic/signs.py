"""The sign of a device's differential conductances: proved where signs decide, sampled otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.symbolic.closed_form import bounds
from crncompile.symbolic.device_law import DeviceLaw
from crncompile.symbolic.positivity import is_positive
from crncompile.symbolic.sampling import draw

Array = NDArray[np.float64]

_SAMPLES = 4000
_STEP = 1e-30
_ROUNDING = 1e-9


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
    values = draw(law.kind, _SAMPLES)
    scale = _scale(law, ends, values)
    for end, sign in zip(ends, (1.0, -1.0), strict=True):
        slope = sign * slope_at(law, end, values)
        wrong = np.flatnonzero(slope < -_ROUNDING * scale)
        if wrong.size:
            at = wrong[np.argmin((slope / scale)[wrong])]
            return Conductance("negative", tuple((s.name, float(v[at])) for s, v in values.items()))
    return Conductance("proved" if _proved(law, ends) else "sampled")


def slope_at(law: DeviceLaw, terminal: int, values: Mapping[sympy.Symbol, Array]) -> Array:
    """Return the derivative of the first flux by the potential u of a terminal at values (count,): a complex step."""
    moved = law.kind.terminals[terminal]
    one = np.ones_like(values[moved.symbol]) if moved.content == "charge" else values[moved.symbol]
    (flux,) = law.evaluate([law.fluxes[0]], {**values, moved.symbol: values[moved.symbol] + 1j * _STEP * one})
    return np.asarray(flux.imag / _STEP)


def _scale(law: DeviceLaw, ends: tuple[int, int], values: Mapping[sympy.Symbol, Array]) -> Array:
    """Return a positive scale for the current: its values with source or target far below, added."""
    total: Array = np.full(_SAMPLES, 1e-300)
    for end in ends:
        terminal = law.kind.terminals[end]
        here = values[terminal.symbol]
        low = here - 40 if terminal.content == "charge" else here * 1e-12
        total = total + np.abs(law.evaluate([law.fluxes[0]], {**values, terminal.symbol: low})[0])
    if law.solved:  # a difference of passages to and fro, off by their rounding
        total = total + 1e-5 * law.evaluate([law.passages(0)], values)[0]
    return total


def _proved(law: DeviceLaw, ends: tuple[int, int]) -> bool:
    """Whether the signs of the terms of both derivatives decide."""
    if law.solved:
        return False
    flux, bounded = law.expand(law.fluxes[0]), bounds(law.kind)
    source, target = (law.kind.terminals[end] for end in ends)
    if all(is_positive(slope, bounded) for slope in (flux.diff(source.symbol), -flux.diff(target.symbol))):
        return True
    if source.content != "charge":
        return False
    bias = sympy.Dummy("bias", real=True)  # in which even powers are seen to be positive
    flux = flux.xreplace({source.symbol: bias + target.symbol})
    along = flux.diff(bias)
    return is_positive(along, bounded) and is_positive(along - flux.diff(target.symbol), bounded)
