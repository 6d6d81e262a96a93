"""The law of a device as code: values, derivatives forward for the Jacobian, derivatives backward for gradients."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence

import sympy
from scipy import constants as codata

from crncompile.program.calculus import Assignments, Names, backward, forward
from crncompile.program.elimination import elimination, straight_line
from crncompile.program.lower import routine
from crncompile.program.types import Kernel
from crncompile.symbolic.device_law import DeviceLaw
from crncompile.symbolic.functions import logistic

MOST_PRODUCTS = 100000
VOLUME = sympy.Symbol("volume", positive=True)


def device_kernel(law: DeviceLaw, pulled: Sequence[int]) -> Kernel:
    """Return the kernel of a device; fluxes in particles per second, terminals ``pulled`` with their adjoints."""
    scale = sympy.Float(codata.N_A) * VOLUME if law.kind.amount else sympy.Integer(1)
    parameters = tuple(p.symbol for p in law.kind.parameters) + ((VOLUME,) if law.kind.amount else ())
    terminals = tuple(t.symbol for t in law.kind.terminals)
    names = Names([s.name for s in (*terminals, *parameters)] + [s.name for s, _ in law.definitions])
    definitions, fluxes = law.definitions, law.fluxes
    if law.solved:
        plan = elimination(law, MOST_PRODUCTS)
        assert plan is not None
        added, fluxes = straight_line(law, plan, names)
        definitions += added
    defined = {symbol for symbol, _ in definitions}
    quotients = [_quotient(flux, defined, names) for flux in fluxes]
    return kernel(
        name=law.kind.name,
        text=law.kind.text,
        terminals=terminals,
        parameters=parameters,
        definitions=definitions + tuple(itertools.chain.from_iterable(named for named, _ in quotients)),
        fluxes=tuple(scale * flux for _, flux in quotients),
        pulled=pulled,
    )


def _quotient(flux: sympy.Expr, defined: Collection[sympy.Symbol], names: Names) -> tuple[Assignments, sympy.Expr]:
    """Name the net turnover of a flux, what it is divided by, and their quotient, which serves its own derivative."""
    factors = sympy.Mul.make_args(flux)
    divisors = [f.base for f in factors if f.is_Pow and f.exp == -1 and (f.base.is_Add or f.base.is_Symbol)]
    moving = [d for d in divisors if d.is_Add or d in defined]
    sums = [f for f in factors if f.is_Add]
    if len(moving) != 1 or len(sums) != 1:
        return (), flux
    divisor, named = moving[0], []
    if divisor.is_Add:
        divisor = names.symbol("denominator")
        named.append((divisor, moving[0]))
    net, turnover = names.symbol("net"), names.symbol("turnover")
    named += [(net, sums[0]), (turnover, net / divisor)]
    rest = [f for f in factors if f is not sums[0] and f != 1 / moving[0]]
    return tuple(named), sympy.Mul(*rest, turnover)


def kernel(
    *,
    name: str,
    text: str,
    terminals: tuple[sympy.Symbol, ...],
    parameters: tuple[sympy.Symbol, ...],
    definitions: Assignments,
    fluxes: tuple[sympy.Expr, ...],
    pulled: Sequence[int],
    result: str = "flux",
) -> Kernel:
    """Return the kernel of fluxes that use definitions, terminals and parameters; ``result`` is what they are."""
    arguments = terminals + parameters
    taken = [s.name for s in arguments] + [s.name for s, _ in definitions]
    flux_names = [result] if len(fluxes) == 1 else [f"{result}_{n}" for n in range(1, len(fluxes) + 1)]

    along, table = forward(definitions, fluxes, terminals, Names(taken))
    slope_of = tuple((f, t) for f, row in enumerate(table) for t, d in enumerate(row) if d != 0)
    slope_names = [f"{flux_names[f]}_{terminals[t].name}" for f, t in slope_of]

    names = Names(taken)
    weights = tuple(names.symbol("weight" if len(fluxes) == 1 else f"weight_{n}") for n, _ in enumerate(fluxes, 1))
    total = sympy.Add(*(w * flux for w, flux in zip(weights, fluxes, strict=True)))
    wanted = parameters + tuple(terminals[t] for t in pulled)
    back, bars = backward(definitions, total, wanted, names)

    return Kernel(
        name=name,
        text=text,
        terminals=terminals,
        parameters=parameters,
        value=routine(arguments, definitions, fluxes, flux_names),
        gross=routine(arguments, definitions, [magnitude(flux, dict(definitions)) for flux in fluxes], flux_names),
        slopes=routine(arguments, along, [*fluxes, *(table[f][t] for f, t in slope_of)], [*flux_names, *slope_names]),
        slope_of=slope_of,
        pull=routine(weights + arguments, back, bars, [f"to_{s.name}" for s in wanted]),
        pulled=tuple(s.name for s in wanted),
    )


def magnitude(expression: sympy.Expr, definitions: Mapping[sympy.Symbol, sympy.Expr]) -> sympy.Expr:
    """Return the sum of the absolute values of the terms of an expression: what its rounding errors are relative to.

    A defined symbol without a sign stands for its definition.
    """
    if expression.is_Add or expression.is_Mul:
        return expression.func(*(magnitude(part, definitions) for part in expression.args))
    if expression.is_Pow and expression.exp.is_Integer and expression.exp > 0:
        return magnitude(expression.base, definitions) ** expression.exp
    if expression.is_positive or isinstance(expression, (sympy.exp, logistic)):
        return expression
    if isinstance(expression, sympy.log):
        return 1 + sympy.Abs(expression)  # its argument is as uncertain as 1 is
    if expression in definitions:
        return magnitude(definitions[expression], definitions)
    return sympy.Abs(expression)
