"""crncompile: a compiler for thermodynamic networks of reservoirs, quantum dots and enzymes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crncompile.errors import CrnError, DataError, ModelError, SteadyStateError

if TYPE_CHECKING:
    from crncompile.compiled import CompiledNetwork
    from crncompile.compiler import load, loads
    from crncompile.solution import Solution

__version__ = "0.1.0"
__all__ = [
    "CompiledNetwork",
    "CrnError",
    "DataError",
    "ModelError",
    "Solution",
    "SteadyStateError",
    "load",
    "loads",
]


def __getattr__(name: str) -> object:
    """Import the pipeline when it is first used, so that ``crncompile --help`` answers at once."""
    if name in ("load", "loads"):
        from crncompile import compiler

        return getattr(compiler, name)
    if name in ("CompiledNetwork", "Solution"):
        from crncompile import compiled

        return getattr(compiled, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
