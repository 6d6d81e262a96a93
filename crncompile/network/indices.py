"""Index sets: axes of declared arrays, filters, and where an owner's elements lie in other arrays.

Index expressions are whole numbers computed for all elements at once (numpy); no element is looped over.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import Span, did_you_mean
from crncompile.language import nodes
from crncompile.network.expressions import REMAINDER, exact, unparse
from crncompile.network.memory import check_listing
from crncompile.network.report import Fault, each, fault, shown
from crncompile.network.tables import Table
from crncompile.network.types import Axis, Place

#: Indices of one array or family.
MOST_INDICES = 16
#: Values of one index.
LARGEST_AXIS = 10_000_000
#: Elements of all arrays and families of a model.
LARGEST_ARRAY = 50_000_000
#: A device's indices, potentials, parameters, currents and derivatives take about as many.
_BYTES = 100
_LARGEST_WHOLE = 2**53

Indices = Mapping[str, Axis | None]
Tables = Mapping[str, Table | None]


@dataclass(frozen=True, eq=False)
class Frame:
    """The elements of an owner: all of ``axes``; or, for a list, ``rows`` of index values, shape (elements, axes).

    ``tables`` are those whose rows an index counts, by the name of the index.
    """

    axes: tuple[Axis, ...]
    rows: NDArray[np.int64] | None = None
    tables: Mapping[str, Table] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of arrays with a value for each element."""
        return tuple(axis.size for axis in self.axes) if self.rows is None else (len(self.rows),)

    @property
    def parameter_axes(self) -> tuple[Axis, ...]:
        """Axes of a parameter that has a value for each element; the elements of a list are counted from 1."""
        return self.axes if self.rows is None else (Axis("device", 1, len(self.rows)),)

    @property
    def whole(self) -> Place:
        """Where such a parameter is read."""
        return Place(tuple(range(len(self.shape))))

    def values(self, position: int) -> NDArray[np.int64]:
        """Return the values of an index, broadcastable to ``shape``."""
        if self.rows is not None:
            return self.rows[:, position]
        axis = self.axes[position]
        shape = [1] * len(self.axes)
        shape[position] = axis.size
        return np.arange(axis.lower, axis.upper + 1, dtype=np.int64).reshape(shape)

    def listed(self) -> Frame:
        """Return the same elements as a list, in C order."""
        return self.selected(np.ones(self.shape, dtype=bool))

    def selected(self, mask: NDArray[np.bool_]) -> Frame:
        """Return the elements of a mask as a list."""
        offsets = np.array([axis.lower for axis in self.axes], dtype=np.int64)
        return replace(self, rows=np.argwhere(mask).astype(np.int64) + offsets)

    def names(self) -> list[str]:
        """Names of the indices."""
        return [axis.name for axis in self.axes]

    def row_of(self, index: str) -> NDArray[np.int64]:
        """Return the positions in its table, from 0, that an index stands for, broadcastable to ``shape``."""
        return self.values(self.names().index(index)) - 1

    def element(self, flat: int) -> str:
        """Return ``at i = 1, j = 3`` for an element by its flat index, or the line of a table that it comes from."""
        if self.tables:
            return f"in {self.origin(flat).strip(' ()')}"
        named = zip(self.names(), (self.values(k) for k in range(len(self.axes))), strict=True)
        return "at " + ", ".join(f"{name} = {np.broadcast_to(values, self.shape).flat[flat]}" for name, values in named)

    def origin(self, element: int) -> str:
        """Return `` (line 7 of edges.csv)`` for an element of a table's family, by its flat index; else nothing."""
        places = []
        for index, table in self.tables.items():
            row = int(np.broadcast_to(self.row_of(index), self.shape).flat[element]) + 1
            places.append(f"line {table.line(row)} of {table.source.name}")
        return f" ({', '.join(places)})" if places else ""


# --- whole numbers ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Whole:
    """Whole numbers for all elements, none beyond ``bound`` in size; computed only when no mistake was found."""

    values: Callable[[], NDArray[np.int64]]
    bound: int


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
}


def whole(expression: nodes.Expression, frame: Frame, indices: Indices) -> NDArray[np.int64]:
    """Return the values of an index expression for the elements of a frame, broadcastable to its shape."""
    return _whole(expression, frame, indices).values()


def _whole(expression: nodes.Expression, frame: Frame, indices: Indices) -> _Whole:
    match expression:
        case nodes.Quantity():
            return _literal(expression)
        case nodes.Reference(indices=()):
            return _index(expression, frame, indices)
        case nodes.Operation(operator="+" | "-" | "*"):
            return _arithmetic(expression, frame, indices)
        case nodes.Call() if expression.function == REMAINDER:
            return _remainder(expression, frame, indices)
    raise fault(expression.span, f"an index is made of whole numbers and indices with + - * and {REMAINDER}(a, b)")


def _literal(quantity: nodes.Quantity) -> _Whole:
    value = exact(quantity) if quantity.unit is None else None
    if value is None or value.denominator != 1:
        raise fault(quantity.span, f"{shown(quantity.span)} is not a whole number")
    if abs(value) > _LARGEST_WHOLE:
        raise fault(quantity.span, f"{shown(quantity.span)} is too large for an index")
    return _Whole(lambda: np.array(int(value), dtype=np.int64), abs(int(value)))


def _index(reference: nodes.Reference, frame: Frame, indices: Indices) -> _Whole:
    names, name = frame.names(), reference.name
    index, _, column = name.rpartition(".")
    if index in names:
        return _column_of(column, index, reference.span, frame)
    if name in names:
        axis = frame.axes[names.index(name)]
        return _Whole(lambda: frame.values(names.index(name)), max(abs(axis.lower), abs(axis.upper)))
    if name in indices:
        raise fault(
            reference.span, f"the index {name} is not bound here", f"bind it behind the declared name: ...[{name}]"
        )
    hint = did_you_mean(name, names) if names else "declare it: index " + name + " = 1..10"
    raise fault(reference.span, f"{name} is not an index here", hint)


def table_of(index: str, span: Span, frame: Frame) -> Table:
    """Return the table whose rows an index counts; raises Fault where it counts none."""
    if index not in frame.tables:
        raise fault(span, f"{index} is an index of whole numbers: it has no columns", f"bind it: {index} in edges")
    return frame.tables[index]


def _column_of(column: str, index: str, span: Span, frame: Frame) -> _Whole:
    values = table_of(index, span, frame).whole_numbers(column, span)
    return _Whole(lambda: values[frame.row_of(index)], int(np.abs(values).max()))


def _remainder(call: nodes.Call, frame: Frame, indices: Indices) -> _Whole:
    if len(call.arguments) != 2:
        raise fault(call.span, f"{REMAINDER} takes two whole numbers, not {len(call.arguments)}", "mod(j, 16) + 1")
    dividend, divisor = each(lambda part: _whole(part, frame, indices), call.arguments)

    def values() -> NDArray[np.int64]:
        by = divisor.values()
        if (by <= 0).any():
            raise fault(
                call.arguments[1].span, f"{REMAINDER} divides by {by[by <= 0].flat[0]}, which is not above zero"
            )
        return np.mod(dividend.values(), by)

    return _Whole(values, divisor.bound)


def _arithmetic(operation: nodes.Operation, frame: Frame, indices: Indices) -> _Whole:
    parts = each(lambda operand: _whole(operand, frame, indices), operation.operands)
    if len(parts) == 1:
        return _Whole(lambda: -parts[0].values(), parts[0].bound)
    left, right = parts
    bound = left.bound * right.bound if operation.operator == "*" else left.bound + right.bound
    if bound > _LARGEST_WHOLE:
        raise fault(operation.span, f"{shown(operation.span)} is too large for an index")
    return _Whole(lambda: _OPERATORS[operation.operator](left.values(), right.values()), bound)


# --- declared sets ----------------------------------------------------------------------------------------------------


def axis_of_range(name: str, domain: nodes.Range) -> Axis:
    """Return the axis of ``lower..upper``."""
    lower, upper = each(lambda end: int(whole(end, Frame(()), {})), (domain.lower, domain.upper))
    if lower > upper:
        raise fault(domain.span, f"{lower}..{upper} is empty", "the lower end stands first")
    if upper - lower + 1 > LARGEST_AXIS:
        raise fault(domain.span, f"{name} would have {upper - lower + 1} values; {LARGEST_AXIS} is the most")
    return Axis(name, lower, upper)


def frame_of(target: nodes.Target, indices: Indices, tables: Tables, before: int = 0) -> Frame:
    """Return the elements that a target declares, its filter applied; ``before`` are those declared already."""
    if len(target.binders) > MOST_INDICES:
        count = len(target.binders)
        raise fault(target.span, f"{target.name} would have {count} indices; {MOST_INDICES} is the most")
    axes = tuple(each(lambda binder: _bound_axis(binder, indices, tables), target.binders))
    names = [axis.name for axis in axes]
    for position, binder in enumerate(target.binders):
        if binder.name in names[:position]:
            raise fault(binder.span, f"the index {binder.name} is bound twice")
    size = math.prod(axis.size for axis in axes)
    if size + before > LARGEST_ARRAY:
        raise _too_many(target, size, before)
    counted = [(b.name, tables.get(b.domain.name)) for b in target.binders if isinstance(b.domain, nodes.Reference)]
    frame = Frame(axes, tables={name: table for name, table in counted if table is not None})
    return frame if target.condition is None else _filtered(target, target.condition, frame, indices)


def _bound_axis(binder: nodes.Binder, indices: Indices, tables: Tables) -> Axis:
    if isinstance(binder.domain, nodes.Range):
        return axis_of_range(binder.name, binder.domain)
    if binder.domain is not None:
        return _rows(binder.name, binder.domain, indices, tables)
    if binder.name in indices:
        axis = indices[binder.name]
        if axis is None:
            raise Fault
        return axis
    hint = did_you_mean(binder.name, indices) if indices else ""
    more = f"declare it: index {binder.name} = 1..10, or bind it here: {binder.name} in 1..10"
    raise fault(binder.span, f"{binder.name} is not an index", hint, more)


def _too_many(target: nodes.Target, size: int, before: int) -> Fault:
    message = f"{target.name} would have {size} elements and need about {_BYTES * size / 2**30:.3g} GiB"
    room = f"; {before} stand before it" if size <= LARGEST_ARRAY else ""
    return fault(target.span, f"{message}; a model may have {LARGEST_ARRAY} elements{room}")


def _rows(name: str, domain: nodes.Reference, indices: Indices, tables: Tables) -> Axis:
    """Return the axis that counts the rows of a table."""
    if domain.name not in tables:
        axis = indices.get(domain.name)
        hint = f"bind its range: {name} in {axis.lower}..{axis.upper}" if axis else did_you_mean(domain.name, tables)
        more = f'declare it: table {domain.name} = "{domain.name}.csv"' if domain.name not in indices else ""
        raise fault(domain.span, f"{domain.name} is not a table", hint, more)
    table = tables[domain.name]
    if table is None:
        raise Fault
    return Axis(name, 1, table.rows)


def _filtered(target: nodes.Target, condition: nodes.Condition, frame: Frame, indices: Indices) -> Frame:
    """Return the elements for which all comparisons hold."""
    sides = each(
        lambda comparison: each(lambda side: whole(side, frame, indices), (comparison.left, comparison.right)),
        condition.comparisons,
    )
    mask = np.ones(frame.shape, dtype=bool)
    for comparison, (left, right) in zip(condition.comparisons, sides, strict=True):
        mask &= _RELATIONS[comparison.operator](left, right)
    check_listing(target.span, target.name, int(np.count_nonzero(mask)), mask.ndim)
    chosen = frame.selected(mask)
    if chosen.rows is not None and len(chosen.rows) == 0:
        raise fault(condition.span, f"no element of {target.name} fulfils this condition")
    return chosen


# --- places -----------------------------------------------------------------------------------------------------------


def place_of(reference: nodes.Reference, axes: tuple[Axis, ...], frame: Frame, indices: Indices) -> Place:
    """Return where the elements of a frame read the array ``reference.name`` of ``axes``."""
    _check_count(reference, axes)
    plain = _plain(reference, axes, frame)
    if plain is not None and (frame.rows is None or not axes):
        return Place(plain)
    flat: NDArray[np.int64] = np.zeros((), dtype=np.int64)
    columns = each(lambda pair: _column(reference, *pair, frame, indices), zip(reference.indices, axes, strict=True))
    for axis, column in zip(axes, columns, strict=True):
        flat = flat * axis.size + column
    return Place(None, np.broadcast_to(flat, frame.shape).copy())


def _check_count(reference: nodes.Reference, axes: tuple[Axis, ...]) -> None:
    if len(reference.indices) == len(axes):
        return
    whole_name = f"{reference.name}[{', '.join(axis.name for axis in axes)}]"
    if not axes:
        raise fault(reference.span, f"{reference.name} has no index")
    if not reference.indices:
        raise fault(reference.span, f"{reference.name} is an array", f"write one of its elements: {whole_name}")
    message = (
        f"{reference.name} has {len(axes)} {'index' if len(axes) == 1 else 'indices'}, not {len(reference.indices)}"
    )
    raise fault(reference.span, message, f"write one of its elements: {whole_name}")


def _plain(reference: nodes.Reference, axes: tuple[Axis, ...], frame: Frame) -> tuple[int, ...] | None:
    """Return the owner's axes when the reference is made of distinct ones that match the array's."""
    names, found = frame.names(), []
    for index, axis in zip(reference.indices, axes, strict=True):
        if not isinstance(index, nodes.Reference) or index.indices or index.name not in names:
            return None
        own = frame.axes[names.index(index.name)]
        if (own.lower, own.upper) != (axis.lower, axis.upper):
            return None
        found.append(names.index(index.name))
    return tuple(found) if len(set(found)) == len(found) else None


def _column(
    reference: nodes.Reference, index: nodes.Expression, axis: Axis, frame: Frame, indices: Indices
) -> NDArray[np.int64]:
    """Return the position along an axis, from 0, for all elements."""
    values = whole(index, frame, indices)
    outside = (values < axis.lower) | (values > axis.upper)
    if outside.any():
        guilty, first = int(values[outside].flat[0]), int(np.argmax(np.broadcast_to(outside, frame.shape)))
        element = f"{reference.name}[{guilty}]" if len(reference.indices) == 1 else f"{unparse(index)} = {guilty}"
        element += f"{frame.origin(first)} is out of range"
        message = f"{element}: {reference.name} has {axis.name} = {axis.lower}..{axis.upper}"
        raise fault(index.span, message, _restriction(index, ~outside, frame), _counted_from_zero(values, axis, frame))
    return values - axis.lower


def _counted_from_zero(values: NDArray[np.int64], axis: Axis, frame: Frame) -> str:
    from_zero = bool(frame.tables) and axis.lower == 1 and values.min() == 0 and values.max() < axis.upper
    return "the table counts from 0: add 1 to the index" if from_zero else ""


def _restriction(index: nodes.Expression, allowed: NDArray[np.bool_], frame: Frame) -> str:
    """Return the hint how to restrict the one index that goes too far, where there is one."""
    if frame.rows is not None or frame.tables or allowed.ndim != len(frame.axes) or not allowed.any():
        return ""
    varying = [k for k, size in enumerate(allowed.shape) if size > 1]
    if len(varying) != 1:
        return ""
    axis, within = frame.axes[varying[0]], np.flatnonzero(allowed)
    if within[-1] - within[0] + 1 != len(within):
        return ""
    return f"restrict the index: [{axis.name} in {axis.lower + within[0]}..{axis.lower + within[-1]}]"
