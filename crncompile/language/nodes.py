"""The nodes of a parsed model: frozen, named as the grammar's rules, each with its span.

Expressions are numbers with their unit as written, references, calls and operations; nothing is evaluated here.
"""

from __future__ import annotations

from dataclasses import dataclass

from crncompile.errors import Source, Span

# --- expressions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quantity:
    """A number as written, with its unit token (``None`` for a bare number): ``10 uM^-1/s``."""

    number: str
    unit: str | None
    span: Span
    unit_span: Span | None = None


@dataclass(frozen=True)
class Reference:
    """A name, perhaps indexed: ``h[j + 1]``."""

    name: str
    indices: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True)
class Call:
    """A function of expressions: ``exp(x)``; also a distribution: ``normal(0 kT, 1 kT)``."""

    function: str
    arguments: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True)
class Operation:
    """``+ - * / ^`` of two operands; ``-`` of one."""

    operator: str
    operands: tuple[Expression, ...]
    span: Span


Expression = Quantity | Reference | Call | Operation

# --- values and settings ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """``[lower, upper]``."""

    lower: Expression
    upper: Expression
    span: Span


@dataclass(frozen=True)
class Train:
    """``train DISTRIBUTION [in [a, b]]``; a plain expression as distribution is a constant start."""

    distribution: Expression
    interval: Interval | None
    span: Span


@dataclass(frozen=True)
class Value:
    """What stands behind ``=`` in a setting or a parameter, with its tolerance."""

    content: Expression | Interval | Train
    tolerance: Expression | None
    span: Span


@dataclass(frozen=True)
class Setting:
    """``name = value`` inside a kind's parentheses."""

    name: str
    value: Value
    span: Span
    name_span: Span


@dataclass(frozen=True)
class Kind:
    """``kind(name = value, ...)``."""

    name: str
    settings: tuple[Setting, ...]
    span: Span
    name_span: Span


# --- targets, wiring and steps ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Range:
    """``lower..upper``, both included."""

    lower: Expression
    upper: Expression
    span: Span


@dataclass(frozen=True)
class Binder:
    """An index that a target binds: ``j`` (``domain`` is ``None``: declared), ``j in 1..16``, ``e in edges``."""

    name: str
    domain: Range | Reference | None
    span: Span


@dataclass(frozen=True)
class Comparison:
    """``left < right`` and the like; operator is ``<``, ``<=``, ``>``, ``>=``, ``!=`` or ``==``."""

    left: Expression
    operator: str
    right: Expression
    span: Span


@dataclass(frozen=True)
class Condition:
    """What stands behind ``where``: comparisons that all hold; a chain ``a < b < c`` is two of them."""

    comparisons: tuple[Comparison, ...]
    span: Span


@dataclass(frozen=True)
class Target:
    """A declared name with its binders and filter: ``a[i, j where i < j]``."""

    name: str
    binders: tuple[Binder, ...]
    condition: Condition | None
    span: Span
    name_span: Span


@dataclass(frozen=True)
class Wiring:
    """``sources -> targets [gate gates]``; positive current flows along the arrow."""

    sources: tuple[Reference, ...]
    targets: tuple[Reference, ...]
    gates: tuple[Reference, ...]
    span: Span


@dataclass(frozen=True)
class Term:
    """``2 X`` on one side of a step; ``coefficient`` is its number as written (``"1"`` when absent)."""

    coefficient: str
    reference: Reference
    span: Span


@dataclass(frozen=True)
class Step:
    """``terms <-> terms`` (reversible) or ``terms => terms``."""

    left: tuple[Term, ...]
    right: tuple[Term, ...]
    reversible: bool
    span: Span


# --- statements -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Version:
    """``tnet 1``."""

    number: str
    span: Span


@dataclass(frozen=True)
class Network:
    """``network NAME "title"``."""

    name: str
    title: str
    span: Span


@dataclass(frozen=True)
class Temperature:
    """``temperature 100 mK``."""

    value: Expression
    span: Span


@dataclass(frozen=True)
class Volume:
    """``volume 1 nL``."""

    value: Expression
    span: Span


@dataclass(frozen=True)
class Use:
    """``use "file.tnet"``."""

    path: str
    span: Span
    path_span: Span


@dataclass(frozen=True)
class Index:
    """``index j = 1..16``."""

    name: str
    range: Range
    span: Span
    name_span: Span


@dataclass(frozen=True)
class Table:
    """``table edges = "file.csv"``."""

    name: str
    path: str
    span: Span
    name_span: Span
    path_span: Span


@dataclass(frozen=True)
class Parameter:
    """``parameter p[j] = value``."""

    target: Target
    value: Value
    span: Span


@dataclass(frozen=True)
class Reservoir:
    """``reservoir h[j] = floating(...)``."""

    target: Target
    kind: Kind
    span: Span


@dataclass(frozen=True)
class Placement:
    """``dot`` or ``enzyme`` (``keyword``): a device placed between reservoirs."""

    keyword: str
    target: Target
    wiring: Wiring
    kind: Kind
    span: Span


@dataclass(frozen=True)
class Reaction:
    """``reaction leak[j]: h[j] <-> waste = mass_action(...)``."""

    target: Target
    step: Step
    kind: Kind
    span: Span


@dataclass(frozen=True)
class Readout:
    """``readout`` or ``classify`` (``keyword``): what the measuring electronics make of the potentials."""

    keyword: str
    target: Target
    expression: Expression
    span: Span


@dataclass(frozen=True)
class Training:
    """``training = adam(rate = 0.02, ...)``."""

    kind: Kind
    span: Span


@dataclass(frozen=True)
class Law:
    """``law NAME(parameters) = forward rate``."""

    name: str
    parameters: tuple[str, ...]
    expression: Expression
    span: Span
    name_span: Span


# --- a device and its items -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Terminal:
    """``terminal S, P: molecules``."""

    names: tuple[str, ...]
    content: str
    span: Span
    name_spans: tuple[Span, ...]


@dataclass(frozen=True)
class Bound:
    """``> a`` and ``>= a`` (``upper`` is ``None``) or ``in [a, b]`` (operator ``in``)."""

    operator: str
    lower: Expression
    upper: Expression | None
    span: Span


@dataclass(frozen=True)
class Declaration:
    """``parameter K_S, K_R: concentration > 0 = 1 mM`` inside a device."""

    names: tuple[str, ...]
    dimension: str
    bound: Bound | None
    default: Expression | None
    span: Span
    name_spans: tuple[Span, ...]
    dimension_span: Span


@dataclass(frozen=True)
class Counterpart:
    """``counterpart NAME``: the monotone twin of a device with NDC."""

    name: str
    span: Span


@dataclass(frozen=True)
class Let:
    """``let name = expression`` inside a device."""

    name: str
    expression: Expression
    span: Span
    name_span: Span


@dataclass(frozen=True)
class Population:
    """``population expression``: how many copies of the device there are (an enzyme's total concentration)."""

    expression: Expression
    span: Span


@dataclass(frozen=True)
class State:
    """``state NAME [energy expression] [degeneracy expression]``."""

    name: str
    energy: Expression | None
    degeneracy: Expression | None
    span: Span
    name_span: Span


@dataclass(frozen=True)
class Transition:
    """``transition NAME: step = law(...)`` inside a device."""

    name: str
    step: Step
    kind: Kind
    span: Span
    name_span: Span


@dataclass(frozen=True)
class Current:
    """``current NAME = expression``: a closed-form current along the device's arrow."""

    name: str
    expression: Expression
    span: Span


Item = Terminal | Declaration | Counterpart | Let | Population | State | Transition | Current


@dataclass(frozen=True)
class Device:
    """``device NAME: terminals -> terminals [gate ...] { "text" items }``."""

    name: str
    wiring: Wiring
    text: str
    items: tuple[Item, ...]
    span: Span
    name_span: Span


# --- circuits ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """``circuit first: x -> h = dense(...)``: a circuit placed between reservoirs."""

    target: Target
    wiring: Wiring
    kind: Kind
    span: Span


@dataclass(frozen=True)
class Circuit:
    """``circuit NAME: x[i] -> h[j] { "text" statements }``."""

    name: str
    wiring: Wiring
    text: str
    statements: tuple[Statement, ...]
    span: Span
    name_span: Span


Statement = (
    Version
    | Network
    | Temperature
    | Volume
    | Use
    | Index
    | Table
    | Parameter
    | Reservoir
    | Placement
    | Reaction
    | Readout
    | Training
    | Law
    | Device
    | Part
    | Circuit
)


@dataclass(frozen=True)
class Model:
    """A whole file: its statements in the order of the text, and the files that it uses, each behind those it uses."""

    statements: tuple[Statement, ...]
    source: Source
    used: tuple[Model, ...] = ()
