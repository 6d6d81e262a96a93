"""``crncompile counterpart``: the same model without negative differential conductance."""

from __future__ import annotations

from pathlib import Path

import click

from crncompile.cli.options import OutputPath, example, model_argument
from crncompile.cli.say import note


@click.command(epilog=example("crncompile counterpart sine.tnet", "crncompile counterpart sine.tnet -o monotone.tnet"))
@model_argument
@click.option("-o", "--output", type=OutputPath(".tnet"), metavar="F.tnet", help="Write it here.  [default: print it]")
def command(model: Path, output: Path | None) -> None:
    """Replace every device of MODEL that has NDC by its monotone counterpart.

    The library and MODEL itself say which device that is (`counterpart`); settings that the counterpart does not have
    are left out, all others stay. Trained beside MODEL, it shows what the NDC is good for.
    """
    from crncompile.compiler import check_source
    from crncompile.export.files import write_atomically
    from crncompile.language.reading import read_source
    from crncompile.network.counterparts import without_ndc

    source = without_ndc(read_source(model))
    check_source(source)
    if output is None:
        click.echo(source.text, nl=False)
    else:
        write_atomically(output, source.text)
        note(str(output))
