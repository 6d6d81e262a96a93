"""How the generated functions of a network read their arrays: groups of reservoirs, parameters, index arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from crncompile.backends.printer import RESERVED, Printer, identifiers
from crncompile.program.types import FamilyCode, GroupCode, Kernel, Program, Read, SlotCode, SolvedKernel, View


class Arrays:
    """Index arrays that the module holds as constants, each once."""

    def __init__(self) -> None:
        self.values: dict[str, NDArray[np.int64]] = {}
        self._names: dict[tuple[tuple[int, ...], bytes], str] = {}

    def name(self, stem: str, values: NDArray[np.int64]) -> str:
        """Return the name of a constant with these values."""
        key = (values.shape, values.astype(np.int64).tobytes())
        if key not in self._names:
            self._names[key] = f"{identifiers([stem])[stem].upper()}_INDEX_{len(self.values)}"
            self.values[self._names[key]] = values
        return self._names[key]


class Reader:
    """The names of one program's groups and kernels in the generated text, and the texts that read arrays.

    ``taken`` are names that no device may have there, because the module defines them otherwise; ``arrays`` collects
    the index arrays.
    """

    def __init__(self, program: Program, taken: frozenset[str] = frozenset(), arrays: Arrays | None = None):
        self.program = program
        self.kernels: Mapping[str, Kernel | SolvedKernel] = {kernel.name: kernel for kernel in program.kernels}
        self.kernel_names = identifiers(self.kernels, RESERVED | taken)
        self.arrays = Arrays() if arrays is None else arrays
        self.floating = {group.name: group for group in program.groups}
        self.groups = {**self.floating, **{held.group.name: held.group for held in program.held}}
        results = {n for k in program.kernels for r in (k.slope_names, k.pull_names) for n in result_names(r)}
        suffixes = ("", "_gross", "_slopes", "_pull", "_margin", "_rates", "_rates_slopes", "_rates_pull", "_chain")
        reserved = RESERVED | results | {name + suffix for name in self.kernel_names.values() for suffix in suffixes}
        self.names = identifiers(self.groups, reserved)
        adjoints = identifiers((f"adjoint_{name}" for name in self.floating), reserved | set(self.names.values()))
        self.adjoint_names = {name: adjoints[f"adjoint_{name}"] for name in self.floating}
        bounds = [f"{name}_{side}" for name in self.floating for side in ("low", "high")]
        self.bound_names = identifiers(bounds, reserved | {*self.names.values(), *self.adjoint_names.values()})
        self.parameter_shapes = {p.name: p.shape for p in program.parameters}

    def unpack(self, needed: Collection[str] | None = None) -> Iterator[str]:
        """Yield lines that bind groups' names to their mu (kT) or concentration (M), (batch, *group)."""
        for group in self.groups.values():
            if needed is None or group.name in needed:
                source = "u" if group.name in self.floating else "held"
                text = f"{source}{columns(group)}"
                yield f"{self.names[group.name]} = {shaped(f'exp({text})' if is_molecular(group) else text, group)}"

    def unpack_bounds(self) -> Iterator[str]:
        """Yield lines that bind names to the low and high values of floating groups, and to those of held ones."""
        yield from self.unpack({name for name in self.groups if name not in self.floating})
        for name, group in self.floating.items():
            for side in ("low", "high"):
                text = f"u_{side}{columns(group)}"
                text = shaped(f"exp({text})" if is_molecular(group) else text, group)
                yield f"{self.bound_names[f'{name}_{side}']} = {text}"

    def bound(self, family: FamilyCode, port: Read, side: str) -> str:
        """Return the text that reads the low or high values of the reservoirs at a port."""
        name = self.bound_names[f"{port.name}_{side}"] if port.name in self.floating else self.names[port.name]
        return self.view(name, self.groups[port.name].shape, port.view, family.shape, family.name)

    def view(self, text: str, array: tuple[int, ...], view: View, owner: tuple[int, ...], stem: str) -> str:
        """Return the text that reads a batched array of shape ``array`` in an owner's shape."""
        if view.index is not None:
            flat = text if len(array) == 1 else f"{text}.reshape(len({text}), {int(np.prod(array, dtype=np.int64))})"
            return f"{flat}[:, {self.arrays.name(stem, np.asarray(view.index))}]"
        return _spread(text, view.axes or (), len(owner), batched=True)

    def port(self, family: FamilyCode, port: Read) -> str:
        """Return the text that reads the reservoirs at a port."""
        return self.view(self.names[port.name], self.groups[port.name].shape, port.view, family.shape, family.name)

    def slot(self, slot: SlotCode, owner: tuple[int, ...], stem: str) -> str:
        """Return the text of a slot's value, broadcast over its owner without a batch axis."""
        return Printer(self._parameters(slot, owner, stem)).text(slot.expression)

    def slopes(self, slot: SlotCode, owner: tuple[int, ...], stem: str) -> Iterator[tuple[Read, str]]:
        """Yield each parameter that a slot reads, with `` * derivative`` of the slot by it, empty where that is one."""
        printer = Printer(self._parameters(slot, owner, stem))
        for read in slot.reads:
            slope = printer.text(slot.expression.diff(read.symbol), 1)
            yield read, "" if slope == "1" else f" * {slope}"

    def full_slot(self, slot: SlotCode, group: GroupCode) -> str:
        """Return the text of a reservoir's setting, one number or (group,)."""
        text = self.slot(slot, group.shape, group.name)
        return f"np.broadcast_to({text}, {group.shape}).ravel()" if group.shape else text

    def _parameters(self, slot: SlotCode, owner: tuple[int, ...], stem: str) -> dict[str, str]:
        return {read.symbol.name: self.parameter(read, owner, stem) for read in slot.reads}

    def parameter(self, read: Read, owner: tuple[int, ...], stem: str) -> str:
        """Return the text that reads a parameter in its owner's shape."""
        text = f"parameters[{read.name!r}]"
        if read.view.index is not None:
            flat = text if len(self.parameter_shapes[read.name]) == 1 else f"{text}.ravel()"
            return f"{flat}[{self.arrays.name(stem, np.asarray(read.view.index))}]"
        return _spread(text, read.view.axes or (), len(owner), batched=False)

    def give(self, read: Read, value: str, shape: tuple[int, ...], stem: str) -> str:
        """Return the line that adds an owner's values to the gradient by a parameter that it reads."""
        index = read.view.index
        axes = str(read.view.axes) if index is None else f"{self.arrays.name(stem, np.asarray(index))}.ravel()"
        return f"give(gradient, {read.name!r}, {value}, batch, {shape}, {axes}, parameters)"


def result_names(outputs: Sequence[str]) -> list[str]:
    """Return an identifier for each output of a function where it is called."""
    names = identifiers(outputs)
    return [names[name] for name in outputs]


def is_molecular(group: GroupCode) -> bool:
    """Whether a group's reservoirs hold molecules, so that exp(u) is their concentration."""
    return group.content == "molecules"


def columns(group: GroupCode) -> str:
    """Return the text that picks a group's columns out of (batch, reservoirs): a single one without its axis."""
    return f"[:, {group.start}:{group.stop}]" if group.shape else f"[:, {group.start}]"


def shaped(text: str, group: GroupCode) -> str:
    """Return the text that gives (batch, size) the shape of a group with several axes."""
    return f"{text}.reshape(-1, {', '.join(map(str, group.shape))})" if len(group.shape) > 1 else text


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
