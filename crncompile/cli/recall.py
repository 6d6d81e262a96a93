"""Answers of a command that are kept: told again at once while the model, what it uses and the program are the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crncompile import cache
from crncompile.errors import CrnError, Source

if TYPE_CHECKING:
    from crncompile.language.nodes import Model


@dataclass(frozen=True)
class Told:
    """What a command writes to standard output, and to standard error, line by line."""

    out: str
    err: tuple[str, ...]


def answer_of(source: Source, *options: str) -> str:
    """Return the name of an answer: it follows from the model's text, its place and the options."""
    return cache.name_of("answer", source.name, str(Path(source.name).resolve()), source.text, *options)


def recalled(name: str) -> Told | None:
    """Return a kept answer, None where there is none or a file that the model uses has changed."""
    kept = cache.recall(name)
    match kept:
        case {"used": dict(used), "out": str(out), "err": list(err)} if all(isinstance(line, str) for line in err):
            return Told(out, tuple(err)) if all(_same(*file) for file in used.items()) else None
    return None


def keep(name: str, told: Told, model: Model) -> None:
    """Keep an answer, unless a table of numbers was read for it."""
    from crncompile.language import nodes

    if not any(isinstance(statement, nodes.Table) for statement in model.statements):
        used = {file.source.name: _digest(file.source.text) for file in model.used}
        cache.keep(name, {"used": used, "out": told.out, "err": told.err})


def _same(path: str, digest: str) -> bool:
    from crncompile.language.reading import read_source

    try:
        return Path(path).is_file() and _digest(read_source(path).text) == digest
    except CrnError:
        return False


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
