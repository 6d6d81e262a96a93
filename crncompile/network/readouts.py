"""``readout``, ``classify`` and ``training`` statements."""

from __future__ import annotations

from typing import Literal, cast

from crncompile.errors import did_you_mean
from crncompile.language import nodes
from crncompile.network.context import Context, OwnerScope
from crncompile.network.distributions import constant
from crncompile.network.dues import Due
from crncompile.network.expressions import evaluate
from crncompile.network.laws import repeated_settings
from crncompile.network.report import a_dimension, fault, shown
from crncompile.network.types import Readout, Training
from crncompile.network.values import hold_numbers
from crncompile.units import NUMBER, example_unit


def readout(node: nodes.Readout, context: Context) -> Readout:
    """Return a readout, which is a number for each element of its axes; raises Fault."""
    frame = context.frame(node.target)
    if frame.rows is not None:
        raise fault(node.target.span, f"a {node.keyword} can not be filtered", "bind a range: k in 1..5")
    if node.keyword == "classify" and not frame.axes:
        hint = f"write classify {node.target.name}[k] = ..., or readout"
        raise fault(node.target.span, "classify needs an index: one value for each class", hint)
    scope = OwnerScope(context, frame, reservoirs=True)
    value = evaluate(node.expression, scope)
    if value.dimension != NUMBER:
        unit = example_unit(value.dimension)
        hint = (
            f"divide by a unit: ({shown(node.expression.span)}) / 1 {unit}"
            if unit
            else "divide by a quantity of its kind"
        )
        raise fault(node.expression.span, f"a {node.keyword} is a number, this is {a_dimension(value.dimension)}", hint)
    hold_numbers(scope, node.target.name)
    accesses = tuple(scope.accesses.values())
    read = tuple(access for access in accesses if access.name in context.reservoirs)
    if not read:
        raise fault(
            node.expression.span, f"{node.target.name} reads no reservoir", did_you_mean("", context.reservoirs)
        )
    return Readout(
        node.target.name,
        cast(Literal["readout", "classify"], node.keyword),
        frame.axes,
        value.expression,
        tuple(access for access in accesses if access not in read),
        read,
        node.span,
    )


def training(node: nodes.Training, context: Context) -> Training:
    """Return the settings of a training statement, numbers and names; those that are neither are reported."""
    repeated_settings(node.kind, context.report)
    settings: dict[str, float | str] = {}
    for setting in node.kind.settings:
        with context.report.catching():
            settings[setting.name] = _plain(setting, context)
    spans = {setting.name: setting.span for setting in node.kind.settings}
    return Training(node.kind.name, settings, node.kind.name_span, spans)


def _plain(setting: nodes.Setting, context: Context) -> float | str:
    content = setting.value.content
    if isinstance(content, nodes.Interval | nodes.Train) or setting.value.tolerance is not None:
        raise fault(setting.value.span, f"{setting.name} is a number or a name here")
    if isinstance(content, nodes.Reference) and not content.indices:
        return content.name
    return constant(context, content, Due(setting.name, NUMBER))[0]
