"""Ports: which elements of which reservoirs the devices of a family are connected to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crncompile.language import nodes
from crncompile.network.context import Context
from crncompile.network.expressions import unparse
from crncompile.network.indices import Frame, place_of
from crncompile.network.report import each, fault
from crncompile.network.types import Axis, Place, Port, element_labels


@dataclass(frozen=True)
class Wired:
    """The devices of a statement and what each terminal of theirs is connected to."""

    frame: Frame
    ports: tuple[Port, ...]


def wire(terminals: Sequence[str], references: Sequence[nodes.Reference], frame: Frame, context: Context) -> Wired:
    """Connect terminals to reservoirs; the family becomes a list where a plain array does not do. Raises Fault."""
    axes = each(context.reservoir_axes, references)
    pairs = list(zip(references, axes, strict=True))
    places = each(lambda pair: place_of(*pair, frame, context.indices), pairs)
    if frame.rows is None and any(place.index is not None for place in places):
        frame = frame.listed()
        places = each(lambda pair: place_of(*pair, frame, context.indices), pairs)
    ports = zip(terminals, references, places, strict=True)
    return Wired(frame, tuple(Port(terminal, reference.name, place) for terminal, reference, place in ports))


def refuse_loop(
    source: tuple[nodes.Reference, Place], target: tuple[nodes.Reference, Place], frame: Frame, context: Context
) -> None:
    """Raise Fault where a device with one source and one target joins a reservoir to itself."""
    (first, start), (last, end) = source, target
    if first.name != last.name:
        return
    axes = context.reservoirs[first.name] or ()
    device = _coincidence(start, end)
    if device is None:
        return
    reservoir = 0 if start.index is None else int(start.index[device])
    element = element_at(first.name, axes, reservoir) + (frame.origin(device) if start.index is not None else "")
    raise fault(last.span, f"this joins {element} to itself", _leave_out(first, last, frame))


def _leave_out(first: nodes.Reference, last: nodes.Reference, frame: Frame) -> str:
    """Return the hint how to leave devices out that join a reservoir to itself."""
    names = [axis.name for axis in frame.axes]
    if frame.tables and len(first.indices) == 1:
        index, table = next(iter(frame.tables.items()))
        return (
            f"leave it out: [{index} in {table.name} where {unparse(first.indices[0])} != {unparse(last.indices[0])}]"
        )
    return f"leave it out: [{', '.join(names)} where {names[0]} != {names[1]}]" if len(names) > 1 else ""


def _coincidence(start: Place, end: Place) -> int | None:
    """Return the first device that has one reservoir at both ends.

    Two ports that read one array through whole axes always meet: where all indices have their lower end.
    """
    if start.index is None or end.index is None:
        return 0
    same = start.index == end.index
    return int(np.argmax(same)) if same.any() else None


def element_at(name: str, axes: tuple[Axis, ...], flat: int) -> str:
    """Return the name of one element of an array by its flat index."""
    positions = np.unravel_index(flat, tuple(axis.size for axis in axes)) if axes else ()
    here = tuple(
        Axis(axis.name, axis.lower + int(k), axis.lower + int(k)) for axis, k in zip(axes, positions, strict=True)
    )
    return element_labels(name, here)[0]
