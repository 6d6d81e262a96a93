"""``crncompile fmt``: models laid out in one way."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crncompile.cli.options import example
from crncompile.cli.say import note, show_error
from crncompile.errors import CrnError

if TYPE_CHECKING:
    from crncompile.errors import Source


@click.command(epilog=example("crncompile fmt models/*.tnet", "crncompile fmt --check --diff model.tnet"))
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MODEL...")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file is laid out otherwise.")
@click.option("--diff", is_flag=True, help="Write nothing but print what would change.")
def command(models: tuple[Path, ...], check: bool, diff: bool) -> int:
    """Lay out models in one way, in place: blanks, aligned columns, lines of at most 120 columns.

    Comments, blank lines, and line breaks between settings and at operators stay, and so does the meaning. A file with
    syntax mistakes is left alone.
    """
    found = [_one(model, write=not (check or diff), diff=diff) for model in models]
    changed = sum(outcome == "changed" for outcome in found)
    verb = "would change" if check or diff else "changed"
    note(f"{changed} of {len(found)} files {verb}" if len(found) > 1 or changed else "nothing changes")
    return int("wrong" in found or (check and changed > 0))


def _one(model: Path, write: bool, diff: bool) -> str:
    """Lay out one file; returns ``changed``, ``same`` or ``wrong``."""
    from crncompile.export.files import write_atomically
    from crncompile.language.format import formatted
    from crncompile.language.reading import read_source

    try:
        source = read_source(model)
        text = formatted(source)
        if "\r\n" in source.text:
            text = text.replace("\n", "\r\n")
        if text == source.text:
            return "same"
        if write:
            write_atomically(model, text)
    except CrnError as error:
        show_error(error)
        return "wrong"
    if diff:
        _print_diff(source, text)
    else:
        click.echo(str(model))
    return "changed"


def _print_diff(source: Source, text: str) -> None:
    old, new = ([f"{line}\n" for line in part.splitlines()] for part in (source.text, text))
    for line in unified_diff(old, new, source.name, f"{source.name} (formatted)"):
        colour = {"+": "green", "-": "red"}.get(line[0]) if not line.startswith(("+++", "---")) else None
        click.echo(click.style(line, fg=colour), nl=False)
