"""What is doubtful about a model, one warning for each kind of doubt, and the words for numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from crncompile.errors import Mistake, Span

_PREFIXES = {12: "T", 9: "G", 6: "M", 3: "k", 0: "", -3: "m", -6: "u", -9: "n", -12: "p", -15: "f", -18: "a"}
_MOST_OTHERS = 6


@dataclass(frozen=True)
class Doubt:
    """A doubt about a family or a group: how bad it is, what to say if it is the worst, and in brief if it is not."""

    span: Span
    badness: float
    message: str
    brief: str
    hint: str = ""


def worst(doubts: Iterable[Doubt]) -> list[Mistake]:
    """Return the worst of the doubts of one kind as a warning that names the others too; nothing if there is none."""
    found = sorted(doubts, key=lambda doubt: -doubt.badness)
    if not found:
        return []
    first, named = found[0], [other.brief for other in found[1:]]
    more = f" and {len(named) - _MOST_OTHERS} more" if len(named) > _MOST_OTHERS else ""
    also = f"also {', '.join(named[:_MOST_OTHERS])}{more}" if named else ""
    return [warning(first.span, first.message, "\n".join(part for part in (first.hint, also) if part))]


def warning(span: Span, message: str, hint: str = "") -> Mistake:
    """Return a warning at the first line of a statement."""
    length = len(span.text.split("\n")[0].rstrip())
    return Mistake(replace(span, end=span.start + max(1, length)), message, hint, severity="warning")


def with_prefix(value: float, unit: str) -> str:
    """Return a positive number with a prefixed unit: ``185 fF``."""
    for power, prefix in _PREFIXES.items():
        if value >= 10.0**power:
            return f"{value / 10.0**power:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"
