"""The backend `numpy`: the reference. Its functions are one readable module that needs only numpy.

Families of which the program has a split are evaluated by matrix products instead.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from crncompile.backends.load import load_module
from crncompile.backends.numpy_source import module_text
from crncompile.backends.tiered import Tiered
from crncompile.program.types import Coupled, Program

WORTH_32_BITS = 1000
"""Devices that are evaluated one by one from which on numbers of 32 bits are quicker than those of 64."""


def load(program: Program) -> Any:
    """Return the functions of a program."""
    functions = tiered(program, whole := elementwise(program))
    lawful = without_interpolation(program)
    if lawful is not program:
        functions.exact = tiered(lawful, whole)
    functions.single_first = functools.partial(_single_first, program)
    return functions


def _single_first(program: Program, parameters: Any) -> bool:
    """Whether Newton's method had better begin in 32 bits with some prepared parameters.

    Not where the Jacobian is nearly empty: what happens along a chain is more than 32 bits can tell apart.
    """
    products = getattr(parameters, "fixed", None) is not None
    alone = [family for family in program.families if not (products and family.split)]
    return program.pattern is None and sum(math.prod(family.shape) for family in alone) >= WORTH_32_BITS


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
