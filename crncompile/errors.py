"""Where a text went wrong and how that is said.

::

    CrnError                  everything that is the user's to mend; shown without a traceback
     ├── ModelError           a model's mistakes, all of them, each with its place in the text
     ├── DataError            a data or parameters file that does not fit
 │    └── ArgumentError   an option or argument that there is not, or with a value that makes no sense
     └── SteadyStateError     a steady state was asked for that the network does not have
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

#: So many mistakes are written out at once.
MOST_SHOWN = 50
#: Characters of a word that are shown, and compared with other words.
LONGEST_SHOWN = 80
_MOST_COMPARED = 2000
_MOST_LISTED = 12


@dataclass(frozen=True, eq=False)
class Source:
    """A text and the name it is known by (a path, or ``<text>``); ``used`` is where another file uses it."""

    name: str
    text: str
    used: Span | None = None

    @cached_property
    def _starts(self) -> list[int]:
        """Offsets at which lines begin."""
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both counted from 1, of a character offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of line ``number`` (from 1) without its line end."""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")


_MOST_PLACES = 6


@dataclass(frozen=True)
class Span:
    """Characters ``start`` to ``end`` (exclusive) of a source; ``placed``, in a circuit: the name that it has there."""

    source: Source
    start: int
    end: int
    placed: Span | None = None

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

    def seen_from(self, other: Span) -> str:
        """Return ``line 3``, or ``line 3 of devices.tnet`` where the other place is in another file."""
        return f"line {self.line}" + ("" if other.source is self.source else f" of {self.source.name}")

    def notes(self) -> list[str]:
        """Return where the circuit around this place is placed, and where its file is used, innermost first."""
        told, place, name = [], self.placed, self.source.name
        while place is not None:
            told.append(f"placed as {place.text} in {place.seen_from(self)}")
            place = place.placed
        if len(told) > _MOST_PLACES:
            told[2:-2] = [f"and so on, {len(told)} circuits within each other"]
        place = self.source.used
        while place is not None:
            told.append(f"{name} is used in line {place.line} of {place.source.name}")
            name, place = place.source.name, place.source.used
        return told


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
            "hint": "\n".join(self._hints()),
        }

    def _hints(self) -> list[str]:
        return [part for part in self.hint.split("\n") if part] + self.span.notes()

    def __str__(self) -> str:
        line, column = self.span.source.position(self.span.start)
        shown = self.span.source.line(line)
        window, caret = _window(shown, column - 1, self.span.end - self.span.start)
        gutter = f"{line:>5} | "
        name, message = one_line(self.span.source.name), one_line(self.message)
        text = f"{name}:{line}:{column}: {self.severity}: {message}\n"
        text += f"{gutter}{window}\n{' ' * (len(gutter) - 2)}| {caret}"
        return text + "".join(f"\n       = {one_line(part)}" for part in self._hints())


def printable(text: str) -> str:
    r"""Return a text whose characters all show: others, line ends excepted, become escapes such as ``\x1b``.

    What a terminal or an editor takes for an order (escape sequences, changes of the direction of writing) is then
    told, not carried out.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _escape(c) for c in text)


def one_line(text: str) -> str:
    """Return the same with line ends shown too, for a name or a path."""
    return printable(text).replace("\n", "\\n")


def _escape(c: str) -> str:
    return " " if unicodedata.category(c) == "Zs" else c.encode("unicode_escape").decode()


def shortened(text: str, longest: int = LONGEST_SHOWN) -> str:
    """Return a word as it is shown in a message: the middle of a very long one is left out."""
    return text if len(text) <= longest else f"{text[: longest - 8]}…{text[-7:]}"


def _window(line: str, start: int, length: int, width: int = 100) -> tuple[str, str]:
    """Cut a long line around the place of interest; tabs and control characters become blanks."""
    first = max(0, min(start - width // 3, len(line) - width)) if len(line) > width else 0
    shown = "".join(c if c.isprintable() else " " for c in line[first : first + width])
    if first > 0:
        shown = "…" + shown[1:]
    if first + width < len(line):
        shown = shown[:-1] + "…"
    span = max(1, min(length, len(shown) - (start - first)))
    return shown, " " * (start - first) + "^" * span


class CrnError(Exception):
    """Everything that is the user's to mend."""


class ModelError(CrnError):
    """A model with mistakes: ``mistakes`` holds them in the order of the text.

    They are all there are, unless ``unfinished``: these kept others from being looked for.
    """

    def __init__(self, mistakes: Iterable[Mistake], *, unfinished: bool = False):
        self.mistakes = tuple(sorted(mistakes, key=lambda m: (m.span.source.name, m.span.start)))
        self.unfinished = unfinished
        super().__init__(*self.mistakes)

    def __str__(self) -> str:
        shown = [str(mistake) for mistake in self.mistakes[:MOST_SHOWN]]
        return "\n".join([*shown, *and_more(self.mistakes), *self.outlook()])

    def outlook(self) -> list[str]:
        """Return the sentence about mistakes that are not looked for yet, if that is so."""
        these = "this is" if len(self.mistakes) == 1 else "these are"
        return [f"other mistakes are looked for when {these} mended"] if self.unfinished else []


def and_more(mistakes: tuple[Mistake, ...]) -> list[str]:
    """Return the sentence about mistakes that are not written out, if there are any."""
    more = len(mistakes) - MOST_SHOWN
    if more <= 0:
        return []
    return [f"and {more} more {mistakes[0].severity}{'s' if more > 1 else ''}"]


class DataError(CrnError):
    """A data or parameters file that does not fit the model, or can not be read or written."""

    def __str__(self) -> str:
        return printable(super().__str__())


class ArgumentError(DataError):
    """A name or value that was asked for, and that there is not or that makes no sense: a wrong command line."""


class NotAllowedError(DataError):
    """Parameters from which follows what devices do not allow."""


class SteadyStateError(CrnError):
    """A steady state was demanded that the network does not have; says which reservoir and why."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint naming the nearest known names, or all of them when none is near and they are few.

    >>> did_you_mean("gama", ["gamma", "level"])
    'did you mean gamma?'
    """
    choices = sorted(set(known))
    folded = {choice.casefold(): choice for choice in choices if len(choice) <= LONGEST_SHOWN}
    # comparing takes time in proportion to the number of words and the square of their length
    comparable = len(name) <= LONGEST_SHOWN and len(folded) <= _MOST_COMPARED
    near = difflib.get_close_matches(name.casefold(), folded, n=2, cutoff=0.6) if comparable else []
    if near:
        return f"did you mean {' or '.join(folded[n] for n in near)}?"
    return f"known here: {', '.join(map(shortened, choices))}" if 0 < len(choices) <= _MOST_LISTED else ""


def which_of(name: str, known: Iterable[str]) -> str:
    """Return what `did_you_mean` does for the end of a sentence: where it has nothing to say, the first of many names.

    >>> which_of("level", [])
    'there are none'
    """
    choices = sorted(set(known))
    if not choices:
        return "there are none"
    some = ", ".join(map(shortened, choices[:_MOST_LISTED]))
    return did_you_mean(name, choices) or f"known here: {some} and {len(choices) - _MOST_LISTED} more"
