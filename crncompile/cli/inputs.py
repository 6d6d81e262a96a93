"""Values of inputs from a command line: ``--set``, ``--sweep`` and ``--inputs``.

A value is a number with or without a unit; a bare one is in the unit of the input's declared range. All are gathered
as arrays (samples, *reservoir) in that unit, as `CompiledNetwork.solve` takes them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import DataError, did_you_mean
from crncompile.learn.data import Data, feature_names, input_groups, read_inputs, split_features
from crncompile.network.coding import encode
from crncompile.network.types import Network, Reservoir
from crncompile.units import CONCENTRATION, ENERGY, VOLTAGE, UnitError

Array = NDArray[Any]
_NAME = re.compile(r"\s*([^\W\d]\w*)\s*(?:\[([^\]]*)\])?\s*")
_VALUE = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S+)?\s*")
_EXAMPLE = "write --set x=0.5, --set 'x[3]=0.5 mM'"


@dataclass(frozen=True, eq=False)
class Sweep:
    """One input (or one element of it) that runs over values (samples,), in the unit of its range."""

    label: str
    unit: str
    values: Array


@dataclass(frozen=True, eq=False)
class Inputs:
    """Values of all inputs, (samples, *reservoir) or (*reservoir), in the unit of each input's range.

    ``echo`` says how bare numbers were understood, ``warnings`` what lies outside a declared range.
    """

    values: dict[str, Array]
    sweep: Sweep | None
    echo: tuple[str, ...]
    warnings: tuple[str, ...]


def gather(
    network: Network, settings: Sequence[str], sweep: str | None, file: Path | None, *, centre: bool = False
) -> Inputs:
    """Return the inputs that the options of a command line state.

    ``centre`` puts inputs without a value into the middle of their range.

    Raises DataError for unknown names, wrong units, and inputs without a value.
    """
    gatherer = _Gatherer(network)
    if file is not None:
        named = [_split_name(network, text)[0].name for text in (*settings, *([sweep] if sweep else []))]
        gatherer.read(file, [group.name for group in input_groups(network) if group.name not in named])
    for text in settings:
        gatherer.set(text)
    swept = gatherer.sweep(sweep) if sweep else None
    if centre:
        gatherer.centre()
    gatherer.check_complete()
    return Inputs(gatherer.values, swept, tuple(gatherer.echo), tuple(gatherer.warnings))


def whole_range(network: Network, count: int = 121) -> str:
    """Return a ``--sweep`` over the range of the first input (of all its elements together)."""
    group = input_groups(network)[0]
    low, high = range_in_unit(network, group)
    return f"{group.name}={low!r}:{high!r}:{count}"


def _spaced_in_logarithm(group: Reservoir) -> bool:
    return group.coding is not None and group.coding.encoding == "log"


class _Gatherer:
    """Fills in the values of inputs, one option after the other."""

    def __init__(self, network: Network):
        self.network = network
        self.values: dict[str, Array] = {}
        self.echo: list[str] = []
        self.warnings: list[str] = []
        self.stated: set[str] = set()

    def _state(self, label: str, text: str) -> None:
        """Note that an input has its value from the command line; raise DataError where it had one before."""
        if label in self.stated:
            raise DataError(f"{text}: {label} has a value already; give it one --set or one --sweep")
        self.stated.add(label)

    def read(self, file: Path, needed: Sequence[str]) -> None:
        """Take raw data of inputs from a file; those of ``needed`` must be there."""
        data = read_inputs(file, self.network, needed)
        self.warnings += data.warnings
        for name, raw in _by_input(self.network, data).items():
            group = self.network.reservoir(name)
            self.values[name] = in_unit_of_range(self.network, group, encode(group, raw))

    def set(self, text: str) -> None:
        """Take a value ``NAME=VALUE`` or ``NAME[i]=VALUE``."""
        group, element, value = _split_name(self.network, text)
        number = _number(self.network, group, value, text)
        self._state(_label(group, element), text)
        self._warn_outside(group, [number])
        self._put(group, element, np.asarray(number))
        if not _has_unit(value):
            self.echo.append(f"{_label(group, element)} = {number:g} {unit_name(group)}".rstrip())

    def sweep(self, text: str) -> Sweep:
        """Take values ``NAME=FIRST:LAST:COUNT``."""
        group, element, value = _split_name(self.network, text)
        parts = value.split(":")
        if len(parts) != 3 or not parts[2].strip().isdecimal() or int(parts[2]) < 2:
            raise DataError(f"--sweep {text}: write --sweep x=FIRST:LAST:COUNT, such as x=-3:3:121, with COUNT from 2")
        first, last = (_number(self.network, group, part, text) for part in parts[:2])
        self._state(_label(group, element), text)
        self._warn_outside(group, [first, last])
        evenly = np.geomspace if _spaced_in_logarithm(group) and min(first, last) > 0 else np.linspace
        values = evenly(first, last, int(parts[2]))
        self._put(group, element, values)
        if not _has_unit(parts[0]):
            span = f"{first:g} to {last:g} {unit_name(group)}".rstrip()
            self.echo.append(f"{_label(group, element)} = {span} in {len(values)} steps")
        return Sweep(_label(group, element), unit_name(group), values)

    def centre(self) -> None:
        """Put inputs, or elements of them, without a value into the middle of their range."""
        for group in input_groups(self.network):
            old = self.values.get(group.name, np.full(group.shape, np.nan))
            if np.isnan(old).any():
                low, high = range_in_unit(self.network, group)
                self.values[group.name] = np.where(np.isnan(old), (low + high) / 2, old)
                rest = group.name if np.isnan(old).all() else f"the rest of {group.name}"
                self.echo.append(f"{rest} = {(low + high) / 2:g} {unit_name(group)}".rstrip())

    def check_complete(self) -> None:
        """Raise DataError where an input, or an element of one, has no value."""
        missing = []
        for group in input_groups(self.network):
            value = self.values.get(group.name)
            if value is None:
                missing.append(group)
            elif np.isnan(value).any():
                labels = group.labels()
                element = np.flatnonzero(np.isnan(value.reshape(-1, len(labels))).any(axis=0))[0]
                raise DataError(f"input {labels[element]} has no value; {_how_to_give(self.network, group)}")
        if missing:
            names = ", ".join(group.name for group in missing)
            many = "s" if len(missing) > 1 else ""
            raise DataError(f"no value for the input{many} {names}; {_how_to_give(self.network, missing[0])}")

    def _put(self, group: Reservoir, element: tuple[int, ...] | None, value: Array) -> None:
        """Put a number, or one for each sample, at an element of a group or at all of them."""
        old = self.values.get(group.name, np.full(group.shape, np.nan))
        batch = np.broadcast_shapes(old.shape[: old.ndim - len(group.shape)], value.shape)
        new = np.broadcast_to(old, (*batch, *group.shape)).copy()
        if element is None:
            new[...] = value.reshape(value.shape + (1,) * len(group.shape))
        else:
            flat = int(np.ravel_multi_index(element, group.shape)) if element else 0
            new.reshape(*batch, -1)[..., flat] = value
        self.values[group.name] = new

    def _warn_outside(self, group: Reservoir, numbers: Sequence[float]) -> None:
        low, high = range_in_unit(self.network, group)
        slack = 1e-9 * (high - low)
        for number in numbers:
            if not low - slack <= number <= high + slack:
                unit = unit_name(group)
                message = f"{group.name} = {number:g} {unit} is outside its declared range, {low:g} to {high:g} {unit}"
                self.warnings.append(" ".join(message.split()))


def _by_input(network: Network, data: Data) -> dict[str, Array]:
    """Return raw data of the inputs that a file has all columns of; some of an input's columns alone are too few."""
    every = feature_names(network)
    X = np.full((len(data.X), len(every)), np.nan)
    for column, name in enumerate(data.features):
        X[:, every.index(name)] = data.X[:, column]
    return {name: raw for name, raw in split_features(network, X).items() if not np.isnan(raw).all()}


# --- names and numbers ---


def _split_name(network: Network, text: str) -> tuple[Reservoir, tuple[int, ...] | None, str]:
    """Return group, element (its position along each axis) and value of ``NAME[i, j]=VALUE``."""
    left, equals, value = unicodedata.normalize("NFKC", text).partition("=")
    match = _NAME.fullmatch(left)
    if not equals or match is None:
        raise DataError(f"{text} is not of the form NAME=VALUE; {_EXAMPLE}")
    groups = {group.name: group for group in input_groups(network)}
    if match[1] not in groups:
        raise DataError(f"{text}: the model has no input {match[1]}; {did_you_mean(match[1], groups)}")
    group = groups[match[1]]
    return group, None if match[2] is None else _element(group, match[2], text), value


def _element(group: Reservoir, inside: str, text: str) -> tuple[int, ...]:
    numbers = [part.strip() for part in inside.split(",")]
    if len(numbers) != len(group.axes) or not all(re.fullmatch(r"-?\d+", n) for n in numbers):
        wanted = group.labels()[0]
        raise DataError(f"{text}: an element of {group.name} is written {wanted}")
    for number, axis in zip(numbers, group.axes, strict=True):
        if not axis.lower <= int(number) <= axis.upper:
            raise DataError(f"{text}: {axis.name} = {number} is out of range, {axis.lower} to {axis.upper}")
    return tuple(int(number) - axis.lower for number, axis in zip(numbers, group.axes, strict=True))


def _label(group: Reservoir, element: tuple[int, ...] | None) -> str:
    if element is None:
        return group.name
    return f"{group.name}[{', '.join(str(e + a.lower) for e, a in zip(element, group.axes, strict=True))}]"


def _has_unit(value: str) -> bool:
    match = _VALUE.fullmatch(value)
    return match is not None and match[2] is not None


def _number(network: Network, group: Reservoir, value: str, text: str) -> float:
    """Return a value in the unit of the group's range."""
    match = _VALUE.fullmatch(value)
    if match is None:
        raise DataError(f"{text}: {value.strip() or 'nothing'} is not a number with a unit or without; {_EXAMPLE}")
    if match[2] is None:
        return _positive(group, float(match[1]), text)
    try:
        coherent, dimension = network.units.quantity(match[1], match[2])
    except UnitError as error:
        raise DataError(f"{text}: {error}; {group.name} is in {unit_name(group)}") from None
    allowed = (ENERGY, VOLTAGE) if group.content == "charge" else (CONCENTRATION,)
    if dimension not in allowed:
        what = "a potential" if group.content == "charge" else "a concentration"
        raise DataError(f"{text}: {match[2]} does not measure {what}; {group.name} is in {unit_name(group)}")
    potential = -coherent if dimension == VOLTAGE else coherent
    return _positive(group, float(in_unit_of_range(network, group, np.asarray(potential))), text)


def _positive(group: Reservoir, number: float, text: str) -> float:
    if group.content == "molecules" and number <= 0:
        raise DataError(f"{text}: a concentration must be above zero")
    return number


def unit_name(group: Reservoir) -> str:
    """Return the unit of an input's declared range."""
    return group.coding.unit if group.coding is not None else ""


def in_unit_of_range(network: Network, group: Reservoir, values: Array) -> Array:
    """Return mu (kT) or c (M) in the unit of the group's range: the inverse of `in_range_unit`."""
    factor, offset, dimension = network.units.unit(unit_name(group) or None)
    sign = -1.0 if dimension == VOLTAGE else 1.0
    return np.asarray((sign * values - offset) / factor)


def range_in_unit(network: Network, group: Reservoir) -> tuple[float, float]:
    """Return the declared range of an input in its own unit."""
    assert group.coding is not None
    low, high = sorted(in_unit_of_range(network, group, np.asarray(group.coding.range)).tolist())
    return low, high


def _how_to_give(network: Network, group: Reservoir) -> str:
    low, high = range_in_unit(network, group)
    unit = unit_name(group)
    return " ".join(f"give --set {group.name}=... ({low:g} to {high:g} {unit}), --sweep or --inputs F.csv".split())
