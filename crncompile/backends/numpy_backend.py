"""The backend `numpy`: the reference. Its functions are one readable module that needs only numpy.

Families of which the program has a split are evaluated by matrix products instead.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crncompile.backends.load import load_module
from crncompile.backends.numpy_source import module_text
from crncompile.backends.tiered import Tiered
from crncompile.program.types import Program


def load(program: Program) -> Any:
    """Return the functions of a program."""
    whole = elementwise(program)
    others = tuple(family for family in program.families if family.split is None)
    if len(others) == len(program.families):
        return whole
    rest = elementwise(replace(program, families=others)) if others else None
    return Tiered(program, whole, rest).functions()


def elementwise(program: Program) -> Any:
    """Return the module of a program that evaluates every device on its own."""
    text = module_text(program, {}, f"Functions of the network {program.name}.")
    return load_module(text, f"crncompile:{program.name}")
