"""Names, numbers, units and a user's words as LaTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from crncompile.units import split_unit

_ALPHABET = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega
"""
_GREEK = frozenset(_ALPHABET.split())
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\to$",
    "°": r"$^\circ$",
    "\u00b5": r"$\mu$",
}
_ARROWS = {"<->": r"$\rightleftharpoons$", "=>": r"$\to$"}


def words(text: str) -> str:
    """Return a user's text with everything escaped that LaTeX would take for its own.

    Greek letters become mathematics, accented Latin letters stay, and what pdflatex has no letter for is told by its
    number.
    """
    pieces = re.split("(<->|=>)", unicodedata.normalize("NFC", text))
    return "".join(_ARROWS.get(piece) or "".join(map(_character, piece)) for piece in pieces)


def _character(c: str) -> str:
    if c in _SPECIAL:
        return _SPECIAL[c]
    if " " <= c <= "~" or "\u00a1" <= c <= "\u017f":
        return c
    if c.isspace():
        return " "
    greek = _greek_letter(c)
    return f"${greek}$" if greek else f"[U+{ord(c):04X}]"


def _greek_letter(c: str) -> str:
    """Return the command of a Greek letter, or an empty string."""
    parts = unicodedata.name(c, "").split()
    if parts[:1] != ["GREEK"] or parts[-2:-1] != ["LETTER"]:
        return ""
    name = {"LAMDA": "lambda"}.get(parts[-1], parts[-1].lower())
    if parts[1] == "SMALL":
        return rf"\{name}" if name in _GREEK else "o" if name == "omicron" else ""
    capital = rf"\{name.capitalize()}"
    return capital if capital[1:] in _CAPITALS else ""


_CAPITALS = frozenset(["Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega"])


def symbol(name: str) -> str:
    r"""Return a name as mathematics: ``gamma_left`` is ``\gamma_{\mathrm{left}}``, ``h[j]`` is ``h_{j}``.

    >>> symbol("K_M"), symbol("k_cat"), symbol("y[k, 2]")
    ('K_{M}', 'k_{\\mathrm{cat}}', 'y_{k, 2}')
    """
    head, bracket, index = name.partition("[")
    base, _, rest = head.strip("_").partition("_")
    subscripts = [_word(part) for part in rest.split("_") if part]
    digits = re.fullmatch(r"([^\W\d_]+?)(\d+)", base)
    if digits:
        base, subscripts = digits[1], [digits[2], *subscripts]
    text = _word(base)
    if subscripts:
        text += f"_{{{','.join(subscripts)}}}"
    if not bracket:
        return text
    inside = indices(index.removesuffix("]").split(","))
    return f"({text})_{{{inside}}}" if subscripts else f"{text}_{{{inside}}}"


def indices(names: Iterable[str]) -> str:
    """Return index expressions as the text of a subscript."""
    return ", ".join(_index(name.strip()) for name in names)


def _index(text: str) -> str:
    return re.sub(r"[^\W\d_]\w*", lambda match: _word(match[0]), text).replace("*", r"\,")


def _word(word: str) -> str:
    if word in _GREEK:
        return rf"\{word}"
    if len(word) == 1:
        return _greek_letter(word) or (word if word.isascii() else _upright(word))
    return word if word.isdigit() else _upright(word)


def _upright(word: str) -> str:
    """Return a word in upright letters."""
    return r"\mathrm{" + "".join(_greek_letter(c) or _letter(c) for c in word) + "}"


def _letter(c: str) -> str:
    if c == "_":
        return r"\_"
    return c if c.isascii() else rf"\text{{{_character(c)}}}"


def number(value: float, digits: int = 6) -> str:
    r"""Return a number as mathematics: ``1.5 \times 10^{-9}``."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": r"\mathrm{nan}", "inf": r"\infty", "-inf": r"-\infty"}[str(float(value))]
    text = f"{value:.{digits}g}"
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    power = f"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else rf"{mantissa} \times {power}"


def unit(token: str) -> str:
    r"""Return a unit token as mathematics: ``uM^-1/s`` is ``\mathrm{\mu M}^{-1}\,\mathrm{s}^{-1}``."""
    parts = []
    for name, power in split_unit(token) if token else []:
        text = r"k_{\mathrm{B}}T" if name == "kT" else rf"\mathrm{{{_unit_name(name)}}}"
        parts.append(text + (f"^{{{power}}}" if power != 1 else ""))
    return r"\,".join(parts)


def _unit_name(name: str) -> str:
    if name == "%":
        return r"\%"
    if name[0] in "u\u00b5\u03bc" and len(name) > 1:
        return rf"\mu {name[1:]}"
    return "".join(c if c.isascii() else words(c).strip("$") for c in name)


def quantity(value: float, token: str, digits: int = 6) -> str:
    """Return a number with its unit as inline mathematics."""
    text = unit(token)
    return f"${number(value, digits)}$" if not text else rf"${number(value, digits)}\,{text}$"
