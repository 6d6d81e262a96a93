"""``crncompile check``: all mistakes of a model, or a summary with its warnings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crncompile.cli.options import example, model_argument
from crncompile.cli.say import print_json, show_error, show_mistakes
from crncompile.errors import CrnError

if TYPE_CHECKING:
    from crncompile.symbolic.system import System


@click.command(epilog=example("crncompile check sine.tnet --verbose"))
@model_argument
@click.option("--verbose", is_flag=True, help="Show laws, tiers and the structure of the Jacobian of every family.")
@click.option("--json", "as_json", is_flag=True, help="Print mistakes, warnings and the summary as one JSON object.")
def command(model: Path, verbose: bool, as_json: bool) -> int:
    """Tell all mistakes of MODEL, or sum it up."""
    try:
        system, warnings = _examined(model)
    except CrnError as error:
        if as_json:
            print_json(_refusal(error))
        else:
            show_error(error)
        return 1
    from crncompile.cli import summary

    content = summary.of(system)
    if as_json:
        print_json({"ok": True, "mistakes": [], "warnings": [w.as_dict() for w in warnings], "summary": content})
        return 0
    click.echo(summary.text(content))
    if verbose:
        click.echo("\n" + summary.details(system))
    show_mistakes(warnings)
    return 0


def _examined(model: Path) -> tuple[System, tuple[Any, ...]]:
    """Return the equations of a model and its warnings; raises ModelError and DataError."""
    from crncompile.analyze.warnings import model_warnings
    from crncompile.compiler import check_source
    from crncompile.language.parser import read_source
    from crncompile.network.initial import initial_values
    from crncompile.symbolic.system import derive_system

    network = check_source(read_source(model))
    system = derive_system(network)
    return system, model_warnings(system, initial_values(network))


def _refusal(error: CrnError) -> dict[str, Any]:
    from crncompile.cli.say import failure

    content = failure(error)
    return {**content, "warnings": [], "summary": None}
