"""Values of inputs from a command line: ``--set``, ``--sweep`` and ``--inputs``.

A value is a number with or without a unit; a bare one is in the unit of the input's declared range. All are gathered
as arrays (samples, *reservoir) in that unit, as `CompiledNetwork.solve` takes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.cli.quantities import Element, axes_of, has_unit, in_column, label, number, split_name
from crncompile.errors import ArgumentError, DataError
from crncompile.learn.data import Data, feature_names, input_groups, read_inputs, split_features
from crncompile.network.coding import encode
from crncompile.network.shown import in_unit, unit_name
from crncompile.network.types import Network, Reservoir

Array = NDArray[Any]
MOST_SWEPT = 1_000_000
_LOG = ":log"
_EXAMPLE = "write --set x=0.5, --set 'x[3]=0.5 mM'"


@dataclass(frozen=True, eq=False)
class Sweep:
    """One input (or one ``element`` of it) that runs over values (count,), in the unit of its range."""

    group: Reservoir
    element: Element
    unit: str
    values: Array

    @property
    def label(self) -> str:
        """Name of what runs."""
        return _label(self.group, self.element)


@dataclass(frozen=True, eq=False)
class Inputs:
    """Values of all inputs, (samples, *reservoir) or (*reservoir), in the unit of each input's range.

    Several ``sweeps`` span a grid, of which the last one runs fastest.

    ``echo`` says how bare numbers were understood, ``warnings`` what lies outside a declared range.
    """

    values: dict[str, Array]
    sweeps: tuple[Sweep, ...]
    echo: tuple[str, ...]
    warnings: tuple[str, ...]


def gather(
    network: Network,
    settings: Sequence[str],
    sweeps: Sequence[str],
    file: Path | None,
    *,
    centre: bool = False,
    single: bool = False,
) -> Inputs:
    """Return the inputs that the options of a command line state.

    ``centre`` puts inputs without a value into the middle of their range; ``single``: only ``--set`` can give one.

    Raises ArgumentError for unknown names, wrong units, and inputs without a value, DataError for a file that does
    not fit.
    """
    gatherer = _Gatherer(network, "" if single else ", --sweep or --inputs F.csv")
    if file is not None:
        named = [_split_name(network, text)[0].name for text in (*settings, *sweeps)]
        gatherer.read(file, [group.name for group in input_groups(network) if group.name not in named])
    for text in settings:
        gatherer.set(text)
    swept = [gatherer.sweep(text) for text in sweeps]
    gatherer.span(swept)
    if centre:
        gatherer.centre()
    gatherer.check_complete()
    return Inputs(gatherer.values, tuple(swept), tuple(gatherer.echo), tuple(gatherer.warnings))


def whole_range(network: Network, count: int = 121) -> str:
    """Return a ``--sweep`` over the range of the first input (of all its elements together).

    Raises DataError for a network without inputs.
    """
    if not input_groups(network):
        raise DataError("the network has no input, and so no response to one")
    group = input_groups(network)[0]
    low, high = range_in_unit(network, group)
    return f"{group.name}={low!r}:{high!r}:{count}"


def _spaced_in_logarithm(group: Reservoir) -> bool:
    return group.coding is not None and group.coding.encoding == "log"


class _Gatherer:
    """Fills in the values of inputs, one option after the other."""

    def __init__(self, network: Network, other_ways: str):
        self.network = network
        self.other_ways = other_ways
        self.values: dict[str, Array] = {}
        self.echo: list[str] = []
        self.warnings: list[str] = []
        self.stated: set[str] = set()

    def _state(self, label: str, text: str) -> None:
        """Note that an input has its value from the command line; raise ArgumentError where it had one before."""
        if label in self.stated:
            raise ArgumentError(f"{text}: {label} has a value already; give it one --set or one --sweep")
        self.stated.add(label)

    def read(self, file: Path, needed: Sequence[str]) -> None:
        """Take inputs from a file, raw data or numbers in a unit; those of ``needed`` must be there."""
        data = read_inputs(file, self.network, needed)
        self.warnings += data.warnings
        for name, raw in _by_input(self.network, data).items():
            group = self.network.reservoir(name)
            self.values[name] = in_unit(self.network, group, self._encoded(group, raw, file))
        for group in input_groups(self.network):
            places = zip(np.ndindex(group.shape), group.labels(), strict=True)
            stated = {at: data.physical[name] for at, name in places if name in data.physical}
            told = {at: in_column(self.network, group, found) for at, found in stated.items()}
            for at, numbers in told.items():
                self._put(group, at, numbers)
            if told:
                self._warn_outside(group, [np.min([*told.values()]), np.max([*told.values()])])

    def _encoded(self, group: Reservoir, raw: Array, file: Path) -> Array:
        if group.coding is None or group.coding.data is None:
            unit = unit_name(self.network, group)
            hint = f"state data = [lowest, highest] in its input(...), or head its column {group.name} [{unit}]"
            raise DataError(f"{file}: the model does not say which raw data meet the range of {group.name}: {hint}")
        return encode(group, raw)

    def set(self, text: str) -> None:
        """Take a value ``NAME=VALUE`` or ``NAME[i]=VALUE``."""
        group, element, value = _split_name(self.network, text)
        told = number(self.network, group, value, text, _EXAMPLE)
        self._state(_label(group, element), text)
        self._warn_outside(group, [told])
        self._put(group, element, np.asarray(told))
        if not has_unit(value):
            self.echo.append(f"{_label(group, element)} = {told:g} {unit_name(self.network, group)}".rstrip())

    def sweep(self, text: str) -> Sweep:
        """Read ``NAME=FIRST:LAST:COUNT[:log]``."""
        group, element, value = _split_name(self.network, text)
        value, logarithmic = (value[: -len(_LOG)], True) if value.endswith(_LOG) else (value, False)
        parts = value.split(":")
        if len(parts) != 3 or not parts[2].strip().isdecimal() or int(parts[2]) < 2:
            raise ArgumentError(
                f"--sweep {text}: write --sweep x=FIRST:LAST:COUNT, such as x=-3:3:121, "
                "or x=1:1000:31:log, with COUNT from 2"
            )
        if int(parts[2]) > MOST_SWEPT:
            raise ArgumentError(
                f"--sweep {text}: {parts[2].strip()} samples are too many; at most {MOST_SWEPT} at a time"
            )
        first, last = (number(self.network, group, part, text, _EXAMPLE) for part in parts[:2])
        self._state(_label(group, element), text)
        self._warn_outside(group, [first, last])
        if logarithmic and min(first, last) <= 0:
            raise ArgumentError(f"--sweep {text}: a logarithmic sweep needs both ends above zero")
        logarithmic = logarithmic or (_spaced_in_logarithm(group) and min(first, last) > 0)
        evenly = np.geomspace if logarithmic else np.linspace
        values = evenly(first, last, int(parts[2]))
        if not has_unit(parts[0]):
            span = f"{first:g} to {last:g} {unit_name(self.network, group)}".rstrip()
            self.echo.append(f"{_label(group, element)} = {span} in {len(values)} steps")
        return Sweep(group, element, unit_name(self.network, group), values)

    def span(self, sweeps: Sequence[Sweep]) -> None:
        """Take all combinations of the values of some sweeps."""
        samples = math.prod(len(sweep.values) for sweep in sweeps)
        if samples > MOST_SWEPT:
            counts = " x ".join(str(len(sweep.values)) for sweep in sweeps)
            raise ArgumentError(f"--sweep: {counts} samples are too many; at most {MOST_SWEPT} at a time")
        grid = np.meshgrid(*(sweep.values for sweep in sweeps), indexing="ij")
        for sweep, values in zip(sweeps, grid, strict=True):
            self._put(sweep.group, sweep.element, values.ravel())

    def centre(self) -> None:
        """Put inputs, or elements of them, without a value into the middle of their range."""
        for group in input_groups(self.network):
            old = self.values.get(group.name, np.full(group.shape, np.nan))
            if np.isnan(old).any():
                low, high = range_in_unit(self.network, group)
                self.values[group.name] = np.where(np.isnan(old), (low + high) / 2, old)
                rest = group.name if np.isnan(old).all() else f"the rest of {group.name}"
                self.echo.append(f"{rest} = {(low + high) / 2:g} {unit_name(self.network, group)}".rstrip())

    def check_complete(self) -> None:
        """Raise ArgumentError where an input, or an element of one, has no value."""
        missing = []
        for group in input_groups(self.network):
            value = self.values.get(group.name)
            if value is None:
                missing.append(group)
            elif np.isnan(value).any():
                labels = group.labels()
                element = np.flatnonzero(np.isnan(value.reshape(-1, len(labels))).any(axis=0))[0]
                raise ArgumentError(f"input {labels[element]} has no value; {self._how_to_give(group)}")
        if missing:
            names = ", ".join(group.name for group in missing)
            many = "s" if len(missing) > 1 else ""
            raise ArgumentError(f"no value for the input{many} {names}; {self._how_to_give(missing[0])}")

    def _how_to_give(self, group: Reservoir) -> str:
        low, high = range_in_unit(self.network, group)
        unit = unit_name(self.network, group)
        span = " ".join(f"{low:g} to {high:g} {unit}".split())
        return f"give --set {group.name}=... ({span}){self.other_ways}"

    def _put(self, group: Reservoir, element: Element, value: Array) -> None:
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
        for told in numbers:
            if not low - slack <= told <= high + slack:
                unit = unit_name(self.network, group)
                message = f"{group.name} = {told:g} {unit} is outside its declared range, {low:g} to {high:g} {unit}"
                self.warnings.append(" ".join(message.split()))


def _by_input(network: Network, data: Data) -> dict[str, Array]:
    """Return raw data of the inputs that a file has all columns of; some of an input's columns alone are too few."""
    every = feature_names(network)
    X = np.full((len(data.X), len(every)), np.nan)
    for column, name in enumerate(data.features):
        X[:, every.index(name)] = data.X[:, column]
    return {name: raw for name, raw in split_features(network, X).items() if not np.isnan(raw).all()}


def _groups(network: Network) -> dict[str, Reservoir]:
    return {group.name: group for group in input_groups(network)}


def _split_name(network: Network, text: str) -> tuple[Reservoir, Element, str]:
    """Return group, element (its position along each axis) and value of ``NAME[i, j]=VALUE``."""
    groups = _groups(network)
    name, element, value = split_name(axes_of(groups.values()), text, "input", _EXAMPLE)
    return groups[name], element, value


def _label(group: Reservoir, element: Element) -> str:
    return label(group.name, group.axes, element)


def range_in_unit(network: Network, group: Reservoir) -> tuple[float, float]:
    """Return the declared range of an input in its own unit."""
    assert group.coding is not None
    low, high = sorted(in_unit(network, group, np.asarray(group.coding.range)).tolist())
    return low, high
