"""The currents of a whole network and their derivatives as numpy text: a family is one call of its kernel on views."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

import numpy as np

from crncompile.backends.law_text import Law, LawText
from crncompile.backends.numpy_runtime import SAMPLES, TILE
from crncompile.backends.reading import Reader, columns, is_molecular, result_names, shaped
from crncompile.backends.sum_text import Result, collected, crossed
from crncompile.backends.text import INDENT, function, several
from crncompile.program.types import Contribution, FamilyCode, GroupCode, Read

_SLOTS = "slots = slots_of(parameters)"


class NetworkText:
    """Writes the functions of one program that deal with currents and readouts.

    Families of more devices than ``largest`` are evaluated slab by slab. ``begin`` are the lines in which a function
    gets at what it is given of devices beside their terminals, ``dtype`` is the text of the precision of results.
    """

    largest: float = TILE // SAMPLES
    begin = "constants = parameters.constants"
    dtype = "np.result_type(u, held, parameters.dtype)"

    def __init__(self, reader: Reader):
        self.reader = reader
        self.program = reader.program

    @cached_property
    def laws(self) -> dict[str, LawText]:
        """The functions of all kinds of devices."""
        of_kind = {name: [f for f in self.program.families if f.kernel == name] for name in self.reader.kernels}
        names = self.reader.kernel_names
        return {n: LawText(self.reader.kernels[n], names[n], families) for n, families in of_kind.items() if families}

    def functions(self) -> tuple[str, ...]:
        """Return the texts of all functions."""
        return (
            self._constants(),
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
            self._currents(
                "_currents", "value", "Net current into each floating reservoir, for one tile of the batch."
            ),
            self._currents("_gross", "gross", "Sums of absolute values of what flows, for one tile of the batch."),
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

    def _constants(self) -> str:
        """Write the function that gives every family what its device's functions need of the parameters."""
        body = ["slots = slots_of(parameters)", "return {"]
        for family in self.program.families:
            name = self.reader.kernel_names[family.kernel]
            body.append(f"{INDENT}{family.name!r}: {name}_constants(*slots[{family.name!r}]),")
        doc = "What the functions of every family's device need of the parameters, by family and by function."
        return function("constants_of(parameters)", doc, [*body, "}"])

    def _law(self, family: FamilyCode, what: str) -> Law:
        """Return the function that gives a family its ``value``, ``gross``, ``slopes``, ``pull`` or ``margin``."""
        return self.laws[family.kernel].law(what, family)

    def _given(self, family: FamilyCode, law: Law) -> str:
        """Return the text of what a function is given beside terminals."""
        return f"*constants[{family.name!r}][{law.key!r}]"

    def _call(self, family: FamilyCode, law: Law, first: Sequence[str] = ()) -> str:
        ports = [self.reader.port(family, port) for port in family.ports]
        name, given = f"{self.reader.kernel_names[family.kernel]}{law.suffix}", self._given(family, law)
        arguments = ", ".join([*first, *ports, given])
        if np.prod(family.shape, dtype=np.int64) > self.largest:
            return f"slabs({name}, {family.shape}, {arguments})"
        return f"{name}({arguments})"

    def _readout_call(self, readout: FamilyCode, suffix: str, first: Sequence[str] = ()) -> str:
        ports = [self.reader.port(readout, port) for port in readout.ports]
        name, given = self.reader.kernel_names[readout.kernel], f"*slots['readout {readout.name}']"
        return f"{name}{suffix}({', '.join([*first, *ports, given])})"

    # --- sums over devices --------------------------------------------------------------------------------------------

    def _results(self, family: FamilyCode, law: Law) -> dict[str, Result]:
        """Return the results of a function by their names."""
        names = zip(law.results, result_names(law.results), law.terminals, strict=True)
        return {result: Result(name, self._is_whole(family, terminals)) for result, name, terminals in names}

    def _is_whole(self, family: FamilyCode, terminals: Collection[int]) -> bool:
        """Whether what depends on these terminals has one value for each sample and device."""
        views = [family.ports[terminal].view for terminal in terminals]
        axes = {a for view in views for a in view.axes or ()}
        everywhere = any(view.index is not None for view in views)
        return bool(views) and (everywhere or all(a in axes or n == 1 for a, n in enumerate(family.shape)))

    def _sum_to(self, family: FamilyCode, port: Read, value: Result, group: GroupCode) -> tuple[str, str]:
        """Return the columns of a group and the text that sums a family's values onto the reservoirs at a port."""
        if _single(family, port):
            return columns(group), value.name
        where = f"[:, {group.start}:{group.stop}]"
        if port.view.index is not None:
            index = self.reader.arrays.name(family.name, np.asarray(port.view.index))
            return where, f"scatter({value.name}, batch, {family.shape}, {index}, {group.stop - group.start})"
        return where, collected(family.shape, value, port.view.axes or ())

    def _into(self, family: FamilyCode, terminal: int, value: Result, factor: int) -> str:
        port = family.ports[terminal]
        where, summed = self._sum_to(family, port, value, self.reader.floating[port.name])
        return f"into{where} {_factor(factor)}{summed}"

    # --- currents and Jacobian ----------------------------------------------------------------------------------------

    def _currents(self, name: str, what: str, doc: str) -> str:
        body = ["batch = len(u)", *self.reader.unpack(), self.begin, f"into = np.zeros(u.shape, {self.dtype})"]
        for family in self.program.families:
            law = self._law(family, what)
            fluxes = list(self._results(family, law).values())
            body.append(_comment(family))
            body.append(f"{several([flux.name for flux in fluxes])} = {self._call(family, law)}")
            for terminal, flux, factor in family.currents:
                body.append(self._into(family, terminal, fluxes[flux], abs(factor) if what == "gross" else factor))
        return function(f"{name}(u, held, parameters)", doc, [*body, "return into"])

    def _fluxes(self) -> str:
        body = ["batch = len(u)", *self.reader.unpack(), "constants = prepare(parameters).constants", "values = {}"]
        for family in self.program.families:
            shape = f"(batch, {', '.join(map(str, family.shape))})" if family.shape else "(batch,)"
            body.append(_comment(family))
            body.append(f"found = {self._call(family, self._law(family, 'value'))}")
            body.append(f"values[{family.name!r}] = tuple(np.broadcast_to(flux, {shape}) for flux in found)")
        doc = "Fluxes of every device in 1/s: for each family an array (batch, *family) for each of its fluxes."
        return function("fluxes(u, held, parameters)", doc, [*body, "return values"])

    def _linearise(self) -> str:
        body = ["batch = len(u)", *self.reader.unpack(), self.begin, f"dtype = {self.dtype}"]
        sparse = self.program.pattern is not None
        body += ["into = np.zeros(u.shape, dtype)", *(self._empty_entries() if sparse else self._empty_blocks())]
        for family in self.program.families:
            law, kernel = self._law(family, "slopes"), self.reader.kernels[family.kernel]
            results, fluxes = self._results(family, law), kernel.flux_names
            body.append(_comment(family))
            body.append(f"{several([result.name for result in results.values()])} = {self._call(family, law)}")
            for terminal, flux, factor in family.currents:
                body.append(self._into(family, terminal, results[fluxes[flux]], factor))
            for number, term in enumerate(family.contributions):
                value = results[kernel.slope_names[len(fluxes) + term.slope]]
                body.append(self._entry(family, number, value) if sparse else self._block(family, term, value))
        body += self._sparse_chain() if sparse else self._chain()
        result = "entries" if sparse else "blocks"
        doc = f"Currents and {result} of their Jacobian, for one tile of the batch."
        return function("_linearise(u, held, parameters)", doc, [*body, f"return into, {result}"])

    def _monotone(self) -> str:
        body = ["batch = len(u_low)", *self.reader.unpack_bounds(), self.begin, "least = np.full(batch, np.inf)"]
        for family in (family for family in self.program.families if family.margins):
            ports = [self.reader.bound(family, port, side) for side in ("low", "high") for port in family.ports]
            law = self._law(family, "margin")
            name, given = f"{self.reader.kernel_names[family.kernel]}{law.suffix}", self._given(family, law)
            body.append(_comment(family))
            body.append(f"margins = {name}({', '.join([*ports, given])})")
            body.append(f"for number in {family.margins}:")
            body.append(f"{INDENT}least = np.minimum(least, lowest(margins[number], batch))")
        doc = "Whether all differential conductances are positive between two potentials, for one tile of the batch."
        return function("_monotone(u_low, u_high, held, parameters)", doc, [*body, "return least > 0"])

    # --- a sparse Jacobian --------------------------------------------------------------------------------------------

    def _empty_entries(self) -> Iterator[str]:
        yield "rows, ends = structure.pattern"
        yield "entries = np.zeros((batch, len(rows)), dtype)"

    def _entry(self, family: FamilyCode, number: int, value: Result) -> str:
        index = self.reader.arrays.name(f"{family.name}_entries", family.entries[number])
        factor = _factor(family.contributions[number].factor)
        return f"entries {factor}scatter({value.name}, batch, {family.shape}, {index}, len(rows))"

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

    def _block(self, family: FamilyCode, term: Contribution, value: Result) -> str:
        row, column = family.ports[term.row], family.ports[term.column]
        key = f"blocks[{term.block[0]}, {term.block[1]}]"
        rows, cols = (self.program.groups[g] for g in term.block)
        dense = self.program.blocks[term.block] == "dense"
        if _single(family, row) and _single(family, column):
            return f"{key}[:, {'0, 0' if dense else '0'}] {_factor(term.factor)}{value.name}"
        if term.mode == "diagonal":
            summed = self._sum_to(family, row, value, rows)[1]
            if dense:
                return f"onto_diagonal({key}, {_signed(term.factor)}{summed})"
            return f"{key} {_factor(term.factor)}{summed}"
        if term.mode == "outer":
            axes = row.view.axes or (), column.view.axes or ()
            return f"{key} {_factor(term.factor)}{crossed(family.shape, value, *axes)}"
        where = ", ".join(self._positions(family, port, group) for port, group in ((row, rows), (column, cols)))
        size = (rows.stop - rows.start, cols.stop - cols.start)
        return f"{key} {_factor(term.factor)}scatter_block({value.name}, batch, {family.shape}, {where}, {size})"

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
                    c = f"{c}.reshape(batch, {group.stop - group.start})"
                yield f"blocks[{row}, {column}] *= {c}{'[:, None]' if shape == 'dense' else ''}"

    # --- gradients ----------------------------------------------------------------------------------------------------

    def _pullback(self) -> str:
        body = ["batch, gradient = len(u), {}", *self.reader.unpack(), self.begin]
        body.append("to_held = np.zeros(held.shape, np.result_type(adjoint, u, held, parameters.dtype))")
        for group in self.program.groups:
            body.append(f"{self.reader.adjoint_names[group.name]} = {shaped(f'adjoint{columns(group)}', group)}")
        for family in self.program.families:
            if family.currents:
                body.append(_comment(family))
                call = self._call(family, self._law(family, "pull"), self._weights(family))
                body += self._pull(family, call, to_u=False)
        doc = "Derivatives of sum(adjoint * currents) by parameters and held potentials, per sample, for one tile."
        return function("_pullback(adjoint, u, held, parameters)", doc, [*body, "return gradient, to_held"])

    def _weights(self, family: FamilyCode) -> list[str]:
        """Return for each flux the weight that the adjoints at its terminals give it."""
        weights = []
        for flux, _ in enumerate(self.reader.kernels[family.kernel].flux_names):
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

    def _pull(self, family: FamilyCode, call: str, to_u: bool) -> Iterator[str]:
        """Yield lines that add one owner's adjoints to the gradient, to ``to_held`` and, where asked, ``to_u``.

        ``call`` is the text of the call that gives the adjoints.
        """
        kernel = self.reader.kernels[family.kernel]
        names = result_names(kernel.pull_names)
        if not names:
            yield "pass"
            return
        yield f"{several(names)} = {call}"
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
        where, summed = self._sum_to(family, port, Result(value), group)
        chain = f" * exp({source}{where})" if is_molecular(group) else ""
        return f"to_{source}{where} += {summed}{chain}"

    # --- readouts -----------------------------------------------------------------------------------------------------

    def _read_groups(self) -> set[str]:
        return {port.name for readout in self.program.readouts for port in readout.ports}

    def _readouts(self) -> str:
        body = ["batch = len(u)", *self.reader.unpack(self._read_groups()), _SLOTS, "values = {}"]
        for readout in self.program.readouts:
            (value,) = result_names(self.reader.kernels[readout.kernel].flux_names)
            shape = f"(batch, {', '.join(map(str, readout.shape))})" if readout.shape else "(batch,)"
            body.append(f"({value},) = {self._readout_call(readout, '')}")
            body.append(f"values[{readout.name!r}] = np.broadcast_to({value}, {shape})")
        doc = "What the measuring electronics say: one array (batch, *readout) for each readout."
        return function("readouts(u, held, parameters)", doc, [*body, "return values"])

    def _readout_pullback(self) -> str:
        body = ["batch, gradient = len(u), {}", *self.reader.unpack(self._read_groups()), _SLOTS]
        body.append("dtype = dtype_of(u, held, *parameters.values())")
        body.append("to_u, to_held = np.zeros(u.shape, dtype), np.zeros(held.shape, dtype)")
        for readout in self.program.readouts:
            body.append(f"if {readout.name!r} in weights:")
            lines = self._pull(readout, self._readout_call(readout, "_pull", [f"weights[{readout.name!r}]"]), to_u=True)
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
