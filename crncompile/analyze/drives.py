"""Cycles of a network that something drives: their equilibrium constants do not multiply to one (Wegscheider 1901).

A network without drives has potentials at which every device is at equilibrium: ln K lies in the range of the
transposed stoichiometry. Where it does not, some combination of turns leaves every reservoir as it was and yet has an
affinity, which something outside the model pays. Held reservoirs count as all others: that they are held at different
potentials is a supply, and no drive.

Devices that move one unit from one reservoir to another make a graph, in which a spanning forest gives the cycles.
What other fluxes demand is then a matter of whole trees, and found by exact elimination.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crncompile.analyze.cycle_names import Turn, named_turns
from crncompile.analyze.exchange import NOTHING, ExchangeGraph
from crncompile.analyze.fluxes import Fluxes, reversible_fluxes
from crncompile.analyze.slots import count
from crncompile.network.types import Family
from crncompile.symbolic.elimination import BudgetSpentError, Echelon
from crncompile.symbolic.system import System

Array = NDArray[np.float64]
MOST_NAMED = 6
"""Families whose driven cycles are named."""
_TRIES = 8  # devices of a family, the most driven ones, of which one is looked for that closes a cycle of its own
_MOST_COLUMNS = 20_000
_WORK = 300_000  # entries that the elimination may touch: a good half of a second


@dataclass(frozen=True)
class Drive:
    """A driven cycle, closed by a device of ``family``: what turns over, and its affinity in kT, positive that way.

    ``others`` is the number of further devices of the family that close driven cycles.
    """

    family: Family
    turns: tuple[Turn, ...]
    affinity: float
    others: int

    def __str__(self) -> str:
        return ", ".join(f"{turn.equation} ({turn.device})" for turn in self.turns)


@dataclass(frozen=True)
class Balance:
    """Detailed balance across a network.

    ``drives`` names for each family, `MOST_NAMED` at most, a driven cycle that its devices close; none is a sum of
    others, and devices that agree with those before them name none. ``more`` counts families beyond these.
    ``examined`` of ``fluxes`` reversible ones were looked at, ``irreversible`` ones have no affinity. ``drivable`` is a
    cycle that is balanced, but only as long as its trained parameters keep their values.
    """

    drives: tuple[Drive, ...]
    more: int
    examined: int
    fluxes: int
    irreversible: int
    drivable: Drive | None

    @property
    def complete(self) -> bool:
        """Whether all reversible fluxes were looked at."""
        return self.examined == self.fluxes


def detailed_balance(system: System, values: Mapping[str, Array]) -> Balance:
    """Find the driven cycles of a network; ``values`` are all its parameters in the coherent system."""
    fluxes = reversible_fluxes(system, values)
    balance = _Search(system, fluxes).balance(_irreversible(system))
    if balance.drives:
        return balance
    moved = reversible_fluxes(system, _elsewhere(system, values))
    if all(np.array_equal(a.log_K, b.log_K) for a, b in zip(fluxes, moved, strict=True)):
        return balance
    found = _Search(system, moved).balance(0).drives
    return replace(balance, drivable=found[0] if found else None)


def _irreversible(system: System) -> int:
    laws = system.laws
    return sum(count(f.shape) * laws[f.kind.name].log_K.count(None) for f in system.network.families)


def _elsewhere(system: System, values: Mapping[str, Array]) -> dict[str, Array]:
    """Return the parameters with all trained ones moved at random: what still holds there holds identically.

    ln K is analytic in the parameters, so a demand on it that is no identity holds by chance with probability zero.
    """
    rng = np.random.default_rng(0)
    moved = dict(values)
    for parameter in system.network.parameters:
        if parameter.trained:
            value = np.asarray(values[parameter.name], float)
            moved[parameter.name] = np.where(value == 0, 0.1, value) * (1 + 0.3 * rng.random(value.shape))
    return moved


# --- the search ---

Places = dict[tuple[int, int], int]
"""How often a device turns over, by the number of its flux and its own."""


@dataclass(frozen=True, eq=False)
class _Column:
    """What a flux other than an exchange demands of whole trees, stated by one device for all that demand the same."""

    place: tuple[int, int]
    trees: dict[int, int]
    log_K: float
    devices: int


class _Search:
    """Looks for driven cycles, family by family."""

    def __init__(self, system: System, fluxes: Sequence[Fluxes]):
        self.system, self.fluxes = system, fluxes
        self.labels = [label for group in system.network.reservoirs for label in group.labels()]
        chosen = [k for k, f in enumerate(fluxes) if f.exchanges]
        ends = [_ends(fluxes[k]) for k in chosen] or [np.zeros((2, 0), np.int64)]
        source, target = np.concatenate(ends, axis=1)
        log_K = np.concatenate([np.zeros(0), *(fluxes[k].log_K for k in chosen)])
        self.graph = ExchangeGraph(len(self.labels), source, target, log_K)
        self.first = dict(zip(chosen, np.cumsum([0, *(len(fluxes[k].log_K) for k in chosen)]).tolist(), strict=False))
        self.left_out = 0

    def balance(self, irreversible: int) -> Balance:
        """Return what is found."""
        found = self._exchange_cycles() + self._twins() + self._circuits()
        best: dict[str, tuple[Places, int]] = {}
        for places, closing in found:
            family = self.fluxes[next(iter(places))[0]].family.name
            known, total = best.get(family, (places, 0))
            best[family] = (known, total + closing)
        drives = [self._drive(*item) for item in list(best.values())[:MOST_NAMED]]
        total = sum(len(f.log_K) for f in self.fluxes)
        return Balance(
            tuple(drives), max(0, len(best) - MOST_NAMED), total - self.left_out, total, irreversible, drivable=None
        )

    def _exchange_cycles(self) -> list[tuple[Places, int]]:
        """Return for each flux that exchanges a short driven cycle and how many devices close some.

        It runs over what is balanced and over fluxes before it, so that no two are the same and all are independent.
        Beyond those that can be named the most driven device alone is returned.
        """
        found: list[tuple[Places, int]] = []
        allowed = ~self.graph.driven
        for k, first in self.first.items():
            here = slice(first, first + len(self.fluxes[k].log_K))
            closing = first + np.flatnonzero(self.graph.distinct[here])
            closing = closing[np.argsort(-np.abs(self.graph.missing[closing]), kind="stable")]
            cycle = self._driven(closing, allowed) if len(found) < MOST_NAMED else {int(n): 1 for n in closing[:1]}
            if cycle:
                found.append((self._edges(cycle), len(closing)))
            allowed[here] = True
        return found

    def _driven(self, closing: NDArray[np.int64], allowed: NDArray[np.bool_]) -> Mapping[int, int]:
        """Return the cycle of the first edge that does not agree with those allowed; nothing where all do."""
        cycles = (self.graph.cycle(edge, allowed) for edge in closing[:_TRIES].tolist())
        return next(filter(self.graph.drives, cycles), {})

    def _edges(self, turns: Mapping[int, int]) -> Places:
        """Return turns of edges of the graph as turns of devices."""
        numbers, firsts = list(self.first), list(self.first.values())
        places = {}
        for edge, n in turns.items():
            at = int(np.searchsorted(firsts, edge, side="right")) - 1
            places[numbers[at], edge - firsts[at]] = n
        return places

    def _reduced(self, k: int) -> Array:
        """Return ln K (devices,) of a flux as seen from the roots of the trees that it meets."""
        flux = self.fluxes[k]
        return np.asarray(flux.log_K - np.array(flux.net) @ self.graph.standard[flux.where])

    def _twins(self) -> list[tuple[Places, int]]:
        """Return cycles of two devices of one flux that meet the same trees and differ in ln K."""
        found = []
        for k, flux in enumerate(self.fluxes):
            if flux.exchanges:
                continue
            first, like = self._alike(k)
            reduced = self._reduced(k)
            excess = reduced - reduced[first[like]]
            driven = np.abs(excess) > NOTHING * (1 + np.abs(flux.log_K) + np.abs(reduced))
            if driven.any():
                worst = int(np.argmax(np.abs(excess)))
                found.append(({(k, worst): 1, (k, int(first[like[worst]])): -1}, int(driven.sum())))
        return found

    def _alike(self, k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first device of each set that meets the same trees, and the set of each device."""
        trees = self.graph.component[self.fluxes[k].where]
        _, first, like = np.unique(trees, axis=1, return_index=True, return_inverse=True)
        return first, like.ravel()

    def _columns(self) -> list[_Column]:
        """Return all columns but those that agree with one before them."""
        columns = []
        known: dict[object, list[float]] = {}
        for column in self._all_columns():
            key, log_K = self._direction(column)
            others = known.setdefault(key, [])
            if not any(abs(log_K - other) <= NOTHING * (1 + self._size(column)) for other in others):
                columns.append(column)
                others.append(log_K)
        return sorted(columns, key=lambda column: len(column.trees))

    def _all_columns(self) -> Iterator[_Column]:
        for k, flux in enumerate(self.fluxes):
            if flux.exchanges:
                continue
            first, like = self._alike(k)
            reduced, sizes = self._reduced(k), np.bincount(like)
            for device, size in zip(first.tolist(), sizes.tolist(), strict=True):
                trees: dict[int, int] = {}
                for n, tree in zip(flux.net, self.graph.component[flux.where[:, device]].tolist(), strict=True):
                    trees[tree] = trees.get(tree, 0) + n
                yield _Column((k, device), trees, float(reduced[device]), size)

    def _direction(self, column: _Column) -> tuple[object, float]:
        """Return what a column moves, the same for both directions, and its ln K in that of the two.

        Within trees that are whole it is reservoirs that count: two devices there have cycles of their own.
        """
        k, device = column.place
        trees = {tree: n for tree, n in column.trees.items() if n}
        moved = trees or self.fluxes[k].given(device)
        sign = 1 if moved.get(min(moved, default=0), 0) >= 0 else -1
        return (bool(trees), frozenset((node, sign * n) for node, n in moved.items())), sign * column.log_K

    def _circuits(self) -> list[tuple[Places, int]]:
        """Return driven circuits of columns, those that touch few trees first."""
        columns = self._columns()
        echelon, found = Echelon(_WORK), []
        for number, column in enumerate(columns):
            try:
                circuit = echelon.add(column.trees | {-1 - number: 1}) if number < _MOST_COLUMNS else {}
            except BudgetSpentError:
                circuit = {}
            if circuit == {}:
                self.left_out = sum(left.devices for left in columns[number:])
                break
            taken = {columns[-1 - record]: n for record, n in (circuit or {}).items()}
            affinity = sum(n * c.log_K for c, n in taken.items())
            if abs(affinity) > NOTHING * (1 + sum(abs(n) * self._size(c) for c, n in taken.items())):
                found.append(({c.place: n for c, n in taken.items()}, column.devices))
        return found

    def _size(self, column: _Column) -> float:
        k, device = column.place
        return abs(float(self.fluxes[k].log_K[device])) + abs(column.log_K)

    def _drive(self, places: Places, closing: int) -> Drive:
        """Close a combination of turns over the forest, turn it so that its affinity is positive, and name it."""
        family = self.fluxes[next(iter(places))[0]].family
        given: dict[int, int] = {}
        for (k, device), n in places.items():
            for node, amount in self.fluxes[k].given(device).items():
                given[node] = given.get(node, 0) + n * amount
        whole = places | self._edges(self.graph.balance({node: n for node, n in given.items() if n}))
        affinity = float(sum(n * self.fluxes[k].log_K[device] for (k, device), n in whole.items()))
        sign = 1 if affinity >= 0 else -1
        turns = [(self.fluxes[k], device, sign * n) for (k, device), n in whole.items()]
        return Drive(family, named_turns(turns, self.labels), abs(affinity), closing - 1)


def _ends(flux: Fluxes) -> NDArray[np.int64]:
    """Return source and target (2, devices) of an exchange."""
    return flux.where[[flux.net.index(-1), flux.net.index(1)]]
