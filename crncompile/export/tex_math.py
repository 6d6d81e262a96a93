"""Sympy expressions as LaTeX, in the names of the model, with sums broken into lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import sympy

from crncompile import constants as codata
from crncompile.export.tex_words import symbol
from crncompile.units import Units

_WIDTH = 60  # letters in a line
_HBAR, _N_A = sympy.Symbol("hbar", positive=True), sympy.Symbol("N_A", positive=True)


class Mathematics:
    """Prints expressions; constants of nature that became numbers get their names back."""

    def __init__(self, units: Units, names: Mapping[str, str] | None = None):
        self.names = dict(names or {})
        self.constants = {units.constants()["hbar"][0]: _HBAR, codata.N_A: _N_A}

    def named(self, more: Mapping[str, str]) -> Mathematics:
        """Return the same with more names for symbols."""
        other = object.__new__(Mathematics)
        other.names, other.constants = {**self.names, **more}, self.constants
        return other

    def symbol(self, name: str) -> str:
        """Return a symbol's name."""
        return self.names.get(name) or symbol(name)

    def text(self, expression: sympy.Expr) -> str:
        """Return an expression."""
        clean = self._clean(sympy.sympify(expression))
        special = {_HBAR: r"\hbar", _N_A: r"N_{\mathrm{A}}"}
        names = {s: special.get(s) or self.symbol(s.name) for s in clean.free_symbols}
        return str(sympy.latex(clean, symbol_names=names, mul_symbol=r" \, ", ln_notation=True))

    def _clean(self, expression: sympy.Expr) -> sympy.Expr:
        """Put names for constants of nature and short numbers for long ones."""
        floats = {number: self._constant(float(number)) for number in expression.atoms(sympy.Float)}
        changed = expression.xreplace(floats)
        return sympy.factor_terms(changed) if changed.has(_HBAR) else changed

    def _constant(self, value: float) -> sympy.Expr:
        for constant, name in self.constants.items():
            for power in (1, -1):
                if abs(abs(value) / constant**power - 1) < 1e-9:
                    return name**power if value > 0 else -(name**power)
        return sympy.Integer(int(value)) if value == int(value) and abs(value) < 1e6 else sympy.Float(value, 6)

    def equation(self, left: str, expression: sympy.Expr) -> str:
        """Return the lines of an ``align*`` for ``left = expression``; long sums go on in the next line."""
        terms = [part for term in sympy.Add.make_args(sympy.sympify(expression)) for part in self._parts(term)]
        order = sorted(terms, key=lambda t: (t.could_extract_minus_sign(), sympy.default_sort_key(t)))
        lines, room = [f"{left} &="], _WIDTH - _width(left)
        for number, term in enumerate(order):
            text = self.text(term) if number == 0 else _with_sign(self.text(term))
            if number > 0 and _width(text) > room:
                lines.append(r"&\quad")
                room = _WIDTH
            lines[-1] += f" {text}"
            room -= _width(text)
        return " \\\\\n".join(lines)

    def _parts(self, term: sympy.Expr) -> tuple[sympy.Expr, ...]:
        """Return a term, or what a product of sums comes to where it is wider than a line."""
        whole = sympy.fraction(term)[1] == 1
        return sympy.Add.make_args(sympy.expand_mul(term)) if whole and is_long(self.text(term)) else (term,)


def is_long(text: str) -> bool:
    """Whether a formula is wider than a line."""
    return _width(text) > _WIDTH


def _width(text: str) -> int:
    """Estimate how many letters wide a formula is: a command counts once, a fraction less than its parts."""
    whole = re.sub(r"\\(mathrm|text|left|right|mathit)\b", "", text)
    letters = re.sub(r"\\[a-zA-Z]+", "x", whole)
    size = len(re.sub(r"[{}_^\\ ]", "", letters))
    return size if not text.startswith((r"\frac", r"- \frac", r"+ \frac")) else (2 * size) // 3


def _with_sign(text: str) -> str:
    text = text.strip()
    return f"- {text[1:].strip()}" if text.startswith("-") else f"+ {text}"


def align(equations: Sequence[str]) -> str:
    """Return equations, each made by `Mathematics.equation`, as one display."""
    if not equations:
        return ""
    return "\\begin{align*}\n" + " \\\\\n".join(equations) + "\n\\end{align*}"
