"""What drives a network and what it conserves, in words and as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crncompile.analyze.doubts import with_prefix
from crncompile.analyze.drives import Balance, Drive
from crncompile.analyze.slots import slot_values
from crncompile.network.initial import Values
from crncompile.network.types import Reservoir
from crncompile.symbolic.system import System


def of(balance: Balance) -> dict[str, Any]:
    """Return the drives, and how far they were looked for, as data."""
    return {
        "drives": [_drive(drive) for drive in balance.drives],
        "balance": {
            "fluxes": balance.fluxes,
            "examined": balance.examined,
            "irreversible": balance.irreversible,
            "more_families": balance.more,
            "drivable_by_training": None if balance.drivable is None else str(balance.drivable),
        },
    }


def _drive(drive: Drive) -> dict[str, Any]:
    return {
        "cycle": str(drive),
        "affinity": drive.affinity,
        "family": drive.family.name,
        "others": drive.others,
        "turns": [
            {"device": turn.device, "times": turn.times, "equation": turn.equation, "log_K": turn.log_K}
            for turn in drive.turns
        ],
    }


def lines(system: System, values: Values, balance: Balance, summary: Mapping[str, Any]) -> list[str]:
    """Return what is conserved, what holds the network away from equilibrium, and whether it has one steady state."""
    proved = "proved" if system.unique else "not proved"
    rows = {
        "conserved": summary["conserved"] or ["nothing"],
        "held": [_held(system, group, values) for group in system.network.held] or ["nothing: the network is closed"],
        "drives": _drives(balance),
        "equilibrium": [_equilibrium(system, balance)],
        "uniqueness": [f"{proved}: {summary['reason']}"],
    }
    return [
        "physics",
        *(f"  {word if not k else '':<13} {text}" for word, texts in rows.items() for k, text in enumerate(texts)),
    ]


def _held(system: System, group: Reservoir, values: Values) -> str:
    if group.coding is not None:
        low, high = (_shown(group, bound) for bound in group.coding.range)
        return f"{group.name}, an input from {low} to {high}"
    assert group.at is not None
    at = slot_values(system.network, group.at, group.shape, values)
    low, high = (_shown(group, float(bound)) for bound in (at.min(), at.max()))
    return f"{group.name} at {low}" if low == high else f"{group.name} from {low} to {high}"


def _shown(group: Reservoir, value: float) -> str:
    return f"{value:.4g} kT" if group.content == "charge" else with_prefix(value, "M")


def _drives(balance: Balance) -> list[str]:
    found = [f"{drive}: {drive.affinity:.4g} kT" for drive in balance.drives]
    if balance.more:
        found.append(f"and cycles of {balance.more} more families")
    if balance.drivable is not None:
        found = [f"none at these values, but training can drive {balance.drivable}"]
    examined = f"{balance.examined} of {balance.fluxes} fluxes examined"
    if balance.irreversible:
        examined += f", irreversible and left out: {balance.irreversible}"
    return [*(found or ["none: the K_eq of every cycle multiply to 1, whatever is trained"]), f"({examined})"]


def _equilibrium(system: System, balance: Balance) -> str:
    if balance.drives:
        return "none: cycles are driven"
    if balance.irreversible:
        return "none: irreversible steps have no way back"
    if system.network.held:
        return "where the held reservoirs agree with it; held at other potentials they are supplies"
    return "the network is closed and nothing drives it: it relaxes to equilibrium"
