"""``crncompile train``: fit a model's trained parameters to data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crncompile.cli.options import (
    PICTURE,
    OutputPath,
    backend_option,
    data_option,
    example,
    fluctuations_option,
    json_option,
    model_argument,
    parameters_option,
    robust_option,
    seed_option,
)
from crncompile.cli.progress import waiting
from crncompile.cli.say import console, note, print_json, warn

if TYPE_CHECKING:
    from crncompile.compiled import CompiledNetwork
    from crncompile.learn.data import Data
    from crncompile.learn.fit import Fit

OPTIMIZERS = {"lm": "levenberg_marquardt", "adam": "adam"}


@click.command(epilog=example("crncompile train sine.tnet --data sine.csv -o sine.npz --plot sine.png"))
@model_argument
@data_option
@click.option("--rule", default="adjoint", show_default=True, help="How gradients are obtained, see --compare-rules.")
@click.option("--nudge", type=float, metavar="KT", help="How far a measuring injection moves a reservoir.")
@click.option("--force", is_flag=True, help="Train by a rule whose gradient points the wrong way.")
@click.option("--compare-rules", is_flag=True, help="Compare all rules with the exact gradient, and do not train.")
@click.option("--optimizer", type=click.Choice(list(OPTIMIZERS)), help="Default: the model's own, else by size.")
@click.option("-o", "--output", type=OutputPath(".npz"), metavar="P.npz", help="Write the parameters here.")
@click.option("--plot", type=PICTURE, metavar="F.png", help="Draw target, prediction, network and loss.")
@click.option("--starts", type=click.IntRange(min=1), metavar="N", help="Number of starts, the best of which is kept.")
@click.option("--iterations", type=click.IntRange(min=1), metavar="N", help="Most iterations (lm).")
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Passes over the data (adam).")
@robust_option
@fluctuations_option
@click.option("--target", type=click.FloatRange(min=0), metavar="LOSS", help="Stop where the loss is below this.")
@click.option("--time", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Stop after this time.")
@parameters_option
@seed_option
@backend_option
@json_option
def command(
    model: Path,
    data: Path,
    rule: str,
    nudge: float | None,
    force: bool,
    compare_rules: bool,
    optimizer: str | None,
    output: Path | None,
    plot: Path | None,
    parameters: Path | None,
    seed: int,
    backend: str,
    as_json: bool,
    time: float | None,
    fluctuations: bool,
    **settings: float | None,
) -> int:
    """Fit the trained parameters of MODEL to data.

    Ctrl-C ends training and keeps the best parameters so far. With --parameters the first start begins there.
    """
    from crncompile.cli.progress import Reporter
    from crncompile.compiler import load
    from crncompile.learn.data import read_data
    from crncompile.learn.parameters import load_parameters, save_parameters

    if fluctuations and not settings.get("robust"):
        raise click.UsageError("--fluctuations goes with --robust N")
    with waiting(f"compiling {model}"):
        compiled = load(model)
    samples = read_data(data, compiled.network)
    warn(samples.warnings)
    start = load_parameters(parameters, compiled) if parameters else None
    if compare_rules:
        _compare(compiled, samples, compiled.parameters(start, seed=seed), seed, plot, as_json)
        return 0
    with Reporter() as progress:
        fit = compiled.fit(
            samples.X,
            samples.y,
            seed=seed,
            parameters=start,
            rule=rule,
            nudge=nudge,
            force=force,
            optimizer=OPTIMIZERS[optimizer] if optimizer else None,
            progress=progress,
            time=time,
            **{"fluctuations": 1.0} if fluctuations else {},
            **{name: value for name, value in settings.items() if value is not None},
        )
    if output:
        save_parameters(output, compiled, fit.parameters)
    if plot:
        _draw(compiled, samples, fit, plot)
    _tell(fit, seed, output, as_json)
    return 130 if fit.interrupted else 0


def _compare(
    compiled: CompiledNetwork, samples: Data, parameters: dict[str, Any], seed: int, plot: Path | None, as_json: bool
) -> None:
    from crncompile.cli.rules import comparison_data, comparison_lines, comparison_table
    from crncompile.learn.compare import compare
    from crncompile.learn.task import Task

    with waiting("comparing the rules"):
        found = compare(Task(compiled, samples.X, samples.y), parameters, seed=seed)
    if plot:
        from crncompile.plots.rules import draw_comparison

        draw_comparison(found, compiled.network.title or compiled.network.name, plot)
    if as_json:
        print_json(comparison_data(found))
        return
    console().print(comparison_table(found))
    for line in comparison_lines(found):
        click.echo(line)


def _draw(compiled: CompiledNetwork, samples: Data, fit: Fit, plot: Path) -> None:
    from crncompile.plots.training import draw_training

    draw_training(compiled, samples, fit, plot)


def _tell(fit: Fit, seed: int, output: Path | None, as_json: bool) -> None:
    from crncompile.cli.score import robust_account, score, sentence

    scored = score(fit.outcome, fit.accuracy)
    if fit.interrupted:
        note("interrupted: the best parameters so far are kept")
    if as_json:
        print_json({**scored, **_account(fit, seed, output), **robust_account(fit.robustness)})
        return
    starts = f"{fit.starts} starts, " if fit.starts > 1 else ""
    click.echo(sentence(scored))
    click.echo(
        f"{fit.optimizer}, {starts}{len(fit.history)} evaluations, {fit.seconds:.1f} s, seed {seed}: {fit.message}"
    )
    for when, judgement in zip(("at the start", "in the end"), fit.judgements, strict=False):
        click.echo(f"{judgement.sentence()} {when}")
    if fit.robustness is not None:
        click.echo(fit.robustness.sentence())
    if output:
        click.echo(f"parameters: {output}")
    else:
        note("the parameters are not kept: -o P.npz writes them")


def _account(fit: Fit, seed: int, output: Path | None) -> dict[str, Any]:
    from crncompile.cli.rules import judgement_data

    return {
        "rule": fit.rule,
        "judgements": [judgement_data(judgement) for judgement in fit.judgements],
        "optimizer": fit.optimizer,
        "starts": fit.starts,
        "seed": seed,
        "seconds": fit.seconds,
        "interrupted": fit.interrupted,
        "message": fit.message,
        "evaluations": len(fit.history),
        "parameters": str(output) if output else None,
    }
