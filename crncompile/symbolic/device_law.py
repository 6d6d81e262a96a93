"""From the states and transitions of a device to the steady current through every terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import sympy

from crncompile.errors import Mistake, ModelError
from crncompile.network.types import AFFINITY, REACTANTS, DeviceKind, Step, Terminal
from crncompile.symbolic.functions import recognise_logistic
from crncompile.symbolic.matrix_tree import tree_weights
from crncompile.symbolic.sampling import draw, evaluate
from crncompile.symbolic.turnover import Cycle, check_balance, fundamental_cycles

Definitions = tuple[tuple[sympy.Symbol, sympy.Expr], ...]


@dataclass(frozen=True)
class DeviceLaw:
    """The steady law of a device kind.

    ``definitions`` are in an order in which each uses terminals, parameters and earlier ones only. ``fluxes`` are
    turnovers per second (M/s where ``kind.amount``); terminal t receives ``sum(stoichiometry[f][t] * fluxes[f])``.
    ``log_K[f]`` is the standard affinity of flux f in kT: its affinity is ``log_K - sum(stoichiometry * potential)``;
    ``None`` where a step of it is irreversible. ``occupations`` are the stationary probabilities of the states.
    """

    kind: DeviceKind
    definitions: Definitions
    fluxes: tuple[sympy.Expr, ...]
    stoichiometry: tuple[tuple[int, ...], ...]
    log_K: tuple[sympy.Expr | None, ...]
    occupations: tuple[sympy.Expr, ...]
    rates: Mapping[str, tuple[sympy.Expr, sympy.Expr]]

    def expand(self, expression: sympy.Expr) -> sympy.Expr:
        """Return an expression with all definitions inserted: one in terminals and parameters alone."""
        for symbol, definition in reversed(self.definitions):
            expression = expression.xreplace({symbol: definition})
        return expression

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


def derive(kind: DeviceKind) -> DeviceLaw:
    """Derive the steady law of a device kind.

    Raises ModelError for a law that breaks local detailed balance, for a cycle that does, and for states that fall
    apart.
    """
    if kind.current is not None:
        return _closed_form(kind)
    return _Derivation(kind).law()


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
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        symbol = sympy.Symbol(name, positive=True) if positive else sympy.Symbol(name, real=True)
        self.definitions.append((symbol, value))
        return symbol

    def law(self) -> DeviceLaw:
        kind = self.kind
        logs = {step.name: self._log_K(step) for step in kind.steps if step.reversible}
        cycles = fundamental_cycles(kind)
        lets = dict(kind.lets)
        check_balance(kind, cycles, {name: _insert(log, lets) for name, log in logs.items()})
        rates = {step.name: self._rates(step, logs) for step in kind.steps}
        if kind.states:
            fluxes, occupations = self._chord_fluxes(cycles, rates)
        else:
            fluxes, occupations = [rates[c.chord.name][0] - rates[c.chord.name][1] for c in cycles], []
        return self._collect(cycles, fluxes, occupations, logs, rates)

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

    def _chord_fluxes(
        self, cycles: tuple[Cycle, ...], rates: Mapping[str, tuple[sympy.Expr, sympy.Expr]]
    ) -> tuple[list[sympy.Expr], list[sympy.Expr]]:
        """Net current through every chord, and the occupations, by the matrix-tree theorem."""
        names = [state.name for state in self.kind.states]
        total: dict[tuple[str, str], sympy.Expr] = {}
        for step in self.kind.steps:
            origin, destination = step.ends
            for pair, rate in zip(((origin, destination), (destination, origin)), rates[step.name], strict=True):
                total[pair] = total.get(pair, sympy.Integer(0)) + rate
        weights = tree_weights(names, {pair: rate for pair, rate in total.items() if rate != 0})
        norm = self.define("weight", sympy.expand(sympy.Add(*weights.values())))
        fluxes = []
        for cycle in cycles:
            forward, backward = rates[cycle.chord.name]
            origin, destination = weights[str(cycle.chord.origin)], weights[str(cycle.chord.destination)]
            fluxes.append(self.kind.population * sympy.expand(origin * forward - destination * backward) / norm)
        return fluxes, [sympy.expand(weight) / norm for weight in weights.values()]

    def _collect(
        self,
        cycles: tuple[Cycle, ...],
        fluxes: list[sympy.Expr],
        occupations: list[sympy.Expr],
        logs: Mapping[str, sympy.Expr],
        rates: Mapping[str, tuple[sympy.Expr, sympy.Expr]],
    ) -> DeviceLaw:
        """Add up the chords of equal turnover; those that turn nothing over carry no current."""
        merged: dict[tuple[int, ...], list[int]] = {}
        for number, cycle in enumerate(cycles):
            if any(cycle.turnover):
                merged.setdefault(cycle.turnover, []).append(number)
        log_K = [self._cycle_log_K([cycles[n] for n in numbers], logs) for numbers in merged.values()]
        return DeviceLaw(
            kind=self.kind,
            definitions=tuple(self.definitions),
            fluxes=tuple(sympy.Add(*(fluxes[n] for n in numbers)) for numbers in merged.values()),
            stoichiometry=tuple(merged),
            log_K=tuple(log_K),
            occupations=tuple(occupations),
            rates=rates,
        )

    @staticmethod
    def _cycle_log_K(cycles: list[Cycle], logs: Mapping[str, sympy.Expr]) -> sympy.Expr | None:
        reversible = all(step.reversible for cycle in cycles for step, _ in cycle.steps)
        if not reversible:
            return None
        log = sympy.expand(sympy.expand_log(cycles[0].log_K(logs), force=True))
        return sympy.logcombine(log, force=True)


def _insert(expression: sympy.Expr, lets: Mapping[sympy.Symbol, sympy.Expr]) -> sympy.Expr:
    for symbol, value in reversed(list(lets.items())):
        expression = expression.xreplace({symbol: value})
    return expression


def check_symmetry(step: Step) -> None:
    """Refuse a law in `affinity` that is not k(a) = exp(a) k(-a): it would break local detailed balance.

    Everything in the law but the affinity is one symbol for the proof, so that its size does not matter.
    """
    law = _abstract(step.forward)
    ratio = law.xreplace({AFFINITY: -AFFINITY}) * sympy.exp(AFFINITY) / law
    if sympy.simplify(ratio.rewrite(sympy.exp)) != 1:
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


def _concentrations(step: Step, counts: tuple[int, ...], kind: DeviceKind) -> sympy.Expr:
    return sympy.Mul(*(t.symbol**n for t, n in zip(kind.terminals, counts, strict=True)))


def _by_mass_action(step: Step, log_K: sympy.Expr, kind: DeviceKind) -> tuple[sympy.Expr, sympy.Expr]:
    """Forward k times reactants, backward k / K_eq times products."""
    k = sympy.cancel(step.forward / REACTANTS)
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
    return k * _concentrations(step, step.reactants, kind), k * inverse * _concentrations(step, step.products, kind)


def _irreversible(step: Step, kind: DeviceKind) -> sympy.Expr:
    if step.forward.has(AFFINITY):
        message = f"step {step.name} is irreversible, so it has no affinity for the law {step.law}"
        raise ModelError([Mistake(step.span, message, "write <-> for a reversible step, or use a law in reactants")])
    return step.forward.xreplace({REACTANTS: _concentrations(step, step.reactants, kind)})


def _closed_form(kind: DeviceKind) -> DeviceLaw:
    """Take a stated current as it is, after checking that it vanishes at zero affinity and runs along it."""
    assert kind.current is not None
    net = tuple({"source": -1, "target": 1, "gate": 0}[t.role] for t in kind.terminals)
    log_K = next((sympy.log(p.symbol) for p in kind.parameters if p.name == "K_eq"), sympy.Integer(0))
    definitions = tuple((symbol, recognise_logistic(value)) for symbol, value in kind.lets)
    law = DeviceLaw(kind, definitions, (recognise_logistic(kind.current),), (net,), (log_K,), (), {})
    check_equilibrium(law)
    check_dissipation(law)
    return law


def check_equilibrium(law: DeviceLaw) -> None:
    """Refuse a closed form whose current is not identically zero where its affinity is zero."""
    kind = law.kind
    target = next(t for t in kind.terminals if t.role == "target")
    others = law.log_K[0] - driving(kind.terminals, law.stoichiometry[0]) + potential(target)
    balanced = others if target.content == "charge" else sympy.exp(sympy.expand_log(others, force=True))
    current = law.expand(law.fluxes[0]).rewrite(sympy.exp).xreplace({target.symbol: balanced})
    if sympy.simplify(current) != 0:
        message = f"the current of {kind.name} does not vanish at zero affinity"
        where = sympy.sstr(sympy.simplify(balanced))
        hint = f"at {target.name} = {where} the device is at equilibrium and must carry nothing"
        raise ModelError([Mistake(kind.span, message, hint)])


def check_dissipation(law: DeviceLaw) -> None:
    """Refuse a closed form whose current runs against its affinity at some of a thousand random points."""
    kind = law.kind
    values = draw(kind, 1000, seed=1)
    flux, affinity = evaluate([law.expand(law.fluxes[0]), law.affinity(0)], values)
    production = flux * affinity
    worst = int(np.argmin(np.where(np.abs(affinity) > 1e-3, np.nan_to_num(production), 0.0)))
    if production[worst] < 0.0:
        point = ", ".join(f"{t.name} = {values[t.symbol][worst]:.3g}" for t in kind.terminals)
        message = f"the current of {kind.name} runs against its affinity, which the second law forbids"
        hint = f"for example at {point} (in kT or M); a current is positive along the arrow of the device"
        raise ModelError([Mistake(kind.span, message, hint)])
