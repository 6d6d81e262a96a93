"""What a model declares before anything is connected: names, temperature, volume, indices, parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar, cast

from crncompile.errors import Span
from crncompile.language import nodes
from crncompile.network.context import Context, OwnerScope
from crncompile.network.derived import Derived, ordered, refuse_growth
from crncompile.network.distributions import Constants
from crncompile.network.dues import POSITIVE, Due
from crncompile.network.expressions import Names, Typed, evaluate, evaluate_as
from crncompile.network.indices import Frame, axis_of_range
from crncompile.network.laws import reserved_names
from crncompile.network.report import Report, fault
from crncompile.network.reservoirs import NETWORK_VOLUME
from crncompile.network.table_files import Shelf
from crncompile.network.values import hold_numbers, literal, refuse_tolerance, trained
from crncompile.units import TEMPERATURE, VOLUME, Units

Statement = TypeVar("Statement", bound=nodes.Statement)

#: Mistakes are still looked for at this temperature when a model states none.
ROOM = 298.15
_COLDEST, _HOTTEST = 1e-9, 1e9
_SINGLE: dict[type, str] = {
    nodes.Version: "tnet",
    nodes.Network: "network",
    nodes.Temperature: "temperature",
    nodes.Volume: "volume",
    nodes.Training: "training",
}


def statements(model: nodes.Model, kind: type[Statement]) -> list[Statement]:
    """Return a model's statements of one kind."""
    return [statement for statement in model.statements if isinstance(statement, kind)]


def start_of(model: nodes.Model) -> Span:
    """Return the first statement's first line, to which is pinned what is missing."""
    if not model.statements:
        return Span(model.source, 0, 0)
    span = model.statements[0].span
    rest = len(model.source.line(span.line)) - span.column + 1
    return Span(span.source, span.start, min(span.end, span.start + rest))


def temperature(model: nodes.Model, report: Report) -> float:
    """Return the temperature in kelvin, or a stand-in where it is missing or wrong, which is reported."""
    given = statements(model, nodes.Temperature)
    if not given:
        report.add(fault(start_of(model), "the model has no temperature", "state it: temperature 100 mK"))
        return ROOM
    with report.catching():
        value = float(evaluate_as(given[0].value, Names(Units(ROOM), {}), TEMPERATURE, "a temperature"))
        if not _COLDEST <= value <= _HOTTEST:
            raise fault(given[0].value.span, f"a temperature must lie between {_COLDEST:g} and {_HOTTEST:g} K")
        return value
    return ROOM


def declare(model: nodes.Model, context: Context) -> None:
    """Fill the tables of a context with what the model declares."""
    _names(model, context)
    _single_statements(model, context)
    _unsupported(model, context)
    for index in statements(model, nodes.Index):
        context.indices[index.name] = None
        with context.report.catching():
            context.indices[index.name] = axis_of_range(index.name, index.range)
    shelf = Shelf(context.units)
    for table in statements(model, nodes.Table):
        context.tables[table.name] = None
        with context.report.catching():
            context.tables[table.name] = shelf.read(table)
    _volume(model, context)
    parameters, circles = ordered(statements(model, nodes.Parameter))
    for circle in circles:
        context.report.add(circle)
    for parameter in parameters:
        with context.report.catching():
            _parameter(parameter, context)
    for reservoir in statements(model, nodes.Reservoir):
        name = reservoir.target.name
        context.reservoirs[name] = None
        with context.report.catching():
            context.frames[name] = whole_frame(reservoir.target, "a reservoir", context)
            context.reservoirs[name] = context.frames[name].axes


def whole_frame(target: nodes.Target, what: str, context: Context) -> Frame:
    """Return the elements of a target that can not be filtered; raises Fault."""
    frame = context.frame(target)
    if frame.rows is not None and target.condition is not None:
        raise fault(target.condition.span, f"{what} can not be filtered", "bind a range: [k in 1..5]")
    return frame


# --- names ------------------------------------------------------------------------------------------------------------


def _declared(model: nodes.Model) -> Iterator[tuple[str, str, Span]]:
    """Yield each declared name, what it is, and where."""
    for statement in model.statements:
        match statement:
            case nodes.Index():
                yield statement.name, "index", statement.name_span
            case nodes.Table():
                yield statement.name, "table", statement.name_span
            case nodes.Parameter():
                yield statement.target.name, "parameter", statement.target.name_span
            case nodes.Reservoir():
                yield statement.target.name, "reservoir", statement.target.name_span
            case nodes.Placement():
                yield statement.target.name, statement.keyword, statement.target.name_span
            case nodes.Reaction():
                yield statement.target.name, "reaction", statement.target.name_span
            case nodes.Part():
                yield statement.target.name, "circuit", statement.target.name_span
            case nodes.Readout():
                yield statement.target.name, statement.keyword, statement.target.name_span


def _names(model: nodes.Model, context: Context) -> None:
    first: dict[str, Span] = {}
    reserved = reserved_names(context.units)
    for name, what, span in _declared(model):
        if name in reserved:
            message = f"{name} has a meaning in every expression and can not be declared"
            context.report.add(fault(span, message, "choose another name"))
        elif name in first:
            hint = f"the first is in line {first[name].line}: {context.declared[name]} {name}"
            context.report.add(fault(span, f"{name} is declared twice", hint))
        else:
            first[name] = span
        context.declared.setdefault(name, what)


def _single_statements(model: nodes.Model, context: Context) -> None:
    for kind, word in _SINGLE.items():
        found = [statement for statement in model.statements if isinstance(statement, kind)]
        for extra in found[1:]:
            hint = f"the first is in line {found[0].span.line}"
            context.report.add(fault(extra.span, f"there are two {word} statements", hint))
    if not statements(model, nodes.Network):
        hint = 'begin with: network NAME "what it is"'
        context.report.add(fault(start_of(model), "the model has no network statement", hint))


def _unsupported(model: nodes.Model, context: Context) -> None:
    for version in statements(model, nodes.Version):
        if version.number != "1":
            message = f"version {version.number} of the language is not known"
            context.report.add(fault(version.span, message, "this compiler reads tnet 1"))


# --- volume and parameters --------------------------------------------------------------------------------------------


def _volume(model: nodes.Model, context: Context) -> None:
    for statement in statements(model, nodes.Volume)[:1]:
        context.volume_told = True
        with context.report.catching():
            value = nodes.Value(statement.value, None, statement.value.span)
            _plain(NETWORK_VOLUME, Constants(context), value, Due("the volume", VOLUME, POSITIVE))


def _parameter(statement: nodes.Parameter, context: Context) -> None:
    frame = whole_frame(statement.target, "a parameter", context)
    due = Due(statement.target.name, None)
    if isinstance(statement.value.content, nodes.Interval):
        raise fault(statement.value.content.span, f"{due.what} is one value, not a range")
    if isinstance(statement.value.content, nodes.Train):
        found = trained(context, frame, due.what, statement.value, due)
        context.parameters[due.what] = found
    else:
        _plain(due.what, OwnerScope(context, frame), statement.value, due)


def _plain(name: str, scope: OwnerScope, value: nodes.Value, due: Due) -> None:
    """Declare a parameter that is not trained: a constant, or one that follows from others."""
    expression = cast(nodes.Expression, value.content)
    typed = evaluate(expression, scope, due.dimension)
    due.check(expression, typed.dimension)
    if not scope.accesses:
        scope.context.parameters[name] = literal(scope, name, value, typed, due, scope.frame)
        return
    refuse_tolerance(value, scope)
    refuse_growth(name, typed.expression, expression)
    scope.context.derived[name] = _derived(name, scope, typed)


def _derived(name: str, scope: OwnerScope, typed: Typed) -> Derived:
    parts = {access.symbol: scope.parts[text] for text, access in scope.accesses.items()}
    hold_numbers(scope, name)
    names = scope.frame.names()
    for text, found in scope.numbers.items():
        access = scope.accesses[text]
        indices = tuple(nodes.Reference(names[axis], (), found.span) for axis in access.place.axes or ())
        parts[access.symbol] = nodes.Reference(access.name, indices, found.span)
    return Derived(scope.frame.axes, tuple(names), typed, parts)
