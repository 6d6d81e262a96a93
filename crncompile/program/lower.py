"""From mathematics to arithmetic: Fermi functions to one exponential, shared subexpressions once, dead code out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import sympy

from crncompile.program.calculus import Assignments, Names
from crncompile.program.types import Routine
from crncompile.symbolic.functions import logistic


def routine(
    arguments: Sequence[sympy.Symbol],
    definitions: Assignments,
    outputs: Sequence[sympy.Expr],
    output_names: Sequence[str],
) -> Routine:
    """Return straight-line code for outputs that use definitions."""
    names = Names([s.name for s in arguments] + [s.name for s, _ in definitions])
    results = [names.symbol(name) for name in output_names]
    code = tuple(definitions) + tuple(zip(results, outputs, strict=True))
    code = _lower_logistic(_alive(code, results), names)
    code = _invert_once(_invert_once(code, names, symbols=True), names, symbols=False)
    code = _share(code, names)
    code, results = _without_aliases(code, results)
    return Routine(tuple(arguments), _alive(code, results), tuple(results), tuple(output_names))


def _alive(code: Assignments, results: Sequence[sympy.Symbol]) -> Assignments:
    """Drop what no result needs."""
    needed = set(results)
    kept = []
    for symbol, value in reversed(code):
        if symbol in needed:
            kept.append((symbol, value))
            needed |= value.free_symbols
    return tuple(reversed(kept))


def _lower_logistic(code: Assignments, names: Names) -> Assignments:
    """Compute logistic(x) and logistic(-x) from one exponential, both to full relative precision."""
    lowered: list[tuple[sympy.Symbol, sympy.Expr]] = []
    known: dict[sympy.Expr, sympy.Expr] = {}

    def replacement(x: sympy.Expr) -> sympy.Expr:
        if x not in known:
            inner = x.replace(logistic, replacement)
            argument = -inner if inner.could_extract_minus_sign() else inner
            stem = argument.name if argument.is_Symbol else "level"
            factor, filled, empty = (names.symbol(f"{kind}_{stem}") for kind in ("boltzmann", "filled", "empty"))
            lowered.append((factor, sympy.exp(-argument)))
            lowered.append((filled, 1 / (1 + factor)))
            lowered.append((empty, factor * filled))
            known[argument], known[-argument] = filled, empty
            known[x] = empty if inner.could_extract_minus_sign() else filled
        return known[x]

    for symbol, value in code:
        lowered.append((symbol, value.replace(logistic, replacement)))
    return tuple(lowered)


def _invert_once(code: Assignments, names: Names, symbols: bool) -> Assignments:
    """Divide once by what is divided by several times, symbols or sums: products cost less than quotients."""
    counts = Counter(base for _, value in code for base in _divisors(value) if base.is_Symbol == symbols)
    inverted: list[tuple[sympy.Symbol, sympy.Expr]] = []
    known: dict[sympy.Expr, sympy.Symbol] = {}

    def inverse(power: sympy.Pow) -> sympy.Expr:
        if power.base not in known:
            stem = power.base.name if power.base.is_Symbol else "term"
            known[power.base] = names.symbol(f"inverse_{stem}")
            inverted.append((known[power.base], 1 / power.base))
        return known[power.base] ** -power.exp

    for symbol, value in code:
        lowered = value.replace(lambda e: _is_division(e) and counts[e.base] > 1, inverse)
        inverted.append((symbol, lowered))
    return tuple(inverted)


def _is_division(e: sympy.Basic) -> bool:
    return bool(e.is_Pow and e.exp.is_Integer and e.exp < 0)


def _divisors(value: sympy.Expr) -> list[sympy.Expr]:
    """Bases of all divisions of an expression, a square counted twice."""
    return [e.base for e in value.atoms(sympy.Pow) if _is_division(e) for _ in range(-int(e.exp))]


def _share(code: Assignments, names: Names) -> Assignments:
    """Name common subexpressions, each just before its first use."""
    fresh = (names.symbol(f"t{number}") for number in range(1, 1_000_000))
    shared, values = sympy.cse([value for _, value in code], symbols=fresh, order="none")
    pending = dict(shared)
    result: list[tuple[sympy.Symbol, sympy.Expr]] = []

    def emit(value: sympy.Expr) -> None:
        for symbol in sorted(value.free_symbols & pending.keys(), key=lambda s: s.name):
            if symbol in pending:
                inner = pending.pop(symbol)
                emit(inner)
                result.append((symbol, inner))

    for (symbol, _), value in zip(code, values, strict=True):
        emit(value)
        result.append((symbol, value))
    return tuple(result)


def _without_aliases(code: Assignments, results: Sequence[sympy.Symbol]) -> tuple[Assignments, list[sympy.Symbol]]:
    """Drop assignments of one name to another; of the two names a speaking one stays."""
    defined = {symbol for symbol, _ in code}
    stands_for: dict[sympy.Symbol, sympy.Symbol] = {}

    def final(symbol: sympy.Symbol) -> sympy.Symbol:
        while symbol in stands_for:
            symbol = stands_for[symbol]
        return symbol

    for symbol, value in code:
        if value.is_Symbol and final(value) != symbol:
            kept = final(value)
            shared = kept in defined and kept.name[0] == "t" and kept.name[1:].isdigit()
            stands_for[kept if shared else symbol] = symbol if shared else kept
    renamed = {symbol: final(symbol) for symbol in stands_for}
    clean = [(renamed.get(s, s), value.xreplace(renamed)) for s, value in code]
    return tuple((s, v) for s, v in clean if s != v), [renamed.get(s, s) for s in results]
