"""A step of a device or a reaction: its stoichiometry, forward rate and equilibrium constant."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sympy

from crncompile.errors import did_you_mean
from crncompile.language import nodes
from crncompile.network.expressions import Typed, check_dimension
from crncompile.network.laws import EQUILIBRIUM, LawCall, forward_rate
from crncompile.network.report import fault
from crncompile.network.types import Content, Step
from crncompile.units import CONCENTRATION, Dimension, Units


@dataclass(frozen=True)
class Surroundings:
    """What a step must know; ``energies``: the states give the equilibrium; ``due``: dimension of the forward rate."""

    terminals: tuple[str, ...]
    states: tuple[str, ...]
    content: Content
    energies: bool
    due: Dimension
    units: Units


@dataclass(frozen=True)
class Side:
    """One side of a step: a state or none, and the coefficient of each terminal."""

    state: str | None
    counts: tuple[int, ...]

    @property
    def order(self) -> int:
        """Sum of the coefficients."""
        return sum(self.counts)


def read_side(terms: Sequence[nodes.Term], terminals: Sequence[str], states: Collection[str]) -> Side:
    """Return one side of a step; raises Fault for unknown names, two states, or a bad coefficient."""
    state, counts = None, [0] * len(terminals)
    for term in terms:
        name = term.reference.name
        if term.reference.indices:
            raise fault(term.reference.span, f"{name} has no index")
        if name in states:
            if state is not None or coefficient(term) != 1:
                raise fault(term.span, "a step leaves one state and enters one state")
            state = name
        elif name in terminals:
            counts[terminals.index(name)] += coefficient(term)
        else:
            known = {*terminals, *states}
            raise fault(
                term.reference.span, f"{name} is neither a state nor a terminal here", did_you_mean(name, known)
            )
    return Side(state, tuple(counts))


def coefficient(term: nodes.Term) -> int:
    """Return a stoichiometric coefficient; raises Fault where it is not a whole number from 1 to 99."""
    if not term.coefficient.isdigit() or not 0 < int(term.coefficient) < 100:
        raise fault(term.span, f"the coefficient {term.coefficient} is not a whole number from 1 to 99")
    return int(term.coefficient)


def sides_of(step: nodes.Step, around: Surroundings) -> tuple[Side, Side]:
    """Return both sides of a step; raises Fault where its states do not match."""
    left = read_side(step.left, around.terminals, around.states)
    right = read_side(step.right, around.terminals, around.states)
    if (left.state is None) != (right.state is None):
        missing = "right" if right.state is None else "left"
        raise fault(step.span, f"the {missing} side of this step has no state", _states_hint(around))
    if around.states and left.state is None:
        raise fault(step.span, "this step has no states", _states_hint(around))
    if left == right:
        raise fault(step.span, "this step changes nothing")
    return left, right


def _states_hint(around: Surroundings) -> str:
    return f"the states are {', '.join(around.states)}: one stands on each side"


def make_step(
    name: str, step: nodes.Step, law: nodes.Law, kind: nodes.Kind, settings: Mapping[str, Typed], around: Surroundings
) -> Step:
    """Return a resolved step whose law's settings are evaluated already."""
    left, right = sides_of(step, around)
    order = left.order if around.content == "molecules" else None
    forward = forward_rate(LawCall(law, kind, settings, order, around.units), around.due)
    equilibrium = _equilibrium(step, kind, settings.get(EQUILIBRIUM), right.order - left.order, around)
    return Step(
        name,
        left.state,
        right.state,
        left.counts,
        right.counts,
        forward,
        equilibrium,
        step.reversible,
        law.name,
        step.span,
    )


def _equilibrium(
    step: nodes.Step, kind: nodes.Kind, given: Typed | None, change: int, around: Surroundings
) -> sympy.Expr | None:
    span = next((setting.span for setting in kind.settings if setting.name == EQUILIBRIUM), kind.name_span)
    if not step.reversible or around.energies:
        if given is not None:
            reason = "the states' energies give it" if step.reversible else "an irreversible step (=>) has none"
            raise fault(span, f"K_eq can not be set here: {reason}")
        return None
    if given is not None:
        return _checked(kind, given, equilibrium_dimension(change, around.content))
    if around.content == "charge":
        return sympy.Integer(1)
    hint = f"write {kind.name}(..., K_eq = ...), or => for an irreversible step"
    raise fault(kind.name_span, "a reversible step of molecules needs K_eq", hint)


def equilibrium_dimension(change: int, content: Content) -> Dimension:
    """Return the dimension of K_eq of a step that makes ``change`` more molecules than it takes."""
    return CONCENTRATION ** (change if content == "molecules" else 0)


def _checked(kind: nodes.Kind, given: Typed, due: Dimension) -> sympy.Expr:
    content = next(setting.value.content for setting in kind.settings if setting.name == EQUILIBRIUM)
    if isinstance(content, nodes.Train):
        content = content.distribution
    if not isinstance(content, nodes.Interval):
        check_dimension(content, given.dimension, due, "K_eq of this step")
    return given.expression
