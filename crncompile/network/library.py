"""Laws, devices and circuits that a model may use: of ``crncompile/library/*.tnet``, of files that it uses, its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TypeVar

from crncompile.errors import Source
from crncompile.language import nodes
from crncompile.language.parser import parse
from crncompile.network.report import Report, fault

Named = TypeVar("Named", nodes.Law, nodes.Device, nodes.Circuit)


@dataclass(frozen=True)
class Library:
    """Laws, devices and circuits by name, as nodes; nothing is resolved before it is used."""

    laws: Mapping[str, nodes.Law]
    devices: Mapping[str, nodes.Device]
    circuits: Mapping[str, nodes.Circuit] = field(default_factory=dict)

    def extended(self, model: nodes.Model, report: Report) -> Library:
        """Return the library with what a model declares, and the files that it uses; taken names are reported."""
        laws, devices, circuits = dict(self.laws), dict(self.devices), dict(self.circuits)
        for statement in (statement for file in (*model.used, model) for statement in file.statements):
            if isinstance(statement, nodes.Law):
                _declare(laws, statement, "law", report)
            elif isinstance(statement, nodes.Device):
                _declare(devices, statement, "device", report)
            elif isinstance(statement, nodes.Circuit):
                _declare(circuits, statement, "circuit", report)
        return Library(laws, devices, circuits)


def _declare(known: dict[str, Named], statement: Named, what: str, report: Report) -> None:
    first = known.setdefault(statement.name, statement)
    if first is statement:
        return
    if first.span.source is statement.span.source or first.span.source.used is not None:
        place = first.name_span.seen_from(statement.name_span)
        message, hint = f"the {what} {statement.name} is declared twice", f"the first is in {place}"
    else:
        message, hint = f"the library has a {what} {statement.name} already", "choose another name"
    report.add(fault(statement.name_span, message, hint))


def collect(models: Iterable[nodes.Model]) -> Library:
    """Return the library of some files' laws and devices."""
    library = Library({}, {})
    for model in models:
        library = library.extended(model, Report())
    return library


@cache
def standard_library() -> Library:
    """Return the laws and devices that come with crncompile, parsed once."""
    folder = resources.files("crncompile").joinpath("library")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".tnet")), key=lambda file: file.name)
    return collect(parse(Source(f"library/{file.name}", file.read_text(encoding="utf-8"))) for file in files)
