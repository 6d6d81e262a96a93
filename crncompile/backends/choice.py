"""Backends by name. Each is one module with a function ``load(program)`` that returns `solve.problem.Functions`.

``NAME_backend.py`` of this folder is the backend NAME; any other name is the import path of a module, so that a backend
of one's own needs no change here.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from crncompile import backends
from crncompile.errors import ArgumentError, which_of
from crncompile.program.types import Coupled, Program

_SUFFIX = "_backend"


def names() -> list[str]:
    """Names of the backends that come with crncompile."""
    found = (module.name for module in pkgutil.iter_modules(backends.__path__))
    return sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX))


def load(program: Program, name: str) -> Any:
    """Return a program's functions by a backend; raises DataError where there is no such backend, or it can not run.

    ``exact`` are the functions of the same program without any family that is only interpolated: where there is none,
    the functions themselves. ``apart(u, held, parameters)`` names the families that are not evaluated by their tier
    there, because a sum of products would not be accurate enough.
    """
    path = f"{backends.__name__}.{name}{_SUFFIX}" if name in names() else name
    try:
        module = importlib.import_module(path)
    except (ImportError, ValueError) as error:
        raise ArgumentError(f"there is no backend {name}; {which_of(name, names())}") from error
    functions = module.load(program)
    functions.exact = getattr(functions, "exact", functions)
    functions.exact.exact = functions.exact
    interpolated = tuple(family.name for family in program.families if isinstance(family.split, Coupled))
    functions.apart = getattr(functions, "apart", lambda u, held, parameters: interpolated)
    return functions
