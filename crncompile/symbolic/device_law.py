"""From the states and transitions of a device to the steady current through every terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import sympy
from numpy.typing import NDArray

from crncompile.errors import Mistake, ModelError
from crncompile.network.types import AFFINITY, REACTANTS, DeviceKind, Step, Terminal
from crncompile.symbolic.closed_form import examine
from crncompile.symbolic.functions import recognise_logistic
from crncompile.symbolic.matrix_tree import tree_factors, tree_weights
from crncompile.symbolic.sampling import evaluate, function_of, stationary
from crncompile.symbolic.turnover import (
    Cycle,
    check_balance,
    fundamental_cycles,
    independent_turnovers,
    root_state,
)

MOST_FACTORS = 450
"""Rates in the tree sums of a device beyond which its occupations are solved for instead."""
Definitions = tuple[tuple[sympy.Symbol, sympy.Expr], ...]


@dataclass(frozen=True)
class DeviceLaw:
    """The steady law of a device kind.

    ``definitions`` are in an order in which each uses terminals, parameters and earlier ones only. ``fluxes`` are
    turnovers per second (M/s where ``kind.amount``); terminal t receives ``sum(stoichiometry[f][t] * fluxes[f])``.
    ``log_K[f]`` is the standard affinity of flux f in kT: its affinity is ``log_K - sum(stoichiometry * potential)``;
    ``None`` where a step of it is irreversible. ``occupations`` are the stationary probabilities of the states: sums
    over trees or, where ``solved``, symbols that stand in the fluxes too and are defined by being stationary.
    ``rates`` are forward and backward rate of every step; one passage of a step adds ``crossings[step]`` to the fluxes.
    """

    kind: DeviceKind
    definitions: Definitions
    fluxes: tuple[sympy.Expr, ...]
    stoichiometry: tuple[tuple[int, ...], ...]
    log_K: tuple[sympy.Expr | None, ...]
    occupations: tuple[sympy.Expr, ...]
    rates: Mapping[str, tuple[sympy.Expr, sympy.Expr]]
    crossings: Mapping[str, tuple[sympy.Rational, ...]]
    solved: bool = False

    def expand(self, expression: sympy.Expr) -> sympy.Expr:
        """Return an expression with all definitions inserted: one in terminals, parameters and ``solved`` symbols."""
        for symbol, definition in reversed(self.definitions):
            expression = expression.xreplace({symbol: definition})
        return expression

    def evaluate(
        self, expressions: Sequence[sympy.Expr], values: Mapping[sympy.Symbol, NDArray[Any]]
    ) -> list[NDArray[Any]]:
        """Evaluate expressions of this law at values (count,) of terminals and parameters; complex ones are allowed."""
        if not self.solved:
            return self._function(tuple(expressions), tuple(values))(values)
        last = root_state(self.kind)
        order = sorted((state.name for state in self.kind.states), key=lambda name: name == last)
        ends = [(order.index(origin), order.index(destination)) for origin, destination, _ in self.jumps()]
        found = dict(zip(order, stationary(len(order), ends, self._rates(values)), strict=True))
        occupied = {p: found[s.name] for s, p in zip(self.kind.states, self.occupations, strict=True)}
        return evaluate(expressions, {**values, **occupied}, self._needed_by(expressions))

    @cached_property
    def _function(self) -> Callable[..., Callable[[Mapping[sympy.Symbol, NDArray[Any]]], list[NDArray[Any]]]]:
        """The function of some expressions and the symbols that have values, made once: it takes milliseconds."""
        return cache(lambda expressions, symbols: function_of(expressions, symbols, self.definitions))

    def _needed_by(self, expressions: Sequence[sympy.Expr]) -> Definitions:
        symbols = {symbol for expression in expressions for symbol in expression.free_symbols}
        needed = []
        for symbol, value in reversed(self.definitions):
            if symbol in symbols:
                needed.append((symbol, value))
                symbols |= value.free_symbols
        return tuple(reversed(needed))

    @cached_property
    def _rates(self) -> Callable[[Mapping[sympy.Symbol, NDArray[Any]]], list[NDArray[Any]]]:
        """The rates of all jumps as a function of values."""
        symbols = [t.symbol for t in self.kind.terminals] + [p.symbol for p in self.kind.parameters]
        return function_of([rate for *_, rate in self.jumps()], symbols, self.definitions)

    def jumps(self) -> Iterator[tuple[str, str, sympy.Expr]]:
        """Yield origin, destination and rate of every jump between states, both ways of a reversible step."""
        for step in self.kind.steps:
            forward, backward = self.rates[step.name]
            yield (*step.ends, forward)
            if step.reversible:
                yield (*reversed(step.ends), backward)

    def passages(self, flux: int) -> sympy.Expr:
        """Return how often the steps that close the cycles of a flux are passed, both ways added up."""
        occupied = {state.name: p for state, p in zip(self.kind.states, self.occupations, strict=True)}
        total = []
        for step in self.kind.steps:
            if step.name in self.crossings:
                origin, destination = step.ends
                forward, backward = self.rates[step.name]
                number = abs(self.crossings[step.name][flux])
                total.append(number * (occupied[origin] * forward + occupied[destination] * backward))
        return self.kind.population * sympy.Add(*total)

    def moved_by(self, flux: int) -> frozenset[sympy.Symbol]:
        """Return the terminals and parameters that a flux depends on."""
        expressions = [self.fluxes[flux]]
        if self.solved:
            expressions += [rate for *_, rate in self.jumps()]
        needed = self._needed_by(expressions)
        symbols = {symbol for e in (*expressions, *(v for _, v in needed)) for symbol in e.free_symbols}
        return frozenset(symbols - {symbol for symbol, _ in self.definitions} - set(self.occupations))

    def affinity(self, flux: int) -> sympy.Expr:
        """Affinity of a flux in kT, in terminals and parameters; raises ValueError for an irreversible one."""
        log_K = self.log_K[flux]
        if log_K is None:
            raise ValueError(f"{self.kind.name} has an irreversible step and no affinity")
        return self.expand(log_K) - driving(self.kind.terminals, self.stoichiometry[flux])


def potential(terminal: Terminal) -> sympy.Expr:
    """Dimensionless potential of a terminal in terms of its symbol: mu/kT or ln(c/c0)."""
    return terminal.symbol if terminal.content == "charge" else sympy.log(terminal.symbol)


def driving(terminals: tuple[Terminal, ...], net: tuple[int, ...]) -> sympy.Expr:
    """Sum of what is given to each terminal times its potential."""
    return sympy.Add(*(n * potential(t) for n, t in zip(net, terminals, strict=True)))


def derive(kind: DeviceKind, most_factors: int = MOST_FACTORS) -> DeviceLaw:
    """Derive the steady law of a device kind, as sums over trees where ``most_factors`` rates do for them.

    Raises ModelError for a law that breaks local detailed balance, for a cycle that does, for states that fall apart,
    and for a device through which nothing can flow.
    """
    if kind.current is not None:
        return _closed_form(kind)
    law = _Derivation(kind).law(most_factors)
    if not law.fluxes:
        message = f"nothing can flow through {kind.name}: no cycle of its transitions turns anything over"
        hint = "let what one transition takes from a terminal be given to another, and lead back to the first state"
        raise ModelError([Mistake(kind.span, message, hint)])
    return law


class _Derivation:
    """One device on its way to its law: names given to intermediate results, in order."""

    def __init__(self, kind: DeviceKind):
        self.kind = kind
        self.definitions = [(symbol, recognise_logistic(value)) for symbol, value in kind.lets]
        self.taken = {symbol.name for symbol, _ in kind.lets}
        self.taken |= {p.name for p in kind.parameters} | {t.name for t in kind.terminals}

    def define(self, name: str, value: sympy.Expr, positive: bool = True) -> sympy.Expr:
        """Give a result a name, unless it is one already."""
        if value.is_Atom:
            return value
        symbol = self._new_symbol(name, positive)
        self.definitions.append((symbol, value))
        return symbol

    def _new_symbol(self, name: str, positive: bool) -> sympy.Symbol:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return sympy.Symbol(name, positive=True) if positive else sympy.Symbol(name, real=True)

    def law(self, most_factors: int) -> DeviceLaw:
        kind = self.kind
        logs = {step.name: self._log_K(step) for step in kind.steps if step.reversible}
        cycles = fundamental_cycles(kind)
        lets = dict(kind.lets)
        check_balance(kind, cycles, {name: _insert(log, lets) for name, log in logs.items()})
        rates = {step.name: self._rates(step, logs) for step in kind.steps}
        basis, crossings = independent_turnovers(cycles)
        solved, norm = False, sympy.Integer(1)
        occupations: tuple[sympy.Expr, ...] = ()
        nets = {name: forward - backward for name, (forward, backward) in rates.items()}
        if kind.states:
            solved, occupations, norm = self._occupations(rates, most_factors)
            nets = {step.name: _net(step, rates, occupations, kind) for step in kind.steps if step.name in crossings}
        return DeviceLaw(
            kind=kind,
            definitions=tuple(self.definitions),
            fluxes=tuple(self._flux(number, nets, crossings) / norm for number in range(len(basis))),
            stoichiometry=tuple(cycle.turnover for cycle in basis),
            log_K=tuple(self._cycle_log_K(number, cycles, crossings, logs) for number in range(len(basis))),
            occupations=tuple(occupation / norm for occupation in occupations),
            rates=rates,
            crossings=crossings,
            solved=solved,
        )

    def _log_K(self, step: Step) -> sympy.Expr:
        """Return ln of a step's equilibrium constant without its terminals, with levers where states have energies."""
        if step.K_eq is not None:
            return sympy.log(step.K_eq)
        states = {state.name: state for state in self.kind.states}
        if step.origin is None or step.destination is None:
            return sympy.Integer(0)
        a, b = states[step.origin], states[step.destination]
        return a.energy - b.energy + sympy.log(b.degeneracy / a.degeneracy)

    def _rates(self, step: Step, logs: Mapping[str, sympy.Expr]) -> tuple[sympy.Expr, sympy.Expr]:
        """Forward and backward rate of a step as named results."""
        forward = f"{step.name}_forward"
        if not step.reversible:
            return self.define(forward, _irreversible(step, self.kind)), sympy.Integer(0)
        if step.forward.has(AFFINITY):
            there, back = self._by_affinity(step, logs[step.name])
        else:
            there, back = _by_mass_action(step, logs[step.name], self.kind)
        return self.define(forward, there), self.define(f"{step.name}_backward", back)

    def _by_affinity(self, step: Step, log_K: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
        check_symmetry(step)
        states = {state.name: state for state in self.kind.states}
        g_from = states[step.origin].degeneracy if step.origin else sympy.Integer(1)
        g_to = states[step.destination].degeneracy if step.destination else sympy.Integer(1)
        # The law holds between single microstates, hence the affinity without the degeneracies and the rates with them.
        bare = log_K - sympy.log(g_to / g_from) - driving(self.kind.terminals, step.net)
        affinity = self.define(f"{step.name}_affinity", bare, positive=False)
        law = recognise_logistic(step.forward)
        return g_to * law.xreplace({AFFINITY: affinity}), g_from * law.xreplace({AFFINITY: -affinity})

    def _occupations(
        self, rates: Mapping[str, tuple[sympy.Expr, sympy.Expr]], most_factors: int
    ) -> tuple[bool, tuple[sympy.Expr, ...], sympy.Expr]:
        """Return whether occupations are symbols to be solved for; else their tree sums; and what divides them."""
        kind = self.kind
        names = [state.name for state in kind.states]
        root_state(kind)
        if tree_factors(names, [step.ends for step in kind.steps]) > most_factors:
            return True, tuple(self._new_symbol(f"occupied_{name}", positive=True) for name in names), sympy.Integer(1)
        total: dict[tuple[str, str], sympy.Expr] = {}
        for step in kind.steps:
            for pair, rate in zip((step.ends, step.ends[::-1]), rates[step.name], strict=True):
                total[pair] = total.get(pair, sympy.Integer(0)) + rate
        weights = tree_weights(names, {pair: rate for pair, rate in total.items() if rate != 0})
        norm = self.define("weight", sympy.expand(sympy.Add(*weights.values())))
        return False, tuple(sympy.expand(weight) for weight in weights.values()), norm

    def _flux(
        self, number: int, nets: Mapping[str, sympy.Expr], crossings: Mapping[str, tuple[sympy.Rational, ...]]
    ) -> sympy.Expr:
        """Add up what passes through the chords; those that turn nothing over carry no current."""
        total = sympy.Add(*(numbers[number] * nets[name] for name, numbers in crossings.items()))
        return self.kind.population * sympy.expand(total) if self.kind.states else total

    @staticmethod
    def _cycle_log_K(
        number: int,
        cycles: tuple[Cycle, ...],
        crossings: Mapping[str, tuple[sympy.Rational, ...]],
        logs: Mapping[str, sympy.Expr],
    ) -> sympy.Expr | None:
        """Return the standard affinity of a flux from the cycle that is its unit; None where one of it has none."""
        taking_part = [c for c in cycles if c.chord.name in crossings and crossings[c.chord.name][number] != 0]
        if not all(step.reversible for cycle in taking_part for step, _ in cycle.steps):
            return None
        log = sympy.expand(sympy.expand_log(taking_part[0].log_K(logs), force=True))
        return sympy.logcombine(log, force=True)


def _net(
    step: Step,
    rates: Mapping[str, tuple[sympy.Expr, sympy.Expr]],
    occupations: tuple[sympy.Expr, ...],
    kind: DeviceKind,
) -> sympy.Expr:
    """Net passages of a step, from the occupations of its ends."""
    names = [state.name for state in kind.states]
    origin, destination = (occupations[names.index(end)] for end in step.ends)
    forward, backward = rates[step.name]
    return origin * forward - destination * backward


def _insert(expression: sympy.Expr, lets: Mapping[sympy.Symbol, sympy.Expr]) -> sympy.Expr:
    for symbol, value in reversed(list(lets.items())):
        expression = expression.xreplace({symbol: value})
    return expression


def check_symmetry(step: Step) -> None:
    """Refuse a law in `affinity` that is not k(a) = exp(a) k(-a): it would break local detailed balance.

    Everything in the law but the affinity is one symbol for the proof, so that its size does not matter.
    """
    law = _abstract(step.forward)
    balanced = law.xreplace({AFFINITY: -AFFINITY}) * sympy.exp(AFFINITY)
    numerator, _ = sympy.fraction(sympy.together((balanced - law).rewrite(sympy.exp)))
    if sympy.expand(numerator) == 0:  # what most laws need; the general proof takes long
        return
    if sympy.simplify((balanced / law).rewrite(sympy.exp)) != 1:
        message = f"the law {step.law} of step {step.name} breaks local detailed balance"
        hint = "a law in terms of affinity must satisfy k(a) = exp(a) k(-a), such as w / (1 + exp(-affinity))"
        raise ModelError([Mistake(step.span, message, hint)])


def _abstract(expression: sympy.Expr) -> sympy.Expr:
    """Replace every largest part without AFFINITY by a positive symbol, numbers excepted."""
    if not expression.has(AFFINITY):
        return expression if expression.is_number else sympy.Dummy("part", positive=True)
    if expression == AFFINITY:
        return expression
    with_affinity = [a for a in expression.args if a.has(AFFINITY) or a.is_number]
    without = [a for a in expression.args if not (a.has(AFFINITY) or a.is_number)]
    if isinstance(expression, (sympy.Mul, sympy.Add)) and without:
        return expression.func(sympy.Dummy("part", positive=True), *(_abstract(a) for a in with_affinity))
    return expression.func(*(_abstract(a) for a in expression.args))


def _concentrations(counts: tuple[int, ...], kind: DeviceKind) -> sympy.Expr:
    return sympy.Mul(*(t.symbol**n for t, n in zip(kind.terminals, counts, strict=True)))


def _by_mass_action(step: Step, log_K: sympy.Expr, kind: DeviceKind) -> tuple[sympy.Expr, sympy.Expr]:
    """Forward k times reactants, backward k / K_eq times products."""
    k = step.forward / REACTANTS
    k = sympy.cancel(k) if k.has(REACTANTS) else k
    charged = [
        t.name
        for t, r, p in zip(kind.terminals, step.reactants, step.products, strict=True)
        if t.content == "charge" and (r or p)
    ]
    if k.has(REACTANTS) or charged:
        message = (
            f"the law {step.law} needs concentrations, but {charged[0]} carries charge"
            if charged
            else f"the law {step.law} is not proportional to its reactants, so its backward rate is not determined"
        )
        hint = "state the rate in terms of affinity, or as k * reactants"
        raise ModelError([Mistake(step.span, message, hint)])
    inverse = sympy.powsimp(sympy.exp(-log_K)) if step.K_eq is None else 1 / step.K_eq
    return k * _concentrations(step.reactants, kind), k * inverse * _concentrations(step.products, kind)


def _irreversible(step: Step, kind: DeviceKind) -> sympy.Expr:
    if step.forward.has(AFFINITY):
        message = f"step {step.name} is irreversible, so it has no affinity for the law {step.law}"
        raise ModelError([Mistake(step.span, message, "write <-> for a reversible step, or use a law in reactants")])
    return step.forward.xreplace({REACTANTS: _concentrations(step.reactants, kind)})


def _closed_form(kind: DeviceKind) -> DeviceLaw:
    """Take a stated current as it is, after checking that it vanishes at zero affinity and runs along it."""
    assert kind.current is not None
    net = tuple({"source": -1, "target": 1, "gate": 0}[t.role] for t in kind.terminals)
    log_K = next((sympy.log(p.symbol) for p in kind.parameters if p.name == "K_eq"), sympy.Integer(0))
    definitions = tuple((symbol, recognise_logistic(value)) for symbol, value in kind.lets)
    law = DeviceLaw(kind, definitions, (recognise_logistic(kind.current),), (net,), (log_K,), (), {}, {})
    examine(kind, law.expand(law.fluxes[0]), law.affinity(0))
    return law
