"""The law of a device as code: values, derivatives forward for the Jacobian, derivatives backward for gradients."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import sympy

from crncompile import constants as codata
from crncompile.program.calculus import Assignments, Names, backward, forward
from crncompile.program.elimination import elimination, straight_line
from crncompile.program.lower import routine
from crncompile.program.types import Elimination, Kernel, Routine, SolvedKernel
from crncompile.symbolic.device_law import DeviceLaw
from crncompile.symbolic.functions import logistic
from crncompile.symbolic.margins import Margins

MOST_STATES, MOST_WRITTEN = 16, 200
"""States of a device, and products in their elimination, up to which it is written out as straight-line code."""
MOST_PRODUCTS = 4000
"""Products beyond which jumps that turn over different amounts are thrown together."""
VOLUME = sympy.Symbol("volume", positive=True)


def device_kernel(law: DeviceLaw, pulled: Sequence[int], bounds: Margins | None = None) -> Kernel | SolvedKernel:
    """Return the kernel of a device; fluxes in particles per second, terminals ``pulled`` with their adjoints."""
    plan, inline = plan_of(law)
    if plan is not None and not inline:
        return _solved_kernel(law, plan, pulled)
    scale, terminals, parameters = _interface(law)
    names = Names([s.name for s in (*terminals, *parameters)] + [s.name for s, _ in law.definitions])
    definitions, fluxes = law.definitions, law.fluxes
    if plan is not None:
        added, fluxes = straight_line(law, plan, names)
        definitions += added
    defined = {symbol for symbol, _ in definitions}
    quotients = [_quotient(flux, defined, names) for flux in fluxes]
    whole = kernel(
        name=law.kind.name,
        text=law.kind.text,
        terminals=terminals,
        parameters=parameters,
        definitions=definitions + tuple(itertools.chain.from_iterable(named for named, _ in quotients)),
        fluxes=tuple(scale * flux for _, flux in quotients),
        pulled=pulled,
    )
    return replace(whole, margin=_margin(bounds, parameters)) if bounds else whole


def bounded_ends(bounds: Margins) -> tuple[int, ...]:
    """Return the terminals of the outputs of a kernel's ``margin``, in their order."""
    return tuple(terminal for terminal, margin in bounds.of.items() if margin is not None)


def _margin(bounds: Margins, parameters: tuple[sympy.Symbol, ...]) -> Routine:
    ends = bounded_ends(bounds)
    names = [f"margin_{bounds.low[end].name.removesuffix('_low')}" for end in ends]
    return routine((*bounds.low, *bounds.high, *parameters), (), [bounds.of[end] for end in ends], names)


def plan_of(law: DeviceLaw) -> tuple[Elimination | None, bool]:
    """Return how the occupations of a law are found, and whether in straight-line code; None for one in closed form."""
    if not law.solved:
        return None, False
    plan = elimination(law, MOST_PRODUCTS)
    if plan is not None:
        return plan, len(law.kind.states) <= MOST_STATES and len(plan.products) <= MOST_WRITTEN
    return elimination(law, sys.maxsize, apart=False), False


def evaluation(law: DeviceLaw) -> str:
    """Say in a few words how the fluxes of a device are computed."""
    if law.kind.current is not None:
        return "closed form"
    if not law.kind.states:
        return "rate law of the step"
    plan, inline = plan_of(law)
    if plan is None:
        return "closed form, sums over trees"
    states = f"{plan.states} states"
    return f"elimination of {states} in straight-line code" if inline else f"batched elimination of {states}"


def _interface(law: DeviceLaw) -> tuple[sympy.Expr, tuple[sympy.Symbol, ...], tuple[sympy.Symbol, ...]]:
    """Return what turns fluxes into particles per second, the terminals, and the parameters with the volume."""
    terminals = tuple(t.symbol for t in law.kind.terminals)
    parameters = tuple(p.symbol for p in law.kind.parameters)
    scale = flux_scale(law.kind.amount)
    return scale, terminals, (*parameters, VOLUME) if law.kind.amount else parameters


def flux_scale(amount: bool) -> sympy.Expr:
    """Return what turns fluxes into particles per second: those of an ``amount`` are in M/s."""
    return sympy.Float(codata.N_A) * VOLUME if amount else sympy.Integer(1)


def _solved_kernel(law: DeviceLaw, plan: Elimination, pulled: Sequence[int]) -> SolvedKernel:
    scale, terminals, parameters = _interface(law)
    rates = kernel(
        name=f"{law.kind.name}_rates",
        text="",
        terminals=terminals,
        parameters=parameters,
        definitions=law.definitions,
        fluxes=(*(rate for *_, rate in law.jumps()), scale * law.kind.population),
        pulled=pulled,
        result="rate",
    )
    moving = sorted({terminal for _, terminal in rates.slope_of})
    count = len(law.fluxes)
    return SolvedKernel(
        name=law.kind.name,
        text=law.kind.text,
        rates=rates,
        plan=plan,
        flux_names=("flux",) if count == 1 else tuple(f"flux_{n}" for n in range(1, count + 1)),
        slope_of=tuple((flux, terminal) for flux in range(count) for terminal in moving),
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

    value = routine(arguments, definitions, fluxes, flux_names)
    sizes = tuple(magnitude(flux, dict(definitions)) for flux in fluxes)
    return Kernel(
        name=name,
        text=text,
        terminals=terminals,
        parameters=parameters,
        value=value,
        gross=value if sizes == fluxes else routine(arguments, definitions, sizes, flux_names),
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
