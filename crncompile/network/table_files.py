"""The files of tables: which may be read, and that each is read once."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path

from crncompile.errors import Source
from crncompile.language import nodes
from crncompile.network.report import Fault, fault, shown
from crncompile.network.tables import Table, parse_table
from crncompile.units import Units

#: Bytes of the largest table that is read, and of all tables of a model together: about a million rows of four columns.
LARGEST_TABLE = 32 * 2**20


@dataclass
class Shelf:
    """The tables that a model has read so far, by their paths; ``None`` for one with a mistake."""

    units: Units
    tables: dict[Path, Table | None] = field(default_factory=dict)
    size: int = 0

    def read(self, node: nodes.Table) -> Table:
        """Return the table that a statement names, relative to the folder of its own file; raises Fault."""
        path = _allowed(node)
        if path not in self.tables:
            self.tables[path] = None
            self.tables[path] = self._parsed(node, path)
        found = self.tables[path]
        if found is None:
            raise Fault
        return replace(found, name=node.name)

    def _parsed(self, node: nodes.Table, path: Path) -> Table:
        content = _read(node, path, LARGEST_TABLE - self.size)
        self.size += len(content)
        source = Source(str(path), _decoded(node, path, content), node.path_span)
        if not source.text.strip():
            raise fault(node.path_span, f"{path} is empty", "the first line names the columns: source,target,gamma")
        return parse_table(node.name, source, self.units)


def _allowed(node: nodes.Table) -> Path:
    """Return a path in the folder of the model or below, links followed: a model can not have other files read."""
    if Path(node.path).is_absolute():
        raise fault(
            node.path_span, "a table is named relative to the folder of the model", f'table {node.name} = "edges.csv"'
        )
    folder = Path(node.span.source.name).parent
    path = Path(os.path.normpath(folder / node.path))
    try:
        inside = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    except ValueError:
        raise fault(node.path_span, f"no file can be called {node.path!a}") from None
    if not inside:
        hint = "tables lie beside the model or in folders below it, links followed: copy the file there"
        raise fault(node.path_span, f"{node.path} is outside the folder of the model", hint)
    return path


def _read(node: nodes.Table, path: Path, room: int) -> bytes:
    """Return the bytes of a regular file, ``room`` at most; its kind and size are looked at before it is opened."""
    try:
        status = path.stat()
        _check_kind(node, path, status.st_mode)
        _check_size(node, path, status.st_size, room)
        with path.open("rb") as file:
            content = file.read(room + 1)
    except (FileNotFoundError, NotADirectoryError):
        hint = "the path is relative to the folder of the model"
        raise fault(node.path_span, f"there is no file {path}", hint) from None
    except OSError as error:
        raise fault(node.path_span, f"{shown(node.path_span)} can not be read: {error.strerror}") from None
    _check_size(node, path, len(content), room)
    return content


def _check_size(node: nodes.Table, path: Path, size: int, room: int) -> None:
    if size > room:
        others = f", those read before have {(LARGEST_TABLE - room) / 2**20:.3g} MB" if room < LARGEST_TABLE else ""
        message = (
            f"{path} has {size / 2**20:.3g} MB{others}; all tables of a model have at most {LARGEST_TABLE // 2**20} MB"
        )
        raise fault(node.path_span, message, "leave out columns that the model does not use, or digits beyond the 17th")


def _check_kind(node: nodes.Table, path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise fault(node.path_span, f"{path} is a folder", "name a CSV file in it")
    if not stat.S_ISREG(mode):
        raise fault(node.path_span, f"{path} is no regular file but a device or a pipe", "a table is a CSV file")


def _decoded(node: nodes.Table, path: Path, content: bytes) -> str:
    """Return the text with plain line ends; a byte order mark is dropped."""
    line = content[: max(content.find(b"\0"), 0)].count(b"\n") + 1
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise fault(node.path_span, f"{path} is encoded in UTF-16, not in UTF-8", "save the table as CSV in UTF-8")
    if b"\0" in content:
        raise fault(node.path_span, f"line {line} of {path} holds a NUL byte", "a table is a text file: save it as CSV")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line, byte = content[: error.start].count(b"\n") + 1, content[error.start]
        message = f"line {line} of {path} is not encoded in UTF-8 (byte 0x{byte:02x})"
        raise fault(node.path_span, message, "save the table as CSV in UTF-8") from None
