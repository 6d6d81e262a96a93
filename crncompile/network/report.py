"""How mistakes are gathered while a model is resolved, and the words that they are told in.

A function that can not give its value raises `Fault`; whoever can go on without that value catches it with a `Report`.
An empty Fault says that the cause has been reported already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TypeVar

from crncompile.errors import Mistake, Span, did_you_mean
from crncompile.units import CONCENTRATION, DIMENSIONS, NUMBER, Dimension, example_unit

T = TypeVar("T")
S = TypeVar("S")


class Fault(Exception):  # noqa: N818
    """One or more mistakes on the way from the place where they were seen to a `Report`."""

    def __init__(self, *mistakes: Mistake):
        super().__init__(*mistakes)
        self.mistakes = mistakes


def fault(span: Span, message: str, *hints: str) -> Fault:
    """Return a Fault of one mistake; empty hints are dropped."""
    return Fault(Mistake(span, message, "\n".join(hint for hint in hints if hint)))


def each(function: Callable[[S], T], items: Iterable[S]) -> list[T]:
    """Apply a function to all items; when some fail, raise the mistakes of all of them together."""
    values: list[T] = []
    faults: list[Fault] = []
    for item in items:
        try:
            values.append(function(item))
        except Fault as found:
            faults.append(found)
    if faults:
        raise Fault(*(mistake for found in faults for mistake in found.mistakes))
    return values


class Report:
    """The mistakes and warnings found so far, none of them twice."""

    def __init__(self) -> None:
        self.warnings: list[Mistake] = []
        self.faults = 0
        self._mistakes: dict[tuple[str, int, int, str], Mistake] = {}

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """All mistakes."""
        return tuple(self._mistakes.values())

    def add(self, found: Fault) -> None:
        """Take the mistakes of a Fault."""
        self.faults += 1
        for mistake in found.mistakes:
            place = mistake.span
            self._mistakes.setdefault((place.source.name, place.start, place.end, mistake.message), mistake)

    def warn(self, span: Span, message: str, hint: str = "") -> None:
        """Take a warning."""
        self.warnings.append(Mistake(span, message, hint, severity="warning"))

    def catching(self) -> _Catching:
        """Return a context that takes the mistakes of its block's Fault, and goes on behind the block."""
        return _Catching(self)


class _Catching:
    def __init__(self, report: Report):
        self._report = report

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, found: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(found, Fault):
            self._report.add(found)
        return isinstance(found, Fault)


def a_dimension(dimension: Dimension) -> str:
    """Return ``an energy``, ``a rate``, ``a quantity in mass^2 time^-1``."""
    if dimension == NUMBER:
        return "a number"
    name = str(dimension).replace("_", " ")
    if str(dimension) not in DIMENSIONS:
        power = power_of_concentration(dimension)
        return f"a quantity of dimension {name}" if power is None else f"a concentration to the power {power}"
    return with_article(name)


def with_article(word: str) -> str:
    """Return ``an enzyme``, ``a dot``."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def expected(dimension: Dimension) -> str:
    """Return the hint ``expected an energy, for example kT``."""
    power = power_of_concentration(dimension)
    unit = example_unit(dimension) or (f"mM^{power}" if power is not None else "")
    return f"expected {a_dimension(dimension)}" + (f", for example in {unit}" if unit else "")


def power_of_concentration(dimension: Dimension) -> int | None:
    """Return n where a dimension is concentration^n, n not 0."""
    power = dimension.exponents[4]
    return int(power) if power and power.denominator == 1 and dimension == CONCENTRATION**power else None


def resembles(name: str, others: Iterable[str]) -> bool:
    """Whether one of the other names looks like this one misspelt."""
    return did_you_mean(name, others).startswith("did you mean")


def shown(span: Span, longest: int = 40) -> str:
    """Return the text of a span on one line, shortened."""
    text = " ".join(span.text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def listed(words: Iterable[str], most: int = 8) -> str:
    """Return ``a, b and c``, or the first few of many."""
    items = list(words)
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most} more"
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
