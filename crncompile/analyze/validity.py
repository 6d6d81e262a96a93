"""Where the assumptions behind the laws hold, and where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile import constants as codata
from crncompile.analyze.bound import Held, at_points, capacities, held_by_devices, operating_points, taken_up
from crncompile.analyze.doubts import Doubt, with_prefix
from crncompile.analyze.slots import count, device_label, settings
from crncompile.network.types import AFFINITY, Family, Network, Reservoir, Step
from crncompile.symbolic.sampling import evaluate
from crncompile.symbolic.system import System
from crncompile.units import CAPACITANCE

Array = NDArray[np.float64]
FEWEST = 100.0
"""Particles per kT below which fluctuations of a potential, sd(u) = (dn/du)^(-1/2), exceed a tenth of kT."""
BROADEST = 0.3
"""hbar * Gamma in kT above which sequential tunnelling is not a good description."""
MOST_HELD = 0.01
"""Share of a reservoir's own dn/du above which it matters what devices hold."""
SCARCE = 0.1
"""Share of a reservoir's molecules bound to one enzyme above which that is not scarce (Segel and Slemrod 1989)."""


def fluctuating(network: Network, values: Mapping[str, Array]) -> Iterator[Doubt]:
    """Doubt reservoirs that hold so few particles per kT that their potential means little."""
    points = operating_points(network, values)
    capacity = capacities(network, values, points)[0]
    for group in network.floating:
        first = network.offsets[group.name]
        here = capacity[first : first + count(group.shape)]
        fewest = float(here.min())
        if fewest < FEWEST:
            yield _fluctuating(network, group, int(here.argmin()), fewest, float(points[0, first + here.argmin()]))


def _fluctuating(network: Network, group: Reservoir, member: int, fewest: float, start: float) -> Doubt:
    name, sd = group.labels()[member], f"{fewest**-0.5:.2g} kT"
    if group.content == "charge":
        what, place, need = "electrons", "", "a capacitance"
        least = with_prefix(FEWEST * network.units.scale(CAPACITANCE), "F")
    else:
        what, place, need = "molecules", " where it starts", "a volume"
        least = with_prefix(FEWEST / (codata.N_A * start), "L")
    message = f"{name} holds {fewest:.3g} {what} per kT{place}: its potential fluctuates by {sd}, sd = (dn/du)^(-1/2)"
    return Doubt(group.span, 1 / fewest, message, f"{name} by {sd}", f"{FEWEST:.0f} per kT need {need} of {least}")


# --- broad levels ---


def broad(network: Network, family: Family, values: Mapping[str, Array]) -> Iterator[Doubt]:
    """Doubt tunnel rates that broaden levels to a good part of kT: sequential tunnelling does not describe them.

    The worst rate of the family is named: that of a step downhill between a state and a reservoir of charge.
    """
    hbar = network.units.constants()["hbar"][0]
    rates = {step.name: rate for step in family.kind.steps if (rate := _tunnel_rate(family, step)) is not None}
    if not rates:
        return
    numbers = evaluate(list(rates.values()), settings(network, family, values))
    broadest = {name: float(np.max(n)) * hbar for name, n in zip(rates, numbers, strict=True)}
    name = max(broadest, key=broadest.__getitem__)
    width, device = broadest[name], int(np.argmax(numbers[list(rates).index(name)]))
    if width > BROADEST:
        rate = str(rates[name]) if rates[name].is_Symbol else f"the rate of {name}"
        label = device_label(family, device)
        message = (
            f"{rate} of {label} is {with_prefix(width / hbar, 'Hz')}: hbar * Gamma is {width:.2g} kT, "
            "but sequential tunnelling needs it well below kT"
        )
        hint = f"0.1 kT is {with_prefix(0.1 / hbar, 'Hz')} here"
        yield Doubt(family.span, width, message, f"{label} ({width:.2g} kT)", hint)


def _tunnel_rate(family: Family, step: Step) -> sympy.Expr | None:
    """Return the rate far downhill of a step between a state and a reservoir of charge; None for all others."""
    kind = family.kind
    ends = zip(step.net, kind.terminals, strict=True)
    if step.origin is None or not any(n != 0 and t.content == "charge" for n, t in ends):
        return None
    law = step.forward
    for symbol, value in reversed(kind.lets):
        law = law.xreplace({symbol: value})
    rate = law.subs(AFFINITY, sympy.oo)
    if rate.has(sympy.oo, sympy.nan, sympy.zoo):  # without a limit: the rate 1 kT downhill
        rate = law.subs(AFFINITY, 1)
    return rate if rate.free_symbols and rate.free_symbols <= {p.symbol for p in kind.parameters} else None


def second_electron(system: System, family: Family, values: Mapping[str, Array]) -> float | None:
    """Return how far in kT reservoirs reach above the lowest level of dots that hold one electron at most.

    That they do is an assumption about energies that are not in the model: what a second electron costs, in charging
    energy or level spacing, must exceed this by some kT. None for all other devices.
    """
    kind, law = family.kind, system.laws[family.kind.name]
    ends = [t for t, terminal in enumerate(kind.terminals) if terminal.content == "charge"]
    most = np.array([taken_up(kind, t) for t in ends if any(step.net[t] for step in kind.steps)])
    if not kind.states or not most.size or most.max() != 1:
        return None
    _, given = at_points(system.network, family, values, operating_points(system.network, values))
    filled = [s.energy for s, held in zip(kind.states, most.max(axis=0), strict=True) if held]
    potentials = [given[kind.terminals[t].symbol] for t in ends if any(step.net[t] for step in kind.steps)]
    above = np.max(potentials, axis=0) - np.min(law.evaluate(filled, given), axis=0)
    return max(1.0, float(above.max()))  # and above kT itself


# --- what devices hold ---


def retaining(system: System, values: Mapping[str, Array]) -> Iterator[Doubt]:
    """Doubt reservoirs of whose content devices hold more than a trifle, but for those that `fluctuating` doubts."""
    network = system.network
    points = operating_points(network, values)
    held = held_by_devices(system, values, points)
    if not held:
        return
    capacity = capacities(network, values, points)
    capacity[capacity < FEWEST] = np.inf
    share = sum(h.slope for h in held) / capacity
    alone = np.max([h.largest for h in held], axis=0) / capacity
    for group in network.floating:
        first = network.offsets[group.name]
        here = share[:, first : first + count(group.shape)] / MOST_HELD
        if group.content == "molecules":
            here = np.maximum(here, alone[:, first : first + count(group.shape)] / SCARCE)
        row, member = np.unravel_index(int(np.argmax(here)), here.shape)
        if here[row, member] > 1:
            node = (int(row), first + int(member))
            yield _retaining(group, group.labels()[int(member)], held, node, capacity[node])


def _retaining(group: Reservoir, name: str, held: list[Held], node: tuple[int, int], capacity: float) -> Doubt:
    share = sum(float(h.slope[node]) for h in held) / capacity
    most = max(held, key=lambda h: float(h.slope[node]))
    per_cent = f"{100 * share:.2g} %"
    lends = f"{name} lends {per_cent} of its dn/du to"
    if group.content == "charge":
        message = f"{lends} devices: the charge on them, most on {most.family.name}, is neglected"
        return Doubt(group.span, share, message, f"{name} ({per_cent})", "a larger capacitance makes it negligible")
    message = f"{lends} enzymes: what is bound to them, most to {most.family.name}, is neglected"
    alone = max(held, key=lambda h: float(h.largest[node]))
    part = float(alone.largest[node]) / capacity
    hint = f"less enzyme, or more of {name}, makes it negligible"
    if part > SCARCE:
        enzyme = alone.family.name if count(alone.family.shape) == 1 else f"one of {alone.family.name}"
        hint = (
            f"{enzyme} alone holds {part:.2g} molecules for each free one of {name}: "
            "its quasi-steady state needs few, total / (K_M + S) << 1 (Segel and Slemrod 1989)\n" + hint
        )
    return Doubt(group.span, share, message, f"{name} ({per_cent})", hint)
