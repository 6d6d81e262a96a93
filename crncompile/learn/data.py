"""Data files: raw inputs and targets by the names that the model gives them.

A CSV file has a header with the names of inputs (raw data) and readouts, an element of an array as ``x[3]``, or
``label`` for a model that classifies: the value of the index of the right class. A ``.npz`` file has arrays of those
names, (samples, *shape).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import DataError, did_you_mean
from crncompile.learn.headings import Physical, canonical, with_unit
from crncompile.learn.parameters import read_arrays
from crncompile.network.coding import encode
from crncompile.network.types import Axis, Network, Readout, Reservoir, element_labels

Array = NDArray[Any]
LABEL = "label"
_MOST = 5


@dataclass(frozen=True, eq=False)
class Data:
    """Samples for one network.

    ``X`` (samples, features) are raw inputs in the order of ``features``; ``y`` is (samples, targets), or for a model
    that classifies (samples,) the number of the class, from 0. ``warnings`` are sentences about doubtful values;
    ``classes`` are the labels that the classes bear where the samples come from, none where values are learned.
    ``physical`` are inputs, or elements of them, whose headings name a unit.
    """

    X: Array
    y: Array
    features: tuple[str, ...]
    targets: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    physical: Mapping[str, Physical] = field(default_factory=dict)
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Table:
    """Columns of numbers by name, (samples,) each; ``where`` says in words where sample ``row`` of a column stands."""

    path: str
    columns: Mapping[str, Array]
    lines: Sequence[int] | None

    def where(self, row: int, name: str) -> str:
        if self.lines is None:
            return f"{self.path}: sample {row} of {name}"
        column = list(self.columns).index(name) + 1
        return f"{self.path}: line {self.lines[row]}, column {column} ({name})"


# --- the names that a network gives ---


def raw_axes(group: Reservoir) -> tuple[Axis, ...]:
    """Return the axes of an input's raw data: those of the group, without the rails of a dual encoding."""
    dual = group.coding is not None and group.coding.encoding == "dual"
    return group.axes[:-1] if dual else group.axes


def input_groups(network: Network) -> tuple[Reservoir, ...]:
    """Return the groups of input reservoirs, in the order of the text."""
    return tuple(group for group in network.reservoirs if group.kind == "input")


def feature_names(network: Network) -> tuple[str, ...]:
    """Return the names of all raw inputs in the order of the columns of ``X``."""
    return tuple(name for group in input_groups(network) for name in element_labels(group.name, raw_axes(group)))


def target_names(network: Network) -> tuple[str, ...]:
    """Return the names of all targets: ``label`` where the model classifies, else every element of every readout."""
    if _classifier(network) is not None:
        return (LABEL,)
    return tuple(name for readout in network.readouts for name in element_labels(readout.name, readout.axes))


def _classifier(network: Network) -> Readout | None:
    return next((readout for readout in network.readouts if readout.keyword == "classify"), None)


def counted_classes(network: Network) -> tuple[str, ...]:
    """Return the labels 0, 1, ... of a set that counts its classes from 0, whatever the model calls them."""
    classifier = _classifier(network)
    return () if classifier is None else tuple(map(str, range(classifier.axes[-1].size)))


def split_features(network: Network, X: Array) -> dict[str, Array]:
    """Return the raw data of each input, (samples, *shape), from ``X`` (samples, features)."""
    result, start = {}, 0
    for group in input_groups(network):
        shape = tuple(axis.size for axis in raw_axes(group))
        stop = start + int(np.prod(shape, dtype=int))
        result[group.name] = X[:, start:stop].reshape(len(X), *shape)
        start = stop
    return result


# --- reading ---


def drawn_data(source: str, network: Network, X: Array, y: Array) -> Data:
    """Return samples of a task that is known by name, ``y`` being labels (samples,) from 0 or values (samples, n).

    Raises DataError where the model has other inputs, or other readouts or classes.
    """
    features, targets, classifier = feature_names(network), target_names(network), _classifier(network)
    if len(features) != X.shape[1]:
        raise DataError(f"{source}: a sample has {X.shape[1]} inputs, but the model has {len(features)} raw inputs")
    if y.ndim == 1 and classifier is None:
        raise DataError(f"{source}: these are samples with labels, and the model has no classify statement")
    if y.ndim == 2 and (classifier is not None or len(targets) != y.shape[1]):
        told = "the model classifies" if classifier is not None else f"the model's readouts have {len(targets)}"
        raise DataError(f"{source}: a sample has {y.shape[1]} value to be learned, and {told}")
    if classifier is not None and y.max() >= classifier.axes[-1].size:
        what = f"{classifier.name} has {classifier.axes[-1].size} class"
        raise DataError(f"{source}: there are {y.max() + 1} classes, but {what}")
    table = _Table(source, dict(zip(features, X.T, strict=True)), None)
    _check_concentrations(network, table)
    return Data(X, y, features, targets, _outside(network, table), classes=counted_classes(network))


def read_data(path: str | Path, network: Network) -> Data:
    """Read samples with targets for training and evaluation.

    Raises
    ------
    DataError
        For a file that can not be read, columns that are missing or unknown, and cells that are no finite numbers.
    """
    features, targets = feature_names(network), target_names(network)
    table = _read_table(Path(path), network, features, targets, needed=(*features, *targets))
    X = _stacked(table, features)
    classifier = _classifier(network)
    y = _stacked(table, targets).astype(float) if classifier is None else _labels(table, classifier)
    axis = None if classifier is None else classifier.axes[-1]
    classes = () if axis is None else tuple(map(str, range(axis.lower, axis.upper + 1)))
    return Data(X, y, features, targets, _outside(network, table), classes=classes)


def read_inputs(path: str | Path, network: Network, groups: Sequence[str] | None = None) -> Data:
    """Read inputs alone: raw data, and in a CSV file ``NAME [UNIT]`` too; columns of readouts are passed over.

    ``groups``: only these inputs are needed. Raises DataError as `read_data` does. ``X`` has a column for each name in
    ``features``.
    """
    features, targets = feature_names(network), target_names(network)
    elements = tuple(label for group in input_groups(network) for label in group.labels())
    table = _read_table(Path(path), network, features, targets, (), elements)
    headings = {name: heading for heading, (name, _) in with_unit(table.columns, elements).items()}
    needed = []
    for group in input_groups(network):
        raw = element_labels(group.name, raw_axes(group))
        stated = [headings[label] for label in group.labels() if label in headings]
        both = next((name for name in raw if stated and name in table.columns), None)
        if both:
            raise DataError(f"{table.path}: {both} is raw data and {stated[0]} has a unit: give {group.name} one way")
        if groups is None or group.name in groups:
            needed += [headings.get(label, label) for label in group.labels()] if stated else raw
    _check_needed(table, needed)
    present = tuple(name for name in features if name in table.columns)
    X = _stacked(table, present)
    physical = {
        name: Physical(unit, table.columns[heading], partial(table.where, name=heading))
        for heading, (name, unit) in with_unit(table.columns, elements).items()
    }
    return Data(X, np.zeros((len(X), 0)), present, (), _outside(network, table), physical)


def _read_table(
    path: Path,
    network: Network,
    features: Sequence[str],
    targets: Sequence[str],
    needed: Sequence[str],
    elements: Sequence[str] = (),
) -> _Table:
    """Read a file; ``elements`` are names that a CSV file may give with a unit."""
    known = (*features, *targets)
    table = _read_npz(path, network, set(known)) if path.suffix == ".npz" else _read_csv(path, known, elements)
    _check_names(table, known, elements)
    _check_needed(table, needed)
    for name, values in table.columns.items():
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise DataError(f"{table.where(row, name)}: {values[row]} is not a finite number")
    _check_concentrations(network, table)
    return table


def _check_concentrations(network: Network, table: _Table) -> None:
    """Raise DataError for raw data that mean a concentration of zero or less: its potential would be ln c."""
    for group in input_groups(network):
        if group.content != "molecules" or group.coding is None or group.coding.data is None:
            continue
        for name in element_labels(group.name, raw_axes(group)):
            if name in table.columns:
                values = encode(group, table.columns[name]).reshape(len(table.columns[name]), -1).min(axis=1)
                wrong = np.flatnonzero(values <= 0)
                if wrong.size:
                    told, low, high = table.columns[name][wrong[0]], *group.coding.data
                    what = f"{told:g} would be a concentration of zero or less; [{low:g}, {high:g}] meets its range"
                    raise DataError(f"{table.where(int(wrong[0]), name)}: {what}")


def _check_names(table: _Table, known: Sequence[str], elements: Sequence[str]) -> None:
    named = {*known, *with_unit(table.columns, elements)}
    unknown = [name for name in table.columns if name not in named]
    if unknown:
        place = f"column {list(table.columns).index(unknown[0]) + 1}: " if table.lines is not None else ""
        what = f"{unknown[0]} is neither an input nor a {'label' if LABEL in known else 'readout'} of the model"
        raise DataError(f"{table.path}: {place}{what}; {did_you_mean(unknown[0], known) or _listed(known)}")


def _check_needed(table: _Table, needed: Sequence[str]) -> None:
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise DataError(f"{table.path}: no column for {_listed(missing)}; the header must name {_listed(needed)}")


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _MOST:
        return ", ".join(names)
    return f"{', '.join(names[:3])}, … {names[-1]} ({len(names)} in all)"


def _stacked(table: _Table, names: Sequence[str]) -> Array:
    rows = len(next(iter(table.columns.values())))
    return np.stack([table.columns[name] for name in names], axis=1) if names else np.zeros((rows, 0))


def _labels(table: _Table, classifier: Readout) -> Array:
    """Return the number of the class, from 0, of every sample: labels are values of the classifier's last index."""
    values, axis = table.columns[LABEL], classifier.axes[-1]
    wrong = np.flatnonzero((values != np.floor(values)) | (values < axis.lower) | (values > axis.upper))
    if wrong.size:
        hint = f"{classifier.name}[{axis.name}] has classes {axis.lower} to {axis.upper}"
        raise DataError(f"{table.where(int(wrong[0]), LABEL)}: {values[wrong[0]]:g} is no class; {hint}")
    return np.asarray(values.astype(int) - axis.lower)


def _outside(network: Network, table: _Table) -> tuple[str, ...]:
    """Warn of raw data beyond the range that the model states for them."""
    warnings = []
    for group in input_groups(network):
        if group.coding is None or group.coding.data is None:
            continue
        low, high = sorted(group.coding.data)
        slack = 1e-9 * (high - low)
        found = [
            (name, row)
            for name in element_labels(group.name, raw_axes(group))
            if name in table.columns
            for row in np.flatnonzero((table.columns[name] < low - slack) | (table.columns[name] > high + slack))
        ]
        if found:
            name, row = found[0]
            more = f", and {len(found) - 1} more of its values" if len(found) > 1 else ""
            beyond = f"{table.columns[name][row]:g} is outside the data range [{low:g}, {high:g}] of {group.name}"
            warnings.append(f"{table.where(int(row), name)}: {beyond}{more}")
    return tuple(warnings)


# --- .npz ---


def _read_npz(path: Path, network: Network, known: AbstractSet[str]) -> _Table:
    axes = {group.name: raw_axes(group) for group in input_groups(network)}
    axes |= {readout.name: readout.axes for readout in network.readouts}
    columns: dict[str, Array] = {}
    samples: tuple[str, int] | None = None
    for name, array in read_arrays(path).items():
        if name not in axes and name not in known:
            what = f"{name} is neither an input nor a {'label' if LABEL in known else 'readout'} of the model"
            raise DataError(f"{path}: {what}; {did_you_mean(name, {*axes, *({LABEL} & known)})}")
        own = axes.get(name, ())
        shape = tuple(axis.size for axis in own)
        if array.ndim == 0 or array.shape[1:] != shape or array.dtype.kind not in "iuf":
            wanted = f"(samples{''.join(f', {size}' for size in shape)})"
            raise DataError(
                f"{path}: {name} is {array.dtype} of shape {array.shape}; it must be real numbers of shape {wanted}"
            )
        samples = samples or (name, len(array))
        if len(array) != samples[1]:
            raise DataError(f"{path}: {name} has {len(array)} samples, but {samples[0]} has {samples[1]}")
        kept = array if array.dtype == np.uint8 else array.astype(float)  # images as bytes are an eighth
        flat = kept.reshape(len(array), int(np.prod(shape, dtype=int)))
        columns |= dict(zip(element_labels(name, own), flat.T, strict=True))
    if samples is None or samples[1] == 0:
        raise DataError(f"{path}: there are no samples in it")
    return _Table(str(path), columns, None)


# --- .csv ---


def _read_csv(path: Path, known: Sequence[str], elements: Sequence[str]) -> _Table:
    text = _text(path)
    lines = text.splitlines()
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise DataError(f"{path}: the file is empty; the first line must name {_listed(known)}")
    header = _header(path, lines[first], first + 1, known, elements)
    body = [number for number in range(first + 1, len(lines)) if lines[number].strip()]
    if not body:
        raise DataError(f"{path}: there are no samples below the header")
    values = _numbers([lines[number] for number in body], len(header))
    if values is None:
        _check_names(_Table(str(path), dict.fromkeys(header, np.zeros(0)), []), known, elements)
        raise DataError(_what_is_wrong(path, lines, first, header))
    return _Table(str(path), dict(zip(header, values.T, strict=True)), [number + 1 for number in body])


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} can not be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: the file is not encoded in UTF-8 (byte {error.start}); save it as CSV in UTF-8"
        ) from None


def _header(path: Path, line: str, number: int, known: Sequence[str], elements: Sequence[str]) -> list[str]:
    """Return the column names, those of elements written as the model writes them."""
    other = next((mark for mark in (";", "\t") if mark in line and "," not in line.replace('", "', "")), None)
    if other:
        mark = "semicolons" if other == ";" else "tabs"
        hint = "save it with commas between columns and points in numbers: 0.5,1.25"
        raise DataError(f"{path}: line {number}: the columns are separated by {mark}; {hint}")
    raw, physical = ({"".join(name.split()): name for name in names} for names in (known, elements))
    cells = next(csv.reader([line]))
    header = [raw.get("".join(cell.split())) or canonical(cell.strip(), physical) for cell in cells]
    if all(_is_number(cell) for cell in header):
        raise DataError(f"{path}: line {number} must be a header with names, such as {_listed(known)}")
    for column, name in enumerate(header):
        if not name:
            raise DataError(f"{path}: line {number}, column {column + 1} has no name")
        if name in header[:column]:
            first = header.index(name) + 1
            raise DataError(f"{path}: line {number}, column {column + 1}: {name} stands in column {first} already")
    return header


def _numbers(body: Sequence[str], columns: int) -> Array | None:
    """Return the cells as numbers (samples, columns), or ``None`` where some cell is none or missing."""
    try:
        values = np.loadtxt(io.StringIO("\n".join(body)), delimiter=",", comments=None, quotechar='"', ndmin=2)
    except ValueError:
        return None
    return values if values.shape[1] == columns else None


def _what_is_wrong(path: Path, lines: Sequence[str], first: int, header: Sequence[str]) -> str:
    """Name the first few wrong cells and rows, with line and column."""
    found = []
    for number, line in enumerate(lines[first + 1 :], first + 2):
        cells = next(csv.reader([line])) if line.strip() else []
        if cells and len(cells) != len(header):
            commas = "; a number is written with a point, as in 0.5" if len(cells) == 2 * len(header) else ""
            found.append(f"line {number}: number of cells {len(cells)}, but the header names {len(header)}{commas}")
        else:
            found += [
                f"line {number}, column {column} ({header[column - 1]}): " + _why_no_number(cell.strip())
                for column, cell in enumerate(cells, 1)
                if not _is_number(cell)
            ]
        if len(found) > _MOST:
            break
    found = found or ["the cells can not be read as numbers; is a text in quotes among them?"]
    more = ["and more"] if len(found) > _MOST else []
    return "\n".join(f"{path}: {what}" for what in [*found[:_MOST], *more])


def _why_no_number(cell: str) -> str:
    if not cell:
        return "the cell is empty; leave rows out that lack a value"
    hint = "; it is written with a point" if _is_number(cell.replace(",", ".", 1)) else ""
    return f"{cell!r} is not a number{hint}"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
