"""Which cycles of a device turn something over, and whether they obey detailed balance (Wegscheider 1901; Hill 1966).

The steps of a device are the edges of a graph of states. A spanning tree leaves one *chord* for each independent
cycle; what a cycle gives to the terminals in one turn is its *turnover*. The steady current of a device is a sum over
chords of the current through the chord times the turnover of its cycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import sympy

from crncompile.errors import Mistake, ModelError
from crncompile.network.types import DeviceKind, Step
from crncompile.symbolic.graphs import ends, neighbours, parts, way


@dataclass(frozen=True)
class Cycle:
    """A fundamental cycle: its chord, the steps it runs through with their direction, and its turnover per terminal."""

    chord: Step
    steps: tuple[tuple[Step, int], ...]
    turnover: tuple[int, ...]

    def name(self, direction: int = 1) -> str:
        """Return the steps in words: ``enter, cross, leave (backward)``."""
        steps = self.steps if direction > 0 else [(step, -sign) for step, sign in reversed(self.steps)]
        return ", ".join(step.name if sign > 0 else f"{step.name} (backward)" for step, sign in steps)

    def log_K(self, logs: Mapping[str, sympy.Expr]) -> sympy.Expr:
        """Sum of ln K over the steps of the cycle."""
        return sympy.Add(*(sign * logs[step.name] for step, sign in self.steps))


def fundamental_cycles(kind: DeviceKind) -> tuple[Cycle, ...]:
    """Return one cycle for each step outside a spanning tree of the states, in the order of the steps.

    The tree is grown from the first state through the earliest steps, so a cycle runs along its chord's forward
    direction.
    """
    if not kind.states:
        return tuple(Cycle(step, ((step, 1),), step.net) for step in kind.steps)
    tree, chords = tree_and_chords(kind, kind.steps)
    joined = neighbours((state.name for state in kind.states), (step.ends for step in tree.values()))
    cycles = []
    for chord in chords:
        origin, destination = chord.ends
        steps = [(chord, 1)]
        for a, b in pairwise(way(destination, origin, joined)):
            step = tree[frozenset((a, b))]
            steps.append((step, 1 if step.origin == a else -1))
        turnover = tuple(sum(sign * step.net[t] for step, sign in steps) for t in range(len(kind.terminals)))
        cycles.append(Cycle(chord, tuple(steps), turnover))
    return tuple(cycles)


def tree_and_chords(kind: DeviceKind, steps: Sequence[Step]) -> tuple[dict[frozenset[str], Step], list[Step]]:
    """Return the steps of a spanning tree by the two states that each joins, the first ones taken, and all others.

    Raises ModelError where the states of the device fall apart.
    """
    tree: dict[frozenset[str], Step] = {}
    chords = []
    part = {state.name: {state.name} for state in kind.states}
    for step in steps:
        origin, destination = step.ends
        if part[origin] is part[destination]:
            chords.append(step)
            continue
        tree[frozenset(step.ends)] = step
        part[origin] |= part[destination]
        part.update(dict.fromkeys(part[destination], part[origin]))
    apart = parts(part, (step.ends for step in tree.values()))
    if len(apart) > 1:
        names = " and ".join("{" + ", ".join(sorted(part)) + "}" for part in apart)
        hint = "add a transition that connects them, or make two devices"
        raise ModelError([Mistake(kind.span, f"the states of {kind.name} fall apart into {names}", hint)])
    return tree, chords


def root_state(kind: DeviceKind) -> str:
    """Return a state to which all others lead, the one with most steps.

    Raises ModelError where irreversible steps end in different states, so that the start decides what is stationary.
    """
    jumps = {step.ends for step in kind.steps} | {step.ends[::-1] for step in kind.steps if step.reversible}
    order = [state.name for state in kind.states]
    last = ends(neighbours(order, jumps, both=False))
    if len(last) > 1:
        names = " or ".join("{" + ", ".join(sorted(end)) + "}" for end in sorted(last, key=sorted))
        message = f"{kind.name} has no steady state of its own: it ends in {names} for good, as its start decides"
        raise ModelError([Mistake(kind.span, message, "add a transition that leads out of one of them")])
    return max(last[0], key=lambda name: (sum(jump.count(name) for jump in jumps), -order.index(name)))


Crossings = dict[str, tuple[sympy.Rational, ...]]


def independent_turnovers(cycles: Sequence[Cycle]) -> tuple[tuple[Cycle, ...], Crossings]:
    """Choose cycles whose turnovers are independent, and say what each chord adds to the fluxes round them.

    Returns those cycles, one for each flux, and for every chord that turns anything over, by the step's name, the
    coordinates of its turnover: one passage adds them to the fluxes.
    """
    turning = [cycle for cycle in cycles if any(cycle.turnover)]
    if not turning:
        return (), {}
    whole = sympy.Matrix([cycle.turnover for cycle in turning]).T
    reduced, pivots = whole.rref()
    crossings = {c.chord.name: tuple(reduced[: len(pivots), n]) for n, c in enumerate(turning)}
    return tuple(turning[n] for n in pivots), crossings


def _without_turnover(cycles: Sequence[Cycle]) -> Iterator[list[tuple[sympy.Rational, Cycle]]]:
    """Yield a basis of the combinations of cycles that turn nothing over: each cycle against those that come first."""
    basis, crossings = independent_turnovers(cycles)
    for cycle in cycles:
        if cycle not in basis:
            numbers = crossings.get(cycle.chord.name, ())
            first = [(-n, other) for n, other in zip(numbers, basis, strict=False) if n != 0]
            yield [*first, (sympy.Integer(1), cycle)]


def check_balance(kind: DeviceKind, cycles: tuple[Cycle, ...], logs: Mapping[str, sympy.Expr]) -> None:
    """Refuse a device in which a combination of cycles without net turnover has a product of K other than one.

    ``logs`` holds ln K of every reversible step, without its terminals. The identity must hold for all parameters.
    """
    reversible = [cycle for cycle in cycles if all(step.reversible for step, _ in cycle.steps)]
    if not reversible:
        return
    mistakes = []
    for turns in _without_turnover(reversible):
        product = sympy.expand_log(sympy.Add(*(n * cycle.log_K(logs) for n, cycle in turns)), force=True)
        if product == 0 or sympy.expand(product) == 0:  # what most devices need; the general proof takes long
            continue
        ratio = sympy.simplify(sympy.exp(product))
        if ratio != 1:
            names = ", ".join(cycle.name(n) for n, cycle in turns)
            mistakes.append(
                Mistake(
                    kind.span,
                    f"{kind.name} breaks detailed balance: round the cycle {names} nothing is turned over, "
                    f"but the equilibrium constants multiply to {ratio}",
                    "choose K_eq so that the product is 1 for all parameters, or give the states energies",
                )
            )
    if mistakes:
        raise ModelError(mistakes)
