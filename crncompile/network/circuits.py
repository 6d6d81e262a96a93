"""Definitions of circuits: what may stand in them, and how much they become where they are placed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from crncompile.errors import Span, did_you_mean
from crncompile.language import nodes
from crncompile.network.laws import repeated_settings, reserved_names
from crncompile.network.library import Library
from crncompile.network.report import Fault, Report, fault
from crncompile.units import Units

#: Statements that all circuits of a model become together, and circuits within circuits.
MOST_STATEMENTS, DEEPEST = 5000, 30

Body = nodes.Index | nodes.Parameter | nodes.Reservoir | nodes.Placement | nodes.Reaction | nodes.Part
_ANY_TEMPERATURE = 300.0


@dataclass(frozen=True)
class Size:
    """What a circuit becomes: its statements, those of circuits in it included, and circuits within each other."""

    statements: int
    depth: int


def body(circuit: nodes.Circuit) -> Iterator[Body]:
    """Yield the statements that may stand in a circuit, each name once."""
    known: set[str] = set()
    for statement in circuit.statements:
        if isinstance(statement, Body):
            name = _named(statement)[0]
            if name not in known:
                known.add(name)
                yield statement


def _named(statement: Body) -> tuple[str, Span]:
    if isinstance(statement, nodes.Index):
        return statement.name, statement.name_span
    return statement.target.name, statement.target.name_span


def terminals(wiring: nodes.Wiring) -> tuple[nodes.Reference, ...]:
    """Return what a circuit is wired to, in its order."""
    return wiring.sources + wiring.targets + wiring.gates


def parts(circuit: nodes.Circuit) -> Iterator[nodes.Part]:
    """Yield the circuits that a circuit places."""
    return (statement for statement in body(circuit) if isinstance(statement, nodes.Part))


# --- definitions ------------------------------------------------------------------------------------------------------


def check_circuit(circuit: nodes.Circuit, library: Library, report: Report) -> None:
    """Report what is wrong with a definition, wherever it is placed."""
    known: dict[str, Span] = {}
    taken = reserved_names(Units(_ANY_TEMPERATURE))
    for reference in terminals(circuit.wiring):
        with report.catching():
            _declare(reference.name, reference.span, known, taken)
            _check_terminal(reference)
    for statement in circuit.statements:
        with report.catching():
            if not isinstance(statement, Body):
                raise _out_of_place(statement)
            _declare(*_named(statement), known, taken)
            if isinstance(statement, nodes.Part):
                check_call(statement, library)


def _declare(name: str, span: Span, known: dict[str, Span], taken: frozenset[str]) -> None:
    if name in taken:
        raise fault(span, f"{name} has a meaning in every expression and can not be declared", "choose another name")
    first = known.setdefault(name, span)
    if first is not span:
        raise fault(span, f"{name} is declared twice", f"the first is in line {first.line}")


def _check_terminal(reference: nodes.Reference) -> None:
    if "." in reference.name:
        raise fault(reference.span, "a terminal is a plain name")
    for index in reference.indices:
        if not isinstance(index, nodes.Reference) or index.indices or "." in index.name:
            raise fault(index.span, "an index of a terminal is a plain name", "circuit NAME: x[i] -> h[j] { ... }")


def _out_of_place(statement: nodes.Statement) -> Fault:
    if isinstance(statement, nodes.Circuit):
        hint = "define it beside this one, and place it here: circuit p: x -> h = name()"
        return fault(statement.name_span, "a circuit can not be defined within another", hint)
    span = statement.span
    word = span.text.split(maxsplit=1)[0]
    hint = "inside stand: index, parameter, reservoir, dot, enzyme, reaction, and circuits that are placed"
    return fault(Span(span.source, span.start, span.start + len(word)), f"{word} can not stand in a circuit", hint)


# --- calls ------------------------------------------------------------------------------------------------------------


def check_call(part: nodes.Part, library: Library) -> nodes.Circuit:
    """Return the circuit that a part places, the call's wiring and settings checked; raises Fault."""
    circuit = library.circuits.get(part.kind.name)
    if circuit is None:
        device = part.kind.name in library.devices
        hint = f"{part.kind.name} is a device: dot or enzyme places it" if device else ""
        raise fault(
            part.kind.name_span,
            f"{part.kind.name} is not a circuit",
            hint or did_you_mean(part.kind.name, library.circuits),
        )
    report = Report()
    if part.target.condition is not None:
        message = "circuits that are placed can not be filtered"
        report.add(fault(part.target.condition.span, message, "bind a range: [k in 1..5]"))
    if _counts(part.wiring) != _counts(circuit.wiring):
        pattern = " ".join(circuit.wiring.span.text.split())
        report.add(fault(part.wiring.span, f"{circuit.name} is not wired like this", f"its terminals are {pattern}"))
    repeated_settings(part.kind, report)
    known = [s.target.name for s in body(circuit) if isinstance(s, nodes.Parameter)]
    for setting in part.kind.settings:
        if setting.name not in known:
            hint = did_you_mean(setting.name, known) or f"a call sets what {circuit.name} declares by parameter"
            report.add(fault(setting.name_span, f"{circuit.name} has no parameter {setting.name}", hint))
    if report.faults:
        raise Fault(*report.mistakes)
    return circuit


def _counts(wiring: nodes.Wiring) -> tuple[int, int, int]:
    return len(wiring.sources), len(wiring.targets), len(wiring.gates)


# --- sizes ------------------------------------------------------------------------------------------------------------


def sizes(circuits: Mapping[str, nodes.Circuit], report: Report) -> dict[str, Size]:
    """Return what each circuit becomes; those that place each other in a circle are reported and left out."""
    places = {
        name: {p.kind.name for p in parts(circuit) if p.kind.name in circuits} for name, circuit in circuits.items()
    }
    while True:
        try:
            order = list(TopologicalSorter(places).static_order())
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            report.add(_circle(circle, circuits))
            places = {name: inner - set(circle) for name, inner in places.items() if name not in circle}
        else:
            break
    found: dict[str, Size] = {}
    for name in order:
        inner = [found[p.kind.name] for p in parts(circuits[name]) if p.kind.name in found]
        own = sum(1 for _ in body(circuits[name]))
        depth = 1 + max((size.depth for size in inner), default=0)
        found[name] = Size(own + sum(size.statements for size in inner), depth)
    return found


def _circle(names: list[str], circuits: Mapping[str, nodes.Circuit]) -> Fault:
    """Tell a circle, ``names`` from one circuit back to itself."""
    start = min(range(len(names) - 1), key=lambda k: circuits[names[k]].span.start)
    circle = [*names[start:-1], *names[: start + 1]]
    guilty = next(p for p in parts(circuits[circle[0]]) if p.kind.name == circle[1])
    message = "this circuit places itself" if len(circle) == 2 else "these circuits place each other in a circle"
    return fault(guilty.kind.name_span, message, " -> ".join(circle))
