"""Laws, devices and circuits that a model may use: of ``crncompile/library/*.tnet``, of files that it uses, its own."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import resources
from itertools import pairwise
from typing import Any, TypeVar

from crncompile.errors import Source
from crncompile.language import nodes
from crncompile.language.parser import parse_part
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
        laws, devices, circuits = _opened(self.laws), _opened(self.devices), _opened(self.circuits)
        for statement in (statement for file in (*model.used, model) for statement in file.statements):
            if isinstance(statement, nodes.Law):
                _declare(laws, statement, "law", report)
            elif isinstance(statement, nodes.Device):
                _declare(devices, statement, "device", report)
            elif isinstance(statement, nodes.Circuit):
                _declare(circuits, statement, "circuit", report)
        return Library(laws, devices, circuits)


def _opened(known: Mapping[str, Named]) -> ChainMap[str, Named]:
    """Return a mapping to which names can be added; none of those known is looked up for that."""
    return ChainMap({}, known)  # type: ignore[arg-type]  # only the first one is written to


def _declare(known: ChainMap[str, Named], statement: Named, what: str, report: Report) -> None:
    first = known.setdefault(statement.name, statement)
    if first is statement:
        return
    if first.span.source is statement.span.source or first.span.source.used is not None:
        place = first.name_span.seen_from(statement.name_span)
        message, hint = f"the {what} {statement.name} is declared twice", f"the first is in {place}"
    else:
        message, hint = f"the library has a {what} {statement.name} already", "choose another name"
    report.add(fault(statement.name_span, message, hint))


# --- what comes with crncompile ---------------------------------------------------------------------------------------

# a statement begins at the start of a line and ends where the next one begins
_STATEMENT = re.compile(r"^(law|device|circuit)\s+(\w+)", re.MULTILINE)


class _Unparsed(Mapping[str, Any]):
    """Statements by name, each parsed when it is first asked for: a model uses few of a library's."""

    def __init__(self, found: Mapping[str, Callable[[], nodes.Statement]]):
        self._found = {name: cache(parsed) for name, parsed in found.items()}

    def __getitem__(self, name: str) -> Any:
        return self._found[name]()

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


@cache
def standard_library() -> Library:
    """Return the laws, devices and circuits that come with crncompile."""
    folder = resources.files("crncompile").joinpath("library")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".tnet")), key=lambda file: file.name)
    found: dict[str, dict[str, Callable[[], nodes.Statement]]] = {"law": {}, "device": {}, "circuit": {}}
    for file in files:
        source = Source(f"library/{file.name}", file.read_text(encoding="utf-8"))
        matches = list(_STATEMENT.finditer(source.text))
        ends = [*(match.start() for match in matches), len(source.text)]
        for match, (start, end) in zip(matches, pairwise(ends), strict=True):
            found[match[1]][match[2]] = partial(parse_part, source, start, end)
    return Library(*(_Unparsed(found[kind]) for kind in ("law", "device", "circuit")))
