"""A batch of steady states as columns: for a table on the terminal, a CSV or ``.npz`` file, or JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crncompile.analyze.slots import device_label
from crncompile.cli.inputs import Inputs
from crncompile.errors import ArgumentError, which_of
from crncompile.export.files import write_atomically
from crncompile.learn.data import input_groups
from crncompile.network.shown import in_unit, letter, unit_name
from crncompile.network.types import Network, Reservoir, element_labels

if TYPE_CHECKING:
    from rich.table import Table

    from crncompile.plots.response import Response
    from crncompile.solution import Solution

Array = NDArray[Any]
MOST_ROWS = 24
MOST_LEADING = 3


@dataclass(frozen=True, eq=False)
class Column:
    """One number for each sample; ``kind`` is input, readout, reservoir or current."""

    name: str
    unit: str
    kind: str
    values: Array

    @property
    def heading(self) -> str:
        """Name and unit: ``h[1] (kT)``."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


@dataclass(frozen=True, eq=False)
class Answer:
    """Steady states of ``samples`` samples as columns, and the solution that they come from."""

    network: Network
    solution: Solution
    columns: tuple[Column, ...]
    inputs: Inputs

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.solution.u)


def answer(network: Network, inputs: Inputs, solution: Solution, currents: Sequence[str] = ()) -> Answer:
    """Arrange a solution in columns: inputs, readouts, the reservoirs that the network settles, currents of devices.

    ``currents`` names families of devices, or single ones (``a[2]``). Raises ArgumentError for one that there is not.
    """
    samples = len(solution.u)
    columns = [
        column
        for group in input_groups(network)
        for column in named_columns(
            group.labels(), unit_name(network, group), "input", _batched(group, inputs, samples)
        )
    ]
    for readout in network.readouts:
        labels = element_labels(readout.name, readout.axes)
        columns += named_columns(labels, "", "readout", solution.readouts[readout.name].reshape(samples, -1))
    for group in network.floating:
        unit = unit_name(network, group)
        values = in_unit(network, group, solution.values[group.name].reshape(samples, -1))
        columns += named_columns(group.labels(), unit, "reservoir", values)
    for name in dict.fromkeys(currents):
        columns += _currents(network, solution, name)
    return Answer(network, solution, tuple(columns), inputs)


def _currents(network: Network, solution: Solution, name: str) -> list[Column]:
    """Return the currents through a family's devices, or through one of them."""
    families = {family.name: family for family in network.families}
    head, _, inside = name.replace(" ", "").partition("[")
    if head not in families:
        raise ArgumentError(f"--currents {name}: there are no devices {head}; {which_of(head, families)}")
    labels = [device_label(families[head], device) for device in range(int(np.prod(families[head].shape, dtype=int)))]
    values = solution.currents(head).reshape(len(solution.u), -1)
    chosen = [n for n, text in enumerate(labels) if not inside or text.replace(" ", "") == f"{head}[{inside}"]
    if not chosen:
        raise ArgumentError(
            f"--currents {name}: there is no such device; the first is {labels[0]}, the last {labels[-1]}"
        )
    return named_columns([f"current {labels[n]}" for n in chosen], "1/s", "current", values[:, chosen])


def _batched(group: Reservoir, inputs: Inputs, samples: int) -> Array:
    return np.broadcast_to(inputs.values[group.name], (samples, *group.shape)).reshape(samples, -1)


def named_columns(labels: Sequence[str], unit: str, kind: str, values: Array) -> list[Column]:
    """Return a column for each label, from values (samples, labels)."""
    return [Column(label, unit, kind, column) for label, column in zip(labels, values.T, strict=True)]


# --- terminal ---


def table(found: Answer, width: int) -> Table:
    """Return a table: of one sample a row for each number, of several a row for each sample; ``width`` characters."""
    return _one_sample(found) if found.samples == 1 else _several_samples(found, width)


def _one_sample(found: Answer) -> Table:
    result = empty_table()
    result.add_column("", justify="left")
    result.add_column("value", justify="right")
    result.add_column("unit")
    columns = _in_order(found)
    for column in columns[:MOST_ROWS]:
        result.add_row(column.name, f"{column.values[0]:.6g}", column.unit)
    return with_rest(result, 0, len(columns) - MOST_ROWS)


def _several_samples(found: Answer, width: int) -> Table:
    columns, used = _in_order(found), 12
    shown: list[Column] = []
    for column in columns:
        used += max(len(column.heading), 12) + 3
        if shown and used > width:
            break
        shown.append(column)
    result = empty_table()
    for column in shown:
        result.add_column(column.heading, justify="right", no_wrap=True)
    result.add_column("", style="dim", no_wrap=True)
    status = found.solution.certificate.status
    for row in range(min(found.samples, MOST_ROWS)):
        cells = [f"{column.values[row]:.6g}" for column in shown]
        result.add_row(*cells, "" if status[row] == "stable" else str(status[row]))
    return with_rest(result, found.samples - MOST_ROWS, len(columns) - len(shown))


def empty_table() -> Table:
    """Return a table in our style, without columns."""
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False)


def with_rest(result: Table, samples: int, numbers: int) -> Table:
    """Say in the caption how much is not shown."""
    more = [f"{samples} more samples"] if samples > 0 else []
    more += [f"{numbers} more numbers"] if numbers > 0 else []
    if more:
        result.caption = f"{' and '.join(more)}: -o F.csv or F.npz writes all"
    return result


def _in_order(found: Answer) -> list[Column]:
    """Return the columns with what is worth seeing first: inputs that vary, readouts, outputs, other reservoirs."""
    outputs = _outputs(found.network)
    readouts = [c for c in found.columns if c.kind == "readout"]
    settled = [c for c in found.columns if c.kind == "reservoir"]
    settled.sort(key=lambda c: c.name not in outputs)
    return [*_leading(found), *readouts, *(c for c in found.columns if c.kind == "current"), *settled]


def _leading(found: Answer) -> list[Column]:
    """Return the inputs that vary, or all where they are few."""
    inputs = [c for c in found.columns if c.kind == "input"]
    varying = [c for c in inputs if found.samples > 1 and np.ptp(c.values) > 0]
    return varying[:MOST_LEADING] or (inputs if len(inputs) <= MOST_LEADING else [])


def failures(found: Answer) -> list[str]:
    """Name the samples without a certified steady state, each with its reason."""
    certificate = found.solution.certificate
    leading = _leading(found)
    lines = []
    for row in np.flatnonzero(certificate.failed):
        at = ", ".join(f"{c.name} = {c.values[row]:.6g} {c.unit}".rstrip() for c in leading)
        place = f" ({at})" if at else ""
        lines.append(f"sample {row}{place}: {certificate.status[row]}: {certificate.messages[row]}")
    return lines


# --- pictures ---


def response(found: Answer) -> Response:
    """Return what is drawn of several samples: along the swept input, else along the first that varies."""
    from crncompile.plots.response import Response

    network = found.network
    x, label = _abscissa(found)
    return Response(
        title=network.title or network.name,
        x=x,
        label=label,
        readouts={c.name: c.values for c in found.columns if c.kind == "readout"},
        currents={c.heading: c.values for c in found.columns if c.kind == "current"},
        settled=settled(network, found.columns),
        failed=found.solution.certificate.failed,
    )


def settled(network: Network, columns: Sequence[Column]) -> dict[str, dict[str, Array]]:
    """Return the reservoirs that the network settles by quantity and unit: ``{"μ (kT)": {"h[1]": values}}``.

    Outputs come first, and so does the unit of the first one.
    """
    values = {column.name: column.values for column in columns if column.kind == "reservoir"}
    found: dict[str, dict[str, Array]] = {}
    for group in sorted(network.floating, key=lambda group: group.kind != "output"):
        quantity = f"{letter(network, group)} ({unit_name(network, group)})"
        found.setdefault(quantity, {}).update({label: values[label] for label in group.labels()})
    return found


def _abscissa(found: Answer) -> tuple[Array, str]:
    inputs = [c for c in found.columns if c.kind == "input"]
    if found.inputs.sweeps:
        sweep = found.inputs.sweeps[0]
        return sweep.values, f"{sweep.label} ({sweep.unit})" if sweep.unit else sweep.label
    varying = next((c for c in inputs if np.ptp(c.values) > 0), None)
    return (varying.values, varying.heading) if varying is not None else (np.arange(found.samples), "sample")


def _outputs(network: Network) -> set[str]:
    return {label for group in network.reservoirs if group.kind == "output" for label in group.labels()}


# --- files ---


def write(found: Answer, path: Path) -> None:
    """Write all columns as ``.csv``, or arrays as ``.npz``; raises DataError where the file can not be written."""
    write_atomically(path, _npz(found) if path.suffix == ".npz" else _csv(found))


def _csv(found: Answer) -> str:
    certificate = found.solution.certificate
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*(column.heading for column in found.columns), "status", "residual", "message"])
    numbers = np.stack([column.values for column in found.columns], axis=1).tolist()
    for row, values in enumerate(numbers):
        ending = (str(certificate.status[row]), repr(float(certificate.residual[row])), certificate.messages[row])
        writer.writerow([*map(repr, values), *ending])
    return buffer.getvalue()


def _npz(found: Answer) -> bytes:
    """Return arrays (samples, *shape): inputs in the unit of their range, readouts, reservoirs in kT or M."""
    solution, certificate = found.solution, found.solution.certificate
    arrays: dict[str, Any] = {
        name: np.broadcast_to(value, (found.samples, *found.network.reservoir(name).shape))
        for name, value in found.inputs.values.items()
    }
    settled = [(group.name, solution.values[group.name], group.shape) for group in found.network.floating]
    readouts = [(r.name, solution.readouts[r.name], r.shape) for r in found.network.readouts]
    arrays |= {name: value.reshape(found.samples, *shape) for name, value, shape in (*settled, *readouts)}
    arrays |= {c.name.replace(" ", ".", 1): c.values for c in found.columns if c.kind == "current"}
    arrays["certificate.status"] = certificate.status.astype(str)
    arrays["certificate.how"] = certificate.how.astype(str)
    arrays["certificate.residual"] = certificate.residual
    arrays["certificate.newton_step"] = certificate.newton_step
    arrays["certificate.messages"] = np.array(certificate.messages, dtype=str)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def as_data(found: Answer) -> dict[str, Any]:
    """Return everything for ``--json``: each column under its name, its unit apart."""
    certificate = found.solution.certificate
    parts = {
        f"{kind}s": {c.name: c.values for c in found.columns if c.kind == kind}
        for kind in ("input", "readout", "reservoir", "current")
    }
    return {
        "samples": found.samples,
        "failed": int(np.count_nonzero(certificate.failed)),
        "units": {c.name: c.unit for c in found.columns if c.unit},
        **parts,
        "certificate": certificate_data(certificate),
    }


def certificate_data(certificate: Any) -> dict[str, Any]:
    """Return a certificate as data."""
    names = ("status", "how", "residual", "newton_step", "iterations", "period", "messages", "eigenvalue")
    entries = {name: getattr(certificate, name) for name in names}
    return {"summary": certificate.summary(), **{name: value for name, value in entries.items() if value is not None}}
