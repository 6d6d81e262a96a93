"""From raw data, or from numbers in an input's own unit, to potentials and concentrations."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crncompile.errors import DataError
from crncompile.network.types import InputCoding, Network, Reservoir
from crncompile.units import VOLTAGE


def in_range_unit(network: Network, reservoir: Reservoir, values: ArrayLike) -> NDArray[np.float64]:
    """Return mu (kT) or c (M) from numbers in the unit of the input's declared range."""
    coding = _coding(reservoir)
    factor, offset, dimension = network.units.unit(coding.unit or None)
    sign = -1.0 if dimension == VOLTAGE else 1.0
    with np.errstate(over="ignore"):
        return np.asarray(sign * (np.asarray(values, float) * factor + offset))


def encode(reservoir: Reservoir, raw: ArrayLike, precision: str = "float64") -> NDArray[np.floating]:
    """Map raw data (..., *shape) linearly (or geometrically) onto the input's range: mu in kT or c in M.

    For ``dual`` the last axis of the reservoir is the value and its mirror image; raw data lack that axis.
    Raises DataError where the model states no ``data`` range.
    """
    coding = _coding(reservoir)
    if coding.data is None:
        hint = "state data = [lowest, highest] in its input(...)"
        raise DataError(f"input {reservoir.name} does not say which raw data meet its range: {hint}")
    low, high = coding.data
    first, last = coding.range
    with np.errstate(over="ignore", invalid="ignore"):  # who calls sees what is not finite
        share = (np.asarray(raw, precision) - low) / (high - low)
        if coding.encoding == "dual":
            share = np.stack([share, 1.0 - share], axis=-1)
        if coding.encoding == "log":
            return np.asarray(first * (last / first) ** share)
        return np.asarray(first + (last - first) * share)


def slope(network: Network, reservoir: Reservoir, values: ArrayLike, *, raw: bool) -> NDArray[np.float64]:
    """Return the derivative of the held potential (mu/kT or ln c) by an input's number, (..., *shape).

    ``values`` are raw data or numbers in the unit of the range, as for `encode` and `in_range_unit`. Both are affine in
    mu or c, and a logarithmic encoding, which only concentrations have, in ln c: two points give the slope.
    """
    code = _coding(reservoir)
    logarithmic = raw and code.encoding == "log"

    def mapped(numbers: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(encode(reservoir, numbers) if raw else in_range_unit(network, reservoir, numbers))

    low, high = code.data if raw and code.data is not None else (0.0, 1.0)
    here = np.asarray(values, float)
    first, last = mapped(np.full(here.shape, low)), mapped(np.full(here.shape, high))
    if logarithmic:
        return np.asarray(np.log(last / first) / (high - low))
    steady = (last - first) / (high - low)
    return np.asarray(steady / mapped(here) if reservoir.content == "molecules" else steady)


def _coding(reservoir: Reservoir) -> InputCoding:
    if reservoir.coding is None:
        raise DataError(f"{reservoir.name} is no input: only inputs take values from outside")
    return reservoir.coding
