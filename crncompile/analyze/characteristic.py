"""The current through one device of a network as its source's potential varies, all else held: its characteristic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from crncompile.analyze.slots import device_label, elements
from crncompile.compiled import CompiledNetwork
from crncompile.errors import ArgumentError, DataError, which_of
from crncompile.network.shown import in_unit, letter, unit_name
from crncompile.network.types import Family, Network, Port, Reservoir

Array = NDArray[np.float64]
_WIDE_KT, _WIDE_DECADES = 10.0, 2.0


@dataclass(frozen=True, eq=False)
class Curve:
    """Current along the arrow (points,) in 1/s, and where it falls as the source's potential rises (points,)."""

    label: str
    current: Array
    falls: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Characteristic:
    """Curves of ``device`` over the potential of its source, ``x`` (points,): mu in kT, or c in M.

    ``shown`` (points,) is the same in the unit that the model tells it in, as ``quantity`` says: ``μ (meV)``. ``held``
    names the terminals that stay as they are, and where: ``gate at 0.2 meV``.
    """

    device: str
    kind: str
    terminal: str
    molecules: bool
    x: Array
    shown: Array
    quantity: str
    held: tuple[str, ...]
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Varied:
    """What differs from curve to curve: a terminal (mu in kT, c in M) or a parameter; ``labels`` name its values."""

    name: str
    values: tuple[float, ...]
    labels: tuple[str, ...]


def characteristic(
    compiled: CompiledNetwork,
    values: Mapping[str, Array],
    family: Family,
    device: int = 0,
    varied: Varied | None = None,
    points: int = 601,
) -> Characteristic:
    """Return the characteristic of one device, with the other terminals where they start or are held.

    Inputs stand in the middle of their range; without ``varied`` the target takes three values.

    Raises DataError where what is varied is neither a terminal nor a parameter that has its own value, and where a
    reaction takes nothing from a reservoir, or gives nothing to one and nothing else is varied.
    """
    network = compiled.network
    source = _end(family, "source")
    u, held = _base(compiled, values)
    varied = varied or _target_varied(
        network, family, _value_at(compiled, family, _end(family, "target"), device, u, held)
    )
    span = _span(network.reservoir(source.reservoir), _value_at(compiled, family, source, device, u, held), points)
    curves = []
    for value, label in zip(varied.values, varied.labels, strict=True):
        states, holds, changed = np.tile(u, (points, 1)), np.tile(held, (points, 1)), dict(values)
        if varied.name in [port.terminal for port in family.ports]:
            port = next(port for port in family.ports if port.terminal == varied.name)
            _put(compiled, family, port, device, states, holds, np.full(points, value))
        else:
            changed |= _with_parameter(network, family, varied.name, value)
        _put(compiled, family, source, device, states, holds, span)
        current = compiled.currents(family.name, states, holds, changed).reshape(points, -1)[:, device]
        curves.append(Curve(label, current, np.gradient(current) < -1e-9 * np.abs(current).max()))
    group = network.reservoir(source.reservoir)
    still = [port for port in family.ports if port.terminal not in (source.terminal, varied.name)]
    return Characteristic(
        device_label(family, device),
        family.kind.name,
        source.terminal,
        group.content == "molecules",
        span,
        in_unit(network, group, span),
        f"{letter(network, group)} ({unit_name(network, group)})",
        tuple(f"{p.terminal} at {_told(network, p, _value_at(compiled, family, p, device, u, held))}" for p in still),
        tuple(curves),
    )


def _end(family: Family, role: Literal["source", "target"]) -> Port:
    """Return the first terminal of a family at one end."""
    found = terminals(family, role)
    if not found:
        ports = " or ".join(port.terminal for port in family.ports)
        told = {
            "source": f"{family.name} takes nothing from a reservoir over whose potential its current could be drawn",
            "target": f"{family.name} gives nothing to a reservoir that could take several values; vary {ports}",
        }
        raise DataError(told[role])
    return found[0]


def terminals(family: Family, role: str) -> list[Port]:
    """Return the ports of a family whose terminals are sources, targets or gates."""
    roles = {terminal.name: terminal.role for terminal in family.kind.terminals}
    return [port for port in family.ports if roles[port.terminal] == role]


def own_parameter(network: Network, family: Family, name: str) -> str:
    """Return the name of the network's parameter that alone gives a device's parameter; raises DataError."""
    if name not in family.slots:
        known = [*family.slots, *(port.terminal for port in family.ports)]
        raise ArgumentError(f"{family.name} has no parameter or terminal {name}; {which_of(name, known)}")
    slot = family.slots[name]
    if len(slot.accesses) != 1 or slot.expression != slot.accesses[0].symbol:
        raise DataError(
            f"{name} of {family.name} is an expression of other parameters, and can not be varied by itself"
        )
    return slot.accesses[0].name


def _with_parameter(network: Network, family: Family, name: str, value: float) -> dict[str, Array]:
    owner = own_parameter(network, family, name)
    shape = next(parameter.shape for parameter in network.parameters if parameter.name == owner)
    return {owner: np.full(shape, value)}


def _base(compiled: CompiledNetwork, values: Mapping[str, Array]) -> tuple[Array, Array]:
    """Return potentials (n,) at the start and held ones (m,) with inputs in the middle of their range."""
    middle = {}
    for group in compiled.inputs:
        assert group.coding is not None
        low, high = group.coding.range
        middle[group.name] = np.full((1, *group.shape), np.sqrt(low * high) if low > 0 < high else (low + high) / 2)
    return np.asarray(compiled.functions.start(values)), np.asarray(compiled.functions.hold(middle, values)[0])


def _column(compiled: CompiledNetwork, family: Family, port: Port, device: int) -> tuple[bool, int]:
    """Return whether the reservoir at a port is held, and its column."""
    element = int(elements(compiled.network, family, port)[device])
    for group in compiled.program.groups:
        if group.name == port.reservoir:
            return False, group.start + element
    held = next(held.group for held in compiled.program.held if held.group.name == port.reservoir)
    return True, held.start + element


def _value_at(compiled: CompiledNetwork, family: Family, port: Port, device: int, u: Array, held: Array) -> float:
    is_held, column = _column(compiled, family, port, device)
    potential = float((held if is_held else u)[column]) + 0.0  # -0 kT, a voltage of 0 V, is 0 kT
    return float(np.exp(potential)) if compiled.network.reservoir(port.reservoir).content == "molecules" else potential


def _put(
    compiled: CompiledNetwork, family: Family, port: Port, device: int, u: Array, held: Array, values: Array
) -> None:
    is_held, column = _column(compiled, family, port, device)
    molecules = compiled.network.reservoir(port.reservoir).content == "molecules"
    (held if is_held else u)[:, column] = np.log(values) if molecules else values


def _span(group: Reservoir, value: float, points: int) -> Array:
    """Return the values of the source: an input's range, else wide around where it stands."""
    if group.content == "molecules":
        low, high = (value * 10**-_WIDE_DECADES, value * 10**_WIDE_DECADES)
        if group.coding is not None:
            low, high = sorted(group.coding.range)
        return np.geomspace(low, high, points)
    low, high = sorted(group.coding.range) if group.coding is not None else (value - _WIDE_KT, value + _WIDE_KT)
    return np.linspace(low, high, points)


def _target_varied(network: Network, family: Family, value: float) -> Varied:
    port = terminals(family, "target")[0]
    if network.reservoir(port.reservoir).content == "molecules":
        numbers: Sequence[float] = [0.1 * value, value, 10 * value]
    else:
        numbers = [value - 4, value, value + 4]
    labels = tuple(f"{port.terminal} = {_told(network, port, number)}" for number in numbers)
    return Varied(port.terminal, tuple(numbers), labels)


def _told(network: Network, port: Port, value: float) -> str:
    """Return mu (kT) or c (M) at a port in the unit in which its reservoir is told."""
    group = network.reservoir(port.reservoir)
    return f"{float(in_unit(network, group, np.asarray(value))):.3g} {unit_name(network, group)}"
