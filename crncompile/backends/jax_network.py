"""The functions of a network as jax traces them: pure functions of potentials, and of what parameters give."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from crncompile.backends import jax_runtime
from crncompile.backends.jax_runtime import Array, Changing, in_tiles, plain
from crncompile.backends.jax_text import traced_text
from crncompile.backends.load import load_module
from crncompile.backends.separable import Fixed, SeparableFamily, Sizes, State
from crncompile.program.types import FamilyCode, Program, Split

Given = Mapping[str, Any]
"""``parameters``, index arrays among them, and ``fixed``: of each family in matrix products its slots and factors."""
KINDS: tuple[type[State], ...] = (State, Sizes)


class TracedNetwork:
    """One network; with ``products`` the families that have a split are evaluated by matrix products.

    Of the others at most ``tile`` devices are evaluated at once, but for those of one sample; kernels that are
    ``wide`` are evaluated in double precision.
    """

    def __init__(self, program: Program, products: bool, tile: int, wide: Collection[str] = ()):
        self.program = program
        split = [code for code in program.families if products and isinstance(code.split, Split)]
        self.families = [SeparableFamily(program, code, jax_runtime) for code in split]
        taken = {code.name for code in split}
        self.others = tuple(code for code in program.families if code.name not in taken)
        text, self.indices = traced_text(program, self.others, wide)
        self.module = load_module(text, f"crncompile:{program.name}:jax")
        self.held = sum(held.group.stop - held.group.start for held in program.held)
        self.step = power_of_two(tile // devices(self.others))

    def width(self) -> int:
        """Numbers per sample that stand in the results, or are at work at once in matrix products."""
        sizes = [group.stop - group.start for group in self.program.groups]
        blocks = [sizes[r] * (sizes[c] if kind == "dense" else 1) for (r, c), kind in self.program.blocks.items()]
        entries = sum(blocks) if self.program.pattern is None else len(self.program.pattern.rows)
        return max(1, entries, *(family.width(settled=True) for family in self.families))

    def moved(self) -> set[str]:
        """Names of the parameters that decide of currents."""
        families = [code for code in self.program.families if code.currents]
        return {read.name for code in families for slot in code.slots for read in slot.reads}

    # --- what parameters and held potentials fix ----------------------------------------------------------------------

    def fixed(self, parameters: Mapping[str, Array]) -> list[tuple[Sequence[Array], Array]]:
        """Return slots and factors of the families in matrix products; index arrays are among the parameters."""
        slots = self.module.slots_of(parameters) if self.families else {}
        fixed = [family.fixed(slots[family.code.name]) for family in self.families]
        return [(one.slots, one.factor) for one in fixed]

    def settle(self, held: Array, given: Given) -> Array:
        """Return held potentials (batch, held) with more columns: what they decide of sums over devices."""
        batch, nothing = len(held), jnp.zeros((len(held), self.program.groups[-1].stop), held.dtype)
        natural = self._natural(nothing, held)
        sums = [
            family.through(natural, batch, Fixed(*fixed), kind)
            for family, fixed in zip(self.families, given["fixed"], strict=True)
            for kind in KINDS
            if family.settled is not None
        ]
        return jnp.concatenate([held, *sums], axis=1)

    # --- functions ----------------------------------------------------------------------------------------------------

    def currents(self, u: Array, held: Array, given: Given) -> Array:
        """Net current into every floating reservoir, (batch, reservoirs)."""
        into: Any = Changing(self._of_others("_currents", u, held, given))
        for family, state in self._states(u, held, given, State):
            family.add_currents(state, into)
        return plain(into)

    def gross(self, u: Array, held: Array, given: Given) -> Array:
        """Sum of the absolute values of all terms of `currents`; products count as terms."""
        into: Any = Changing(self._of_others("_gross", u, held, given))
        for family, state in self._states(u, held, given, Sizes):
            family.add_currents(state, into, signed=False)
        return plain(into)

    def linearise(self, u: Array, held: Array, given: Given) -> tuple[Array, Any]:
        """`currents` and their Jacobian by blocks or entries."""
        into, jacobian = jax.tree.map(Changing, self._of_others("_linearise", u, held, given))
        for family, state in self._states(u, held, given, State):
            family.add_currents(state, into)
            family.add_blocks(state, jacobian)
        return plain(into), plain(jacobian)

    def _of_others(self, name: str, u: Array, held: Array, given: Given) -> Any:
        """Call a function of the families that are evaluated device by device."""
        function = getattr(self.module, name)
        own = held[:, : self.held]
        return in_tiles(lambda u, held: function(u, held, given["parameters"]), self.step, u, own)

    def pullback(
        self, adjoint: Array, u: Array, held: Array, moved: Mapping[str, Array], still: Mapping[str, Array]
    ) -> tuple[Mapping[str, Array], Array]:
        """Return derivatives of sum(adjoint * currents) by the parameters ``moved`` and by held potentials."""

        def of(moved: Mapping[str, Array], held: Array) -> Array:
            whole = {**moved, **still}
            return self.currents(u, held, {"parameters": whole, "fixed": self.fixed(whole)})

        _, pull = jax.vjp(of, moved, held)
        gradient, to_held = pull(adjoint)
        return gradient, to_held

    # --- potentials ---------------------------------------------------------------------------------------------------

    def _natural(self, u: Array, held: Array) -> Any:
        """Return mu (kT) or concentrations (M) of every group, (batch, *group)."""
        sides = [(u, group) for group in self.program.groups] + [(held, code.group) for code in self.program.held]
        found = {}
        for vector, group in sides:
            part = vector[:, group.start : group.stop].reshape(-1, *group.shape)
            found[group.name] = jax_runtime.exp(part) if group.content == "molecules" else part
        return found

    def _states(
        self, u: Array, held: Array, given: Given, kind: type[State]
    ) -> Iterator[tuple[SeparableFamily, State]]:
        """Yield all families in matrix products with their halves."""
        natural, settled = self._natural(u, held), held.shape[1] > self.held
        fixed = [Fixed(*one) for one in given["fixed"]]
        widths = [family.through_width(one) for family, one in zip(self.families, fixed, strict=True) for _ in KINDS]
        columns = [held[:, first:last] for first, last in pairwise(accumulate([self.held, *widths]))]
        own = columns[KINDS.index(kind) :: len(KINDS)]
        for family, one, through in zip(self.families, fixed, own, strict=True):
            has = settled and family.settled is not None
            yield family, family.state(natural, len(u), one, kind, through if has else None)


def devices(families: Sequence[FamilyCode]) -> int:
    """Return how many devices the largest of some families has; one at least."""
    return max([1, *(int(np.prod(code.shape, dtype=np.int64)) for code in families)])


def power_of_two(number: int) -> int:
    """Return the largest power of two that is not larger; one at least."""
    return 1 << max(0, number.bit_length() - 1)
