"""Rate laws at the place where they are called: settings and the step's stoichiometry in, forward rate out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sympy

from crncompile.errors import did_you_mean
from crncompile.language import nodes
from crncompile.network.expressions import FUNCTIONS, Names, Typed, check_dimension, evaluate
from crncompile.network.library import Library
from crncompile.network.report import Fault, Report, a_dimension, expected, fault, resembles
from crncompile.network.types import AFFINITY, REACTANTS
from crncompile.units import CONCENTRATION, NUMBER, Dimension, Units

#: Names that a law knows beside its parameters and the constants.
GIVEN = ("affinity", "reactants")
#: The setting that every step has, whatever its law.
EQUILIBRIUM = "K_eq"


@dataclass(frozen=True)
class LawCall:
    """A law called for a step; ``order`` counts the molecules on its left (``None``: it moves charge)."""

    law: nodes.Law
    kind: nodes.Kind
    settings: Mapping[str, Typed]
    order: int | None
    units: Units


def reserved_names(units: Units) -> frozenset[str]:
    """Names that mean something in every expression and can not be declared."""
    return FUNCTIONS | frozenset(units.constants())


def references(expression: nodes.Expression) -> Iterator[nodes.Reference]:
    """Yield the names in an expression in the order of the text."""
    match expression:
        case nodes.Reference():
            yield expression
        case nodes.Call():
            for argument in expression.arguments:
                yield from references(argument)
        case nodes.Operation():
            for operand in expression.operands:
                yield from references(operand)


def check_law(law: nodes.Law, units: Units) -> None:
    """Check what can be said of a law before it is called; raises Fault."""
    report = Report()
    taken = reserved_names(units) | set(GIVEN)
    for position, name in enumerate(law.parameters):
        if name in taken:
            report.add(fault(law.name_span, f"{name} can not be a parameter of {law.name}: it has a meaning already"))
        elif name in law.parameters[:position]:
            report.add(fault(law.name_span, f"{law.name} has two parameters {name}"))
    used = list(references(law.expression))
    known = set(law.parameters) | taken
    for reference in used:
        if reference.name not in known:
            hint = did_you_mean(reference.name, {*law.parameters, *GIVEN})
            report.add(fault(reference.span, f"{reference.name} is not declared in the law {law.name}", hint))
    names = {reference.name for reference in used}
    for name in law.parameters:
        if name not in names and name != EQUILIBRIUM and names <= known:
            report.add(fault(law.name_span, f"{law.name} does not use its parameter {name}"))
    _check_given(law, names, report)
    if report.faults:
        raise Fault(*report.mistakes)


def _check_given(law: nodes.Law, names: set[str], report: Report) -> None:
    mentioned = names.intersection(GIVEN)
    if len(mentioned) == 1:
        return
    message = f"the law {law.name} must be in terms of either affinity or reactants"
    hint = (
        "affinity of the step in kT: it then holds k(a) = exp(a) k(-a); reactants: the product of their concentrations"
    )
    report.add(fault(law.expression.span, message, hint))


def law_of(kind: nodes.Kind, library: Library, units: Units) -> nodes.Law:
    """Return the law that a step calls, with its settings' names checked; raises Fault."""
    law = library.laws.get(kind.name)
    if law is None:
        hint = f"{kind.name} is a device" if kind.name in library.devices else did_you_mean(kind.name, library.laws)
        raise fault(kind.name_span, f"{kind.name} is not a law", hint)
    check_law(law, units)
    report = Report()
    known = {*law.parameters, EQUILIBRIUM}
    given = [setting.name for setting in kind.settings]
    for setting in kind.settings:
        if setting.name not in known:
            hint = did_you_mean(setting.name, known)
            report.add(fault(setting.name_span, f"{law.name} has no parameter {setting.name}", hint))
    unknown = [name for name in given if name not in known]
    for name in needed(law):
        if name not in given and not resembles(name, unknown):
            report.add(fault(kind.name_span, f"{law.name} needs {name}", f"write {law.name}({name} = ...)"))
    repeated_settings(kind, report)
    if report.faults:
        raise Fault(*report.mistakes)
    return law


def needed(law: nodes.Law) -> tuple[str, ...]:
    """Parameters that a call must give: all but a K_eq that the law does not use."""
    names = {reference.name for reference in references(law.expression)}
    return tuple(name for name in law.parameters if name != EQUILIBRIUM or name in names)


def repeated_settings(kind: nodes.Kind, report: Report) -> None:
    """Report settings that are given twice."""
    names = [setting.name for setting in kind.settings]
    for position, setting in enumerate(kind.settings):
        if setting.name in names[:position]:
            report.add(fault(setting.name_span, f"{setting.name} is set twice"))


# --- the forward rate -------------------------------------------------------------------------------------------------


def forward_rate(call: LawCall, due: Dimension) -> sympy.Expr:
    """Return a law's forward rate with AFFINITY or REACTANTS in it; raises Fault where its dimension is not ``due``."""
    rate = _evaluated(call, call.settings)
    if isinstance(rate, Fault):
        inner = rate.mistakes[0]
        place = f"{inner.span.source.name}:{inner.span.line}"
        raise fault(call.kind.span, f"{call.law.name} does not fit here: {inner.message}", f"the law stands at {place}")
    if rate.dimension != due:
        _blame_setting(call, rate.dimension, due)
        message = f"{call.law.name} gives {a_dimension(rate.dimension)}, this step needs {a_dimension(due)}"
        raise fault(call.kind.span, message, expected(due))
    return rate.expression


def _evaluated(call: LawCall, settings: Mapping[str, Typed]) -> Typed | Fault:
    given = {"affinity": Typed(AFFINITY, NUMBER)}
    if call.order is not None:
        given["reactants"] = Typed(REACTANTS, CONCENTRATION**call.order)
    elif any(reference.name == "reactants" for reference in references(call.law.expression)):
        message = f"{call.law.name} is a law for molecules, this step moves charge"
        raise fault(call.kind.name_span, message, "take a law in terms of affinity")
    try:
        return evaluate(call.law.expression, Names(call.units, {**settings, **given}))
    except Fault as found:
        return found


def _blame_setting(call: LawCall, found: Dimension, due: Dimension) -> None:
    """Raise the Fault of the one setting whose dimension explains that of the rate, when there is one."""
    guilty = []
    for setting in call.kind.settings:
        typed = call.settings[setting.name]
        wanted = typed.dimension * due / found
        tried = _evaluated(call, {**call.settings, setting.name: Typed(typed.expression, wanted)})
        if isinstance(tried, Typed) and tried.dimension == due:
            guilty.append((setting, typed.dimension, wanted))
    if len(guilty) != 1:
        return
    setting, dimension, wanted = guilty[0]
    content = setting.value.content
    if isinstance(content, nodes.Train):
        content = content.distribution
    if not isinstance(content, nodes.Interval):
        check_dimension(content, dimension, wanted, f"{setting.name} of this step")
