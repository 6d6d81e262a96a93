"""What is doubtful about a model though it is no mistake: warnings that need laws and numbers.

Each kind of doubt gives one warning, at the worst place, that names the others. What a model can not know is not
doubted: whether a dot that never holds two electrons has the charging energy and the level spacing for it is nowhere
in the model (`check --verbose` says how much it needs), and a closed form says nothing of what is bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from crncompile.analyze.doubts import Doubt, warning, worst
from crncompile.analyze.drives import Balance, Drive
from crncompile.analyze.kind_names import kind_names
from crncompile.analyze.plausible import crowded, frozen, too_fast
from crncompile.analyze.validity import broad, fluctuating, retaining
from crncompile.errors import Mistake
from crncompile.network.types import Network
from crncompile.symbolic.system import System

Array = NDArray[np.float64]


def model_warnings(system: System, values: Mapping[str, Array], balance: Balance) -> tuple[Mistake, ...]:
    """Return all warnings about a model in the order of the text: those of its checks, of its laws and of its numbers.

    ``values`` are all its parameters in the coherent system, ``balance`` what `drives.detailed_balance` found at them.
    """
    network = system.network
    found = [
        *network.warnings,
        *_monotonic(system),
        *worst(_irreversible(network)),
        *_driven(balance),
        *worst(fluctuating(network, values)),
        *worst(doubt for family in network.families for doubt in broad(network, family, values)),
        *worst(retaining(system, values)),
        *worst(crowded(network, values)),
        *worst(frozen(network)),
        *worst(doubt for family in network.families for doubt in too_fast(network, family, values)),
    ]
    here = network.source.name
    return tuple(sorted(found, key=lambda m: (m.span.source.name != here, m.span.source.name, m.span.start)))


def _monotonic(system: System) -> Iterator[Mistake]:
    """Warn where no device has negative differential conductance and none is gated."""
    if not system.monotone or not any(group.kind == "input" for group in system.network.reservoirs):
        return
    names = kind_names(system.network)
    verdicts = {names[name]: found.verdict for name, found in system.conductances.items()}
    settling = system.network.floating
    output = next((group for group in settling if group.kind == "output"), settling[0])
    message = "the network computes only monotonic functions: none of its devices has negative differential conductance"
    hints = [
        f"{word}: {', '.join(sorted(name for name, verdict in verdicts.items() if verdict == key))}"
        for key, word in (("proved", "proved for all parameters"), ("sampled", "sampled at random, not proved"))
        if key in verdicts.values()
    ]
    yield warning(output.span, message, "\n".join(hints))


def _irreversible(network: Network) -> Iterator[Doubt]:
    for family in network.families:
        steps = [step.name for step in family.kind.steps if not step.reversible]
        if steps:
            named = f" in {', '.join(steps)}" if family.kind.states else ""
            message = f"{family.name} has an irreversible step{named}"
            hint = "its dissipation is not finite and is left out of every balance"
            yield Doubt(family.span, 0.0, message, family.name, hint)


# --- drives ---


def _driven(balance: Balance) -> Iterator[Mistake]:
    """Name the cycles whose equilibrium constants do not multiply to one: something hidden pays for them."""
    for drive in balance.drives:
        yield warning(drive.family.span, f"a cycle is driven: {_cycle(drive)}: {drive.affinity:.4g} kT", _why(drive))
    if balance.more:
        families = f"{balance.more} more {'families' if balance.more > 1 else 'family'}"
        yield warning(balance.drives[-1].family.span, f"devices of {families} close driven cycles")
    if balance.drivable is not None:
        message = f"training can drive a cycle: {_cycle(balance.drivable)}"
        hint = "its K_eq multiply to 1 now, but are trained apart; let one parameter stand for all of them"
        yield warning(balance.drivable.family.span, message, hint)


def _why(drive: Drive) -> str:
    others = f"; {drive.others} more of {drive.family.name} close driven cycles" if drive.others else ""
    return f"its K_eq do not multiply to 1: no mistake if a cofactor is meant that is not in the model{others}"


def _cycle(drive: Drive, longest: int = 8) -> str:
    """Return a cycle in words; a long one is cut in the middle."""
    turns = [f"{turn.equation} ({turn.device})" for turn in drive.turns]
    if len(turns) > longest:
        turns = [*turns[:4], f"… {len(turns) - 6} more …", *turns[-2:]]
    return ", ".join(turns)
