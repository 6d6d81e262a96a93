"""``crncompile check``: all mistakes of a model, or a summary with its warnings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crncompile.cli.options import example, model_argument, parameters_option, seed_option
from crncompile.cli.progress import waiting
from crncompile.cli.recall import Told, answer_of, keep, recalled
from crncompile.cli.say import json_text, mistakes_text, print_json, show_error, tell
from crncompile.errors import CrnError, Mistake, ModelError, Source

if TYPE_CHECKING:
    from crncompile.language import nodes
    from crncompile.network.initial import Values
    from crncompile.symbolic.system import System


@click.command(
    epilog=example("crncompile check sine.tnet --verbose", "crncompile check sine.tnet --parameters sine.npz")
)
@model_argument
@click.option("--verbose", is_flag=True, help="Show laws, tiers and the structure of the Jacobian of every family.")
@parameters_option
@seed_option
@click.option("--json", "as_json", is_flag=True, help="Print mistakes, warnings and the summary as one JSON object.")
def command(model: Path, verbose: bool, parameters: Path | None, seed: int, as_json: bool) -> int:
    """Tell all mistakes of MODEL, or sum it up.

    Warnings hold for the parameters in --parameters, or else for those that training would start from.
    """
    from crncompile.language.reading import read_source

    try:
        with waiting(f"checking {model}"):
            source = read_source(model)
            if parameters is not None:
                told = _answer_with(source, parameters, verbose, as_json)
            else:
                name = answer_of(source, "check", str(verbose), str(as_json), str(seed))
                told = recalled(name) or _told(name, source, verbose, as_json, seed)
    except CrnError as error:
        if as_json:
            print_json(_refusal(error))
        else:
            show_error(error)
        return 1
    tell(told.out, told.err)
    return 0


def _told(name: str, source: Source, verbose: bool, as_json: bool, seed: int) -> Told:
    """Examine a model, and keep the answer for the next time; raises ModelError."""
    from crncompile.language.use import read_model

    model = read_model(source)
    shared = _shared(model)
    told = _fresh(model, verbose, as_json, seed) if shared is None else _shared_answer(shared, source.name, as_json)
    keep(name, told, model)
    return told


def _fresh(model: nodes.Model, verbose: bool, as_json: bool, seed: int) -> Told:
    from crncompile.learn.stated import mistakes_of_training
    from crncompile.network.allowed import Examiner
    from crncompile.network.initial import initial_values
    from crncompile.network.library import standard_library
    from crncompile.network.resolve import resolve
    from crncompile.symbolic.system import derive_system

    network = resolve(model, standard_library(), mistakes_of_training)
    values = initial_values(network, seed)
    if (wrong := Examiner.of(network).of_drawn(values, seed)) is not None:
        raise ModelError([Mistake(wrong.span, wrong.message, f"what is trained is drawn here, with seed {seed}")])
    return _answer(derive_system(network), values, verbose, as_json)


def _answer_with(source: Source, parameters: Path, verbose: bool, as_json: bool) -> Told:
    """Examine a model with the parameters of a file; raises ModelError, and DataError for a file that does not fit."""
    from crncompile.compiler import compile_source
    from crncompile.learn.parameters import load_parameters
    from crncompile.learn.stated import mistakes_of_training

    compiled = compile_source(source, review=mistakes_of_training)
    return _answer(compiled.system, compiled.parameters(load_parameters(parameters, compiled)), verbose, as_json)


def _answer(system: System, values: Values, verbose: bool, as_json: bool) -> Told:
    from crncompile.analyze.drives import detailed_balance
    from crncompile.analyze.warnings import model_warnings
    from crncompile.cli import physics, summary

    balance = detailed_balance(system, values)
    warnings = model_warnings(system, values, balance)
    content = summary.of(system)
    if as_json:
        told = [warning.as_dict() for warning in warnings]
        whole = {"ok": True, "mistakes": [], "warnings": told, **physics.of(balance), "summary": content}
        return Told(json_text(whole), ())
    details = f"\n\n{summary.details(system, values, balance)}" if verbose else ""
    return Told(summary.text(content) + details, mistakes_text(warnings))


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


def _shared_answer(found: dict[str, list[str]], file: str, as_json: bool) -> Told:
    if as_json:
        return Told(json_text({"ok": True, "mistakes": [], "warnings": [], "summary": found}), ())
    head = f'{file}: no network; a model takes what is in it by use "{Path(file).name}"'
    return Told("\n".join([head, *(f"  {word:<13} {', '.join(names)}" for word, names in found.items() if names)]), ())


def _refusal(error: CrnError) -> dict[str, Any]:
    from crncompile.cli.say import failure

    content = failure(error)
    return {**content, "warnings": [], "drives": [], "balance": None, "summary": None}
