"""Families of one program as functions of a compiled library, and calls of these on a batch."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.backends import c_newton
from crncompile.backends.c_library import shared_libraries
from crncompile.backends.c_loops import Function
from crncompile.backends.c_newton import LARGEST_PIVOT, Fixed, Found, Layout, Solver, pointers
from crncompile.backends.c_places import inner_axis
from crncompile.backends.c_source import HEAD, c_identifiers
from crncompile.backends.c_text import family_functions, high
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

SOLVING = (("currents", "gross", "margins"), ("linearise",))
"""What every solution needs, by the libraries that it comes in: about equally long to compile."""


@dataclass(frozen=True, eq=False)
class Family:
    """A family, its kernel and its functions in C by what they compute; ``name`` is the start of their names."""

    name: str
    code: FamilyCode
    kernel: Kernel
    functions: Mapping[str, Function]

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes; one device alone has an axis too."""
        return self.code.shape or (1,)

    @cached_property
    def tables(self) -> Mapping[str, tuple[sympy.Expr, ...]]:
        """All constants of the functions with which it is solved, and of `pullback`, from its parameters."""
        found: dict[str, dict[sympy.Expr, None]] = {SOLVE: {}, PULLBACK: {}}
        for what, f in self.functions.items():
            found[_table(what)] |= dict.fromkeys(f.constants.written_out)
        return {name: tuple(constants) for name, constants in found.items()}

    @cached_property
    def places(self) -> Mapping[str, list[int]]:
        """Which constants of its table each function is given."""
        found = {}
        for what, f in self.functions.items():
            table = {constant: place for place, constant in enumerate(self.tables[_table(what)])}
            found[what] = [table[constant] for constant in f.constants.written_out]
        return found


SOLVE, PULLBACK = "solve", "pullback"


def _table(what: str) -> str:
    return PULLBACK if what == PULLBACK else SOLVE


class Constants:
    """What the functions of families need of parameters, computed when it is first asked for.

    ``slots`` are the families' own values, ``module`` has the functions that make constants of them.
    """

    def __init__(self, slots: Mapping[str, Sequence[Any]], module: Any, dtype: np.dtype[Any]):
        self.slots, self.module, self.dtype = slots, module, dtype
        self._tables: dict[str, list[LaidOut]] = {}
        self._fixed: dict[tuple[str, str], Fixed] = {}
        self.solver: Solver | None = None

    def of(self, family: Family, what: str) -> Fixed:
        """Return the constants of one of a family's functions."""
        key = family.name, what
        if key not in self._fixed:
            table = self._table(family, what)
            self._fixed[key] = Fixed.of([table[place] for place in family.places[what]], self.dtype.itemsize)
        return self._fixed[key]

    def _table(self, family: Family, what: str) -> list[LaidOut]:
        name = f"{family.name}_{_table(what)}"
        if name not in self._tables:
            values = getattr(self.module, name)(*self.slots[family.code.name])
            self._tables[name] = [_laid_out(np.asarray(value, self.dtype), family.shape) for value in values]
        return self._tables[name]


class LaidOut(NamedTuple):
    """Numbers, their address, and the bytes between them along the axes of a family."""

    array: Array
    address: int
    strides: tuple[int, ...]


def _laid_out(value: Array, shape: tuple[int, ...]) -> LaidOut:
    """Return a constant of a family with what the innermost loop reads side by side in memory."""
    if value.ndim == 0:
        return LaidOut(value, value.ctypes.data, (0,) * len(shape))
    inner, whole = inner_axis(shape), value if value.shape == shape else np.broadcast_to(value, shape)
    if whole.strides[inner] not in (0, value.itemsize) and shape[inner] > 1:
        whole = np.moveaxis(np.ascontiguousarray(np.moveaxis(whole, inner, -1)), -1, inner)
    return LaidOut(whole, whole.ctypes.data, whole.strides)


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
            functions = family_functions(program, code, kernel, names[code.name])
            self.families.append(Family(names[code.name], code, kernel, functions))
        self.layout = _layout(program, order, codes)
        self.libraries: dict[tuple[str, bool], ctypes.CDLL] = {}
        self.routines: dict[tuple[str, str, bool], c_newton.Routine] = {}
        self.module = load_module(_python_text(self.families, Reader(program)), f"crncompile:{program.name}:constants")
        self.threads = cores()
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    @property
    def pool(self) -> ThreadPoolExecutor:
        """Threads that are kept; a process that was forked has none of those of its parent."""
        if self._pool is None or self._pool[0] != os.getpid():
            self._pool = os.getpid(), ThreadPoolExecutor(self.threads)
        return self._pool[1]

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
        self._call(what, families, self._inputs(u, held, families), constants, outputs)

    def monotone(
        self, families: Sequence[Family], low: Array, high_: Array, held: Array, constants: Constants
    ) -> Array:
        """Say for which samples all differential conductances are positive between two states (batch, n)."""
        bounded = [family for family in families if "margins" in family.functions]
        ends = [self._inputs(u, held, bounded) for u in (low, high_)]
        failures = np.zeros(len(low), low.dtype)
        inputs = ends[0] | {high(name): value for name, value in ends[1].items()}
        self._call("margins", bounded, inputs, constants, {"into": failures})
        return np.asarray(failures == 0)

    def _call(
        self,
        what: str,
        families: Sequence[Family],
        inputs: Mapping[str, Array],
        constants: Constants,
        outputs: Mapping[Any, Array],
    ) -> None:
        batch = len(next(iter(outputs.values())))
        for family in families:
            targets = [outputs[name] for name in family.functions[what].outputs]
            jobs = [(targets, first, last) for first, last in self._pieces(family, batch)]
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
            to_slots[family.code.name] = sums.sum(axis=0).reshape(sums.shape[1], *family.code.shape)
        return to_slots, to_held

    def newton(
        self,
        families: Sequence[Family],
        start: Array,
        held: Array,
        constants: Constants,
        injected: Array | None,
        settings: Mapping[str, float],
        respond: bool,
        confine: bool,
    ) -> Found:
        """Run Newton's method from ``start`` (batch, n); see `newton.c` for what is found, and for the settings."""
        if constants.solver is None:
            constants.solver = self._solver(families, constants)
        return constants.solver.newton(start, held, injected, settings, self._share, respond, confine)

    def _solver(self, families: Sequence[Family], constants: Constants) -> Solver:
        assert self.layout is not None
        single = constants.dtype == np.float32
        confines = self.program.bounded and not self.program.unique
        functions = {
            what: [(self._routine(f, what, single), constants.of(f, what)) for f in families if what in f.functions]
            for what in ("linearise", "gross", *(("currents", "margins") if confines else ()))
        }
        return Solver(self._library("newton", single), self.layout, functions, constants.dtype)

    def solve_transposed(
        self, blocks: Mapping[tuple[int, int], Array], right: Array, allowed: float, vanishing: float
    ) -> tuple[Array, Array]:
        """Solve J^T x = ``right``, (batch, n): x, and whose is as exact as is ``allowed``, (batch,)."""
        assert self.layout is not None
        library = self._library("newton", right.dtype == np.float32)
        return self.layout.solve(library, blocks, right, allowed, vanishing, transposed=True)

    def _routine(self, family: Family, what: str, single: bool) -> c_newton.Routine:
        key, f = (family.name, what, single), family.functions[what]
        if key not in self.routines:
            assert self.layout is not None
            address = ctypes.cast(getattr(self._library(what, single), f.name), ctypes.c_void_p).value
            assert address is not None
            self.routines[key] = self.layout.routine(address, f.inputs, f.outputs, f.indices)
        return self.routines[key]

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
        assert all(inputs[name].dtype == constants.dtype for name in f.inputs), "precisions differ"
        fixed = constants.of(family, what)
        routine = getattr(self._library(what, inputs[f.inputs[0]].dtype == np.float32), f.name)
        given = [pointers([inputs[name] for name in f.inputs]), fixed.pointers]
        rest = [ctypes.c_void_p(fixed.strides.ctypes.data), pointers(f.indices)]

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
    parts = [_constants_text(family, table) for family in families for table in (SOLVE, PULLBACK)]
    chain = chain_text([family.code for family in families if "pullback" in family.functions], reader)
    runtime = "from crncompile.backends.numpy_runtime import *\nimport numpy as np"
    arrays = [f"{name} = np.array({value.tolist()!r})" for name, value in reader.arrays.values.items()]
    return "\n\n\n".join([runtime, *arrays, *parts, chain])


def _constants_text(family: Family, table: str) -> str:
    names = identifiers(symbol.name for symbol in family.kernel.parameters)
    printer = Printer(names)
    constants = [printer.text(constant) for constant in family.tables[table]]
    signature = f"{family.name}_{table}({', '.join(names[symbol.name] for symbol in family.kernel.parameters)})"
    text = f"return {several(constants) if constants else '()'}"
    return function(signature, "What does not depend on the sample.", [text])
