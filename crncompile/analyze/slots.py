"""Values of settings as numbers, and where a family's devices are connected."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.network.types import Family, Network, Port, Slot
from crncompile.symbolic.conservation import flat_index
from crncompile.symbolic.numeric import numpy_function

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


def slot_values(network: Network, slot: Slot, shape: tuple[int, ...], values: Mapping[str, Array]) -> Array:
    """Evaluate a slot of an owner of this shape: one number for each of its elements."""
    read = []
    for access in slot.accesses:
        own = network.parameter_shapes[access.name]
        array = np.asarray(values[access.name], float)
        if array.shape != own:
            read.append(np.broadcast_to(array, shape))
            continue
        read.append(array.ravel()[flat_index(own, shape, access.place.axes, access.place.index)])
    if len(read) == 1 and slot.expression == slot.accesses[0].symbol:
        return np.broadcast_to(read[0], shape)
    function = numpy_function([access.symbol for access in slot.accesses], slot.expression)
    # a voltage of 0 V is a potential of 0 kT, not of -0 kT
    return np.broadcast_to(np.asarray(function(*read), float) + 0.0, shape)


def settings(network: Network, family: Family, values: Mapping[str, Array]) -> dict[sympy.Symbol, Array]:
    """Return the parameters of every device of a family, (devices,), by the symbols of its kind."""
    return {
        p.symbol: slot_values(network, family.slots[p.name], family.shape, values).ravel()
        for p in family.kind.parameters
    }


def count(shape: tuple[int, ...]) -> int:
    """Return the number of elements of an array of this shape."""
    return math.prod(shape)


def elements(network: Network, family: Family, port: Port) -> Indices:
    """Return, for each device of a family, which element of its group the reservoir at a port is, (devices,)."""
    shape = network.reservoir(port.reservoir).shape
    return flat_index(shape, family.shape, port.place.axes, port.place.index).ravel()


def device_label(family: Family, device: int) -> str:
    """Return the name of one device of a family as the model has it: ``w[1, 2]``."""
    if family.labels_at is not None:
        numbers = [int(n) for n in family.labels_at[device]]
    else:
        numbers = [
            int(n) + axis.lower for n, axis in zip(np.unravel_index(device, family.shape), family.axes, strict=True)
        ]
    return f"{family.name}[{', '.join(map(str, numbers))}]" if numbers else family.name
