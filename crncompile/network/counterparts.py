"""A model without negative differential conductance: each device that has NDC replaced by its monotone counterpart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crncompile.errors import DataError, Source
from crncompile.language import nodes
from crncompile.language.format import formatted
from crncompile.language.use import read_model
from crncompile.network.library import Library, standard_library
from crncompile.network.report import Report

Edit = tuple[int, int, str]
"""Characters from start to end of a text, and what shall stand there."""


def without_ndc(source: Source) -> Source:
    """Return a model in which every device with a ``counterpart`` is that one, with the settings that it knows.

    Devices are replaced where the text itself places them, in circuits too. Raises ModelError for mistakes of syntax,
    and DataError where the model places no device that has a counterpart.
    """
    model = read_model(source)
    library = standard_library().extended(model, Report())
    edits = [edit for kind in _kinds(model.statements) for edit in _replaced(kind, library)]
    if not edits:
        raise DataError(f"{source.name} has no device with a counterpart: nothing to replace")
    text = source.text
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return Source(source.name, formatted(Source(source.name, text)))


def _kinds(statements: Sequence[nodes.Statement]) -> Iterator[nodes.Kind]:
    """Yield the kinds of all devices that are placed."""
    for statement in statements:
        if isinstance(statement, nodes.Placement):
            yield statement.kind
        elif isinstance(statement, nodes.Circuit):
            yield from _kinds(statement.statements)


def _replaced(kind: nodes.Kind, library: Library) -> Iterator[Edit]:
    """Yield what changes where a device is placed, if it has a counterpart."""
    device = library.devices.get(kind.name)
    other = None if device is None else _counterpart(device)
    if other is None:
        return
    yield kind.name_span.start, kind.name_span.end, other
    known, kept = _parameters(library.devices[other]), 0
    for number, setting in enumerate(kind.settings):
        if setting.name in known:
            kept += 1
        elif kept:  # with the comma in front of it
            yield kind.settings[number - 1].span.end, setting.span.end, ""
        else:  # with the comma behind it, if there is one
            behind = kind.settings[number + 1].span.start if number + 1 < len(kind.settings) else setting.span.end
            yield setting.span.start, behind, ""


def _counterpart(device: nodes.Device) -> str | None:
    return next((item.name for item in device.items if isinstance(item, nodes.Counterpart)), None)


def _parameters(device: nodes.Device) -> set[str]:
    return {name for item in device.items if isinstance(item, nodes.Declaration) for name in item.names}
