"""Syntax mistakes in the language of the user: a table of messages, each with snippets that call it forth.

The first row whose condition holds is told.
"""

from __future__ import annotations

from crncompile.errors import Mistake, Source, Span
from crncompile.language.complaints.arrows import WIRES
from crncompile.language.complaints.characters import CHARACTERS
from crncompile.language.complaints.complaint import Complaint
from crncompile.language.complaints.joints import JOINTS
from crncompile.language.complaints.names import NAMES
from crncompile.language.complaints.places import PLACES
from crncompile.language.complaints.signs import SIGNS
from crncompile.language.complaints.values import VALUES
from crncompile.language.situation import Situation

COMPLAINTS = CHARACTERS + PLACES + JOINTS + WIRES + VALUES + NAMES + SIGNS


def complaint(situation: Situation) -> Complaint:
    """Return the row of the table that fits; the last one always does."""
    return next(row for row in COMPLAINTS if row.when(situation))


def explain(source: Source, situation: Situation) -> Mistake:
    """Tell what is wrong in a situation."""
    row = complaint(situation)
    message, hint = row.message.format(s=situation), row.hint.format(s=situation)
    return Mistake(_span(source, situation, row.place), message, hint)


def _span(source: Source, situation: Situation, place: str) -> Span:
    if place == "behind":
        return Span(source, situation.previous.end, situation.previous.end)
    lexeme = {"found": situation.found, "previous": situation.previous, "misspelt": situation.misspelt}[place]
    return Span(source, lexeme.start, lexeme.end)
