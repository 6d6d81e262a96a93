"""Which device is drawn, and what differs from curve to curve: ``--device a[2] --vary level=-2,0,2kT``."""

from __future__ import annotations

import re

import numpy as np

from crncompile.analyze.characteristic import Varied, own_parameter
from crncompile.analyze.slots import device_label
from crncompile.cli.quantities import number
from crncompile.errors import ArgumentError, which_of
from crncompile.network.shown import in_potential
from crncompile.network.types import Family, Network
from crncompile.units import UnitError

_EXAMPLE = "write --vary level=-2,0,2kT"
_UNIT_BEGINS = re.compile(r"(?<=[\d.])\s*(?=(?![eE][-+\d])[^\W\d]|%)")
_LAST_UNIT = re.compile(r"[\d.]\s*([^\W\d]\S*|%)\s*$")


def chosen(network: Network, name: str | None) -> tuple[Family, int]:
    """Return the family and the number of the device that is asked for; the first one of all without a name."""
    families = {family.name: family for family in network.families}
    if name is None:
        return network.families[0], 0
    head, _, inside = name.replace(" ", "").partition("[")
    if head not in families:
        raise ArgumentError(f"--device {name}: there are no devices {head}; {which_of(head, families)}")
    family = families[head]
    labels = [device_label(family, n).replace(" ", "") for n in range(int(np.prod(family.shape, dtype=int)))]
    if inside and f"{head}[{inside}" not in labels:
        raise ArgumentError(
            f"--device {name}: there is no such device; the first is {labels[0]}, the last {labels[-1]}"
        )
    return family, labels.index(f"{head}[{inside}") if inside else 0


def varied(network: Network, family: Family, text: str) -> Varied:
    """Read ``NAME=V1,V2,...``: a terminal or a parameter of the device, each value with a unit, or the last one's."""
    name, equals, listed = (part.strip() for part in text.partition("="))
    if not equals or not listed:
        raise ArgumentError(f"--vary {text} is not of the form NAME=VALUE,VALUE; {_EXAMPLE}")
    last = _LAST_UNIT.search(listed)
    parts = [part.strip() for part in listed.split(",")]
    parts = [part if last is None or _LAST_UNIT.search(part) else f"{part} {last[1]}" for part in parts]
    labels = tuple(f"{name} = {_UNIT_BEGINS.sub(r' ', part)}" for part in parts)
    port = next((port for port in family.ports if port.terminal == name), None)
    if port is not None:
        group = network.reservoir(port.reservoir)
        told = [number(network, group, part, f"--vary {text}", _EXAMPLE) for part in parts]
        values = in_potential(network, group, np.asarray(told)).tolist()
    else:
        values = [_parameter(network, family, name, part, text) for part in parts]
    return Varied(name, tuple(values), labels)


def _parameter(network: Network, family: Family, name: str, part: str, text: str) -> float:
    owner = own_parameter(network, family, name)
    own = next(parameter for parameter in network.parameters if parameter.name == owner)
    match = re.fullmatch(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S+)?", part)
    if match is None:
        raise ArgumentError(f"--vary {text}: {part or 'nothing'} is not a number with a unit or without; {_EXAMPLE}")
    unit = match[2] or own.unit or None
    try:
        value, dimension = network.units.quantity(match[1], unit)
    except UnitError as error:
        raise ArgumentError(f"--vary {text}: {error}; {name} is in {own.unit or 'no unit'}") from None
    if dimension != own.dimension:
        raise ArgumentError(f"--vary {text}: {unit} does not measure what {name} is, {own.dimension}")
    if not own.lower <= value <= own.upper:
        raise ArgumentError(f"--vary {text}: {part} is outside the bounds of {name}")
    return value
