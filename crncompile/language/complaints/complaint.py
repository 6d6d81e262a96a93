"""One row of the table of syntax mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from crncompile.language.situation import Situation

ARROWS = ("->", "-->", "<->", "<-->", "<-", "<--", "=>", "<=>")


@dataclass(frozen=True)
class Complaint:
    """One kind of mistake; ``message`` and ``hint`` are formatted with the situation ``s``.

    ``snippets`` are texts that call it forth; each has a golden text in ``tests/golden/syntax``. The caret points to
    the lexeme found, to the previous one, to a misspelt word, or, for what is missing, behind the previous one.
    """

    name: str
    message: str
    hint: str
    snippets: tuple[str, ...]
    when: Callable[[Situation], bool]
    place: Literal["found", "previous", "misspelt", "behind"] = "found"
