"""``crncompile export``: a model's equations as a document."""

from __future__ import annotations

from pathlib import Path

import click

from crncompile.cli.options import OutputPath, example, model_argument, parameters_option, seed_option
from crncompile.cli.say import note


@click.command(epilog=example("crncompile export sine.tnet --to latex -o sine.tex"))
@model_argument
@click.option("--to", "form", type=click.Choice(["latex"]), required=True, help="The form of the document.")
@click.option("-o", "--output", type=OutputPath(".tex"), required=True, metavar="F.tex", help="The file to write.")
@parameters_option
@seed_option
def command(model: Path, form: str, output: Path, parameters: Path | None, seed: int) -> None:
    """Write the equations of MODEL as a document.

    Network, reservoirs, each device's states and derived law, rate equations by family, entries of the Jacobian, and a
    table of parameters with units and tolerances.
    """
    from crncompile.cli.model import loaded
    from crncompile.export.files import write_atomically
    from crncompile.export.latex import latex_text

    compiled, values = loaded(model, parameters, seed)
    text = latex_text(compiled, values)
    write_atomically(output, text)
    note(f"{output}: {text.count(chr(10))} lines of {form}")
