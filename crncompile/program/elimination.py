"""Stationary occupations and currents of a Markov process by eliminating its states one by one, without subtraction.

Grassmann, Taksar and Heyman, Oper. Res. 33, 1107 (1985): a jump into a state that is left out becomes jumps to where
that state leads, in proportion to its rates. All is sums, products and quotients of positive numbers, which keeps every
digit of small occupations (O'Cinneide, Numer. Math. 65, 109, 1993). Jumps between the same states that turn over
different amounts stay apart, so that a state's jumps to itself are the cycles of the process: forward and backward
ones differ by their affinity alone (Hill 1966), and a current is off by rounding of the cycles' rates, not of the much
larger rates at which steps are passed to and fro.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import product

import numpy as np
import sympy

from crncompile.program.calculus import Assignments, Names
from crncompile.program.types import Elimination
from crncompile.symbolic.device_law import DeviceLaw
from crncompile.symbolic.turnover import root_state

Turn = tuple[Fraction, ...]
Key = tuple[int, int, Turn]


def elimination(law: DeviceLaw, most: int, apart: bool = True) -> Elimination | None:
    """Return how the states of a law are eliminated, in an order that keeps the products of rates few.

    None where there are more than ``most`` products. Unless ``apart``, jumps between the same states are thrown
    together and currents are read at the chords: fewer products, more rounding.
    """
    return _Builder(law, most, apart).built()


@dataclass
class _Builder:
    """The process while its states are eliminated: the slots of all jumps there are and were."""

    law: DeviceLaw
    most: int
    apart: bool
    slots: dict[Key | int, int] = field(default_factory=dict)
    loops: dict[int, tuple[int, Turn]] = field(default_factory=dict)
    fill: list[tuple[int, int]] = field(default_factory=list)
    products: list[tuple[int, int, int]] = field(default_factory=list)

    @cached_property
    def names(self) -> list[str]:
        return [state.name for state in self.law.kind.states]

    def built(self) -> Elimination | None:
        self._fill()
        root = self.names.index(root_state(self.law.kind))
        remaining = set(range(len(self.names)))
        pivots, outward, inward = [], [], []
        while len(remaining) > 1:
            state = min(remaining - {root}, key=lambda s: (self._cost(s, remaining), s))
            remaining.remove(state)
            leaving = [(key, slot) for key, slot in self._jumps() if key[0] == state and key[1] in remaining]
            coming = [(key, slot) for key, slot in self._jumps() if key[1] == state and key[0] in remaining]
            before = len(self.products)
            self._pass(coming, leaving)
            if len(self.products) > self.most:
                return None
            pivots.append((state, len(leaving), len(coming), len(self.products) - before))
            outward += [slot for _, slot in leaving]
            inward += [(slot, key[0]) for key, slot in coming]
        return Elimination(
            states=len(self.names),
            slots=len(self.slots),
            rates=len(list(passages(self.law))),
            root=root,
            fill=_table(self.fill, 2),
            pivots=_table(pivots, 4),
            outward=np.array(outward, np.int64),
            inward=_table(inward, 2),
            products=_table(self.products, 3),
            loops=_table([(slot, state) for slot, (state, _) in self.loops.items()], 2),
            turns=np.array([turn for _, turn in self.loops.values()], float)
            .reshape(len(self.loops), len(self.law.fluxes))
            .T,
        )

    def _fill(self) -> None:
        """Give every rate its slot."""
        for rate, (step, origin, destination, sign) in enumerate(passages(self.law)):
            a, b = self.names.index(origin), self.names.index(destination)
            turn = tuple(sign * Fraction(int(n.p), int(n.q)) for n in self.law.crossings.get(step, ()))
            turn = turn if any(turn) else ()
            if self.apart or a == b:
                self._into(self._slot((a, b, turn)), rate)
            else:
                self._into(self._slot((a, b, ())), rate)
                if turn:
                    own = self.slots.setdefault(-1 - rate, len(self.slots))
                    self.loops[own] = (a, turn)
                    self._into(own, rate)

    def _into(self, slot: int | None, rate: int) -> None:
        if slot is not None:
            self.fill.append((slot, rate))

    def _slot(self, key: Key) -> int | None:
        """Return the slot of a jump; none for one from a state to itself that turns nothing over."""
        origin, destination, turn = key
        if origin == destination and not turn:
            return None
        slot = self.slots.setdefault(key, len(self.slots))
        if origin == destination:
            self.loops[slot] = (origin, turn)
        return slot

    def _jumps(self) -> Iterator[tuple[Key, int]]:
        return ((key, slot) for key, slot in list(self.slots.items()) if isinstance(key, tuple))

    def _cost(self, state: int, remaining: set[int]) -> int:
        """Count the products that eliminating a state takes."""
        ends = [key[:2] for key, _ in self._jumps() if key[0] in remaining and key[1] in remaining]
        leaving = sum(a == state != b for a, b in ends)
        return leaving * sum(b == state != a for a, b in ends)

    def _pass(self, coming: list[tuple[Key, int]], leaving: list[tuple[Key, int]]) -> None:
        """Lead all jumps into a state on to where it leads."""
        for ((a, _, first), into), ((_, b, second), out) in product(coming, leaving):
            slot = self._slot((a, b, _sum(first, second)))
            if slot is not None:
                self.products.append((slot, into, out))


def _sum(first: Turn, second: Turn) -> Turn:
    if not first or not second:
        return first or second
    total = tuple(a + b for a, b in zip(first, second, strict=True))
    return total if any(total) else ()


def _table(rows: Sequence[tuple[int, ...]], columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.array(rows, np.int64).reshape(len(rows), columns)


def passages(law: DeviceLaw) -> Iterator[tuple[str, str, str, int]]:
    """Yield step, origin, destination and direction of every jump, in the order of `DeviceLaw.jumps`."""
    for step in law.kind.steps:
        yield (step.name, *step.ends, 1)
        if step.reversible:
            yield (step.name, *reversed(step.ends), -1)  # type: ignore[misc]


# --- as straight-line code --------------------------------------------------------------------------------------------


def straight_line(law: DeviceLaw, plan: Elimination, names: Names) -> tuple[Assignments, tuple[sympy.Expr, ...]]:
    """Return an elimination as assignments, and the fluxes of the law in their terms."""
    return _Writer(law, plan, names).written()


class _Writer:
    """Names what an elimination computes: jumps, what leaves a state, occupations relative to that of the root."""

    def __init__(self, law: DeviceLaw, plan: Elimination, names: Names):
        self.law, self.plan, self.names = law, plan, names
        self.states = [state.name for state in law.kind.states]
        self.terms: dict[int, list[sympy.Expr]] = {slot: [] for slot in range(plan.slots)}
        self.values: dict[int, sympy.Expr] = {}
        self.assignments: list[tuple[sympy.Symbol, sympy.Expr]] = []

    def _define(self, name: str, value: sympy.Expr) -> sympy.Expr:
        if value.is_Atom:
            return value
        symbol = sympy.Symbol(self.names.symbol(name).name, positive=True)
        self.assignments.append((symbol, value))
        return symbol

    def _jump(self, slot: int) -> sympy.Expr:
        """Return the rate of a slot, of which all is known."""
        if slot not in self.values:
            self.values[slot] = self._define(f"jump_{slot}", sympy.Add(*self.terms.pop(slot)))
        return self.values[slot]

    def written(self) -> tuple[Assignments, tuple[sympy.Expr, ...]]:
        rates = [rate for *_, rate in self.law.jumps()]
        for slot, rate in self.plan.fill.tolist():
            self.terms[slot].append(rates[rate])
        back = [self._eliminate(*rows) for rows in pieces(self.plan)]
        weights = {self.plan.root: sympy.Integer(1)}
        for state, leaving, inward in reversed(back):
            coming = sympy.Add(*(self._jump(slot) * weights[origin] for slot, origin in inward))
            weights[state] = self._define(f"weight_{self.states[state]}", coming / leaving)
        norm = self._define("weight", sympy.Add(*weights.values()))
        passing = [self._jump(slot) * weights[state] for slot, state in self.plan.loops.tolist()]
        fluxes = []
        for row in self.plan.turns.tolist():
            net = sympy.Add(*(sympy.nsimplify(turn) * rate for turn, rate in zip(row, passing, strict=True)))
            fluxes.append(self.law.kind.population * net / norm)
        return tuple(self.assignments), tuple(fluxes)

    def _eliminate(
        self, state: int, outward: list[int], inward: list[list[int]], products: list[list[int]]
    ) -> tuple[int, sympy.Expr, list[list[int]]]:
        name = self.states[state]
        leaving = self._define(f"leaving_{name}", sympy.Add(*map(self._jump, outward)))
        shares = {slot: self._jump(slot) / leaving for slot in outward}
        for number, slot in enumerate(outward, 1):
            shares[slot] = self._define(f"share_{name}_{number}", shares[slot])
        for slot, into, out in products:
            self.terms[slot].append(self._jump(into) * shares[out])
        return state, leaving, inward


def pieces(plan: Elimination) -> Iterator[tuple[int, list[int], list[list[int]], list[list[int]]]]:
    """Yield for each state in the order of elimination its slots outward, slots and origins inward, and products."""
    first = np.zeros(3, int)
    for state, *counts in plan.pivots.tolist():
        last = first + counts
        outward, inward, products = (
            table[a:b].tolist()
            for table, a, b in zip((plan.outward, plan.inward, plan.products), first, last, strict=True)
        )
        yield state, outward, inward, products
        first = last
