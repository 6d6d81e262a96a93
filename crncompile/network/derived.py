"""Parameters that follow from others: ``parameter K_I = 0.05 * K``.

They are written out where they are used, so that they follow whatever sets the others: training, a file, an override.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

import numpy as np
import sympy

from crncompile.language import nodes
from crncompile.network.expressions import Typed
from crncompile.network.report import Fault, fault, listed
from crncompile.network.types import Axis

#: Written out, a derived parameter has at most so many operations, and is nested at most so deep.
LARGEST, DEEPEST = 1000, 100


@dataclass(frozen=True, eq=False)
class Derived:
    """A value made of other parameters: ``parts`` are these, as references in terms of the indices ``names``."""

    axes: tuple[Axis, ...]
    names: tuple[str, ...]
    value: Typed
    parts: Mapping[sympy.Symbol, nodes.Reference]

    @property
    def names_of_parts(self) -> tuple[str, ...]:
        """Names of the parameters that it is made of."""
        return tuple(sorted({part.name for part in self.parts.values()}))


def at_use(derived: Derived, reference: nodes.Reference) -> dict[sympy.Symbol, nodes.Reference]:
    """Return the parts of a derived parameter as they are read through ``reference``."""
    indices = dict(zip(derived.names, reference.indices, strict=True))
    return {
        symbol: replace(
            part, indices=tuple(_substituted(index, indices) for index in part.indices), span=reference.span
        )
        for symbol, part in derived.parts.items()
    }


def _substituted(expression: nodes.Expression, indices: Mapping[str, nodes.Expression]) -> nodes.Expression:
    match expression:
        case nodes.Reference(indices=()):
            return indices.get(expression.name, expression)
        case nodes.Call():
            return replace(expression, arguments=tuple(_substituted(part, indices) for part in expression.arguments))
        case nodes.Operation():
            return replace(expression, operands=tuple(_substituted(part, indices) for part in expression.operands))
    return expression


def refuse_growth(name: str, expression: sympy.Expr, node: nodes.Expression) -> None:
    """Raise Fault where a chain of derived parameters has become unwieldy, written out."""
    count = 0
    level: Iterable[sympy.Basic] = [expression]
    for _ in range(DEEPEST):
        level = [argument for part in level for argument in part.args]
        count += len(level)
        if not level or count > LARGEST:
            break
    if level or count > LARGEST:
        message = f"{name} becomes too long an expression when the parameters in it are written out"
        raise fault(node.span, message, "make one of them a value of its own")


# --- their order ------------------------------------------------------------------------------------------------------


def ordered(statements: Iterable[nodes.Parameter]) -> tuple[list[nodes.Parameter], list[Fault]]:
    """Return parameters so that each stands behind those in it, else in the order of the text; and circles among them.

    Those of a circle are left out.
    """
    known: dict[str, nodes.Parameter] = {}
    for statement in statements:
        known.setdefault(statement.target.name, statement)
    within = {name: _named_in(statement, known) for name, statement in known.items()}
    circles = _circles(within)
    lost = {name for circle in circles for name in circle}
    rest = {name: [other for other in parts if other not in lost] for name, parts in within.items() if name not in lost}
    base = [name for name, parts in rest.items() if not parts]
    derived = [name for name in TopologicalSorter(rest).static_order() if rest[name]]
    return [known[name] for name in (*base, *derived)], [_circle(names, known) for names in circles]


def _circles(within: Mapping[str, list[str]]) -> list[list[str]]:
    """Return the groups of names that contain each other, in the order of the text."""
    if not any(within.values()):
        return []
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    number = {name: k for k, name in enumerate(within)}
    edges = [(number[name], number[other]) for name, parts in within.items() for other in parts]
    rows, columns = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(len(number), len(number)))
    _, labels = connected_components(graph, directed=True, connection="strong")
    groups: dict[int, list[str]] = {}
    for name, label in zip(within, labels.tolist(), strict=True):
        groups.setdefault(label, []).append(name)
    return [names for names in groups.values() if len(names) > 1 or names[0] in within[names[0]]]


def _circle(names: list[str], known: Mapping[str, nodes.Parameter]) -> Fault:
    alone = len(names) == 1
    message = f"{names[0]} is defined by itself" if alone else f"{listed(names)} are defined by each other"
    hint = "give it a value" if alone else "one of them needs a value of its own"
    return fault(known[names[0]].value.span, message, hint)


def _named_in(statement: nodes.Parameter, known: Mapping[str, object]) -> list[str]:
    content = statement.value.content
    if isinstance(content, nodes.Train | nodes.Interval):
        return []
    bound = {binder.name for binder in statement.target.binders}
    return sorted({name for name in _names(content) if name in known and name not in bound})


def _names(expression: nodes.Expression) -> Iterator[str]:
    match expression:
        case nodes.Reference():
            yield expression.name
            for index in expression.indices:
                yield from _names(index)
        case nodes.Call():
            for argument in expression.arguments:
                yield from _names(argument)
        case nodes.Operation():
            for operand in expression.operands:
                yield from _names(operand)
