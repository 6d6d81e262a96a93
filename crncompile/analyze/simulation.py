"""A network in time: one sample relaxing from a start, perhaps with inputs that jump, and what is seen on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crncompile.errors import ArgumentError, DataError, SteadyStateError, which_of
from crncompile.network.types import element_labels
from crncompile.solve.certificate import Certificate
from crncompile.solve.diagnosis import duration
from crncompile.solve.relaxation import End, Relaxation, simulate
from crncompile.solve.steady import steady_states

if TYPE_CHECKING:
    from crncompile.compiled import CompiledNetwork

Array = NDArray[Any]
Values = Mapping[str, ArrayLike]
Steps = Sequence[tuple[float, Values]]
FIRST = 1e-3
"""Logarithmic times begin where the network has gone this part of its way."""


@dataclass(frozen=True)
class Event:
    """A reservoir or readout that passes through ``level`` at ``time`` in s."""

    label: str
    level: float
    time: float
    rising: bool


@dataclass(frozen=True, eq=False)
class Simulation:
    """The relaxation of one sample in time.

    ``times`` (points,) in s rise, evenly spaced or ``logarithmic``; ``potentials[name]`` (mu/kT or ln(c/1 M)),
    ``values[name]`` (mu in kT or c in M) and ``readouts[name]`` are (points, *shape). ``end`` and ``message`` say why
    it ended there. ``drift`` is how far each conserved total strays, relative to its size. ``certificate`` is that
    of the steady state to which the network relaxes from where the last segment begins, and ``distance`` (n,) how far
    from it the end is, in kT; both ``None`` where the last segment was not reached. ``path`` is the whole path, between
    the times too.
    """

    times: Array
    logarithmic: bool
    potentials: Mapping[str, Array]
    values: Mapping[str, Array]
    readouts: Mapping[str, Array]
    events: tuple[Event, ...]
    end: End
    message: str
    drift: Mapping[str, float]
    certificate: Certificate | None
    distance: Array | None
    reservoirs: tuple[str, ...]
    path: Relaxation

    @property
    def period(self) -> float:
        """Period of the oscillation at the end in s; NaN where there is none."""
        return np.nan if self.path.cycle is None else self.path.cycle.period

    def comparison(self) -> str:
        """Say how far the end is from the certified steady state."""
        if self.certificate is None or self.distance is None:
            return "the end is not compared with a steady state: it was not reached"
        if self.certificate.failed[0]:
            return f"there is no certified steady state to compare with: {self.certificate.messages[0]}"
        worst = int(np.argmax(self.distance))
        near = f"{self.distance[worst]:.1e} kT, most at {self.reservoirs[worst]}"
        return f"distance of the end from the certified steady state: {near}"

    def raise_for_failure(self) -> Simulation:
        """Raise SteadyStateError if it ended before what was asked for; return self otherwise."""
        if self.end.failed:
            raise SteadyStateError(self.message)
        return self


def simulate_network(
    compiled: CompiledNetwork,
    inputs: Values,
    *,
    until: float | None = None,
    steps: Steps = (),
    start: Values | None = None,
    events: Mapping[str, float] | None = None,
    points: int = 501,
    logarithmic: bool | None = None,
    parameters: Values | None = None,
    seed: int = 0,
    raw: bool = False,
    rtol: float = 1e-8,
    most_steps: int = 20000,
    told: Callable[[float, int], None] | None = None,
) -> Simulation:
    """Follow one sample in time; see `CompiledNetwork.simulate`.

    Raises DataError for names, shapes and times that do not fit.
    """
    values = compiled.parameters(parameters, seed)
    _check_times(steps, until)
    pulses, given = [(0.0, _held(compiled, inputs, values, raw))], dict(inputs)
    for time, changed in steps:
        given |= changed
        pulses.append((float(time), _held(compiled, given, values, raw)))
    first = _start(compiled, start or {}, values)
    watched = {label: _watched(compiled, label, values) for label in events or {}}
    path = simulate(compiled.functions, values, pulses, first, until, rtol=rtol, most_steps=most_steps, told=told)
    found = [
        Event(label, level, time, rising)
        for label, level in (events or {}).items()
        for time, rising in path.crossings(lambda u, held, of=watched[label], at=level: of(u, held) - at)  # type: ignore[misc]
    ]
    found.sort(key=lambda event: event.time)
    if logarithmic is None:
        logarithmic = until is None and not steps and path.end is not End.OSCILLATES
    times = _times(path, points, logarithmic, [event.time for event in found])
    return _described(compiled, values, path, times, logarithmic, tuple(found), len(pulses))


def _check_times(steps: Steps, until: float | None) -> None:
    jumps, end = [float(time) for time, _ in steps], np.inf if until is None else float(until)
    if not (np.diff([0.0, *jumps]) > 0).all() or not np.isfinite(jumps).all():
        raise ArgumentError("the times of steps must be above zero, finite, and rise")
    if not end > 0 or until == np.inf:
        raise ArgumentError(f"the end, {duration(end)}, must be above zero and finite")
    if jumps and end < jumps[-1]:
        raise ArgumentError(f"the end, {duration(end)}, lies before the last step at {duration(jumps[-1])}")


def _held(compiled: CompiledNetwork, inputs: Values, values: Mapping[str, Array], raw: bool) -> Array:
    held, batch = compiled.held(inputs, values, raw=raw)
    if batch != ():
        raise DataError(f"one sample is simulated at a time, but the inputs are a batch of shape {batch}")
    return np.asarray(held[0])


def _start(compiled: CompiledNetwork, given: Values, values: Mapping[str, Array]) -> Array:
    """Return initial potentials (n,): the model's, or those given (mu in kT, c in M)."""
    u = np.array(compiled.functions.start(values), float)
    groups = {group.name: group for group in compiled.program.groups}
    for name, value in given.items():
        if name not in groups:
            raise DataError(f"the network has no floating reservoir {name}; {which_of(name, groups)}")
        group, array = groups[name], np.asarray(value, float)
        if array.shape not in ((), group.shape):
            raise DataError(f"the start of {name} has shape {array.shape}, but the network needs {group.shape}")
        if compiled.network.reservoir(name).content == "molecules":
            if not (array > 0).all():
                raise DataError(f"the start of {name} is a concentration and must be positive: its potential is ln c")
            array = np.log(array)
        u[group.start : group.stop] = np.broadcast_to(array, group.shape).ravel()
    if not np.isfinite(u).all():
        label = compiled.functions.structure.reservoirs[int(np.argmin(np.isfinite(u)))]
        raise DataError(f"the start of {label} is not a finite number")
    return u


def _watched(compiled: CompiledNetwork, label: str, values: Mapping[str, Array]) -> Callable[[Array, Array], Array]:
    """Return the function of ``u (k, n)`` and ``held (k, m)`` whose crossings are sought."""
    structure = compiled.functions.structure
    if label in structure.reservoirs:
        place = structure.reservoirs.index(label)
        molecular = compiled.network.reservoir(label.partition("[")[0]).content == "molecules"
        return lambda u, _: np.exp(u[:, place]) if molecular else u[:, place]
    known = [*structure.reservoirs]
    for readout in compiled.network.readouts:
        labels = element_labels(readout.name, readout.axes)
        known += labels
        if label in labels:
            name, element = readout.name, labels.index(label)
            return lambda u, held: np.asarray(
                compiled.functions.readouts(u, held, values)[name].reshape(len(u), -1)[:, element]
            )
    raise DataError(f"there is no floating reservoir or readout {label}; {which_of(label, known)}")


def _times(path: Relaxation, points: int, logarithmic: bool, events: Sequence[float]) -> Array:
    """Return rising times in s: evenly spaced, and where inputs jump or something is crossed."""
    end, begin = path.duration, float(path.segments[0].times[0])
    even = np.linspace(begin, end, points)
    if logarithmic and end > begin:
        even = np.concatenate([[begin], np.geomspace(_first(path, end), end, points - 1)])
    jumps = [float(segment.times[0]) for segment in path.segments]
    return np.unique(np.concatenate([even[:-1], [end], jumps, events]))


def _first(path: Relaxation, end: float) -> float:
    """Return the first time by which a noticeable part of the whole way is gone."""
    times = np.concatenate([segment.times for segment in path.segments])
    gone = np.abs(np.concatenate([segment.states for segment in path.segments]) - path.segments[0].states[0])
    gone = gone.max(axis=1, initial=0)
    where = np.flatnonzero((gone >= FIRST * gone.max()) & (times > 0))
    return float(max(times[where[0]], 1e-12 * end)) if len(where) else end


def _described(
    compiled: CompiledNetwork,
    values: dict[str, Array],
    path: Relaxation,
    times: Array,
    logarithmic: bool,
    events: tuple[Event, ...],
    pulses: int,
) -> Simulation:
    u, held = path.at(times)
    batch = (len(times),)
    potentials, readouts = compiled.potentials(u, held, batch), compiled.read(u, held, values, batch)
    natural = compiled.natural(potentials)
    complete = len(path.segments) == pulses and path.steps > 0
    certificate, distance = _compared(compiled, values, path) if complete else (None, None)
    return Simulation(
        times,
        logarithmic,
        potentials,
        natural,
        readouts,
        events,
        path.end,
        path.message,
        _drift(compiled, values, path),
        certificate,
        distance,
        compiled.functions.structure.reservoirs,
        path,
    )


def _compared(compiled: CompiledNetwork, values: dict[str, Array], path: Relaxation) -> tuple[Certificate, Array]:
    """Return the certificate of the steady state that the last segment leads to, and the end's distance from it."""
    segment = path.segments[-1]
    states = steady_states(compiled.functions, values, segment.held[None], segment.states[:1])
    return states.certificate, np.abs(path.last - states.u[0])


def _drift(compiled: CompiledNetwork, values: dict[str, Array], path: Relaxation) -> dict[str, float]:
    """Return how far each conserved total strays from its first value, relative to the sum of what it counts."""
    structure = compiled.functions.structure
    if not len(structure.conserved):
        return {}
    content = compiled.functions.content(np.concatenate([s.states for s in path.segments]), values)
    totals, scale = content @ structure.conserved.T, np.abs(content) @ np.abs(structure.conserved).T
    strays = np.abs(totals - totals[0]).max(axis=0) / np.maximum(scale.max(axis=0), 1e-300)
    return dict(zip(structure.conserved_names, strays.tolist(), strict=True))
