"""A model with the parameters that a command line asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from crncompile.cli.progress import waiting
from crncompile.cli.say import note

if TYPE_CHECKING:
    from crncompile.compiled import CompiledNetwork


def loaded(
    model: Path, parameters: Path | None, seed: int, backend: str = "numpy"
) -> tuple[CompiledNetwork, dict[str, Any]]:
    """Compile a model and return it with all its parameters: the file's, others as stated or drawn with the seed.

    Raises ModelError and DataError.
    """
    from crncompile.compiler import load
    from crncompile.learn.parameters import load_parameters

    with waiting(f"compiling {model}"):
        compiled = load(model, backend)
    if parameters is None:
        if compiled.trained:
            note(f"train values are drawn with seed {seed}; --parameters P.npz gives trained ones")
        return compiled, compiled.parameters(seed=seed)
    return compiled, compiled.parameters(load_parameters(parameters, compiled), seed)
