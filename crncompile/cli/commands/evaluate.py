"""``crncompile evaluate``: predictions compared with data."""

from __future__ import annotations

from pathlib import Path

import click

from crncompile.cli.options import (
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
from crncompile.cli.say import complain, print_json, warn

_MOST = 10


@click.command(epilog=example("crncompile evaluate sine.tnet --data test.csv --parameters sine.npz"))
@model_argument
@data_option
@parameters_option
@robust_option
@fluctuations_option
@seed_option
@backend_option
@json_option
def command(
    model: Path,
    data: str,
    parameters: Path | None,
    robust: int | None,
    fluctuations: bool,
    seed: int,
    backend: str,
    as_json: bool,
) -> int:
    """Compare the predictions of MODEL with data; of a set such as digits with the part for testing."""
    from crncompile.cli.model import loaded
    from crncompile.cli.score import robust_account, score, sentence
    from crncompile.learn.datasets import read_samples
    from crncompile.learn.robust import robustness
    from crncompile.learn.task import Task

    if fluctuations and not robust:
        raise click.UsageError("--fluctuations goes with --robust N")
    compiled, values = loaded(model, parameters, seed, backend)
    samples = read_samples(data, compiled.network, "test")
    warn(samples.warnings)
    task = Task(compiled, samples.X, samples.y)
    task.thrifty = True
    outcome = task.run(values)
    scored = score(outcome, task.accuracy(outcome) if task.classifies else None)
    spread = robustness(task, values, robust, seed=seed, fluctuations=fluctuations) if robust else None
    if as_json:
        print_json({**scored, **robust_account(spread)})
    else:
        click.echo(sentence(scored))
        if spread:
            click.echo(spread.sentence())
    lost = [(n, message) for n, message in enumerate(outcome.solution.certificate.messages) if message]
    for number, message in lost[:_MOST]:
        complain(f"sample {number}: {message}")
    if len(lost) > _MOST:
        complain(f"and {len(lost) - _MOST} more samples")
    return 1 if outcome.unconverged else 0
