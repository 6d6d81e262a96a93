"""Routines with what does not depend on the sample taken out, to be computed once for all samples."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import sympy

from crncompile.program.types import Routine

Assignment = tuple[sympy.Symbol, sympy.Expr]


@dataclass(frozen=True)
class Split:
    """A routine in two parts: ``constants`` of the parameters alone, and ``moving`` code of terminals and constants."""

    constants: tuple[tuple[sympy.Symbol, sympy.Expr], ...]
    moving: tuple[tuple[sympy.Symbol, sympy.Expr], ...]
    outputs: tuple[sympy.Expr, ...]
    needed: tuple[sympy.Symbol, ...]

    @property
    def written_out(self) -> tuple[sympy.Expr, ...]:
        """What is needed, each as an expression of the parameters."""
        known: dict[sympy.Symbol, sympy.Expr] = {}
        for symbol, value in self.constants:
            known[symbol] = value.xreplace(known)
        return tuple(known.get(symbol, symbol) for symbol in self.needed)


@dataclass
class _Splitter:
    fixed: set[sympy.Symbol]
    taken: set[str]
    constants: list[tuple[sympy.Symbol, sympy.Expr]] = field(default_factory=list)
    known: dict[sympy.Expr, sympy.Symbol] = field(default_factory=dict)

    def is_fixed(self, e: sympy.Expr) -> bool:
        return bool(e.free_symbols) and e.free_symbols <= self.fixed

    def constant(self, e: sympy.Expr) -> sympy.Expr:
        """Name a part that does not depend on the sample, once."""
        if e.is_Symbol:
            return e
        if e not in self.known:
            name = f"constant_{len(self.constants)}"
            while name in self.taken:
                name += "_"
            self.taken.add(name)
            self.known[e] = sympy.Symbol(name, real=True)
            self.constants.append((self.known[e], e))
            self.fixed.add(self.known[e])
        return self.known[e]

    def without(self, e: sympy.Expr) -> sympy.Expr:
        """Return an expression with its constant parts named."""
        if e.is_Atom:
            return e
        if self.is_fixed(e):
            return self.constant(e)
        if e.is_Add or e.is_Mul:
            fixed = [a for a in e.args if self.is_fixed(a)]
            if not fixed:
                return e.func(*map(self.without, e.args))
            fixed += [a for a in e.args if a.is_Number and a != -1]
            moving = [self.without(a) for a in e.args if a not in fixed]
            return e.func(self.constant(e.func(*fixed)), *moving)
        return e.func(*map(self.without, e.args))


def split(routine: Routine, parameters: Sequence[sympy.Symbol], wanted: Collection[int]) -> Split:
    """Take out of a routine what depends on the parameters alone; only the ``wanted`` outputs are to be computed."""
    names = {s.name for s in (*routine.arguments, *(s for s, _ in routine.assignments))}
    splitter, moving = _Splitter(set(parameters), names), []
    for symbol, value in routine.assignments:
        if splitter.is_fixed(value):
            splitter.constants.append((symbol, value))
            splitter.fixed.add(symbol)
        else:
            moving.append((symbol, splitter.without(value)))
    outputs = tuple(o if n in wanted else sympy.Integer(0) for n, o in enumerate(routine.outputs))
    moving = _without_opposites([*((p, p) for p in parameters), *splitter.constants], alive(moving, outputs))
    used = set().union(*(value.free_symbols for _, value in moving), *(o.free_symbols for o in outputs))
    needed = [s for s in (*parameters, *(s for s, _ in splitter.constants)) if s in used]
    return Split(tuple(splitter.constants), tuple(moving), outputs, tuple(needed))


def _without_opposites(constants: Sequence[Assignment], moving: Sequence[Assignment]) -> list[Assignment]:
    """Write a constant as minus another one where it is that, so that one less is to be read."""
    known: dict[sympy.Expr, sympy.Symbol] = {}
    opposite: dict[sympy.Expr, sympy.Expr] = {}
    for symbol, value in constants:
        if -value in known:
            opposite[symbol] = -known[-value]
        known.setdefault(value, symbol)
        known.setdefault(symbol, symbol)
    return [(symbol, value.xreplace(opposite)) for symbol, value in moving]


def alive(code: Sequence[Assignment], outputs: Sequence[sympy.Expr]) -> list[Assignment]:
    """Drop what no output needs."""
    needed, kept = set().union(*(o.free_symbols for o in outputs)), []
    for symbol, value in reversed(code):
        if symbol in needed:
            kept.append((symbol, value))
            needed |= value.free_symbols
    return kept[::-1]
