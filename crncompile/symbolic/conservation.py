"""What a network conserves: integer weights w of the floating reservoirs with sum(w n) constant."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from crncompile.network.array_graphs import components
from crncompile.network.types import Family, Network, Port
from crncompile.symbolic.device_law import DeviceLaw
from crncompile.symbolic.elimination import Echelon
from crncompile.symbolic.graphs import parts

HELD = -1
_MOST_MOIETIES = 300


def conserved_totals(network: Network, laws: Mapping[str, DeviceLaw]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the conservation laws of a network, weights (laws, floating reservoirs) and names.

    Reservoirs that exchange units share their weight, so components of the exchange graph stand for them; what other
    reactions demand of the components' weights is a small rational null space.
    """
    labels = [label for group in network.floating for label in group.labels()]
    sizes = [math.prod(group.shape) for group in network.floating]
    offsets = dict(zip((g.name for g in network.floating), itertools.accumulate(sizes, initial=0), strict=False))
    columns = [
        column for family in network.families for column in _columns(network, family, laws[family.kind.name], offsets)
    ]
    component = _components(len(labels), [c for c in columns if _is_exchange(c)])
    demands = _demands(component, columns)
    weights = [np.array(w, np.int64)[component] for w in _null_space(int(component.max(initial=-1)) + 1, demands)]
    matrix = np.array(weights, np.int64).reshape(len(weights), len(labels))
    return matrix, tuple(_name(row, labels) for row in matrix)


Weights = dict[int, int]
Column = tuple[tuple[int, ...], NDArray[np.int64]]


def _columns(network: Network, family: Family, law: DeviceLaw, offsets: Mapping[str, int]) -> list[Column]:
    """Return each flux's stoichiometry and the floating reservoirs that it meets, (terminals, devices); held is -1."""
    where = np.stack([_elements(network, family, port, offsets) for port in family.ports])
    columns = []
    for net in law.stoichiometry:
        active = [t for t, n in enumerate(net) if n != 0]
        columns.append((tuple(net[t] for t in active), where[active]))
    return columns


def _elements(network: Network, family: Family, port: Port, offsets: Mapping[str, int]) -> NDArray[np.int64]:
    """Positions in the state vector of the reservoirs at a port, (devices,); -1 for held ones."""
    group = network.reservoir(port.reservoir)
    devices = int(np.prod(family.shape, dtype=np.int64))
    if group.held:
        return np.full(devices, HELD)
    return offsets[group.name] + flat_index(group.shape, family.shape, port.place.axes, port.place.index).ravel()


def flat_index(
    shape: tuple[int, ...],
    owner: tuple[int, ...],
    axes: tuple[int, ...] | None,
    index: NDArray[np.int64] | None,
) -> NDArray[np.int64]:
    """Return the flat index into an array of ``shape`` for each element of its owner, in the owner's shape."""
    if index is not None:
        return np.broadcast_to(index, owner)
    flat = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape)
    assert axes is not None
    order = np.argsort(axes)
    spread = flat.transpose(order).reshape([owner[a] if a in axes else 1 for a in range(len(owner))])
    return np.broadcast_to(spread, owner)


def _is_exchange(column: Column) -> bool:
    return sorted(column[0]) == [-1, 1]


def _components(size: int, exchanges: list[Column]) -> NDArray[np.int64]:
    pairs = [where[:, (where != HELD).all(axis=0)] for _, where in exchanges]
    ends = np.concatenate([np.zeros((2, 0), np.int64), *pairs], axis=1)
    return components(size, *ends)


def _demands(component: NDArray[np.int64], columns: list[Column]) -> list[Weights]:
    """Return linear demands on the weights of components, each once: sum of coefficient times weight is zero."""
    seen: dict[tuple[tuple[int, int], ...], Weights] = {}
    for net, where in columns if len(component) else ():
        parts = np.where(where == HELD, HELD, component[where])
        for column in _distinct(net, parts).T:
            demand: Weights = {}
            for n, part in zip(net, column.tolist(), strict=True):
                if part != HELD:
                    demand[part] = demand.get(part, 0) + n
            demand = {part: n for part, n in demand.items() if n != 0}
            if demand:
                seen[tuple(sorted(demand.items()))] = demand
    return list(seen.values())


def _distinct(net: tuple[int, ...], parts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the different columns of ``parts`` (terminals, devices) that demand anything."""
    if sorted(net) == [-1, 1]:
        open_ended = parts[:, parts[0] != parts[1]]  # an exchange within a component demands nothing
        top = np.unique(open_ended.max(axis=0))
        return np.stack([top, np.full(len(top), HELD)])
    return np.unique(parts, axis=1)


def _null_space(count: int, demands: list[Weights]) -> list[list[int]]:
    """Integer basis of the weights that meet all demands, found separately in each coupled set of components."""
    coupled = [sorted(part) for part in parts(range(count), (pair for demand in demands for pair in pairwise(demand)))]
    part_of = {member: number for number, part in enumerate(coupled) for member in part}
    made: list[list[Weights]] = [[] for _ in coupled]
    for demand in demands:
        made[part_of[next(iter(demand))]].append(demand)
    found = [vector for part, rows in zip(coupled, made, strict=True) for vector in _basis(rows, part)]
    return [[vector.get(component, 0) for component in range(count)] for vector in found]


def _basis(demands: list[Weights], members: list[int]) -> list[Weights]:
    """Integer basis of what meets the demands: moieties without negative weights, as far as there are such."""
    echelon = Echelon()
    for demand in sorted(demands, key=len):
        if len(echelon.rows) == len(members):
            return []
        echelon.add(demand)
    whole = [echelon.null_vector(member) for member in members if member not in echelon.rows]
    if all(weight >= 0 for vector in whole for weight in vector.values()):
        return whole  # null vectors of smallest support
    whole = [v if sum(v.values()) >= 0 else {member: -w for member, w in v.items()} for v in whole]
    rows = [[demand.get(member, 0) for member in members] for demand in demands]
    moieties = [dict(zip(members, weights, strict=True)) for weights in _moieties(rows, len(members))]
    independent, chosen = Echelon(), list[Weights]()
    for candidate in (*moieties, *whole):
        if len(chosen) < len(whole) and independent.add(candidate) is None:
            chosen.append(candidate)
    return chosen


def _moieties(rows: list[list[int]], size: int) -> list[list[int]]:
    """Non-negative integer null vectors of smallest support (Farkas's algorithm; Schuster and Hilgetag 1995).

    Their number can grow exponentially; the search ends, with none, where there are too many.
    """
    table = [([row[n] for row in rows], [int(k == n) for k in range(size)]) for n in range(size)]
    for k in range(len(rows)):
        up, down = ([r for r in table if sign * r[0][k] > 0] for sign in (1, -1))
        table = [r for r in table if r[0][k] == 0]
        if len(up) * len(down) + len(table) > _MOST_MOIETIES:
            return []
        for (a, x), (b, y) in itertools.product(up, down):
            p, q = -b[k], a[k]
            combined = [p * m + q * n for m, n in zip((*a, *x), (*b, *y), strict=True)]
            divisor = math.gcd(*combined)
            combined = [c // divisor for c in combined]
            table.append((combined[: len(rows)], combined[len(rows) :]))
    return sorted((w for _, w in table), key=lambda w: (sum(n != 0 for n in w), [-n for n in w]))


def _name(weights: NDArray[np.int64], labels: list[str]) -> str:
    """``total of a, 2 b``; long ones are cut in the middle."""
    members = [labels[n] if weights[n] == 1 else f"{weights[n]} {labels[n]}" for n in np.flatnonzero(weights)]
    shown = members if len(members) <= 6 else [*members[:3], "…", members[-1]]
    return "total of " + ", ".join(shown)
