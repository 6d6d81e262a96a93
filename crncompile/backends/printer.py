"""Sympy expressions as numpy text."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Collection, Iterable, Mapping
from typing import ClassVar

import sympy

from crncompile import constants as codata

_FUNCTIONS = {
    "exp": "exp",
    "log": "np.log",
    "tanh": "np.tanh",
    "sinh": "np.sinh",
    "cosh": "np.cosh",
    "Abs": "np.abs",
    "sign": "np.sign",
}
# Names that mean something inside generated modules.
_TAKEN = """
np N_A exp lowest collect scatter outer scatter_block onto_diagonal positions give tiles in_tiles joined summed slabs
added SAMPLES dtype_of cores
WORTH_THREADS contextvars math os ThreadPoolExecutor dense_jacobian u held parameters adjoint gradient
blocks into batch slots slots_of dtype values weights to_u to_held entries factors rows ends u_low u_high least
margins number monotone result inputs structure prepare settle currents gross linearise jacobian pullback capacity
content start hold hold_pullback content_pullback start_pullback readouts readout_pullback fluxes types annotations
Any Array Callable Mapping NDArray TILE NETWORK TEMPERATURE DEVICES PARAMETERS UNITS READOUTS INPUTS Chain Pivot Rows
Solved SOLVED_AT_ONCE unpacked NamedTuple Sequence in_double Prepared constants constants_of
"""
RESERVED = frozenset(_TAKEN.split()) | frozenset(dir(builtins))
_NUMBERS = {codata.N_A: "N_A"}


def identifiers(names: Iterable[str], taken: Collection[str] = RESERVED) -> dict[str, str]:
    """Return a Python identifier for each name, itself where possible: ``lambda`` becomes ``lambda_``."""
    result: dict[str, str] = {}
    used = set(taken)
    for name in names:
        if name in result:
            continue
        text = _speaking(name)
        while keyword.iskeyword(text) or text in used:
            text += "_"
        used.add(text)
        result[name] = text
    return result


def _speaking(name: str) -> str:
    """Turn ``mass_action(X <-> Y)`` into ``mass_action_X_to_Y``."""
    words = name.replace("<->", " to ").replace("=>", " only to ")
    kept = "".join(c if ("x" + c).isidentifier() else " " for c in words)
    text = "_".join(kept.split())
    return text if text.isidentifier() else f"_{text}"


class Printer:
    """Prints expressions; ``names`` maps symbols' names to identifiers, ``constant`` are those that no sample changes.

    Constant factors are multiplied first, on their own, so that they cost nothing per sample.
    """

    functions: ClassVar[Mapping[str, str]] = _FUNCTIONS

    def __init__(self, names: Mapping[str, str], constant: Collection[str] = ()):
        self.names = names
        self.constant = set(constant)

    def is_constant(self, expression: sympy.Expr) -> bool:
        """Whether an expression is the same for all samples."""
        return all(s.name in self.constant for s in expression.free_symbols)

    def text(self, e: sympy.Expr, level: int = 0) -> str:
        """Return the text of an expression; ``level``: 0 in a sum, 1 in a product, 2 in a power or as a divisor."""
        if e.is_Symbol:
            return self.names[e.name]
        if e.is_Integer or e.is_Float or e.is_Rational or e.is_NumberSymbol:
            return self._number(e, level)
        if e.is_Add:
            return self._sum(e, level)
        if e.is_Mul or (e.is_Pow and e.exp.could_extract_minus_sign()):
            return self._product(e, level)
        if e.is_Pow:
            return self._power(e, level)
        if type(e).__name__ == "logistic":
            return self.text(e.rewrite(sympy.exp), level)
        name = self.functions.get(type(e).__name__)
        if name is None:
            raise TypeError(f"{type(e).__name__} is not arithmetic")
        return f"{name}({self.text(e.args[0])})"

    def _number(self, e: sympy.Expr, level: int) -> str:
        text = repr(float(e)) if not e.is_Integer or abs(int(e)) > 999 else str(int(e))
        return f"({text})" if text.startswith("-") and level > 0 else _NUMBERS.get(float(e), text)

    def _sum(self, e: sympy.Expr, level: int) -> str:
        split = [t.as_coeff_Mul() for t in e.args]
        common = abs(split[0][0])
        if common != 1 and all(abs(coefficient) == common for coefficient, _ in split):
            rest = sympy.Add(*(term if coefficient > 0 else -term for coefficient, term in split), evaluate=False)
            return self._product(sympy.Mul(common, rest, evaluate=False), level)
        terms = sorted(e.args, key=lambda t: (t.could_extract_minus_sign(), sympy.default_sort_key(t)))
        fixed = [t for t in terms if self.is_constant(t)]
        moving = [t for t in terms if not self.is_constant(t)]
        if len(fixed) > 1 and moving:
            text = f"({self._join(fixed)})" + "".join(self._signed(t) for t in moving)
        else:
            text = self._join(terms)
        return f"({text})" if level > 0 else text

    def _join(self, terms: list[sympy.Expr]) -> str:
        return self.text(terms[0], 0) + "".join(self._signed(t) for t in terms[1:])

    def _signed(self, term: sympy.Expr) -> str:
        return f" - {self.text(-term, 1)}" if term.could_extract_minus_sign() else f" + {self.text(term, 0)}"

    def _product(self, e: sympy.Expr, level: int) -> str:
        if e.is_Mul and e.could_extract_minus_sign():
            text = f"-{self.text(-e, 1)}"
            return f"({text})" if level > 0 else text
        above, below = _split(e)
        top, bottom = self._factors(above), self._factors(below)
        if below == 1:
            return f"({top})" if level > 1 and above.is_Mul else top
        text = f"{top} / {bottom if not below.is_Mul else f'({bottom})'}"
        return f"({text})" if level > 1 else text

    def _factors(self, e: sympy.Expr) -> str:
        factors = list(sympy.Mul.make_args(e))
        numbers = [f for f in factors if f.is_number]
        fixed = numbers + [f for f in factors if not f.is_number and self.is_constant(f)]
        moving = [f for f in factors if not self.is_constant(f)]
        if len(fixed) > 1 and moving:
            inner = " * ".join(self.text(f, 1) for f in fixed)
            return " * ".join([f"({inner})", *(self.text(f, 1) for f in moving)])
        return " * ".join(self.text(f, 1 if len(factors) > 1 else 2) for f in [*fixed, *moving])

    def _power(self, e: sympy.Expr, level: int) -> str:
        base, exponent = e.base, e.exp
        if exponent == sympy.Rational(1, 2):
            return f"np.sqrt({self.text(base)})"
        if exponent.is_Integer and 3 <= int(exponent) <= 4 and base.is_Symbol:  # numpy has but squares quickly
            text = " * ".join([self.text(base, 2)] * int(exponent))
            return f"({text})" if level > 1 else text
        return f"{self.text(base, 2)}**{self.text(exponent, 2)}"


def _split(e: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """Numerator and denominator as they stand, without expanding or combining anything."""
    above, below = [], []
    for factor in sympy.Mul.make_args(e):
        if factor.is_Pow and factor.exp.could_extract_minus_sign():
            below.append(sympy.Pow(factor.base, -factor.exp, evaluate=True))
        elif factor.is_Rational and not factor.is_Integer:
            above += [sympy.Integer(factor.p)] if factor.p != 1 else []
            below.append(sympy.Integer(factor.q))
        else:
            above.append(factor)
    return sympy.Mul(*above, evaluate=False) if above else sympy.Integer(1), (
        sympy.Mul(*below, evaluate=False) if below else sympy.Integer(1)
    )
