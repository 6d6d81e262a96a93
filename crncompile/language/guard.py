"""What is refused before a text is parsed: characters that do not show, brackets without bottom, endless texts."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice

from crncompile.errors import Mistake, ModelError, Source, Span
from crncompile.language.scan import beyond

#: Brackets within brackets.
DEEPEST_BRACKETS = 100
#: Words, numbers and signs of one text: parsing takes about 0.1 ms for each, hence ten seconds for so many.
MOST_WORDS = 100_000
_MOST_HIDDEN = 10

_BRACKET = re.compile(r'"[^"\r\n]*"|#[^\r\n]*|(?P<open>[(\[{])|(?P<close>[)\]}])')
# Control characters but for tab and line ends, line separators, what changes the direction of writing or has no width,
# halves of characters, and tags. The joiners U+200C and U+200D, which some scripts need, stay where the grammar has
# them: in texts and comments. A byte order mark is a blank.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def guard(source: Source) -> None:
    """Raise ModelError for a text that could deceive its reader, or exhaust the compiler."""
    hidden = [_told(source, match) for match in islice(_HIDDEN.finditer(source.text), _MOST_HIDDEN)]
    if hidden:
        raise ModelError(hidden)
    _refuse_deep_brackets(source)
    _refuse_endless(source)


def _told(source: Source, match: re.Match[str]) -> Mistake:
    character = match[0]
    kind = "a control character" if unicodedata.category(character) == "Cc" else "a character that does not show"
    name = unicodedata.name(character, "").lower()
    message = f"U+{ord(character):04X}{f' ({name})' if name else ''} is {kind}"
    hint = "leave it out, in names, texts and comments alike: a text must read as it looks"
    return Mistake(Span(source, match.start(), match.end()), message, hint)


def _refuse_deep_brackets(source: Source) -> None:
    depth = 0
    for match in _BRACKET.finditer(source.text):
        depth += (match["open"] is not None) - (match["close"] is not None)
        if depth > DEEPEST_BRACKETS:
            span = Span(source, match.start(), match.end())
            message = f"brackets are nested more than {DEEPEST_BRACKETS} deep"
            raise ModelError([Mistake(span, message, "name parts of the expression by parameter or let")])


def _refuse_endless(source: Source) -> None:
    place = beyond(source.text, MOST_WORDS)
    if place is not None:
        message = f"the text goes on behind {MOST_WORDS} words, numbers and signs, which is the most"
        hint = 'declare families by indices, or put the edges into a table: table edges = "edges.csv"'
        raise ModelError([Mistake(Span(source, place, place + 1), message, hint)])
