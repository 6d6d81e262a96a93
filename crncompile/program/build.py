"""From the System to the Program."""

from __future__ import annotations

from collections.abc import Sequence

from crncompile.network.types import Access, Family, Network, Parameter, Readout, Reservoir, Slot
from crncompile.program.kernels import bounded_ends, device_kernel, kernel
from crncompile.program.sparsity import pays, sparse
from crncompile.program.structure import block_shapes, contributions, elimination_order
from crncompile.program.tiers import Tiers
from crncompile.program.types import (
    FamilyCode,
    GroupCode,
    HeldCode,
    Kernel,
    ParameterCode,
    Program,
    Read,
    SlotCode,
    SolvedKernel,
    View,
)
from crncompile.symbolic.functions import recognise_logistic
from crncompile.symbolic.system import System


def build_program(system: System) -> Program:
    """Turn the equations of a network into a Program.

    The work is per device kind and family; how many devices a family has makes no difference.
    """
    network = system.network
    groups = _groups(network.floating)
    numbers = {group.name: number for number, group in enumerate(groups)}
    kernels = {
        name: device_kernel(law, _held_ports(network, name), system.margins.get(name))
        for name, law in system.laws.items()
    }
    families = [_family(family, system, kernels[family.kind.name], numbers) for family in network.families]
    readouts = [_readout_kernel(readout) for readout in network.readouts]
    shapes = block_shapes(len(groups), (term for family in families for term in family.contributions))
    order, work = elimination_order(groups, shapes)
    pattern = None
    if pays(groups, families, work):
        pattern, families = sparse(groups, families)
    else:
        tiers, kind_of = Tiers(numbers), {family.name: family.kind.name for family in network.families}
        families = [tiers.chosen(f, system.laws[kind_of[f.name]], kernels[kind_of[f.name]]) for f in families]
    return Program(
        name=network.name,
        title=network.title,
        temperature=network.units.temperature,
        groups=groups,
        held=tuple(
            HeldCode(code, _slot(group.at) if group.at else None)
            for code, group in zip(_groups(network.held), network.held, strict=True)
        ),
        capacities=tuple(_required(group.capacity) for group in network.floating),
        starts=tuple(_required(group.start) for group in network.floating),
        kernels=(*kernels.values(), *readouts),
        families=tuple(families),
        readouts=tuple(map(_readout, network.readouts)),
        parameters=tuple(_parameter(parameter, network) for parameter in network.parameters),
        blocks=shapes,
        order=order,
        pattern=pattern,
        conserved=system.conserved,
        conserved_names=system.conserved_names,
        unique=system.unique,
        bounded=bool(system.margins),
    )


def _groups(reservoirs: Sequence[Reservoir]) -> tuple[GroupCode, ...]:
    codes, start = [], 0
    for group in reservoirs:
        labels = tuple(group.labels())
        codes.append(GroupCode(group.name, group.shape, start, start + len(labels), group.content, labels))
        start += len(labels)
    return tuple(codes)


def _held_ports(network: Network, kind: str) -> tuple[int, ...]:
    """Terminals of a kind that meet a held reservoir in some family: the gradient with respect to inputs needs them."""
    held = {group.name for group in network.held}
    ports = [family.ports for family in network.families if family.kind.name == kind]
    return tuple(t for t in range(len(ports[0])) if any(port[t].reservoir in held for port in ports))


def _family(family: Family, system: System, code: Kernel | SolvedKernel, numbers: dict[str, int]) -> FamilyCode:
    law = system.laws[family.kind.name]
    symbols = {terminal.name: terminal.symbol for terminal in family.kind.terminals}
    ports = tuple(
        Read(symbols[port.terminal], port.reservoir, View(port.place.axes, port.place.index)) for port in family.ports
    )
    slots = [_slot(family.slots[parameter.name]) for parameter in family.kind.parameters]
    if family.kind.amount:
        slots.append(_slot(_required_slot(family.volume)))
    currents = tuple(
        (terminal, flux, factor)
        for flux, net in enumerate(law.stoichiometry)
        for terminal, factor in enumerate(net)
        if factor != 0 and ports[terminal].name in numbers
    )
    return FamilyCode(
        name=family.name,
        text=_heading(family),
        kernel=code.name,
        shape=family.shape,
        ports=ports,
        slots=tuple(slots),
        currents=currents,
        contributions=contributions(numbers, ports, law.stoichiometry, code.slope_of),
        tier="elementwise",
        margins=tuple(
            number for number, terminal in enumerate(_bounded_ends(system, family)) if ports[terminal].name in numbers
        ),
    )


def _bounded_ends(system: System, family: Family) -> tuple[int, ...]:
    margins = system.margins.get(family.kind.name)
    return bounded_ends(margins) if margins else ()


def _heading(family: Family) -> str:
    """Return a family's statement up to its ``=``; in a circuit, with the name that the family has in the network."""
    text = " ".join(family.span.text.split("=")[0].split())
    own = family.name.rpartition(".")[2]
    return text.replace(f" {own}", f" {family.name}", 1) if family.span.placed else text


def _required_slot(slot: Slot | None) -> Slot:
    assert slot is not None
    return slot


def _required(slot: Slot | None) -> SlotCode:
    return _slot(_required_slot(slot))


def _slot(slot: Slot) -> SlotCode:
    return SlotCode(recognise_logistic(slot.expression), _reads(slot.accesses))


def _reads(accesses: Sequence[Access]) -> tuple[Read, ...]:
    return tuple(Read(a.symbol, a.name, View(a.place.axes, a.place.index)) for a in accesses)


def _readout_kernel(readout: Readout) -> Kernel:
    """Treat a readout as a device without currents: its reservoirs are terminals, its parameters slots."""
    return kernel(
        name=f"{readout.keyword}_{readout.name}",
        text="",
        terminals=tuple(access.symbol for access in readout.reservoirs),
        parameters=tuple(access.symbol for access in readout.parameters),
        definitions=(),
        fluxes=(recognise_logistic(readout.expression),),
        pulled=range(len(readout.reservoirs)),
        result="value",
    )


def _readout(readout: Readout) -> FamilyCode:
    slots = tuple(SlotCode(read.symbol, (read,)) for read in _reads(readout.parameters))
    return FamilyCode(
        name=readout.name,
        text=f"{readout.keyword} {readout.name}",
        kernel=f"{readout.keyword}_{readout.name}",
        shape=readout.shape,
        ports=_reads(readout.reservoirs),
        slots=slots,
        currents=(),
        contributions=(),
        tier="elementwise",
    )


def _parameter(parameter: Parameter, network: Network) -> ParameterCode:
    factor, _, _ = network.units.unit(parameter.unit or None)
    return ParameterCode(parameter.name, parameter.shape, parameter.unit, factor, parameter.trained)
