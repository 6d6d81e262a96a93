"""How much memory a network needs, told before anything of that size is made."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from crncompile.errors import Span
from crncompile.network.report import fault
from crncompile.network.types import Family, Network, Port

#: Where a system does not tell how much memory it has.
_USUAL = 16 * 2**30
_NUMBER = 8
#: Part of the entries of the blocks of a Jacobian above which it is not stored as sparse.
FULL = 0.1


def memory() -> int:
    """Return the bytes of memory that this machine has, or that this process may still take."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        return min(page * os.sysconf("SC_PHYS_PAGES"), _allowed(page))
    except (AttributeError, OSError, ValueError):
        return _USUAL


def _allowed(page: int) -> int:
    """Return what is left of a limit on this process's memory (``ulimit -v``); raises OSError where none is told."""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return _USUAL * 2**20
    return limit - page * int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])


def check_listing(span: Span, name: str, count: int, indices: int) -> None:
    """Raise Fault where the index values of so many elements, and what is made of them, need too much memory."""
    need = 4 * _NUMBER * count * indices
    if need > memory():
        raise fault(span, f"{name} would have {count} elements and need {_gib(need)}; there are {_gib(memory())}")


def check_memory(network: Network, room: int) -> None:
    """Raise Fault at the largest family of a network whose steady state needs more than ``room`` bytes."""
    devices = {family.name: _devices(family) for family in network.families}
    jacobian = jacobian_size(network)
    if sum(devices.values()) + jacobian <= room:
        return
    largest = max(network.families, key=lambda family: devices[family.name])
    message = (
        f"one steady state of this network needs {_gib(sum(devices.values()) + jacobian)} of memory, "
        f"and this machine has {_gib(room)}"
    )
    parts = f"the devices {_gib(sum(devices.values()))}, the Jacobian of the floating reservoirs {_gib(jacobian)}"
    count = f"{largest.name} alone has {math.prod(largest.shape)} devices"
    raise fault(largest.span, message, f"{parts}; {count}")


def _gib(size: int) -> str:
    return f"{size / 2**30:.3g} GiB"


def _devices(family: Family) -> int:
    """Return bytes of a family: indices, potentials, parameters, currents and their derivatives of each device."""
    terminals = len(family.ports)
    return _NUMBER * math.prod(family.shape) * (2 * terminals + len(family.slots) + 2 * terminals)


def jacobian_size(network: Network) -> int:
    """Return bytes of the Jacobian: whole blocks between groups of reservoirs, or its entries where these are few."""
    sizes = {group.name: math.prod(group.shape) for group in network.floating}
    blocks, entries = set(), sum(sizes.values())
    for family in network.families:
        for row, column in _coupled(family, sizes):
            blocks.add((row.reservoir, column.reservoir))
            entries += math.prod(family.shape)
    whole = sum(sizes[row] * sizes[column] for row, column in blocks)
    return _NUMBER * (whole if entries >= FULL * whole else 2 * entries)


def _coupled(family: Family, floating: dict[str, int]) -> Iterator[tuple[Port, Port]]:
    """Yield the terminals of which the current into the first depends on the potential of the second, another one."""
    gates = {terminal.name for terminal in family.kind.terminals if terminal.role == "gate"}
    ports = [port for port in family.ports if port.reservoir in floating]
    for row in ports:
        for column in ports:
            if row.terminal not in gates and row is not column:
                yield row, column
