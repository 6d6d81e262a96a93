"""Text -> Model: parse it, and tell all of its syntax mistakes at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import islice
from pathlib import Path

from lark import Lark, UnexpectedInput, UnexpectedToken
from lark.common import LexerConf
from lark.lexer import ContextualLexer

from crncompile.errors import Mistake, ModelError, Source
from crncompile.language import nodes
from crncompile.language.guard import guard
from crncompile.language.scan import Lexeme, Piece, pieces, scan
from crncompile.language.situation import Situation
from crncompile.language.syntax_errors import explain
from crncompile.language.transform import build
from crncompile.language.words import CONTEXTUAL

#: So many mistakes are told at once.
MOST_MISTAKES = 50

# an item of a device is parsed by itself inside this
_DEVICE_HEAD, _DEVICE_TAIL = "device _: _ -> _ {", "\n}"
# behind the head of a circuit, which is parsed by itself
_CIRCUIT_TAIL = "\nindex _ = 1..1}"


def parse(source: Source) -> nodes.Model:
    """Parse a model's text.

    Raises
    ------
    ModelError
        With all syntax mistakes that can be told apart: behind each one, parsing goes on at the next statement.
    """
    guard(source)
    try:
        tree = parser().parse(source.text)
    except UnexpectedInput as error:
        raise ModelError(_all_mistakes(source, error)) from None
    statements, mistakes = build(tree, source)
    if mistakes:
        raise ModelError(mistakes[:MOST_MISTAKES])
    return nodes.Model(statements, source)


def parse_part(source: Source, start: int, end: int) -> nodes.Statement:
    """Parse the one statement that stands between two offsets of a text that is known to be sound."""
    ((statement,), _) = build(parser().parse(source.text[start:end]), source, start)
    return statement


@cache
def parser() -> Lark:
    """Build the LALR(1) parser of the grammar."""
    return Lark(
        grammar_file().read_text(encoding="utf-8"),
        parser="lalr",
        lexer="contextual",
        start="model",
        propagate_positions=True,
        _plugins={"ContextualLexer": _Lexer},
    )


def grammar_file() -> Traversable:
    """Return the grammar's place: package data when installed, ``grammars/`` in a checkout."""
    packaged = resources.files("crncompile.language") / "tnet.lark"
    return packaged if packaged.is_file() else Path(__file__).parents[2] / "grammars" / "tnet.lark"


class _Lexer(ContextualLexer):
    """Lexes all but units and the words of devices alike in every state: few lexers, few surprises."""

    def __init__(self, conf: LexerConf, states: dict[int, Collection[str]], always_accept: Collection[str] = ()):
        everywhere = frozenset(conf.terminals_by_name) - CONTEXTUAL
        super().__init__(conf, {state: everywhere | CONTEXTUAL.intersection(a) for state, a in states.items()})


def _all_mistakes(source: Source, first: UnexpectedInput) -> tuple[Mistake, ...]:
    """Explain what is wrong with each statement by itself; with the whole text when each is right by itself."""
    lexemes = scan(source.text)
    mistakes = tuple(islice(_by_pieces(source, lexemes), MOST_MISTAKES))
    whole = Piece(0, len(lexemes) - 1)
    return mistakes or (_explained(source, lexemes, whole, first, _position(first, len(source.text))),)


def _by_pieces(source: Source, lexemes: tuple[Lexeme, ...]) -> Iterator[Mistake]:
    """Parse piece by piece; the items of a device are looked at when the device is wrong, behind its first mistake."""
    done = 0
    for piece in pieces(lexemes):
        start, end = lexemes[piece.first].start, lexemes[piece.last].start
        if start < done:
            continue
        head, tail = (_DEVICE_HEAD, _DEVICE_TAIL) if piece.brace else ("", _CIRCUIT_TAIL if piece.opens else "")
        try:
            tree = parser().parse(head + source.text[start:end] + tail)
        except UnexpectedInput as error:
            place = min(start + _position(error, end - start + len(head)) - len(head), end)
            yield _explained(source, lexemes, piece, error, place)
            done = max(place, start + 1)
        else:
            yield from build(tree, source, start - len(head))[1]
            done = end


def _explained(
    source: Source, lexemes: tuple[Lexeme, ...], piece: Piece, error: UnexpectedInput, place: int
) -> Mistake:
    end = lexemes[piece.last].start
    at = bisect_right(lexemes, place, key=lambda lexeme: lexeme.end) if place < end else piece.last
    expected = frozenset(error.accepts) if isinstance(error, UnexpectedToken) else frozenset[str]()
    return explain(source, Situation(lexemes, piece, at, expected))


def _position(error: UnexpectedInput, length: int) -> int:
    """Return the offset at which the parser stopped in a text of some length."""
    at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    return length if at_end else int(error.pos_in_stream or 0)
