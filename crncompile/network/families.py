"""``dot`` and ``enzyme`` statements to families of devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

import sympy

from crncompile.errors import did_you_mean
from crncompile.language import nodes
from crncompile.network.context import Context
from crncompile.network.devices import resolve_device
from crncompile.network.dues import POSITIVE, Due, Limits
from crncompile.network.indices import Frame
from crncompile.network.laws import repeated_settings
from crncompile.network.library import Library
from crncompile.network.report import Fault, Report, expected, fault, listed, resembles
from crncompile.network.reservoirs import NETWORK_VOLUME, Evidence, network_volume
from crncompile.network.types import Access, DeviceKind, DeviceParameter, Family, Slot
from crncompile.network.values import default_slot, slot
from crncompile.network.wiring import Wired, refuse_loop, wire
from crncompile.units import VOLUME

_CONTENT = {"dot": "charge", "enzyme": "molecules"}


@dataclass
class Kinds:
    """The device kinds of one model, each resolved once, when it is first used."""

    library: Library
    context: Context
    devices: dict[str, DeviceKind | None] = field(default_factory=dict)

    def device(self, kind: nodes.Kind) -> DeviceKind:
        """Return the device that a placement calls; raises Fault."""
        node = self.library.devices.get(kind.name)
        if node is None:
            law = f"{kind.name} is a law: it is called by a reaction" if kind.name in self.library.laws else ""
            circuit = f"{kind.name} is a circuit: it is placed by circuit" if kind.name in self.library.circuits else ""
            hint = law or circuit or did_you_mean(kind.name, self.library.devices)
            raise fault(kind.name_span, f"{kind.name} is not a device", hint)
        return self.device_of(node)

    def device_of(self, node: nodes.Device) -> DeviceKind:
        """Return a device of the library, resolved; raises Fault where it has mistakes."""
        self.resolve(node)
        found = self.devices[node.name]
        if found is None:
            raise Fault
        return found

    def resolve(self, node: nodes.Device) -> None:
        """Resolve a device unless that is done; its mistakes are reported once."""
        if node.name in self.devices:
            return
        self.devices[node.name] = None
        with self.context.report.catching():
            self.devices[node.name] = resolve_device(node, self.library, self.context.units)


@dataclass(frozen=True)
class Placed:
    """A placement whose device and connections are known."""

    node: nodes.Placement
    kind: DeviceKind
    wired: Wired

    def evidence(self) -> list[tuple[str, Evidence]]:
        """Return what the device tells of the content of the reservoirs at it."""
        found = []
        references = references_of(self.node.wiring)
        for terminal, reference in zip(self.kind.terminals, references, strict=True):
            reason = (
                f"it is at terminal {terminal.name} of {self.kind.name} ({self.node.keyword} {self.node.target.name})"
            )
            found.append((reference.name, Evidence(terminal.content, reason, reference.span)))
        return found


def references_of(wiring: nodes.Wiring) -> tuple[nodes.Reference, ...]:
    """Return the reservoirs of a wiring in the order of a device's terminals."""
    return wiring.sources + wiring.targets + wiring.gates


def placed(node: nodes.Placement, context: Context, kinds: Kinds) -> Placed:
    """Resolve a placement's device and connections; raises Fault with the mistakes of both and of the settings."""
    report = Report()
    kind, frame = None, None
    with report.catching():
        kind = kinds.device(node.kind)
        _check_keyword(node, kind)
        _check_wiring(node, kind, kinds.library.devices[node.kind.name])
    with report.catching():
        frame = context.frame(node.target)
    references = references_of(node.wiring)
    if frame is None or kind is None or report.faults:
        for reference in references:
            with report.catching():
                context.reservoir_axes(reference)
    else:
        with report.catching():
            return _connected(node, kind, frame, context)
    if kind is not None and frame is not None:
        with report.catching():
            assemble(node, "dot", kind, Wired(frame, ()), context)
    raise Fault(*report.mistakes)


def _connected(node: nodes.Placement, kind: DeviceKind, frame: Frame, context: Context) -> Placed:
    references = references_of(node.wiring)
    wired = wire([terminal.name for terminal in kind.terminals], references, frame, context)
    if len(node.wiring.sources) == len(node.wiring.targets) == 1:
        ends = [(reference, port.place) for reference, port in zip(references, wired.ports, strict=True)]
        refuse_loop(ends[0], ends[1], wired.frame, context)
    return Placed(node, kind, wired)


def _check_keyword(node: nodes.Placement, kind: DeviceKind) -> None:
    content = kind.terminals[0].content
    if content == _CONTENT[node.keyword]:
        return
    keyword = "dot" if content == "charge" else "enzyme"
    message = f"{kind.name} is a device for {content}, not a{'n' if node.keyword == 'enzyme' else ''} {node.keyword}"
    raise fault(node.kind.name_span, message, f"write: {keyword} {node.target.name}: ...")


def _check_wiring(node: nodes.Placement, kind: DeviceKind, device: nodes.Device) -> None:
    given, wanted = (_counts(wiring) for wiring in (node.wiring, device.wiring))
    if given == wanted:
        return
    pattern = _pattern(device.wiring)
    raise fault(node.wiring.span, f"{kind.name} is not wired like this", f"its terminals are {pattern}")


def _counts(wiring: nodes.Wiring) -> tuple[int, int, int]:
    return len(wiring.sources), len(wiring.targets), len(wiring.gates)


def _pattern(wiring: nodes.Wiring) -> str:
    sources, targets = (" + ".join(r.name for r in side) for side in (wiring.sources, wiring.targets))
    gates = f" gate {', '.join(r.name for r in wiring.gates)}" if wiring.gates else ""
    return f"{sources} -> {targets}{gates}"


# --- the family -------------------------------------------------------------------------------------------------------


def family(found: Placed, context: Context) -> Family:
    """Return the family of a placement; raises Fault with all mistakes of its settings."""
    return assemble(found.node, cast(Literal["dot", "enzyme"], found.node.keyword), found.kind, found.wired, context)


def assemble(
    node: nodes.Placement | nodes.Reaction,
    keyword: Literal["dot", "enzyme", "reaction"],
    kind: DeviceKind,
    wired: Wired,
    context: Context,
) -> Family:
    """Return a family with a slot for each parameter of its kind; raises Fault with all mistakes of the settings."""
    report = Report()
    with report.catching():
        _check_settings(node.kind, kind)
    slots = _slots(node, kind, wired, context, report)
    volume = None
    if kind.amount:
        with report.catching():
            volume = _volume(node, wired, context)
    if report.faults:
        raise Fault(*report.mistakes)
    frame = wired.frame
    return Family(
        node.target.name,
        keyword,
        kind,
        frame.axes,
        frame.shape,
        wired.ports,
        slots,
        volume,
        node.span,
        frame.rows,
    )


def _check_settings(call: nodes.Kind, kind: DeviceKind) -> None:
    report = Report()
    repeated_settings(call, report)
    known = [parameter.name for parameter in kind.parameters] + ([NETWORK_VOLUME] if kind.amount else [])
    for setting in call.settings:
        if setting.name not in known:
            hint = did_you_mean(setting.name, known)
            report.add(fault(setting.name_span, f"{call.name} has no parameter {setting.name}", hint))
    given = {setting.name for setting in call.settings}
    unknown = given.difference(known)
    absent = [p for p in kind.parameters if p.default is None and p.name not in given]
    missing = [parameter for parameter in absent if not resembles(parameter.name, unknown)]
    if missing:
        hints = [f"{parameter.name}: {expected(parameter.dimension)}" for parameter in missing]
        names = listed(parameter.name for parameter in missing)
        report.add(fault(call.name_span, f"{call.name} needs {names}", *hints))
    if report.faults:
        raise Fault(*report.mistakes)


def _slots(
    node: nodes.Placement | nodes.Reaction, kind: DeviceKind, wired: Wired, context: Context, report: Report
) -> dict[str, Slot]:
    settings = {setting.name: setting for setting in node.kind.settings}
    slots: dict[str, Slot] = {}
    for parameter in kind.parameters:
        name = f"{node.target.name}.{parameter.name}"
        with report.catching():
            due = Due(parameter.name, parameter.dimension, limits_of(parameter))
            if parameter.name in settings:
                slots[parameter.name] = slot(context, wired.frame, name, settings[parameter.name].value, due)
            elif parameter.default is not None:
                slots[parameter.name] = _default(context, name, parameter, kind, slots, due)
    return slots


def limits_of(parameter: DeviceParameter) -> Limits:
    """Return the bounds of a device's parameter."""
    return Limits(parameter.lower, parameter.upper, parameter.open_lower)


def _default(
    context: Context, name: str, parameter: DeviceParameter, kind: DeviceKind, slots: Mapping[str, Slot], due: Due
) -> Slot:
    """Return a default as a slot: a number becomes a parameter, an expression reads the other slots."""
    expression = cast(sympy.Expr, parameter.default)
    others = [other for other in kind.parameters if expression.has(other.symbol)]
    if not others:
        return default_slot(context, name, expression, due, parameter.span)
    if any(other.name not in slots for other in others):
        raise Fault
    accesses: dict[str, Access] = {}
    for other in others:
        accesses |= {access.symbol.name: access for access in slots[other.name].accesses}
    values = {other.symbol: slots[other.name].expression for other in others}
    return Slot(expression.subs(values, simultaneous=True), tuple(accesses.values()), parameter.dimension)


def _volume(node: nodes.Placement | nodes.Reaction, wired: Wired, context: Context) -> Slot:
    given = next((setting for setting in node.kind.settings if setting.name == NETWORK_VOLUME), None)
    if given is None:
        return network_volume(context, node.target.name_span)
    name = f"{node.target.name}.{NETWORK_VOLUME}"
    return slot(context, wired.frame, name, given.value, Due(NETWORK_VOLUME, VOLUME, POSITIVE))
