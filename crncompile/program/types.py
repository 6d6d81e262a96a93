"""The Program: arithmetic only. What a backend needs to write functions, and nothing else.

Expressions are sympy expressions of +, *, powers, exp, log, sqrt, tanh, sinh, cosh and abs over the symbols of their
routine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import sympy
from numpy.typing import NDArray


@dataclass(frozen=True)
class Routine:
    """Straight-line code: ``arguments`` in, ``assignments`` in order, ``outputs`` out; ``names`` names the outputs."""

    arguments: tuple[sympy.Symbol, ...]
    assignments: tuple[tuple[sympy.Symbol, sympy.Expr], ...]
    outputs: tuple[sympy.Expr, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Kernel:
    """The law of one device kind (or readout) as code.

    ``value`` gives the fluxes, ``gross`` the sums of the absolute values of their terms, ``slopes`` the fluxes and
    then the derivatives named in ``slope_of`` (flux, terminal), ``pull`` the derivatives of sum(weight * flux) with
    respect to the parameters and the terminals named in ``pulled``. ``margin``, where there is one, takes all
    terminals at their low values, at their high ones, and the parameters: see `symbolic.margins.Margins`.
    """

    name: str
    text: str
    terminals: tuple[sympy.Symbol, ...]
    parameters: tuple[sympy.Symbol, ...]
    value: Routine
    gross: Routine
    slopes: Routine
    slope_of: tuple[tuple[int, int], ...]
    pull: Routine
    pulled: tuple[str, ...]
    margin: Routine | None = None

    @property
    def flux_names(self) -> tuple[str, ...]:
        """Names of the fluxes."""
        return self.value.names

    @property
    def slope_names(self) -> tuple[str, ...]:
        """Names of the fluxes and of their derivatives."""
        return self.slopes.names

    @property
    def pull_names(self) -> tuple[str, ...]:
        """Names of the derivatives of the weighted fluxes."""
        return self.pull.names


@dataclass(frozen=True, eq=False)
class Elimination:
    """How a Markov process is solved: its states eliminated one by one, in the order of ``pivots``, but the ``root``.

    A *slot* holds the rate of all jumps from one state to another that change the fluxes alike. ``fill`` (n, 2): slot,
    and number of a rate that is in it from the start. ``pivots`` (states - 1, 4): state, and how many rows of the next
    three belong to it. ``outward`` (n,): slots that lead from the state to those left. ``inward`` (n, 2): slots that
    lead into it, and where they come from. ``products`` (n, 3): slot that grows by the rate of an inward slot times the
    share of an outward one. ``loops`` (n, 2): slot, and the state that it starts from; one passage of it adds
    ``turns`` (fluxes, n) to the fluxes.
    """

    states: int
    slots: int
    rates: int
    root: int
    fill: NDArray[np.int64]
    pivots: NDArray[np.int64]
    outward: NDArray[np.int64]
    inward: NDArray[np.int64]
    products: NDArray[np.int64]
    loops: NDArray[np.int64]
    turns: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SolvedKernel:
    """The law of a device kind whose fluxes are solved for when it runs, in place of a formula.

    ``rates`` is the kernel of the rates of its jumps (in the order of ``plan.fill``) and, last, of the amount that
    multiplies the fluxes. Everything else is as in `Kernel`.
    """

    name: str
    text: str
    rates: Kernel
    plan: Elimination
    flux_names: tuple[str, ...]
    slope_of: tuple[tuple[int, int], ...]

    @property
    def terminals(self) -> tuple[sympy.Symbol, ...]:
        """Symbols of the terminals."""
        return self.rates.terminals

    @property
    def parameters(self) -> tuple[sympy.Symbol, ...]:
        """Symbols of the parameters."""
        return self.rates.parameters

    @property
    def pulled(self) -> tuple[str, ...]:
        """What the derivatives of the weighted fluxes are by."""
        return self.rates.pulled

    @property
    def slope_names(self) -> tuple[str, ...]:
        """Names of the fluxes and of their derivatives."""
        return self.flux_names + tuple(f"{self.flux_names[f]}_{self.terminals[t].name}" for f, t in self.slope_of)

    @property
    def pull_names(self) -> tuple[str, ...]:
        """Names of the derivatives of the weighted fluxes."""
        return self.rates.pull.names


@dataclass(frozen=True, eq=False)
class View:
    """How an owner reads an array: by whole ``axes`` of its own, or by a flat ``index`` of the owner's shape."""

    axes: tuple[int, ...] | None
    index: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Read:
    """``symbol`` stands for the array ``name`` read through ``view``."""

    symbol: sympy.Symbol
    name: str
    view: View


@dataclass(frozen=True)
class SlotCode:
    """A value of an owner: an expression of parameters."""

    expression: sympy.Expr
    reads: tuple[Read, ...]


@dataclass(frozen=True)
class Contribution:
    """A term of the Jacobian: ``factor`` times the derivative number ``slope`` of a family goes to ``block``.

    ``diagonal``: summed onto the reservoirs of terminal ``row``; ``outer``: rows and columns run over different axes
    of the family; ``scatter``: element by element.
    """

    block: tuple[int, int]
    row: int
    column: int
    slope: int
    factor: int
    mode: Literal["diagonal", "outer", "scatter"]


@dataclass(frozen=True, eq=False)
class Pattern:
    """The entries of a sparse matrix by columns: the row of each, and (n + 1,) where each column's entries begin.

    ``iterated``: its factors would be full, so that systems with it are solved by iteration.
    """

    rows: NDArray[np.int64]
    ends: NDArray[np.int64]
    iterated: bool = False


@dataclass(frozen=True)
class GroupCode:
    """A group of reservoirs and its place in the vector of floating (or of held) potentials."""

    name: str
    shape: tuple[int, ...]
    start: int
    stop: int
    content: Literal["charge", "molecules"]
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Split:
    """A family's only flux as factor * sum_k left_k * right_k, its axes cut into ``rows`` and ``columns``.

    ``factor`` is the kernel of the factor of each device, from parameters alone; ``left`` and ``right`` have one flux
    for each k, from terminals and parameters that run over the rows (or no axis), or over the columns. The parameters
    ``shared`` stand in these: given with more than their own shape, they make the split invalid.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    factor: Kernel
    left: Kernel
    right: Kernel
    shared: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Coupled:
    """A family's only flux as factor * coupling, its axes cut into ``rows`` and ``columns``.

    ``factor`` is the kernel of the factor of each device, from parameters alone; ``coupling`` that of a function of two
    terminals, one that runs over rows and one that runs over columns, and of parameters that all devices share. These
    are the parameters ``shared``: given with more than their own shape, they make the cut invalid.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    factor: Kernel
    coupling: Kernel
    shared: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class FamilyCode:
    """A family: its kernel called on views of groups; ``currents`` (terminal, flux, factor) go into floating groups.

    Where the Jacobian is sparse, ``entries`` has for each contribution the place of every device's term in the pattern.
    ``margins`` are the numbers of those of the kernel's margins that bear on floating reservoirs.
    ``tier`` says how it is best evaluated, ``cost`` why: operations a device by tier. One that is ``separable`` or of
    ``low rank`` has a ``split``; a backend that has no use for it evaluates the kernel.
    """

    name: str
    text: str
    kernel: str
    shape: tuple[int, ...]
    ports: tuple[Read, ...]
    slots: tuple[SlotCode, ...]
    currents: tuple[tuple[int, int, int], ...]
    contributions: tuple[Contribution, ...]
    tier: str
    entries: tuple[NDArray[np.int64], ...] = ()
    margins: tuple[int, ...] = ()
    split: Split | Coupled | None = None
    cost: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ParameterCode:
    """A parameter: default shape, unit token and the factor from that unit to the coherent system."""

    name: str
    shape: tuple[int, ...]
    unit: str
    factor: float
    trained: bool


@dataclass(frozen=True)
class HeldCode:
    """How a held group gets its potential: ``at`` (fixed) or from outside (an input, ``None``)."""

    group: GroupCode
    at: SlotCode | None


@dataclass(frozen=True, eq=False)
class Program:
    """One network as code to be written.

    ``blocks``, ``order``, ``pattern``, ``bounded`` and ``conserved`` are those of `solve.problem.Structure`;
    without a ``pattern`` the Jacobian is by blocks.
    """

    name: str
    title: str
    temperature: float
    groups: tuple[GroupCode, ...]
    held: tuple[HeldCode, ...]
    capacities: tuple[SlotCode, ...]
    starts: tuple[SlotCode, ...]
    kernels: tuple[Kernel | SolvedKernel, ...]
    families: tuple[FamilyCode, ...]
    readouts: tuple[FamilyCode, ...]
    parameters: tuple[ParameterCode, ...]
    blocks: Mapping[tuple[int, int], Literal["diagonal", "dense"]]
    order: tuple[int, ...]
    pattern: Pattern | None
    conserved: NDArray[np.int64]
    conserved_names: tuple[str, ...]
    unique: str
    bounded: bool = False
