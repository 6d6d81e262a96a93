"""A Program's families as C: each function adds what its devices do to where it belongs; see `c_loops`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from crncompile.backends.c_loops import Function, Writer
from crncompile.backends.c_places import Crossing, Location, device
from crncompile.backends.c_source import EACH
from crncompile.program.types import Contribution, FamilyCode, Kernel, Program, Routine


def family_functions(program: Program, family: FamilyCode, kernel: Kernel, name: str) -> dict[str, Function]:
    """Return the functions of a family by what they compute; ``name`` is the start of their names.

    There is no ``pullback`` of a kernel without derivatives of its weighted fluxes, and ``margins`` only where they can
    prove something.
    """
    writers: dict[str, tuple[type[Writer], Routine]] = {
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


class _Currents(Writer):
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


class _Pullback(Writer):
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


class _Margins(Writer):
    """Counts the differential conductances that are not proved positive between two states of each sample."""

    def __init__(self, program: Program, family: FamilyCode, kernel: Kernel, routine: Routine):
        ends = replace(kernel, terminals=routine.arguments[: 2 * len(kernel.terminals)])
        super().__init__(program, replace(family, ports=family.ports * 2), ends, routine)

    @staticmethod
    def wanted(family: FamilyCode, kernel: Kernel) -> set[int]:
        """Numbers of the margins that bear on floating reservoirs."""
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
