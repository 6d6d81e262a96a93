"""A network some of whose families are evaluated by matrix products, the others by a module of their own."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.backends.chain import chain_text
from crncompile.backends.halves import Potentials
from crncompile.backends.load import load_module
from crncompile.backends.low_rank import LowRankFamily
from crncompile.backends.numpy_runtime import added, dtype_of, summed, tiles
from crncompile.backends.reading import Reader
from crncompile.backends.separable import KINDS, Fixed, Placed, SeparableFamily, Sizes, State
from crncompile.program.types import FamilyCode, Program, Split

Array = NDArray[Any]


TILE = 1 << 18
"""Numbers that are at work at once: matrix products want long ones."""


class Prepared(dict[str, Array]):
    """Parameters with what they fix of each family; without, where they do not fit the tiers.

    ``start`` are the potentials from which floating reservoirs start, (reservoirs,).
    """

    def __init__(self, parameters: Mapping[str, Array], fixed: Sequence[Fixed] | None, start: Array):
        super().__init__(parameters)
        self.fixed, self.start = fixed, start
        self._known: dict[int, tuple[Any, Any]] = {}

    def of(self, functions: Any) -> Any:
        """Return what the functions of a module make of the parameters."""
        if id(functions) not in self._known:
            self._known[id(functions)] = functions, functions.prepare(dict(self))
        return self._known[id(functions)][1]


class Tiered:
    """The functions of a network: see `solve.problem.Functions`.

    ``whole`` is a module of all families, which does what is not done here; ``rest`` one of those that have no split.
    ``alone`` gives the functions of a program with one family, for potentials at which it can not be interpolated.
    """

    def __init__(self, program: Program, whole: Any, rest: Any, alone: Callable[[Program], Any]):
        self.program, self.whole, self.rest = program, whole, rest
        self.families = [_family(program, code) for code in program.families if code.split]
        self.alone = functools.cache(
            lambda family: alone(replace(program, families=(replace(family.code, split=None),)))
        )
        shapes = {parameter.name: parameter.shape for parameter in program.parameters}
        self.shared = {n: shapes[n] for code in program.families if code.split for n in code.split.shared}
        reader = Reader(program)
        chain = chain_text([family.code for family in self.families], reader)
        arrays = [f"{name} = np.array({value.tolist()!r})" for name, value in reader.arrays.values.items()]
        head = "from crncompile.backends.numpy_runtime import *\nimport numpy as np"
        self.chain = load_module("\n\n\n".join([head, *arrays, chain]), f"crncompile:{program.name}:chain")
        self.floating = {group.name: group for group in program.groups}
        self.fixed = {code.group.name: code.group for code in program.held}
        self.held = sum(group.stop - group.start for group in self.fixed.values())

    def functions(self) -> Any:
        """Return the functions of this network, and all else of the module of all families."""
        names = ["prepare", "settle", "currents", "gross", "linearise", "pullback", "apart", "interpolates"]
        names += ["monotone"] if self.program.bounded else []
        own = {name: getattr(self, name) for name in names} | {"products": [family.code for family in self.families]}
        return types.SimpleNamespace(**(vars(self.whole) | own))

    # --- what is computed once ---

    def prepare(self, parameters: Mapping[str, Array]) -> Prepared:
        """Compute the factors of all devices."""
        if isinstance(parameters, Prepared):
            return parameters
        given = {name: np.asarray(parameters[name]) for name in self.shared}
        fits = all(a.shape == self.shared[name] and not np.iscomplexobj(a) for name, a in given.items())
        slots = self.whole.slots_of(parameters) if fits else {}
        fixed = [family.fixed(slots[family.code.name]) for family in self.families] if fits else None
        return Prepared(parameters, fixed, self.whole.start(parameters))

    def settle(self, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Return held potentials (batch, held) with more columns: what they decide of sums over devices."""
        prepared = self.prepare(parameters)
        if prepared.fixed is None or not len(held):
            return held
        around = self._potentials(prepared.start[None], held)
        parts, sums = [held], []
        for family, fixed in zip(self.families, prepared.fixed, strict=True):
            head, placed = family.settling(fixed, around)
            parts.append(np.broadcast_to(head.astype(held.real.dtype), (len(held), len(head))))
            for kind in KINDS:
                if (settled := placed.fixed[kind]) is not None and family.settled is not None:
                    width, kept = family.through_width(settled), np.result_type(held, settled.factor)
                    parts.append(np.empty((len(held), width), kept))
                    sums.append((parts[-1], family, settled, kind))
        for tile in self._tiles(held, settled=True):
            natural = self._potentials(prepared.start[None], held[tile])
            known: dict[SeparableFamily, Array] = {}
            for part, family, settled, kind in sums:
                part[tile] = family.through(natural, len(held[tile]), settled, kind, known.get(family))
                known[family] = part[tile]
        joined = np.concatenate(parts, axis=1)
        joined[~np.isfinite(held).all(axis=1), self.held :] = np.nan
        return joined

    # --- functions ---

    def currents(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Net current into every floating reservoir, (batch, reservoirs), in 1/s."""
        return self._summed("currents", State, u, held, parameters)

    def gross(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Sum of the absolute values of all terms of `currents`, (batch, reservoirs); products count as terms.

        Interpolated families count as they do by their law, to a ten thousandth of the largest.
        """
        return self._summed("gross", Sizes, u, held, parameters)

    def _summed(self, what: str, kind: type[State], u: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        prepared, own = self.prepare(parameters), held[:, : self.held]
        if prepared.fixed is None:
            return np.asarray(getattr(self.whole, what)(u, own, prepared.of(self.whole)))
        into, places = self._begin(what, u, own, prepared), self.places(u, held, prepared)
        for tile in self._tiles(u, settled=False):
            for family, state in self._states(tile, u, own, places, kind):
                family.add_currents(state, into[tile], signed=kind is State)
        for functions, samples in self._apart(places, kind, len(u)):
            into[samples] += getattr(functions, what)(u[samples], own[samples], prepared.of(functions))
        return into

    def _begin(self, what: str, u: Array, held: Array, prepared: Prepared) -> Array:
        if self.rest is None:
            return np.zeros(u.shape, dtype_of(u, held, *prepared.values()))
        return np.asarray(getattr(self.rest, what)(u, held, prepared.of(self.rest)))

    def linearise(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> tuple[Array, Any]:
        """`currents` and blocks of their Jacobian."""
        prepared, own = self.prepare(parameters), held[:, : self.held]
        if prepared.fixed is None:
            return tuple(self.whole.linearise(u, own, prepared.of(self.whole)))
        (into, blocks), places = self._begin_blocks(u, own, prepared), self.places(u, held, prepared)
        for tile in self._tiles(u, settled=False):
            parts = {key: block[tile] for key, block in blocks.items()}
            for family, state in self._states(tile, u, own, places, State):
                family.add_blocks(state, parts)
                family.add_currents(state, into[tile])
        for functions, samples in self._apart(places, State, len(u)):
            more, parts = functions.linearise(u[samples], own[samples], prepared.of(functions))
            into[samples] += more
            for key, block in parts.items():
                blocks[key][samples] += block
        return into, blocks

    def _begin_blocks(self, u: Array, held: Array, prepared: Prepared) -> tuple[Array, Any]:
        if self.rest is not None:
            return tuple(self.rest.linearise(u, held, prepared.of(self.rest)))
        dtype = dtype_of(u, held, *prepared.values())
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
            return tuple(self.whole.pullback(adjoint, u, own, prepared.of(self.whole), per_sample))
        gradient: dict[str, Array] = {}
        to_held = np.zeros(own.shape, dtype_of(adjoint, u, own, *parameters.values()))
        if self.rest is not None:
            gradient, to_held = self.rest.pullback(adjoint, u, own, prepared.of(self.rest), False, only)
        total: dict[str, list[Any]] = {}
        places = self.places(u, held, prepared)
        for tile in self._tiles(u, settled=True):
            for family, state in self._states(tile, u, own, places, State):
                found = family.pullback(state, adjoint[tile], to_held[tile], only)
                before = total.get(family.code.name, [None] * len(found))
                total[family.code.name] = [added(a, b) for a, b in zip(before, found, strict=True)]
        more = [summed(self.chain.to_parameters(total, parameters))]
        for functions, samples in self._apart(places, State, len(u)):
            part, held_part = functions.pullback(adjoint[samples], u[samples], own[samples], prepared.of(functions))
            more.append(part)
            to_held[samples] += held_part
        for name, value in ((name, value) for part in more for name, value in part.items()):
            gradient[name] = added(gradient.get(name), value)
        return gradient, to_held

    def monotone(self, low: Array, high: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Whether between ``low`` and ``high`` (batch, n) all differential conductances are positive, (batch,)."""
        return np.asarray(self.whole.monotone(low, high, held[:, : self.held], self.prepare(parameters).of(self.whole)))

    def apart(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> tuple[str, ...]:
        """Names of families that are not evaluated by their tier at these potentials, but by the law of each device."""
        prepared = self.prepare(parameters)
        if prepared.fixed is None:
            return tuple(family.code.name for family in self.families)
        places = zip(self.families, self.places(u, held, prepared), strict=True)
        return tuple(f.code.name for f, placed in places if placed.fixed[State] is None or placed.outside is not None)

    def interpolates(self, parameters: Mapping[str, Array]) -> bool:
        """Whether any family is interpolated with these parameters."""
        return self.prepare(parameters).fixed is not None and any(isinstance(f, LowRankFamily) for f in self.families)

    # --- potentials ---

    def _tiles(self, u: Array, settled: bool) -> list[slice]:
        return tiles(len(u), max(family.width(settled) for family in self.families), TILE)

    def _potentials(self, u: Array, held: Array) -> Potentials:
        return Potentials(u, held, self.floating, self.fixed)

    def places(self, u: Array, held: Array, prepared: Prepared) -> list[Placed]:
        """Return how every family is evaluated."""
        assert prepared.fixed is not None
        own, columns = held[:, : self.held], held[:, self.held :] if held.shape[1] > self.held else None
        natural, around = self._potentials(u, own), self._potentials(prepared.start[None], own)
        found = []
        for family, fixed in zip(self.families, prepared.fixed, strict=True):
            placed, columns = family.place(fixed, natural, around, columns)
            found.append(placed)
        return found

    def _states(
        self, tile: slice, u: Array, held: Array, places: Sequence[Placed], kind: type[State]
    ) -> Iterator[tuple[SeparableFamily, State]]:
        """Yield the families that are matrix products with their halves at the potentials of a tile."""
        natural = self._potentials(u[tile], held[tile])
        for family, placed in zip(self.families, places, strict=True):
            if (fixed := placed.fixed[kind]) is not None:
                parts = (None if a is None else a[tile] for a in (placed.through[kind], placed.outside))
                yield family, family.state(natural, len(natural.u), fixed, kind, *parts)

    def _apart(self, places: Sequence[Placed], kind: type[State], batch: int) -> Iterator[tuple[Any, Any]]:
        """Yield functions of single families with the samples for which these are evaluated device by device."""
        for family, placed in zip(self.families, places, strict=True):
            if placed.fixed[kind] is None and batch:
                yield self.alone(family), slice(None)
            elif placed.outside is not None:
                yield self.alone(family), np.flatnonzero(placed.outside)


def _family(program: Program, code: FamilyCode) -> SeparableFamily:
    return (SeparableFamily if isinstance(code.split, Split) else LowRankFamily)(program, code)
