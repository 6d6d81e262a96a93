"""The part of the article on the network: reservoirs, rate equations by family, Jacobian, readouts, parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.compiled import CompiledNetwork
from crncompile.export.tex_devices import flux_name
from crncompile.export.tex_math import Mathematics, align
from crncompile.export.tex_words import indices, number, quantity, symbol, unit, words
from crncompile.network.types import Axis, Family, Network, Parameter, Port, Reservoir, Slot, Tolerance
from crncompile.symbolic.device_law import DeviceLaw


def table(columns: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table that may run over several pages."""
    lines = [" & ".join(row) + r" \\" for row in rows]
    return "\n".join(
        [
            rf"\begin{{longtable}}{{{columns}}}",
            r"\toprule",
            " & ".join(head) + r" \\",
            r"\midrule",
            r"\endhead",
            *lines,
            r"\bottomrule",
            r"\end{longtable}",
        ]
    )


def element(name: str, axes: Iterable[Axis]) -> str:
    """Return an array's general element: ``h_{j}``."""
    inside = indices(axis.name for axis in axes)
    return symbol(f"{name}[{inside}]") if inside else symbol(name)


def _ranges(axes: Iterable[Axis]) -> str:
    return ", ".join(rf"${symbol(a.name)} = {a.lower}, \dots, {a.upper}$" for a in axes)


# --- reservoirs -------------------------------------------------------------------------------------------------------


def reservoir_table(network: Network, mathematics: Mathematics) -> str:
    """Return the table of reservoirs: kind, content, capacity, and what holds or starts them."""
    rows = []
    for group in network.reservoirs:
        capacity = f"${slot(group.capacity, mathematics)}$" if group.capacity else ""
        rows.append(
            [
                f"${element(group.name, group.axes)}$",
                group.kind + (f", {_ranges(group.axes)}" if group.axes else ""),
                group.content,
                capacity,
                _held_or_start(group, mathematics),
            ]
        )
    return table("llllp{0.32\\textwidth}", ["reservoir", "kind", "holds", "$C$ or $V$", "potential"], rows)


def _held_or_start(group: Reservoir, mathematics: Mathematics) -> str:
    if group.coding is not None:
        low, high = group.coding.range
        base = "kT" if group.content == "charge" else "M"
        text = f"from {quantity(low, base)} to {quantity(high, base)}"
        return text + (f", raw data {group.coding.encoding}" if group.coding.data is not None else "")
    if group.at is not None:
        return f"held at ${slot(group.at, mathematics)}$"
    return f"starts at ${slot(group.start, mathematics)}$" if group.start else ""


def slot(value: Slot, mathematics: Mathematics) -> str:
    """Return a setting as an expression of parameters."""
    names = {access.symbol.name: parameter_access(access.symbol.name, access.name) for access in value.accesses}
    return mathematics.named(names).text(value.expression)


def parameter_symbol(name: str) -> str:
    r"""Return a parameter's symbol: ``a.gamma_left`` is ``\gamma_{\mathrm{left}}^{\text{a}}``."""
    owner, dot, own = name.rpartition(".")
    own = {"volume": "V", "capacitance": "C"}.get(own, own)
    return rf"{{{symbol(own)}}}^{{\text{{{words(owner)}}}}}" if dot else symbol(own)


# --- rate equations ---------------------------------------------------------------------------------------------------


def family_lines(network: Network, laws: Mapping[str, DeviceLaw]) -> str:
    """Return for each family the fluxes of its devices as functions of the reservoirs that they meet."""
    lines = []
    for family in network.families:
        law = laws[family.kind.name]
        for flux in range(len(law.fluxes)):
            ports = ", ".join(_port(network, family, port) for port in family.ports)
            scale = rf"N_{{\mathrm{{A}}}} {_volume(family)} \," if family.kind.amount else ""
            name = flux_name(family.kind.name, flux, len(law.fluxes))
            lines.append(rf"{family_flux(family, law, flux)} &= {scale}{name}({ports})")
    return align(lines)


def _volume(family: Family) -> str:
    accesses = family.volume.accesses if family.volume else ()
    return parameter_symbol(accesses[0].name) if len(accesses) == 1 else "V"


def family_flux(family: Family, law: DeviceLaw, flux: int) -> str:
    """Return the symbol of the flux of a family's device."""
    count = f",{flux + 1}" if len(law.fluxes) > 1 else ""
    inside = "e" if family.labels_at is not None or is_list(family) else indices(axis.name for axis in family.axes)
    return rf"I^{{\text{{{words(family.name)}}}{count}}}" + (rf"_{{{inside}}}" if inside else "")


def is_list(family: Family) -> bool:
    """Whether a family is a list of devices, not an array over its axes."""
    return family.shape != tuple(axis.size for axis in family.axes)


def _port(network: Network, family: Family, port: Port) -> str:
    group = network.reservoir(port.reservoir)
    if port.place.axes is None or is_list(family):
        if not group.axes:
            return symbol(group.name)
        return rf"{{{symbol(group.name)}}}_{{\mathrm{{{words(port.terminal)}}}(e)}}"
    return element(group.name, [family.axes[axis] for axis in port.place.axes])


def rate_equations(network: Network, laws: Mapping[str, DeviceLaw]) -> str:
    """Return the rate equations of all floating groups in index notation."""
    lines = []
    for group in network.floating:
        terms = [term for family in network.families for term in _terms(family, laws[family.kind.name], group)]
        right = " ".join(terms).removeprefix("+ ") or "0"
        lines.append(rf"\frac{{\mathrm{{d}} n({element(group.name, group.axes)})}}{{\mathrm{{d}} t}} &= {right}")
    return align(lines)


def _terms(family: Family, law: DeviceLaw, group: Reservoir) -> Iterator[str]:
    for flux, net in enumerate(law.stoichiometry):
        for factor, port in zip(net, family.ports, strict=True):
            if factor and port.reservoir == group.name:
                size = "" if abs(factor) == 1 else f"{abs(factor)} "
                sum_ = _sum(family, port, group)
                yield f"{'-' if factor < 0 else '+'} {size}{sum_}{_renamed_flux(family, law, flux, port, group)}"


def _sum(family: Family, port: Port, group: Reservoir) -> str:
    """Return the sum sign over the devices of a family that meet one reservoir."""
    if port.place.axes is None or is_list(family):
        if not family.shape:
            return ""
        where = (
            rf"e:\, \mathrm{{{words(port.terminal)}}}(e) = {indices(a.name for a in group.axes)}" if group.axes else "e"
        )
        return rf"\sum_{{{where}}} "
    rest = [axis.name for number_, axis in enumerate(family.axes) if number_ not in port.place.axes]
    return rf"\sum_{{{indices(rest)}}} " if rest else ""


def _renamed_flux(family: Family, law: DeviceLaw, flux: int, port: Port, group: Reservoir) -> str:
    """Return a device's flux with the family's indices at a port named as the group's."""
    if port.place.axes is None or is_list(family):
        return family_flux(family, law, flux)
    names = [axis.name for axis in family.axes]
    for own, axis in zip(port.place.axes, group.axes, strict=True):
        names[own] = axis.name
    text = family_flux(family, law, flux)
    return text if not names else f"{text.rsplit('_{', 1)[0]}_{{{indices(names)}}}"


def jacobian_lines(network: Network, laws: Mapping[str, DeviceLaw]) -> str:
    """Return what each family adds to the Jacobian, by terminal: row reservoirs times column reservoirs."""
    lines: list[str] = []
    for family in network.families:
        law = laws[family.kind.name]
        for flux, net in enumerate(law.stoichiometry):
            lines += _entries(network, family, law, flux, net)
    return align(lines)


def _entries(network: Network, family: Family, law: DeviceLaw, flux: int, net: tuple[int, ...]) -> Iterator[str]:
    moving = law.moved_by(flux)
    for factor, row in zip(net, family.ports, strict=True):
        if factor == 0 or network.reservoir(row.reservoir).held:
            continue
        for column, terminal in zip(family.ports, family.kind.terminals, strict=True):
            group = network.reservoir(column.reservoir)
            if group.held or terminal.symbol not in moving:
                continue
            sign = {1: "", -1: "-"}.get(factor, rf"{factor}\,")
            here = _port(network, family, column)
            chain = rf" \, {here}" if group.content == "molecules" else ""
            left = rf"\frac{{\partial \dot n({_port(network, family, row)})}}{{\partial u({here})}}"
            slope = rf"\frac{{\partial {family_flux(family, law, flux)}}}{{\partial {symbol(terminal.name)}}}"
            yield rf"{left} &\mathrel{{+}}= {sign}{slope}{chain}"


# --- readouts, parameters ---------------------------------------------------------------------------------------------


def value_lines(network: Network, mathematics: Mathematics) -> str:
    """Return what devices are given that is no parameter of their own, as expressions of parameters."""
    lines = []
    for family in network.families:
        inside = "e" if is_list(family) else indices(axis.name for axis in family.axes)
        for name, value in family.slots.items():
            own = f"{family.name}.{name}"
            if [access.name for access in value.accesses] == [own]:
                continue
            names = {a.symbol.name: parameter_access(a.symbol.name, a.name) for a in value.accesses}
            left = parameter_symbol(own) + (rf"_{{{inside}}}" if inside else "")
            lines.append(mathematics.named(names).equation(left, value.expression))
    return align(lines)


def readout_lines(network: Network, mathematics: Mathematics) -> str:
    """Return the readouts as expressions of potentials, concentrations and parameters."""
    lines = []
    for readout in network.readouts:
        names = {a.symbol.name: parameter_access(a.symbol.name, a.name) for a in readout.parameters}
        left = element(readout.name, readout.axes)
        lines.append(mathematics.named(names).equation(left, readout.expression))
    return align(lines)


def parameter_access(shown: str, name: str) -> str:
    """Return an element of a parameter as the model writes it, or the parameter itself."""
    return symbol(shown) if shown.startswith(f"{name}[") else parameter_symbol(name)


def parameter_table(compiled: CompiledNetwork, values: Mapping[str, NDArray[Any]]) -> str:
    """Return the table of all parameters: values in the model's own units, tolerance, whether they are trained."""
    rows = []
    for parameter in compiled.network.parameters:
        shown = _expressed(compiled, parameter, values[parameter.name])
        rows.append(
            [
                rf"\texttt{{{words(parameter.name)}}}",
                f"${parameter_symbol(parameter.name)}$",
                _value(shown),
                f"${unit(parameter.unit)}$" if parameter.unit else "",
                _tolerance(compiled, parameter, parameter.tolerance),
                "yes" if parameter.trained else "",
            ]
        )
    head = ["parameter", "symbol", "value", "unit", "tolerance", "trained"]
    return table("llp{0.3\\textwidth}lll", head, rows)


def _expressed(compiled: CompiledNetwork, parameter: Parameter, value: NDArray[Any]) -> NDArray[Any]:
    factor, offset, _ = compiled.network.units.unit(parameter.unit or None)
    return np.asarray((np.asarray(value, float) - offset) / factor)


def _value(value: NDArray[Any]) -> str:
    if value.size == 0 or value.min() == value.max():
        shape = rf" (all ${_shape(value)}$)" if value.ndim else ""
        return f"${number(float(value.flat[0]))}$" + shape if value.size else "none"
    low, high = number(float(value.min()), 4), number(float(value.max()), 4)
    median = number(float(np.median(value)), 4)
    return rf"${low}$ to ${high}$, median ${median}$ (${_shape(value)}$)"


def _shape(value: NDArray[Any]) -> str:
    return r" \times ".join(map(str, value.shape))


def _tolerance(compiled: CompiledNetwork, parameter: Parameter, tolerance: Tolerance | None) -> str:
    if tolerance is None:
        return ""
    if tolerance.relative:
        return rf"${number(100 * tolerance.value)}\,\%$"
    factor = compiled.network.units.unit(parameter.unit or None)[0]
    return quantity(tolerance.value / factor, parameter.unit)
