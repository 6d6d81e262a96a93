"""One way to write a model: the tokens and comments of a text laid out anew, and nothing else changed.

A statement stands on a line of its own, what a brace encloses two columns further right. Neighbouring statements of one
sort have their parts below each other. A line that is longer than `WIDTH` is broken between settings; line breaks that
the author made between settings and at operators stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from crncompile.errors import DataError, Source
from crncompile.language.layout import INDENT, WIDTH, Lexeme, Statement, forced, joined, kept, lexemes_of, statements_of
from crncompile.language.parser import parse

CONTINUED = 4
"""Columns by which a broken statement goes on further right."""
SPREAD, COMMENT_SPREAD = 9, 24
"""Parts, and comments, whose columns differ by more are not put below each other."""


@dataclass(frozen=True)
class _Line:
    """A line of the result; ``code`` is empty for a comment or blank line of its own."""

    code: str
    comment: str = ""


def formatted(source: Source) -> str:
    """Return the text laid out anew, its comments kept and lines ended by a newline character.

    Raises ModelError, with all mistakes, for a text that is no model by its syntax; formatting twice changes nothing
    more.
    """
    parse(source)
    text = source.text
    for _ in range(8):  # breaking a line may change what stands below what; two rounds are the rule
        before, text = text, _once(text)
        if text == before:
            break
    if _essence(text) != _essence(source.text):
        raise DataError(f"{source.name}: the file can not be laid out without changing it; it is left as it is")
    return text


def _essence(text: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Return what may not change: all tokens, and all comments."""
    lexemes = lexemes_of(text)
    comments = [c for lexeme in lexemes for c in (*lexeme.above, lexeme.behind) if c]
    return [(lexeme.kind, lexeme.text) for lexeme in lexemes], comments


def _once(text: str) -> str:
    lexemes = lexemes_of(text)
    statements = _aligned(statements_of(lexemes[:-1]))
    lines: list[_Line] = []
    for number, statement in enumerate(statements):
        above = statement.lexemes[0].above
        closes = statement.lexemes[0].text == "}"
        opened = number > 0 and statements[number - 1].depth < statement.depth
        lines += _own_lines(above, (statement.depth + closes) * INDENT, not lines or opened, closes)
        lines += _laid_out(statement)
    lines += _own_lines(lexemes[-1].above, 0, not lines, True)
    return "".join(f"{line}\n" for line in _with_comments(lines))


# --- alignment ---


def _aligned(statements: Sequence[Statement]) -> list[Statement]:
    """Widen the parts of neighbouring statements of one sort to the same columns."""
    groups: list[list[Statement]] = []
    for statement in statements:
        if not (groups and _alike(groups[-1][0], statement) and _near([*groups[-1], statement])):
            groups.append([])
        groups[-1].append(statement)
    return [wide for group in groups for wide in _widened(group)]


def _alike(first: Statement, other: Statement) -> bool:
    """Whether a statement may join the group of another; a comment or blank line parts them."""
    return bool(first.sort) and (first.sort, first.depth) == (other.sort, other.depth) and not other.lexemes[0].above


def _near(group: Sequence[Statement]) -> bool:
    return all(max(column) - min(column) <= SPREAD for column in zip(*(s.widths for s in group), strict=True))


def _widened(group: Sequence[Statement]) -> list[Statement]:
    columns = tuple(max(column) for column in zip(*(s.widths for s in group), strict=True))
    return [replace(statement, widths=columns) for statement in group]


def _near_groups(widths: Sequence[int | None], spread: int) -> list[int]:
    """Return for each of some neighbouring lines the width it is filled up to; ``None`` parts neighbours."""
    result: list[int] = []
    run: list[int] = []
    for width in [*widths, None]:
        if run and (width is None or max(*run, width) - min(*run, width) > spread):
            result += [max(run)] * len(run)
            run = []
        if width is None:
            result.append(0)
        else:
            run.append(width)
    return result[:-1]


# --- lines ---


def _own_lines(above: Sequence[str], indent: int, first: bool, last: bool) -> list[_Line]:
    """Return comment and blank lines, without blank ones where a block begins or ends."""
    kept = list(above)
    while first and kept and not kept[0]:
        kept.pop(0)
    while last and kept and not kept[-1]:
        kept.pop()
    return [_Line("", " " * indent + comment if comment else "") for comment in kept]


def _laid_out(statement: Statement) -> list[_Line]:
    lexemes, indent = statement.lexemes, statement.depth * INDENT
    breaks = [p for p in range(1, len(lexemes)) if forced(lexemes, p) or kept(lexemes, p)]
    edges = [0, *breaks, len(lexemes)]
    parts = [part for a, b in pairwise(edges) for part in _fitting(statement, a, b)]
    filled = _settings_aligned(statement, parts)
    lines: list[_Line] = []
    for (first, last), code in zip(parts, filled, strict=True):
        margin = indent if first == 0 else indent + CONTINUED
        if first > 0:
            lines += [_Line("", " " * margin + comment) for comment in lexemes[first].above if comment]
        lines.append(_Line(" " * margin + code, lexemes[last - 1].behind))
    return lines


def _code(statement: Statement, first: int, last: int) -> str:
    """Return a line's text; the first one has its parts filled up to the columns of the neighbours."""
    if first > 0 or not statement.cells or last <= statement.cells[-1]:
        return joined(statement, first, last)
    edges = [0, *statement.cells]
    cells = [joined(statement, a, b).ljust(w) for (a, b), w in zip(pairwise(edges), statement.widths, strict=True)]
    return " ".join([*cells, joined(statement, statement.cells[-1], last)])


def _fitting(statement: Statement, first: int, last: int) -> list[tuple[int, int]]:
    """Break one line between settings where it is too long; the first break is behind the opening bracket."""
    indent = statement.depth * INDENT
    width = (indent if first == 0 else indent + CONTINUED) + len(_code(statement, first, last))
    outer = _setting_ends(statement.lexemes)
    places = [place for place in outer if first < place < last]
    if width <= WIDTH or not places:
        return [(first, last)]
    if statement.lexemes[places[0] - 1].text == "(":
        return [(first, places[0]), *_filled(statement, places[0], last, places[1:])]
    return _filled(statement, first, last, places)


def _setting_ends(lexemes: Sequence[Lexeme]) -> list[int]:
    """Return where a setting of the statement's kind begins: behind its bracket, and behind each of its commas."""
    depth, found = 0, list[int]()
    for place, lexeme in enumerate(lexemes[:-1]):
        depth += lexeme.text in ("(", "[")
        depth -= lexeme.text in (")", "]")
        opens = lexeme.text == "(" and depth == 1 and place > 1 and lexemes[place - 2].text == "="
        if opens or (found and lexeme.text == "," and depth == 1):
            found.append(place + 1)
    return found


def _filled(statement: Statement, first: int, last: int, places: Sequence[int]) -> list[tuple[int, int]]:
    """Put as many settings on each line as fit."""
    room = WIDTH - statement.depth * INDENT - (CONTINUED if first > 0 else 0)
    parts, begin, end = [], first, first
    for place in [*places, last]:
        if end > begin and len(_code(statement, begin, place)) > room:
            parts.append((begin, end))
            begin, room = end, WIDTH - statement.depth * INDENT - CONTINUED
        end = place
    return [*parts, (begin, last)]


def _settings_aligned(statement: Statement, parts: Sequence[tuple[int, int]]) -> list[str]:
    """Return the lines' texts; neighbouring lines of one setting each have their ``=`` below each other."""
    starts = set(_setting_ends(statement.lexemes))
    widths: list[int | None] = []
    for first, last in parts:
        alone = first in starts and not starts & set(range(first + 1, last))
        alone = alone and statement.lexemes[first + 1].text == "=" if first + 1 < last else False
        widths.append(len(statement.lexemes[first].text) if alone else None)
    padded = _near_groups(widths, SPREAD)
    return [
        _code(statement, first, last)
        if width is None
        else statement.lexemes[first].text.ljust(to) + " " + joined(statement, first + 1, last)
        for (first, last), width, to in zip(parts, widths, padded, strict=True)
    ]


def _with_comments(lines: Sequence[_Line]) -> list[str]:
    """Return the lines' texts, comments of neighbouring lines below each other."""
    widths: list[int | None] = [len(line.code) if line.code and line.comment else None for line in lines]
    padded = _near_groups(widths, COMMENT_SPREAD)
    return [
        line.code.ljust(to) + "  " + line.comment if width is not None else line.code or line.comment
        for line, width, to in zip(lines, widths, padded, strict=True)
    ]
