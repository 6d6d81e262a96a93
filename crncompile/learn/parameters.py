"""Parameters in a file: a ``.npz`` without pickles that knows which model it belongs to.

Beside one array for each parameter the file has ``__structure__`` (the text that is compared), ``__fingerprint__`` (its
SHA-256) and ``__temperature__`` in kelvin, so that a value in GHz or mM stays what it is when the model's temperature
changes.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crncompile.compiled import CompiledNetwork
from crncompile.errors import DataError
from crncompile.export.files import write_atomically
from crncompile.network.initial import initial_values
from crncompile.network.types import Access, Family, Network, Parameter, Place, Readout, Reservoir
from crncompile.units import Units

Values = dict[str, NDArray[np.float64]]
_STRUCTURE, _FINGERPRINT, _TEMPERATURE = "__structure__", "__fingerprint__", "__temperature__"


# --- what makes a model the same model ---


def structure_text(network: Network) -> str:
    """Return a canonical text of a network's structure, names, shapes and units: one line for each thing."""
    lines = [*map(_reservoir_line, network.reservoirs), *map(_family_line, network.families)]
    lines += [*map(_parameter_line, network.parameters), *map(_readout_line, network.readouts)]
    return "\n".join(lines)


def fingerprint(network: Network) -> str:
    """Return the SHA-256 of `structure_text`."""
    return hashlib.sha256(structure_text(network).encode()).hexdigest()


def _reservoir_line(group: Reservoir) -> str:
    unit = f" in {group.coding.unit}" if group.coding else ""
    return f"reservoir {group.name} {_size(group.shape)}: {group.kind} of {group.content}{unit}"


def _family_line(family: Family) -> str:
    ports = ", ".join(f"{port.terminal} at {port.reservoir}{_place(port.place)}" for port in family.ports)
    return f"{family.keyword} {family.name} {_size(family.shape)}: {family.kind.name}, {ports}"


def _parameter_line(parameter: Parameter) -> str:
    return (
        f"parameter {parameter.name} {_size(parameter.shape)}: {parameter.dimension} in {parameter.unit or 'no unit'}"
    )


def _readout_line(readout: Readout) -> str:
    def named(accesses: tuple[Access, ...]) -> str:
        return ", ".join(sorted(f"{access.name}{_place(access.place)}" for access in accesses)) or "nothing"

    reads = f"reads {named(readout.reservoirs)} with {named(readout.parameters)}"
    return f"{readout.keyword} {readout.name} {_size(readout.shape)}: {reads}"


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "alone"


def _place(place: Place) -> str:
    if place.axes is not None:
        return f"[{', '.join(map(str, place.axes))}]" if place.axes else ""
    index = np.ascontiguousarray(place.index, dtype="<i8")
    return f"[list {hashlib.sha256(index.tobytes()).hexdigest()[:12]}]"


# --- writing ---


def save_parameters(path: str | Path, compiled: CompiledNetwork, values: Mapping[str, ArrayLike]) -> None:
    """Write the trained parameters, and those others that are not as the model states them, in the coherent system.

    Raises DataError where the file can not be written.
    """
    network = compiled.network
    stated = initial_values(network)
    arrays: dict[str, ArrayLike] = {
        _STRUCTURE: structure_text(network),
        _FINGERPRINT: fingerprint(network),
        _TEMPERATURE: network.units.temperature,
    }
    for parameter in network.parameters:
        value = values.get(parameter.name)
        if value is not None and (parameter.trained or not np.array_equal(value, stated[parameter.name])):
            arrays[parameter.name] = np.asarray(value, float)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())


# --- reading ---


def load_parameters(path: str | Path, compiled: CompiledNetwork) -> Values:
    """Read parameters of this model, in its coherent system of units.

    Raises DataError for a file that is missing, truncated, of another model, or without some trained parameter.
    """
    network = compiled.network
    arrays = read_arrays(path)
    if "certificate.status" in arrays or {"time", "event.time"} <= set(arrays):
        what = "steady states that solve wrote" if "certificate.status" in arrays else "a course that simulate wrote"
        raise DataError(f"{path} holds {what}, and no parameters; train -o P.npz writes parameters")
    if _FINGERPRINT not in arrays:
        raise DataError(f"{path} is no parameters file: it has no fingerprint of a model")
    if str(arrays.pop(_FINGERPRINT)) != fingerprint(network):
        raise DataError(f"{path} belongs to another model; {_difference(str(arrays.get(_STRUCTURE, '')), network)}")
    missing = [name for name in compiled.trained if name not in arrays]
    if missing:
        raise DataError(f"{path} lacks the trained parameters {', '.join(missing)}")
    written = Units(float(arrays.get(_TEMPERATURE, network.units.temperature)))
    values = {p.name: _read(path, arrays[p.name], p, written, network) for p in network.parameters if p.name in arrays}
    try:
        compiled.parameters(values)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return values


def _read(
    path: str | Path, array: NDArray[np.float64], parameter: Parameter, written: Units, network: Network
) -> NDArray[np.float64]:
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise DataError(f"{path}: the parameter {parameter.name} has values that are not finite numbers")
    if written.temperature == network.units.temperature:
        return array.astype(float)
    there, zero_there, _ = written.unit(parameter.unit or None)
    here, zero_here, _ = network.units.unit(parameter.unit or None)
    return np.asarray((array - zero_there) / there * here + zero_here)


def _difference(text: str, network: Network) -> str:
    """Name the first line in which two structures differ."""
    theirs, ours = text.splitlines(), structure_text(network).splitlines()
    only_there = [line for line in theirs if line not in set(ours)]
    only_here = [line for line in ours if line not in set(theirs)]
    parts = [f"there: {only_there[0]}"] if only_there else []
    parts += [f"here: {only_here[0]}"] if only_here else []
    return "; ".join(parts) or "its statements stand in another order"


def read_arrays(path: str | Path) -> dict[str, NDArray[np.float64]]:
    """Read all arrays of a ``.npz`` file.

    Raises DataError for a file that is missing, no complete ``.npz``, or has arrays of Python objects.
    """
    try:
        with Path(path).open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError(f"{path} is no .npz file but a single array")
            with archive:
                return {name: archive[name] for name in archive.files}
    except OSError as error:
        if error.strerror is None:
            raise DataError(f"{path} is not a complete .npz file") from error
        raise DataError(f"{path} can not be read: {error.strerror}") from error
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise DataError(f"{path} is not a complete .npz file: it is truncated, or holds no plain arrays") from error
