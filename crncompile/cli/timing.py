"""What ``simulate`` is told: when inputs jump, where reservoirs start, what is watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.cli.inputs import Inputs
from crncompile.cli.quantities import axes_of, bare_number, has_unit, label, number, seconds, split_name
from crncompile.compiled import CompiledNetwork
from crncompile.errors import ArgumentError
from crncompile.learn.data import input_groups
from crncompile.network.shown import in_potential, unit_name
from crncompile.network.types import Network, Reservoir
from crncompile.solve.diagnosis import duration

Array = NDArray[Any]
_STEP = "write --step 'x=1 kT@2 us'"
_START = "write --start h=0.5, --start 'h[3]=0.5 kT'"
_EVENT = "write --event y=0.5, --event 'h[3]=0.5 kT'"


@dataclass(frozen=True)
class Level:
    """An element of a reservoir or readout that is watched; its level as told, and in kT, M or as the readout's own."""

    label: str
    shown: float
    unit: str
    level: float


@dataclass(frozen=True, eq=False)
class Timing:
    """Jumps of inputs (time in s, values of the inputs that jump), initial values in kT or M, levels that are watched.

    ``said`` has for each time of a jump what jumps there; ``echo`` says how bare numbers were understood.
    """

    steps: tuple[tuple[float, Mapping[str, Array]], ...]
    said: Mapping[float, str]
    start: Mapping[str, Array]
    levels: tuple[Level, ...]
    echo: tuple[str, ...]


def timing(
    compiled: CompiledNetwork,
    values: Mapping[str, Array],
    given: Inputs,
    steps: Sequence[str],
    starts: Sequence[str],
    events: Sequence[str],
) -> Timing:
    """Read the options ``--step``, ``--start`` and ``--event``; raises ArgumentError for what does not fit."""
    network, echo = compiled.network, list[str]()
    jumps, said = _steps(network, given, steps, echo)
    start = _starts(compiled, values, starts, echo)
    return Timing(jumps, said, start, tuple(_level(network, text, echo) for text in events), tuple(echo))


def _steps(
    network: Network, given: Inputs, texts: Sequence[str], echo: list[str]
) -> tuple[tuple[tuple[float, Mapping[str, Array]], ...], dict[float, str]]:
    groups = {group.name: group for group in input_groups(network)}
    parsed: list[tuple[float, str, str]] = []
    for text in texts:
        setting, at, moment = text.rpartition("@")
        if not at:
            raise ArgumentError(f"--step {text}: no time is given; {_STEP}")
        parsed.append((seconds(network, moment, f"--step {text}"), setting, text))
    current = {name: np.array(value, float) for name, value in given.values.items()}
    result: dict[float, dict[str, Array]] = {}
    said: dict[float, list[str]] = {}
    for time, setting, text in sorted(parsed, key=lambda entry: entry[0]):
        name, element, value = split_name(axes_of(groups.values()), setting, "input", _STEP)
        group = groups[name]
        told = number(network, group, value, text, _STEP)
        current = {**current, name: _put(current[name], element, told)}
        result.setdefault(time, {})[name] = current[name]
        line = f"{label(name, group.axes, element)} = {told:g} {unit_name(network, group)}".rstrip()
        said.setdefault(time, []).append(line)
        if not (has_unit(value) and has_unit(text.rpartition("@")[2])):
            echo.append(f"{line} at {duration(time)}")
    return tuple(result.items()), {time: ", ".join(lines) for time, lines in said.items()}


def _put(old: Array, element: tuple[int, ...] | None, value: float) -> Array:
    new = np.array(old, float)
    new[... if element is None else element] = value
    return new


def _starts(
    compiled: CompiledNetwork, values: Mapping[str, Array], texts: Sequence[str], echo: list[str]
) -> dict[str, Array]:
    network, groups = compiled.network, {group.name: group for group in compiled.network.floating}
    model = _stated(compiled, values)
    result: dict[str, Array] = {}
    for text in texts:
        name, element, value = split_name(axes_of(groups.values()), text, "floating reservoir", _START)
        group = groups[name]
        told = number(network, group, value, f"--start {text}", _START)
        coherent = float(in_potential(network, group, np.asarray(told)))
        result[name] = _put(result.get(name, model[name]), element, coherent)
        if not has_unit(value):
            echo.append(f"start of {label(name, group.axes, element)} = {told:g} {unit_name(network, group)}")
    return result


def _stated(compiled: CompiledNetwork, values: Mapping[str, Array]) -> dict[str, Array]:
    """Return the model's own initial values, mu in kT or c in M."""
    u = compiled.functions.start(values)
    content = {group.name: group.content for group in compiled.network.reservoirs}
    shaped = {group.name: u[group.start : group.stop].reshape(group.shape) for group in compiled.program.groups}
    return {name: np.exp(part) if content[name] == "molecules" else part for name, part in shaped.items()}


def _level(network: Network, text: str, echo: list[str]) -> Level:
    groups: dict[str, Reservoir] = {group.name: group for group in network.floating}
    axes = {**axes_of(groups.values()), **{readout.name: readout.axes for readout in network.readouts}}
    name, element, value = split_name(axes, text, "floating reservoir or readout", _EVENT)
    where = label(name, axes[name], element)
    if axes[name] and element is None:
        first = label(name, axes[name], (0,) * len(axes[name]))
        raise ArgumentError(f"--event {text}: {name} has several elements; name one of them, such as {first}")
    if name not in groups:
        told = bare_number(value, f"--event {text}", _EVENT)
        return Level(where, told, "", told)
    told = number(network, groups[name], value, f"--event {text}", _EVENT)
    unit = unit_name(network, groups[name])
    if not has_unit(value):
        echo.append(f"event at {where} = {told:g} {unit}")
    return Level(where, told, unit, float(in_potential(network, groups[name], np.asarray(told))))
