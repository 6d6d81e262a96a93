"""Devices with many states: their steady fluxes solved for numerically, many devices at once, with exact derivatives.

The text of this module is part of every generated module with such a device. Shapes: rates, slots and states come
first, samples (batch and devices, flattened) last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SOLVED_AT_ONCE = 1 << 18  # slots times samples that are solved together, so that they stay in cache


class Rows:
    """Rows of an array to which values are added, several of them to the same row perhaps."""

    def __init__(self, rows: Array):
        self.order = np.argsort(rows, kind="stable")
        ordered = rows[self.order]
        self.first = np.flatnonzero(np.diff(ordered, prepend=-1))
        self.rows = ordered[self.first]

    def add(self, target: Array, values: Array) -> None:
        """Add values (rows, samples) to a target (any, samples), in place."""
        if len(self.order):
            target[self.rows] += np.add.reduceat(values[self.order], self.first, axis=0)


class Pivot(NamedTuple):
    """The elimination of one state: slots that lead from and to it, and the products that stand for both."""

    state: int
    outward: Array
    inward: Array
    origin: Array
    made: Array
    into: Array
    out: Array
    to_inward: Rows
    to_origin: Rows
    to_made: Rows
    to_into: Rows
    to_out: Rows


class Solved(NamedTuple):
    """A process for given rates: jumps (slots, samples), of each pivot the total rate outward and how it is shared."""

    jumps: Array
    leaving: list[Array]
    shares: list[Array]
    occupied: Array
    total: Array


class Chain:
    """A Markov process whose states are eliminated one by one, without subtraction (Grassmann, Taksar, Heyman 1985).

    ``fill``: slot and rate; ``pivots``: state and how many rows of ``outward``, ``inward`` and ``products`` are its;
    ``outward``: slots; ``inward``: slot and origin; ``products``: slot, inward slot, outward slot; ``loops``: slot and
    state; ``turns`` (fluxes, loops): what one passage of a loop adds to the fluxes.
    """

    def __init__(
        self,
        states: int,
        slots: int,
        rates: int,
        fill: Array,
        pivots: Array,
        outward: Array,
        inward: Array,
        products: Array,
        loops: Array,
        turns: Array,
    ):
        self.states, self.slots, self.rates, self.turns = states, slots, rates, turns
        self.filled, self.filling = fill.T
        self.to_filled, self.to_filling = Rows(self.filled), Rows(self.filling)
        self.loop, self.start = loops.T
        self.to_loop, self.to_start = Rows(self.loop), Rows(self.start)
        self.pivots = []
        first = np.zeros(3, int)
        for state, *counts in pivots.tolist():
            last = first + counts
            out, into, made = (t[a:b] for t, a, b in zip((outward, inward, products), first, last, strict=True))
            place = {slot: n for n, slot in enumerate(out.tolist())}
            shares = np.array([place[slot] for slot in made[:, 2].tolist()], int)
            parts = (into[:, 0], into[:, 1], made[:, 0], made[:, 1], shares)
            self.pivots.append(Pivot(state, out, *parts, *map(Rows, parts)))
            first = last

    # --- one chunk of samples ---

    def solve(self, rates: Array) -> Solved:
        """Find the stationary occupations (states, samples) for rates (rates, samples)."""
        jumps = np.zeros((self.slots, rates.shape[1]), rates.dtype)
        self.to_filled.add(jumps, rates[self.filling])
        leaving, shares = [], []
        for pivot in self.pivots:
            outward = jumps[pivot.outward]
            leaving.append(outward.sum(axis=0))
            shares.append(outward / leaving[-1])
            pivot.to_made.add(jumps, jumps[pivot.into] * shares[-1][pivot.out])
        weights = np.ones((self.states, rates.shape[1]), rates.dtype)
        for pivot, away in zip(reversed(self.pivots), reversed(leaving), strict=True):
            weights[pivot.state] = (jumps[pivot.inward] * weights[pivot.origin]).sum(axis=0) / away
        total = weights.sum(axis=0)
        return Solved(jumps, leaving, shares, weights / total, total)

    def passing(self, at: Solved) -> Array:
        """How often each loop is passed per time, (loops, samples)."""
        return np.asarray(at.occupied[self.start] * at.jumps[self.loop])

    def tangent(self, at: Solved, slopes: Array) -> Array:
        """Return the change of the fluxes (fluxes, samples) when rates change with slopes (rates, samples)."""
        jumps = np.zeros_like(at.jumps)
        self.to_filled.add(jumps, slopes[self.filling])
        leaving = []
        for pivot, away, shares in zip(self.pivots, at.leaving, at.shares, strict=True):
            leaving.append(jumps[pivot.outward].sum(axis=0))
            share = (jumps[pivot.outward] - shares * leaving[-1]) / away
            change = jumps[pivot.into] * shares[pivot.out] + at.jumps[pivot.into] * share[pivot.out]
            pivot.to_made.add(jumps, change)
        occupied = np.zeros_like(at.occupied)
        for pivot, away, change in zip(reversed(self.pivots), reversed(at.leaving), reversed(leaving), strict=True):
            coming = jumps[pivot.inward] * at.occupied[pivot.origin] + at.jumps[pivot.inward] * occupied[pivot.origin]
            occupied[pivot.state] = (coming.sum(axis=0) - at.occupied[pivot.state] * change) / away
        occupied -= at.occupied * occupied.sum(axis=0)
        passing = occupied[self.start] * at.jumps[self.loop] + at.occupied[self.start] * jumps[self.loop]
        return np.asarray(self.turns @ passing)

    def adjoint(self, at: Solved, weights: Array) -> Array:
        """Return the derivatives of sum(weights * fluxes) by the rates, (rates, samples)."""
        given = self.turns.T @ weights
        jumps, occupied = np.zeros(at.jumps.shape, given.dtype), np.zeros(at.occupied.shape, given.dtype)
        self.to_loop.add(jumps, given * at.occupied[self.start])
        self.to_start.add(occupied, given * at.jumps[self.loop])
        occupied -= (at.occupied * occupied).sum(axis=0)
        to_leaving = []
        for pivot, away in zip(self.pivots, at.leaving, strict=True):
            share = occupied[pivot.state] / away
            pivot.to_inward.add(jumps, share * at.occupied[pivot.origin])
            pivot.to_origin.add(occupied, share * at.jumps[pivot.inward])
            to_leaving.append(-share * at.occupied[pivot.state])
        backwards = (reversed(part) for part in (self.pivots, at.leaving, at.shares, to_leaving))
        for pivot, away, shares, left in zip(*backwards, strict=True):
            change = jumps[pivot.made]
            to_shares = np.zeros(shares.shape, jumps.dtype)
            pivot.to_out.add(to_shares, change * at.jumps[pivot.into])
            pivot.to_into.add(jumps, change * shares[pivot.out])
            jumps[pivot.outward] += (to_shares - (to_shares * shares).sum(axis=0)) / away + left
        rates = np.zeros((self.rates, jumps.shape[1]), jumps.dtype)
        self.to_filling.add(rates, jumps[self.filled])
        return rates

    # --- all samples ---
    # `outputs` are the rates and, last, the amount that multiplies the fluxes: arrays that broadcast to one shape.

    def fluxes(self, outputs: Sequence[Array]) -> tuple[Array, ...]:
        """Return the fluxes."""
        return self._in_chunks(outputs, lambda at, rest: rest[0] * (self.turns @ self.passing(at)))

    def gross(self, outputs: Sequence[Array]) -> tuple[Array, ...]:
        """Return the fluxes with all loops counted as positive: what their rounding errors are relative to."""
        return self._in_chunks(outputs, lambda at, rest: rest[0] * (np.abs(self.turns) @ self.passing(at)))

    def slopes(
        self, outputs: Sequence[Array], slope_of: Sequence[tuple[int, int]], terminals: int
    ) -> tuple[Array, ...]:
        """Return the fluxes, then their derivatives by the terminals, flux by flux.

        Behind the amount in ``outputs`` stand derivatives of the rates and the amount: number and terminal of each in
        ``slope_of``.
        """

        def chunk(at: Solved, rest: Array) -> Array:
            fluxes, (amount, *slopes) = self.turns @ self.passing(at), rest
            changes = np.zeros((terminals, self.rates + 1, len(amount)), rest.dtype)
            for (rate, terminal), slope in zip(slope_of, slopes, strict=True):
                changes[terminal, rate] = slope
            moved = [amount * self.tangent(at, change[:-1]) + change[-1] * fluxes for change in changes]
            return np.concatenate([amount * fluxes, np.stack(moved, axis=1).reshape(-1, len(amount))])

        return self._in_chunks(outputs, chunk)

    def pull(self, weights: Sequence[Array], outputs: Sequence[Array]) -> tuple[Array, ...]:
        """Return the derivatives of sum(weights * fluxes) by the rates and, last, by the amount."""
        count = len(weights)

        def chunk(at: Solved, rest: Array) -> Array:
            amount, weighting = rest[0], rest[1 : 1 + count]
            by_amount = (weighting * (self.turns @ self.passing(at))).sum(axis=0)
            return np.concatenate([self.adjoint(at, amount * weighting), by_amount[None]])

        return self._in_chunks([*outputs, *weights], chunk)

    def _in_chunks(self, arrays: Sequence[Array], function: Callable[[Solved, Array], Array]) -> tuple[Array, ...]:
        """Solve samples chunk by chunk; ``function`` makes rows of what it is given: the solution, and other rows."""
        shape = np.broadcast_shapes(*(np.shape(a) for a in arrays))
        rows = np.array([np.broadcast_to(a, shape).ravel() for a in arrays])
        step = max(1, SOLVED_AT_ONCE // self.slots)
        parts = []
        with np.errstate(invalid="ignore", divide="ignore"):  # rates that leave nothing to say give NaN
            for first in range(0, max(1, rows.shape[1]), step):
                here = rows[:, first : first + step]
                parts.append(function(self.solve(here[: self.rates]), here[self.rates :]))
        return tuple(row.reshape(shape) for row in np.concatenate(parts, axis=1))


def unpacked(text: str, shape: tuple[int, ...]) -> Array:
    """Read whole numbers from their compressed bytes in base 85."""
    import base64
    import zlib

    raw = zlib.decompress(base64.b85decode("".join(text.split())))
    return np.frombuffer(raw, "<i8").reshape(shape)
