"""What a solver is given: the functions that a backend made from a model, and their structure.

Shapes: ``batch`` samples, ``n`` floating reservoirs, ``m`` held ones (inputs and fixed). Potentials are dimensionless
(mu/kT, ln(c/1 M)), currents in particles per second, positive into a reservoir. All functions take complex potentials
too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Parameters = Mapping[str, Array]
Blocks = dict[tuple[int, int], Array]
Jacobian = Blocks | Array


@dataclass(frozen=True, eq=False)
class Structure:
    """Names, groups and sparsity of a network's equations.

    Group g is the reservoirs ``slices[g]`` of the state vector. ``blocks`` names every block (row group, column group)
    of the Jacobian that is not identically zero: ``diagonal`` (batch, size) or ``dense`` (batch, rows, columns); all
    (g, g) are among them. ``order`` is an elimination order over the groups with little fill. A network whose blocks
    would be nearly empty has a ``pattern`` instead: the row of each entry and, for each column, where its entries begin
    (n + 1 numbers); the diagonal is in it. ``iterated``: no order keeps it sparse, systems are solved by iteration.
    ``conserved`` (laws, n) are integer weights w with sum(w * content) conserved, ``conserved_names`` their names.
    ``unique`` says how uniqueness of the steady state is proved, or is empty; ``bounded``: whether `Functions.monotone`
    can prove it between two bounds of all potentials.
    """

    reservoirs: tuple[str, ...]
    held: tuple[str, ...]
    groups: tuple[str, ...]
    slices: tuple[slice, ...]
    blocks: Mapping[tuple[int, int], Literal["diagonal", "dense"]]
    order: tuple[int, ...]
    conserved: NDArray[np.int64]
    conserved_names: tuple[str, ...]
    unique: str
    pattern: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    iterated: bool = False
    bounded: bool = False


class Functions(Protocol):
    """The functions of one compiled network; ``u`` is (batch, n), ``held`` (batch, m).

    They may have more: ``newton`` and ``newtonian`` (Newton's method of their own, and whether it is for some prepared
    parameters), and ``single_first``: whether with some prepared parameters it had better begin in 32 bits.
    """

    @property
    def structure(self) -> Structure:
        """Names and sparsity."""
        ...

    def currents(self, u: Array, held: Array, parameters: Parameters) -> Array:
        """Net current into every floating reservoir, (batch, n), in 1/s: dn/dt."""
        ...

    def gross(self, u: Array, held: Array, parameters: Parameters) -> Array:
        """Sum of the absolute values of all terms of `currents`, (batch, n): the scale of a residual."""
        ...

    def linearise(self, u: Array, held: Array, parameters: Parameters) -> tuple[Array, Jacobian]:
        """`currents` and their derivative with respect to ``u``: by blocks, or (batch, entries) of the pattern."""
        ...

    def content(self, u: Array, parameters: Parameters) -> Array:
        """Particles n(u) in every floating reservoir, (batch, n)."""
        ...

    def capacity(self, u: Array, parameters: Parameters) -> Array:
        """dn/du of every floating reservoir, (batch, n), positive."""
        ...

    def monotone(self, low: Array, high: Array, held: Array, parameters: Parameters) -> Array:
        """Whether between ``low`` and ``high`` (batch, n) all differential conductances are proved positive, (batch,).

        Of floating terminals: what held ones would do matters to nobody.
        """
        ...
