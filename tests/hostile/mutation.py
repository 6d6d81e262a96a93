"""Texts that are nearly models: random tokens, and models with tokens or bytes changed."""

from __future__ import annotations

from itertools import pairwise

from crncompile.language.scan import scan
from crncompile.language.words import ITEMS, JOINTS, STATEMENTS

_SIGNS = r"""
-> <-> => .. . + - * / ^ > < <= == != = : , ( ) [ ] { } % ** := <- ; ' " \ $ @ ~ ° − → × ²
"""
_ATOMS = "0 1 2.5 1e3 1e-9 1e999 7kT GHz mM s^-1 kT x y h j k a resonant_dot mass_action input output floating train"
WORDS = [
    *STATEMENTS,
    *ITEMS,
    *JOINTS,
    *_SIGNS.split(),
    *_ATOMS.split(),
    "#",
    "\u200b",
    "\0",
    '"text"',
    "h[j]",
    "exp(",
    "# c\n",
    "\n",
    "\ufeff",
]


def random_tokens(rng):
    """Return a row of words and signs."""
    glue = [" ", " ", " ", "\n", ""]
    return "".join(_one(rng, WORDS) + _one(rng, glue) for _ in range(int(rng.integers(1, 60))))


def mutated(text, rng):
    """Return a model with a few of its tokens deleted, doubled, swapped or replaced, or bytes flipped."""
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        text = _bytes(text, rng) if rng.random() < 0.2 else _tokens(text, rng)
    return text


def _tokens(text, rng):
    lexemes = scan(text)
    places = [lexeme.start for lexeme in lexemes]
    parts = [text[: places[0]], *(text[a:b] for a, b in pairwise(places))]
    if len(parts) < 3:
        return text + _one(rng, WORDS)
    at, other = (int(n) for n in rng.integers(1, len(parts), 2))
    match int(rng.integers(9)):
        case 6 | 7 | 8:
            # a number or a name for another of the text: often still a model
            alike = [n for n, lexeme in enumerate(lexemes[:-1], 1) if lexeme.kind == lexemes[at - 1].kind]
            parts[at] = parts[alike[int(rng.integers(len(alike)))] if alike else other]
        case 0:
            del parts[at]
        case 1:
            parts.insert(other, parts[at])
        case 2:
            parts[at], parts[other] = parts[other], parts[at]
        case 3:
            parts[at] = f"{_one(rng, WORDS)} "
        case 4:
            parts[at : at + int(rng.integers(1, 12))] = []
        case _:
            parts[at] = parts[at].strip() * int(rng.integers(2, 5))
    return "".join(parts)


def _bytes(text, rng):
    content = bytearray(text.encode("utf-8", "surrogatepass"))
    if content:
        content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    return content.decode("utf-8", "replace")


def _one(rng, items):
    return items[int(rng.integers(len(items)))]
