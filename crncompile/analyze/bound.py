"""What devices hold: electrons on dots, molecules bound to enzymes.

A reservoir's content is said to be its own, dn/du = C; what the states of devices have taken out of it is neglected,
and so is the charge that a gate's potential displaces. Both are known wherever a device states its states: the first
from its transitions, the second from its lever arms. A closed form states none, and nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile import constants as codata
from crncompile.analyze.slots import count, elements, settings, slot_values
from crncompile.network.types import DeviceKind, Family, Network, Reservoir
from crncompile.symbolic.device_law import DeviceLaw
from crncompile.symbolic.graphs import neighbours, towards
from crncompile.symbolic.system import System
from crncompile.symbolic.turnover import tree_and_chords

Array = NDArray[np.float64]
_STEP = 1e-30
MOST_DEVICES = 1_000_000
"""Devices of a family beyond which it is not looked at."""


@dataclass(frozen=True, eq=False)
class Held:
    """What the devices of a family hold at one of their ports, by reservoir of the network, (points, reservoirs).

    ``slope`` is the sum of |d held / du|, ``largest`` the most that one device holds: particles per kT, and particles.
    """

    family: Family
    terminal: int
    slope: Array
    largest: Array


def operating_points(network: Network, values: Mapping[str, Array]) -> Array:
    """Return potentials (mu in kT, or c in M) of all reservoirs at some points, (points, reservoirs).

    Floating reservoirs stand where they start, and inputs all at the lower end, the middle and the upper end of their
    range.
    """
    parts = [_standing(network, group, values) for group in network.reservoirs]
    return np.concatenate(parts, axis=1)


def _standing(network: Network, group: Reservoir, values: Mapping[str, Array]) -> Array:
    if group.coding is not None:
        low, high = group.coding.range
        middle = (low + high) / 2 if group.content == "charge" else np.sqrt(low * high)
        return np.repeat(np.array([[low], [middle], [high]]), count(group.shape), axis=1)
    slot = group.at or group.start
    assert slot is not None
    return np.repeat(slot_values(network, slot, group.shape, values).reshape(1, -1), 3, axis=0)


def capacities(network: Network, values: Mapping[str, Array], points: Array) -> Array:
    """Return dn/du (points, reservoirs) of all reservoirs: electrons or molecules per kT; infinite for held ones."""
    result = np.full(points.shape, np.inf)
    for group in network.floating:
        here = slice(network.offsets[group.name], network.offsets[group.name] + count(group.shape))
        assert group.capacity is not None
        capacity = slot_values(network, group.capacity, group.shape, values).reshape(1, -1)
        result[:, here] = capacity if group.content == "charge" else capacity * codata.N_A * points[:, here]
    return result


def held_by_devices(system: System, values: Mapping[str, Array], points: Array) -> list[Held]:
    """Return what all families with states hold at all their ports."""
    return [
        held
        for family in system.network.families
        if family.kind.states and count(family.shape) <= MOST_DEVICES
        for held in _held(system, family, values, points)
    ]


def _held(system: System, family: Family, values: Mapping[str, Array], points: Array) -> list[Held]:
    law, network = system.laws[family.kind.name], system.network
    nodes, given = at_points(network, family, values, points)
    particles = np.ones(1)
    if family.kind.amount:
        assert family.volume is not None
        particles = codata.N_A * slot_values(network, family.volume, family.shape, values).ravel()
    found = []
    for number, expression in enumerate(_contents(law)):
        if expression == 0 or network.reservoir(family.ports[number].reservoir).held:
            continue
        amount = _with_slope(law, number, expression, given).reshape(len(points), -1) * particles
        slope, largest = np.zeros(points.shape), np.zeros(points.shape)
        for row in range(len(points)):
            np.add.at(slope[row], nodes[number], np.abs(amount[row].imag) / _STEP)
            np.maximum.at(largest[row], nodes[number], amount[row].real)
        found.append(Held(family, number, slope, largest))
    return found


def at_points(
    network: Network, family: Family, values: Mapping[str, Array], points: Array
) -> tuple[NDArray[np.int64], dict[sympy.Symbol, Array]]:
    """Return the reservoirs (terminals, devices) of a family, and terminals and parameters (points * devices,)."""
    first = network.offsets
    nodes = np.stack([first[port.reservoir] + elements(network, family, port) for port in family.ports])
    given = {symbol: np.tile(v, len(points)) for symbol, v in settings(network, family, values).items()}
    return nodes, given | {t.symbol: points[:, at].ravel() for t, at in zip(family.kind.terminals, nodes, strict=True)}


def _with_slope(
    law: DeviceLaw, terminal: int, expression: sympy.Expr, given: Mapping[sympy.Symbol, Array]
) -> NDArray[np.complex128]:
    """Return an expression and, as its imaginary part, its derivative by a terminal's potential (complex step)."""
    end = law.kind.terminals[terminal]
    value = given[end.symbol]
    moved = value + 1j * _STEP if end.content == "charge" else value * (1 + 1j * _STEP)
    with np.errstate(all="ignore"):
        result = np.asarray(law.evaluate([expression], {**given, end.symbol: moved})[0], complex)
    return np.where(np.isfinite(result), result, 0)


def _contents(law: DeviceLaw) -> list[sympy.Expr]:
    """Return what a device holds of each terminal's reservoir, on the average over its states."""
    return [
        law.kind.population * sympy.Add(*(n * p for n, p in zip(taken, law.occupations, strict=True)))
        for taken in (_displaced(law, t) or taken_up(law.kind, t) for t in range(len(law.kind.terminals)))
    ]


def taken_up(kind: DeviceKind, terminal: int) -> list[int]:
    """Return how much every state has taken out of a terminal's reservoir, relative to the state that has the least.

    Where a state can be entered from several reservoirs, the way from this one counts.
    """
    tree, _ = tree_and_chords(kind, sorted(kind.steps, key=lambda step: (step.net[terminal] == 0, any(step.net))))
    joined = neighbours((state.name for state in kind.states), (step.ends for step in tree.values()))
    taken = {kind.states[0].name: 0}
    for b, a in list(towards(kind.states[0].name, joined).items())[1:]:
        step = tree[frozenset((a, b))]
        taken[b] = taken[a] - (step.net[terminal] if step.origin == a else -step.net[terminal])
    return [taken[state.name] - min(taken.values()) for state in kind.states]


def _displaced(law: DeviceLaw, terminal: int) -> list[sympy.Expr]:
    """Return the lever arms of a terminal from which nothing is ever taken; empty for all others."""
    kind = law.kind
    if kind.terminals[terminal].content != "charge" or any(step.net[terminal] for step in kind.steps):
        return []
    return [law.expand(state.energy).diff(kind.terminals[terminal].symbol) for state in kind.states]
