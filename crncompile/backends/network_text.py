"""The functions of a whole network as numpy text: every family is one call of its kernel on views of groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from crncompile.backends.printer import Printer, identifiers
from crncompile.program.types import Contribution, FamilyCode, GroupCode, Kernel, Program, Read, SlotCode, View

INDENT = "    "


class Arrays:
    """Index arrays that the module holds as constants, each once."""

    def __init__(self) -> None:
        self.values: dict[str, NDArray[np.int64]] = {}

    def name(self, stem: str, values: NDArray[np.int64]) -> str:
        """Return the name of a constant with these values."""
        for name, known in self.values.items():
            if known.shape == values.shape and np.array_equal(known, values):
                return name
        name = f"{stem.upper()}_INDEX_{len(self.values)}"
        self.values[name] = values
        return name


class NetworkText:
    """Writes the functions of one program."""

    def __init__(self, program: Program, kernel_names: Mapping[str, str]):
        self.program = program
        self.kernels: Mapping[str, Kernel] = {kernel.name: kernel for kernel in program.kernels}
        self.kernel_names = kernel_names
        self.arrays = Arrays()
        self.floating = {group.name: group for group in program.groups}
        self.groups = {**self.floating, **{held.group.name: held.group for held in program.held}}
        reserved = {*kernel_names.values()}
        self.names = identifiers(self.groups, _RESERVED | reserved)
        self.parameter_shapes = {p.name: p.shape for p in program.parameters}

    # --- reading ------------------------------------------------------------------------------------------------------

    def unpack(self) -> Iterator[str]:
        """Yield lines that bind every group's name to its mu (kT) or concentration (M), (batch, *group)."""
        yield "batch = len(u)"
        for group in self.groups.values():
            source = "u" if group.name in self.floating else "held"
            where = f"{source}[:, {group.start}:{group.stop}]" if group.shape else f"{source}[:, {group.start}]"
            text = f"exp({where})" if group.content == "molecules" else where
            if len(group.shape) > 1:
                text = f"{text}.reshape(-1, {', '.join(map(str, group.shape))})"
            yield f"{self.names[group.name]} = {text}"

    def view(self, text: str, array: tuple[int, ...], view: View, owner: tuple[int, ...], stem: str) -> str:
        """Return the text that reads a batched array of shape ``array`` in an owner's shape."""
        if view.index is not None:
            flat = text if len(array) == 1 else f"{text}.reshape(len({text}), -1)"
            return f"{flat}[:, {self.arrays.name(stem, np.asarray(view.index))}]"
        return _spread(text, view.axes or (), len(owner), batched=True)

    def port(self, family: FamilyCode, port: Read) -> str:
        """Return the text that reads the reservoirs at a port."""
        return self.view(self.names[port.name], self.groups[port.name].shape, port.view, family.shape, family.name)

    def slot(self, slot: SlotCode, owner: tuple[int, ...], stem: str) -> str:
        """Return the text of a slot's value, broadcast over its owner without a batch axis."""
        texts = {read.symbol.name: self.parameter(read, owner, stem) for read in slot.reads}
        return Printer(texts).text(slot.expression)

    def parameter(self, read: Read, owner: tuple[int, ...], stem: str) -> str:
        """Return the text that reads a parameter in its owner's shape."""
        text = f"parameters[{read.name!r}]"
        if read.view.index is not None:
            flat = text if len(self.parameter_shapes[read.name]) == 1 else f"{text}.ravel()"
            return f"{flat}[{self.arrays.name(stem, np.asarray(read.view.index))}]"
        return _spread(text, read.view.axes or (), len(owner), batched=False)

    # --- functions ----------------------------------------------------------------------------------------------------

    def slots(self) -> str:
        """Return the function that gives every family its parameters."""
        lines = [
            "def slots_of(parameters):",
            '    """Parameters of every family and readout, broadcast over its devices."""',
        ]
        lines.append("    return {")
        for key, family in self._owners():
            values = [self.slot(slot, family.shape, family.name) for slot in family.slots]
            lines.append(f"        {key!r}: ({''.join(v + ', ' for v in values).strip()}),")
        return "\n".join([*lines, "    }"]) + "\n"

    def _owners(self) -> Iterator[tuple[str, FamilyCode]]:
        for family in self.program.families:
            yield family.name, family
        for readout in self.program.readouts:
            yield f"readout {readout.name}", readout

    def call(self, family: FamilyCode, suffix: str, key: str, first: str = "") -> str:
        """Return the call of a family's kernel."""
        ports = [self.port(family, port) for port in family.ports]
        arguments = [*([first] if first else []), *ports, f"*slots[{key!r}]"]
        return f"{self.kernel_names[family.kernel]}{suffix}({', '.join(arguments)})"

    def currents(self, gross: bool) -> str:
        """Return the function of one tile for the net or the gross currents."""
        body = [
            *self.unpack(),
            "slots = slots_of(parameters)",
            "into = np.zeros(u.shape, dtype_of(u, held, *parameters.values()))",
        ]
        for family in self.program.families:
            fluxes = self._flux_names(family)
            body.append(f"# {family.text}  {family.shape}")
            body.append(f"{', '.join(fluxes)}, = {self.call(family, '_gross' if gross else '', family.name)}")
            for terminal, flux, factor in family.currents:
                body.append(self._into(family, terminal, fluxes[flux], abs(factor) if gross else factor))
        body.append("return into")
        title, doc = ("_gross", "Sums of absolute values.") if gross else ("_currents", "Net currents.")
        return _function(f"{title}(u, held, parameters)", f"{doc[:-1]} of one tile of the batch.", body)

    def _flux_names(self, family: FamilyCode) -> list[str]:
        return list(self.kernels[family.kernel].value.names)

    def _into(self, family: FamilyCode, terminal: int, value: str, factor: int) -> str:
        port = family.ports[terminal]
        group = self.floating[port.name]
        sign, size = _factor(factor)
        return f"into[:, {group.start}:{group.stop}] {sign}= {size}{self.sum_to(family, port, value, group)}"

    def sum_to(self, family: FamilyCode, port: Read, value: str, group: GroupCode) -> str:
        """Return the text that sums a family's values onto the reservoirs at a port."""
        if port.view.index is not None:
            index = self.arrays.name(family.name, np.asarray(port.view.index))
            return f"scatter({value}, batch, {family.shape}, {index}, {group.stop - group.start})"
        return f"collect({value}, batch, {family.shape}, {port.view.axes})"

    def linearise(self) -> str:
        """Return the function of one tile for currents and Jacobian blocks."""
        groups = self.program.groups
        body = [*self.unpack(), "slots = slots_of(parameters)", "dtype = dtype_of(u, held, *parameters.values())"]
        body.append("into = np.zeros(u.shape, dtype)")
        body.append("blocks = {")
        for (row, column), shape in self.program.blocks.items():
            sizes = [groups[row].stop - groups[row].start] + (
                [groups[column].stop - groups[column].start] if shape == "dense" else []
            )
            comment = f"{groups[row].name} from {groups[column].name}, {shape}"
            body.append(f"    ({row}, {column}): np.zeros((batch, {', '.join(map(str, sizes))}), dtype),  # {comment}")
        body.append("}")
        for family in self.program.families:
            names = list(self.kernels[family.kernel].slopes.names)
            body.append(f"# {family.text}  {family.shape}")
            body.append(f"{', '.join(names)}, = {self.call(family, '_slopes', family.name)}")
            for terminal, flux, factor in family.currents:
                body.append(self._into(family, terminal, names[flux], factor))
            fluxes = len(self._flux_names(family))
            body += [self._block(family, term, names[fluxes + term.slope]) for term in family.contributions]
        body += self._chain()
        body.append("return into, blocks")
        return _function(
            "_linearise(u, held, parameters)", "Currents and Jacobian blocks of one tile of the batch.", body
        )

    def _block(self, family: FamilyCode, term: Contribution, value: str) -> str:
        sign, size = _factor(term.factor)
        row, column = family.ports[term.row], family.ports[term.column]
        key = f"blocks[{term.block[0]}, {term.block[1]}]"
        rows, columns = (self.program.groups[g] for g in term.block)
        if term.mode == "diagonal":
            summed = self.sum_to(family, row, value, rows)
            if self.program.blocks[term.block] == "dense":
                return f"onto_diagonal({key}, {'-' if sign == '-' else ''}{size}{summed})"
            return f"{key} {sign}= {size}{summed}"
        if term.mode == "outer":
            return f"{key} {sign}= {size}outer({value}, batch, {family.shape}, {row.view.axes}, {column.view.axes})"
        where = ", ".join(self._positions(family, port, group) for port, group in ((row, rows), (column, columns)))
        sizes = (rows.stop - rows.start, columns.stop - columns.start)
        return f"{key} {sign}= {size}scatter_block({value}, batch, {family.shape}, {where}, {sizes})"

    def _positions(self, family: FamilyCode, port: Read, group: GroupCode) -> str:
        if port.view.index is not None:
            return self.arrays.name(family.name, np.asarray(port.view.index))
        return f"positions({group.shape}, {family.shape}, {port.view.axes})"

    def _chain(self) -> Iterator[str]:
        """Yield lines that turn derivatives with respect to concentrations into ones with respect to potentials."""
        for (row, column), shape in self.program.blocks.items():
            group = self.program.groups[column]
            if group.content == "molecules":
                c = f"exp(u[:, {'None, ' if shape == 'dense' else ''}{group.start}:{group.stop}])"
                yield f"blocks[{row}, {column}] *= {c}"

    def pullback(self) -> str:
        """Return the function that differentiates sum(adjoint * currents) by parameters and held potentials."""
        body = [*self.unpack(), "slots = slots_of(parameters)", "gradient = {}"]
        body.append("to_held = np.zeros(held.shape, dtype_of(adjoint, u, held, *parameters.values()))")
        for group in self.program.groups:
            part = f"adjoint[:, {group.start}:{group.stop}]" if group.shape else f"adjoint[:, {group.start}]"
            if len(group.shape) > 1:
                part = f"{part}.reshape(-1, {', '.join(map(str, group.shape))})"
            body.append(f"to_{self.names[group.name]} = {part}")
        for family in self.program.families:
            weights = self._weights(family)
            if weights is not None:
                body.append(f"# {family.text}  {family.shape}")
                body += self._pull(family, family.name, weights, to_u=False)
        body.append("return gradient, to_held")
        doc = "Derivatives of sum(adjoint * currents), per sample, for one tile of the batch."
        return _function("_pullback(adjoint, u, held, parameters)", doc, body)

    def _weights(self, family: FamilyCode) -> list[str] | None:
        """Return for each flux the weight that the adjoints at its terminals give it."""
        weights = []
        for flux, _ in enumerate(self._flux_names(family)):
            terms = []
            for terminal, other, factor in family.currents:
                if other == flux:
                    port = family.ports[terminal]
                    sign, size = _factor(factor)
                    group = self.floating[port.name]
                    adjoint = self.view(
                        f"to_{self.names[port.name]}", group.shape, port.view, family.shape, family.name
                    )
                    terms.append(f"{sign} {size}{adjoint}")
            weights.append(" ".join(terms).removeprefix("+ ") if terms else "0.0 * u[:, :1]")
        return weights if family.currents else None

    def _pull(self, family: FamilyCode, key: str, weights: list[str], to_u: bool) -> Iterator[str]:
        """Yield lines that add one owner's adjoints to the gradient, to ``to_held`` and, where asked, ``to_u``."""
        kernel = self.kernels[family.kernel]
        names = list(kernel.pull.names)
        yield f"{', '.join(names)}, = {self.call(family, '_pull', key, ', '.join(weights))}" if names else "pass"
        for name, slot in zip(names, family.slots, strict=False):
            for read in slot.reads:
                texts = {r.symbol.name: self.parameter(r, family.shape, family.name) for r in slot.reads}
                slope = Printer(texts).text(slot.expression.diff(read.symbol), 1)
                value = name if slope == "1" else f"{name} * {slope}"
                yield self._give(read, value, family.shape, family.name)
        pulled = kernel.pulled[len(kernel.parameters) :]
        for name, terminal in zip(names[len(family.slots) :], pulled, strict=True):
            port = family.ports[[s.name for s in kernel.terminals].index(terminal)]
            if port.name in self.floating and not to_u:
                continue
            group = self.groups[port.name]
            into = "to_u" if port.name in self.floating else "to_held"
            source = "u" if port.name in self.floating else "held"
            where = f"[:, {group.start}:{group.stop}]"
            chain = f" * exp({source}{where})" if group.content == "molecules" else ""
            yield f"{into}{where} += {self.sum_to(family, port, name, group)}{chain}"

    # --- readouts and reservoirs --------------------------------------------------------------------------------------

    def readouts(self) -> str:
        """Return the function of all readouts."""
        body = [*self.unpack(), "slots = slots_of(parameters)", "values = {}"]
        for readout in self.program.readouts:
            shape = f"(batch, *{readout.shape})" if readout.shape else "(batch,)"
            body.append(f"value, = {self.call(readout, '', f'readout {readout.name}')}")
            body.append(f"values[{readout.name!r}] = np.broadcast_to(value, {shape})")
        body.append("return values")
        doc = "What the measuring electronics say: one array (batch, *readout) for each readout."
        return _function("readouts(u, held, parameters)", doc, body)

    def readout_pullback(self) -> str:
        """Return the function that differentiates a weighted sum of readouts."""
        body = [*self.unpack(), "slots = slots_of(parameters)", "gradient = {}"]
        body.append("dtype = dtype_of(u, held, *parameters.values())")
        body.append("to_u, to_held = np.zeros(u.shape, dtype), np.zeros(held.shape, dtype)")
        for readout in self.program.readouts:
            body.append(f"if {readout.name!r} in weights:")
            lines = self._pull(readout, f"readout {readout.name}", [f"weights[{readout.name!r}]"], to_u=True)
            body += [f"    {line}" for line in lines]
        body.append("return to_u, to_held, gradient")
        doc = "Derivatives of sum(weights[name] * readout) by u, by held potentials and by parameters, per sample."
        return _function("readout_pullback(weights, u, held, parameters)", doc, body)

    def reservoirs(self) -> str:
        """Return the functions `capacity`, `content`, `start` and `hold`."""
        from scipy.constants import N_A

        capacity, content, start = [], [], []
        for group, slot, at in zip(self.program.groups, self.program.capacities, self.program.starts, strict=True):
            where = f"[:, {group.start}:{group.stop}]"
            size = f"np.broadcast_to({self.slot(slot, group.shape, group.name)}, {group.shape}).ravel()"
            if group.content == "molecules":
                amount = f"{N_A!r} * {size} * exp(u{where})"
                capacity.append(f"result{where} = {amount}")
                content.append(f"result{where} = {amount}")
            else:
                capacity.append(f"result{where} = {size}")
                content.append(f"result{where} = {size} * u{where}")
            first = f"np.broadcast_to({self.slot(at, group.shape, group.name)}, {group.shape}).ravel()"
            log = f"np.log({first})" if group.content == "molecules" else first
            start.append(f"result[{group.start}:{group.stop}] = {log}")
        new = "result = np.zeros(u.shape, dtype_of(u, *parameters.values()))"
        count = self.program.groups[-1].stop if self.program.groups else 0
        return "\n\n".join(
            [
                _function(
                    "capacity(u, parameters)",
                    "dn/du of every floating reservoir, (batch, reservoirs).",
                    [new, *capacity, "return result"],
                ),
                _function(
                    "content(u, parameters)",
                    "Particles in every floating reservoir, (batch, reservoirs).",
                    [new, *content, "return result"],
                ),
                _function(
                    "start(parameters)",
                    "Initial potentials, (reservoirs,).",
                    [f"result = np.zeros({count}, dtype_of(*parameters.values()))", *start, "return result"],
                ),
                self._hold(),
                self._hold_pullback(),
                self._content_pullback(),
            ]
        )

    def _hold(self) -> str:
        body = ["batch = max([1, *(np.shape(v)[0] for v in inputs.values())])"]
        size = self.program.held[-1].group.stop if self.program.held else 0
        body.append(f"held = np.zeros((batch, {size}), dtype_of(*inputs.values(), *parameters.values()))")
        for held in self.program.held:
            group = held.group
            where = f"held[:, {group.start}:{group.stop}]"
            if held.at is None:
                value = f"np.reshape(inputs[{group.name!r}], (-1, {group.stop - group.start}))"
            else:
                value = f"np.broadcast_to({self.slot(held.at, group.shape, group.name)}, {group.shape}).ravel()"
            body.append(f"{where} = np.log({value})" if group.content == "molecules" else f"{where} = {value}")
        body.append("return held")
        doc = "Potentials of the held reservoirs, (batch, held), from inputs (batch, *group): mu in kT or c in M."
        return _function("hold(inputs, parameters)", doc, body)

    def _hold_pullback(self) -> str:
        body = ["batch, gradient = len(to_held), {}"]
        for held in self.program.held:
            if held.at is not None:
                where = f"to_held[:, {held.group.start}:{held.group.stop}]"
                inverse = self.slot(held.at, held.group.shape, held.group.name)
                chain = f" / {inverse}" if held.group.content == "molecules" else ""
                body += self._slot_pull(held.at, held.group, where, chain)
        body.append("return gradient")
        doc = "Derivatives by the parameters that hold fixed reservoirs, per sample, from those by the held potentials."
        return _function("hold_pullback(to_held, parameters)", doc, body)

    def _content_pullback(self) -> str:
        """Return the functions that differentiate contents and start, which networks with conserved totals need."""
        from scipy.constants import N_A

        content, start = ["batch, gradient = len(weights), {}"], ["batch, gradient = len(weights), {}"]
        for group, slot, at in zip(self.program.groups, self.program.capacities, self.program.starts, strict=True):
            where = f"[:, {group.start}:{group.stop}]"
            molecules = group.content == "molecules"
            amount = f"({N_A!r} * exp(u{where}))" if molecules else f"u{where}"
            content += self._slot_pull(slot, group, f"weights{where} * {amount}", "")
            chain = f" / {self.slot(at, group.shape, group.name)}" if molecules else ""
            start += self._slot_pull(at, group, f"weights{where}", chain)
        return "\n\n".join(
            [
                _function(
                    "content_pullback(weights, u, parameters)",
                    "Derivatives of sum(weights * content) by the parameters at fixed u, per sample.",
                    [*content, "return gradient"],
                ),
                _function(
                    "start_pullback(weights, parameters)",
                    "Derivatives of sum(weights * start) by the parameters, per sample.",
                    [*start, "return gradient"],
                ),
            ]
        )

    def _slot_pull(self, slot: SlotCode, group: GroupCode, weight: str, chain: str) -> Iterator[str]:
        """Yield lines that add to the gradient what reservoirs' weights (batch, size) say of one of their settings."""
        for read in slot.reads:
            texts = {r.symbol.name: self.parameter(r, group.shape, group.name) for r in slot.reads}
            slope = Printer(texts).text(slot.expression.diff(read.symbol), 1)
            shaped = f"({weight}).reshape({', '.join(map(str, (-1, *group.shape)))})"
            value = shaped + (f" * {slope}" if slope != "1" else "") + chain
            yield self._give(read, value, group.shape, group.name)

    def _give(self, read: Read, value: str, shape: tuple[int, ...], stem: str) -> str:
        index = read.view.index
        axes = str(read.view.axes) if index is None else f"{self.arrays.name(stem, np.asarray(index))}.ravel()"
        return f"give(gradient, {read.name!r}, {value}, batch, {shape}, {axes}, parameters)"


_RESERVED = frozenset(
    [
        "np",
        "exp",
        "collect",
        "scatter",
        "outer",
        "scatter_block",
        "onto_diagonal",
        "positions",
        "give",
        "tiles",
        "dtype_of",
        "u",
        "held",
        "parameters",
        "adjoint",
        "gradient",
        "blocks",
        "into",
        "batch",
        "slots",
        "dtype",
        "values",
        "value",
        "weights",
        "to_u",
        "to_held",
        "result",
        "inputs",
        "slots_of",
        "in_tiles",
        "TILE",
    ]
)


def _factor(factor: int) -> tuple[str, str]:
    """Sign and size of an integer factor as text."""
    return "-" if factor < 0 else "+", "" if abs(factor) == 1 else f"{abs(factor)} * "


def _spread(text: str, axes: tuple[int, ...], owner: int, batched: bool) -> str:
    """Return the text that gives an array's axes their places among the owner's."""
    if not axes and not batched:
        return text
    order = sorted(range(len(axes)), key=lambda k: axes[k])
    if order != list(range(len(axes))):
        moved = [0, *(1 + k for k in order)] if batched else order
        text = f"{text}.transpose({', '.join(map(str, moved))})"
    if len(axes) == owner:
        return text
    places = ([":"] if batched else []) + [":" if a in axes else "None" for a in range(owner)]
    return f"{text}[{', '.join(places)}]" if owner else text


def _function(signature: str, doc: str, body: list[str]) -> str:
    return "\n".join([f"def {signature}:", f'    """{doc}"""', *(INDENT + line for line in body)]) + "\n"
