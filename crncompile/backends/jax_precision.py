"""Which laws single precision does not hold: products of rates, and squares of divisors, may leave its range.

Magnitudes are judged by the units in which a model states its parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.backends.kernel_text import function
from crncompile.backends.load import load_module
from crncompile.program.types import FamilyCode, Kernel, Program, Routine, SlotCode

SIZES = (0.1, 1.0, 10.0)
"""What parameters are judged at, in their units."""
POTENTIALS = (-3.0, 0.0, 3.0)
"""mu in kT; concentrations are judged at these powers of ten times 1 mM."""
LARGEST, LARGEST_DIVISOR = 1e36, 1e18
"""Derivatives of quotients are divided by the divisor's square."""


def wide_kernels(program: Program) -> set[str]:
    """Return the names of kernels that need double precision in one of their families."""
    kernels = {kernel.name: kernel for kernel in program.kernels}
    found = set()
    for family in program.families:
        kernel = kernels[family.kernel]
        if isinstance(kernel, Kernel) and family.kernel not in found and not _fits(program, family, kernel):
            found.add(family.kernel)
    return found


def _fits(program: Program, family: FamilyCode, kernel: Kernel) -> bool:
    factors = {parameter.name: parameter.factor for parameter in program.parameters}
    slots = [np.array([_value(slot, factors, size) for size in SIZES]) for slot in family.slots]
    return fits(kernel, [*_terminals(kernel), *(slot[:, None] for slot in slots)])


def fits(kernel: Kernel, arguments: Sequence[NDArray[np.float64]]) -> bool:
    """Whether single precision holds all that a kernel computes of some terminals and parameters."""
    for routine in (kernel.slopes, kernel.gross):
        values, divisors = _sizes(routine, arguments)
        if not (values.max() <= LARGEST and divisors.max() <= LARGEST_DIVISOR):
            return False
        if not divisors.min() >= 1 / LARGEST_DIVISOR:
            return False
    return True


def _value(slot: SlotCode, factors: dict[str, float], size: float) -> float:
    return float(slot.expression.subs({read.symbol: factors[read.name] * size for read in slot.reads}))


def _terminals(kernel: Kernel) -> Iterator[NDArray[np.float64]]:
    """Yield the values of each terminal, (1, points): all potentials, with neighbours shifted against each other."""
    for number, symbol in enumerate(kernel.terminals):
        potentials = np.roll(np.repeat(POTENTIALS, len(POTENTIALS)), number * (len(POTENTIALS) + 1))
        yield (1e-3 * 10**potentials if symbol.is_positive else potentials)[None]


def _sizes(
    routine: Routine, arguments: Sequence[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sizes of all intermediate values of a routine, infinite where they are in single precision.

    The second array has the sizes of all that it divides by.
    """
    bases = {
        power.base: None
        for _, value in routine.assignments
        for power in value.atoms(sympy.Pow)
        if power.exp.could_extract_minus_sign() and not power.base.is_number
    }
    divisors = tuple((sympy.Symbol(f"divisor {number}"), base) for number, base in enumerate(bases))
    assignments = routine.assignments + divisors
    whole = Routine(routine.arguments, assignments, tuple(symbol for symbol, _ in assignments), ())
    text = function("values", whole, "All intermediate values.", set())
    module = load_module(f"from crncompile.backends.numpy_runtime import N_A, exp, np\n\n\n{text}", "crncompile:sizes")
    with np.errstate(all="ignore"):
        single = module.values(*(argument.astype(np.float32) for argument in arguments))
        pairs = zip(module.values(*arguments), single, strict=True)
        found = [np.ravel(np.where(np.isfinite(rounded), np.abs(value), np.inf)) for value, rounded in pairs]
    return np.concatenate([[0.0], *found]), np.concatenate([[1.0], *found[len(routine.assignments) :]])
