"""Names and numbers on a command line: ``h[3]=0.5 mM``, ``2 us``.

A number without a unit is in the unit of the input's declared range; of another reservoir, in the one it is shown in.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import ArgumentError, DataError, which_of
from crncompile.learn.headings import Physical
from crncompile.network.shown import in_unit, unit_name
from crncompile.network.types import Axis, Network, Reservoir
from crncompile.units import CONCENTRATION, ENERGY, TIME, VOLTAGE, Dimension, UnitError

Array = NDArray[Any]
Element = tuple[int, ...] | None
_NAME = re.compile(r"\s*([^\W\d][\w.]*)\s*(?:\[([^\]]*)\])?\s*")
_VALUE = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S+)?\s*")


# --- names ---


def split_name(groups: Mapping[str, tuple[Axis, ...]], text: str, what: str, example: str) -> tuple[str, Element, str]:
    """Return name, element (its position along each axis; ``None`` for all) and the rest of ``NAME[i, j]=VALUE``.

    ``groups`` has the axes of every name that may stand there, ``what`` says what they are.

    Raises ArgumentError for another form, an unknown name, and an element that there is not.
    """
    left, equals, value = unicodedata.normalize("NFKC", text).partition("=")
    match = _NAME.fullmatch(left)
    if not equals or match is None:
        raise ArgumentError(f"{text} is not of the form NAME=VALUE; {example}")
    if match[1] not in groups:
        raise ArgumentError(f"{text}: the model has no {what} {match[1]}; {which_of(match[1], groups)}")
    axes = groups[match[1]]
    return match[1], None if match[2] is None else _element(match[1], axes, match[2], text), value


def axes_of(groups: Iterable[Reservoir]) -> dict[str, tuple[Axis, ...]]:
    """Return the axes of some groups by name."""
    return {group.name: group.axes for group in groups}


def _element(name: str, axes: tuple[Axis, ...], inside: str, text: str) -> tuple[int, ...]:
    numbers = [part.strip() for part in inside.split(",")]
    if len(numbers) != len(axes) or not all(re.fullmatch(r"-?\d+", n) for n in numbers):
        raise ArgumentError(f"{text}: an element of {name} is written {label(name, axes, (0,) * len(axes))}")
    for number, axis in zip(numbers, axes, strict=True):
        if not axis.lower <= int(number) <= axis.upper:
            raise ArgumentError(f"{text}: {axis.name} = {number} is out of range, {axis.lower} to {axis.upper}")
    return tuple(int(number) - axis.lower for number, axis in zip(numbers, axes, strict=True))


def label(name: str, axes: tuple[Axis, ...], element: Element) -> str:
    """Return the name of an element as the model writes it, or of the whole."""
    if not element:
        return name
    return f"{name}[{', '.join(str(e + a.lower) for e, a in zip(element, axes, strict=True))}]"


# --- numbers ---


def has_unit(value: str) -> bool:
    """Whether a text is a number with a unit."""
    match = _VALUE.fullmatch(value)
    return match is not None and match[2] is not None


def bare_number(value: str, text: str, example: str) -> float:
    """Return a number that has no unit; raises ArgumentError."""
    match = _VALUE.fullmatch(value)
    if match is None or match[2] is not None:
        raise ArgumentError(f"{text}: {value.strip() or 'nothing'} is not a number without a unit; {example}")
    return float(match[1])


def number(network: Network, group: Reservoir, value: str, text: str, example: str) -> float:
    """Return a potential or concentration in the group's unit; raises ArgumentError for another one."""
    match = _VALUE.fullmatch(value)
    unit = unit_name(network, group)
    if match is None:
        raise ArgumentError(f"{text}: {value.strip() or 'nothing'} is not a number with a unit or without; {example}")
    if match[2] is None:
        return _positive(group, float(match[1]), text)
    try:
        coherent, dimension = network.units.quantity(match[1], match[2])
    except UnitError as error:
        raise ArgumentError(f"{text}: {error}; {group.name} is in {unit}") from None
    _check_dimension(group, dimension, match[2], f"{group.name} is in {unit}", text)
    potential = -coherent if dimension == VOLTAGE else coherent
    return _positive(group, float(in_unit(network, group, np.asarray(potential))), text)


def in_column(network: Network, group: Reservoir, found: Physical) -> Array:
    """Return a column of a file (samples,) in the group's unit; raises DataError for another one."""
    hint = f"{group.name} is in {unit_name(network, group)}"
    try:
        factor, offset, dimension = network.units.unit(found.unit)
        _check_dimension(group, dimension, found.unit, hint, found.where(0))
        coherent = found.values * factor + offset
        row = int(np.argmin(coherent))
        _positive(group, float(coherent[row]), found.where(row))
    except UnitError as error:
        raise DataError(f"{found.where(0)}: {error}; {hint}") from None
    except ArgumentError as error:  # it stands in a file, not on the command line
        raise DataError(str(error)) from None
    return in_unit(network, group, -coherent if dimension == VOLTAGE else coherent)


def _check_dimension(group: Reservoir, dimension: Dimension, unit: str, hint: str, text: str) -> None:
    allowed = (ENERGY, VOLTAGE) if group.content == "charge" else (CONCENTRATION,)
    if dimension not in allowed:
        what = "a potential" if group.content == "charge" else "a concentration"
        raise ArgumentError(f"{text}: {unit} does not measure {what}; {hint}")


def _positive(group: Reservoir, value: float, text: str) -> float:
    if group.content == "molecules" and value <= 0:
        hint = "its potential is ln c: for none at all take one too small to matter, such as 1e-9 mM"
        raise ArgumentError(f"{text}: a concentration must be above zero; {hint}")
    return value


def seconds(network: Network, value: str, text: str) -> float:
    """Return a time in s, a bare number being one already; raises ArgumentError for one that is not above zero."""
    match = _VALUE.fullmatch(value)
    if match is None:
        raise ArgumentError(
            f"{text}: {value.strip() or 'nothing'} is not a time; write it as in 2 us, or 1e-3 for seconds"
        )
    try:
        time, dimension = network.units.quantity(match[1], match[2] or "s")
    except UnitError as error:
        raise ArgumentError(f"{text}: {error}; a time is in s, ms, us, ns, min or h") from None
    if dimension != TIME:
        raise ArgumentError(f"{text}: {match[2]} does not measure a time; write it as in 2 us")
    if not 0 < time < math.inf:
        raise ArgumentError(f"{text}: a time must be above zero and finite")
    return time
