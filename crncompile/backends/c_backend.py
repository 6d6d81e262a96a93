"""The backend `c`: currents, Jacobian and gradients of a Program compiled by the machine's C compiler.

All else, complex potentials, devices whose fluxes are solved for, and families that are matrix products are left to the
numpy functions of the same Program.
"""

from __future__ import annotations

import copy
import ctypes
import types
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.backends import numpy_backend
from crncompile.backends.c_library import shared_libraries
from crncompile.backends.c_text import HEAD, Function, c_identifiers, family_functions
from crncompile.backends.chain import chain_text
from crncompile.backends.load import load_module
from crncompile.backends.numpy_runtime import cores, dtype_of
from crncompile.backends.printer import Printer, identifiers
from crncompile.backends.reading import Reader
from crncompile.backends.text import function, several
from crncompile.program.types import Coupled, FamilyCode, Kernel, Program

Array = NDArray[Any]
WORTH_A_THREAD = 500_000
"""Devices times samples below which a second thread costs more than it saves."""

SOLVING = (("currents", "gross"), ("linearise",))
"""What every solution needs, by the libraries that it comes in: about equally long to compile."""


def load(program: Program) -> Any:
    """Compile a program: the functions of its numpy module, those of the network replaced by compiled ones.

    Raises DataError where there is no C compiler, or it fails.
    """
    compiled = [family for family in program.families if isinstance(_kernels(program)[family.kernel], Kernel)]
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
    products = tuple(family for family in program.families if family.split and settles(program, family))
    part = replace(program, families=others + products)
    return numpy_backend.tiered(part, numpy_backend.elementwise(part), load) if products else None


def settles(program: Program, family: FamilyCode) -> bool:
    """Whether held reservoirs alone decide a half of a split family, so that matrix products spare it every iteration.

    Where they do not, the family's terms of the Jacobian have to be written one by one, and compiled code does no more.
    """
    assert family.split is not None
    held, axes = {code.group.name for code in program.held}, (family.split.rows, family.split.columns)
    halves = [[port for port in family.ports if set(port.view.axes or ()) & set(side)] for side in axes]
    return any(half and all(port.name in held for port in half) for half in halves)


def _kernels(program: Program) -> Mapping[str, Any]:
    return {kernel.name: kernel for kernel in program.kernels}


class Prepared(dict[str, Array]):
    """Parameters with what the families need of them: for each function, its constants and their strides.

    ``families`` are those to be run here, ``rest`` the functions of the others, to be given ``others``.
    """

    def __init__(
        self,
        parameters: Mapping[str, Array],
        families: Sequence[_Family],
        fixed: Mapping[str, tuple[list[Array], Array]],
        rest: Any,
        others: Mapping[str, Array],
    ):
        super().__init__(parameters)
        self.families, self.fixed, self.rest, self.others = families, fixed, rest, others


@dataclass(frozen=True, eq=False)
class _Family:
    code: FamilyCode
    kernel: Kernel
    functions: Mapping[str, Function]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.code.shape or (1,)


class _Network:
    """The compiled functions of one network."""

    def __init__(self, program: Program, compiled: Sequence[FamilyCode], whole: Any, rest: Any):
        self.program, self.whole, self.rest = program, whole, rest
        self.tiered: Any = None
        kernels, names = _kernels(program), c_identifiers(family.name for family in compiled)
        self.families = []
        for family in compiled:
            kernel = kernels[family.kernel]
            texts = family_functions(program, family, kernel, names[family.name])
            self.families.append(_Family(family, kernel, texts))
        self.libraries: dict[tuple[str, bool], ctypes.CDLL] = {}
        self._compile(SOLVING, single=False)
        self.constants = load_module(
            _python_text(self.families, Reader(program)), f"crncompile:{program.name}:constants"
        )
        self.held = sum(held.group.stop - held.group.start for held in program.held)
        self.threads = cores()

    def functions(self, tiered: Any) -> Any:
        """Return the functions of the network; ``tiered`` are those of families that are not run here, if any."""
        network = copy.copy(self)
        network.tiered = tiered
        names = ("prepare", "settle", "currents", "gross", "linearise", "pullback", "apart")
        return types.SimpleNamespace(**(vars(self.whole) | {name: getattr(network, name) for name in names}))

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads)

    def _compile(self, libraries: Sequence[Sequence[str]], single: bool) -> None:
        """Compile functions of all families; those that are named together come into one library."""
        texts = [[family.functions[name].text for family in self.families for name in names] for names in libraries]
        compiled = shared_libraries(["\n\n".join([HEAD, *text]) for text in texts], single)
        for names, library in zip(libraries, compiled, strict=True):
            self.libraries |= dict.fromkeys([(name, single) for name in names], library)

    def _library(self, what: str, single: bool) -> ctypes.CDLL:
        """Return the library with a function, of numbers of 32 bits or of 64; it is compiled when first asked for."""
        if (what, single) not in self.libraries:
            solving = [names for names in SOLVING if what in names]
            self._compile(SOLVING if solving else [[what]], single)
        return self.libraries[what, single]

    # --- parameters ---------------------------------------------------------------------------------------------------

    def prepare(self, parameters: Mapping[str, Array]) -> Mapping[str, Array]:
        """Compute once what the compiled functions need of parameters."""
        if isinstance(parameters, Prepared) or any(np.iscomplexobj(value) for value in parameters.values()):
            return parameters
        families, rest, others = self._shared_out(parameters)
        slots, fixed, dtype = self.whole.slots_of(parameters), {}, dtype_of(*parameters.values())
        for family in families:
            for f in family.functions.values():
                values = getattr(self.constants, f.name)(*slots[family.code.name])
                arrays = [np.asarray(value, dtype) for value in values]
                strides = [np.broadcast_to(array, family.shape).strides for array in arrays]
                fixed[f.name] = (arrays, np.array(strides, np.int64).ravel() // dtype.itemsize)
        return Prepared(parameters, families, fixed, rest, others)

    def _shared_out(self, parameters: Mapping[str, Array]) -> tuple[Sequence[_Family], Any, Mapping[str, Array]]:
        """Return the families to be run here, the functions of the others, and the parameters for these."""
        if self.tiered is not None:
            others = self.tiered.prepare(parameters)
            if others.fixed is not None:
                there = {family.name for family in self.tiered.products}
                return [family for family in self.families if family.code.name not in there], self.tiered, others
        return self.families, self.rest, parameters

    def settle(self, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Return held potentials with what they decide of the families that are matrix products."""
        prepared = self.prepare(parameters)
        if isinstance(prepared, Prepared) and prepared.rest is not None:
            return np.asarray(prepared.rest.settle(held, prepared.others))
        return held

    def apart(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> tuple[str, ...]:
        """Names of families that are not evaluated by their tier at these potentials, but by the law of each device."""
        prepared = self.prepare(parameters)
        products = {family.name for family in self.tiered.products} if self.tiered is not None else set()
        interpolated = {family.name for family in self.program.families if isinstance(family.split, Coupled)}
        if isinstance(prepared, Prepared) and products and prepared.rest is self.tiered:
            products -= set(self.tiered.apart(u, held, prepared.others))
            found = (interpolated | {family.name for family in self.tiered.products}) - products
        else:
            found = interpolated | products
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
        inputs, to_held = self._inputs(u, held, prepared.families), np.zeros((len(held), self.held), u.dtype)
        inputs["adjoint"] = np.ascontiguousarray(adjoint, u.dtype)
        to_slots = {}
        for family in prepared.families:
            pieces = self._pieces(family, len(u))
            sums = np.zeros((len(pieces), len(family.kernel.parameters), *family.shape), u.dtype)
            jobs = [([*part, to_held], first, last) for part, (first, last) in zip(sums, pieces, strict=True)]
            self._run(family, "pullback", inputs, prepared, jobs)
            to_slots[family.code.name] = sums.sum(axis=0).reshape(-1, *family.code.shape)
        gradient = {name: value[0] for name, value in self.constants.to_parameters(to_slots, parameters).items()}
        if prepared.rest is not None:
            more, held_part = prepared.rest.pullback(adjoint, u, held, prepared.others, False, only)
            to_held += held_part
            gradient |= {name: gradient.get(name, 0.0) + value for name, value in more.items()}
        return gradient, to_held

    # --- calls --------------------------------------------------------------------------------------------------------

    def _prepared(self, parameters: Mapping[str, Array]) -> Prepared:
        found = self.prepare(parameters)
        assert isinstance(found, Prepared)
        return found

    def _inputs(self, u: Array, held: Array, families: Sequence[_Family]) -> dict[str, Array]:
        """Return the potentials (charge) or concentrations of each group that families read, (batch, group)."""
        found, read = {}, {port.name for family in families for port in family.code.ports}
        sides = [(u, group) for group in self.program.groups] + [(held, code.group) for code in self.program.held]
        for vector, group in sides:
            if group.name not in read:
                continue
            part = vector[:, group.start : group.stop]
            found[group.name] = np.ascontiguousarray(
                self.whole.exp(part) if group.content == "molecules" else part, u.dtype
            )
        return found

    def _call(self, what: str, u: Array, held: Array, prepared: Prepared, outputs: Mapping[Any, Array]) -> None:
        inputs = self._inputs(u, held, prepared.families)
        for family in prepared.families:
            targets = [outputs[name] for name in family.functions[what].outputs]
            jobs = [(targets, first, last) for first, last in self._pieces(family, len(u))]
            self._run(family, what, inputs, prepared, jobs)

    def _pieces(self, family: _Family, batch: int) -> list[tuple[int, int]]:
        """Cut a batch into a piece for each thread that pays."""
        work = batch * int(np.prod(family.shape))
        count = max(1, min(self.threads, batch, work // WORTH_A_THREAD))
        ends = [batch * piece // count for piece in range(count + 1)]
        return list(pairwise(ends))

    def _run(
        self,
        family: _Family,
        what: str,
        inputs: Mapping[str, Array],
        prepared: Prepared,
        jobs: Sequence[tuple[Sequence[Array], int, int]],
    ) -> None:
        f = family.functions[what]
        constants, strides = prepared.fixed[f.name]
        routine = getattr(self._library(what, inputs[f.inputs[0]].dtype == np.float32), f.name)
        given = [_pointers([inputs[name] for name in f.inputs]), _pointers(constants)]
        rest = [ctypes.c_void_p(strides.ctypes.data), _pointers(f.indices)]

        def call(job: tuple[Sequence[Array], int, int]) -> None:
            outputs, first, last = job
            routine(ctypes.c_ssize_t(first), ctypes.c_ssize_t(last), *given, *rest, _pointers(outputs))

        if len(jobs) == 1:
            call(jobs[0])
        else:
            list(self.pool.map(call, jobs))


def _complex(u: Array, held: Array, parameters: Mapping[str, Array]) -> bool:
    if np.iscomplexobj(u) or np.iscomplexobj(held):
        return True
    return not isinstance(parameters, Prepared) and any(np.iscomplexobj(value) for value in parameters.values())


def _pointers(arrays: Sequence[Array]) -> Any:
    return (ctypes.c_void_p * max(1, len(arrays)))(*(array.ctypes.data for array in arrays))


# --- the Python part --------------------------------------------------------------------------------------------------


def _python_text(families: Sequence[_Family], reader: Reader) -> str:
    """Return the functions that give constants from slots, and derivatives by parameters from those by slots."""
    parts = [_constants_text(family.kernel, f) for family in families for f in family.functions.values()]
    chain = chain_text([family.code for family in families], reader)
    runtime = "from crncompile.backends.numpy_runtime import *\nimport numpy as np"
    arrays = [f"{name} = np.array({value.tolist()!r})" for name, value in reader.arrays.values.items()]
    return "\n\n\n".join([runtime, *arrays, *parts, chain])


def _constants_text(kernel: Kernel, f: Function) -> str:
    symbols = [*kernel.parameters, *(s for s, _ in f.constants.constants)]
    names = identifiers(s.name for s in symbols)
    printer = Printer(names)
    body = [f"{names[s.name]} = {printer.text(value)}" for s, value in f.constants.constants]
    needed = [names[s.name] for s in f.constants.needed]
    body.append(f"return {several(needed) if needed else '()'}")
    signature = f"{f.name}({', '.join(names[s.name] for s in kernel.parameters)})"
    return function(signature, "What does not depend on the sample.", body)
