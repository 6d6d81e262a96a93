"""Laws that are a factor of each device times one function of two potentials, which a backend may interpolate.

Where such a function is no sum of a few products, it is the limit of sums of ever more: on bounded ranges the error
falls geometrically with their number where the law is analytic (Townsend and Trefethen, An extension of Chebfun to two
dimensions, SIAM J. Sci. Comput. 35, C495, 2013). How many a range needs shows only when its parameters are known.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from crncompile.program.separable import COLUMNS, ROWS, Sides
from crncompile.symbolic.device_law import DeviceLaw

_LARGEST = 200
"""Operations of a law above which no factor is sought that does not stand in front of it."""


@dataclass(frozen=True)
class Pair:
    """A flux as factor * coupling."""

    factor: sympy.Expr
    coupling: sympy.Expr


def paired(law: DeviceLaw, where: Sides) -> Pair | None:
    """Take the only flux of a law apart, or return None where that is not possible.

    ``where`` says over what symbols run. There are two terminals, one over the rows and one over the columns; a third
    (a gate, a supply) is not interpolated. What is not shared by all devices stands in the factor alone.
    """
    terminals = [terminal.symbol for terminal in law.kind.terminals]
    if sorted(map(sorted, (where[t] for t in terminals))) != [[COLUMNS], [ROWS]]:
        return None
    expression = law.expand(law.fluxes[0])
    for rewritten in (lambda e: e, sympy.factor):
        factor, coupling = rewritten(expression).as_independent(*terminals, as_Add=False)
        if all(not where[symbol] for symbol in coupling.free_symbols - set(terminals)):
            return Pair(factor, coupling)
        if expression.count_ops() > _LARGEST:
            break
    return None
