"""The Network: what a model means, with every name resolved and every number in the coherent system of `units.Units`.

Nothing here is filled in later: the network stage builds these values once and later stages only read them.
Expressions are sympy expressions made of the symbols that the values name; no text of a user ever reaches sympy's
parser.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.errors import Mistake, Source, Span
from crncompile.units import Dimension, Units

Content = Literal["charge", "molecules"]
Role = Literal["source", "target", "gate"]

# Placeholders in the forward rate of a law: the affinity of the step in kT, and the product of its reactants'
# concentrations (each to its stoichiometric coefficient; the state that a transition leaves is not among them).
AFFINITY = sympy.Symbol("affinity", real=True)
REACTANTS = sympy.Symbol("reactants", positive=True)

# --- devices ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Terminal:
    """A terminal of a device: its symbol is the potential mu in kT (charge) or the concentration in M (molecules)."""

    name: str
    content: Content
    role: Role
    symbol: sympy.Symbol


@dataclass(frozen=True)
class DeviceParameter:
    """A parameter of a device, with bounds in the coherent system; ``open_lower`` for ``> lower``."""

    name: str
    symbol: sympy.Symbol
    dimension: Dimension
    lower: float
    upper: float
    open_lower: bool
    default: sympy.Expr | None
    span: Span


@dataclass(frozen=True)
class State:
    """An internal state; energy in kT (may contain lever arms times terminals of charge), degeneracy positive."""

    name: str
    energy: sympy.Expr
    degeneracy: sympy.Expr


@dataclass(frozen=True)
class Step:
    """A transition between states (or, with no states, a chemical reaction).

    ``net[t]`` is what one forward turn gives to terminal t (negative: takes), in the order of the device's terminals;
    ``reactants[t]`` and ``products[t]`` are the stoichiometric coefficients on the left and on the right.
    ``forward`` is the forward rate with AFFINITY or REACTANTS in it; ``K_eq`` in powers of M, ``None`` where the
    states' energies give the equilibrium or the step is irreversible.
    """

    name: str
    origin: str | None
    destination: str | None
    reactants: tuple[int, ...]
    products: tuple[int, ...]
    forward: sympy.Expr
    K_eq: sympy.Expr | None
    reversible: bool
    law: str
    span: Span

    @property
    def ends(self) -> tuple[str, str]:
        """Origin and destination of a transition; a reaction has none."""
        assert self.origin is not None
        assert self.destination is not None
        return self.origin, self.destination

    @property
    def net(self) -> tuple[int, ...]:
        """What one forward turn gives to each terminal."""
        return tuple(p - r for r, p in zip(self.reactants, self.products, strict=True))


@dataclass(frozen=True)
class DeviceKind:
    """A device (or the pattern of a reaction), resolved and dimensionally checked.

    Either ``states`` and ``steps``, or one step and no states (a reaction), or ``current``: a closed form, positive
    along the arrow, in 1/s (charge) or M/s (molecules); its equilibrium constant is the parameter ``K_eq`` where there
    is one. ``lets`` are in an order in which each uses only earlier ones. ``amount`` is True where currents are in M/s
    and become 1/s through N_A times the volume.
    """

    name: str
    text: str
    terminals: tuple[Terminal, ...]
    parameters: tuple[DeviceParameter, ...]
    lets: tuple[tuple[sympy.Symbol, sympy.Expr], ...]
    population: sympy.Expr
    states: tuple[State, ...]
    steps: tuple[Step, ...]
    current: sympy.Expr | None
    amount: bool
    counterpart: str | None
    span: Span


# --- arrays and how they are read
# --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """An index and its range, both ends included."""

    name: str
    lower: int
    upper: int

    @property
    def size(self) -> int:
        """Number of values."""
        return self.upper - self.lower + 1


@dataclass(frozen=True, eq=False)
class Place:
    """How an owner (a family of devices, a readout) reads an array (of reservoirs, of a parameter).

    Either ``axes``: axis k of the array is axis ``axes[k]`` of the owner, whole and in order (a scalar has none); or
    ``index``: for every element of the owner (same shape as the owner) the flat index into the array.
    """

    axes: tuple[int, ...] | None
    index: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Access:
    """In an owner's expression ``symbol`` stands for ``name`` (a parameter or a group) read at ``place``."""

    symbol: sympy.Symbol
    name: str
    place: Place


@dataclass(frozen=True)
class Slot:
    """A value of an owner as an expression of parameters; a plain literal is a parameter of its own."""

    expression: sympy.Expr
    accesses: tuple[Access, ...]
    dimension: Dimension


# --- parameters, reservoirs, families, readouts
# -------------------------------------------------------------------------


@dataclass(frozen=True)
class Distribution:
    """constant(value), normal(mean, sigma), lognormal(median, sigma of ln), uniform(a, b) or loguniform(a, b).

    A constant that differs from element to element has no arguments but ``values``, of the parameter's shape.
    """

    name: Literal["constant", "normal", "lognormal", "uniform", "loguniform"]
    arguments: tuple[float, ...]
    values: NDArray[np.float64] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Tolerance:
    """How far a lab misses a value: absolute in the coherent system, or relative."""

    value: float
    relative: bool


@dataclass(frozen=True)
class Parameter:
    """An array of numbers that a lab sets: ``gain``, ``a.level``, ``h.capacitance``; trained or not.

    ``unit`` is the unit token as the user wrote it (empty for a number); bounds are in the coherent system.
    """

    name: str
    axes: tuple[Axis, ...]
    shape: tuple[int, ...]
    dimension: Dimension
    unit: str
    distribution: Distribution
    lower: float
    upper: float
    trained: bool
    tolerance: Tolerance | None
    span: Span


@dataclass(frozen=True)
class InputCoding:
    """Raw ``data`` meet ``range`` (mu in kT, or c in M): ``linear``, ``log`` or ``dual`` (last axis: value, mirror)."""

    range: tuple[float, float]
    unit: str
    data: tuple[float, float] | None
    encoding: Literal["linear", "log", "dual"]


@dataclass(frozen=True)
class Reservoir:
    """A group of reservoirs ``name[axes]``.

    ``capacity`` is the capacitance (charge) or the volume (molecules) of a floating or output reservoir; ``start`` its
    initial mu or c; ``at`` the potential or concentration at which a fixed one is held.
    """

    name: str
    axes: tuple[Axis, ...]
    kind: Literal["input", "fixed", "floating", "output"]
    content: Content
    capacity: Slot | None
    start: Slot | None
    at: Slot | None
    coding: InputCoding | None
    span: Span

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return tuple(axis.size for axis in self.axes)

    @property
    def held(self) -> bool:
        """Whether its potential is imposed from outside."""
        return self.kind in ("input", "fixed")

    def labels(self) -> list[str]:
        """Names of all elements in C order: ``h[1]``, ``h[2]``, ..."""
        return element_labels(self.name, self.axes)


def element_labels(name: str, axes: tuple[Axis, ...]) -> list[str]:
    """Names of the elements of an array in C order: ``w[1, 2]``."""
    labels = [""]
    for axis in axes:
        labels = [f"{head}, {i}" if head else str(i) for head in labels for i in range(axis.lower, axis.upper + 1)]
    return [f"{name}[{label}]" if label else name for label in labels]


@dataclass(frozen=True)
class Port:
    """Where a terminal of a family's devices is connected."""

    terminal: str
    reservoir: str
    place: Place


@dataclass(frozen=True)
class Family:
    """All devices of one statement: one kind, an array of them of shape ``shape``.

    ``shape`` is the sizes of ``axes``; a filtered or irregular family is a list, shape (devices,), and every port of
    it but scalars is an index. ``labels_at`` gives, for a list, the values of the indices of each device, shape
    (devices, axes).
    """

    name: str
    keyword: Literal["dot", "enzyme", "reaction"]
    kind: DeviceKind
    axes: tuple[Axis, ...]
    shape: tuple[int, ...]
    ports: tuple[Port, ...]
    slots: Mapping[str, Slot]
    volume: Slot | None
    span: Span
    labels_at: NDArray[np.int64] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Readout:
    """``readout`` or ``classify``: one number for each element of ``axes``, from reservoirs and parameters."""

    name: str
    keyword: Literal["readout", "classify"]
    axes: tuple[Axis, ...]
    expression: sympy.Expr
    parameters: tuple[Access, ...]
    reservoirs: tuple[Access, ...]
    span: Span

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return tuple(axis.size for axis in self.axes)


@dataclass(frozen=True)
class Training:
    """The model's own settings for training: ``training = adam(rate = 0.02, epochs = 30)``.

    ``span`` is the place of the name, ``spans`` are those of the settings.
    """

    name: str
    settings: Mapping[str, float | str]
    span: Span
    spans: Mapping[str, Span]


@dataclass(frozen=True)
class Network:
    """A checked model; ``used`` names the files that it uses.

    ``derived`` has the names of parameters that follow from others, and of these others.
    """

    name: str
    title: str
    units: Units
    reservoirs: tuple[Reservoir, ...]
    families: tuple[Family, ...]
    parameters: tuple[Parameter, ...]
    readouts: tuple[Readout, ...]
    training: Training | None
    warnings: tuple[Mistake, ...]
    source: Source
    used: tuple[str, ...] = ()
    derived: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def reservoir(self, name: str) -> Reservoir:
        """Return the group of this name."""
        return self._groups[name]

    @cached_property
    def _groups(self) -> Mapping[str, Reservoir]:
        return {group.name: group for group in self.reservoirs}

    @cached_property
    def offsets(self) -> Mapping[str, int]:
        """The number, among all reservoirs in the order of the text, of the first one of each group."""
        sizes = [math.prod(group.shape) for group in self.reservoirs]
        return dict(zip(self._groups, itertools.accumulate(sizes, initial=0), strict=False))

    @cached_property
    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each parameter."""
        return {parameter.name: parameter.shape for parameter in self.parameters}

    @property
    def floating(self) -> tuple[Reservoir, ...]:
        """The groups whose potentials the network finds: floating ones and outputs, in the order of the text."""
        return tuple(group for group in self.reservoirs if not group.held)

    @property
    def held(self) -> tuple[Reservoir, ...]:
        """The groups held from outside: inputs and fixed ones, in the order of the text."""
        return tuple(group for group in self.reservoirs if group.held)
