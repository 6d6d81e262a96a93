"""What is written to the terminal: mistakes, warnings and notes to standard error, results to standard output."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from crncompile.errors import MOST_SHOWN, CrnError, Mistake, ModelError, and_more, printable

if TYPE_CHECKING:
    from rich.console import Console

_COLOURS = {"error": "red", "warning": "yellow"}


def complain(sentence: str, severity: str = "error") -> None:
    """Write ``error: SENTENCE`` to standard error."""
    _to_stderr(f"{click.style(severity, fg=_COLOURS[severity], bold=True)}: {printable(sentence)}")


def note(sentence: str) -> None:
    """Write a remark to standard error."""
    _to_stderr(click.style(printable(sentence), dim=True))


def warn(sentences: Iterable[str]) -> None:
    """Write warnings that are not about a place in a model."""
    for sentence in sentences:
        complain(sentence, "warning")


def show_error(error: CrnError) -> None:
    """Write an error of the user: each mistake of a model with its place, anything else as a sentence."""
    if isinstance(error, ModelError):
        show_mistakes(error.mistakes)
        for sentence in error.outlook():
            note(sentence)
    else:
        complain(str(error))


def show_mistakes(mistakes: Iterable[Mistake]) -> None:
    """Write mistakes or warnings with file, line, the line itself, a caret and a hint; of very many the first ones."""
    for text in mistakes_text(mistakes):
        _to_stderr(text)


def mistakes_text(mistakes: Iterable[Mistake]) -> tuple[str, ...]:
    """Return what `show_mistakes` writes, in colour."""
    found = tuple(mistakes)
    return (*map(_coloured, found[:MOST_SHOWN]), *and_more(found))


def tell(out: str, err: Iterable[str]) -> None:
    """Write a text to standard output and others to standard error."""
    click.echo(out)
    for text in err:
        _to_stderr(text)


def _coloured(mistake: Mistake) -> str:
    """Return ``str(mistake)`` with the severity and the caret in colour."""
    colour = _COLOURS[mistake.severity]
    head, line, caret, *hints = str(mistake).split("\n")
    place, _, message = head.partition(f": {mistake.severity}: ")
    gutter, _, carets = caret.partition("|")
    parts = [
        f"{click.style(place, bold=True)}: {click.style(mistake.severity, fg=colour, bold=True)}: {message}",
        line,
        f"{gutter}|{click.style(carets, fg=colour, bold=True)}",
        *(click.style(hint, fg="cyan") for hint in hints),
    ]
    return "\n".join(parts)


def _to_stderr(text: str) -> None:
    click.echo(text, err=True, color=False if os.environ.get("NO_COLOR") else None)


def console(*, error: bool = False) -> Console:
    """Return a rich console on standard output (or standard error)."""
    from rich.console import Console

    return Console(stderr=error, soft_wrap=True, highlight=False)


# --- JSON ---


def print_json(content: Mapping[str, Any]) -> None:
    """Print one JSON object; numbers that are not finite become null."""
    click.echo(json_text(content))


def json_text(content: Mapping[str, Any]) -> str:
    """Return what `print_json` prints."""
    text = json.dumps(plain(content), ensure_ascii=False, indent=2)
    # what a terminal would take for an order, such as U+009B, is escaped; letters stay readable
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def plain(value: Any) -> Any:
    """Turn arrays, numpy numbers and tuples into what JSON knows."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, complex):
        return {"real": plain(value.real), "imaginary": plain(value.imag)}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int)) else str(value)


def failure(error: CrnError) -> dict[str, Any]:
    """Return an error of the user as data."""
    if not isinstance(error, ModelError):
        return {"ok": False, "mistakes": [], "error": str(error)}
    told = "; ".join([f"{len(error.mistakes)} mistakes", *error.outlook()])
    return {"ok": False, "mistakes": [m.as_dict() for m in error.mistakes], "error": told}
