"""The units in which reservoirs are told and shown: those that the model states."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.network.types import Network, Reservoir
from crncompile.units import VOLTAGE

Array = NDArray[Any]


def unit_name(network: Network, group: Reservoir) -> str:
    """Return the unit in which a reservoir is told and shown.

    That of an input's declared range; else the one in which its start, or where it is held, is stated; else kT or M.
    """
    if group.coding is not None:
        return group.coding.unit
    own = {parameter.name: parameter.unit for parameter in network.parameters}
    stated = own.get(f"{group.name}.start") or own.get(f"{group.name}.at")
    return stated or ("kT" if group.content == "charge" else "M")


def letter(network: Network, group: Reservoir) -> str:
    """Return what is shown of a reservoir: ``μ``, ``V`` where it is told in volts, ``c`` of molecules."""
    if group.content == "molecules":
        return "c"
    return "V" if network.units.unit(unit_name(network, group) or None)[2] == VOLTAGE else "μ"


def in_unit(network: Network, group: Reservoir, values: Array) -> Array:
    """Return mu (kT) or c (M) in the group's unit: the inverse of `network.coding.in_range_unit`."""
    factor, offset, dimension = network.units.unit(unit_name(network, group) or None)
    sign = -1.0 if dimension == VOLTAGE else 1.0
    return np.asarray((sign * values - offset) / factor + 0.0)


def in_potential(network: Network, group: Reservoir, values: Array) -> Array:
    """Return mu (kT) or c (M) from numbers in the group's unit."""
    factor, offset, dimension = network.units.unit(unit_name(network, group) or None)
    sign = -1.0 if dimension == VOLTAGE else 1.0
    return np.asarray(sign * (values * factor + offset))
