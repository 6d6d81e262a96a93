"""crncompile: a compiler for thermodynamic networks of reservoirs, quantum dots and enzymes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crncompile.errors import CrnError, DataError, ModelError, SteadyStateError

if TYPE_CHECKING:
    from crncompile.compiled import CompiledNetwork
    from crncompile.compiler import load, loads
    from crncompile.learn.estimators import ThermodynamicClassifier as ThermodynamicClassifier
    from crncompile.learn.estimators import ThermodynamicRegressor as ThermodynamicRegressor
    from crncompile.learn.jax_layer import jax_layer
    from crncompile.solution import Solution

__version__ = "0.1.0"
__all__ = [
    "CompiledNetwork",
    "CrnError",
    "DataError",
    "ModelError",
    "Solution",
    "SteadyStateError",
    "jax_layer",
    "load",
    "loads",
]
ESTIMATORS = ("ThermodynamicClassifier", "ThermodynamicRegressor")
"""Names that need scikit-learn, and so are not among those that ``from crncompile import *`` brings."""


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *ESTIMATORS})


def __getattr__(name: str) -> object:
    """Import the pipeline when it is first used, so that ``crncompile --help`` answers at once."""
    if name in ("load", "loads"):
        from crncompile import compiler

        return getattr(compiler, name)
    if name in ("CompiledNetwork", "Solution"):
        from crncompile import compiled

        return getattr(compiled, name)
    if name == "jax_layer":
        from crncompile.learn import jax_layer

        return jax_layer.jax_layer
    if name in ESTIMATORS:
        return _estimator(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _estimator(name: str) -> object:
    import importlib

    try:
        estimators = importlib.import_module("crncompile.learn.estimators")
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] != "sklearn":
            raise
        message = f"{name} needs scikit-learn: pip install 'crncompile[learn]'"
        raise ImportError(message, name="sklearn") from error
    return getattr(estimators, name)
