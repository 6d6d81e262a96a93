"""The currents of a whole network and their derivatives as numpy text: a family is one call of its kernel on views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from crncompile.backends.numpy_runtime import SAMPLES, TILE
from crncompile.backends.reading import Reader, columns, is_molecular, result_names, shaped
from crncompile.backends.text import INDENT, function, several
from crncompile.program.types import Contribution, FamilyCode, GroupCode, Read

SLOTS = "slots = slots_of(parameters)"


class NetworkText:
    """Writes the functions of one program that deal with currents and readouts.

    Families of more devices than ``largest`` are evaluated slab by slab.
    """

    largest: float = TILE // SAMPLES

    def __init__(self, reader: Reader):
        self.reader = reader
        self.program = reader.program

    def functions(self) -> tuple[str, ...]:
        """Return the texts of all functions."""
        return (
            *self.forward(),
            self._fluxes(),
            self._pullback(),
            *([self._monotone()] if self.program.bounded else []),
            self._readouts(),
            self._readout_pullback(),
        )

    def forward(self) -> tuple[str, ...]:
        """Return the texts of parameters of families, currents, gross currents and Jacobian."""
        return (
            self._slots(),
            self._currents("_currents", "", "Net current into every floating reservoir, for one tile of the batch."),
            self._currents("_gross", "_gross", "Sums of absolute values of what flows, for one tile of the batch."),
            self._linearise(),
        )

    # --- calls of kernels ---------------------------------------------------------------------------------------------

    def _slots(self) -> str:
        """Write the function that gives every family its parameters."""
        body = ["return {"]
        for key, owner in self._owners():
            values = [self.reader.slot(slot, owner.shape, owner.name) for slot in owner.slots]
            lines = [f"{key!r}: (", *(f"{INDENT}{value}," for value in values), "),"] if values else [f"{key!r}: (),"]
            body += [INDENT + line for line in lines]
        doc = (
            "Parameters of every family and readout in the order of its device's arguments, broadcast over its devices."
        )
        return function("slots_of(parameters)", doc, [*body, "}"])

    def _owners(self) -> Iterator[tuple[str, FamilyCode]]:
        for family in self.program.families:
            yield family.name, family
        for readout in self.program.readouts:
            yield f"readout {readout.name}", readout

    def _call(self, family: FamilyCode, suffix: str, key: str, first: Sequence[str] = ()) -> str:
        ports = [self.reader.port(family, port) for port in family.ports]
        name, arguments = self.reader.kernel_names[family.kernel], ", ".join([*first, *ports, f"*slots[{key!r}]"])
        if np.prod(family.shape, dtype=np.int64) > self.largest:
            return f"slabs({name}{suffix}, {family.shape}, {arguments})"
        return f"{name}{suffix}({arguments})"

    def _sum_to(self, family: FamilyCode, port: Read, value: str, group: GroupCode) -> tuple[str, str]:
        """Return the columns of a group and the text that sums a family's values onto the reservoirs at a port."""
        if _single(family, port):
            return columns(group), value
        where = f"[:, {group.start}:{group.stop}]"
        if port.view.index is not None:
            index = self.reader.arrays.name(family.name, np.asarray(port.view.index))
            return where, f"scatter({value}, batch, {family.shape}, {index}, {group.stop - group.start})"
        return where, f"collect({value}, batch, {family.shape}, {port.view.axes})"

    def _into(self, family: FamilyCode, terminal: int, value: str, factor: int) -> str:
        port = family.ports[terminal]
        where, summed = self._sum_to(family, port, value, self.reader.floating[port.name])
        return f"into{where} {_factor(factor)}{summed}"

    # --- currents and Jacobian ----------------------------------------------------------------------------------------

    def _currents(self, name: str, suffix: str, doc: str) -> str:
        body = ["batch = len(u)", *self.reader.unpack(), SLOTS]
        body.append("into = np.zeros(u.shape, dtype_of(u, held, *parameters.values()))")
        for family in self.program.families:
            fluxes = self._flux_names(family)
            body.append(_comment(family))
            body.append(f"{several(fluxes)} = {self._call(family, suffix, family.name)}")
            for terminal, flux, factor in family.currents:
                body.append(self._into(family, terminal, fluxes[flux], abs(factor) if suffix else factor))
        return function(f"{name}(u, held, parameters)", doc, [*body, "return into"])

    def _fluxes(self) -> str:
        body = ["batch = len(u)", *self.reader.unpack(), SLOTS, "values = {}"]
        for family in self.program.families:
            shape = f"(batch, {', '.join(map(str, family.shape))})" if family.shape else "(batch,)"
            body.append(_comment(family))
            body.append(f"found = {self._call(family, '', family.name)}")
            body.append(f"values[{family.name!r}] = tuple(np.broadcast_to(flux, {shape}) for flux in found)")
        doc = "Fluxes of every device in 1/s: for each family an array (batch, *family) for each of its fluxes."
        return function("fluxes(u, held, parameters)", doc, [*body, "return values"])

    def _flux_names(self, family: FamilyCode) -> list[str]:
        return result_names(self.reader.kernels[family.kernel].flux_names)

    def _linearise(self) -> str:
        body = ["batch = len(u)", *self.reader.unpack(), SLOTS, "dtype = dtype_of(u, held, *parameters.values())"]
        sparse = self.program.pattern is not None
        body += ["into = np.zeros(u.shape, dtype)", *(self._empty_entries() if sparse else self._empty_blocks())]
        for family in self.program.families:
            names = result_names(self.reader.kernels[family.kernel].slope_names)
            body.append(_comment(family))
            body.append(f"{several(names)} = {self._call(family, '_slopes', family.name)}")
            body += [self._into(family, terminal, names[flux], factor) for terminal, flux, factor in family.currents]
            fluxes = len(self._flux_names(family))
            for number, term in enumerate(family.contributions):
                value = names[fluxes + term.slope]
                body.append(self._entry(family, number, value) if sparse else self._block(family, term, value))
        body += self._sparse_chain() if sparse else self._chain()
        result = "entries" if sparse else "blocks"
        doc = f"Currents and {result} of their Jacobian, for one tile of the batch."
        return function("_linearise(u, held, parameters)", doc, [*body, f"return into, {result}"])

    def _monotone(self) -> str:
        body = ["batch = len(u_low)", *self.reader.unpack_bounds(), SLOTS, "least = np.full(batch, np.inf)"]
        for family in (family for family in self.program.families if family.margins):
            ports = [self.reader.bound(family, port, side) for side in ("low", "high") for port in family.ports]
            name = self.reader.kernel_names[family.kernel]
            body.append(_comment(family))
            body.append(f"margins = {name}_margin({', '.join(ports)}, *slots[{family.name!r}])")
            body.append(f"for number in {family.margins}:")
            body.append(f"{INDENT}least = np.minimum(least, lowest(margins[number], batch))")
        doc = "Whether all differential conductances are positive between two potentials, for one tile of the batch."
        return function("_monotone(u_low, u_high, held, parameters)", doc, [*body, "return least > 0"])

    # --- a sparse Jacobian --------------------------------------------------------------------------------------------

    def _empty_entries(self) -> Iterator[str]:
        yield "rows, ends = structure.pattern"
        yield "entries = np.zeros((batch, len(rows)), dtype)"

    def _entry(self, family: FamilyCode, number: int, value: str) -> str:
        index = self.reader.arrays.name(f"{family.name}_entries", family.entries[number])
        factor = _factor(family.contributions[number].factor)
        return f"entries {factor}scatter({value}, batch, {family.shape}, {index}, len(rows))"

    def _sparse_chain(self) -> Iterator[str]:
        """Yield lines that turn derivatives with respect to concentrations into ones with respect to potentials."""
        molecular = [group for group in self.program.groups if is_molecular(group)]
        if not molecular:
            return
        yield "# by u = ln c instead of c"
        yield "factors = np.ones(u.shape, dtype)"
        for group in molecular:
            where = f"[:, {group.start}:{group.stop}]"
            yield f"factors{where} = exp(u{where})"
        yield f"entries *= {self._by_entries()}"

    def _by_entries(self) -> str:
        """Return the text that gives each entry the factor of its column."""
        return "np.repeat(factors, np.diff(ends), axis=1)"

    # --- a Jacobian by blocks -----------------------------------------------------------------------------------------

    def _empty_blocks(self) -> Iterator[str]:
        groups = self.program.groups
        yield "blocks = {"
        for (row, column), shape in self.program.blocks.items():
            ends = (row, column) if shape == "dense" else (row,)
            sizes = ", ".join(str(groups[g].stop - groups[g].start) for g in ends)
            comment = f"{groups[row].name} by {groups[column].name}, {shape}"
            yield f"{INDENT}({row}, {column}): np.zeros((batch, {sizes}), dtype),  # {comment}"
        yield "}"

    def _block(self, family: FamilyCode, term: Contribution, value: str) -> str:
        row, column = family.ports[term.row], family.ports[term.column]
        key = f"blocks[{term.block[0]}, {term.block[1]}]"
        rows, cols = (self.program.groups[g] for g in term.block)
        dense = self.program.blocks[term.block] == "dense"
        if _single(family, row) and _single(family, column):
            return f"{key}[:, {'0, 0' if dense else '0'}] {_factor(term.factor)}{value}"
        if term.mode == "diagonal":
            summed = self._sum_to(family, row, value, rows)[1]
            if dense:
                return f"onto_diagonal({key}, {_signed(term.factor)}{summed})"
            return f"{key} {_factor(term.factor)}{summed}"
        if term.mode == "outer":
            ends = f"{row.view.axes}, {column.view.axes}"
            return f"{key} {_factor(term.factor)}outer({value}, batch, {family.shape}, {ends})"
        where = ", ".join(self._positions(family, port, group) for port, group in ((row, rows), (column, cols)))
        size = (rows.stop - rows.start, cols.stop - cols.start)
        return f"{key} {_factor(term.factor)}scatter_block({value}, batch, {family.shape}, {where}, {size})"

    def _positions(self, family: FamilyCode, port: Read, group: GroupCode) -> str:
        if port.view.index is not None:
            return self.reader.arrays.name(family.name, np.asarray(port.view.index))
        return f"positions({group.shape}, {family.shape}, {port.view.axes})"

    def _chain(self) -> Iterator[str]:
        """Yield lines that turn derivatives with respect to concentrations into ones with respect to potentials."""
        if any(is_molecular(group) for group in self.program.groups):
            yield "# by u = ln c instead of c"
        for (row, column), shape in self.program.blocks.items():
            group = self.program.groups[column]
            if is_molecular(group):
                c = self.reader.names[group.name]
                if len(group.shape) != 1:
                    c = f"{c}.reshape(batch, -1)"
                yield f"blocks[{row}, {column}] *= {c}{'[:, None]' if shape == 'dense' else ''}"

    # --- gradients ----------------------------------------------------------------------------------------------------

    def _pullback(self) -> str:
        body = ["batch, gradient = len(u), {}", *self.reader.unpack(), SLOTS]
        body.append("to_held = np.zeros(held.shape, dtype_of(adjoint, u, held, *parameters.values()))")
        for group in self.program.groups:
            body.append(f"{self.reader.adjoint_names[group.name]} = {shaped(f'adjoint{columns(group)}', group)}")
        for family in self.program.families:
            if family.currents:
                body.append(_comment(family))
                body += self._pull(family, family.name, self._weights(family), to_u=False)
        doc = "Derivatives of sum(adjoint * currents) by parameters and held potentials, per sample, for one tile."
        return function("_pullback(adjoint, u, held, parameters)", doc, [*body, "return gradient, to_held"])

    def _weights(self, family: FamilyCode) -> list[str]:
        """Return for each flux the weight that the adjoints at its terminals give it."""
        weights = []
        for flux, _ in enumerate(self._flux_names(family)):
            terms = []
            for terminal, other, factor in family.currents:
                if other == flux:
                    port = family.ports[terminal]
                    name, shape = self.reader.adjoint_names[port.name], self.reader.floating[port.name].shape
                    view = self.reader.view(name, shape, port.view, family.shape, family.name)
                    terms.append(f"{_signed(factor)}{view}")
            positive_first = sorted(terms, key=lambda term: term.startswith("-"))
            weights.append(" + ".join(positive_first).replace("+ -", "- ") or "0.0")
        return weights

    def _pull(self, family: FamilyCode, key: str, weights: list[str], to_u: bool) -> Iterator[str]:
        """Yield lines that add one owner's adjoints to the gradient, to ``to_held`` and, where asked, ``to_u``."""
        kernel = self.reader.kernels[family.kernel]
        names = result_names(kernel.pull_names)
        if not names:
            yield "pass"
            return
        yield f"{several(names)} = {self._call(family, '_pull', key, weights)}"
        for name, slot in zip(names, family.slots, strict=False):
            for read, slope in self.reader.slopes(slot, family.shape, family.name):
                yield self.reader.give(read, f"{name}{slope}", family.shape, family.name)
        pulled = kernel.pulled[len(kernel.parameters) :]
        for name, terminal in zip(names[len(family.slots) :], pulled, strict=True):
            port = family.ports[[s.name for s in kernel.terminals].index(terminal)]
            if to_u or port.name not in self.reader.floating:
                yield self._to_potentials(family, port, name)

    def _to_potentials(self, family: FamilyCode, port: Read, value: str) -> str:
        group = self.reader.groups[port.name]
        source = "u" if port.name in self.reader.floating else "held"
        where, summed = self._sum_to(family, port, value, group)
        chain = f" * exp({source}{where})" if is_molecular(group) else ""
        return f"to_{source}{where} += {summed}{chain}"

    # --- readouts -----------------------------------------------------------------------------------------------------

    def _read_groups(self) -> set[str]:
        return {port.name for readout in self.program.readouts for port in readout.ports}

    def _readouts(self) -> str:
        body = ["batch = len(u)", *self.reader.unpack(self._read_groups()), SLOTS, "values = {}"]
        for readout in self.program.readouts:
            (value,) = self._flux_names(readout)
            shape = f"(batch, {', '.join(map(str, readout.shape))})" if readout.shape else "(batch,)"
            body.append(f"({value},) = {self._call(readout, '', f'readout {readout.name}')}")
            body.append(f"values[{readout.name!r}] = np.broadcast_to({value}, {shape})")
        doc = "What the measuring electronics say: one array (batch, *readout) for each readout."
        return function("readouts(u, held, parameters)", doc, [*body, "return values"])

    def _readout_pullback(self) -> str:
        body = ["batch, gradient = len(u), {}", *self.reader.unpack(self._read_groups()), SLOTS]
        body.append("dtype = dtype_of(u, held, *parameters.values())")
        body.append("to_u, to_held = np.zeros(u.shape, dtype), np.zeros(held.shape, dtype)")
        for readout in self.program.readouts:
            body.append(f"if {readout.name!r} in weights:")
            lines = self._pull(readout, f"readout {readout.name}", [f"weights[{readout.name!r}]"], to_u=True)
            body += [INDENT + line for line in lines]
        doc = "Derivatives of sum(weights[name] * readout) by u, by held potentials and by parameters, per sample."
        signature = "readout_pullback(weights, u, held, parameters)"
        return function(signature, doc, [*body, "return to_u, to_held, gradient"])


def _comment(family: FamilyCode) -> str:
    devices = int(np.prod(family.shape, dtype=np.int64))
    return f"# {family.text}" + (f"  ({devices} devices)" if family.shape else "")


def _single(family: FamilyCode, port: Read) -> bool:
    """Whether a family is one device and its port one reservoir without an index."""
    return not family.shape and port.view.axes == ()


def _factor(factor: int) -> str:
    """Operator of an assignment that adds a multiple."""
    return ("-= " if factor < 0 else "+= ") + ("" if abs(factor) == 1 else f"{abs(factor)} * ")


def _signed(factor: int) -> str:
    """Factor before a value."""
    return ("-" if factor < 0 else "") + ("" if abs(factor) == 1 else f"{abs(factor)} * ")
