"""Halves that are Chebyshev series of the potential at their only terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crncompile.backends.chebyshev import Range, Series, polynomials, slopes
from crncompile.backends.halves import Half
from crncompile.backends.separable import Fixed, State

if TYPE_CHECKING:
    from crncompile.backends.low_rank import LowRankFamily

Array = NDArray[Any]
STEP = 2.0
"""Ranges end at multiples of this, in kT."""


class Ranges(NamedTuple):
    """Ranges of the first and of the second potentials."""

    first: Range
    second: Range


@dataclass(frozen=True, eq=False)
class Interpolated(Fixed):
    """What parameters fix, with the values of those ``shared``, and the ``series`` of the halves found so far."""

    shared: tuple[float, ...] = ()
    series: Mapping[Half, Series] = field(default_factory=dict)

    @cached_property
    def sizes(self) -> Interpolated:
        """The same with the factors' absolute values."""
        return replace(self, factor=np.abs(self.factor))


def outward(potentials: Iterable[Array], margin: float = 0.0) -> Range | None:
    """Return the range of finite numbers and a margin, outward to multiples of `STEP`; None where there are none."""
    finite = [u if np.isfinite(u.sum()) else u[np.isfinite(u)] for u in (u.real for u in potentials)]
    ends = [(u.min(), u.max()) for u in finite if u.size]
    if not ends:
        return None
    lower = STEP * np.floor((min(low for low, _ in ends) - margin) / STEP)
    upper = STEP * np.ceil((max(high for _, high in ends) + margin) / STEP)
    return float(lower), float(upper if upper > lower else lower + STEP)


class LowRankState(State):
    """The halves of one family at the potentials of a batch; samples outside a range have no fluxes here."""

    family: LowRankFamily
    fixed: Interpolated
    outside: Array | None = None

    def polynomials(self, half: Half, count: int, along: bool = False) -> Array:
        """Chebyshev polynomials at the potentials of a half, or their derivatives, (count, batch * size).

        They vanish for samples outside.
        """
        port, known, where = self.family.port(half), self.natural.polynomials, self.fixed.series[half].range
        key: tuple[object, ...] = (port.name, half.axes, where)
        if key not in known or len(known[key][1]) < count:
            u = half.spread(self.natural.potential(port.name), port)
            u = np.clip(np.nan_to_num(np.broadcast_to(u, (self.batch, *half.shape)).ravel()), *where)
            known[key] = u, polynomials(u, where, count)
        u, values = known[key]
        if along:
            key = (*key, along)
            if key not in known or len(known[key][1]) < count:
                known[key] = u, slopes(values, u, where)
            values = known[key][1]
        values = values[:count]
        if self.outside is not None:
            values = values * np.repeat(~self.outside, half.size)
        return values

    def _values(self, half: Half, coefficients: Array) -> Array:
        values = self.polynomials(half, coefficients.shape[1])
        found = coefficients.astype(values.dtype, copy=False) @ values
        return np.asarray(found.reshape(len(coefficients), self.batch, half.size))

    def _stack(self, half: Half) -> Array:
        return self._values(half, self.fixed.series[half].coefficients)

    def _slopes(self, half: Half) -> dict[int, Array]:
        return {next(iter(half.ports)): self._values(half, self.fixed.series[half].derivatives)}

    @cached_property
    def _sums(self) -> Array:
        """Sums over the first half: coefficients of a series for each element of the second, (batch, count, size)."""
        through = self.left_through if self.family.first is self.family.left else self.right_through
        coefficients = self.fixed.series[self.family.second].coefficients.astype(through.dtype, copy=False)
        return np.asarray(coefficients.T @ through.transpose(1, 0, 2))

    def _one_series(self, half: Half, along: bool) -> Array:
        """Return the sums of these series, or their derivatives, (batch, size)."""
        count = self.fixed.series[half].count
        values = self.polynomials(half, count, along).reshape(count, self.batch, half.size)
        return np.asarray(np.einsum("kbn,bkn->bn", values, self._sums))

    def flow(self, half: Half) -> Array:
        """Return sums of the fluxes over the other half, (batch, size)."""
        if half is self.family.second and self.family.settled is self.family.first:
            return self._one_series(half, along=False)
        return super().flow(half)

    def flow_slope(self, half: Half, terminal: int) -> Array | None:
        """Return derivatives of `flow` by the potentials at a terminal of this half."""
        if half is self.family.second and self.family.settled is self.family.first:
            return self._one_series(half, along=True)
        return super().flow_slope(half, terminal)
