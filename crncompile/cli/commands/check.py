"""``crncompile check``: all mistakes of a model, or a summary with its warnings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crncompile.cli.options import example, model_argument
from crncompile.cli.progress import waiting
from crncompile.cli.say import print_json, show_error, show_mistakes
from crncompile.errors import CrnError, Mistake

if TYPE_CHECKING:
    from crncompile.analyze.drives import Balance
    from crncompile.language import nodes
    from crncompile.network.initial import Values
    from crncompile.symbolic.system import System


@click.command(epilog=example("crncompile check sine.tnet --verbose"))
@model_argument
@click.option("--verbose", is_flag=True, help="Show laws, tiers and the structure of the Jacobian of every family.")
@click.option("--json", "as_json", is_flag=True, help="Print mistakes, warnings and the summary as one JSON object.")
def command(model: Path, verbose: bool, as_json: bool) -> int:
    """Tell all mistakes of MODEL, or sum it up."""
    try:
        with waiting(f"checking {model}"):
            parsed = _parsed(model)
            shared = _shared(parsed)
            examined = _examined(parsed) if shared is None else None
    except CrnError as error:
        if as_json:
            print_json(_refusal(error))
        else:
            show_error(error)
        return 1
    from crncompile.cli import physics, summary

    if examined is None:
        return _tell_shared(shared or {}, model, as_json)
    system, values, balance, warnings = examined
    content = summary.of(system)
    if as_json:
        told = [warning.as_dict() for warning in warnings]
        print_json({"ok": True, "mistakes": [], "warnings": told, **physics.of(balance), "summary": content})
        return 0
    click.echo(summary.text(content))
    if verbose:
        click.echo("\n" + summary.details(system, values, balance))
    show_mistakes(warnings)
    return 0


def _parsed(model: Path) -> nodes.Model:
    from crncompile.language.parser import read_source
    from crncompile.language.use import read_model

    return read_model(read_source(model))


def _examined(model: nodes.Model) -> tuple[System, Values, Balance, tuple[Mistake, ...]]:
    """Return the equations of a model, its parameters, what drives it and its warnings; raises ModelError."""
    from crncompile.analyze.drives import detailed_balance
    from crncompile.analyze.warnings import model_warnings
    from crncompile.network.initial import initial_values
    from crncompile.network.library import standard_library
    from crncompile.network.resolve import resolve
    from crncompile.symbolic.system import derive_system

    network = resolve(model, standard_library())
    system, values = derive_system(network), initial_values(network)
    balance = detailed_balance(system, values)
    return system, values, balance, model_warnings(system, values, balance)


def _shared(model: nodes.Model) -> dict[str, list[str]] | None:
    """Return what a file declares for others, checked; ``None`` for a model. Raises ModelError."""
    from crncompile.language import nodes
    from crncompile.language.use import is_library
    from crncompile.network.library import standard_library
    from crncompile.network.resolve import resolve_library
    from crncompile.symbolic.device_law import derive

    if not is_library(model):
        return None
    devices = resolve_library(model, standard_library())
    for device in devices:
        derive(device)
    return {
        "devices": [device.name for device in devices],
        "laws": [statement.name for statement in model.statements if isinstance(statement, nodes.Law)],
        "circuits": [statement.name for statement in model.statements if isinstance(statement, nodes.Circuit)],
    }


def _tell_shared(found: dict[str, list[str]], model: Path, as_json: bool) -> int:
    if as_json:
        print_json({"ok": True, "mistakes": [], "warnings": [], "summary": found})
        return 0
    click.echo(f'{model}: no network; a model takes what is in it by use "{model.name}"')
    for word, names in found.items():
        if names:
            click.echo(f"  {word:<13} {', '.join(names)}")
    return 0


def _refusal(error: CrnError) -> dict[str, Any]:
    from crncompile.cli.say import failure

    content = failure(error)
    return {**content, "warnings": [], "drives": [], "balance": None, "summary": None}
