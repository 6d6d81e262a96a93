"""What is kept from one run for the next: plain data and compiled libraries, in a folder that only the user may write.

The folder is ``$CRNCOMPILE_CACHE``, or ``crncompile`` in the user's cache folder (``$XDG_CACHE_HOME`` or ``~/.cache``);
with ``CRNCOMPILE_CACHE=off`` nothing is kept. A folder that belongs to somebody else, or that others may write, is not
used. The name of what is kept is made of all that it follows from, so it never becomes stale; whoever can not read it
makes it anew. Files are written beside and renamed, so processes may share the folder. It may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

#: So many entries are kept, and a tenth more; the oldest go first.
MOST_ENTRIES = 1000
_KINDS = (".py", ".tnet", ".lark")
_LIBRARIES = ("lark", "networkx", "numpy", "pint", "scipy", "sympy")


def folder() -> Path | None:
    """Return the folder, made where it is missing; None where there is none to be used."""
    own = os.environ.get("CRNCOMPILE_CACHE")
    if own == "off":
        return None
    try:
        place = Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crncompile"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        return place if _private(place.stat()) and os.access(place, os.W_OK) else None
    except (OSError, RuntimeError, ValueError):
        return None


def _private(status: os.stat_result) -> bool:
    """Whether only the user may put files into a folder."""
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def name_of(*parts: str) -> str:
    """Return a name made of texts and of the program itself: another version has other names."""
    return hashlib.sha256(json.dumps([_program(), *parts]).encode()).hexdigest()[:40]


@cache
def _program() -> str:
    """Return what stands for the program: its own files by their content, the libraries that it uses by their date."""
    package = Path(__file__).parent
    known = hashlib.sha256(sys.version.encode())
    for file in sorted([*package.rglob("*"), *(package.parent / "grammars").glob("*.lark")]):
        if file.suffix in _KINDS:
            known.update(f"{file.name}\n".encode() + file.read_bytes())
    for library in _LIBRARIES:
        found = importlib.util.find_spec(library)
        if found is not None and found.origin:
            known.update(f"{found.origin} {os.stat(found.origin).st_mtime_ns}".encode())
    return known.hexdigest()


def recall(name: str) -> Any:
    """Return what was kept under a name, None where nothing is there that can be read."""
    place = folder()
    try:
        return None if place is None else json.loads((place / f"{name}.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def keep(name: str, content: Any) -> None:
    """Keep what JSON knows under a name, where that is possible."""
    place = folder()
    if place is None:
        return
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(dir=place) as scratch:
        new = Path(scratch) / "new"
        new.write_text(json.dumps(content, ensure_ascii=True), encoding="ascii")
        os.replace(new, place / f"{name}.json")
        prune(place, "*.json")


def prune(place: Path, kind: str) -> None:
    """Delete the oldest entries of a kind where there are too many."""
    entries = list(place.glob(kind))
    if len(entries) > MOST_ENTRIES * 1.1:
        for entry in sorted(entries, key=lambda entry: entry.stat().st_mtime)[:-MOST_ENTRIES]:
            entry.unlink(missing_ok=True)
