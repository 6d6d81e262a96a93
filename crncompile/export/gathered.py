"""Several Python modules as one text: in the order of their imports of each other, which are left out.

A private name that two modules define is told apart by its module's name; public ones must differ.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType


@dataclass(frozen=True, eq=False)
class Gathered:
    """A module's text, cut into its imports, docstring and definitions."""

    name: str
    source: str

    @classmethod
    def of(cls, module: ModuleType) -> Gathered:
        """Read the text of a module."""
        return cls(module.__name__, inspect.getsource(module))

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.source)

    @property
    def short(self) -> str:
        """Last part of the name."""
        return self.name.rsplit(".", 1)[-1]

    @property
    def doc(self) -> str:
        """The docstring."""
        return ast.get_docstring(self.tree) or ""

    def imports(self) -> Iterator[ast.Import | ast.ImportFrom]:
        """Yield the import statements at the top level."""
        for node in self.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield node

    def inner(self, package: str) -> Iterator[str]:
        """Yield the modules of ``package`` that this one imports."""
        for node in self.imports():
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package):
                yield str(node.module)

    def defined(self) -> list[str]:
        """Names that the module defines at the top level."""
        found = []
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.append(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found += [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
        return found

    def body(self) -> str:
        """Return the text behind docstring and imports, with its comments."""
        skipped = [n for n in self.tree.body if isinstance(n, ast.Import | ast.ImportFrom) or _is_text(n)]
        lines = self.source.splitlines()
        last = max((n.end_lineno or 0 for n in skipped if n.lineno < _first_definition(self.tree)), default=0)
        return "\n".join(lines[last:]).strip("\n")


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _first_definition(tree: ast.Module) -> int:
    others = (n.lineno for n in tree.body if not isinstance(n, ast.Import | ast.ImportFrom) and not _is_text(n))
    return min(others, default=10**9)


def gather(names: Iterable[str], package: str) -> list[Gathered]:
    """Return modules and all that they import of ``package``, each behind those that it imports."""
    found: dict[str, Gathered] = {}

    def visit(name: str) -> None:
        if name not in found:
            module = Gathered.of(importlib.import_module(name))
            for other in module.inner(package):
                visit(other)
            found[name] = module

    for name in names:
        visit(name)
    return list(found.values())


def outer_imports(modules: Iterable[Gathered], package: str) -> dict[str, set[str]]:
    """Return what the modules import from elsewhere: {module: names}; a plain ``import x as y`` has ``*as y``."""
    result: dict[str, set[str]] = {}
    for module in modules:
        inner = set(module.inner(package))
        for node in module.imports():
            if isinstance(node, ast.Import):
                for alias in node.names:
                    result.setdefault(alias.name, set()).add(f"*as {alias.asname or alias.name}")
            elif node.module not in inner and node.module != "__future__":
                result.setdefault(str(node.module), set()).update(alias.name for alias in node.names)
    return result


def bodies(modules: Iterable[Gathered], known: Iterable[str] = ()) -> list[tuple[Gathered, str]]:
    """Return the text of each module, private names that others define too (or ``known`` ones) renamed.

    Raises ValueError where a public name would be defined twice.
    """
    taken, result = set(known), []
    for module in modules:
        clashes = [name for name in dict.fromkeys(module.defined()) if name in taken]
        public = [name for name in clashes if not name.startswith("_")]
        if public:
            raise ValueError(f"{module.name} defines {', '.join(public)}, which another module defines already")
        renamed = {name: f"{name}_of_{module.short}" for name in clashes}
        taken.update(renamed.get(name, name) for name in module.defined())
        result.append((module, _renamed(module.body(), renamed)))
    return result


def _renamed(text: str, names: dict[str, str]) -> str:
    """Replace names (not attributes) in a Python text."""
    if not names:
        return text
    lines = text.splitlines(keepends=True)
    before = ""
    places = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and token.string in names and before != ".":
            places.append(token)
        before = token.string
    for token in reversed(places):
        row, column = token.start
        line = lines[row - 1]
        lines[row - 1] = line[:column] + names[token.string] + line[column + len(token.string) :]
    return "".join(lines)
