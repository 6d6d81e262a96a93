"""How large an expression becomes when every name in it is replaced by what it stands for.

A row of definitions, each of which uses the one before it twice, doubles with each line. Proofs and derivatives walk
the whole expression, so its size is told before anything is inserted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

#: Operations of a definition with all earlier ones inserted.
MOST_OPERATIONS = 4000
#: Operations within operations: later stages walk them recursively.
DEEPEST = 150
# copies of the argument when a function is written by exponentials
_COPIES = {sympy.tanh: 4, sympy.sinh: 2, sympy.cosh: 2}


@dataclass(frozen=True)
class Size:
    """Number of operations, and how deep they are nested."""

    operations: int = 0
    depth: int = 0

    @property
    def too_large(self) -> bool:
        """Whether an expression of this size is refused."""
        return self.operations > MOST_OPERATIONS or self.depth > DEEPEST


def size_of(expression: sympy.Expr, known: Mapping[sympy.Symbol, Size]) -> Size:
    """Return the size of an expression whose symbols stand for expressions of known sizes."""
    sizes: dict[sympy.Basic, Size] = dict(known)
    for node in sympy.postorder_traversal(expression):
        if node not in sizes:
            sizes[node] = _joined(node, [sizes[argument] for argument in node.args])
    return sizes[expression]


def _joined(node: sympy.Basic, parts: list[Size]) -> Size:
    if not parts:
        return Size()
    copies = _COPIES.get(node.func, 1)
    if isinstance(node, sympy.Pow) and node.exp.is_Integer:
        copies = max(1, abs(int(node.exp)))
    return Size(len(parts) + copies * sum(part.operations for part in parts), 1 + max(part.depth for part in parts))
