"""Terminals of a device: their order, roles and contents; and the bounds of its parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import sympy

from crncompile.errors import Span, did_you_mean
from crncompile.language import nodes
from crncompile.network.dues import Limits
from crncompile.network.expressions import Names, evaluate_as, is_zero
from crncompile.network.library import Library
from crncompile.network.report import Fault, Report, fault
from crncompile.network.types import Content, Role, Terminal
from crncompile.units import CONCENTRATION, RATE, Dimension, Units

#: Dimension of a device's current, by content.
FLUX: dict[str, Dimension] = {"charge": RATE, "molecules": CONCENTRATION * RATE}


def terminals_of(node: nodes.Device, declare: Callable[[str, Span], None] | None = None) -> list[Terminal]:
    """Return a device's terminals in the order sources, targets, gates; raises Fault."""
    report = Report()
    contents = _contents(node, report, declare)
    found: list[Terminal] = []
    roles: tuple[tuple[Role, tuple[nodes.Reference, ...]], ...]
    roles = (("source", node.wiring.sources), ("target", node.wiring.targets), ("gate", node.wiring.gates))
    for role, wired in roles:
        for reference in wired:
            with report.catching():
                found.append(_terminal(reference, role, contents, [terminal.name for terminal in found]))
    wired_names = {terminal.name for terminal in found}
    for item in node.items:
        if isinstance(item, nodes.Terminal):
            for name, span in zip(item.names, item.name_spans, strict=True):
                if name not in wired_names and not report.faults:
                    report.add(fault(span, f"the terminal {name} is not in the wiring of {node.name}"))
    if len(set(contents.values())) > 1 and not report.faults:
        message = f"{node.name} has terminals of charge and of molecules"
        report.add(fault(node.wiring.span, message, "a device joins reservoirs of one content"))
    if report.faults:
        raise Fault(*report.mistakes)
    return found


def _contents(node: nodes.Device, report: Report, declare: Callable[[str, Span], None] | None) -> dict[str, Content]:
    contents: dict[str, Content] = {}
    for item in node.items:
        if not isinstance(item, nodes.Terminal):
            continue
        if item.content not in FLUX:
            hint = did_you_mean(item.content, FLUX)
            report.add(fault(item.span, f"{item.content} is not a content of reservoirs", hint))
        for name, span in zip(item.names, item.name_spans, strict=True):
            with report.catching():
                if declare is not None:
                    declare(name, span)
                contents[name] = cast(Content, item.content)
    return contents


def _terminal(reference: nodes.Reference, role: Role, contents: dict[str, Content], before: list[str]) -> Terminal:
    name = reference.name
    if reference.indices:
        raise fault(reference.span, "a terminal has no index")
    if name in before:
        raise fault(reference.span, f"the terminal {name} is wired twice")
    if name not in contents:
        hint = f"declare it: terminal {name}: charge, or terminal {name}: molecules"
        raise fault(reference.span, f"the terminal {name} is not declared", hint)
    known = {"real": True} if contents[name] == "charge" else {"positive": True}
    return Terminal(name, contents[name], role, sympy.Symbol(name, **known))


def check_counterpart(node: nodes.Device, item: nodes.Counterpart | None, library: Library) -> None:
    """Check that a device's counterpart exists and has the same terminals; raises Fault."""
    if item is None:
        return
    twin = library.devices.get(item.name)
    if twin is None:
        raise fault(item.span, f"{item.name} is not a device", did_you_mean(item.name, library.devices))
    own, other = ([(t.role, t.content) for t in terminals_of(device)] for device in (node, twin))
    if own != other:
        raise fault(item.span, f"{item.name} has other terminals than {node.name}")


# --- bounds -----------------------------------------------------------------------------------------------------------


def limits_of(bound: nodes.Bound | None, dimension: Dimension, name: str, units: Units) -> Limits:
    """Return the limits that a declaration's bound states; a bare 0 needs no unit. Raises Fault."""
    if bound is None:
        return Limits()
    lower = _end(bound.lower, dimension, name, units)
    upper = math.inf if bound.upper is None else _end(bound.upper, dimension, name, units)
    limits = Limits(lower, upper, open_lower=bound.operator == ">")
    if limits.empty:
        raise fault(bound.span, f"unsatisfiable bound: no {name} fulfils it", "the lower end stands first")
    return limits


def _end(expression: nodes.Expression, dimension: Dimension, name: str, units: Units) -> float:
    if is_zero(expression):
        return 0.0
    return float(evaluate_as(expression, Names(units, {}), dimension, name))


def assumptions(limits: Limits) -> dict[str, bool]:
    """Return what sympy may assume of a value within limits."""
    if limits.lower > 0 or (limits.lower == 0 and limits.open_lower):
        return {"positive": True}
    return {"nonnegative": True} if limits.lower == 0 else {"real": True}
