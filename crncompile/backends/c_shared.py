"""What a routine in C computes once for devices that share it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sympy

from crncompile.backends.constants import Assignment, Split, alive
from crncompile.program.types import FamilyCode, Kernel


@dataclass(frozen=True)
class Shared:
    """Code of a routine that depends on some terminals alone, and on constants that all devices share by default.

    ``code`` is computed where these change, ``kept`` of it is what the ``rest`` of the code needs, or an output is.
    """

    code: tuple[Assignment, ...] = ()
    kept: tuple[sympy.Symbol, ...] = ()
    constants: frozenset[sympy.Symbol] = frozenset()
    rest: tuple[Assignment, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.code)

    @classmethod
    def of(cls, parts: Split, kernel: Kernel, family: FamilyCode, terminals: Collection[sympy.Symbol]) -> Shared:
        """Find what depends on these terminals alone, if that is more than a few sums and products."""
        common = _common(parts, kernel, family)
        shared: dict[sympy.Symbol, sympy.Expr] = {}
        for symbol, value in parts.moving:
            if value.free_symbols <= {*common, *terminals, *shared}:
                shared[symbol] = value
        rest = tuple((symbol, value) for symbol, value in parts.moving if symbol not in shared)
        if len(family.shape) < 2 or not any(map(_costly, shared.values())):
            return cls(rest=parts.moving)
        used = set().union(*(value.free_symbols for _, value in rest), *(o.free_symbols for o in parts.outputs))
        kept = tuple(symbol for symbol in shared if symbol in used)
        constants = set().union(*(value.free_symbols for value in shared.values())) & common
        return cls(tuple(alive(list(shared.items()), kept)), kept, frozenset(constants), rest)


def _common(parts: Split, kernel: Kernel, family: FamilyCode) -> set[sympy.Symbol]:
    """Return the constants that are the same for all devices of a family, as long as parameters have their shapes."""
    slots = dict(zip(kernel.parameters, family.slots, strict=False))
    single = {symbol for symbol, slot in slots.items() if all(read.view.axes == () for read in slot.reads)}
    written = zip(parts.needed, parts.written_out, strict=True)
    return {symbol for symbol, value in written if value.free_symbols <= single}


def _costly(value: sympy.Expr) -> bool:
    return bool(value.atoms(sympy.Function)) or any(
        not (power.exp.is_Integer and power.exp > 0) for power in value.atoms(sympy.Pow)
    )
