"""Oscillation, recognised from a followed path."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from crncompile.solve.problem import Array

CYCLES = 3
"""Cycles that must agree."""


class Cycle(NamedTuple):
    """An oscillation: period in s, swing of every reservoir (n,) in kT, its middle (n,), and whether it shrinks."""

    period: float
    swing: Array
    middle: Array
    shrinks: bool


def find_cycle(times: Array, path: Array) -> Cycle | None:
    """Find a sustained oscillation at the end of a path: states (steps, n) at times (steps,).

    Upward crossings of the middle, by the reservoir that swings most, must come at even intervals (2 %), and every
    reservoir's swing must be the same from cycle to cycle (0.5 %).
    """
    if len(times) < 8 * CYCLES:
        return None
    recent = path[len(path) // 2 :]
    leader = int(np.argmax(np.ptp(recent, axis=0)))
    x, middle = path[:, leader], (recent[:, leader].max() + recent[:, leader].min()) / 2
    up = np.flatnonzero((x[:-1] < middle) & (x[1:] >= middle))[-CYCLES - 1 :]
    if len(up) <= CYCLES:
        return None
    crossings = times[up] + (middle - x[up]) / (x[up + 1] - x[up]) * (times[up + 1] - times[up])
    periods = np.diff(crossings)
    swings = np.array([np.ptp(path[a : b + 2], axis=0) for a, b in pairwise(up)])
    even = np.ptp(periods) <= 0.02 * periods.mean()
    steady = np.ptp(swings[:, leader]) <= 0.005 * swings[:, leader].mean() and swings[:, leader].min() > 1e-2
    if not (even and steady):
        return None
    last = path[up[-2] : up[-1] + 2]
    shrinks = bool((np.diff(swings[:, leader]) < 0).all())
    return Cycle(float(periods.mean()), swings.mean(axis=0), (last.max(axis=0) + last.min(axis=0)) / 2, shrinks)


def find_runaway(path: Array) -> tuple[int, float] | None:
    """Find a reservoir that moved by more than 5 kT in one direction over the last half of a path, and by how much."""
    recent = path[len(path) // 2 :]
    if len(recent) < 20:
        return None
    moves = np.diff(recent, axis=0)
    travel = np.where((moves >= 0).all(axis=0) | (moves <= 0).all(axis=0), recent[-1] - recent[0], 0)
    fastest = int(np.argmax(np.abs(travel)))
    return (fastest, float(travel[fastest])) if abs(travel[fastest]) > 5 else None
