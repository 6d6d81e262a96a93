"""A model summed up: what is in it, how its steady state is found, how its Jacobian is built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crncompile import constants as codata
from crncompile.analyze.drives import Balance
from crncompile.analyze.kind_names import equation, full_name, kind_name, kind_names
from crncompile.analyze.validity import second_electron
from crncompile.cli import physics
from crncompile.network.initial import Values
from crncompile.network.types import DeviceKind, Family
from crncompile.program.build import build_program
from crncompile.program.kernels import evaluation
from crncompile.program.types import FamilyCode, Program
from crncompile.symbolic.system import System

_WORDS = {
    "proved": "positive differential conductance, proved",
    "sampled": "positive differential conductance, sampled",
    "negative": "negative differential conductance",
    "none": "exchanges other than one for one",
}


def of(system: System) -> dict[str, Any]:
    """Return the summary as data."""
    network = system.network
    kinds = Counter(dict.fromkeys(("input", "fixed", "floating", "output"), 0))
    for group in network.reservoirs:
        kinds[group.kind] += _count(group.shape)
    sizes = {p.name: _count(p.shape) for p in network.parameters}
    return {
        "name": network.name,
        "title": network.title,
        "temperature": network.units.temperature,
        "reservoirs": dict(kinds),
        "families": [_family_entry(f) for f in network.families],
        "devices": sum(_count(f.shape) for f in network.families),
        "parameters": sum(sizes.values()),
        "trained": sum(sizes[p.name] for p in network.parameters if p.trained),
        "readouts": {readout.name: _count(readout.shape) for readout in network.readouts},
        "conserved": list(system.conserved_names),
        "path": "unique" if system.unique else "bounded" if system.margins else "followed",
        "reason": system.unique or _why_followed(system),
    }


def _family_entry(family: Family) -> dict[str, Any]:
    return {
        "name": family.name,
        "keyword": family.keyword,
        "kind": kind_name(family),
        "equation": equation(family) if family.keyword == "reaction" else None,
        "shape": family.shape,
        "devices": _count(family.shape),
    }


def _why_followed(system: System) -> str:
    """Say why uniqueness of the steady state is not proved."""
    groups: dict[str, list[str]] = {}
    names = kind_names(system.network)
    for name, found in system.conductances.items():
        groups.setdefault(found.verdict, []).append(names[name])
    reasons = {
        "negative": "negative differential conductance: {}",
        "none": "exchange other than one for one: {}",
        "sampled": "positive differential conductance not proved: {}",
    }
    told = [text.format(", ".join(sorted(groups[v]))) for v, text in reasons.items() if v in groups]
    return "; ".join(told) or "gates close a loop"


def _count(shape: Sequence[int]) -> int:
    return int(np.prod(shape, dtype=int))


_PATHS = {
    "unique": "proved unique",
    "bounded": "proved unique in a region without it where there is one, else followed from the stated start",
    "followed": "followed from the stated start",
}


def text(content: Mapping[str, Any]) -> str:
    """Return the summary in a few lines."""
    families = [_entry_line(family) for family in content["families"]]
    many = "families" if len(families) > 1 else "family"
    path = _PATHS[content["path"]]
    lines = {
        "reservoirs": ", ".join(f"{n} {kind}" for kind, n in content["reservoirs"].items() if n),
        "devices": f"{content['devices']} in {len(families)} {many}: {', '.join(families)}",
        "parameters": f"{content['parameters']} numbers, {content['trained']} of them trained",
        "readouts": ", ".join(name if n == 1 else f"{name} ({n})" for name, n in content["readouts"].items()) or "none",
        "conserved": "; ".join(content["conserved"]) or "nothing",
        "steady state": f"{content['reason']}; {path}"
        if content["path"] == "bounded"
        else f"{path} ({content['reason']})",
    }
    title = f": {content['title']}" if content["title"] else ""
    head = f"{content['name']}{title}, at {content['temperature']:g} K"
    return "\n".join([head, *(f"  {word:<13} {value}" for word, value in lines.items())])


def _entry_line(family: Mapping[str, Any]) -> str:
    own = f" ({family['equation']})" if family["equation"] else ""
    return f"{family['name']} {_times(family['shape'])} {family['kind']}{own}"


def _times(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) if shape else "1"


# --- verbose ---


def details(system: System, values: Values, balance: Balance) -> str:
    """Return kind, tier and law of every family, what drives the network, and the structure of the Jacobian."""
    program = build_program(system)
    tiers = {code.name: _tier(code) for code in program.families}
    families = [_family(family, system, tiers[family.name], values) for family in system.network.families]
    return "\n".join([*families, "", *physics.lines(system, values, balance, of(system)), "", *_jacobian(program)])


def _tier(code: FamilyCode) -> str:
    """Return a family's tier, and what decided it where there was a choice."""
    if len(code.cost) < 2:
        return code.tier
    others = ", ".join(f"{cost:.3g} {tier}" for tier, cost in code.cost.items() if tier != code.tier)
    return f"{code.tier}, about {code.cost[code.tier]:.3g} operations a device ({others})"


def _family(family: Family, system: System, tier: str, values: Values) -> str:
    kind, law = family.kind, system.laws[family.kind.name]
    ports = ", ".join(f"{port.terminal} at {port.reservoir}" for port in family.ports)
    turnovers = len(law.fluxes)
    above = second_electron(system, family, values)
    milli = 1e3 * codata.k * system.network.units.temperature / codata.e
    lines = [
        f"{family.keyword} {family.name}: {_times(family.shape)} {full_name(family)}, {tier}",
        *([] if family.keyword == "reaction" else [f"  terminals     {ports}"]),
        f"  law           {_law(kind)}; {turnovers} {'fluxes' if turnovers > 1 else 'flux'}",
        f"  evaluated     {evaluation(law)}",
        f"  conductance   {_WORDS[system.conductances[kind.name].verdict]}",
    ]
    if above is not None:
        needed = f"well above {above:.3g} kT ({above * milli:.3g} meV)"
        lines.append(f"  assumes       one electron at most: charging energy and level spacing {needed}")
    return "\n".join(lines)


def _law(kind: DeviceKind) -> str:
    if kind.current is not None:
        return "a closed form"
    if not kind.states:
        return f"{kind.steps[0].law}, {'reversible' if kind.steps[0].reversible else 'irreversible'}"
    steps = ", ".join(f"{step.name} {'<->' if step.reversible else '=>'} by {step.law}" for step in kind.steps)
    return f"states {', '.join(s.name for s in kind.states)}; steps {steps}"


def _jacobian(program: Program) -> list[str]:
    names = [group.name for group in program.groups]
    sizes = [group.stop - group.start for group in program.groups]
    blocks = [
        f"  {names[row]} by {names[column]}: {shape}, {sizes[row]} x {sizes[column]}"
        for (row, column), shape in sorted(program.blocks.items())
    ]
    order = ", ".join(f"{names[g]} ({sizes[g]})" for g in program.order)
    return ["blocks of the Jacobian", *blocks, f"order of elimination: {order}"]
