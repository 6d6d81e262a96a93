"""The backend `numpy`: the reference. Its functions are one readable module that needs only numpy."""

from __future__ import annotations

from typing import Any

from crncompile.backends.load import load_module
from crncompile.backends.numpy_source import module_text
from crncompile.program.types import Program


def load(program: Program) -> Any:
    """Return the module of a program."""
    text = module_text(program, {}, f"Functions of the network {program.name}.")
    return load_module(text, f"crncompile:{program.name}")
