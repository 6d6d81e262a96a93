"""A text cut into lexemes and pieces, as far as that goes without its grammar: what mistakes are told by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

from crncompile.errors import shortened
from crncompile.language.words import ITEMS, STATEMENTS

_LEXEME = re.compile(
    r"""
      (?P<blank>   [\s\ufeff]+ | \#[^\r\n]* )
    | (?P<text>    "[^"\r\n]*" )
    | (?P<open_text> "[^"\r\n]* )
    | (?P<number>  (?: [0-9]+ (?: \.[0-9]+ )? | (?<!\.)\.[0-9]+ ) (?: [eE][+-]?[0-9]+ )? )
    | (?P<name>    [^\W\d] [\w\u0300-\u036f]* )
    | (?P<sign>    <-+> | <=> | -+> | <-(?=\s) | [=<>!]= | => | := | \*\* | \.\. | [-+*/^=<>()\[\]{},:.%] )
    | (?P<unknown> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Lexeme:
    """Characters ``start`` to ``end`` of a text; ``kind`` is a group of the pattern above, or ``end``.

    ``line`` and ``column`` count from 1; ``opens_line`` tells whether only blanks stand before it in its line.
    """

    kind: str
    text: str
    start: int
    end: int
    line: int
    column: int
    opens_line: bool


@dataclass(frozen=True)
class Piece:
    """Lexemes ``first`` to ``last`` (exclusive): a statement, or an item of the device that ``brace`` opens.

    A circuit falls into its head (``opens``), up to its brace and text, and the statements inside.
    """

    first: int
    last: int
    brace: Lexeme | None = None
    opens: bool = False


def scan(text: str) -> tuple[Lexeme, ...]:
    """Cut a text into lexemes without blanks and comments; the last one has kind ``end`` and no characters.

    The ``text`` of a very long one is shortened: it is only shown, and compared with short ones.
    """
    found: list[Lexeme] = []
    line, line_start, opens = 1, 0, True
    for match in _LEXEME.finditer(text):
        if match.lastgroup != "blank":
            column = match.start() - line_start + 1
            found.append(Lexeme(match.lastgroup or "", shortened(match[0]), *match.span(), line, column, opens))
            opens = False
        elif "\n" in match[0]:
            line, line_start, opens = line + match[0].count("\n"), match.start() + match[0].rindex("\n") + 1, True
    return (*found, Lexeme("end", "", len(text), len(text), line, len(text) - line_start + 1, True))


def beyond(text: str, count: int) -> int | None:
    """Return the place behind ``count`` lexemes of a text, where more follow."""
    places = (match.start() for match in _LEXEME.finditer(text) if match.lastgroup != "blank")
    return next(islice(places, count, None), None)


def pieces(lexemes: tuple[Lexeme, ...]) -> Iterator[Piece]:
    """Yield the statements of a text, and behind each device its items once more."""
    items: list[int] = []
    first, brace, circuits = 0, None, 0
    for i, lexeme in enumerate(lexemes):
        inside = brace is not None and not (items and lexemes[items[-1]].text == "}")
        if lexeme.kind == "end" or (_starts_statement(lexemes, i) and not (inside and lexeme.text in ITEMS)):
            yield from _finished(first, i, items, brace, inside)
            first, items, brace = i, [], None
        elif lexeme.text == "{" and _body(lexemes, first, i):
            yield Piece(first, _body(lexemes, first, i), opens=True)
            first, circuits = _body(lexemes, first, i), circuits + 1
        elif lexeme.text == "{":
            brace = lexeme
        elif lexeme.text == "}" and circuits and not inside:
            yield from _finished(first, i, items, brace, inside)
            first, items, brace, circuits = i + 1, [], None, circuits - 1
        elif inside and (lexeme.text == "}" or (lexeme.text in ITEMS and can_follow(lexemes[i - 1]))):
            items.append(i)


def _finished(first: int, last: int, items: list[int], brace: Lexeme | None, inside: bool) -> Iterator[Piece]:
    if last > first:
        yield Piece(first, last)
        yield from (Piece(*ends, brace) for ends in pairwise([*items, last] if inside else items))


def _body(lexemes: tuple[Lexeme, ...], first: int, brace: int) -> int:
    """Return where the statements of a circuit begin; 0 where this brace opens something else, or an empty circuit."""
    begin = brace + 2 if lexemes[brace + 1].kind == "text" else brace + 1
    return 0 if lexemes[first].text != "circuit" or lexemes[begin].text == "}" else begin


def _starts_statement(lexemes: tuple[Lexeme, ...], i: int) -> bool:
    before, lexeme, after = lexemes[i - 1], lexemes[i], lexemes[min(i + 1, len(lexemes) - 1)]
    setting = before.text in ("(", ",") and after.text == "="
    return lexeme.text in STATEMENTS and not setting and (lexeme.opens_line or can_follow(before))


def can_follow(lexeme: Lexeme) -> bool:
    """Tell whether something new may begin behind ``lexeme``."""
    if lexeme.kind == "name":
        return lexeme.text not in STATEMENTS
    return lexeme.kind in ("number", "text", "open_text") or lexeme.text in (")", "]", "}", "{", "%")


def unclosed(lexemes: tuple[Lexeme, ...]) -> list[Lexeme]:
    """Return the brackets that are still open behind these lexemes, the innermost last."""
    opened: list[Lexeme] = []
    for lexeme in lexemes:
        if lexeme.text in _CLOSING:
            opened.append(lexeme)
        elif opened and lexeme.text == _CLOSING[opened[-1].text]:
            opened.pop()
    return opened


def closing(opening: str) -> str:
    """Return the bracket that closes ``opening``."""
    return _CLOSING[opening]
