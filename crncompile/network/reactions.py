"""``reaction`` statements: a law called for a step of reservoirs is a device kind of its own, one for each pattern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import sympy

from crncompile.language import nodes
from crncompile.network.context import Context, OwnerScope
from crncompile.network.distributions import first_argument
from crncompile.network.expressions import Typed, evaluate, unparse
from crncompile.network.families import Kinds, assemble
from crncompile.network.indices import Frame
from crncompile.network.laws import EQUILIBRIUM, law_of
from crncompile.network.report import Fault, Report, fault
from crncompile.network.reservoirs import NETWORK_VOLUME
from crncompile.network.steps import Surroundings, make_step
from crncompile.network.terminals import FLUX
from crncompile.network.types import Content, DeviceKind, DeviceParameter, Family, Role, Step, Terminal
from crncompile.network.wiring import Wired, refuse_loop, wire
from crncompile.units import Dimension

Pattern = tuple[object, ...]


@dataclass(frozen=True)
class Joined:
    """A reaction whose reservoirs are known: ``step`` has terminals r1, r2, ... in their place."""

    node: nodes.Reaction
    law: nodes.Law
    call: nodes.Kind
    step: nodes.Step
    terminals: tuple[str, ...]
    references: tuple[nodes.Reference, ...]
    wired: Wired


@dataclass
class Patterns:
    """The device kinds of a model's reactions: those of one pattern share one."""

    known: dict[Pattern, DeviceKind] = field(default_factory=dict)


def joined(node: nodes.Reaction, context: Context, kinds: Kinds) -> Joined:
    """Resolve a reaction's law and reservoirs; raises Fault with the mistakes of both."""
    report = Report()
    call = replace(node.kind, settings=tuple(s for s in node.kind.settings if s.name != NETWORK_VOLUME))
    law, frame, wired = None, None, None
    with report.catching():
        law = law_of(call, kinds.library, context.units)
    with report.catching():
        frame = context.frame(node.target)
    step, references = _renamed(node.step, () if law is None else law.parameters)
    if frame is not None:
        with report.catching():
            wired = wire(tuple(references), tuple(references.values()), frame, context)
    if law is None or wired is None:
        _check_values(call, frame, context, report)
        raise Fault(*report.mistakes)
    return Joined(node, law, call, step, tuple(references), tuple(references.values()), wired)


def _check_values(call: nodes.Kind, frame: Frame | None, context: Context, report: Report) -> None:
    """Report the mistakes of a reaction's settings that can be seen without its law and reservoirs."""
    for setting in call.settings if frame is not None else ():
        with report.catching():
            dimension_of(setting, frame or Frame(()), context)


def _renamed(step: nodes.Step, taken: Sequence[str]) -> tuple[nodes.Step, dict[str, nodes.Reference]]:
    """Return a step with terminals r1, r2, ... in place of its distinct reservoirs, and these."""
    letter = next(letter for letter in ("r", "reservoir_", "terminal_") if f"{letter}1" not in taken)
    names: dict[str, str] = {}
    references: dict[str, nodes.Reference] = {}

    def rename(terms: Sequence[nodes.Term]) -> tuple[nodes.Term, ...]:
        renamed = []
        for term in terms:
            text = unparse(term.reference)
            name = names.setdefault(text, f"{letter}{len(names) + 1}")
            references.setdefault(name, term.reference)
            renamed.append(replace(term, reference=replace(term.reference, name=name, indices=())))
        return tuple(renamed)

    return replace(step, left=rename(step.left), right=rename(step.right)), references


# --- the device kind --------------------------------------------------------------------------------------------------


def reaction(found: Joined, content: Content, context: Context, patterns: Patterns) -> Family:
    """Return the family of a reaction; raises Fault with all its mistakes."""
    kind = _kind(found, content, context, patterns)
    sources, targets = ([k for k, t in enumerate(kind.terminals) if t.role == role] for role in ("source", "target"))
    if len(sources) == len(targets) == 1:
        first, last = ((found.references[k], found.wired.ports[k].place) for k in (sources[0], targets[0]))
        refuse_loop(first, last, found.wired.frame, context)
    return assemble(found.node, "reaction", kind, found.wired, context)


def _kind(found: Joined, content: Content, context: Context, patterns: Patterns) -> DeviceKind:
    settings = _settings(found, context)
    around = Surroundings(found.terminals, (), content, False, FLUX[content], context.units)
    step = make_step(found.law.name, found.step, found.law, found.call, settings, around)
    dimensions = tuple((name, typed.dimension) for name, typed in settings.items())
    pattern = (found.law.name, step.reactants, step.products, step.reversible, content, dimensions)
    if pattern not in patterns.known:
        name = _unique(_pattern_name(step, found.terminals), patterns)
        patterns.known[pattern] = _new_kind(name, found, content, step, settings)
    return patterns.known[pattern]


def _settings(found: Joined, context: Context) -> dict[str, Typed]:
    """Return the law's parameters as symbols of the dimensions that the settings have, in the law's order."""
    given = {setting.name: setting for setting in found.call.settings}
    order = dict.fromkeys((*found.law.parameters, EQUILIBRIUM))
    settings = {}
    for name in order:
        if name in given:
            dimension = dimension_of(given[name], found.wired.frame, context)
            settings[name] = Typed(sympy.Symbol(name, positive=True), dimension)
    return settings


def dimension_of(setting: nodes.Setting, frame: Frame, context: Context) -> Dimension:
    """Return the dimension that a setting's value has; raises Fault."""
    content = setting.value.content
    if isinstance(content, nodes.Interval):
        raise fault(content.span, f"{setting.name} is one value, not a range")
    if isinstance(content, nodes.Train):
        content = first_argument(content.distribution)
    return evaluate(content, OwnerScope(context, frame)).dimension


def _new_kind(name: str, found: Joined, content: Content, step: Step, settings: dict[str, Typed]) -> DeviceKind:
    spans = {setting.name: setting.span for setting in found.call.settings}
    known = {"real": True} if content == "charge" else {"positive": True}
    terminals = tuple(
        Terminal(terminal, content, _role(net), sympy.Symbol(terminal, **known))
        for terminal, net in zip(found.terminals, step.net, strict=True)
    )
    parameters = tuple(
        DeviceParameter(p, typed.expression, typed.dimension, 0.0, float("inf"), True, None, spans[p])
        for p, typed in settings.items()
    )
    return DeviceKind(
        name=name,
        text="",
        terminals=terminals,
        parameters=parameters,
        lets=(),
        population=sympy.Integer(1),
        states=(),
        steps=(step,),
        current=None,
        amount=content == "molecules",
        counterpart=None,
        span=found.node.span,
    )


def _role(net: int) -> Role:
    if net == 0:
        return "gate"
    return "source" if net < 0 else "target"


def _pattern_name(step: Step, terminals: Sequence[str]) -> str:
    def side(counts: Sequence[int]) -> str:
        words = [name if n == 1 else f"{n} {name}" for name, n in zip(terminals, counts, strict=True) if n]
        return " + ".join(words)

    arrow = "<->" if step.reversible else "=>"
    return f"{step.law}({side(step.reactants)} {arrow} {side(step.products)})"


def _unique(name: str, patterns: Patterns) -> str:
    """Return a name that no other pattern has: those of unlike units would share one."""
    taken = {kind.name for kind in patterns.known.values()}
    numbered = (f"{name} #{k}" for k in range(2, len(taken) + 3))
    return name if name not in taken else next(other for other in numbered if other not in taken)
