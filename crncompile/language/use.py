"""Files that a model uses: each is read once, and may hold laws, devices and circuits for others to name.

A file is looked for beside the one that uses it. It must lie in the folder of the model or below, links followed, so
that a model from elsewhere can not have other files read.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path

from crncompile.errors import DataError, Mistake, ModelError, Source, Span
from crncompile.language import nodes
from crncompile.language.parser import parse
from crncompile.language.reading import decoded, read_bytes

#: Files that one model may use.
MOST_FILES = 100
#: Characters of all these together.
LONGEST = 2**20

_SHARED = (nodes.Version, nodes.Use, nodes.Law, nodes.Device, nodes.Circuit)


def read_model(source: Source) -> nodes.Model:
    """Parse a model's text and the files that it uses.

    Raises
    ------
    ModelError
        With the syntax mistakes of all these files, and those of ``use`` statements: a file that can not be read or
        may not be, that uses itself, or that holds more than laws, devices and circuits.
    """
    reader = _Reader(Path(source.name).parent)
    model = reader.read(source, (_real(source.name),))
    if model is None or reader.mistakes:
        raise ModelError(reader.mistakes, unfinished=True)
    return replace(model, used=tuple(reader.models.values()))


def is_library(model: nodes.Model) -> bool:
    """Whether a file holds nothing but what others may use."""
    return any(not isinstance(s, nodes.Version) for s in model.statements) and _extra(model) is None


def _extra(model: nodes.Model) -> nodes.Statement | None:
    """Return the first statement that can not stand in a used file."""
    return next((statement for statement in model.statements if not isinstance(statement, _SHARED)), None)


def _real(name: str) -> Path:
    try:
        return Path(os.path.realpath(name))
    except ValueError:
        return Path(name)


@dataclass
class _Reader:
    """Reads files depth first; ``models`` has those used so far by their real paths, each behind those it uses."""

    folder: Path
    models: dict[Path, nodes.Model] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)
    length: int = 0

    def read(self, source: Source, chain: tuple[Path, ...]) -> nodes.Model | None:
        """Parse a text and read the files that it uses; ``chain`` are the files on the way to it, itself the last."""
        try:
            model = parse(source)
        except ModelError as error:
            self.mistakes += error.mistakes
            return None
        for statement in model.statements:
            if isinstance(statement, nodes.Use):
                try:
                    self._use(statement, chain)
                except _RefusedError as refused:
                    self.mistakes.append(Mistake(statement.path_span, *refused.args))
        return model

    def _use(self, statement: nodes.Use, chain: tuple[Path, ...]) -> None:
        path = self._allowed(statement)
        real = _real(str(path))
        if real in chain:
            names = [_shown(p, chain[0].parent) for p in (*chain[chain.index(real) :], real)]
            message = "this file uses itself" if len(names) == 2 else "these files use each other in a circle"
            raise _RefusedError(message, " -> ".join(names))
        if real in self.seen:
            return
        self.seen.add(real)
        if len(self.seen) > MOST_FILES:
            raise _RefusedError(f"the model uses more than {MOST_FILES} files", "put several devices into one file")
        source = _source(path, statement.span)
        self.length += len(source.text)
        if self.length > LONGEST:
            message = f"the files that this model uses have more than {LONGEST // 2**20} MB together"
            raise _RefusedError(message, "leave out what the model does not need")
        model = self.read(source, (*chain, real))
        if model is None:
            return
        extra = _extra(model)
        if extra is not None:
            hint = "a used file holds only laws, devices, circuits and use"
            self.mistakes.append(Mistake(_first_word(extra), f"{_first_word(extra).text} can not stand here", hint))
        self.models[real] = model

    def _allowed(self, statement: nodes.Use) -> Path:
        """Return the path of a used file below the model's folder; raises _RefusedError for any other."""
        if not statement.path.strip():
            raise _RefusedError("use names no file", 'use "devices.tnet"')
        if Path(statement.path).is_absolute():
            raise _RefusedError("a used file is named relative to the file that uses it", 'use "devices.tnet"')
        path = Path(os.path.normpath(Path(statement.span.source.name).parent / statement.path))
        if not _real(str(path)).is_relative_to(_real(str(self.folder))):
            hint = "used files lie beside the model or in folders below it, links followed: copy the file there"
            raise _RefusedError(f"{statement.path} is outside the folder of the model", hint)
        return path


class _RefusedError(Exception):
    """Why a file is not used: a message and a hint."""


def _source(path: Path, used: Span) -> Source:
    """Read a regular file's text; its kind is looked at before it is opened."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise _RefusedError(f"{path} is no regular file but a device or a pipe", "")
        return Source(str(path), decoded(path, read_bytes(path)), used)
    except FileNotFoundError:
        hint = f"it is looked for beside {used.source.name}"
        raise _RefusedError(f"{path}: there is no such file", hint) from None
    except DataError as error:
        raise _RefusedError(str(error), "") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can have this name"
        raise _RefusedError(f"the file can not be read: {reason}", "") from None


def _shown(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _first_word(statement: nodes.Statement) -> Span:
    span = statement.span
    return Span(span.source, span.start, span.start + len(span.text.split(maxsplit=1)[0].partition("=")[0]))
