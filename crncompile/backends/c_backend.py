"""The backend `c`: currents, Jacobian, gradients and Newton's method of a Program, by the machine's C compiler.

All else, complex potentials, devices whose fluxes are solved for, and the matrix products of families that are such are
left to the numpy functions of the same Program.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.backends import numpy_backend
from crncompile.backends.c_families import Families, Family
from crncompile.backends.c_newton import Found
from crncompile.backends.halves import own_values
from crncompile.backends.numpy_runtime import added
from crncompile.backends.settled import Settled, settled_half, with_settled
from crncompile.program.types import Coupled, FamilyCode, Kernel, Program

Array = NDArray[Any]


def load(program: Program) -> Any:
    """Compile a program: the functions of its numpy module, those of the network replaced by compiled ones.

    Raises DataError where there is no C compiler, or it fails.
    """
    kernels = {kernel.name: kernel for kernel in program.kernels}
    compiled = [family for family in program.families if isinstance(kernels[family.kernel], Kernel)]
    others = tuple(family for family in program.families if family not in compiled)
    whole = numpy_backend.elementwise(program)
    rest = numpy_backend.elementwise(replace(program, families=others)) if others else None
    network, lawful = _Network(program, compiled, whole, rest), numpy_backend.without_interpolation(program)
    functions = network.functions(_tiered(program, others))
    if lawful is not program:
        functions.exact = network.functions(_tiered(lawful, others))
    return functions


def _tiered(program: Program, others: tuple[FamilyCode, ...]) -> Any:
    """Return the functions of families that are matrix products and of those that are not compiled, or None."""
    products = _products(program)
    part = replace(program, families=others + products)
    return numpy_backend.tiered(part, numpy_backend.elementwise(part), load) if products else None


def _products(program: Program) -> tuple[FamilyCode, ...]:
    """Return the families that are evaluated by matrix products: held reservoirs alone decide one of their halves.

    Where they do not, the family's terms of the Jacobian have to be written one by one, and compiled code does no more.
    """
    return tuple(family for family in program.families if family.split and settled_half(program, family) is not None)


class Prepared(dict[str, Array]):
    """Parameters with what the families need of them.

    ``compiled`` has those that are run here, ``running``; ``rest`` are the functions of the others, if any. ``beside``
    are those of the families that are matrix products: these settle held potentials and have gradients of their own,
    and are among the others unless what is left of them is run here. Both are to be given ``others``.
    """

    def __init__(
        self,
        parameters: Mapping[str, Array],
        compiled: Families,
        running: Sequence[Family],
        slots: Mapping[str, Sequence[Any]],
        rest: Any,
        beside: Any,
        others: Mapping[str, Array],
    ):
        super().__init__(parameters)
        self.compiled, self.running, self.rest, self.beside, self.others = compiled, running, rest, beside, others
        self.constants = compiled.constants(slots, parameters)


class _Network:
    """The compiled functions of one network."""

    def __init__(self, program: Program, compiled: Sequence[FamilyCode], whole: Any, rest: Any):
        self.program, self.whole, self.rest = program, whole, rest
        self.tiered: Any = None
        self.every = Families(program, whole.structure.order, compiled)
        left = with_settled(program, _products(program)) if len(compiled) == len(program.families) else None
        self.settled: tuple[Settled, ...] = left[1] if left else ()
        self.left = Families(left[0], whole.structure.order, left[0].families) if left and self.settled else None
        (self.left or self.every).compile()
        self.held = sum(held.group.stop - held.group.start for held in program.held)

    def functions(self, tiered: Any) -> Any:
        """Return the functions of the network; ``tiered`` are those of families that are matrix products, if any."""
        network = copy.copy(self)
        network.tiered = tiered
        names = ["prepare", "settle", "currents", "gross", "linearise", "pullback", "apart", "interpolates"]
        names += ["monotone", "newtonian", "newton", "solve_transposed"]
        return types.SimpleNamespace(**(vars(self.whole) | {name: getattr(network, name) for name in names}))

    # --- parameters ---------------------------------------------------------------------------------------------------

    def prepare(self, parameters: Mapping[str, Array]) -> Mapping[str, Array]:
        """Compute once what the compiled functions need of parameters."""
        if isinstance(parameters, Prepared) or any(np.iscomplexobj(value) for value in parameters.values()):
            return parameters
        slots = self.whole.slots_of(parameters)
        others = None if self.tiered is None else self.tiered.prepare(parameters)
        if others is None or others.fixed is None:
            rest = parameters if self.rest is None else self.rest.prepare(parameters)
            return Prepared(parameters, self.every, self.every.families, slots, self.rest, self.rest, rest)
        if self.left is not None:
            slots |= {
                s.whole.name: [own_values(slots[s.whole.name][n], s.axes) for n in s.numbers] for s in self.settled
            }
            return Prepared(parameters, self.left, self.left.families, slots, None, self.tiered, others)
        there = {family.name for family in self.tiered.products}
        here = [family for family in self.every.families if family.code.name not in there]
        return Prepared(parameters, self.every, here, slots, self.tiered, self.tiered, others)

    def _prepared(self, parameters: Mapping[str, Array]) -> Prepared:
        found = self.prepare(parameters)
        assert isinstance(found, Prepared)
        return found

    def _products(self, parameters: Mapping[str, Array]) -> Prepared | None:
        """Return prepared parameters with which families are evaluated by matrix products, or None."""
        prepared = self.prepare(parameters)
        used = isinstance(prepared, Prepared) and self.tiered is not None and prepared.beside is self.tiered
        return prepared if isinstance(prepared, Prepared) and used else None

    def settle(self, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Return held potentials with what they decide of the families that are matrix products."""
        prepared = self.prepare(parameters)
        if isinstance(prepared, Prepared) and prepared.beside is not None:
            return np.asarray(prepared.beside.settle(held, prepared.others))
        return held

    def _settled(self, held: Array, prepared: Prepared) -> Array:
        """Return held potentials with what families that are left read behind them."""
        missing = prepared.compiled is self.left and held.shape[1] == self.held
        return np.asarray(prepared.beside.settle(held, prepared.others)) if missing else held

    def interpolates(self, parameters: Mapping[str, Array]) -> bool:
        """Whether any family is interpolated with these parameters."""
        prepared = self._products(parameters)
        return prepared is not None and bool(self.tiered.interpolates(prepared.others))

    def apart(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> tuple[str, ...]:
        """Names of families that are not evaluated by their tier at these potentials, but by the law of each device."""
        prepared = self._products(parameters)
        products = {family.name for family in self.tiered.products} if self.tiered is not None else set()
        interpolated = {family.name for family in self.program.families if isinstance(family.split, Coupled)}
        found = interpolated | products
        if prepared is not None:
            found -= products - set(self.tiered.apart(u, held, prepared.others))
        return tuple(family.name for family in self.program.families if family.name in found)

    # --- functions of the network -------------------------------------------------------------------------------------

    def currents(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Net current into every floating reservoir, (batch, reservoirs), in 1/s."""
        return self._summed("currents", u, held, parameters)

    def gross(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Sum of the absolute values of all terms of `currents`, (batch, reservoirs)."""
        return self._summed("gross", u, held, parameters)

    def _summed(self, what: str, u: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        if _complex(u, held, parameters):
            return np.asarray(getattr(self.whole, what)(u, held, parameters))
        into, prepared = np.zeros(u.shape, u.dtype), self._prepared(parameters)
        self._call(what, u, held, prepared, {"into": into})
        return into if prepared.rest is None else into + getattr(prepared.rest, what)(u, held, prepared.others)

    def linearise(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> tuple[Array, Any]:
        """`currents` and their Jacobian by blocks or entries."""
        if _complex(u, held, parameters):
            return tuple(self.whole.linearise(u, held, parameters))
        prepared = self._prepared(parameters)
        if prepared.rest is None:
            into, found = np.zeros(u.shape, u.dtype), self._jacobian(len(u), u.dtype)
        else:
            into, jacobian = prepared.rest.linearise(u, held, prepared.others)
            found = jacobian if isinstance(jacobian, dict) else {"entries": jacobian}
        # What is run here is added to what the others gave.
        arrays = {key: np.require(value, u.dtype, ("C", "W")) for key, value in {"into": into, **found}.items()}
        self._call("linearise", u, held, prepared, arrays)
        into = arrays.pop("into")
        return into, arrays["entries"] if self.program.pattern is not None else arrays

    def _call(self, what: str, u: Array, held: Array, prepared: Prepared, outputs: Mapping[Any, Array]) -> None:
        known = self._settled(held, prepared)
        prepared.compiled.call(what, prepared.running, u, known, prepared.constants, outputs)

    def _jacobian(self, batch: int, dtype: np.dtype[Any]) -> dict[Any, Array]:
        if self.program.pattern is not None:
            return {"entries": np.zeros((batch, len(self.program.pattern.rows)), dtype)}
        sizes = [group.stop - group.start for group in self.program.groups]
        return {
            (row, column): np.zeros((batch, sizes[row], *([sizes[column]] if shape == "dense" else [])), dtype)
            for (row, column), shape in self.program.blocks.items()
        }

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
        if per_sample or _complex(u, held, parameters) or np.iscomplexobj(adjoint):
            return tuple(self.whole.pullback(adjoint, u, held[:, : self.held], parameters, per_sample))
        prepared = self._prepared(parameters)
        held = self._settled(held, prepared)
        compiled, own = prepared.compiled, [family for family in prepared.running if "pullback" in family.functions]
        to_slots, to_held = compiled.pullback(own, adjoint, u, held, prepared.constants)
        to_held = to_held[:, : self.held]  # behind them are sums, of which the others know better
        gradient = {name: value[0] for name, value in compiled.module.to_parameters(to_slots, parameters).items()}
        if prepared.beside is not None:
            more, held_part = prepared.beside.pullback(adjoint, u, held, prepared.others, False, only)
            to_held += held_part
            gradient |= {name: added(gradient.get(name), value) for name, value in more.items()}
        return gradient, to_held

    def monotone(self, low: Array, high: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Whether between ``low`` and ``high`` (batch, n) all differential conductances are positive, (batch,)."""
        prepared = self._prepared(parameters)
        if prepared.compiled is not self.every or prepared.rest is not None:
            return np.asarray(self.whole.monotone(low, high, held, parameters))
        return self.every.monotone(prepared.running, low, high, held, prepared.constants)

    # --- Newton's method ----------------------------------------------------------------------------------------------

    def newtonian(self, parameters: Mapping[str, Array]) -> bool:
        """Whether `newton` is for this network with these parameters."""
        return isinstance(parameters, Prepared) and parameters.rest is None and parameters.compiled.layout is not None

    def newton(
        self,
        start: Array,
        held: Array,
        parameters: Mapping[str, Array],
        injected: Array | None,
        settings: Mapping[str, float],
        confine: bool = False,
    ) -> Found:
        """Run Newton's method from ``start`` (batch, n); see `newton.c` for what is found, and for the settings.

        To ``confine`` answers the response is computed, and where `monotone` is compiled, whom a box confines.
        """
        prepared = self._prepared(parameters)
        given = start, self._settled(held, prepared), prepared.constants, injected, settings
        return prepared.compiled.newton(prepared.running, *given, confine, confine and prepared.compiled is self.every)

    def solve_transposed(
        self,
        blocks: Mapping[tuple[int, int], Array],
        right: Array,
        parameters: Mapping[str, Array],
        allowed: float,
        vanishing: float,
    ) -> tuple[Array, Array]:
        """Solve J^T x = ``right``, (batch, n): x, and whose is as exact as is ``allowed``, (batch,)."""
        return self._prepared(parameters).compiled.solve_transposed(blocks, right, allowed, vanishing)


def _complex(u: Array, held: Array, parameters: Mapping[str, Array]) -> bool:
    if np.iscomplexobj(u) or np.iscomplexobj(held):
        return True
    return not isinstance(parameters, Prepared) and any(np.iscomplexobj(value) for value in parameters.values())
