"""What the parts of the network stage share while one model is resolved."""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy

from crncompile.errors import did_you_mean
from crncompile.language import nodes
from crncompile.network.expressions import Typed, constant, unparse
from crncompile.network.indices import Frame, frame_of, place_of
from crncompile.network.report import Fault, Report, fault
from crncompile.network.types import Access, Axis, Content, Parameter
from crncompile.units import CONCENTRATION, ENERGY, Units


@dataclass
class Context:
    """Tables that grow while a model is resolved; ``None`` for a name whose declaration has a mistake.

    ``declared`` are all names of the model with what they are, ``contents`` the contents of reservoirs once they are
    known, ``used`` the names that anything used.
    """

    units: Units
    report: Report
    declared: dict[str, str] = field(default_factory=dict)
    indices: dict[str, Axis | None] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    reservoirs: dict[str, tuple[Axis, ...] | None] = field(default_factory=dict)
    contents: dict[str, Content] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    volume_told: bool = False

    def frame(self, target: nodes.Target) -> Frame:
        """Return the elements that a target declares; raises Fault."""
        frame = frame_of(target, self.indices)
        self.used.update(frame.names())
        return frame

    def reservoir_axes(self, reference: nodes.Reference) -> tuple[Axis, ...]:
        """Return the axes of a reservoir; raises Fault where the name is none."""
        name = reference.name
        if name not in self.declared:
            raise fault(reference.span, f"{name} is not declared", did_you_mean(name, self.reservoirs))
        if self.declared[name] != "reservoir":
            hint = did_you_mean(name, self.reservoirs)
            raise fault(reference.span, f"{name} is not a reservoir but a {self.declared[name]}", hint)
        axes = self.reservoirs.get(name)
        if axes is None:
            raise Fault
        self.used.add(name)
        return axes


@dataclass
class OwnerScope:
    """The names in a value of an owner: parameters and, in readouts, reservoirs; ``accesses`` gathers what is read."""

    context: Context
    frame: Frame
    reservoirs: bool = False
    accesses: dict[str, Access] = field(default_factory=dict)

    @property
    def units(self) -> Units:
        """The coherent system of the numbers."""
        return self.context.units

    def look_up(self, reference: nodes.Reference) -> Typed:
        """Return the symbol of a parameter or reservoir read by this owner; raises Fault for any other name."""
        name = reference.name
        if name in self.context.parameters:
            return self._parameter(reference)
        kind = self.context.declared.get(name)
        if kind == "reservoir" and self.reservoirs:
            return self._reservoir(reference)
        if kind == "parameter":
            raise Fault
        if name in self.frame.names() or kind == "index":
            hint = f"make it a parameter of {name}: parameter p[{name}] = train ..., or put the values into a file"
            raise fault(reference.span, f"the index {name} can not be used as a number yet", hint)
        if kind is not None:
            raise fault(reference.span, f"{name} is a {kind}, which has no value here", self._hint(reference))
        found = constant(reference, self.units)
        if found is None:
            raise fault(reference.span, f"{name} is not declared", self._hint(reference))
        return found

    def _hint(self, reference: nodes.Reference) -> str:
        known = set(self.context.parameters) | (set(self.context.reservoirs) if self.reservoirs else set())
        return did_you_mean(reference.name, (name for name in known if "." not in name))

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


def parameter_symbol(text: str, parameter: Parameter) -> sympy.Symbol:
    """Return the symbol by which a parameter's value stands in an expression."""
    return sympy.Symbol(text, **({"positive": True} if parameter.lower > 0 else {"real": True}))
