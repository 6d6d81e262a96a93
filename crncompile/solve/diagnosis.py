"""Why a sample has no certified steady state, in a sentence with the network's own names."""

from __future__ import annotations

import numpy as np

from crncompile.solve.cycles import Cycle, find_runaway
from crncompile.solve.equations import Equations, Linearisation
from crncompile.solve.linear import LinearSystem
from crncompile.solve.problem import Array


def listed(names: list[str]) -> str:
    """Join at most three names: ``a, b and c``."""
    head, last = names[:2] if len(names) > 2 else names[:-1], names[2] if len(names) > 2 else names[-1]
    return f"{', '.join(head)} and {last}" if head else last


def duration(time: float, digits: int = 4) -> str:
    """Return a time in s with the unit that suits it: ``3 us``."""
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"), (1e-12, "ps")):
        if abs(time) >= scale * (1 - 1e-12):
            return f"{time / scale:.{digits}g} {unit}"
    return f"{time:.{digits}g} s"


def why_cycle(names: tuple[str, ...], cycle: Cycle) -> str:
    """Say what oscillates and how fast."""
    movers, swing = _movers(names, cycle)
    verb = "oscillate" if len(movers) > 1 else "oscillates"
    return f"{listed(movers)} {verb} with a period of {duration(cycle.period)}; {movers[0]} swings by {swing:.3g} kT"


def why_spiral(names: tuple[str, ...], cycle: Cycle) -> str:
    """Say what spirals, so slowly that it is not known whether it will come to rest."""
    movers, swing = _movers(names, cycle)
    verb = "spiral" if len(movers) > 1 else "spirals"
    return (
        f"{listed(movers)} {verb} around a stable steady state with a period of {duration(cycle.period)}; "
        f"{movers[0]} swings by {swing:.3g} kT and loses less than 0.5 % of it a turn, too slowly to be followed"
    )


def _movers(names: tuple[str, ...], cycle: Cycle) -> tuple[list[str], float]:
    """Names of those that swing most, and the largest swing in kT."""
    order = np.argsort(-cycle.swing)
    largest_swing = float(cycle.swing[order[0]])
    return [names[i] for i in order[:3] if cycle.swing[i] > largest_swing / 2], largest_swing


def why_grows(total: str) -> str:
    """Say that a current from outside changes a conserved total for ever."""
    return f"the injected currents change {total}, which nothing else can: there is no steady state"


def why_lost(equations: Equations, u: Array, path: Array, steps: int) -> str:
    """Say why the path (steps, n) of one sample that ended at ``u`` (1, n) led to no steady state."""
    names = equations.structure.reservoirs
    runaway = find_runaway(path)
    if runaway is not None:
        name, travel = names[runaway[0]], runaway[1]
        verb = "grows" if travel > 0 else "falls"
        return f"{name} {verb} without bound (by {abs(travel):.3g} kT over the last {len(path) // 2} steps)"
    with np.errstate(all="ignore"):
        linearisation = equations.linearise(u)
        relative, _ = linearisation.residuals
    if not np.isfinite(linearisation.currents).all():
        return f"the current into {names[int(np.argmin(np.isfinite(linearisation.currents[0])))]} is not finite"
    worst = int(np.argmax(relative[0]))
    if relative[0, worst] < 1e-9:
        return why_singular(linearisation)
    ratio = f"{relative[0, worst]:.2g} of its gross flux"
    return f"no steady state within {steps} steps: the net current into {names[worst]} is still {ratio}"


def why_singular(linearisation: Linearisation) -> str:
    """Say which reservoirs nothing determines: the null vector of one sample's Jacobian, by inverse iteration."""
    names, gross = linearisation.structure.reservoirs, linearisation.gross
    rest = np.where(gross > 0, gross, 1)
    system = LinearSystem.plain(linearisation.jacobian.plus_diagonal(-1e-12 * rest))
    direction = np.random.default_rng(0).uniform(1, 2, gross.shape)
    with np.errstate(all="ignore"):
        for _ in range(3):
            direction = system.solve_unchecked(rest * direction)
            direction = direction / np.abs(direction).max()
    if not np.isfinite(direction).all():
        return "the Jacobian is singular"
    size = np.abs(direction[0])
    free = [names[i] for i in np.argsort(-size)[:3] if size[i] > 0.3]
    return f"nothing determines the potential of {listed(free)}: the Jacobian is singular there"
