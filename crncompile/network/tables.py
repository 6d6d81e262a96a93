"""Tables: CSV files with a header, whose rows are the members of a family.

A mistake in a file is told at its place there; the text of the file is cut into lines and fields once, and a second
time only to find that place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import Source, Span, did_you_mean
from crncompile.language.transform import normalised
from crncompile.network.expressions import COMMON_UNITS
from crncompile.network.report import Fault, each, fault, shown
from crncompile.units import UnitError, Units

#: Columns of one table.
MOST_COLUMNS = 1000

_HEADING = re.compile(r"(?P<name>[^\[\]]*?)\s*(?:\[\s*(?P<unit>[^\[\]]*?)\s*\])?")
_QUOTED = re.compile(r'\s*(?:"(?P<inner>(?:[^"]|"")*)"\s*|(?P<bare>[^,]*))(?P<end>,|$)')
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_WITH_UNIT = re.compile(r"[+-]?[\d.]+(?:[eE][+-]?\d+)?\s*(?P<unit>[^\W\d_]\S*)")


@dataclass(frozen=True, eq=False)
class Column:
    """A column's numbers; ``wrong`` is the first row with something else (from 0), ``None`` where there is none."""

    name: str
    unit: str | None
    values: NDArray[np.float64]
    wrong: int | None


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a file as columns of numbers; rows count from 1 where a model names them."""

    name: str
    source: Source
    columns: Mapping[str, Column]
    rows: int

    def column(self, name: str, span: Span) -> Column:
        """Return a column by name; raises Fault for an unknown one."""
        if name not in self.columns:
            raise fault(span, f"the table {self.name} has no column {name}", did_you_mean(name, self.columns))
        return self.columns[name]

    def numbers(self, name: str, span: Span) -> NDArray[np.float64]:
        """Return a column that is named at ``span`` as finite numbers; raises Fault at the field that is none."""
        column = self.column(name, span)
        if column.wrong is not None:
            raise self._not_a_number(column, column.wrong, span)
        return column.values

    def whole_numbers(self, name: str, span: Span) -> NDArray[np.int64]:
        """Return a column of whole numbers without unit; raises Fault at the field that is none."""
        column, values = self.column(name, span), self.numbers(name, span)
        if column.unit is not None:
            raise fault(span, f"{name} is in {column.unit}, which is no index", "an index is a whole number")
        odd = (values != np.rint(values)) | (np.abs(values) > 2**53)
        if odd.any():
            place = self.cell(int(np.argmax(odd)), name)
            hint = f"{shown(span)} is an index in line {span.line} of {span.source.name}"
            raise fault(place, f"{shown(place)} is not a whole number", hint)
        return values.astype(np.int64)

    def line(self, row: int) -> int:
        """Return the line of a row of numbers, both counted as in a model: the row from 1."""
        return self._line(row - 1)[0]

    def _line(self, row: int) -> tuple[int, int, str]:
        found = (line for line in _lines(self.source.text) if line[2].strip())
        return next(line for number, line in enumerate(found) if number == row + 1)

    def cell(self, row: int, name: str) -> Span:
        """Return the place of a field, its row counted from 0."""
        _, start, text = self._line(row)
        return _field_span(self.source, start, text, list(self.columns).index(name))

    def _not_a_number(self, column: Column, row: int, span: Span) -> Fault:
        place = self.cell(row, column.name)
        used = f"{shown(span)} is a number in line {span.line} of {span.source.name}"
        text = place.text.strip().strip('"')
        if not text:
            return fault(place, f"{column.name} is empty in line {place.line}", used)
        kind = "a finite number" if math.isinf(_number(text)) else "a number"
        advice = "" if math.isinf(_number(text)) else _advice(text, column.name)
        return fault(place, f"{shown(place)} is not {kind}", used, advice)


def _advice(text: str, column: str) -> str:
    """Return what to do about a field that is no number."""
    if text.startswith("="):
        return "this is a formula of a spreadsheet: save values, not formulas"
    if _DECIMAL_COMMA.fullmatch(text):
        return f"a number has a point, not a comma: {text.replace(',', '.')}"
    unit = _WITH_UNIT.fullmatch(text)
    return f"a unit stands in the header, once: {column} [{unit['unit']}]" if unit else ""


# --- its text ---------------------------------------------------------------------------------------------------------


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield number, offset and text of each line."""
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        yield number, start, line
        start += len(line) + 1


def _fields(line: str) -> list[str]:
    """Return the fields of a line that may hold quotes."""
    if '"' not in line:
        return line.split(",")
    found, place = [], 0
    while match := _QUOTED.match(line, place):
        found.append((match["inner"] if match["inner"] is not None else match["bare"]).replace('""', '"'))
        place = match.end()
        if not match["end"]:
            return found
    return line.split(",")


def _field_span(source: Source, start: int, line: str, position: int) -> Span:
    """Return the place of a field of a line without the blanks around it; the whole line where it has not so many."""
    place = 0
    for _ in range(position):
        match = _QUOTED.match(line, place)
        place = match.end() if match else len(line)
    match = _QUOTED.match(line, place)
    text = line[place : match.end() - len(match["end"])] if match else line[place:]
    left = place + len(text) - len(text.lstrip())
    return Span(source, start + left, start + max(left + len(text.strip()), left))


def parse_table(name: str, source: Source, units: Units) -> Table:
    """Cut the text of a file into columns; raises Fault at the places in it that are wrong."""
    lines = [line for line in source.text.split("\n") if line.strip()]
    headings = _headings(_fields(lines[0]), source, units)
    if len(lines) == 1:
        raise fault(_line_span(source, 0), f"the table {name} has a header and no rows")
    numbers = _all_numbers(lines[1:], len(headings))
    if numbers is None:
        rows = [_fields(line) for line in lines[1:]]
        _check_widths(name, source, rows, len(headings))
        numbers = [_numbers(fields) for fields in zip(*rows, strict=True)]
    columns = [_column(*heading, values) for heading, values in zip(headings, numbers, strict=True)]
    return Table(name, source, {column.name: column for column in columns}, len(lines) - 1)


def _all_numbers(lines: Sequence[str], width: int) -> Sequence[NDArray[np.float64]] | None:
    """Return the columns of rows of numbers, quickly; ``None`` where they hold anything else."""
    try:
        values = np.loadtxt(lines, delimiter=",", comments=None, quotechar='"', ndmin=2)
    except ValueError:
        return None
    return list(values.T.copy()) if values.shape == (len(lines), width) else None


def _line_span(source: Source, row: int) -> Span:
    """Return a line that is not blank, the header being row 0."""
    found = ((start, line) for _, start, line in _lines(source.text) if line.strip())
    start, line = next(line for number, line in enumerate(found) if number == row)
    return Span(source, start, start + len(line))


def _headings(header: Sequence[str], source: Source, units: Units) -> list[tuple[str, str | None]]:
    span = _line_span(source, 0)
    other = next((mark for mark in (";", "\t") if mark in span.text and len(header) == 1), None)
    if other is not None:
        said = "semicolons" if other == ";" else "tabs"
        hint = "save the table with commas between columns, and points in numbers"
        raise fault(span, f"the columns are separated by {said}, not by commas", hint)
    if all(_is_number(field) for field in header):
        hint = "the first line names the columns: source,target,gamma"
        raise fault(span, "the table has no header: its first line holds numbers", hint)
    if len(header) > MOST_COLUMNS:
        raise fault(span, f"the table has {len(header)} columns; {MOST_COLUMNS} is the most")
    places = [_field_span(source, span.start, span.text, position) for position in range(len(header))]
    headings = each(lambda pair: _heading(*pair, units), zip(header, places, strict=True))
    names = [name for name, _ in headings]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise fault(places[position], f"there are two columns {name}")
    return headings


def _heading(field: str, span: Span, units: Units) -> tuple[str, str | None]:
    """Return name and unit of a column: ``gamma [GHz]``."""
    match = _HEADING.fullmatch(field.strip())
    if match is None or not match["name"]:
        raise fault(
            span, f"{shown(span) or 'an empty field'} names no column", "write a name, perhaps with a unit: gamma [GHz]"
        )
    unit = match["unit"] or None
    try:
        units.unit(None if unit in (None, "1") else unit)
    except UnitError as error:
        raise fault(span, str(error), did_you_mean(error.name, COMMON_UNITS)) from None
    return normalised(match["name"]), None if unit == "1" else unit


def _check_widths(name: str, source: Source, rows: Sequence[Sequence[str]], width: int) -> None:
    if all(len(row) == width for row in rows):
        return
    guilty = next(number for number, row in enumerate(rows) if len(row) != width)
    count = len(rows[guilty])
    message = f"this row has {count} {'field' if count == 1 else 'fields'}, the header of {name} has {width}"
    hint = "a comma separates fields: a number has a point" if count > width else ""
    raise fault(_line_span(source, guilty + 1), message, hint)


def _column(name: str, unit: str | None, values: NDArray[np.float64]) -> Column:
    wrong = ~np.isfinite(values)
    return Column(name, unit, values, int(np.argmax(wrong)) if wrong.any() else None)


def _numbers(fields: Sequence[str]) -> NDArray[np.float64]:
    return np.fromiter(map(_number, fields), float, len(fields))


def _number(field: str) -> float:
    """Return a number; NaN for anything else, which Python's digits in groups are too."""
    try:
        return math.nan if "_" in field else float(field)
    except ValueError:
        return math.nan


def _is_number(field: str) -> bool:
    return not math.isnan(_number(field))
