"""Proofs of signs from the form of an expression: sufficient, never necessary.

An expression *runs along* a symbol a when it has the sign of a everywhere, hence vanishes with it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator

import sympy

from crncompile.symbolic.functions import logistic

Bounded = tuple[sympy.Symbol, float, float]

MOST_BOUNDED = 3
"""Parameters with two bounds that a proof takes apart: each doubles the work."""
MOST_OPERATIONS = 3000
"""Size of an expression beyond which no proof by expansion is tried: it would take seconds."""
MOST_TERMS = 20_000
"""Terms of an expression, multiplied out, beyond which none is multiplied out."""


# --- positive ---------------------------------------------------------------------------------------------------------


def is_positive(expression: sympy.Expr, bounded: Iterable[Bounded] = ()) -> bool:
    """Whether an expression is positive because all terms of numerator and denominator are.

    Every exponential is a positive number of its own, and a Fermi function is made of it. ``bounded`` are symbols with
    a lower and an upper bound, which are run through as (lower + upper * x) / (1 + x) with x >= 0 and x = oo.
    """
    if expression.is_positive:
        return True
    if sympy.count_ops(expression) > MOST_OPERATIONS:
        return False
    plain = _rational(expression)
    within = [entry for entry in bounded if plain.has(entry[0])]
    if len(within) > MOST_BOUNDED:
        return False
    return all(_quotient_positive(plain.xreplace(values)) for values in _stretched(within))


def _rational(expression: sympy.Expr) -> sympy.Expr:
    """Write positive symbols for exponentials, and Fermi functions as their quotients."""
    atoms: dict[sympy.Expr, sympy.Symbol] = {}

    def atom(argument: sympy.Expr) -> sympy.Expr:
        if argument.could_extract_minus_sign():
            return 1 / atom(-argument)
        return atoms.setdefault(argument, sympy.Dummy(f"p{len(atoms)}", positive=True))

    def replaced(e: sympy.Expr) -> sympy.Expr:
        if not e.args[0].is_extended_real:
            return e
        if isinstance(e, sympy.exp):
            return atom(e.args[0])
        if e.args[0].could_extract_minus_sign():
            return 1 / (1 + atom(-e.args[0]))
        return atom(e.args[0]) / (1 + atom(e.args[0]))

    return expression.replace(lambda e: isinstance(e, (logistic, sympy.exp)), replaced)


def _stretched(within: list[Bounded]) -> Iterator[dict[sympy.Symbol, sympy.Expr]]:
    """Yield replacements of bounded symbols that together run through all their values."""
    choices = []
    for symbol, lower, upper in within:
        x = sympy.Dummy("x", nonnegative=True)
        low, high = sympy.Rational(lower), sympy.Rational(upper)
        choices.append([(symbol, (low + high * x) / (1 + x)), (symbol, high)])
    for chosen in itertools.product(*choices):
        yield dict(chosen)


def _quotient_positive(expression: sympy.Expr) -> bool:
    numerator, denominator = sympy.fraction(sympy.together(expression))
    return all(terms_positive(part) for part in (numerator, denominator))


def terms_positive(expression: sympy.Expr) -> bool:
    """Whether an expression is positive because all its factors, or all its terms, are."""
    if expression.is_positive:
        return True
    if expression.is_Mul or expression.is_Pow:
        factors = expression.args if expression.is_Mul else (expression.base,)
        if all(terms_positive(f) for f in factors):
            return True
    if _most_terms(expression) > MOST_TERMS:
        return False
    terms = terms_of(expression)
    return all(term.is_nonnegative for term in terms) and any(term.is_positive for term in terms)


def _most_terms(expression: sympy.Expr) -> int:
    """Return how many terms an expression has at most when it is multiplied out."""
    if expression.is_Add:
        return sum(map(_most_terms, expression.args))
    if expression.is_Mul:
        return math.prod(map(_most_terms, expression.args))
    if expression.is_Pow and expression.exp.is_Integer and expression.exp > 0:
        return math.comb(_most_terms(expression.base) + int(expression.exp) - 1, int(expression.exp))
    return 1


def terms_of(expression: sympy.Expr) -> list[sympy.Expr]:
    """Return the terms of an expression, multiplied out: fast where it is a polynomial of rational coefficients."""
    symbols = sorted(expression.free_symbols, key=str)
    if not symbols or expression.has(sympy.Float) or not expression.is_polynomial(*symbols):
        return list(sympy.Add.make_args(sympy.expand(expression)))
    polynomial = sympy.ring(symbols, sympy.QQ)[0].from_expr(expression)
    return [
        sympy.Rational(coefficient.numerator, coefficient.denominator)
        * sympy.Mul(*(symbol**n for symbol, n in zip(symbols, powers, strict=True)))
        for powers, coefficient in polynomial.terms()
    ]


# --- along ------------------------------------------------------------------------------------------------------------


def runs_along(expression: sympy.Expr, a: sympy.Symbol, bounded: Iterable[Bounded] = ()) -> bool:
    """Whether an expression has the sign of a symbol ``a`` everywhere: positive above zero, zero at it, negative below.

    Sums of such terms do, products with positive factors, increasing functions, and differences of an increasing
    function at two places of which the first less the second runs along ``a``.
    """
    bounded = tuple(bounded)
    if not expression.has(a):
        return False
    if expression == a:
        return True
    if expression.is_Mul:
        return _product_runs_along(expression, a, bounded)
    if expression.is_Pow and expression.exp.is_Integer and expression.exp.is_odd:
        return runs_along(expression.base, a, bounded)
    if isinstance(expression, (sympy.sinh, sympy.tanh)):
        return runs_along(expression.args[0], a, bounded)
    if isinstance(expression, sympy.log):
        return runs_along(expression.args[0] - 1, a, bounded)
    if expression.is_Add:
        return _sum_runs_along(expression, a, bounded)
    return False


def _product_runs_along(product: sympy.Mul, a: sympy.Symbol, bounded: tuple[Bounded, ...]) -> bool:
    """Whether one factor runs along (a sum may run against it, beside negative ones) and the rest has a sign."""
    others = [factor for factor in product.args if not is_positive(factor, bounded)]
    negative = [factor for factor in others if is_positive(-factor, bounded)]
    rest = [factor for factor in others if factor not in negative]
    if len(rest) != 1:
        return False
    if len(negative) % 2 == 0:
        return runs_along(rest[0], a, bounded)
    return bool(rest[0].is_Add) and runs_along(-rest[0], a, bounded)


def _sum_runs_along(total: sympy.Add, a: sympy.Symbol, bounded: tuple[Bounded, ...]) -> bool:
    """Whether the terms of a sum run along, one by one or as differences of two."""
    rest = [term for term in total.args if not runs_along(term, a, bounded)]
    while rest:
        first = rest.pop()
        partner = next((term for term in rest if _difference_runs_along(first, term, a, bounded)), None)
        if partner is None:
            return _common_factor_runs_along(total, a, bounded)
        rest.remove(partner)
    return True


def _common_factor_runs_along(total: sympy.Add, a: sympy.Symbol, bounded: tuple[Bounded, ...]) -> bool:
    factored = sympy.factor_terms(total)
    return bool(factored.is_Mul) and _product_runs_along(factored, a, bounded)


def _difference_runs_along(x: sympy.Expr, y: sympy.Expr, a: sympy.Symbol, bounded: tuple[Bounded, ...]) -> bool:
    """Whether x + y, one of them positive and the other negative, runs along ``a``."""
    above, below = (x, -y) if is_positive(x, bounded) else (y, -x)
    if not (is_positive(above, bounded) and is_positive(below, bounded)):
        return False
    ratio = sympy.powsimp(above / below)
    if isinstance(ratio, sympy.exp):
        return runs_along(sympy.expand(ratio.args[0]), a, bounded) or runs_along(ratio.args[0], a, bounded)
    upper, lower = sympy.fraction(ratio)
    if isinstance(upper, logistic) and isinstance(lower, logistic):
        return runs_along(upper.args[0] - lower.args[0], a, bounded)
    return False
