"""A network some of whose families are evaluated by matrix products, the others by a module of their own."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.backends.chain import chain_text
from crncompile.backends.load import load_module
from crncompile.backends.numpy_runtime import dtype_of, exp, summed, tiles
from crncompile.backends.reading import Reader
from crncompile.backends.separable import Fixed, SeparableFamily, Sizes, State
from crncompile.program.types import Program

Array = NDArray[Any]


class Prepared(dict[str, Array]):
    """Parameters with what they fix of each family; without, where they do not fit the tiers."""

    def __init__(self, parameters: Mapping[str, Array], fixed: Sequence[Fixed] | None):
        super().__init__(parameters)
        self.fixed = fixed


class Tiered:
    """The functions of a network: see `solve.problem.Functions`.

    ``whole`` is a module of all families, which does what is not done here; ``rest`` one of those that have no split.
    """

    def __init__(self, program: Program, whole: Any, rest: Any):
        self.program, self.whole, self.rest = program, whole, rest
        self.families = [SeparableFamily(program, code, code.split) for code in program.families if code.split]
        shapes = {parameter.name: parameter.shape for parameter in program.parameters}
        self.shared = {name: shapes[name] for family in self.families for name in family.split.shared}
        reader = Reader(program)
        chain = chain_text([family.code for family in self.families], reader)
        arrays = [f"{name} = np.array({value.tolist()!r})" for name, value in reader.arrays.values.items()]
        head = "from crncompile.backends.numpy_runtime import *\nimport numpy as np"
        self.chain = load_module("\n\n\n".join([head, *arrays, chain]), f"crncompile:{program.name}:chain")
        self.held = sum(held.group.stop - held.group.start for held in program.held)

    def functions(self) -> Any:
        """Return the functions of this network, and all else of the module of all families."""
        names = ("prepare", "settle", "currents", "gross", "linearise", "pullback")
        return types.SimpleNamespace(**(vars(self.whole) | {name: getattr(self, name) for name in names}))

    # --- what is computed once ---

    def prepare(self, parameters: Mapping[str, Array]) -> Prepared:
        """Compute the factors of all devices."""
        if isinstance(parameters, Prepared):
            return parameters
        fits = all(np.shape(parameters[name]) == shape for name, shape in self.shared.items())
        slots = self.whole.slots_of(parameters) if fits else {}
        fixed = [family.fixed(slots[family.code.name]) for family in self.families] if fits else None
        return Prepared(parameters, fixed)

    def settle(self, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Return held potentials (batch, held) with more columns: what they decide of sums over devices."""
        prepared = self.prepare(parameters)
        if prepared.fixed is None:
            return held
        parts = [np.empty((len(held), width), held.dtype) for width in self._widths()]
        nothing = np.zeros((len(held), self.program.groups[-1].stop), held.dtype)
        for tile in self._tiles(held):
            natural = self._natural(nothing[tile], held[tile])
            for family, fixed, signed, sizes in zip(
                self.families, prepared.fixed, parts[::2], parts[1::2], strict=True
            ):
                if family.settled is not None:
                    signed[tile], sizes[tile] = family.through(natural, len(held[tile]), fixed)
        return np.concatenate([held, *parts], axis=1)

    def _widths(self) -> list[int]:
        return [family.through_width() for family in self.families for _ in KINDS]

    # --- functions ---

    def currents(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Net current into every floating reservoir, (batch, reservoirs), in 1/s."""
        prepared, own = self.prepare(parameters), held[:, : self.held]
        if prepared.fixed is None:
            return np.asarray(self.whole.currents(u, own, parameters))
        into = self._begin("currents", u, own, parameters)
        for tile in self._tiles(u):
            for family, state in self._states(u[tile], held[tile], prepared.fixed, State):
                family.add_currents(state, into[tile])
        return into

    def gross(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Sum of the absolute values of all terms of `currents`, (batch, reservoirs); products count as terms."""
        prepared, own = self.prepare(parameters), held[:, : self.held]
        if prepared.fixed is None:
            return np.asarray(self.whole.gross(u, own, parameters))
        into = self._begin("gross", u, own, parameters)
        for tile in self._tiles(u):
            for family, state in self._states(u[tile], held[tile], prepared.fixed, Sizes):
                family.add_currents(state, into[tile], signed=False)
        return into

    def _begin(self, what: str, u: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        if self.rest is None:
            return np.zeros(u.shape, dtype_of(u, held, *parameters.values()))
        return np.asarray(getattr(self.rest, what)(u, held, parameters))

    def linearise(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> tuple[Array, Any]:
        """`currents` and blocks of their Jacobian."""
        prepared, own = self.prepare(parameters), held[:, : self.held]
        if prepared.fixed is None:
            return tuple(self.whole.linearise(u, own, parameters))
        into, blocks = self._begin_blocks(u, own, parameters)
        for tile in self._tiles(u):
            parts = {key: block[tile] for key, block in blocks.items()}
            for family, state in self._states(u[tile], held[tile], prepared.fixed, State):
                family.add_currents(state, into[tile])
                family.add_blocks(state, parts)
        return into, blocks

    def _begin_blocks(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> tuple[Array, Any]:
        if self.rest is not None:
            return tuple(self.rest.linearise(u, held, parameters))
        dtype = dtype_of(u, held, *parameters.values())
        sizes = [group.stop - group.start for group in self.program.groups]
        blocks = {
            (row, column): np.zeros((len(u), sizes[row], *([sizes[column]] if shape == "dense" else [])), dtype)
            for (row, column), shape in self.program.blocks.items()
        }
        return np.zeros(u.shape, dtype), blocks

    def pullback(
        self,
        adjoint: Array,
        u: Array,
        held: Array,
        parameters: Mapping[str, Array],
        per_sample: bool = False,
        only: Collection[str] | None = None,
    ) -> tuple[dict[str, Array], Array]:
        """Return derivatives of sum(adjoint * currents): ({parameter: array}, (batch, held)).

        By the parameters in ``only`` and held potentials that these decide at least, where it is given.
        """
        prepared, own = self.prepare(parameters), held[:, : self.held]
        if prepared.fixed is None or per_sample:
            return tuple(self.whole.pullback(adjoint, u, own, parameters, per_sample))
        gradient: dict[str, Array] = {}
        to_held = np.zeros(own.shape, dtype_of(adjoint, u, own, *parameters.values()))
        if self.rest is not None:
            gradient, to_held = self.rest.pullback(adjoint, u, own, parameters, False, only)
        total: dict[str, list[Any]] = {}
        for tile in self._tiles(u):
            for family, state in self._states(u[tile], held[tile], prepared.fixed, State):
                found = family.pullback(state, adjoint[tile], to_held[tile], only)
                before = total.get(family.code.name, [0.0] * len(found))
                total[family.code.name] = [a + b for a, b in zip(before, found, strict=True)]
        for name, value in summed(self.chain.to_parameters(total, parameters)).items():
            gradient[name] = gradient.get(name, 0.0) + value
        return gradient, to_held

    # --- potentials ---

    def _tiles(self, u: Array) -> list[slice]:
        return tiles(len(u), max(family.width for family in self.families))

    def _natural(self, u: Array, held: Array) -> dict[str, Array]:
        """Return mu (kT) or concentrations (M) of every group, (batch, *group)."""
        found = {}
        sides = [(u, group) for group in self.program.groups] + [(held, code.group) for code in self.program.held]
        for vector, group in sides:
            part = vector[:, group.start : group.stop].reshape(-1, *group.shape)
            found[group.name] = exp(part) if group.content == "molecules" else part
        return found

    def _states(
        self, u: Array, held: Array, fixed: Sequence[Fixed], kind: type[State]
    ) -> Iterator[tuple[SeparableFamily, State]]:
        """Yield all families with their halves."""
        natural, settled, first = self._natural(u, held), held.shape[1] > self.held, self.held
        for number, family in enumerate(self.families):
            width = family.through_width()
            first += width * KINDS.index(kind)
            through = held[:, first : first + width] if settled and width else None
            first += width * (len(KINDS) - KINDS.index(kind))
            yield family, family.state(natural, len(u), fixed[number], kind, through)


KINDS: tuple[type[State], ...] = (State, Sizes)
