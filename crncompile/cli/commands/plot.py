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
        "crncompile plot sine.tnet --what device --device 'a[2]' --vary detuning=-4,0,4kT -o device.png",
    )
)
@model_argument
@click.option("--what", type=click.Choice(["network", "response", "device"]), required=True, help="What to draw.")
@click.option("-o", "--output", type=PICTURE, required=True, metavar="F.png|F.svg|F.pdf", help="The picture to write.")
@set_option
@sweep_option
@click.option("--device", metavar="NAME", help="The device to draw, such as a or b[3]. Default: the first.")
@click.option("--vary", metavar="NAME=V1,V2,...", help="A parameter or terminal of it, a curve for each value.")
@parameters_option
@seed_option
def command(
    model: Path,
    what: str,
    output: Path,
    settings: tuple[str, ...],
    sweeps: tuple[str, ...],
    device: str | None,
    vary: str | None,
    parameters: Path | None,
    seed: int,
) -> int:
    """Draw MODEL: its network; its response, the readouts against an input; or a device's current against its bias.

    The response is swept over the range of the first input, the others in the middle of theirs, unless --sweep and
    --set say otherwise. The current of a device is drawn over the potential of its source; where it falls is marked.
    """
    if (device or vary) and what != "device":
        raise click.UsageError("--device and --vary are about --what device")
    if (settings or sweeps) and what != "response":
        raise click.UsageError("--set and --sweep are about --what response")
    if len(sweeps) > 1:
        raise click.UsageError("a response is drawn along one --sweep: give the others one value each with --set")
    if what == "device":
        return _device(model, output, device, vary, parameters, seed)
    if what == "network":
        return _network(model, output)
    return _response(model, output, settings, sweeps, parameters, seed)


def _network(model: Path, output: Path) -> int:
    from crncompile.compiler import check_source
    from crncompile.language.reading import read_source
    from crncompile.plots.network import draw_network

    with waiting(f"drawing {model}"):
        draw_network(check_source(read_source(model)), output)
    return 0


def _device(model: Path, output: Path, device: str | None, vary: str | None, parameters: Path | None, seed: int) -> int:
    from crncompile.analyze.characteristic import characteristic
    from crncompile.cli.model import loaded
    from crncompile.cli.varied import chosen, varied
    from crncompile.plots.device import draw_device

    compiled, values = loaded(model, parameters, seed)
    family, number = chosen(compiled.network, device)
    curves = varied(compiled.network, family, vary) if vary else None
    draw_device(characteristic(compiled, values, family, number, curves), output)
    return 0


def _response(
    model: Path, output: Path, settings: tuple[str, ...], sweeps: tuple[str, ...], parameters: Path | None, seed: int
) -> int:
    from crncompile.cli.answer import answer, failures, response
    from crncompile.cli.inputs import gather, whole_range
    from crncompile.cli.model import loaded
    from crncompile.plots.response import draw_response

    compiled, values = loaded(model, parameters, seed)
    given = gather(compiled.network, settings, sweeps or [whole_range(compiled.network)], None, centre=True)
    for line in given.echo:
        note(line)
    warn(given.warnings)
    found = answer(compiled.network, given, compiled.solve(given.values, parameters=values))
    draw_response(response(found), output)
    warn(failures(found))
    return 1 if found.solution.certificate.failed.any() else 0
