"""``crncompile plot``: pictures of a model."""

from __future__ import annotations

from pathlib import Path

import click

from crncompile.cli.options import (
    PICTURE,
    example,
    model_argument,
    parameters_option,
    seed_option,
    set_option,
    sweep_option,
)
from crncompile.cli.progress import waiting
from crncompile.cli.say import note, warn


@click.command(
    epilog=example(
        "crncompile plot sine.tnet --what network -o network.svg",
        "crncompile plot sine.tnet --what response --parameters sine.npz -o response.png",
    )
)
@model_argument
@click.option("--what", type=click.Choice(["network", "response"]), required=True, help="What to draw.")
@click.option("-o", "--output", type=PICTURE, required=True, metavar="F.png|F.svg|F.pdf", help="The picture to write.")
@set_option
@sweep_option
@parameters_option
@seed_option
def command(
    model: Path,
    what: str,
    output: Path,
    settings: tuple[str, ...],
    sweep: str | None,
    parameters: Path | None,
    seed: int,
) -> int:
    """Draw MODEL: its network, or its response, the readouts against an input.

    The response is swept over the range of the first input, the others in the middle of theirs, unless --sweep and
    --set say otherwise.
    """
    if what == "network":
        return _network(model, output)
    return _response(model, output, settings, sweep, parameters, seed)


def _network(model: Path, output: Path) -> int:
    from crncompile.compiler import check_source
    from crncompile.language.parser import read_source
    from crncompile.plots.network import draw_network

    with waiting(f"drawing {model}"):
        draw_network(check_source(read_source(model)), output)
    return 0


def _response(
    model: Path, output: Path, settings: tuple[str, ...], sweep: str | None, parameters: Path | None, seed: int
) -> int:
    from crncompile.cli.answer import answer, failures, response
    from crncompile.cli.inputs import gather, whole_range
    from crncompile.cli.model import loaded
    from crncompile.plots.response import draw_response

    compiled, values = loaded(model, parameters, seed)
    given = gather(compiled.network, settings, sweep or whole_range(compiled.network), None, centre=True)
    for line in given.echo:
        note(line)
    warn(given.warnings)
    found = answer(compiled.network, given, compiled.solve(given.values, parameters=values))
    draw_response(response(found), output)
    warn(failures(found))
    return 1 if found.solution.certificate.failed.any() else 0
