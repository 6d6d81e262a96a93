"""Circuits: the smallest sets of integer vectors that cancel each other, by exact elimination."""

from __future__ import annotations

import math
from fractions import Fraction

Vector = dict[int, Fraction]
Circuit = dict[int, int]
"""How often each column is taken, by its number; the columns then sum to zero."""


class Elimination:
    """Columns (row -> entry) taken one after the other; each that depends on earlier ones closes one circuit.

    What earlier columns it depends on is unique among those kept, so no circuit contains another (the fundamental
    circuits of a matroid; Oxley 2011, section 1.2). ``budget`` bounds the arithmetic: when it is spent, `add` raises
    BudgetSpent.
    """

    def __init__(self, budget: int):
        self.budget = budget
        self.basis: dict[int, tuple[int, Vector, Vector]] = {}

    def add(self, number: int, column: dict[int, int]) -> Circuit | None:
        """Take a column; return the circuit that it closes, in which it is taken a positive number of times."""
        vector: Vector = {row: Fraction(n) for row, n in column.items() if n}
        made: Vector = {number: Fraction(1)}
        while pivots := [(self.basis[row][0], row) for row in vector if row in self.basis]:
            # the earliest first: a kept column has no pivots of earlier ones, so that none comes back
            _, other, of = self.basis[min(pivots)[1]]
            factor = vector[min(pivots)[1]]
            self._spend(len(pivots) + len(other) + len(of))
            _subtract(vector, factor, other)
            _subtract(made, factor, of)
        if not vector:
            return _integers(made)
        pivot = min(vector)
        lead = vector[pivot]
        scaled = [{key: value / lead for key, value in part.items()} for part in (vector, made)]
        self.basis[pivot] = (len(self.basis), scaled[0], scaled[1])
        return None

    def _spend(self, work: int) -> None:
        self.budget -= work
        if self.budget < 0:
            raise BudgetSpentError


class BudgetSpentError(Exception):
    """The elimination would take too long."""


def _subtract(vector: Vector, factor: Fraction, other: Vector) -> None:
    for row, value in other.items():
        left = vector.get(row, Fraction(0)) - factor * value
        if left:
            vector[row] = left
        else:
            vector.pop(row, None)


def _integers(vector: Vector) -> Circuit:
    scale = math.lcm(*(value.denominator for value in vector.values()))
    whole = {number: int(value * scale) for number, value in vector.items()}
    divisor = math.gcd(*whole.values())
    return {number: n // divisor for number, n in whole.items()}
