"""Placed circuits become the statements of their definitions: nodes to nodes, so that all later stages see a model.

What a circuit declares is named ``part.name``; a terminal is what the part is wired to, with the indices that the
circuit gives behind those that the wiring gives; an index of the header runs over the axis that it thereby meets. An
index of the part itself stands before all indices of what the circuit declares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, cast

from crncompile.errors import Span, did_you_mean
from crncompile.language import nodes
from crncompile.network.circuits import DEEPEST, MOST_STATEMENTS, Body, Size, body, check_call, sizes, terminals
from crncompile.network.indices import axis_of_range
from crncompile.network.library import Library
from crncompile.network.report import Fault, Report, each, fault

#: What an index runs over: a range, or the rows of a table; ``None`` where its declaration has a mistake.
Domain = nodes.Range | nodes.Reference | None


def expanded(model: nodes.Model, library: Library, report: Report) -> nodes.Model:
    """Return a model with the statements of its placed circuits behind each of these; mistakes are reported."""
    indices = {s.name: s.range for s in model.statements if isinstance(s, nodes.Index)}
    expansion = _Expansion(library, sizes(library.circuits, report), indices, {}, [])
    for statement in model.statements:
        if isinstance(statement, nodes.Reservoir):
            expansion.reservoirs.setdefault(statement.target.name, expansion.domains(statement.target))
    for statement in model.statements:
        expansion.statements.append(statement)
        if isinstance(statement, nodes.Part):
            with report.catching():
                expansion.refuse_growth(statement)
                expansion.place(statement)
    return replace(model, statements=tuple(expansion.statements))


@dataclass
class _Expansion:
    """The statements so far; ``reservoirs`` has the axes of all that are declared."""

    library: Library
    sizes: Mapping[str, Size]
    indices: Mapping[str, nodes.Range]
    reservoirs: dict[str, tuple[Domain, ...]]
    statements: list[nodes.Statement]
    count: int = 0

    def domains(self, target: nodes.Target) -> tuple[Domain, ...]:
        """Return what the indices of a target run over."""
        return tuple(binder.domain or self.indices.get(binder.name) for binder in target.binders)

    def refuse_growth(self, part: nodes.Part) -> None:
        """Raise Fault where the model would become too large, before any of it is made."""
        size = self.sizes.get(part.kind.name, Size(0, 0))
        if size.depth > DEEPEST:
            message = f"{part.kind.name} holds circuits {size.depth} deep; {DEEPEST} is the most"
            raise fault(part.kind.name_span, message, "a family places many at once: circuit block[k in 1..100]: ...")
        before, self.count = self.count, self.count + size.statements
        if self.count > MOST_STATEMENTS:
            if before > MOST_STATEMENTS:
                raise Fault
            message = f"the circuits of this model become {self.count} statements so far; {MOST_STATEMENTS} is the most"
            raise fault(part.kind.name_span, message, "a family places many at once: circuit block[k in 1..100]: ...")

    def place(self, part: nodes.Part) -> None:
        """Add the statements of a part; raises Fault."""
        circuit = check_call(part, self.library)
        if circuit.name not in self.sizes:
            raise Fault
        scope = self._scope(part, circuit)
        for statement in body(circuit):
            if isinstance(statement, nodes.Reservoir):
                moved = scope.target(statement.target)
                self.reservoirs.setdefault(moved.name, self.domains(moved))
        settings = {setting.name: setting.value for setting in part.kind.settings}
        report = Report()
        for statement in body(circuit):
            if isinstance(statement, nodes.Index):
                continue
            moved_statement = scope.statement(statement)
            if isinstance(moved_statement, nodes.Parameter) and statement.target.name in settings:
                moved_statement = replace(moved_statement, value=settings[statement.target.name])
            self.statements.append(moved_statement)
            if isinstance(moved_statement, nodes.Part):
                with report.catching():
                    self.place(moved_statement)
        if report.faults:
            raise Fault(*report.mistakes)

    def _scope(self, part: nodes.Part, circuit: nodes.Circuit) -> _Scope:
        inner: dict[str, Domain] = {s.name: s.range for s in body(circuit) if isinstance(s, nodes.Index)}
        pairs = list(zip(terminals(circuit.wiring), terminals(part.wiring), strict=True))
        met: dict[str, tuple[Domain, nodes.Reference]] = {}
        for axes in each(lambda pair: self._met(*pair, circuit), pairs):
            for index, domain, actual in axes:
                first, other = met.setdefault(index, (domain, actual))
                if not _same(first, domain):
                    message = f"the index {index} of {circuit.name} runs over {_text(first)} at {other.name}"
                    raise fault(actual.span, message, f"but over {_text(domain)} at {actual.name}")
        return _Scope(
            prefix=part.target.name,
            outer=part.target.binders,
            terminals={terminal.name: actual for terminal, actual in pairs},
            inner={**inner, **{index: domain for index, (domain, _) in met.items()}},
            indices=self.indices,
            own=frozenset(s.target.name for s in body(circuit) if not isinstance(s, nodes.Index)),
            place=part.target.name_span,
        )

    def _met(
        self, terminal: nodes.Reference, actual: nodes.Reference, circuit: nodes.Circuit
    ) -> list[tuple[str, Domain, nodes.Reference]]:
        """Return what the indices of a terminal run over at the reservoirs that it is wired to; raises Fault."""
        if actual.name not in self.reservoirs:
            hint = did_you_mean(actual.name, self.reservoirs)
            placed = " of a circuit that is placed further up" if "." in actual.name else ""
            raise fault(actual.span, f"{actual.name} is no reservoir{placed}", hint)
        axes = self.reservoirs[actual.name]
        given, due = len(actual.indices), len(terminal.indices)
        if given + due != len(axes):
            indices = f"{len(axes)} {'index' if len(axes) == 1 else 'indices'}" if axes else "no index"
            message = f"{actual.name} has {indices}; {circuit.name} gives {due} to {terminal.name}"
            left = len(axes) - due
            hints = ("wire an array with as many as it gives", f"write {actual.name} without an index")
            more = f"the wiring gives the first {left}" if left > 0 else hints[left == 0]
            raise fault(actual.span, message + (f" and the wiring {given}" if given else ""), more)
        names = [index.name for index in terminal.indices if isinstance(index, nodes.Reference)]
        if len(names) < due:
            raise Fault
        return [(name, domain, actual) for name, domain in zip(names, axes[given:], strict=True)]


def _same(first: Domain, other: Domain) -> bool:
    if isinstance(first, nodes.Range) and isinstance(other, nodes.Range):
        return axis_of_range("", first) == axis_of_range("", other)
    if isinstance(first, nodes.Reference) and isinstance(other, nodes.Reference):
        return first.name == other.name
    return first is None or other is None


def _text(domain: Domain) -> str:
    return domain.span.text if domain is not None else "nothing"


# --- one part ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scope:
    """What the names in a circuit mean where it is placed; ``inner`` are its indices, ``indices`` the model's."""

    prefix: str
    outer: tuple[nodes.Binder, ...]
    terminals: Mapping[str, nodes.Reference]
    inner: Mapping[str, Domain]
    indices: Mapping[str, nodes.Range]
    own: frozenset[str]
    place: Span

    def statement(self, node: Body) -> nodes.Statement:
        """Return a statement as it stands in the model."""
        assert not isinstance(node, nodes.Index)
        moved = self._moved(node, self._bound(node.target))
        return cast(nodes.Statement, replace(moved, target=self.target(node.target)))

    def target(self, node: nodes.Target) -> nodes.Target:
        """Return what a statement declares under its name in the model."""
        bound = self._bound(node)
        binders = tuple(self._binder(binder, bound) for binder in node.binders)
        moved = self._moved(node, bound)
        return cast(nodes.Target, replace(moved, name=f"{self.prefix}.{node.name}", binders=self.outer + binders))

    def _bound(self, target: nodes.Target) -> dict[str, str]:
        """Return the indices that a target binds, under names that differ from those of the part."""
        taken = {binder.name for binder in self.outer}
        bound: dict[str, str] = {}
        for binder in target.binders:
            names = (binder.name, *(f"{binder.name}_{k}" for k in range(2, len(taken) + 3)))
            bound[binder.name] = next(name for name in names if name not in taken)
        return bound

    def _binder(self, binder: nodes.Binder, bound: Mapping[str, str]) -> nodes.Binder:
        domain = self._moved(binder.domain, bound)
        if domain is None:
            renamed = bound[binder.name] != binder.name
            domain = self.inner.get(binder.name, self.indices.get(binder.name) if renamed else None)
        return nodes.Binder(bound[binder.name], domain, self._span(binder.span))

    def _span(self, span: Span) -> Span:
        return replace(span, placed=self.place)

    def _moved(self, value: Any, bound: Mapping[str, str]) -> Any:
        """Return a node, or a part of one, with its references renamed and its spans placed."""
        if isinstance(value, nodes.Reference):
            return self._reference(value, bound)
        if isinstance(value, Span):
            return self._span(value)
        if isinstance(value, tuple):
            return tuple(self._moved(item, bound) for item in value)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{f.name: self._moved(getattr(value, f.name), bound) for f in fields(value)})
        return value

    def _reference(self, node: nodes.Reference, bound: Mapping[str, str]) -> nodes.Reference:
        head, point, rest = node.name.partition(".")
        indices = tuple(self._moved(index, bound) for index in node.indices)
        name = node.name
        if head in bound:
            name = f"{bound[head]}{point}{rest}"
        elif head in self.terminals and not point:
            name, indices = self.terminals[head].name, self.terminals[head].indices + indices
        elif head in self.own:
            name = f"{self.prefix}.{name}"
            indices = tuple(nodes.Reference(b.name, (), self._span(node.span)) for b in self.outer) + indices
        return nodes.Reference(name, indices, self._span(node.span))
