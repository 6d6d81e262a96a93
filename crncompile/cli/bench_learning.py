"""``crncompile bench learning``: what networks learn, on a table of small tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crncompile.cli.options import PICTURE, backend_option, example, json_option
from crncompile.cli.say import console, note, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from crncompile.learn.benchmarks import Benchmark, Result, Row, Target, Trained

_WIDTH = 1000  # room for any table: in a narrower terminal its lines are broken, nothing is left out


@click.command(epilog=example("crncompile bench learning", "crncompile bench learning --only xor,moons --seeds 5"))
@click.option("--only", metavar="NAMES", help="Only these tasks or models, such as xor,moons,digits_dots.")
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Train with seeds 0, 1, ...")
@click.option("--mnist", type=click.Path(path_type=Path), metavar="DIR", help="Folder of MNIST, to train on it too.")
@click.option("--plot", type=PICTURE, metavar="F.png", help="Draw what was learned of the sine, with and without NDC.")
@backend_option
@json_option
def command(only: str | None, seeds: int, mnist: Path | None, plot: Path | None, backend: str, as_json: bool) -> int:
    """Train the benchmarks, each with the settings of its model, and compare what they reach with what they shall.

    What is reached is the mean squared error, or the share of samples that are classified rightly, on the part for
    testing, which training does not see; of several seeds the worst and the best are told. Exit status 1 says that a
    target was missed. All but MNIST take some minutes.
    """
    from crncompile.errors import ArgumentError
    from crncompile.learn.benchmarks import selected

    chosen, learned = selected([name.strip() for name in only.split(",")] if only else [], mnist), _Learned()
    if plot and not any(_drawn(benchmark) for benchmark in chosen):
        raise ArgumentError("--plot draws what was learned of the sine, and the sine is not among these: --only sine")
    try:
        for benchmark in chosen:
            _train(benchmark, range(seeds), mnist, backend, learned)
    except KeyboardInterrupt:
        learned.interrupted = True
        note("interrupted: this is what was trained until then")
    if plot and learned.kept:
        from crncompile.plots.learning import draw_functions

        draw_functions(learned.kept, plot)
    _tell(learned.rows, learned.interrupted, as_json)
    return 130 if learned.interrupted else int(any(row.met is False for row in learned.rows))


class _Learned:
    """What there is so far."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.kept: dict[str, Trained] = {}
        self.interrupted = False


def _train(benchmark: Benchmark, seeds: Sequence[int], mnist: Path | None, backend: str, learned: _Learned) -> None:
    """Train with all seeds; what an interruption leaves is kept."""
    from crncompile.cli.progress import Reporter
    from crncompile.learn.benchmarks import Trainer

    trainer, results = Trainer(benchmark, mnist, backend), list[Any]()
    try:
        for seed in seeds:
            note(f"{benchmark.title} by {benchmark.rule}, seed {seed} ...")
            with Reporter() as reporter:
                results.append(trainer(seed, reporter))
    finally:
        if results:
            learned.rows.append(trainer.row(results))
        if trainer.kept is not None and _drawn(benchmark):
            learned.kept[benchmark.title] = trainer.kept


def _drawn(benchmark: Benchmark) -> bool:
    """Whether a benchmark is drawn: functions of a single input that were learned as well as can be."""
    return benchmark.task == "sine" and benchmark.rule == "adjoint"


def _tell(rows: Sequence[Row], interrupted: bool, as_json: bool) -> None:
    if as_json:
        print_json({"rows": [{**asdict(row), "met": row.met} for row in rows], "interrupted": interrupted})
        return
    if rows:
        terminal = console()
        terminal.width = max(terminal.width, _WIDTH)
        terminal.print(_table(rows))


def _table(rows: Sequence[Row]) -> Table:
    from crncompile.cli.answer import empty_table

    result = empty_table()
    for heading in ("task", "model", "rule", "reached", "target", "met", "seconds", "seeds", "cosine"):
        result.add_column(heading, justify="right" if heading in ("seconds", "seeds") else "left")
    for row in rows:
        result.add_row(*_cells(row))
    return result


def _cells(row: Row) -> tuple[str, ...]:
    met = {None: "-", True: "yes", False: "no"}[row.met]
    seconds = _span(sorted(result.seconds for result in row.results), "{:.3g}".format)
    return (
        row.task,
        row.model,
        row.rule,
        _reached(row),
        _wanted(row.measure, row.target),
        met,
        seconds,
        f"{len(row.results)}",
        _cosine(row.results),
    )


def _reached(row: Row) -> str:
    found = sorted((result.reached for result in row.results), reverse=row.measure == "mse")
    lost = sum(result.unconverged for result in row.results)
    told = _span(found, _form(row.measure))
    return f"{told}, {lost} unconverged" if lost else told


def _form(measure: str) -> Callable[[float], str]:
    """Return how a measure is written."""
    return (lambda value: f"{100 * value:.4g} %") if measure == "accuracy" else _short


def _short(value: float) -> str:
    """Return three digits, and powers of ten as one writes them."""
    return f"{value:.3g}".replace("e-0", "e-") if value else "0"


def _span(values: Sequence[float], form: Callable[[float], str]) -> str:
    """Return the first and the last of some values, once where they read the same."""
    first, last = form(values[0]), form(values[-1])
    return first if first == last else f"{first} .. {last}"


def _wanted(measure: str, target: Target) -> str:
    form = _form(measure)
    if target.low is not None and target.high is not None:
        return f"{form(target.low)} .. {form(target.high)}"
    if target.low is not None:
        return f">= {form(target.low)}"
    return "reported" if target.high is None else f"<= {form(target.high)}"


def _cosine(results: Sequence[Result]) -> str:
    """Return the least cosine of the rule's gradient with the exact one at the start, and in the end."""
    judged = [result.cosines for result in results if len(result.cosines) > 1]
    return f"{min(c[0] for c in judged):.2f} -> {min(c[-1] for c in judged):.2f}" if judged else ""
