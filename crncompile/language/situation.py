"""What is known at the place where a text stops making sense; the table of syntax_errors.py decides by it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property

from crncompile.errors import did_you_mean
from crncompile.language.scan import Lexeme, Piece, can_follow, closing, unclosed
from crncompile.language.words import FORMS, ITEMS, JOINTS, STATEMENTS

#: Characters that look or mean like one of ours.
LOOKALIKES = {
    "−": "-", "–": "-", "—": "-", "→": "->", "⟶": "->", "⇌": "<->", "↔": "<->", "⇄": "<->", "⇒": "=>",
    "×": "*", "·": "*", "⋅": "*", "∙": "*", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!=", "…": "..", "，": ",",
    "（": "(", "）": ")", "％": "%", "：": ":", "＝": "=",
}  # fmt: skip

_SHOWN = {
    "NAME": "a name", "NUMBER": "a number", "UNIT": "a unit", "STRING": 'a text in "quotes"', "$END": "the end",
    "ARROW": "->", "REVERSIBLE": "<->", "IRREVERSIBLE": "=>", "RANGE": "..", "POINT": ".", "PLUS": "+",
    "MINUS": "-", "TIMES": "*", "OVER": "/", "POWER": "^", "MORE": ">", "COMPARISON": "<", "AND": "and",
    "EQUAL": "=", "COLON": ":", "COMMA": ",", "LPAR": "(",
    "RPAR": ")", "LSQB": "[", "RSQB": "]", "LBRACE": "{", "RBRACE": "}",
}  # fmt: skip
_CLOSERS = {")": "RPAR", "]": "RSQB", "}": "RBRACE"}


@dataclass(frozen=True)
class Situation:
    """Lexeme ``at``, in or behind a ``piece``, is none of the ``expected`` terminals."""

    lexemes: tuple[Lexeme, ...]
    piece: Piece
    at: int
    expected: frozenset[str]

    @property
    def found(self) -> Lexeme:
        """The lexeme that does not fit."""
        return self.lexemes[self.at]

    @property
    def next(self) -> Lexeme:
        """The lexeme behind it."""
        return self.lexemes[min(self.at + 1, len(self.lexemes) - 1)]

    def _before(self, steps: int) -> Lexeme:
        place = self.at - steps
        return self.lexemes[place] if place >= self.piece.first else Lexeme("start", "", 0, 0, 1, 1, True)

    @property
    def previous(self) -> Lexeme:
        """The last lexeme that fitted, an empty one at the statement's beginning."""
        return self._before(1)

    @property
    def second(self) -> Lexeme:
        """The one before it."""
        return self._before(2)

    @property
    def glued(self) -> bool:
        """Whether nothing stands between the two."""
        return self.previous.end == self.found.start and self.previous.kind != "start"

    @cached_property
    def _unclosed(self) -> list[Lexeme]:
        before = self.lexemes[self.piece.first : self.at]
        return unclosed((self.piece.brace, *before) if self.piece.brace else before)

    @property
    def bracket(self) -> Lexeme | None:
        """The innermost bracket that is still open."""
        return self._unclosed[-1] if self._unclosed else None

    @property
    def opened(self) -> str:
        """The text of that bracket, or nothing."""
        return self.bracket.text if self.bracket else ""

    @property
    def closer(self) -> str:
        """What closes that bracket."""
        return closing(self.opened)

    @cached_property
    def word(self) -> str:
        """The word that began the statement or item."""
        for i in range(self.at - 1, self.piece.first, -1):
            if self.lexemes[i].text in ITEMS and can_follow(self.lexemes[i - 1]):
                return self.lexemes[i].text
        return self.lexemes[self.piece.first].text if self.at > self.piece.first else ""

    @property
    def form(self) -> str:
        """How the statement is written."""
        inside = self.word == "parameter" and any(lexeme.text == "{" for lexeme in self._unclosed)
        form = FORMS.get("parameter inside" if inside else self.word, "")
        return f"it is written: {form}" if form else ""

    @property
    def ends(self) -> bool:
        """Whether the text, or the statement, ends here: the next one begins."""
        found = self.found
        return found.kind == "end" or (found.opens_line and found.text in (*STATEMENTS, *ITEMS))

    @property
    def statement_due(self) -> bool:
        """Whether a new statement could begin here."""
        return "RESERVOIR" in self.expected

    @property
    def item_due(self) -> bool:
        """Whether a new item of a device could begin here."""
        return "STATE" in self.expected

    @property
    def operand_due(self) -> bool:
        """Whether an expression must begin here."""
        return {"NUMBER", "LPAR", "MINUS"} <= self.expected

    @property
    def setting_due(self) -> bool:
        """Whether a setting's name must stand here."""
        return "VOLUME" in self.expected and not self.statement_due and self.opened == "("

    @property
    def in_interval(self) -> bool:
        """Whether the innermost bracket is that of an interval, which stands behind no name."""
        if self.bracket is None or self.opened != "[":
            return False
        owner = self.lexemes[self.lexemes.index(self.bracket) - 1]
        return owner.kind != "name" or owner.text in JOINTS

    @property
    def in_round_interval(self) -> bool:
        """Whether the innermost bracket is a round one where a value begins."""
        return self.opened == "(" and self.bracket is not None and self._begins_value(self.lexemes.index(self.bracket))

    @property
    def behind_interval(self) -> bool:
        """Whether an interval has just been closed."""
        opening = next((i for i in range(self.at - 1, self.piece.first, -1) if self.lexemes[i].text == "["), 0)
        return self.previous.text == "]" and self._begins_value(opening)

    def _begins_value(self, place: int) -> bool:
        return place > 0 and self.lexemes[place - 1].text in ("=", "in")

    @property
    def other_equals(self) -> bool:
        """Whether a sign stands here that other languages write for ``=``; of ``==`` the first half has fitted."""
        if self.found.text == "==":
            return bool({"EQUAL", "NAME"} & self.expected)
        return self.found.text in (":", ":=") and "EQUAL" in self.expected

    @property
    def closable(self) -> bool:
        """Whether the innermost bracket could be closed here."""
        return self.bracket is not None and (_CLOSERS[self.closer] in self.expected or self.opened == "{")

    @property
    def shown(self) -> str:
        """The lexeme found, as it is named in a message."""
        return self.found.text or "the end of the text"

    @property
    def near(self) -> str:
        """A statement or item that was perhaps meant by the word found."""
        words = ITEMS if self.item_due else STATEMENTS
        hint = did_you_mean(self.misspelt.text, words)
        return hint if hint.startswith("did you") else f"it begins with one of: {', '.join(words)}"

    @property
    def misspelt(self) -> Lexeme:
        """The word that begins no statement; behind a number it has first been taken for a unit."""
        unit_like = self.previous.kind == "name" and self.previous.opens_line and self.second.kind == "number"
        return self.previous if unit_like else self.found

    @property
    def character(self) -> str:
        """An unknown character with its Unicode name."""
        text = self.found.text
        name = unicodedata.name(text, "no character of Unicode")
        return f"{text if text.isprintable() else '?'} (U+{ord(text):04X}, {name.lower()})"

    @property
    def replacement(self) -> str:
        """What is written instead of a lookalike."""
        return LOOKALIKES[self.found.text]

    @property
    def choices(self) -> str:
        """What could stand here, for the message of last resort."""
        shown = sorted(_SHOWN.get(terminal, terminal.lower()) for terminal in self.expected)
        return f"expected: {'  '.join(shown)}" if len(shown) <= 12 else self.form or self.near
