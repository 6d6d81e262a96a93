"""Newton's method in C for the networks of the backend `c`: what `newton.c` is told of a network, and its calls."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crncompile.backends.c_source import HEAD, LANES
from crncompile.backends.c_text import high
from crncompile.program.types import Program

Array = NDArray[Any]
Block = tuple[int, int]
CHUNK = 16
"""Samples that read the constants of all devices together."""
LARGEST_PIVOT = 256
"""Reservoirs of a group whose block is dense, up to which plain elimination is as quick as a library's by tiles."""
WORTH_A_THREAD = 100_000
"""Devices times samples below which a second thread costs more than it saves."""


def source() -> str:
    """Return the text of the library."""
    return HEAD + "\n" + Path(__file__).with_name("newton.c").read_text(encoding="utf-8")


# --- the structures of newton.c ---------------------------------------------------------------------------------------

_at, _pointer = ctypes.c_ssize_t, ctypes.c_void_p


def _structure(name: str, *fields: tuple[str, Any]) -> Any:
    return type(name, (ctypes.Structure,), {"_fields_": list(fields)})


def _numbers(names: str) -> list[tuple[str, Any]]:
    return [(name, _at) for name in names.split()]


_Group = _structure("Group", *_numbers("start size held molecular"))
_Block = _structure("Block", *_numbers("row column dense size"))
_Call = _structure(
    "Call",
    ("run", _pointer),
    *_numbers("ins outs"),
    *[(n, _pointer) for n in ("in_", "out", "fixed", "strides", "index")],
)
_Part = _structure("Part", *_numbers("row column dense width size offset source"))
_Step = _structure("Step", *_numbers("what a b c"))
_Plan = _structure("Plan", *_numbers("parts steps room transposed"), ("part", _pointer), ("step", _pointer))
_CALLS = ("linearise", "gross", "currents", "margins")
_Network = _structure(
    "Network",
    *_numbers("groups floating held blocks"),
    *[(what, _at) for what in _CALLS],
    *[(n, _pointer) for n in ("group", "block", *[f"calls_{what}" for what in _CALLS])],
    ("plan", _Plan),
)
_FOUND = ("status", "iterations", "confined", "u", "step", "currents", "gross", "response", "blocks")
_Found = _structure("Found", *[(name, _pointer) for name in _FOUND])
_REALS, _COUNTS = "longest arrived still allowed vanishing margin", _numbers("iterations patience polishing chunk")
_SETTINGS = {
    single: _structure("Settings", *[(name, real) for name in _REALS.split()], *_COUNTS)
    for single, real in ((False, ctypes.c_double), (True, ctypes.c_float))
}


# --- elimination ------------------------------------------------------------------------------------------------------


class Step(NamedTuple):
    """One step of an elimination, of parts by number; see ``eliminate`` in `newton.c`."""

    what: int
    a: int
    b: int = 0
    c: int = 0


PIVOT, SCALE, FILL, FORWARD, BACKWARD, DIVIDE = range(6)


@dataclass(frozen=True)
class Plan:
    """An elimination over groups: ``parts`` are the blocks at work, whether dense, in the order of their storage."""

    parts: Mapping[Block, bool]
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, order: Sequence[int], dense: Mapping[Block, bool]) -> Plan:
        """Plan the elimination of the groups in an order; what is filled is dense unless all that meets is diagonal."""
        parts = dict(dense)
        for place, group in enumerate(order):
            later = order[place + 1 :]
            for column in (c for c in later if (group, c) in parts):
                parts[group, column] |= parts[group, group]
                for row in (r for r in later if (r, group) in parts):
                    filled = parts[row, group] or parts[group, column]
                    parts[row, column] = parts.get((row, column), False) or filled
        return cls(parts, tuple(_steps(order, list(parts))))


def _steps(order: Sequence[int], parts: Sequence[Block]) -> Iterable[Step]:
    """Yield what to do: pivots are inverted, rows divided, Schur complements formed; then x from the last group on."""
    number = {block: n for n, block in enumerate(parts)}
    for place, group in enumerate(order):
        later = order[place + 1 :]
        pivot = number[group, group]
        yield Step(PIVOT, pivot)
        yield Step(DIVIDE, pivot)
        columns = [c for c in later if (group, c) in number]
        for column in columns:
            yield Step(SCALE, number[group, column], pivot)
        for row in (r for r in later if (r, group) in number):
            below = number[row, group]
            for column in columns:
                yield Step(FILL, number[row, column], below, number[group, column])
            yield Step(FORWARD, below)
    for place in reversed(range(len(order))):
        for column in order[place + 1 :]:
            if (order[place], column) in number:
                yield Step(BACKWARD, number[order[place], column])


# --- a network --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Routine:
    """One function of a family as `newton.c` calls it: its address, and numbers of what it is given."""

    address: int
    inputs: Array
    outputs: Array
    indices: Any

    @cached_property
    def addresses(self) -> tuple[int, int, int]:
        """Return where inputs, outputs and indices lie."""
        return self.inputs.ctypes.data, self.outputs.ctypes.data, ctypes.addressof(self.indices)


class Found(NamedTuple):
    """Where Newton's method ended: whether found, and iterations (batch,); states, last steps and so on (batch, n).

    ``response`` is -J^-1 gross, and ``confined`` says whom a box proves to relax to the answer (batch,), if they were
    asked for; ``blocks`` are those of the Jacobian. The state of a sample that was not found is its start, and nothing
    else counts.
    """

    found: Array
    iterations: Array
    u: Array
    step: Array
    currents: Array
    gross: Array
    response: Array | None
    confined: Array | None
    blocks: dict[Block, Array]


class Layout:
    """What the library is told of a network whatever its parameters: groups, blocks, how to eliminate them."""

    def __init__(self, program: Program, order: Sequence[int], read: Iterable[str]):
        groups = [(group, 0) for group in program.groups]
        read = set(read)
        groups += [(code.group, 1) for code in program.held if code.group.name in read]
        self.numbers = {group.name: n for n, (group, _) in enumerate(groups)}
        self.numbers |= {high(name): len(groups) + n for name, n in self.numbers.items()}
        self.sizes = [group.stop - group.start for group, _ in groups]
        self.group = (_Group * len(groups))(
            *[(g.start, g.stop - g.start, held, g.content == "molecules") for g, held in groups]
        )
        self.dense = {block: shape == "dense" for block, shape in program.blocks.items()}
        self.block = (_Block * len(self.dense))(*[(*b, d, self._size(b, d)) for b, d in self.dense.items()])
        self.out: dict[Block | str, int] = {"into": 0} | {block: n + 1 for n, block in enumerate(self.dense)}
        plan = Plan.of(order, self.dense)
        self.largest_pivot = max((self.sizes[g] for g in order if plan.parts[g, g]), default=0)
        self.plan = self._plan(plan, transposed=False)
        flipped = {(column, row): dense for (row, column), dense in self.dense.items()}
        self.transposed = self._plan(Plan.of(order, flipped), transposed=True)
        self.reservoirs = program.groups[-1].stop

    def _size(self, block: Block, dense: bool) -> int:
        return self.sizes[block[0]] * (self.sizes[block[1]] if dense else 1)

    def _plan(self, plan: Plan, transposed: bool) -> Any:
        parts, offset = [], 0
        for (row, column), dense in plan.parts.items():
            source = self.out.get((column, row) if transposed else (row, column), 0) - 1
            width = -(-self.sizes[column] // LANES) * LANES if dense else 1  # as `newton.c` wants rows
            size = self.sizes[row] * width
            parts.append((row, column, dense, width, size, offset, source))
            offset += size
        part, step = (_Part * len(parts))(*parts), (_Step * len(plan.steps))(*plan.steps)
        made = _Plan(len(parts), len(step), offset, transposed, ctypes.addressof(part), ctypes.addressof(step))
        made.kept = part, step
        return made

    def network(self) -> Any:
        """Return what the library is given, without calls of functions."""
        sizes, parts = (len(self.sizes), self.reservoirs, 0, len(self.dense)), (self.group, self.block)
        return _Network(*sizes, *[0] * len(_CALLS), *map(ctypes.addressof, parts), *[0] * len(_CALLS), self.plan)

    def solve(
        self,
        library: ctypes.CDLL,
        blocks: Mapping[Block, Array],
        right: Array,
        allowed: float,
        vanishing: float,
        transposed: bool,
    ) -> tuple[Array, Array]:
        """Solve J x or J^T x = ``right``, (batch, n): x, and whose is as exact as is ``allowed``, (batch,)."""
        given = [np.ascontiguousarray(blocks[block], right.dtype) for block in self.dense]
        targets, right, network = pointers(given), np.ascontiguousarray(right), self.network()
        x, status = np.empty_like(right), np.zeros(len(right), np.int64)
        told = _SETTINGS[right.dtype.itemsize == 4](allowed=allowed, vanishing=vanishing)
        result = library.solve_blocks(
            _at(0),
            _at(len(right)),
            ctypes.byref(network),
            ctypes.byref(self.transposed if transposed else self.plan),
            ctypes.byref(told),
            ctypes.byref(targets),
            *map(_address, (right, x, status)),
        )
        if result:
            raise MemoryError("a linear system has no memory")
        return x, status == 1

    def routine(
        self, address: int, inputs: Sequence[str], outputs: Sequence[Block | str], indices: Sequence[Array]
    ) -> Routine:
        """Return a function of a family, told what it is given: names of groups, of outputs, and index arrays."""
        ins, outs = [self.numbers[name] for name in inputs], [self.out[name] for name in outputs]
        return Routine(address, np.array(ins, np.int64), np.array(outs, np.int64), pointers(indices))

    def shape(self, block: Block) -> tuple[int, ...]:
        """Return (rows,) of a diagonal block or (rows, columns)."""
        return tuple(self.sizes[group] for group in (block if self.dense[block] else block[:1]))


@dataclass(frozen=True, eq=False)
class Fixed:
    """Constants of a function of a family, as C takes them: addresses, and strides in numbers along the axes."""

    arrays: Sequence[Array]
    pointers: Any
    strides: Array

    @classmethod
    def of(cls, constants: Sequence[tuple[Array, int, tuple[int, ...]]], size: int) -> Fixed:
        """Take constants with their addresses and their strides in bytes; a number has this size."""
        addresses = (_pointer * max(1, len(constants)))(*[address for _, address, _ in constants])
        strides = np.array([step // size for _, _, steps in constants for step in steps], np.int64)
        return cls([array for array, _, _ in constants], addresses, strides)


Given = tuple[Routine, Fixed]
"""A function of a family, and its constants."""


class Solver:
    """A network with its parameters, in one precision, ready to be solved."""

    def __init__(self, library: ctypes.CDLL, layout: Layout, functions: Mapping[str, Sequence[Given]], dtype: Any):
        self.library, self.layout, self.dtype = library, layout, np.dtype(dtype)
        self.kept: list[Any] = [functions]
        self.network = layout.network()
        for what, families in functions.items():
            setattr(self.network, what, len(families))
            setattr(self.network, f"calls_{what}", self._calls(families))
        given = [fixed.arrays for _, fixed in functions["linearise"]]
        self.devices = sum(max((array.size for array in arrays), default=1) for arrays in given)

    def _calls(self, families: Sequence[Given]) -> int:
        calls = (_Call * max(1, len(families)))()
        for call, (routine, fixed) in zip(calls, families, strict=False):
            call.run, call.ins, call.outs = routine.address, len(routine.inputs), len(routine.outputs)
            call.in_, call.out, call.index = routine.addresses
            call.fixed, call.strides = ctypes.addressof(fixed.pointers), fixed.strides.ctypes.data
        self.kept.append(calls)
        return ctypes.addressof(calls)

    def newton(
        self,
        start: Array,
        held: Array,
        injected: Array | None,
        settings: Mapping[str, float],
        share: Share,
        respond: bool,
        confine: bool,
    ) -> Found:
        """Run Newton's method from states ``start`` (batch, n); see `newton.c` for the settings.

        The network has to be given functions ``currents`` and ``margins`` in order to ``confine`` answers.
        """
        batch, n = start.shape
        start, held = (np.ascontiguousarray(given, self.dtype) for given in (start, held))
        u = start.copy()
        injected = None if injected is None else np.ascontiguousarray(injected, self.dtype)
        status, iterations, confined = np.zeros((3, batch), np.int64)
        step, currents, gross, response = np.full((4, batch, n), np.nan, self.dtype)
        blocks = {block: np.zeros((batch, *self.layout.shape(block)), self.dtype) for block in self.layout.dense}
        targets = pointers(list(blocks.values()))
        arrays = (u, step, currents, gross, response if respond else None)
        counts = (status, iterations, confined if confine else None)
        found = _Found(*map(_address, (*counts, *arrays)), ctypes.addressof(targets))
        self.network.held = held.shape[1]
        told = _SETTINGS[self.dtype.itemsize == 4](**settings, chunk=CHUNK)
        network, given = ctypes.byref(self.network), [_address(array) for array in (held, injected, start)]

        def call(first: int, last: int) -> None:
            if self.library.newton(_at(first), _at(last), network, ctypes.byref(told), *given, ctypes.byref(found)):
                raise MemoryError("Newton's method has no memory for a few samples")

        share(call, batch, self.devices)
        asked = response if respond else None, confined == 1 if confine else None
        return Found(status == 1, iterations, u, step, currents, gross, *asked, blocks)


Piece = Callable[[int, int], None]
Share = Callable[[Piece, int, int], None]


def pointers(arrays: Sequence[Array]) -> Any:
    """Return the addresses of arrays, as C takes them."""
    return (_pointer * max(1, len(arrays)))(*[array.ctypes.data for array in arrays])


def _address(array: Array | None) -> Any:
    return _pointer(None if array is None else array.ctypes.data)


def shared_out(call: Piece, batch: int, devices: int, threads: int, pool: ThreadPoolExecutor) -> None:
    """Call a function of samples from first to last, by whole chunks, on as many threads as pay."""
    chunks = -(-batch // CHUNK)
    count = max(1, min(threads, chunks, batch * devices // WORTH_A_THREAD))
    ends = [min(batch, chunks * piece // count * CHUNK) for piece in range(count + 1)]
    pieces = list(pairwise(ends))
    if len(pieces) == 1:
        call(*pieces[0])
    else:
        list(pool.map(lambda piece: call(*piece), pieces))
