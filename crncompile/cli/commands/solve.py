"""``crncompile solve``: steady states for given inputs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crncompile.cli.options import (
    PICTURE,
    OutputPath,
    backend_option,
    example,
    json_option,
    model_argument,
    parameters_option,
    seed_option,
    set_option,
    sweep_option,
)
from crncompile.cli.say import complain, console, note, print_json, warn

if TYPE_CHECKING:
    from crncompile.cli.answer import Answer


@click.command(
    epilog=example(
        "crncompile solve sine.tnet --set x=0.5 --parameters sine.npz",
        "crncompile solve sine.tnet --sweep x=-3:3:121 --currents 'a[1], b' -o curve.csv --plot curve.png",
    )
)
@model_argument
@set_option
@sweep_option
@click.option(
    "--inputs",
    type=click.Path(path_type=Path),
    metavar="F.csv",
    help="Inputs, a sample in each row: raw data, or numbers in the unit that the header names, as in 'x [uM]'.",
)
@click.option("--currents", metavar="NAME,...", help="Tell currents along the arrows of devices too: a, b[3]; in 1/s.")
@click.option("-o", "--output", type=OutputPath(".csv", ".npz"), metavar="F.csv|F.npz", help="Write all numbers here.")
@click.option("--plot", type=PICTURE, metavar="F.png", help="Draw the readouts against what is swept.")
@parameters_option
@seed_option
@backend_option
@json_option
def command(
    model: Path,
    settings: tuple[str, ...],
    sweeps: tuple[str, ...],
    inputs: Path | None,
    currents: str | None,
    output: Path | None,
    plot: Path | None,
    parameters: Path | None,
    seed: int,
    backend: str,
    as_json: bool,
) -> int:
    """Find the steady states of MODEL to which it relaxes from its stated start.

    Samples without a certified steady state are named with the reason; the others are written all the same.
    """
    if sweeps and inputs:
        raise click.UsageError("--sweep and --inputs both say what the samples are: give one of them")
    if plot and not (sweeps or inputs):
        raise click.UsageError("--plot needs several samples: give --sweep or --inputs as well")
    if plot and len(sweeps) > 1:
        raise click.UsageError("--plot draws along one --sweep: of several, -o F.csv writes the numbers")
    found = _solved(model, settings, sweeps, inputs, currents, parameters, seed, backend)
    _deliver(found, output, plot, as_json)
    return 1 if found.solution.certificate.failed.any() else 0


def _solved(
    model: Path,
    settings: tuple[str, ...],
    sweeps: tuple[str, ...],
    inputs: Path | None,
    currents: str | None,
    parameters: Path | None,
    seed: int,
    backend: str,
) -> Answer:
    from crncompile.cli.answer import answer
    from crncompile.cli.inputs import gather
    from crncompile.cli.model import loaded

    compiled, values = loaded(model, parameters, seed, backend)
    given = gather(compiled.network, settings, sweeps, inputs)
    for line in given.echo:
        note(line)
    warn(given.warnings)
    solution = compiled.solve(given.values, parameters=values)
    names = [name.strip() for name in re.split(r",(?![^\[]*\])", currents)] if currents else []
    return answer(compiled.network, given, solution, names)


def _deliver(found: Answer, output: Path | None, plot: Path | None, as_json: bool) -> None:
    from crncompile.cli import answer

    if output:
        answer.write(found, output)
    if plot:
        from crncompile.plots.response import draw_response

        draw_response(answer.response(found), plot)
    if as_json:
        print_json(answer.as_data(found))
    else:
        if output is None:
            terminal = console()
            terminal.print(answer.table(found, terminal.width))
        click.echo(found.solution.certificate.summary())
    for line in answer.failures(found):
        complain(line)
