"""Headings of columns that are no raw data but in a unit: ``kin [uM]``, ``x[3] [mV]``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

# an index in brackets is a number, and a unit none
_HEADING = re.compile(r"(.*\S)\s*\[\s*([^\W\d]\S*)\s*\]")


@dataclass(frozen=True, eq=False)
class Physical:
    """A column of numbers in a unit; ``where`` says in words where sample ``row`` stands."""

    unit: str
    values: NDArray[Any]
    where: Callable[[int], str]


def parted(heading: str) -> tuple[str, str] | None:
    """Return name and unit of a heading, or ``None`` where it has no unit.

    >>> parted("x[3] [mV]")
    ('x[3]', 'mV')
    """
    match = _HEADING.fullmatch(heading)
    return (match[1], match[2]) if match else None


def canonical(heading: str, names: Mapping[str, str]) -> str:
    """Return a heading with its name as ``names`` has it (by the name without blanks), others as they are."""
    found = parted(heading)
    name = names.get("".join(found[0].split())) if found else None
    return f"{name} [{found[1]}]" if found and name else heading


def with_unit(headings: Iterable[str], names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return name and unit of those headings that have a unit behind one of the names, by heading."""
    known = set(names)
    parts = {heading: parted(heading) for heading in headings}
    return {heading: part for heading, part in parts.items() if part is not None and part[0] in known}
