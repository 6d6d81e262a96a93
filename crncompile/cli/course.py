"""A simulation as columns over time: for the terminal, a CSV or ``.npz`` file, JSON, or a picture."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crncompile.analyze.simulation import Event, Simulation
from crncompile.cli.answer import MOST_ROWS, Column, certificate_data, empty_table, named_columns, settled, with_rest
from crncompile.cli.timing import Level, Timing
from crncompile.export.files import write_atomically
from crncompile.network.shown import in_unit, unit_name
from crncompile.network.types import Network, element_labels
from crncompile.solve.diagnosis import duration
from crncompile.units import VOLTAGE

if TYPE_CHECKING:
    from rich.table import Table

    from crncompile.plots.course import Drawing

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Course:
    """A simulation, its columns (inputs that jump, readouts, reservoirs), and what it was told."""

    network: Network
    simulation: Simulation
    columns: tuple[Column, ...]
    timing: Timing

    def happening(self, event: Event) -> str:
        """Say what an event is: ``y rises through 0.5 kT``."""
        found = self._level(event)
        level = f"{found.shown:g} {found.unit}".rstrip()
        return f"{event.label} {'rises' if self.rises(event) else 'falls'} through {level}"

    def rises(self, event: Event) -> bool:
        """Whether what is shown rises at an event: a voltage does where the potential of an electron falls."""
        volts = self.network.units.unit(self._level(event).unit or None)[2] == VOLTAGE
        return bool(event.rising) is not volts

    def _level(self, event: Event) -> Level:
        return next(level for level in self.timing.levels if level.label == event.label)


def course(network: Network, simulation: Simulation, timing: Timing) -> Course:
    """Arrange a simulation in columns."""
    points = len(simulation.times)
    jumping = {name for _, changed in timing.steps for name in changed}
    columns: list[Column] = []
    for kind, groups in (("input", network.held), ("reservoir", network.floating)):
        for group in groups:
            if kind == "reservoir" or group.name in jumping:
                values = in_unit(network, group, simulation.values[group.name].reshape(points, -1))
                columns += named_columns(group.labels(), unit_name(network, group), kind, values)
    for readout in network.readouts:
        labels = element_labels(readout.name, readout.axes)
        columns += named_columns(labels, "", "readout", simulation.readouts[readout.name].reshape(points, -1))
    columns.sort(key=lambda column: ("input", "readout", "reservoir").index(column.kind))
    return Course(network, simulation, tuple(columns), timing)


# --- terminal ---


def table(found: Course) -> Table:
    """Return a table with the first and the last value of every column."""
    result = empty_table()
    for heading in ("", "unit"):
        result.add_column(heading, justify="left")
    for heading in ("at 0 s", f"at {duration(found.simulation.times[-1])}"):
        result.add_column(heading, justify="right")
    for column in found.columns[:MOST_ROWS]:
        result.add_row(column.name, column.unit, *(f"{column.values[row]:.6g}" for row in (0, -1)))
    return with_rest(result, 0, len(found.columns) - MOST_ROWS)


def lines(found: Course) -> list[str]:
    """Say how it ended, what was crossed, whether totals were kept, and how far the steady state is."""
    simulation = found.simulation
    # what failed is told as an error
    told = [] if simulation.end.failed else [f"{simulation.message} ({simulation.path.steps} steps)"]
    told += [f"{found.happening(event)} at {duration(event.time, 6)}" for event in simulation.events]
    seen = {event.label for event in simulation.events}
    told += [
        f"{level.label} does not pass through {level.shown:g} {level.unit}".rstrip()
        for level in found.timing.levels
        if level.label not in seen
    ]
    told += [f"conserved: {name}, kept to {drift:.1e} of what it counts" for name, drift in simulation.drift.items()]
    return [*told, simulation.comparison()]


# --- files ---


def write(found: Course, path: Path) -> None:
    """Write all columns as ``.csv``, or arrays as ``.npz``; raises DataError where the file can not be written."""
    write_atomically(path, _npz(found) if path.suffix == ".npz" else _csv(found))


def _csv(found: Course) -> str:
    """Return a row for each time; the last column says what happens there."""
    happens: dict[float, list[str]] = {time: [text] for time, text in found.timing.said.items()}
    for event in found.simulation.events:
        happens.setdefault(event.time, []).append(found.happening(event))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["time (s)", *(column.heading for column in found.columns), "event"])
    numbers = np.stack([found.simulation.times, *(column.values for column in found.columns)], axis=1).tolist()
    for row in numbers:
        writer.writerow([*map(repr, row), "; ".join(happens.get(row[0], []))])
    return buffer.getvalue()


def _npz(found: Course) -> bytes:
    """Return arrays (points, *shape): inputs that jump and reservoirs in kT or M, readouts; and the events."""
    simulation = found.simulation
    jumping = {name for _, changed in found.timing.steps for name in changed}
    groups = [group.name for group in found.network.reservoirs if not group.held or group.name in jumping]
    arrays: dict[str, Any] = {"time": simulation.times}
    arrays |= {name: simulation.values[name] for name in groups}
    arrays |= dict(simulation.readouts)
    arrays["event.time"] = np.array([event.time for event in simulation.events], float)
    arrays["event.what"] = np.array([found.happening(event) for event in simulation.events], str)
    arrays["end"], arrays["message"] = np.array(str(simulation.end)), np.array(simulation.message)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def as_data(found: Course) -> dict[str, Any]:
    """Return everything for ``--json``."""
    simulation = found.simulation
    parts = {
        f"{kind}s": {c.name: c.values for c in found.columns if c.kind == kind}
        for kind in ("input", "readout", "reservoir")
    }
    events = [
        {"time": e.time, "label": e.label, "rising": found.rises(e), "what": found.happening(e)}
        for e in simulation.events
    ]
    certificate, distance = simulation.certificate, simulation.distance
    return {
        "end": str(simulation.end),
        "message": simulation.message,
        "steps": simulation.path.steps,
        "period": simulation.period,
        "events": events,
        "conserved": dict(simulation.drift),
        "distance": None if distance is None else float(distance.max(initial=0)),
        "certificate": None if certificate is None else certificate_data(certificate),
        "units": {"times": "s", **{c.name: c.unit for c in found.columns if c.unit}},
        "times": simulation.times,
        **parts,
    }


def drawing(found: Course) -> Drawing:
    """Return what is drawn of a simulation."""
    from crncompile.plots.course import Drawing

    return Drawing(
        title=found.network.title or found.network.name,
        times=found.simulation.times,
        logarithmic=found.simulation.logarithmic,
        inputs={c.heading: c.values for c in found.columns if c.kind == "input"},
        readouts={c.name: c.values for c in found.columns if c.kind == "readout"},
        settled=settled(found.network, found.columns),
        events=tuple((event.time, event.label) for event in found.simulation.events),
    )
