"""``crncompile compile``: a standalone Python module."""

from __future__ import annotations

from pathlib import Path

import click

from crncompile.cli.options import OutputPath, example, model_argument, parameters_option, seed_option
from crncompile.cli.say import note


@click.command(epilog=example("crncompile compile sine.tnet -o solver.py --parameters sine.npz"))
@model_argument
@click.option("-o", "--output", type=OutputPath(".py"), required=True, metavar="F.py", help="The module to write.")
@parameters_option
@seed_option
def command(model: Path, output: Path, parameters: Path | None, seed: int) -> None:
    """Write the equations of MODEL as a Python module that needs only numpy.

    It has residual, jacobian, steady_state and gradient, names and units, and the parameters as defaults. A large
    network with a sparse Jacobian (a lattice, a random graph) needs scipy as well.
    """
    from crncompile.cli.model import loaded
    from crncompile.export.files import write_atomically
    from crncompile.export.standalone import standalone_text

    compiled, values = loaded(model, parameters, seed)
    origin = f"parameters of {parameters.name}" if parameters else f"parameters of seed {seed}"
    text = standalone_text(compiled, values, origin)
    write_atomically(output, text)
    note(f"{output}: {text.count(chr(10))} lines")
