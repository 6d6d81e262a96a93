"""Families of one program as functions of a compiled library, and calls of these on a batch."""

from __future__ import annotations

import ctypes
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.backends import c_newton
from crncompile.backends.c_library import shared_libraries
from crncompile.backends.c_newton import LARGEST_PIVOT, Found, Layout, Solver, pointers
from crncompile.backends.c_places import inner_axis
from crncompile.backends.c_text import HEAD, Function, c_identifiers, family_functions
from crncompile.backends.chain import chain_text
from crncompile.backends.load import load_module
from crncompile.backends.numpy_runtime import cores, dtype_of, exp
from crncompile.backends.printer import Printer, identifiers
from crncompile.backends.reading import Reader
from crncompile.backends.text import function, several
from crncompile.program.types import FamilyCode, Kernel, Program

Array = NDArray[Any]
WORTH_A_THREAD = 500_000
"""Devices times samples below which a second thread costs more than it saves."""

SOLVING = (("currents", "gross"), ("linearise",))
"""What every solution needs, by the libraries that it comes in: about equally long to compile."""


@dataclass(frozen=True, eq=False)
class Family:
    """A family, its kernel and its functions in C by what they compute."""

    code: FamilyCode
    kernel: Kernel
    functions: Mapping[str, Function]

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes; one device alone has an axis too."""
        return self.code.shape or (1,)


class Constants:
    """What the functions of families need of parameters, computed when it is first asked for.

    ``slots`` are the families' own values, ``module`` has the functions that make constants of them.
    """

    def __init__(self, slots: Mapping[str, Sequence[Any]], module: Any, dtype: np.dtype[Any]):
        self.slots, self.module, self.dtype = slots, module, dtype
        self._fixed: dict[str, tuple[list[Array], Array]] = {}
        self._laid_out: dict[int, tuple[Any, Array]] = {}

    def of(self, family: Family, what: str) -> tuple[list[Array], Array]:
        """Return the constants of one of a family's functions, and their strides in numbers along the family's axes."""
        f = family.functions[what]
        if f.name not in self._fixed:
            values = getattr(self.module, f.name)(*self.slots[family.code.name])
            arrays = [self._array(value, family.shape) for value in values]
            strides = np.array([array.strides for array in arrays], np.int64).ravel() // self.dtype.itemsize
            self._fixed[f.name] = arrays, strides
        return self._fixed[f.name]

    def _array(self, value: Any, shape: tuple[int, ...]) -> Array:
        """Return a constant as the library reads it; what several functions share is laid out once."""
        known = self._laid_out.get(id(value))
        if known is None or known[1].shape != shape:
            known = self._laid_out[id(value)] = value, _laid_out(np.asarray(value, self.dtype), shape)
        return known[1]


def _laid_out(value: Array, shape: tuple[int, ...]) -> Array:
    """Return a constant, seen in its family's shape, with what the innermost loop reads side by side in memory."""
    inner, whole = inner_axis(shape), np.broadcast_to(value, shape)
    if whole.strides[inner] in (0, value.itemsize) or shape[inner] == 1:
        return whole
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(whole, inner, -1)), -1, inner)


class Families:
    """Some families of a program, and Newton's method for a network that consists of them.

    Those without derivatives by their parameters are not for `pullback`.
    """

    def __init__(self, program: Program, order: Sequence[int], codes: Sequence[FamilyCode]):
        self.program = program
        kernels, names = {kernel.name: kernel for kernel in program.kernels}, c_identifiers(code.name for code in codes)
        self.families = []
        for code in codes:
            kernel = kernels[code.kernel]
            assert isinstance(kernel, Kernel)
            self.families.append(Family(code, kernel, family_functions(program, code, kernel, names[code.name])))
        self.layout = _layout(program, order, codes)
        self.libraries: dict[tuple[str, bool], ctypes.CDLL] = {}
        self.module = load_module(_python_text(self.families, Reader(program)), f"crncompile:{program.name}:constants")
        self.threads = cores()

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """Threads that are kept."""
        return ThreadPoolExecutor(self.threads)

    def constants(self, slots: Mapping[str, Sequence[Any]], parameters: Mapping[str, Array]) -> Constants:
        """Return what is computed of parameters, given the families' slots."""
        return Constants(slots, self.module, dtype_of(*parameters.values()))

    # --- libraries ----------------------------------------------------------------------------------------------------

    def compile(self, single: bool = False) -> None:
        """Compile what every solution needs, if it is not yet there."""
        self._library(SOLVING[0][0], single)

    def _compile(self, libraries: Sequence[Sequence[str]], single: bool) -> None:
        """Compile functions of all families; those that are named together come into one library."""
        parts = [
            [f.functions[name].text for f in self.families for name in names if name in f.functions]
            for names in libraries
        ]
        texts, levels = ["\n\n".join([HEAD, *part]) for part in parts], ["-O3"] * len(parts)
        if self.layout is not None and libraries is SOLVING:
            texts, levels, libraries = [*texts, c_newton.source()], [*levels, "-O2"], [*libraries, ("newton",)]
        compiled = shared_libraries(texts, single, levels)
        for names, library in zip(libraries, compiled, strict=True):
            self.libraries |= dict.fromkeys([(name, single) for name in names], library)

    def _library(self, what: str, single: bool) -> ctypes.CDLL:
        """Return the library with a function, of numbers of 32 bits or of 64; it is compiled when first asked for."""
        if (what, single) not in self.libraries:
            solving = what == "newton" or any(what in names for names in SOLVING)
            self._compile(SOLVING if solving else [[what]], single)
        return self.libraries[what, single]

    # --- calls --------------------------------------------------------------------------------------------------------

    def call(
        self,
        what: str,
        families: Sequence[Family],
        u: Array,
        held: Array,
        constants: Constants,
        outputs: Mapping[Any, Array],
    ) -> None:
        """Let some families add what they compute to outputs by name: ``into``, ``entries``, or a block."""
        inputs = self._inputs(u, held, families)
        for family in families:
            targets = [outputs[name] for name in family.functions[what].outputs]
            jobs = [(targets, first, last) for first, last in self._pieces(family, len(u))]
            self._run(family, what, inputs, constants, jobs)

    def pullback(
        self, families: Sequence[Family], adjoint: Array, u: Array, held: Array, constants: Constants
    ) -> tuple[dict[str, Array], Array]:
        """Return derivatives of sum(adjoint * currents) by the slots of some families and by held potentials.

        The former are (slots, *family) by name, the latter (batch, held).
        """
        to_held = np.zeros((len(u), sum(code.group.stop - code.group.start for code in self.program.held)), u.dtype)
        inputs = self._inputs(u, held, families) | {"adjoint": np.ascontiguousarray(adjoint, u.dtype)}
        to_slots = {}
        for family in families:
            pieces = self._pieces(family, len(u))
            sums = np.zeros((len(pieces), len(family.kernel.parameters), *family.shape), u.dtype)
            jobs = [([*part, to_held], first, last) for part, (first, last) in zip(sums, pieces, strict=True)]
            self._run(family, "pullback", inputs, constants, jobs)
            to_slots[family.code.name] = sums.sum(axis=0).reshape(-1, *family.code.shape)
        return to_slots, to_held

    def newton(
        self,
        families: Sequence[Family],
        start: Array,
        held: Array,
        constants: Constants,
        injected: Array | None,
        settings: Mapping[str, float],
    ) -> Found:
        """Run Newton's method from ``start`` (batch, n); see `newton.c` for what is found, and for the settings."""
        solver = self.solver(families, constants)
        return solver.newton(start, held, injected, settings, self._share)

    def solver(self, families: Sequence[Family], constants: Constants) -> Solver:
        """Return Newton's method for a network that consists of some families, told of its constants."""
        assert self.layout is not None
        single = constants.dtype == np.float32
        calls = [[self._called(f, what, constants, single) for f in families] for what in ("linearise", "gross")]
        return Solver(self._library("newton", single), self.layout, calls[0], calls[1], constants.dtype)

    def _called(self, family: Family, what: str, constants: Constants, single: bool) -> c_newton.Call:
        f = family.functions[what]
        address = ctypes.cast(getattr(self._library(what, single), f.name), ctypes.c_void_p).value
        assert address is not None
        return c_newton.Call(address, f.inputs, f.outputs, *constants.of(family, what), f.indices)

    def _share(self, call: c_newton.Piece, batch: int, devices: int) -> None:
        c_newton.shared_out(call, batch, devices, self.threads, self.pool)

    def _inputs(self, u: Array, held: Array, families: Sequence[Family]) -> dict[str, Array]:
        """Return the potentials (charge) or concentrations of each group that families read, (batch, group)."""
        found, read = {}, {port.name for family in families for port in family.code.ports}
        sides = [(u, group) for group in self.program.groups] + [(held, code.group) for code in self.program.held]
        for vector, group in sides:
            if group.name in read:
                part = vector[:, group.start : group.stop]
                natural = exp(part) if group.content == "molecules" else part
                found[group.name] = np.ascontiguousarray(natural, u.dtype)
        return found

    def _pieces(self, family: Family, batch: int) -> list[tuple[int, int]]:
        """Cut a batch into a piece for each thread that pays."""
        work = batch * int(np.prod(family.shape))
        count = max(1, min(self.threads, batch, work // WORTH_A_THREAD))
        ends = [batch * piece // count for piece in range(count + 1)]
        return list(pairwise(ends))

    def _run(
        self,
        family: Family,
        what: str,
        inputs: Mapping[str, Array],
        constants: Constants,
        jobs: Sequence[tuple[Sequence[Array], int, int]],
    ) -> None:
        f = family.functions[what]
        fixed, strides = constants.of(family, what)
        routine = getattr(self._library(what, inputs[f.inputs[0]].dtype == np.float32), f.name)
        given = [pointers([inputs[name] for name in f.inputs]), pointers(fixed)]
        rest = [ctypes.c_void_p(strides.ctypes.data), pointers(f.indices)]

        def call(job: tuple[Sequence[Array], int, int]) -> None:
            outputs, first, last = job
            routine(ctypes.c_ssize_t(first), ctypes.c_ssize_t(last), *given, *rest, pointers(outputs))

        if len(jobs) == 1:
            call(jobs[0])
        else:
            list(self.pool.map(call, jobs))


def _layout(program: Program, order: Sequence[int], codes: Sequence[FamilyCode]) -> Layout | None:
    """Return what Newton's method in C is told of a network, or None where it is not for it."""
    if program.pattern is not None or len(program.conserved) or not codes:
        return None
    layout = Layout(program, order, (port.name for code in codes for port in code.ports))
    return layout if layout.largest_pivot <= LARGEST_PIVOT else None


# --- the Python part --------------------------------------------------------------------------------------------------


def _python_text(families: Sequence[Family], reader: Reader) -> str:
    """Return the functions that give constants from slots, and derivatives by parameters from those by slots."""
    parts = [_constants_text(family.kernel, f) for family in families for f in family.functions.values()]
    chain = chain_text([family.code for family in families if "pullback" in family.functions], reader)
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
