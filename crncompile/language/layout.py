"""A text cut into statements for being laid out: tokens with the comments between them, blanks, and aligned parts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lark import Token

from crncompile.language.parser import parser
from crncompile.language.words import ITEMS, STATEMENTS

WIDTH = 120
"""Columns of a line, its comment not counted."""
INDENT = 2
"""Columns by which what a brace encloses stands further right."""

_STARTS = frozenset(word.upper() for word in (*STATEMENTS, *ITEMS))
_OPERAND_ENDS = frozenset(("NAME", "NUMBER", "UNIT", "STRING", ")", "]"))
_WIRED = frozenset(("dot", "enzyme", "reaction", "circuit"))
_ALIGNED = frozenset(("reservoir", "parameter", "index", "table", "readout", "let", "transition", "state", "current"))
_LINE_END = re.compile(r"\r\n|\r|\n")
_TIGHT = frozenset(("^", "..", "."))
_BINARY = frozenset("+-*/")


@dataclass(frozen=True)
class Lexeme:
    """A token; the comment lines and blank lines (empty) above it, whether it begins a line, the comment behind it."""

    kind: str
    text: str
    above: tuple[str, ...]
    opens_line: bool
    behind: str


@dataclass(frozen=True)
class Statement:
    """A statement or item, the head of a block up to its brace, a closing brace, or the text of a device.

    ``depth`` counts the braces around it; ``spaces`` says before which tokens a blank stands. ``cells`` are the tokens
    with which parts begin that neighbours of the same ``sort`` put below each other, and ``widths`` what the parts
    before them are filled up to; all are empty where it takes no part in that.
    """

    lexemes: tuple[Lexeme, ...]
    depth: int
    spaces: tuple[bool, ...]
    cells: tuple[int, ...] = ()
    sort: str = ""
    widths: tuple[int, ...] = ()


# --- tokens and what stands between them ---


def lexemes_of(text: str) -> list[Lexeme]:
    """Return the tokens of a text that parses, and one more for its end."""
    tokens: list[Token] = list(parser().parse_interactive(text).iter_parse())
    places = [(0, 0), *((int(t.start_pos or 0), int(t.end_pos or 0)) for t in tokens), (len(text), len(text))]
    gaps = [_gap(text[a[1] : b[0]], number == 0) for number, (a, b) in enumerate(pairwise(places))]
    kinds = [_kind(token) for token in tokens]
    ends = [*zip(kinds, map(str, tokens), strict=True), ("end", "")]
    behind = [*(gap[0] for gap in gaps[1:]), ""]
    return [
        Lexeme(kind, value, gap[1], gap[2], after) for (kind, value), gap, after in zip(ends, gaps, behind, strict=True)
    ]


def _kind(token: Token) -> str:
    return (
        str(token.type) if str(token)[0].isalnum() or token.type in ("NAME", "STRING", "UNIT", "NUMBER") else str(token)
    )


def _gap(text: str, first: bool) -> tuple[str, tuple[str, ...], bool]:
    """Return the comment behind one token, comment and blank lines above the next, and whether that opens a line."""
    lines = ["#" + line.partition("#")[2].rstrip() if "#" in line else "" for line in _LINE_END.split(text)]
    behind = "" if first else lines.pop(0)
    above: list[str] = []
    for line in lines[: len(lines) - 1]:
        if line or not above or above[-1]:
            above.append(line)
    return behind, tuple(above), first or bool(lines)


# --- statements ---


def statements_of(lexemes: Sequence[Lexeme]) -> list[Statement]:
    """Cut the tokens of a text (without its end) where lines begin in any case."""
    found: list[tuple[list[Lexeme], int]] = []
    depth, brackets, fresh = 0, 0, True
    for place, lexeme in enumerate(lexemes):
        before = lexemes[place - 1].text if place else ""
        starts = lexeme.kind in _STARTS and brackets == 0 and before not in (":", "=", "(", ",")
        depth -= lexeme.text == "}"
        if fresh or starts or lexeme.text == "}":
            found.append(([], depth))
        found[-1][0].append(lexeme)
        brackets += (lexeme.text in ("(", "[")) - (lexeme.text in (")", "]"))
        depth += lexeme.text == "{"
        fresh = lexeme.text in ("{", "}") or (lexeme.kind == "STRING" and before == "{")
    return [_aligned_by(Statement(tuple(own), level, tuple(_spaces(own)))) for own, level in found]


def _spaces(lexemes: Sequence[Lexeme]) -> Iterator[bool]:
    unary = False
    for place, lexeme in enumerate(lexemes):
        yield place > 0 and _blank(lexemes[place - 1], lexeme, unary)
        unary = lexeme.text == "-" and (place == 0 or lexemes[place - 1].kind not in _OPERAND_ENDS)


def _aligned_by(statement: Statement) -> Statement:
    """Find the parts that neighbours put below each other; one of several lines would only push them apart."""
    lexemes = statement.lexemes
    cells = _cells(lexemes)
    broken = any(forced(lexemes, place) or kept(lexemes, place) for place in range(1, len(lexemes)))
    if not cells or broken or len(joined(statement, 0, len(lexemes))) + statement.depth * INDENT > WIDTH:
        return statement
    widths = tuple(len(joined(statement, a, b)) for a, b in pairwise([0, *cells]))
    sort = "wired" if lexemes[0].text in _WIRED else lexemes[0].text
    return replace(statement, cells=cells, sort=sort, widths=widths)


def _cells(lexemes: Sequence[Lexeme]) -> tuple[int, ...]:
    word, outer = lexemes[0].text, list(_outside_brackets(lexemes))
    equals = [place for place in outer if lexemes[place].text == "="][:1]
    colon = [place + 1 for place in outer if lexemes[place].text == ":"][:1]
    if word in _WIRED or word == "transition":
        return (*colon, *equals) if colon and equals else ()
    if word == "state":
        return tuple([place for place in outer if lexemes[place].kind in ("ENERGY", "DEGENERACY")][:1])
    return tuple(equals) if word in _ALIGNED and not colon else ()


def _outside_brackets(lexemes: Sequence[Lexeme]) -> Iterator[int]:
    depth = 0
    for place, lexeme in enumerate(lexemes):
        depth -= lexeme.text in (")", "]")
        if depth == 0:
            yield place
        depth += lexeme.text in ("(", "[")


def _blank(before: Lexeme, after: Lexeme, unary: bool) -> bool:
    """Whether a blank stands between two tokens of a line."""
    if before.text in ("(", "[") or after.text in (")", "]", ",", ":"):
        return False
    if before.text in _TIGHT or after.text in _TIGHT:
        return before.text == ".." and after.text.startswith(".")  # 1...5 is no range
    if unary:
        return False
    if after.text in ("(", "["):
        return before.kind != "NAME"
    return True


def joined(statement: Statement, first: int, last: int) -> str:
    """Return some of its tokens as one text."""
    parts = [
        (" " if statement.spaces[place] and place > first else "") + statement.lexemes[place].text
        for place in range(first, last)
    ]
    return "".join(parts)


def forced(lexemes: Sequence[Lexeme], place: int) -> bool:
    """Whether a comment makes a token begin a line."""
    return bool(lexemes[place - 1].behind) or any(lexemes[place].above)


def kept(lexemes: Sequence[Lexeme], place: int) -> bool:
    """Whether the author's break before a token stays: behind ``(`` and ``,``, before and behind an operator."""
    before, after = lexemes[place - 1], lexemes[place]
    if not after.opens_line or after.text in (")", "]", "{"):
        return False
    return before.text in ("(", ",") or before.text in _BINARY or after.text in _BINARY
