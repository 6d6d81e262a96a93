"""Derivatives of straight-line code, forward and backward, of a size like the code's (Griewank and Walther 2008)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sympy

Assignments = tuple[tuple[sympy.Symbol, sympy.Expr], ...]


class Names:
    """Gives names to intermediate results, each only once."""

    def __init__(self, taken: Iterable[str]):
        self.taken = set(taken)

    def symbol(self, name: str) -> sympy.Symbol:
        """Return a real symbol of this name, with underscores behind it where the name is taken."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return sympy.Symbol(name, real=True)


def _ordered(expression: sympy.Expr) -> list[sympy.Symbol]:
    return sorted(expression.free_symbols, key=lambda s: s.name)


def partials(expression: sympy.Expr) -> dict[sympy.Symbol, sympy.Expr]:
    """Return the derivative of an expression by each of its symbols, in the order of their names.

    Sums, products and powers of what may be anything are taken apart here, which takes a tenth of sympy's time.
    """
    found = _partials(expression)
    return {s: found[s] for s in sorted(found, key=lambda s: s.name)}


def _partials(e: sympy.Expr) -> dict[sympy.Symbol, sympy.Expr]:
    if e.is_Symbol:
        return {e: sympy.Integer(1)}
    if not e.free_symbols:
        return {}
    if e.is_Add:
        return _added((term, sympy.Integer(1)) for term in e.args)
    if e.is_Mul:
        return _added((f, sympy.Mul(*e.args[:n], *e.args[n + 1 :])) for n, f in enumerate(e.args))
    if e.is_Pow and e.exp.is_number:
        return _added([(e.base, e.exp * e.base ** (e.exp - 1))])
    return {s: sympy.diff(e, s) for s in _ordered(e)}


def _added(parts: Iterable[tuple[sympy.Expr, sympy.Expr]]) -> dict[sympy.Symbol, sympy.Expr]:
    """Add up the derivatives of parts, each times its factor."""
    terms: dict[sympy.Symbol, list[sympy.Expr]] = {}
    for part, factor in parts:
        for s, slope in _partials(part).items():
            terms.setdefault(s, []).append(slope * factor)
    return {s: sympy.Add(*slopes) for s, slopes in terms.items()}


def forward(
    definitions: Assignments, outputs: Sequence[sympy.Expr], inputs: Sequence[sympy.Symbol], names: Names
) -> tuple[Assignments, list[list[sympy.Expr]]]:
    """Differentiate outputs with respect to inputs along with the definitions.

    Returns the definitions with those of the derivatives between them, and ``derivatives[output][input]``.
    """
    tangents: dict[sympy.Symbol, list[sympy.Expr]] = {
        x: [sympy.Integer(int(x == other)) for other in inputs] for x in inputs
    }

    def tangent(expression: sympy.Expr) -> list[sympy.Expr]:
        moving = {s: slope for s, slope in partials(expression).items() if s in tangents}
        return [sympy.Add(*(slope * tangents[s][k] for s, slope in moving.items())) for k in range(len(inputs))]

    def of(symbol: sympy.Symbol, value: sympy.Expr) -> list[sympy.Expr]:
        divisor = _divisor(value)
        if divisor is None:
            return tangent(value)
        # (a/b)' = (a' - (a/b) b')/b uses the quotient itself and divides by b alone
        above, below = tangent(value * divisor), tangent(divisor)
        return [(a - symbol * b) / divisor for a, b in zip(above, below, strict=True)]

    assignments: list[tuple[sympy.Symbol, sympy.Expr]] = []
    for symbol, value in definitions:
        assignments.append((symbol, value))
        derivatives = of(symbol, value)
        if any(d != 0 for d in derivatives):
            named = []
            for x, d in zip(inputs, derivatives, strict=True):
                named.append(d if d.is_Atom else names.symbol(f"d_{symbol.name}_d_{x.name}"))
                if not d.is_Atom:
                    assignments.append((named[-1], d))
            tangents[symbol] = named
    return tuple(assignments), [tangent(output) for output in outputs]


def _divisor(value: sympy.Expr) -> sympy.Symbol | None:
    """Return the symbol by which a value is divided as a whole, if there is one."""
    divisors = [f.base for f in sympy.Mul.make_args(value) if f.is_Pow and f.exp == -1 and f.base.is_Symbol]
    return divisors[0] if divisors else None


def backward(
    definitions: Assignments, output: sympy.Expr, inputs: Sequence[sympy.Symbol], names: Names
) -> tuple[Assignments, list[sympy.Expr]]:
    """Differentiate one output with respect to many inputs.

    Returns the definitions followed by those of the adjoints, and the derivative for each input.
    """
    adjoints = {s: [slope] for s, slope in partials(output).items()}
    assignments = list(definitions)
    for symbol, value in reversed(definitions):
        total = sympy.Add(*adjoints.pop(symbol, []))
        if total == 0:
            continue
        if not total.is_Atom:
            name = names.symbol(f"bar_{symbol.name}")
            assignments.append((name, total))
            total = name
        for s, slope in partials(value).items():
            adjoints.setdefault(s, []).append(total * slope)
    return tuple(assignments), [sympy.Add(*adjoints.get(x, [])) for x in inputs]
