"""What is doubtful about a model though it is no mistake: warnings that need laws and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import constants as codata

from crncompile.analyze.drives import drives
from crncompile.analyze.slots import slot_values
from crncompile.errors import Mistake, Span
from crncompile.network.types import Family, Network, Reservoir
from crncompile.symbolic.system import System
from crncompile.units import CAPACITANCE, RATE

Array = NDArray[np.float64]
FEWEST = 100.0
"""Particles per kT below which fluctuations of a potential, sd(u) = (dn/du)^(-1/2), exceed a tenth of kT."""
BROADEST = 0.3
"""hbar * Gamma in kT above which sequential tunnelling is not a good description."""
_PREFIXES = {12: "T", 9: "G", 6: "M", 3: "k", 0: "", -3: "m", -6: "u", -9: "n", -12: "p", -15: "f", -18: "a"}


def model_warnings(system: System, values: Mapping[str, Array]) -> tuple[Mistake, ...]:
    """Return all warnings about a model in the order of the text: those of its checks, of its laws and of its numbers.

    ``values`` are all its parameters in the coherent system.
    """
    network = system.network
    found = [
        *network.warnings,
        *_monotonic(system),
        *_irreversible(network),
        *_driven(system, values),
        *(warning for group in network.floating for warning in _fluctuating(network, group, values)),
        *(warning for family in network.families for warning in _broad(network, family, values)),
    ]
    here = network.source.name
    return tuple(sorted(found, key=lambda m: (m.span.source.name != here, m.span.source.name, m.span.start)))


def _warning(span: Span, message: str, hint: str) -> Mistake:
    return Mistake(span, message, hint, severity="warning")


# --- structure ---


def _monotonic(system: System) -> Iterator[Mistake]:
    """Warn where no device has negative differential conductance and none is gated."""
    if not system.monotone:
        return
    verdicts = {name: found.verdict for name, found in system.conductances.items()}
    output = next(group for group in system.network.reservoirs if group.kind == "output")
    message = "the network computes only monotonic functions: none of its devices has negative differential conductance"
    hints = [
        f"{word}: {', '.join(sorted(name for name, verdict in verdicts.items() if verdict == key))}"
        for key, word in (("proved", "proved for all parameters"), ("sampled", "sampled at random, not proved"))
        if key in verdicts.values()
    ]
    yield _warning(_first_line(output.span), message, "\n".join(hints))


def _irreversible(network: Network) -> Iterator[Mistake]:
    for family in network.families:
        steps = [step.name for step in family.kind.steps if not step.reversible]
        if not steps:
            continue
        named = f" in {', '.join(steps)}" if family.kind.states else ""
        message = f"{family.name} has an irreversible step{named}"
        yield _warning(
            _first_line(family.span), message, "its dissipation is not finite and is left out of every balance"
        )


# --- numbers ---


def _driven(system: System, values: Mapping[str, Array]) -> Iterator[Mistake]:
    """Name the cycles whose equilibrium constants do not multiply to one: something hidden pays for them."""
    for drive in drives(system, values):
        cycle = " -> ".join([*drive.cycle, drive.cycle[0]])
        message = (
            f"the cycle {cycle} is driven with {drive.affinity:.4g} kT: its equilibrium constants do not multiply to 1"
        )
        others = f"; {drive.others} more of {drive.family.name} close driven cycles" if drive.others else ""
        hint = f"no mistake if a cofactor is meant that is not in the model{others}"
        yield _warning(_first_line(drive.family.span), message, hint)


def _fluctuating(network: Network, group: Reservoir, values: Mapping[str, Array]) -> Iterator[Mistake]:
    """Warn of a reservoir that holds so few particles per kT that its potential means little."""
    assert group.capacity is not None
    assert group.start is not None
    capacity = slot_values(network, group.capacity, group.shape, values)
    charge = group.content == "charge"
    if not charge:
        capacity = capacity * codata.N_A * slot_values(network, group.start, group.shape, values)
    fewest = float(capacity.min())
    if fewest >= FEWEST:
        return
    least, unit, what = (
        (FEWEST * network.units.scale(CAPACITANCE), "F", "a capacitance")
        if charge
        else (FEWEST * _volume_of_one(network, group, values), "L", "a volume")
    )
    place = "" if charge else " where it starts"
    message = (
        f"{group.name} holds {fewest:.3g} {'electrons' if charge else 'molecules'} per kT{place}: "
        f"its potential fluctuates by {fewest**-0.5:.2g} kT, sd = (dn/du)^(-1/2)"
    )
    yield _warning(_first_line(group.span), message, f"{FEWEST:.0f} per kT need {what} of {with_prefix(least, unit)}")


def _volume_of_one(network: Network, group: Reservoir, values: Mapping[str, Array]) -> float:
    """Return the volume in litres in which one molecule makes up the smallest initial concentration of a group."""
    assert group.start is not None
    return float(1.0 / (codata.N_A * slot_values(network, group.start, group.shape, values).min()))


def _broad(network: Network, family: Family, values: Mapping[str, Array]) -> Iterator[Mistake]:
    """Warn of tunnel rates that broaden levels to a good part of kT: sequential tunnelling does not describe them."""
    hbar = network.units.constants()["hbar"][0]
    for name in _tunnel_rates(family):
        largest = float(slot_values(network, family.slots[name], family.shape, values).max())
        if hbar * largest > BROADEST:
            message = (
                f"{name} of {family.name} is up to {with_prefix(largest, 'Hz')}: "
                f"hbar * {name} is {hbar * largest:.2g} kT, but sequential tunnelling needs it well below kT"
            )
            yield _warning(_first_line(family.span), message, f"0.1 kT is {with_prefix(0.1 / hbar, 'Hz')} here")


def _tunnel_rates(family: Family) -> list[str]:
    """Names of the rates of steps that take charge from a terminal or give it to one."""
    charged = [terminal.content == "charge" for terminal in family.kind.terminals]
    steps = [step for step in family.kind.steps if step.origin is not None]
    used = {
        symbol
        for step in steps
        if any(n != 0 and c for n, c in zip(step.net, charged, strict=True))
        for symbol in step.forward.free_symbols
    }
    return [p.name for p in family.kind.parameters if p.symbol in used and p.dimension == RATE]


# --- words ---


def with_prefix(value: float, unit: str) -> str:
    """Return a positive number with a prefixed unit: ``185 fF``."""
    for power, prefix in _PREFIXES.items():
        if value >= 10.0**power:
            return f"{value / 10.0**power:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def _first_line(span: Span) -> Span:
    """Cut a span at the end of its first line."""
    length = len(span.text.split("\n")[0].rstrip())
    return Span(span.source, span.start, span.start + max(1, length))
