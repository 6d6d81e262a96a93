"""The pattern of a sparse Jacobian, where blocks would be nearly empty: chains, lattices, random graphs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from crncompile.network.memory import FULL
from crncompile.program.types import Contribution, FamilyCode, GroupCode, Pattern, Read

_FEW = 2_000_000
"""Multiplications of an elimination by blocks (about a millisecond) below which a sparse one does not pay."""
_ENVELOPE = 20_000_000_000
"""Multiplications of a factorisation within the envelope (Cuthill and McKee 1969) above which systems are iterated."""


def pays(groups: Sequence[GroupCode], families: Iterable[FamilyCode], work: int) -> bool:
    """Whether a sparse factorisation beats an elimination by blocks that takes ``work`` multiplications."""
    size = [group.stop - group.start for group in groups]
    terms = [(family, term) for family in families for term in family.contributions]
    entries = sum(size) + sum(int(np.prod(family.shape, dtype=np.int64)) for family, _ in terms)
    blocks = {term.block for _, term in terms if term.mode != "diagonal"}
    return work > _FEW and entries < FULL * sum(size[row] * size[column] for row, column in blocks)


def entangled(pattern: Pattern) -> bool:
    """Whether no order of elimination is known that keeps a matrix sparse, as for random graphs of many reservoirs.

    The work within the envelope bounds that of a good ordering from above; a lattice of 300 x 300 stays below.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    size = len(pattern.ends) - 1
    columns = np.repeat(np.arange(size), np.diff(pattern.ends))
    ones = np.ones(len(columns), np.int8)
    graph = csr_array((ones, (pattern.rows, columns)), (size, size)) + csr_array(
        (ones, (columns, pattern.rows)), (size, size)
    )
    place = np.empty(size, np.int64)
    place[reverse_cuthill_mckee(graph, symmetric_mode=True)] = np.arange(size)
    width = np.zeros(size, np.int64)
    np.maximum.at(width, place[pattern.rows], place[pattern.rows] - place[columns])
    np.maximum.at(width, place[columns], place[columns] - place[pattern.rows])
    return float((width.astype(float) ** 2).sum()) > _ENVELOPE


def sparse(groups: Sequence[GroupCode], families: Sequence[FamilyCode]) -> tuple[Pattern, list[FamilyCode]]:
    """Return the pattern of the Jacobian, and the families with the places of their terms among its entries."""
    size = groups[-1].stop if groups else 0
    starts = {group.name: group for group in groups}
    keys = {family.name: [_keys(family, term, starts, size) for term in family.contributions] for family in families}
    own = np.arange(size, dtype=np.int64) * (size + 1)
    pattern = np.unique(np.concatenate([own, *(key for terms in keys.values() for key in terms)]))
    columns, rows = np.divmod(pattern, max(1, size))
    placed = [
        replace(family, entries=tuple(np.searchsorted(pattern, key) for key in keys[family.name]))
        for family in families
    ]
    found = Pattern(rows, np.searchsorted(columns, np.arange(size + 1)))
    return replace(found, iterated=entangled(found)), placed


def _keys(family: FamilyCode, term: Contribution, groups: Mapping[str, GroupCode], size: int) -> NDArray[np.int64]:
    """Return column * size + row of a term's entry, for each device."""
    row, column = (_reservoirs(family.ports[port], family, groups) for port in (term.row, term.column))
    return column * size + row


def _reservoirs(port: Read, family: FamilyCode, groups: Mapping[str, GroupCode]) -> NDArray[np.int64]:
    """Return the place in the state vector of the reservoir at a port, for each device."""
    group = groups[port.name]
    if port.view.index is not None:
        return group.start + np.asarray(port.view.index).ravel()
    axes = port.view.axes or ()
    flat = np.arange(group.start, group.stop, dtype=np.int64).reshape(group.shape).transpose(np.argsort(axes))
    spread = flat.reshape([family.shape[a] if a in axes else 1 for a in range(len(family.shape))])
    return np.broadcast_to(spread, family.shape).ravel()
