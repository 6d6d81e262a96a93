"""Where a text went wrong and how that is said.

::

    CrnError                  everything that is the user's to mend; shown without a traceback
     ├── ModelError           a model's mistakes, all of them, each with its place in the text
     ├── DataError            a data or parameters file that does not fit
     └── SteadyStateError     a steady state was asked for that the network does not have
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Source:
    """A text and the name it is known by (a path, or ``<text>``)."""

    name: str
    text: str

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both counted from 1, of a character offset."""
        before = self.text[:offset]
        return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1

    def line(self, number: int) -> str:
        """Return the text of line ``number`` (from 1) without its line end."""
        return self.text.split("\n")[number - 1].rstrip("\r")


@dataclass(frozen=True)
class Span:
    """Characters ``start`` to ``end`` (exclusive) of a source."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """Line of the first character, from 1."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """Column of the first character, from 1."""
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        """The characters themselves."""
        return self.source.text[self.start : self.end]


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong (or, as a warning, doubtful) in a model.

    ``message`` says what is wrong, ``hint`` what was expected and what to do.
    """

    span: Span
    message: str
    hint: str = ""
    severity: str = "error"

    def as_dict(self) -> dict[str, object]:
        """Return the same as data, for ``--json``."""
        return {
            "file": self.span.source.name,
            "line": self.span.line,
            "column": self.span.column,
            "length": max(1, self.span.end - self.span.start),
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        line, column = self.span.source.position(self.span.start)
        shown = self.span.source.line(line)
        window, caret = _window(shown, column - 1, self.span.end - self.span.start)
        gutter = f"{line:>5} | "
        text = (
            f"{self.span.source.name}:{line}:{column}: {self.severity}: {self.message}\n"
            f"{gutter}{window}\n{' ' * (len(gutter) - 2)}| {caret}"
        )
        return text + "".join(f"\n       = {part}" for part in self.hint.split("\n") if part)


def _window(line: str, start: int, length: int, width: int = 100) -> tuple[str, str]:
    """Cut a long line around the place of interest; tabs and control characters become blanks."""
    clean = "".join(c if c.isprintable() else " " for c in line)
    first = max(0, min(start - width // 3, len(clean) - width)) if len(clean) > width else 0
    shown = clean[first : first + width]
    if first > 0:
        shown = "…" + shown[1:]
    if first + width < len(clean):
        shown = shown[:-1] + "…"
    span = max(1, min(length, len(shown) - (start - first)))
    return shown, " " * (start - first) + "^" * span


class CrnError(Exception):
    """Everything that is the user's to mend."""


class ModelError(CrnError):
    """A model with mistakes: ``mistakes`` holds all of them in the order of the text."""

    def __init__(self, mistakes: Iterable[Mistake]):
        self.mistakes = tuple(sorted(mistakes, key=lambda m: (m.span.source.name, m.span.start)))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class DataError(CrnError):
    """A data or parameters file that does not fit the model, or can not be read or written."""


class SteadyStateError(CrnError):
    """A steady state was demanded that the network does not have; says which reservoir and why."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint naming the nearest known names, or all of them when none is near and they are few.

    >>> did_you_mean("gama", ["gamma", "level"])
    'did you mean gamma?'
    """
    choices = sorted(set(known))
    folded = {choice.casefold(): choice for choice in choices}
    near = difflib.get_close_matches(name.casefold(), folded, n=2, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(folded[n] for n in near)}?"
    return f"known here: {', '.join(choices)}" if 0 < len(choices) <= 12 else ""
