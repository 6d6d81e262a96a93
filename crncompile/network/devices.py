"""A device's node to a DeviceKind: everything named, every dimension checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import sympy

from crncompile.errors import ModelError, Span, did_you_mean
from crncompile.language import nodes
from crncompile.network.dues import Limits
from crncompile.network.expressions import Names, Typed, evaluate, evaluate_as
from crncompile.network.growth import DEEPEST, MOST_OPERATIONS, Size, size_of
from crncompile.network.laws import GIVEN, law_of, reserved_names
from crncompile.network.levers import check_levers
from crncompile.network.library import Library
from crncompile.network.report import Fault, Report, a_dimension, expected, fault, shown
from crncompile.network.steps import Surroundings, make_step
from crncompile.network.terminals import FLUX, assumptions, check_counterpart, limits_of, terminals_of
from crncompile.network.types import Content, DeviceKind, DeviceParameter, State, Step, Terminal
from crncompile.units import CONCENTRATION, DIMENSIONS, ENERGY, NUMBER, RATE, Dimension, Units

Item = TypeVar("Item", bound=nodes.Item)


def device(name: str, library: Library, units: Units) -> DeviceKind:
    """Return a device of a library by name.

    Raises
    ------
    ModelError
        With all mistakes of the device.
    KeyError
        When the library has no such device.
    """
    try:
        return resolve_device(library.devices[name], library, units)
    except Fault as found:
        raise ModelError(found.mistakes) from None


def resolve_device(node: nodes.Device, library: Library, units: Units) -> DeviceKind:
    """Return a device, resolved; raises Fault with all its mistakes."""
    builder = _Builder(node, library, units)
    kind = builder.build()
    if kind is None or builder.report.faults:
        raise Fault(*builder.report.mistakes)
    return kind


@dataclass
class _Builder:
    """Gathers what a device declares, item by item in the order of the text."""

    node: nodes.Device
    library: Library
    units: Units
    report: Report = field(default_factory=Report)
    names: dict[str, Typed | None] = field(default_factory=dict)
    sizes: dict[sympy.Symbol, Size] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    terminals: list[Terminal] = field(default_factory=list)
    parameters: list[DeviceParameter] = field(default_factory=list)
    lets: list[tuple[sympy.Symbol, sympy.Expr]] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def build(self) -> DeviceKind | None:
        """Return the device as far as it could be resolved; ``None`` where its terminals can not be told."""
        with self.report.catching():
            self.terminals = terminals_of(self.node, self._declare)
        if self.report.faults:
            return None
        self._parameters_and_lets()
        content = self.terminals[0].content
        population = self._population(content)
        self._states()
        self._steps(content, population.dimension)
        current = self._current(content)
        self._check_form(current)
        if not self.report.faults:
            self._check_levers()
        with self.report.catching():
            check_counterpart(self.node, self._only(nodes.Counterpart), self.library)
        return DeviceKind(
            name=self.node.name,
            text=self.node.text,
            terminals=tuple(self.terminals),
            parameters=tuple(self.parameters),
            lets=tuple(self.lets),
            population=population.expression,
            states=tuple(self.states),
            steps=tuple(self.steps),
            current=current,
            amount=content == "molecules",
            counterpart=getattr(self._only(nodes.Counterpart), "name", None),
            span=self.node.span,
        )

    # --- names ---

    def _declare(self, name: str, span: Span) -> None:
        if name in reserved_names(self.units) or name in GIVEN:
            raise fault(span, f"{name} has a meaning in every expression and can not be declared")
        first = self.spans.setdefault(name, span)
        if first is not span:
            raise fault(span, f"{name} is declared twice", f"the first is in line {first.line}")

    def _scope(self) -> Names:
        later = {item.name for item in self._all(nodes.Let)}
        later |= {name for item in self._all(nodes.Declaration) for name in item.names}
        return Names(self.units, dict(self.names), frozenset(later))

    def _all(self, kind: type[Item]) -> list[Item]:
        return [item for item in self.node.items if isinstance(item, kind)]

    def _only(self, kind: type[Item]) -> Item | None:
        return next(iter(self._all(kind)), None)

    # --- parameters and lets ---

    def _parameters_and_lets(self) -> None:
        for terminal in self.terminals:
            dimension = ENERGY if terminal.content == "charge" else CONCENTRATION
            self.names[terminal.name] = Typed(terminal.symbol, dimension)
        for item in self.node.items:
            if isinstance(item, nodes.Declaration):
                for name, span in zip(item.names, item.name_spans, strict=True):
                    with self.report.catching():
                        self._declare(name, span)
                        self._parameter(name, span, item)
            elif isinstance(item, nodes.Let):
                with self.report.catching():
                    self._declare(item.name, item.name_span)
                    self._let(item)

    def _parameter(self, name: str, span: Span, item: nodes.Declaration) -> None:
        self.names[name] = None
        if item.dimension not in DIMENSIONS:
            raise fault(
                item.dimension_span, f"{item.dimension} is not a dimension", did_you_mean(item.dimension, DIMENSIONS)
            )
        dimension = DIMENSIONS[item.dimension][0]
        self.names[name] = Typed(sympy.Symbol(name, real=True), dimension)
        limits = limits_of(item.bound, dimension, name, self.units)
        symbol = sympy.Symbol(name, **assumptions(limits))
        self.names[name] = Typed(symbol, dimension)
        default = self._default(name, item, dimension, limits)
        self.parameters.append(
            DeviceParameter(name, symbol, dimension, limits.lower, limits.upper, limits.open_lower, default, span)
        )

    def _default(self, name: str, item: nodes.Declaration, dimension: Dimension, limits: Limits) -> sympy.Expr | None:
        if item.default is None:
            return None
        known = {parameter.name: self.names[parameter.name] for parameter in self.parameters}
        value = evaluate_as(item.default, Names(self.units, known, frozenset(self.spans)), dimension, name)
        if value.is_Number and not limits.contain(float(value)):
            raise fault(item.default.span, f"the default of {name} is outside its bounds")
        return value

    def _let(self, item: nodes.Let) -> None:
        scope = self._scope()
        self.names[item.name] = None
        value = evaluate(item.expression, scope)
        size = self._size(item.name, value.expression, item.name_span)
        positive = {"positive": True} if value.expression.is_positive else {"real": True}
        symbol = sympy.Symbol(item.name, **positive)
        self.sizes[symbol] = size
        self.names[item.name] = Typed(symbol, value.dimension)
        self.lets.append((symbol, value.expression))

    def _size(self, name: str, expression: sympy.Expr, span: Span) -> Size:
        """Return the size of an expression with all definitions inserted; raises Fault for one beyond all measure."""
        size = size_of(expression, self.sizes)
        if size.too_large:
            message = f"{name} becomes too large when the definitions in it are inserted"
            hint = f"{MOST_OPERATIONS} operations, {DEEPEST} deep, are the most: use fewer names twice"
            raise fault(span, message, hint)
        return size

    # --- population, states, steps, current ---

    def _population(self, content: Content) -> Typed:
        due = CONCENTRATION if content == "molecules" else NUMBER
        given = self._only(nodes.Population)
        if given is None:
            if content == "molecules" and self._all(nodes.State):
                hint = "state the concentration of all states together: population total"
                self.report.add(fault(self.node.name_span, f"{self.node.name} has no population", hint))
            return Typed(sympy.Integer(1), NUMBER)
        with self.report.catching():
            return Typed(evaluate_as(given.expression, self._scope(), due, "the population"), due)
        return Typed(sympy.Integer(1), due)

    def _states(self) -> None:
        for item in self._all(nodes.State):
            energy, degeneracy = sympy.Integer(0), sympy.Integer(1)
            with self.report.catching():
                self._declare(item.name, item.name_span)
            with self.report.catching():
                if item.energy is not None:
                    energy = evaluate_as(item.energy, self._scope(), ENERGY, "the energy of a state")
                if item.degeneracy is not None:
                    degeneracy = self._degeneracy(item.degeneracy)
            self.states.append(State(item.name, energy, degeneracy))

    def _degeneracy(self, expression: nodes.Expression) -> sympy.Expr:
        value = evaluate_as(expression, self._scope(), NUMBER, "a degeneracy")
        if value.is_positive or (value.is_Symbol and value.is_positive is not False):
            return value
        raise fault(expression.span, "a degeneracy must be above zero")

    def _steps(self, content: Content, population: Dimension) -> None:
        given = [item for item in self._all(nodes.State) if item.energy is not None or item.degeneracy is not None]
        due = RATE if self.states else FLUX[content] / population
        around = Surroundings(
            tuple(terminal.name for terminal in self.terminals),
            tuple(state.name for state in self.states),
            content,
            bool(given),
            due,
            self.units,
        )
        for item in self._all(nodes.Transition):
            with self.report.catching():
                self._step(item, around)

    def _step(self, item: nodes.Transition, around: Surroundings) -> None:
        if any(step.name == item.name for step in self.steps):
            raise fault(item.name_span, f"the transition {item.name} is declared twice")
        law = law_of(item.kind, self.library, self.units)
        settings = {setting.name: self._setting(setting) for setting in item.kind.settings}
        self.steps.append(make_step(item.name, item.step, law, item.kind, settings, around))

    def _setting(self, setting: nodes.Setting) -> Typed:
        content = setting.value.content
        if isinstance(content, nodes.Interval | nodes.Train) or setting.value.tolerance is not None:
            message = f"{setting.name} must be an expression here"
            raise fault(setting.value.span, message, "train and tolerance stand where the device is placed")
        return evaluate(content, self._scope())

    def _current(self, content: Content) -> sympy.Expr | None:
        item = self._only(nodes.Current)
        if item is None:
            return None
        with self.report.catching():
            value = evaluate(item.expression, self._scope(), FLUX[content])
            if value.dimension != FLUX[content]:
                self._refuse_current(item, value.dimension, content)
            self._size("this current", value.expression, item.expression.span)
            return value.expression
        return sympy.Integer(0)

    def _refuse_current(self, item: nodes.Current, found: Dimension, content: Content) -> None:
        per_charge = content == "charge" and found == DIMENSIONS["current"][0]
        hint = "divide by q_e to count electrons" if per_charge else expected(FLUX[content])
        span, due = item.expression.span, a_dimension(FLUX[content])
        raise fault(span, f"{shown(span)} is {a_dimension(found)}, a flow of {content} is {due}", hint)

    # --- the whole ---

    def _check_form(self, current: sympy.Expr | None) -> None:
        for kind in (nodes.Population, nodes.Current, nodes.Counterpart):
            word = kind.__name__.lower()
            for item in self._all(kind)[1:]:
                self.report.add(fault(item.span, f"{self.node.name} has more than one {word}"))
        transitions = self._all(nodes.Transition)
        name = self.node.name_span
        if current is not None and (transitions or self.states):
            self.report.add(fault(name, f"{self.node.name} has both a current and states or transitions", "keep one"))
        if current is None and not transitions:
            hint = "write its states and transitions, or its current"
            self.report.add(fault(name, f"{self.node.name} says nothing about what flows", hint))
        if not self.states and len(transitions) > 1:
            self.report.add(fault(name, f"{self.node.name} has several transitions but no states"))
        self._check_states_used(transitions)

    def _check_states_used(self, transitions: Sequence[nodes.Transition]) -> None:
        terms = (term for item in transitions for term in item.step.left + item.step.right)
        used = {term.reference.name for term in terms}
        for state in self._all(nodes.State):
            if state.name not in used and transitions:
                self.report.add(fault(state.name_span, f"the state {state.name} has no transition"))

    def _check_levers(self) -> None:
        for item, state in zip(self._all(nodes.State), self.states, strict=True):
            energy = state.energy
            for symbol, value in reversed(self.lets):
                energy = energy.subs(symbol, value)
            with self.report.catching():
                span = item.energy.span if item.energy is not None else item.span
                check_levers(item.name, span, energy, self.terminals, self.parameters)
