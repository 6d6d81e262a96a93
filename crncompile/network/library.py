"""The laws and devices that a model may use: those of ``crncompile/library/*.tnet`` and those of its own file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TypeVar

from crncompile.errors import Source
from crncompile.language import nodes
from crncompile.language.parser import parse
from crncompile.network.report import Report, fault

Named = TypeVar("Named", nodes.Law, nodes.Device)


@dataclass(frozen=True)
class Library:
    """Laws and devices by name, as nodes; nothing is resolved before it is used."""

    laws: Mapping[str, nodes.Law]
    devices: Mapping[str, nodes.Device]

    def extended(self, model: nodes.Model, report: Report) -> Library:
        """Return the library with a model's own laws and devices; names that are taken are reported."""
        laws, devices = dict(self.laws), dict(self.devices)
        for statement in model.statements:
            if isinstance(statement, nodes.Law):
                _declare(laws, statement, "law", report)
            elif isinstance(statement, nodes.Device):
                _declare(devices, statement, "device", report)
        return Library(laws, devices)


def _declare(known: dict[str, Named], statement: Named, what: str, report: Report) -> None:
    first = known.setdefault(statement.name, statement)
    if first is statement:
        return
    if first.span.source is statement.span.source:
        message, hint = f"the {what} {statement.name} is declared twice", f"the first is in line {first.span.line}"
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
