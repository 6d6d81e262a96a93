"""Reservoirs: their settings, and whether they hold charge or molecules."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, cast

import sympy

from crncompile.errors import Span, did_you_mean
from crncompile.language import nodes
from crncompile.network.context import Context, OwnerScope
from crncompile.network.distributions import constant, first_argument
from crncompile.network.dues import ANY, POSITIVE, Due, unit_token
from crncompile.network.expressions import evaluate
from crncompile.network.indices import Frame
from crncompile.network.laws import repeated_settings
from crncompile.network.report import Fault, Report, a_dimension, each, fault, resembles, shown
from crncompile.network.types import Access, Content, InputCoding, Place, Reservoir, Slot
from crncompile.network.values import default_slot, slot
from crncompile.units import CAPACITANCE, CONCENTRATION, ENERGY, NUMBER, VOLTAGE, VOLUME, Dimension

KindName = Literal["input", "fixed", "floating", "output"]
SETTINGS: dict[str, tuple[str, ...]] = {
    "input": ("range", "data", "encoding"),
    "fixed": ("at",),
    "floating": ("capacitance", "volume", "start"),
    "output": ("capacitance", "volume", "start"),
}
ENCODINGS = ("linear", "log", "dual")
#: Name of the network's volume among the parameters.
NETWORK_VOLUME = "volume"
_NEEDED = {"input": "range", "fixed": "at"}
_POTENTIALS = ("range", "at", "start")
_UNITS_OF: dict[object, Content] = {ENERGY: "charge", VOLTAGE: "charge", CONCENTRATION: "molecules"}
_WORDS: dict[str, Content] = {"capacitance": "charge", "volume": "molecules"}


@dataclass(frozen=True)
class Evidence:
    """Why a reservoir must hold charge or molecules."""

    content: Content
    reason: str
    span: Span


@dataclass(frozen=True)
class Draft:
    """A reservoir's statement whose kind and settings' names are known to be right."""

    node: nodes.Reservoir
    frame: Frame
    settings: dict[str, nodes.Setting]


def draft(node: nodes.Reservoir, context: Context) -> Draft:
    """Return a reservoir with the settings that its kind has; others are reported. Raises Fault for an unknown kind."""
    kind, report = node.kind, context.report
    if kind.name not in SETTINGS:
        raise fault(kind.name_span, f"{kind.name} is not a kind of reservoir", did_you_mean(kind.name, SETTINGS))
    known = SETTINGS[kind.name]
    repeated_settings(kind, report)
    settings = {setting.name: setting for setting in kind.settings if setting.name in known}
    unknown = [setting for setting in kind.settings if setting.name not in known]
    for setting in unknown:
        hint = did_you_mean(setting.name, known)
        report.add(fault(setting.name_span, f"{kind.name} has no setting {setting.name}", hint))
    needed = _NEEDED.get(kind.name)
    if needed is not None and needed not in settings and not resembles(needed, [s.name for s in unknown]):
        report.add(fault(kind.name_span, f"{kind.name} needs {needed}", f"write {kind.name}({needed} = ...)"))
    if node.target.name not in context.frames:
        raise Fault
    return Draft(node, context.frames[node.target.name], settings)


# --- content ----------------------------------------------------------------------------------------------------------


def evidence_of(found: Draft, context: Context) -> list[Evidence]:
    """Return what a reservoir's own settings tell of its content."""
    name, evidence = found.node.target.name, []
    for setting in found.settings.values():
        content = _WORDS.get(setting.name)
        reason = f"{name} has a {setting.name}"
        if setting.name in _POTENTIALS:
            content = _content_of(setting.value.content, found, context)
            reason = f"{setting.name} of {name} is {shown(setting.value.content.span)}"
        if content is not None:
            evidence.append(Evidence(content, reason, setting.span))
    return evidence


def _content_of(
    value: nodes.Expression | nodes.Interval | nodes.Train, found: Draft, context: Context
) -> Content | None:
    """Return the content that a value's unit belongs to, if any; mistakes are told elsewhere."""
    try:
        return _UNITS_OF.get(_dimension(value, found, context))
    except Fault:
        return None


def _dimension(value: nodes.Expression | nodes.Interval | nodes.Train, found: Draft, context: Context) -> Dimension:
    if isinstance(value, nodes.Train):
        value = first_argument(value.distribution)
    if isinstance(value, nodes.Interval):
        value = value.lower
    return evaluate(value, OwnerScope(context, found.frame)).dimension


def check_values(found: Draft, context: Context) -> None:
    """Report the mistakes in the values of a reservoir of unknown content."""
    for setting in found.settings.values():
        if setting.name in _POTENTIALS:
            with context.report.catching():
                _dimension(setting.value.content, found, context)


def settle(evidence: Iterable[Evidence], name: str, span: Span) -> Content:
    """Return the content that all evidence agrees on; raises Fault where it is contradictory or missing."""
    pieces = list(evidence)
    if not pieces:
        hint = "join it by a device, or give its setting a unit: kT for charge, mM for molecules"
        raise fault(span, f"nothing tells whether {name} holds charge or molecules", hint)
    first = pieces[0]
    for other in pieces[1:]:
        if other.content != first.content:
            message = f"contradictory content of {name}: {other.content}, because {other.reason}"
            hint = f"but {first.content}, because {first.reason} (line {first.span.line})"
            raise fault(other.span, message, hint)
    return first.content


# --- the reservoir ----------------------------------------------------------------------------------------------------


def reservoir(found: Draft, content: Content, context: Context) -> Reservoir:
    """Return a reservoir of known content; raises Fault with all mistakes of its settings."""
    kind = cast(KindName, found.node.kind.name)
    group = Reservoir(found.node.target.name, found.frame.axes, kind, content, None, None, None, None, found.node.span)
    report = Report()
    if _NEEDED.get(kind, "") not in ("", *found.settings):
        raise Fault
    if kind == "input":
        with report.catching():
            group = replace(group, coding=_coding(found, content, context))
    elif kind == "fixed":
        with report.catching():
            group = replace(group, at=_potential(found, "at", content, context))
    else:
        with report.catching():
            group = replace(group, start=_start(found, content, context))
        with report.catching():
            group = replace(group, capacity=_capacity(found, content, context))
    if report.faults:
        raise Fault(*report.mistakes)
    return group


def _due(what: str, content: Content) -> Due:
    if content == "charge":
        return Due(what, ENERGY, ANY, potential=True)
    return Due(what, CONCENTRATION, POSITIVE)


def _potential(found: Draft, name: str, content: Content, context: Context) -> Slot:
    full = f"{found.node.target.name}.{name}"
    return slot(context, found.frame, full, found.settings[name].value, _due(name, content))


def _start(found: Draft, content: Content, context: Context) -> Slot:
    if "start" in found.settings:
        return _potential(found, "start", content, context)
    name = found.node.target.name
    if content == "molecules":
        hint = f"write {found.node.kind.name}(start = 1 mM)"
        raise fault(found.node.kind.name_span, f"{name} has no start: its first concentration", hint)
    return default_slot(context, f"{name}.start", sympy.Integer(0), _due("start", content), found.node.kind.span)


def _capacity(found: Draft, content: Content, context: Context) -> Slot:
    setting, dimension = ("capacitance", CAPACITANCE) if content == "charge" else ("volume", VOLUME)
    name = f"{found.node.target.name}.{setting}"
    if setting in found.settings:
        return slot(context, found.frame, name, found.settings[setting].value, Due(setting, dimension, POSITIVE))
    if content == "molecules":
        return network_volume(context, found.node.target.name_span)
    hint = f"write {found.node.kind.name}(capacitance = 10 pF)"
    raise fault(found.node.kind.name_span, f"{found.node.target.name} has no capacitance", hint)


def network_volume(context: Context, span: Span) -> Slot:
    """Return the network's volume as a slot; its absence is reported once, at the first who needs it."""
    volume = context.parameters.get(NETWORK_VOLUME)
    if volume is None:
        if context.volume_told:
            raise Fault
        context.volume_told = True
        raise fault(span, "the network has no volume, which molecules need", "state it once: volume 1 nL")
    symbol = sympy.Symbol(NETWORK_VOLUME, positive=True)
    return Slot(symbol, (Access(symbol, NETWORK_VOLUME, Place(())),), VOLUME)


# --- inputs -----------------------------------------------------------------------------------------------------------


def _coding(found: Draft, content: Content, context: Context) -> InputCoding:
    encoding = _encoding(found)
    data = _data(found, context)
    if "encoding" in found.settings and data is None:
        raise fault(found.settings["encoding"].span, "encoding says how data meet the range: give data as well")
    if encoding == "log" and content == "charge":
        hint = "a potential mu is a logarithm already"
        raise fault(found.settings["encoding"].span, "log is an encoding for concentrations", hint)
    if encoding == "dual" and (not found.frame.axes or found.frame.axes[-1].size != 2):
        message = f"dual needs a last index of two values at {found.node.target.name}: the value and its mirror"
        raise fault(found.settings["encoding"].span, message, "declare for example x[i, rail in 1..2]")
    return _range(found, content, context, data, encoding)


def _encoding(found: Draft) -> Literal["linear", "log", "dual"]:
    if "encoding" not in found.settings:
        return "linear"
    value = found.settings["encoding"].value.content
    name = value.name if isinstance(value, nodes.Reference) else shown(value.span)
    if name not in ENCODINGS:
        raise fault(value.span, f"{name} is not an encoding", did_you_mean(name, ENCODINGS))
    return cast(Literal["linear", "log", "dual"], name)


def _ends(setting: nodes.Setting, due: Due, context: Context) -> tuple[float, float]:
    """Return both ends of an interval."""
    interval = setting.value.content
    if not isinstance(interval, nodes.Interval) or setting.value.tolerance is not None:
        hint = f"write {setting.name} = [lower, upper]"
        raise fault(setting.value.span, f"{setting.name} is two values in brackets", hint)
    (lower, first), (upper, second) = each(lambda end: constant(context, end, due), (interval.lower, interval.upper))
    if first != second:
        raise fault(interval.upper.span, f"the ends are {a_dimension(first)} and {a_dimension(second)}")
    return lower, upper


def _data(found: Draft, context: Context) -> tuple[float, float] | None:
    if "data" not in found.settings:
        return None
    lower, upper = _ends(found.settings["data"], Due("data", NUMBER), context)
    if lower == upper:
        raise fault(found.settings["data"].value.span, "the two values of data must differ")
    return lower, upper


def _range(
    found: Draft,
    content: Content,
    context: Context,
    data: tuple[float, float] | None,
    encoding: Literal["linear", "log", "dual"],
) -> InputCoding:
    """Return the coding; a range in volts is mu = -e V, so that range and data change places."""
    value = found.settings["range"].value
    lower, upper = _ends(found.settings["range"], _due("range", content), context)
    if lower >= upper or not math.isfinite(upper - lower):
        hint = "the two ends must differ" if lower == upper else "the lower end stands first"
        raise fault(value.span, f"unsatisfiable bound: {shown(value.span)} is empty", hint)
    if content == "molecules" and lower <= 0:
        raise fault(value.span, "a concentration must be above zero")
    first = cast(nodes.Interval, value.content).lower
    volts = evaluate(first, OwnerScope(context, Frame(()))).dimension == VOLTAGE
    unit = unit_token(context, first, VOLTAGE if volts else _due("range", content).dimension or NUMBER)
    if volts:
        return InputCoding((-upper, -lower), unit, None if data is None else (data[1], data[0]), encoding)
    return InputCoding((lower, upper), unit, data, encoding)
