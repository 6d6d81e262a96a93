"""Exact elimination of sparse integer vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

Vector = dict[int, Fraction]


class BudgetSpentError(Exception):
    """The elimination would take too long."""


class Echelon:
    """Vectors (key -> entry) reduced by each other, in the order in which they come.

    Only keys from 0 are eliminated. Others may keep a record: what a vector that reduces to nothing was made of is
    unique among those kept, so that it is a circuit, and none contains another (Oxley 2011, Matroid Theory, 1.2).
    ``budget`` bounds the entries that are touched; when it is spent, `add` raises BudgetSpentError.
    """

    def __init__(self, budget: float = math.inf):
        self.budget = budget
        self.rows: dict[int, tuple[int, Vector]] = {}

    def add(self, vector: Mapping[int, int]) -> dict[int, int] | None:
        """Take a vector and return None; or the record of one that depends on earlier ones, in smallest integers."""
        rest = {key: Fraction(n) for key, n in vector.items() if n}
        # The earliest row first: a row has no pivots of earlier ones, so that none comes back.
        while pivots := [(self.rows[key][0], key) for key in rest if key in self.rows]:
            _, pivot = min(pivots)
            self._subtract(rest, rest[pivot], self.rows[pivot][1])
        pivot = max(rest, default=-1)  # the newest key, by the older ones: chains stay short
        if pivot < 0:
            return integers(rest)
        lead = rest[pivot]
        self.rows[pivot] = len(self.rows), {key: value / lead for key, value in rest.items()}
        return None

    def _subtract(self, vector: Vector, factor: Fraction, row: Vector) -> None:
        self.budget -= 1 + len(row)
        if self.budget < 0:
            raise BudgetSpentError
        for key, value in row.items():
            left = vector.get(key, Fraction(0)) - factor * value
            if left:
                vector[key] = left
            else:
                vector.pop(key, None)

    def null_vector(self, free: int) -> dict[int, int]:
        """Return the smallest integers, positive at a key that is no pivot and zero at all others, that all rows meet.

        Rows are read as sum(row[key] * answer[key]) = 0.
        """
        answer = {free: Fraction(1)}
        for pivot, (_, row) in reversed(self.rows.items()):
            value = -sum((n * answer[key] for key, n in row.items() if key in answer), Fraction(0))
            if value:
                answer[pivot] = value
        return integers(answer)


def integers(vector: Vector) -> dict[int, int]:
    """Return the smallest integers in the proportions of a vector."""
    scale = math.lcm(*(value.denominator for value in vector.values()))
    whole = {key: int(value * scale) for key, value in vector.items()}
    divisor = math.gcd(*whole.values())
    return {key: n // divisor for key, n in whole.items()}
