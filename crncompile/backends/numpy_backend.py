"""The backend `numpy`: the reference. Its functions are one readable module that needs only numpy.

Families of which the program has a split are evaluated by matrix products instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from crncompile.backends.load import load_module
from crncompile.backends.numpy_source import module_text
from crncompile.backends.tiered import Tiered
from crncompile.program.types import Coupled, Program


def load(program: Program) -> Any:
    """Return the functions of a program."""
    functions = tiered(program, whole := elementwise(program))
    lawful = without_interpolation(program)
    if lawful is not program:
        functions.exact = tiered(lawful, whole)
    return functions


def without_interpolation(program: Program) -> Program:
    """Return a program whose families are evaluated to rounding errors: the same one where all are."""
    if not any(isinstance(family.split, Coupled) for family in program.families):
        return program
    families = (replace(f, split=None) if isinstance(f.split, Coupled) else f for f in program.families)
    return replace(program, families=tuple(families))


def tiered(program: Program, whole: Any, alone: Callable[[Program], Any] | None = None) -> Any:
    """Return the functions of a program by its tiers; ``whole`` is its module of all families.

    ``alone`` makes the functions of a program with a single family where they are needed.
    """
    others = tuple(family for family in program.families if family.split is None)
    if len(others) == len(program.families):
        return whole
    rest = elementwise(replace(program, families=others)) if others else None
    return Tiered(program, whole, rest, alone or elementwise).functions()


def elementwise(program: Program) -> Any:
    """Return the module of a program that evaluates every device on its own."""
    text = module_text(program, {}, f"Functions of the network {program.name}.")
    return load_module(text, f"crncompile:{program.name}")
