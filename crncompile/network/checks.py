"""What can only be said of the whole network: inputs, outputs, reach, and what nobody uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crncompile.language import nodes
from crncompile.network.context import Context
from crncompile.network.declarations import start_of, statements
from crncompile.network.memory import check_memory, memory
from crncompile.network.reach import Reach, reach
from crncompile.network.report import Report, fault, listed
from crncompile.network.reservoirs import SETTINGS
from crncompile.network.types import Network, Reservoir

_EXAMPLES = {
    "input": "reservoir x = input(range = [-3 kT, 3 kT])",
    "output": "reservoir y = output(capacitance = 10 pF)",
}


def check_roles(model: nodes.Model, report: Report) -> None:
    """Report a model in which nothing settles; warn of one without input or output, which has a steady state too."""
    kinds = {statement.kind.name for statement in statements(model, nodes.Reservoir)}
    misspelt = any(kind not in SETTINGS for kind in kinds)
    if misspelt:
        return
    if "output" not in kinds:
        _check_output(model, "floating" in kinds, report)
    if "input" not in kinds:
        held = "only fixed reservoirs hold it" if "fixed" in kinds else "nothing holds it: it is closed"
        hint = f"no mistake if that is meant; else declare one, for example: {_EXAMPLES['input']}"
        report.warn(start_of(model), f"the model has no input, {held}", hint)


def _check_output(model: nodes.Model, floating: bool, report: Report) -> None:
    """Report that nothing is there to settle; warn where something settles and nothing is read out."""
    hint = f"declare one, for example: {_EXAMPLES['output']}"
    if not floating:
        report.add(fault(start_of(model), "the model has no output", hint))
    elif not statements(model, nodes.Readout):
        report.warn(
            start_of(model), "the model has no output and no readout", f"no mistake if that is meant; else {hint}"
        )


def check_network(network: Network, model: nodes.Model, context: Context) -> None:
    """Report what needs too much memory, and outputs without devices; warn of what nothing reaches or nobody uses."""
    with context.report.catching():
        check_memory(network, memory())
    found = reach(network)
    for group in network.reservoirs:
        _check_group(group, found, context, closed=not network.held)
    _warn_unused(model, context)


def _check_group(group: Reservoir, found: Reach, context: Context, closed: bool) -> None:
    missed, alone = ~found.reached[group.name], ~found.joined[group.name]
    if group.kind == "output" and alone.any():
        message = f"nothing reaches the output {_elements(group, alone)}"
        hint = "join it by devices to an input or a fixed reservoir"
        context.report.add(fault(group.span, message, hint))
    elif group.kind == "output" and missed.any() and not closed:
        message = f"no input and no fixed reservoir reaches the output {_elements(group, missed)}"
        context.report.warn(group.span, message, "its state follows from what the start holds, and from no input")
    elif group.kind == "floating" and alone.any():
        message = f"no device exchanges anything with {_elements(group, alone)}"
        context.report.warn(group.span, message, "it keeps the potential that it starts with")
    elif group.held and group.name not in context.used:
        context.report.warn(group.span, f"{group.name} is used nowhere")


def _elements(group: Reservoir, chosen: NDArray[np.bool_]) -> str:
    if chosen.all():
        return f"{group.name}[{', '.join(axis.name for axis in group.axes)}]" if group.axes else group.name
    labels = group.labels()
    return listed(labels[k] for k in np.flatnonzero(chosen))


def _warn_unused(model: nodes.Model, context: Context) -> None:
    for parameter in statements(model, nodes.Parameter):
        if parameter.target.name not in context.used:
            context.report.warn(parameter.target.name_span, f"the parameter {parameter.target.name} is used nowhere")
    placed = {part.kind.name for part in statements(model, nodes.Part)}
    for circuit in statements(model, nodes.Circuit):
        if circuit.name not in placed:
            hint = "devices and values in it are checked where it is placed"
            context.report.warn(circuit.name_span, f"the circuit {circuit.name} is placed nowhere", hint)
    for index in statements(model, nodes.Index):
        if index.name not in context.used:
            context.report.warn(index.name_span, f"the index {index.name} is used nowhere")
    for table in statements(model, nodes.Table):
        if table.name not in context.used:
            context.report.warn(table.name_span, f"the table {table.name} is used nowhere")
