"""``crncompile train``: fit a model's trained parameters to data."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import mkdtemp
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
    stated,
)
from crncompile.cli.progress import waiting
from crncompile.cli.say import complain, console, note, print_json, warn
from crncompile.cli.training import MetricsFile, checkpoint_told, given_settings, list_settings
from crncompile.errors import DataError

if TYPE_CHECKING:
    from crncompile.compiled import CompiledNetwork
    from crncompile.learn.data import Data
    from crncompile.learn.fit import Checkpoints, Fit

_COMPARED = {"model", "data", "compare_rules", "plot", "parameters", "seed", "backend", "as_json"}
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(
    epilog=example(
        "crncompile train sine.tnet --data sine.csv -o sine.npz --plot sine.png",
        "crncompile train m.tnet --data mnist:FOLDER --validation 5000 --setting shift=1 --checkpoint run -o m.npz",
    )
)
@model_argument
@data_option
@click.option("--rule", default="adjoint", show_default=True, help="How gradients are obtained, see --compare-rules.")
@click.option("--nudge", type=float, metavar="KT", help="How far a measuring injection moves a reservoir.")
@click.option("--force", is_flag=True, help="Train by a rule whose gradient points the wrong way.")
@click.option("--compare-rules", is_flag=True, help="Compare all rules with the exact gradient, and do not train.")
@click.option("--optimizer", metavar="NAME", help="lm, adam, sgd or lbfgs. Default: the model's own, else by size.")
@click.option("-o", "--output", type=OutputPath(".npz"), metavar="P.npz", help="Write the parameters here.")
@click.option("--plot", type=PICTURE, metavar="F.png", help="Draw what came out, the network and the loss.")
@click.option("--starts", type=click.IntRange(min=1), metavar="N", help="Number of starts, the best of which is kept.")
@click.option("--iterations", type=click.IntRange(min=1), metavar="N", help="Most iterations (lm, lbfgs).")
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Passes over the data (adam, sgd).")
@click.option("--batch", type=click.IntRange(min=1), metavar="N", help="Samples of a step (adam, sgd).")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), metavar="R", help="Learning rate (adam, sgd).")
@robust_option
@fluctuations_option
@click.option("--target", type=click.FloatRange(min=0), metavar="LOSS", help="Stop where the loss is below this.")
@click.option("--validation", type=click.FloatRange(min=0), metavar="N", help="Share or number of samples held back.")
@click.option("--patience", type=click.IntRange(min=0), metavar="N", help="Stop after N epochs that did not help.")
@click.option("--setting", "words", multiple=True, metavar="NAME=VALUE", help="Any other setting of the optimiser.")
@click.option(
    "--list-settings",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=list_settings,
    help="List all optimisers with their settings.",
)
@click.option("--time", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Stop after this time.")
@click.option("--checkpoint", type=_FOLDER, metavar="DIR", help="Keep checkpoints in this folder.")
@click.option(
    "--every",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between checkpoints.",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint, to the same bits as without a stop.")
@click.option("--metrics", type=OutputPath(".jsonl"), metavar="F.jsonl", help="Write a JSON line for each epoch.")
@parameters_option
@seed_option
@backend_option
@json_option
def command(
    model: Path,
    data: str,
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
    words: tuple[str, ...],
    checkpoint: Path | None,
    every: float,
    resume: bool,
    metrics: Path | None,
    **settings: float | None,
) -> int:
    """Fit the trained parameters of MODEL to data.

    Ctrl-C ends training and keeps the best parameters so far. With --parameters the first start begins there. With
    samples held back (--validation) the parameters are kept that do best on those.
    """
    from crncompile.cli.progress import Reporter
    from crncompile.compiler import load
    from crncompile.learn.datasets import read_samples
    from crncompile.learn.parameters import load_parameters

    _refuse_idle(rule, checkpoint, compare_rules)
    if fluctuations and not settings.get("robust"):
        raise click.UsageError("--fluctuations goes with --robust N")
    checkpoints = _checkpoints(checkpoint, every, resume)
    given = given_settings(words, settings) | ({"fluctuations": 1.0} if fluctuations else {})
    with waiting(f"compiling {model}"):
        compiled = load(model, backend)
    samples = read_samples(data, compiled.network)
    warn(samples.warnings)
    start = load_parameters(parameters, compiled) if parameters else None
    if compare_rules:
        _compare(compiled, samples, compiled.parameters(start, seed=seed), seed, plot, as_json)
        return 0
    with ExitStack() as open_ones:
        open_ones.enter_context(checkpoint_told(checkpoint))
        lines = open_ones.enter_context(MetricsFile(metrics, resume)) if metrics else None
        fit = compiled.fit(
            samples.X,
            samples.y,
            seed=seed,
            parameters=start,
            rule=rule,
            nudge=nudge,
            force=force,
            optimizer=optimizer,
            progress=open_ones.enter_context(Reporter()),
            metrics=lines,
            tell=lambda sentence: warn([sentence]),
            time=time,
            checkpoints=checkpoints,
            **given,
        )
    if output:
        _keep(output, compiled, fit)
    if plot:
        _draw(compiled, samples, fit, plot)
    _tell(fit, seed, output, as_json)
    return 130 if fit.interrupted else int(fit.diverged)


def _keep(output: Path, compiled: CompiledNetwork, fit: Fit) -> None:
    """Write what was trained, if need be among temporary files; raises DataError where it is not where it should be."""
    from crncompile.learn.parameters import save_parameters

    try:
        save_parameters(output, compiled, fit.parameters)
    except DataError as error:
        kept = None
        with suppress(OSError, DataError), ExitStack() as if_failed:
            place = Path(mkdtemp(prefix="crncompile-")) / output.name
            if_failed.callback(place.parent.rmdir)
            save_parameters(place, compiled, fit.parameters)
            if_failed.pop_all()
            kept = place
        if kept is None:
            raise
        raise DataError(f"{error}; what was trained is kept in {kept}") from error


def _refuse_idle(rule: str, checkpoint: Path | None, compare_rules: bool) -> None:
    """Refuse options that would do nothing; raises UsageError, and ArgumentError for a rule that there is not."""
    from crncompile.learn.rules import find

    found = stated()
    if compare_rules and (training := [option for name, option in found.items() if name not in _COMPARED]):
        raise click.UsageError(f"{training[0]} is about training, and --compare-rules does not train: leave out one")
    if "every" in found and checkpoint is None:
        raise click.UsageError("--every goes with --checkpoint DIR")
    idle = [found[name] for name in ("nudge", "force") if name in found]
    if idle and find(rule).needs == "model":
        raise click.UsageError(f"{idle[0]} is about rules that measure, and {rule} is exact: try --rule response")


def _checkpoints(folder: Path | None, every: float, resume: bool) -> Checkpoints | None:
    from crncompile.learn.fit import Checkpoints

    if folder is None and resume:
        raise click.UsageError("--resume needs --checkpoint DIR: the folder to go on from")
    return None if folder is None else Checkpoints(folder, every, resume)


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
    from crncompile.cli.score import robust_account, score, sentence, validation_sentence

    scored = score(fit.outcome, fit.accuracy)
    if fit.interrupted:
        note("interrupted: the best parameters so far are kept")
    if fit.diverged:
        complain(fit.message)
    if as_json:
        print_json({**scored, **_account(fit, seed, output), **robust_account(fit.robustness)})
        return
    starts = f"{fit.starts} starts, " if fit.starts > 1 else ""
    click.echo(sentence(scored))
    if fit.validation is not None:
        click.echo(validation_sentence(fit.validation))
    if fit.skipped:
        click.echo(f"{fit.skipped} times a sample was left out of a step, having no steady state")
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
    from crncompile.cli.score import validation_score

    return {
        "rule": fit.rule,
        "judgements": [judgement_data(judgement) for judgement in fit.judgements],
        "optimizer": fit.optimizer,
        "starts": fit.starts,
        "seed": seed,
        "seconds": fit.seconds,
        "interrupted": fit.interrupted,
        "diverged": fit.diverged,
        "message": fit.message,
        "skipped": fit.skipped,
        "notes": list(fit.notes),
        "validation": None if fit.validation is None else validation_score(fit.validation),
        "evaluations": len(fit.history),
        "parameters": str(output) if output else None,
    }
