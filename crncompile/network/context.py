"""What the parts of the network stage share while one model is resolved."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import sympy
from numpy.typing import NDArray

from crncompile.errors import did_you_mean
from crncompile.language import nodes
from crncompile.network.derived import Derived, at_use
from crncompile.network.expressions import Typed, constant, evaluate, unparse
from crncompile.network.indices import Frame, frame_of, place_of, table_of, whole
from crncompile.network.report import Fault, Report, fault, with_article
from crncompile.network.series import Series, series
from crncompile.network.tables import Table
from crncompile.network.types import Access, Axis, Content, Parameter
from crncompile.units import CONCENTRATION, ENERGY, NUMBER, Dimension, Units


@dataclass
class Context:
    """What is known while a model is resolved; ``None`` for a name whose declaration has a mistake.

    ``declared`` are all names of the model with what they are, ``frames`` the elements of reservoirs, ``contents``
    what they hold once that is known, ``used`` the names that anything used.
    """

    units: Units
    report: Report
    declared: dict[str, str] = field(default_factory=dict)
    indices: dict[str, Axis | None] = field(default_factory=dict)
    tables: dict[str, Table | None] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    derived: dict[str, Derived] = field(default_factory=dict)
    reservoirs: dict[str, tuple[Axis, ...] | None] = field(default_factory=dict)
    frames: dict[str, Frame] = field(default_factory=dict)
    contents: dict[str, Content] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    volume_told: bool = False
    elements: int = 0

    def frame(self, target: nodes.Target) -> Frame:
        """Return the elements that a target declares; raises Fault."""
        self._refuse_shadows(target)
        frame = frame_of(target, self.indices, self.tables, self.elements)
        self.elements += math.prod(frame.shape)
        self.used.update(frame.names())
        self.used.update(table.name for table in frame.tables.values())
        return frame

    def _refuse_shadows(self, target: nodes.Target) -> None:
        """Raise Fault for an index under the name of something else; in a circuit, names are its own."""
        for binder in target.binders if target.span.placed is None else ():
            what = self.declared.get(binder.name, "index")
            if what != "index" or binder.name in self.units.constants():
                what = what if what != "index" else "constant"
                raise fault(
                    binder.span, f"{binder.name} is {with_article(what)} already", "choose another name for the index"
                )

    def reservoir_axes(self, reference: nodes.Reference) -> tuple[Axis, ...]:
        """Return the axes of a reservoir; raises Fault where the name is none."""
        name = reference.name
        if name not in self.declared:
            raise fault(reference.span, f"{name} is not declared", did_you_mean(name, self.reservoirs))
        if self.declared[name] != "reservoir":
            hint = did_you_mean(name, self.reservoirs)
            raise fault(reference.span, f"{name} is not a reservoir but {with_article(self.declared[name])}", hint)
        axes = self.reservoirs.get(name)
        if axes is None:
            raise Fault
        self.used.add(name)
        return axes


@dataclass
class OwnerScope:
    """The names in a value of an owner: parameters, indices as numbers, columns and, in readouts, reservoirs.

    ``accesses`` gathers the arrays that are read and ``parts`` where they stand, ``numbers`` what is known already.
    """

    context: Context
    frame: Frame
    reservoirs: bool = False
    accesses: dict[str, Access] = field(default_factory=dict)
    parts: dict[str, nodes.Reference] = field(default_factory=dict)
    numbers: dict[str, Series] = field(default_factory=dict)

    @property
    def units(self) -> Units:
        """The coherent system of the numbers."""
        return self.context.units

    def look_up(self, reference: nodes.Reference) -> Typed:
        """Return what stands for a name in this owner's expressions; raises Fault for one that has no value here."""
        name = reference.name
        if name in self.frame.names() or name.rpartition(".")[0] in self.frame.names():
            return self._index(reference)
        if name in self.context.parameters:
            return self._parameter(reference)
        if name in self.context.derived:
            return self._derived(reference)
        kind = self.context.declared.get(name)
        if kind == "reservoir" and self.reservoirs:
            return self._reservoir(reference)
        if kind == "parameter":
            raise Fault
        if kind == "index":
            hint = f"bind it behind the declared name: ...[{name}]"
            raise fault(reference.span, f"the index {name} is not bound here", hint)
        if kind is not None:
            raise fault(
                reference.span, f"{name} is {with_article(kind)}, which has no value here", self._hint(reference)
            )
        table, _, column = name.rpartition(".")
        if table in self.context.tables:
            hint = f"bind its rows behind the declared name, ...[row in {table}], and write row.{column}"
            raise fault(reference.span, f"{table} is a table: only its rows have a {column}", hint)
        found = constant(reference, self.units)
        if found is None:
            raise fault(reference.span, f"{name} is not declared", self._hint(reference))
        return found

    def _hint(self, reference: nodes.Reference) -> str:
        known = (
            set(self.context.parameters)
            | set(self.context.derived)
            | (set(self.context.reservoirs) if self.reservoirs else set())
        )
        return did_you_mean(reference.name, (name for name in known if "." not in name))

    # --- known numbers ---

    def _index(self, reference: nodes.Reference) -> Typed:
        """Return an index as a number, or the column of the row that it counts."""
        names = self.frame.names()
        if reference.indices:
            raise fault(reference.span, f"{reference.name} has no index")
        if reference.name in names:
            return self._known(reference, self.frame.values(names.index(reference.name)), NUMBER, "")
        index, _, column = reference.name.rpartition(".")
        table = table_of(index, reference.span, self.frame)
        numbers = table.numbers(column, reference.span)[self.frame.row_of(index)]
        unit = table.columns[column].unit
        factor, offset, dimension = self.units.unit(unit)
        return self._known(reference, numbers * factor + offset, dimension, unit or "")

    def remainder(self, call: nodes.Call) -> Typed:
        """Return the remainder of a division of indices as a number; raises Fault."""
        return self._known(call, whole(call, self.frame, self.context.indices), NUMBER, "")

    def _known(
        self, expression: nodes.Reference | nodes.Call, values: NDArray[Any], dimension: Dimension, unit: str
    ) -> Typed:
        text = unparse(expression)
        found = self.numbers.setdefault(text, series(text, values, dimension, unit, expression.span))
        return Typed(found.symbol, dimension)

    # --- arrays that are read ---

    def _derived(self, reference: nodes.Reference) -> Typed:
        derived = self.context.derived[reference.name]
        self.context.used.add(reference.name)
        place_of(reference, derived.axes, self.frame, self.context.indices)
        parts = at_use(derived, reference)
        values = {symbol: evaluate(part, self).expression for symbol, part in parts.items()}
        return Typed(derived.value.expression.xreplace(values), derived.value.dimension)

    def _parameter(self, reference: nodes.Reference) -> Typed:
        parameter = self.context.parameters[reference.name]
        self.context.used.add(reference.name)
        symbol = parameter_symbol(unparse(reference), parameter)
        self._access(symbol, reference, parameter.axes)
        return Typed(symbol, parameter.dimension)

    def _reservoir(self, reference: nodes.Reference) -> Typed:
        axes = self.context.reservoir_axes(reference)
        content = self.context.contents.get(reference.name)
        if content is None:
            raise Fault
        symbol = sympy.Symbol(unparse(reference), **({"real": True} if content == "charge" else {"positive": True}))
        self._access(symbol, reference, axes)
        return Typed(symbol, ENERGY if content == "charge" else CONCENTRATION)

    def _access(self, symbol: sympy.Symbol, reference: nodes.Reference, axes: tuple[Axis, ...]) -> None:
        if symbol.name not in self.accesses:
            place = place_of(reference, axes, self.frame, self.context.indices)
            self.accesses[symbol.name] = Access(symbol, reference.name, place)
            self.parts[symbol.name] = reference


def parameter_symbol(text: str, parameter: Parameter) -> sympy.Symbol:
    """Return the symbol by which a parameter's value stands in an expression."""
    return sympy.Symbol(text, **({"positive": True} if parameter.lower > 0 else {"real": True}))
