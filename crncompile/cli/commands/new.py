"""``crncompile new``: a model to start from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from crncompile.cli.options import example
from crncompile.errors import ArgumentError, DataError

KINDS = {
    "dots": "quantum dots that learn a bump (the default)",
    "enzymes": "enzymes that learn a bell-shaped dose response",
    "crn": "chemical reactions that learn a threshold",
    "classifier": "enzymes that tell inside from outside of a circle",
}


@click.command(
    epilog=example(
        "crncompile new bump", "crncompile new dose --kind enzymes", "crncompile new sorter --kind classifier"
    )
)
@click.argument("name")
@click.option("--kind", type=click.Choice(list(KINDS)), default="dots", show_default=True, help="What it is made of.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="F.tnet", help="Default: NAME.tnet, here.")
@click.option("--force", is_flag=True, help="Overwrite files that there are.")
def command(name: str, kind: str, output: Path | None, force: bool) -> None:
    """Write a small commented model called NAME, and data to train it with beside it.

    dots: a bump; enzymes: a bell-shaped dose response; crn: a threshold by titration; classifier: inside or outside of
    a circle. Each can be checked, trained and drawn as it is.
    """
    from crncompile.export.files import check_writable, write_atomically

    _check_name(name)
    model = output or Path(f"{name}.tnet")
    if model.suffix != ".tnet":
        raise click.UsageError(f"{model} must end in .tnet")
    texts = {model: _starter(f"{kind}.tnet").replace("network starter ", f"network {name} ", 1)}
    texts[model.with_suffix(".csv")] = _starter(f"{kind}.csv")
    for path in texts:
        check_writable(path)
        if path.exists() and not force:
            raise DataError(f"{path} is there already; --force overwrites it, -o F.tnet writes elsewhere")
    for path, text in texts.items():
        write_atomically(path, text)
    _tell(model, kind)


def _check_name(name: str) -> None:
    from crncompile.language.words import RESERVED

    if not name.isidentifier():
        raise ArgumentError(f"{name} is no name: it begins with a letter and goes on with letters, digits and _")
    if name in RESERVED:
        raise ArgumentError(f"{name} is a reserved word of the language; choose another name")


def _starter(file: str) -> str:
    return resources.files("crncompile").joinpath("starters", file).read_text(encoding="utf-8")


def _tell(model: Path, kind: str) -> None:
    data, trained = model.with_suffix(".csv"), model.with_suffix(".npz")
    steps = [
        f"crncompile check {model}",
        f"crncompile train {model} --data {data} -o {trained} --plot {model.with_suffix('.png')}",
        f"crncompile plot {model} --what network -o {model.with_suffix('.svg')}",
    ]
    if kind != "classifier":
        steps.append(f"crncompile plot {model} --what response --parameters {trained} -o response.png")
    click.echo(f"{model} and {data} are written: {KINDS[kind].removesuffix(' (the default)')}. Next:\n")
    for step in steps:
        click.echo(f"  {step}")
