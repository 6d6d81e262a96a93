"""A Program's families as C: each evaluates its devices in tiles, and adds what they do to where it belongs.

A tile is a run along the longest axis of a family, short enough to stay in the first-level cache. For every tile all
samples follow one another, so that what does not depend on the sample is read once. The loop over a tile's devices is
vectorised, with glibc's vector functions where there are any. Results do not depend on how samples are spread over
threads: each is summed in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.backends.c_constants import Split, split
from crncompile.backends.c_places import Crossing, Indices, Location, device, inner_axis, location
from crncompile.backends.printer import Printer, identifiers
from crncompile.program.types import Contribution, FamilyCode, Kernel, Program, Routine

TILE = 256
"""Devices of a tile: some twenty arrays of them fit into 64 KiB."""

HEAD = f"""\
#include <stddef.h>
#include <tgmath.h>

#ifndef REAL
#define REAL double
#endif
typedef REAL real;

#if defined __GLIBC__ && defined __x86_64__ && !defined __clang__
/* The vector functions of glibc are exact to 4 units in the last place. */
#pragma GCC diagnostic ignored "-Wattributes"
__attribute__((simd("notinbranch"))) double (exp)(double);
__attribute__((simd("notinbranch"))) double (log)(double);
__attribute__((simd("notinbranch"))) double (pow)(double, double);
__attribute__((simd("notinbranch"))) float (expf)(float);
__attribute__((simd("notinbranch"))) float (logf)(float);
__attribute__((simd("notinbranch"))) float (powf)(float, float);
#endif

typedef ptrdiff_t at;
enum {{ TILE = {TILE} }};

/* An exponential that saturates instead of overflowing. The limit is no constant, as that would make a branch of it. */
real largest_exponent = sizeof(real) == 8 ? 700.0 : 80.0;
static inline real bounded(real x, real limit) {{ return x < limit ? x : limit; }}
#define exp_(x) exp(bounded(x, limit))

/* Numbers of a tile's devices: where they lie side by side they are left there, else they are gathered in `to`. */
static __attribute__((noinline)) const real *along(const real *from, at stride, at width, real *restrict to)
{{
    if (stride == 1) return from;
    for (at k = 0; k < width; k++) to[k] = from[k * stride];
    return to;
}}
"""

EACH = "for (at k = 0; k < width; k++)"


def c_identifiers(names: Iterable[str]) -> dict[str, str]:
    """Return a distinct start of C identifiers for each name; letters that are not ASCII become their code points."""
    result: dict[str, str] = {}
    for name, text in identifiers(names, ()).items():
        plain = "".join(c if c.isascii() else f"u{ord(c):x}" for c in text)
        while plain in result.values():
            plain += "_"
        result[name] = plain
    return result


class CPrinter(Printer):
    """Prints expressions as C."""

    functions: ClassVar[Mapping[str, str]] = {
        "exp": "exp_",
        "log": "log",
        "tanh": "tanh",
        "sinh": "sinh",
        "cosh": "cosh",
        "Abs": "fabs",
    }

    def _number(self, e: sympy.Expr, level: int) -> str:
        text = repr(float(e))
        return f"({text})" if text.startswith("-") and level > 0 else text

    def _power(self, e: sympy.Expr, level: int) -> str:
        base, exponent = self.text(e.base, 2), e.exp
        if exponent == sympy.Rational(1, 2):
            return f"sqrt({self.text(e.base)})"
        if exponent.is_Integer and 2 <= int(exponent) <= 4 and e.base.is_Symbol:
            return f"({' * '.join([base] * int(exponent))})"
        return f"pow({self.text(e.base)}, {self.text(exponent)})"


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


def family_functions(program: Program, family: FamilyCode, kernel: Kernel, name: str) -> dict[str, Function]:
    """Return the functions of a family by what they compute; ``name`` is the start of their names.

    There is no ``pullback`` of a kernel without derivatives of its weighted fluxes, and ``margins`` are there only where
    they can prove something.
    """
    writers: dict[str, tuple[type[_Writer], Routine]] = {
        "currents": (_Currents, kernel.value),
        "gross": (_Gross, kernel.gross),
        "linearise": (_Linearise, kernel.slopes),
        "pullback": (_Pullback, kernel.pull),
    }
    if kernel.margin is not None and family.margins and program.bounded and not program.unique:
        writers["margins"] = (_Margins, kernel.margin)
    return {
        what: writer(program, family, kernel, routine).function(f"{name}_{what}")
        for what, (writer, routine) in writers.items()
        if routine.outputs
    }


class _Writer:
    """Writes one function: its loops, and in them what a tile reads, computes, and adds to the outputs.

    Every name has a suffix that says what it is, and hence meets no word of C and no other name: arrays over the tile
    are ``_t`` (terminals; a number where all devices share one), ``_c`` (constants; ``_c_g`` where they have to be
    gathered), ``_w`` (weights), ``_r`` (results) and ``_s`` (sums over samples), numbers ``_v``, and ``_at`` is where a
    terminal's group begins. What all devices of
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

    def _loops(self, name: str) -> Iterator[str]:
        inner = inner_axis(self.shape)
        last = self.shape[inner]
        yield f"/* {' x '.join(map(str, self.shape))} devices */"
        yield f"void {name}(at first, at last, const real *const *in, const real *const *fixed,"
        yield "    const at *strides, const at *const *index, real *const *out)"
        yield "{"
        yield "    const real limit = largest_exponent;"
        for axis, size in enumerate(self.shape):
            if axis != inner:
                yield f"    for (at a{axis} = 0; a{axis} < {size}; a{axis}++)"
        step = -(-last // -(-last // TILE))  # tiles of about the same length
        yield f"    for (at k0 = 0; k0 < {last}; k0 += {step}) {{"
        yield f"        const at width = {last} - k0 < {step} ? {last} - k0 : {step};"
        adding = list(self.adding())
        yield from _indented(8, self._constants())
        yield from _indented(8, (f"real {name}[TILE] = {{0.0}};" for name in self.sums()))
        yield "        for (at b = first; b < last; b++) {"
        for lines in (self._terminals(), self.before(), self._devices(), adding):
            yield from _indented(12, lines)
        yield "        }"
        yield from _indented(8, self.after())
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

    def _devices(self) -> Iterator[str]:
        """Yield the loop over the devices of a tile."""
        texts = {s.name: f"{self.names[s.name]}_w[k]" for s in self.weights}
        texts |= {s.name: self.terminal(number) for number, s in enumerate(self.kernel.terminals)}
        texts |= {s.name: f"{self.names[s.name]}_c[k]" for s in self.parts.needed}
        texts |= {s.name: f"{self.names[s.name]}_v" for s, _ in self.parts.moving}
        printer = CPrinter(texts)
        for output in self.stored:
            yield f"real {self.names[output.name]}_r[TILE];"
        sums = [f"sum_{number}" for number, _ in enumerate(self.summed)]
        if sums:
            yield f"real {', '.join(f'{name} = 0.0' for name in sums)};"
        yield "#pragma omp simd" + (f" reduction(+:{','.join(sums)})" if sums else "")
        yield f"{EACH} {{"
        for symbol, value in self.parts.moving:
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

    def by_potential(self, value: str, terminal: int) -> str:
        """Return the text of a derivative by a terminal's potential: by ln c in place of c."""
        return f"{value} * {self.terminal(terminal)}" if self.kernel.terminals[terminal].is_positive else value

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
        value = value if by is None else self.by_potential(value, by)
        if place.fixed:
            self.summed.append((value, f"({start})[{place.at('0')}] {sign} {times}"))
            return
        yield "{"
        yield f"    real *to = {start};"
        if not place.index:
            yield "    #pragma omp simd"
        yield f"    {EACH} to[{place.at('k0 + k')}] {sign} {times}{value};"
        yield "}"


class _Currents(_Writer):
    """Adds the net currents into the floating reservoirs."""

    @staticmethod
    def wanted(family: FamilyCode, kernel: Kernel) -> set[int]:
        """Fluxes that flow into floating reservoirs."""
        return {flux for _, flux, _ in family.currents}

    def adding(self) -> Iterator[str]:
        """Yield lines that add each flux to the reservoirs at its terminals."""
        for terminal, flux, factor in self.family.currents:
            group = self.floating[self.family.ports[terminal].name]
            start = f"{self.output('into')} + b * {self.program.groups[-1].stop} + {group.start}"
            yield from self.add(start, self.places[terminal], self.parts.outputs[flux], self.times(factor))

    def times(self, factor: int) -> int:
        """Return what a flux is multiplied by."""
        return factor


class _Gross(_Currents):
    """Adds the sizes of all that flows."""

    def times(self, factor: int) -> int:
        """Return what a flux's size is multiplied by."""
        return abs(factor)


class _Linearise(_Currents):
    """Adds net currents and their derivatives by the potentials."""

    @staticmethod
    def wanted(family: FamilyCode, kernel: Kernel) -> set[int]:
        """Fluxes, and derivatives by the potentials of floating reservoirs."""
        slopes = {len(kernel.flux_names) + term.slope for term in family.contributions}
        return _Currents.wanted(family, kernel) | slopes

    def adding(self) -> Iterator[str]:
        """Yield lines that add fluxes to reservoirs, and derivatives to the Jacobian."""
        yield from super().adding()
        fluxes = len(self.parts.outputs) - len(self.kernel.slope_of)
        for number, term in enumerate(self.family.contributions):
            slope = self.parts.outputs[fluxes + term.slope]
            yield from self.add(*self._entry(number, term), slope, term.factor, by=term.column)

    def _entry(self, number: int, term: Contribution) -> tuple[str, Location | Crossing]:
        """Return where the entries of a sample begin, and the place of a device's among them."""
        if self.program.pattern is not None:
            place = device(self.shape, self.indices.name(self.family.entries[number]))
            return f"{self.output('entries')} + b * {len(self.program.pattern.rows)}", place
        rows, columns = (self.program.groups[g] for g in term.block)
        height, breadth = rows.stop - rows.start, columns.stop - columns.start
        if self.program.blocks[term.block] == "diagonal":
            return f"{self.output(term.block)} + b * {height}", self.places[term.row]
        crossing = Crossing(self.places[term.row], self.places[term.column], breadth)
        return f"{self.output(term.block)} + b * {height * breadth}", crossing


class _Pullback(_Writer):
    """Adds derivatives of sum(adjoint * currents): by each parameter, over the samples, and by held potentials."""

    @staticmethod
    def wanted(family: FamilyCode, kernel: Kernel) -> set[int]:
        """All derivatives."""
        return set(range(len(kernel.pull.outputs)))

    def inputs(self) -> list[str]:
        """Names of the groups whose potentials or concentrations are read, and the adjoint."""
        return [*super().inputs(), "adjoint"]

    def before(self) -> Iterator[str]:
        """Yield lines that give each flux its weight: what the adjoints at its terminals make of it."""
        yield f"const real *adjoint = in[{len(self.family.ports)}] + b * {self.program.groups[-1].stop};"
        for flux, weight in enumerate(self.weights):
            terms = []
            for terminal, other, factor in self.family.currents:
                if other == flux:
                    start = self.floating[self.family.ports[terminal].name].start
                    terms.append(f"{factor}.0 * adjoint[{start} + {self.places[terminal].at('k0 + k')}]")
            yield f"real {self.names[weight.name]}_w[TILE];"
            yield f"{EACH} {self.names[weight.name]}_w[k] = {' + '.join(terms) or '0.0'};"

    def sums(self) -> list[str]:
        """Names of the sums, one for each parameter."""
        return [f"slot_{number}_s" for number, _ in enumerate(self.kernel.parameters)]

    def adding(self) -> Iterator[str]:
        """Yield lines that add up derivatives by parameters, and give those by held ports to their reservoirs."""
        slots = len(self.kernel.parameters)
        for name, output in zip(self.sums(), self.parts.outputs[:slots], strict=True):
            self.inside.append(f"{name}[k] += {self.result(output, inside=True)};")
        symbols = [symbol.name for symbol in self.kernel.terminals]
        for name, output in zip(self.kernel.pulled[slots:], self.parts.outputs[slots:], strict=True):
            terminal = symbols.index(name)
            port = self.family.ports[terminal]
            if port.name not in self.floating:
                start = f"out[{slots}] + b * {self.program.held[-1].group.stop} + {self.groups[port.name].start}"
                yield from self.add(start, self.places[terminal], output, 1, by=terminal)

    def after(self) -> Iterator[str]:
        """Yield lines that give the sums to their devices."""
        for number, name in enumerate(self.sums()):
            yield f"{EACH} out[{number}][{device(self.shape).at('k0 + k')}] += {name}[k];"


class _Margins(_Writer):
    """Counts the differential conductances that are not proved positive between two states of each sample."""

    def __init__(self, program: Program, family: FamilyCode, kernel: Kernel, routine: Routine):
        ends = replace(kernel, terminals=routine.arguments[: 2 * len(kernel.terminals)])
        super().__init__(program, replace(family, ports=family.ports * 2), ends, routine)

    @staticmethod
    def wanted(family: FamilyCode, kernel: Kernel) -> set[int]:
        """The margins that bear on floating reservoirs."""
        return set(family.margins)

    def inputs(self) -> list[str]:
        """Names of the groups whose potentials or concentrations are read, low and then high."""
        names = [port.name for port in self.family.ports]
        ends = len(names) // 2
        return [*names[:ends], *map(high, names[ends:])]

    def adding(self) -> Iterator[str]:
        """Yield nothing: all devices of a sample are counted together."""
        for number in self.family.margins:
            value = self.result(self.parts.outputs[number], inside=True)
            self.summed.append((f"{value} > 0.0 ? 0.0 : 1.0", f"{self.output('into')}[b] += "))
        yield from ()


def high(group: str) -> str:
    """Return the name under which the high potentials of a group are given."""
    return f"high {group}"


def _indented(blanks: int, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield " " * blanks + line
