"""Values of settings as numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.network.types import Network, Slot
from crncompile.symbolic.conservation import flat_index
from crncompile.symbolic.functions import logistic

Array = NDArray[np.float64]


def slot_values(network: Network, slot: Slot, shape: tuple[int, ...], values: Mapping[str, Array]) -> Array:
    """Evaluate a slot of an owner of this shape: one number for each of its elements."""
    shapes = {parameter.name: parameter.shape for parameter in network.parameters}
    read = []
    for access in slot.accesses:
        own = shapes[access.name]
        array = np.asarray(values[access.name], float)
        if array.shape != own:
            read.append(np.broadcast_to(array, shape))
            continue
        read.append(array.ravel()[flat_index(own, shape, access.place.axes, access.place.index)])
    modules = [{logistic.__name__: lambda x: 1 / (1 + np.exp(-x))}, "numpy"]
    function = sympy.lambdify([access.symbol for access in slot.accesses], slot.expression, modules=modules)
    return np.broadcast_to(np.asarray(function(*read), float), shape)
