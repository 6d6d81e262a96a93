"""The loops of a family's functions in C: devices in tiles, samples one after the other, sums in a fixed order.

A tile is a run along the longest axis of a family, short enough to stay in the first-level cache. For every tile all
samples follow one another, so that what does not depend on the sample is read once. The loop over a tile's devices is
vectorised, with glibc's vector functions where there are any. Results do not depend on how samples are spread over
threads: each is summed in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.backends.c_places import Crossing, Indices, Location, inner_axis, location
from crncompile.backends.c_shared import Shared
from crncompile.backends.c_source import EACH, LANES, TILE, CPrinter, c_identifiers
from crncompile.backends.constants import Split, split
from crncompile.program.types import FamilyCode, Kernel, Program, Routine


@dataclass(frozen=True, eq=False)
class Function:
    """One function of a family in C, and what it is to be given.

    ``text`` has the signature ``(first, last, in, fixed, strides, index, out)``: samples, potentials or concentrations
    of each port (batch, group), the constants with their strides along the family's axes, index arrays, and the arrays
    that are added to. ``inputs`` are the names of groups, ``outputs`` what stands in ``out``.
    """

    name: str
    text: str
    constants: Split
    inputs: tuple[str, ...]
    outputs: tuple[tuple[int, int] | str, ...]
    indices: tuple[NDArray[np.int64], ...]


class Writer:
    """Writes one function: its loops, and in them what a tile reads, computes, and adds to the outputs.

    Every name has a suffix that says what it is, and hence meets no word of C and no other name: arrays over the tile
    are ``_t`` (terminals; a number where all devices share one), ``_c`` (constants; ``_c_g`` where they have to be
    gathered), ``_w`` (weights), ``_r`` (results), ``_h`` (what is shared along the other axes) and ``_s`` (sums over
    samples), numbers ``_v``, and ``_at`` is where a terminal's group begins. What all devices of
    a tile add to one place is summed in the loop that computes it; only what goes to many places is stored.
    """

    def __init__(self, program: Program, family: FamilyCode, kernel: Kernel, routine: Routine):
        self.program, self.family, self.kernel = program, family, kernel
        self.shape = family.shape or (1,)
        self.parts = split(routine, kernel.parameters, self.wanted(family, kernel))
        self.floating = {group.name: group for group in program.groups}
        self.groups = {**self.floating, **{held.group.name: held.group for held in program.held}}
        self.indices = Indices()
        self.places = [location(port, self.groups[port.name], self.shape, self.indices) for port in family.ports]
        self.weights = routine.arguments[: -len(kernel.terminals) - len(kernel.parameters)]
        moving = [symbol for symbol, _ in self.parts.moving]
        symbols = [*self.weights, *kernel.terminals, *self.parts.needed, *moving]
        self.names = c_identifiers(symbol.name for symbol in symbols)
        self.results = [o for o in dict.fromkeys(self.parts.outputs) if o in set(moving)]
        self.shared = Shared.of(self.parts, kernel, family, self._along_inner())
        self.outputs: list[tuple[int, int] | str] = []
        self.stored: list[sympy.Expr] = []
        self.summed: list[tuple[str, str]] = []
        self.inside: list[str] = []

    def function(self, name: str) -> Function:
        """Return the function under a name."""
        text = "\n".join(self._loops(name))
        indices = tuple(self.indices.arrays)
        return Function(name, text, self.parts, tuple(self.inputs()), tuple(self.outputs), indices)

    def inputs(self) -> list[str]:
        """Names of the groups whose potentials or concentrations are read."""
        return [port.name for port in self.family.ports]

    @staticmethod
    def wanted(family: FamilyCode, kernel: Kernel) -> set[int]:
        """Numbers of the outputs of the routine that are used."""
        raise NotImplementedError

    # --- what differs between functions -------------------------------------------------------------------------------

    def before(self) -> Iterator[str]:
        """Yield lines that a sample's tile begins with."""
        yield from ()

    def adding(self) -> Iterator[str]:
        """Yield lines that add a sample's tile to the outputs."""
        raise NotImplementedError

    def sums(self) -> list[str]:
        """Names of arrays over the tile that are summed over the samples."""
        return []

    def after(self) -> Iterator[str]:
        """Yield lines behind the last sample of a tile."""
        yield from ()

    # --- loops --------------------------------------------------------------------------------------------------------

    def _along_inner(self) -> set[sympy.Symbol]:
        """Return the terminals at which devices differ along the innermost loop alone."""
        ends = zip(self.kernel.terminals, self.places, strict=True)
        return {symbol for symbol, place in ends if place.base == "0" and place.stride and not place.index}

    def _loops(self, name: str) -> Iterator[str]:
        yield f"/* {' x '.join(map(str, self.shape))} devices */"
        yield f"void {name}(at first, at last, const real *const *in, const real *const *fixed,"
        yield "    const at *strides, const at *const *index, real *const *out)"
        yield "{"
        yield "    const real limit = largest_exponent;"
        tiles, others = self._tile_loop(), self._other_loops()
        loops = [tiles, list(self._blocks_of_samples()), [*others, "{"]] if self.shared else [[*others, *tiles]]
        yield from _nested(4, loops, self._tile())
        yield "}"

    def _tile_loop(self) -> list[str]:
        last = self.shape[inner_axis(self.shape)]
        step = -(-last // -(-last // TILE))  # tiles of about the same length,
        step = -(-step // LANES) * LANES if step < last else last  # of which the last alone has a remainder
        return [
            f"for (at k0 = 0; k0 < {last}; k0 += {step}) {{",
            f"    const at width = {last} - k0 < {step} ? {last} - k0 : {step};",
        ]

    def _other_loops(self) -> list[str]:
        inner = inner_axis(self.shape)
        others = [(axis, size) for axis, size in enumerate(self.shape) if axis != inner]
        return [f"for (at a{axis} = 0; a{axis} < {size}; a{axis}++)" for axis, size in others]

    def _blocks_of_samples(self) -> Iterator[str]:
        """Yield lines that take some samples at a time, with room for what their devices share."""
        yield "for (at begin = first; begin < last; begin += SAMPLES) {"
        yield "    const at end = last - begin < SAMPLES ? last : begin + SAMPLES;"
        for symbol in self.shared.kept:
            yield f"    real {self.names[symbol.name]}_k[SAMPLES][TILE];"

    def _tile(self) -> Iterator[str]:
        """Yield lines for the devices of a tile: what they read, and then sample by sample."""
        adding = list(self.adding())
        yield from self._constants()
        yield from (f"real {name}[TILE] = {{0.0}};" for name in self.sums())
        yield "for (at b = begin; b < end; b++) {" if self.shared else "for (at b = first; b < last; b++) {"
        for lines in (self._terminals(), self.before(), self._share(), self._devices(), adding):
            yield from _indented(4, lines)
        yield "}"
        yield from self.after()

    def _share(self) -> Iterator[str]:
        """Yield lines that compute what devices share along the other axes: once, unless their constants differ."""
        if not self.shared:
            return
        axes, inner = len(self.shape), inner_axis(self.shape)
        others = [axis for axis in range(axes) if axis != inner]
        numbers = [number for number, symbol in enumerate(self.parts.needed) if symbol in self.shared.constants]
        differ = [f"strides[{number * axes + axis}]" for number in numbers for axis in others]
        for symbol in self.shared.kept:
            name = self.names[symbol.name]
            yield f"real *{name}_h = {name}_k[b - begin];"
        yield f"if ({' + '.join(f'a{axis}' for axis in others)} == 0{''.join(f' || {step}' for step in differ)}) {{"
        yield "    #pragma omp simd"
        yield f"    {EACH} {{"
        texts = self._texts()
        printer = CPrinter(texts)
        for symbol, value in self.shared.code:
            yield f"        const real {texts[symbol.name]} = {printer.text(value)};"
        for symbol in self.shared.kept:
            yield f"        {self.names[symbol.name]}_h[k] = {texts[symbol.name]};"
        yield "    }"
        yield "}"

    def _constants(self) -> Iterator[str]:
        """Yield lines that gather what does not depend on the sample."""
        axes, inner = len(self.shape), inner_axis(self.shape)
        for number, symbol in enumerate(self.parts.needed):
            steps = [f"strides[{number * axes + axis}]" for axis in range(axes)]
            begins = ["k0" if axis == inner else f"a{axis}" for axis in range(axes)]
            terms = [f"{index} * {step}" for index, step in zip(begins, steps, strict=True)]
            name = f"{self.names[symbol.name]}_c"
            yield f"real {name}_g[TILE];"
            yield f"const real *{name} = along(fixed[{number}] + {' + '.join(terms)}, {steps[inner]}, width, {name}_g);"

    def _terminals(self) -> Iterator[str]:
        for number, (symbol, port) in enumerate(zip(self.kernel.terminals, self.family.ports, strict=True)):
            group, name, place = self.groups[port.name], self.names[symbol.name], self.places[number]
            yield f"const real *{name}_at = in[{number}] + b * {group.stop - group.start};"
            if place.fixed:
                yield f"const real {name}_t = {name}_at[{place.at('0')}];"
            elif place.stride == 1 and not place.index:
                yield f"const real *{name}_t = {name}_at + {place.at('k0')};"
            else:
                yield f"real {name}_t[TILE];"
                yield f"{EACH} {name}_t[k] = {name}_at[{place.at('k0 + k')}];"

    def terminal(self, number: int) -> str:
        """Return the text of what device k finds at a terminal."""
        name = self.names[self.kernel.terminals[number].name]
        return f"{name}_t" if self.places[number].fixed else f"{name}_t[k]"

    def _texts(self) -> dict[str, str]:
        """Return what stands in expressions for a device k, by the names of symbols."""
        texts = {s.name: f"{self.names[s.name]}_w[k]" for s in self.weights}
        texts |= {s.name: self.terminal(number) for number, s in enumerate(self.kernel.terminals)}
        texts |= {s.name: f"{self.names[s.name]}_c[k]" for s in self.parts.needed}
        return texts | {s.name: f"{self.names[s.name]}_v" for s, _ in self.parts.moving}

    def _devices(self) -> Iterator[str]:
        """Yield the loop over the devices of a tile."""
        texts = self._texts()
        printer = CPrinter(texts)
        for output in self.stored:
            yield f"real {self.names[output.name]}_r[TILE];"
        sums = [f"sum_{number}" for number, _ in enumerate(self.summed)]
        if sums:
            yield f"real {', '.join(f'{name} = 0.0' for name in sums)};"
        yield "#pragma omp simd" + (f" reduction(+:{','.join(sums)})" if sums else "")
        yield f"{EACH} {{"
        for symbol in self.shared.kept:
            yield f"    const real {texts[symbol.name]} = {self.names[symbol.name]}_h[k];"
        for symbol, value in self.shared.rest:
            yield f"    const real {texts[symbol.name]} = {printer.text(value)};"
        for output in self.stored:
            yield f"    {self.names[output.name]}_r[k] = {texts[output.name]};"
        for name, (value, _) in zip(sums, self.summed, strict=True):
            yield f"    {name} += {value};"
        yield from _indented(4, self.inside)
        yield "}"
        for name, (_, target) in zip(sums, self.summed, strict=True):
            yield f"{target}{name};"

    # --- results and where they go ------------------------------------------------------------------------------------

    def result(self, output: sympy.Expr, inside: bool) -> str:
        """Return the text of an output of the routine for device k, ``inside`` the loop that computes it or behind."""
        if output.is_number:
            return CPrinter({}).text(output)
        name = self.names[output.name]
        if output in self.results and inside:
            return f"{name}_v"
        if output in self.results:
            self.stored += [] if output in self.stored else [output]
            return f"{name}_r[k]"
        if output in self.kernel.terminals:
            return self.terminal(self.kernel.terminals.index(output))
        return f"{name}_c[k]" if output in self.parts.needed else f"{name}_w[k]"

    def by_potential(self, terminal: int | None) -> str:
        """Return the text of the factor that makes a derivative by c one by ln c, where there are molecules."""
        molecules = terminal is not None and self.kernel.terminals[terminal].is_positive
        return f"{self.terminal(terminal)} * " if terminal is not None and molecules else ""

    def output(self, name: tuple[int, int] | str) -> str:
        """Return the text of the array of an output."""
        if name not in self.outputs:
            self.outputs.append(name)
        return f"out[{self.outputs.index(name)}]"

    def add(
        self, start: str, place: Location | Crossing, output: sympy.Expr, factor: int, by: int | None = None
    ) -> Iterator[str]:
        """Yield lines that add a multiple of an output to an array from ``start`` on; ``by``: a derivative by that one.

        Nothing is yielded where all devices add to one place: then the sum is noted.
        """
        sign = "-=" if factor < 0 else "+="
        times = f"{abs(factor)}.0 * " if abs(factor) != 1 else ""
        value = self.result(output, inside=place.fixed)
        if place.fixed:
            if by is not None and self.places[by].fixed:  # the whole sum has this factor
                times += self.by_potential(by)
            else:
                value = self.by_potential(by) + value
            self.summed.append((value, f"({start})[{place.at('0')}] {sign} {times}"))
            return
        value = self.by_potential(by) + value
        yield "{"
        yield f"    real *to = {start};"
        if not place.index:
            yield "    #pragma omp simd"
        yield f"    {EACH} to[{place.at('k0 + k')}] {sign} {times}{value};"
        yield "}"


def _nested(blanks: int, loops: Sequence[Sequence[str]], body: Iterable[str]) -> Iterator[str]:
    """Yield loops, each the lines that open its block, around a body."""
    if not loops:
        yield from _indented(blanks, body)
        return
    yield from _indented(blanks, loops[0])
    yield from _nested(blanks + 4, loops[1:], body)
    yield " " * blanks + "}"


def _indented(blanks: int, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield " " * blanks + line
