"""The steady currents of a device from its numerical rate matrix, in 50 digits.

Independent of the derived law: rates come from the device's transitions alone, backward ones as
forward * exp(-affinity), and the occupations are the null vector of the matrix, found by Gaussian elimination.
`analyze.verify` compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import mpmath
import sympy

from crncompile.network.types import AFFINITY, REACTANTS, DeviceKind, Step
from crncompile.symbolic.functions import logistic

DIGITS = 50


@dataclass(frozen=True)
class StepRates:
    """Forward and backward rate of a step, and its affinity in kT (infinite where it is irreversible)."""

    forward: mpmath.mpf
    backward: mpmath.mpf
    affinity: mpmath.mpf


@dataclass(frozen=True)
class SteadyCurrents:
    """What each terminal receives per second (M/s where ``kind.amount``), and the largest flux of a step one way."""

    terminals: tuple[mpmath.mpf, ...]
    largest: mpmath.mpf


class RateMatrix:
    """The rates of a device kind's steps as numbers, for any values of its terminals and parameters."""

    def __init__(self, kind: DeviceKind):
        self.kind = kind

    @cached_property
    def _function(self) -> Any:
        rows = [_forward_and_affinity(self.kind, step) for step in self.kind.steps]
        expressions = [self.kind.population, *(e for row in rows for e in row)]
        symbols = [t.symbol for t in self.kind.terminals] + [p.symbol for p in self.kind.parameters]
        modules = [{logistic.__name__: lambda x: 1 / (1 + mpmath.exp(-x))}, "mpmath"]
        return sympy.lambdify(symbols, [_without_lets(self.kind, e) for e in expressions], modules=modules, cse=True)

    def _evaluate(self, values: Mapping[str, float]) -> tuple[mpmath.mpf, list[StepRates]]:
        names = [t.name for t in self.kind.terminals] + [p.name for p in self.kind.parameters]
        population, *numbers = self._function(*(mpmath.mpf(float(values[name])) for name in names))
        rates = []
        for step, forward, affinity in zip(self.kind.steps, numbers[::2], numbers[1::2], strict=True):
            backward = forward * mpmath.exp(-affinity) if step.reversible else mpmath.mpf(0)
            rates.append(StepRates(forward, backward, affinity if step.reversible else mpmath.inf))
        return population, rates

    def rates(self, values: Mapping[str, float]) -> dict[str, StepRates]:
        """Return the rates of every step, by its name."""
        with mpmath.workdps(DIGITS):
            rates = self._evaluate(values)[1]
            return {step.name: rate for step, rate in zip(self.kind.steps, rates, strict=True)}

    def currents(self, values: Mapping[str, float]) -> SteadyCurrents:
        """Return the steady currents into the terminals."""
        with mpmath.workdps(DIGITS):
            population, rates = self._evaluate(values)
            occupation = self._occupations(rates)
            one_way = [
                (
                    population * occupation[step.origin] * r.forward,
                    population * occupation[step.destination] * r.backward,
                )
                for step, r in zip(self.kind.steps, rates, strict=True)
            ]
            into = [
                mpmath.fsum(
                    step.net[t] * (there - back) for step, (there, back) in zip(self.kind.steps, one_way, strict=True)
                )
                for t in range(len(self.kind.terminals))
            ]
            return SteadyCurrents(tuple(into), max(flux for pair in one_way for flux in pair))

    def _occupations(self, rates: list[StepRates]) -> dict[str | None, mpmath.mpf]:
        """Return the normalised null vector of the rate matrix; a reaction has one state without a name."""
        if not self.kind.states:
            return {None: mpmath.mpf(1)}
        names = [state.name for state in self.kind.states]
        matrix = mpmath.zeros(len(names))
        for step, rate in zip(self.kind.steps, rates, strict=True):
            a, b = names.index(str(step.origin)), names.index(str(step.destination))
            for source, target, k in ((a, b, rate.forward), (b, a, rate.backward)):
                matrix[target, source] += k
                matrix[source, source] -= k
        for column in range(len(names)):
            matrix[0, column] = 1
        solution = mpmath.lu_solve(matrix, mpmath.matrix([1] + [0] * (len(names) - 1)))
        return dict(zip(names, solution, strict=True))


def _forward_and_affinity(kind: DeviceKind, step: Step) -> tuple[sympy.Expr, sympy.Expr]:
    """Return the forward rate and the affinity of a step, from the definitions of both in the language.

    A law in ``affinity`` holds between single microstates: it knows energies and potentials but no degeneracy, and a
    state of degeneracy g is entered at g times the rate.
    """
    states = {state.name: state for state in kind.states}
    energy, ratio, copies = sympy.Integer(0), sympy.Integer(1), sympy.Integer(1)
    if step.origin is not None and step.destination is not None:
        a, b = states[step.origin], states[step.destination]
        energy, ratio, copies = a.energy - b.energy, b.degeneracy / a.degeneracy, b.degeneracy
    bare = energy if step.K_eq is None else sympy.log(step.K_eq)
    for terminal, net in zip(kind.terminals, step.net, strict=True):
        bare -= net * (terminal.symbol if terminal.content == "charge" else sympy.log(terminal.symbol))
    full = bare + sympy.log(ratio) if step.K_eq is None else bare
    reactants = sympy.Mul(*(t.symbol**n for t, n in zip(kind.terminals, step.reactants, strict=True)))
    if step.forward.has(AFFINITY):
        return copies * step.forward.xreplace({AFFINITY: bare}), full
    return step.forward.xreplace({REACTANTS: reactants}), full


def _without_lets(kind: DeviceKind, expression: sympy.Expr) -> sympy.Expr:
    for symbol, value in reversed(kind.lets):
        expression = expression.xreplace({symbol: value})
    return expression
