"""A model's nodes to the Network that they mean, with all mistakes told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from crncompile.errors import Mistake, ModelError
from crncompile.language import nodes
from crncompile.language.use import is_library
from crncompile.network.checks import check_network, check_roles
from crncompile.network.circuits import check_circuit
from crncompile.network.context import Context
from crncompile.network.declarations import ROOM, declare, start_of, statements, temperature
from crncompile.network.expand import expanded
from crncompile.network.families import Kinds, Placed, family, placed
from crncompile.network.laws import check_law, law_of
from crncompile.network.library import Library
from crncompile.network.reactions import Joined, Patterns, joined, reaction
from crncompile.network.readouts import readout, training
from crncompile.network.report import Fault, Report, each, fault
from crncompile.network.reservoirs import Draft, Evidence, check_values, draft, evidence_of, reservoir, settle
from crncompile.network.types import Content, DeviceKind, Family, Network, Training
from crncompile.units import Units

Review = Callable[[Network], Iterable[Mistake]]
"""Finds mistakes that only a later stage can know, so that they are told with all others."""


def resolve(model: nodes.Model, library: Library, review: Review | None = None) -> Network:
    """Return the network that a model means.

    ``review`` is shown the network, which has holes where there were mistakes.

    Raises
    ------
    ModelError
        With all mistakes of the model, and of the laws, devices and circuits that it uses.
    """
    _refuse_library(model)
    report = Report()
    context = Context(Units(temperature(model, report)), report)
    library = library.extended(model, report)
    model, whole = _expanded(model, library, report)
    declare(model, context)
    kinds = Kinds(library, context)
    _own_laws_and_devices(model, kinds)
    if not whole:
        raise ModelError(report.mistakes, unfinished=True)
    drafts = _drafts(model, context)
    connected = _connected(model, context, kinds)
    _settle_contents(drafts, connected, context)
    network = _network(model, drafts, connected, context)
    check_roles(model, report)
    if not report.faults:
        check_network(network, model, context)
    for mistake in review(network) if review else ():
        report.add(Fault(mistake))
    if report.faults:
        raise ModelError(report.mistakes)
    return replace(network, warnings=tuple(report.warnings))


def resolve_library(model: nodes.Model, library: Library) -> tuple[DeviceKind, ...]:
    """Check a file of laws, devices and circuits without a network, and return its own devices at room temperature.

    Raises
    ------
    ModelError
        With all mistakes of the file, and of those that it uses.
    """
    report = Report()
    library = library.extended(model, report)
    kinds = Kinds(library, Context(Units(ROOM), report))
    _expanded(model, library, report)
    _own_laws_and_devices(model, kinds)
    for circuit in statements(model, nodes.Circuit):
        _check_kinds(circuit, kinds)
    if report.faults:
        raise ModelError(report.mistakes)
    return tuple(kinds.device_of(device) for device in statements(model, nodes.Device))


def _refuse_library(model: nodes.Model) -> None:
    if is_library(model):
        message = "this file declares devices, laws or circuits, but no network"
        raise ModelError(fault(start_of(model), message, "a model takes them by use").mistakes)


def _expanded(model: nodes.Model, library: Library, report: Report) -> tuple[nodes.Model, bool]:
    """Return the model with its circuits placed, and whether that could be done with all of them."""
    definitions = Report()
    for circuit in library.circuits.values():
        check_circuit(circuit, library, definitions)
    model = expanded(model, library, definitions)
    if definitions.faults:
        report.add(Fault(*definitions.mistakes))
    return model, not definitions.faults


def _check_kinds(circuit: nodes.Circuit, kinds: Kinds) -> None:
    """Report devices and laws in a circuit that there are not."""
    for statement in circuit.statements:
        with kinds.context.report.catching():
            if isinstance(statement, nodes.Placement):
                kinds.device(statement.kind)
            elif isinstance(statement, nodes.Reaction):
                law_of(statement.kind, kinds.library, kinds.context.units)


def _own_laws_and_devices(model: nodes.Model, kinds: Kinds) -> None:
    """Check the laws and devices of the model and of the files that it uses, whether they are placed or not."""
    for file in (*model.used, model):
        for law in statements(file, nodes.Law):
            with kinds.context.report.catching():
                check_law(law, kinds.context.units)
        for device in statements(file, nodes.Device):
            if kinds.library.devices[device.name] is device:
                kinds.resolve(device)


def _drafts(model: nodes.Model, context: Context) -> list[Draft]:
    drafts: dict[str, Draft] = {}
    for node in statements(model, nodes.Reservoir):
        with context.report.catching():
            drafts.setdefault(node.target.name, draft(node, context))
    return list(drafts.values())


def _connected(model: nodes.Model, context: Context, kinds: Kinds) -> list[Placed | Joined]:
    """Return the placements and reactions, connected, in the order of the text."""
    found: list[Placed | Joined] = []
    for node in model.statements:
        with context.report.catching():
            if isinstance(node, nodes.Placement):
                found.append(placed(node, context, kinds))
            elif isinstance(node, nodes.Reaction):
                found.append(joined(node, context, kinds))
    return found


# --- contents ---------------------------------------------------------------------------------------------------------


def _settle_contents(drafts: list[Draft], connected: list[Placed | Joined], context: Context) -> None:
    """Find what every reservoir holds; devices and settings tell, reactions pass it on."""
    evidence: dict[str, list[Evidence]] = {found.node.target.name: evidence_of(found, context) for found in drafts}
    for placement in connected:
        if isinstance(placement, Placed):
            for name, piece in placement.evidence():
                evidence.setdefault(name, []).append(piece)
    _pass_on([found for found in connected if isinstance(found, Joined)], evidence)
    for found in drafts:
        name = found.node.target.name
        pieces = sorted(evidence[name], key=lambda piece: piece.span.start)
        if not pieces:
            check_values(found, context)
            if context.report.faults:
                continue
        with context.report.catching():
            context.contents[name] = settle(pieces, name, found.node.target.name_span)


def _pass_on(reactions: list[Joined], evidence: dict[str, list[Evidence]]) -> None:
    """Let each reaction give the content of one of its reservoirs to the others, until nothing changes."""
    changed = True
    while changed:
        changed = False
        for found in reactions:
            names = [reference.name for reference in found.references]
            known = next((name for name in names if evidence.get(name)), None)
            if known is None:
                continue
            content = evidence[known][0].content
            for reference in found.references:
                pieces = evidence.setdefault(reference.name, [])
                if not any(piece.content == content for piece in pieces):
                    reason = f"the reaction {found.node.target.name} joins it to {known}"
                    pieces.append(Evidence(content, reason, reference.span))
                    changed = True


# --- the network ------------------------------------------------------------------------------------------------------


def _network(model: nodes.Model, drafts: list[Draft], connected: list[Placed | Joined], context: Context) -> Network:
    """Return the network; where there were mistakes it has holes, and the report tells."""
    named = statements(model, nodes.Network)
    reservoirs, families, readouts = [], [], []
    patterns = Patterns()
    for found in drafts:
        with context.report.catching():
            reservoirs.append(reservoir(found, _content(found.node.target.name, context), context))
    for device in connected:
        with context.report.catching():
            families.append(_family(device, context, patterns))
    for node in statements(model, nodes.Readout):
        with context.report.catching():
            readouts.append(readout(node, context))
    return Network(
        name=named[0].name if named else "",
        title=named[0].title if named else "",
        units=context.units,
        reservoirs=tuple(reservoirs),
        families=tuple(families),
        parameters=tuple(context.parameters.values()),
        readouts=tuple(readouts),
        training=_training(model, context),
        warnings=(),
        source=model.source,
        derived={name: found.names_of_parts for name, found in context.derived.items()},
        used=tuple(file.source.name for file in model.used),
    )


def _content(name: str, context: Context) -> Content:
    if name not in context.contents:
        raise Fault
    return context.contents[name]


def _family(found: Placed | Joined, context: Context, patterns: Patterns) -> Family:
    if isinstance(found, Placed):
        return family(found, context)
    contents = each(lambda reference: _content(reference.name, context), found.references)
    return reaction(found, contents[0], context, patterns)


def _training(model: nodes.Model, context: Context) -> Training | None:
    stated = statements(model, nodes.Training)
    return training(stated[0], context) if stated else None
