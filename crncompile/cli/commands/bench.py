"""``crncompile bench``: how fast this installation is."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from crncompile.cli.options import example, json_option
from crncompile.cli.say import console, note, print_json, warn

if TYPE_CHECKING:
    from rich.table import Table

    from crncompile.cli.benchmark import Figures
    from crncompile.cli.machine import Limits

_WIDTH = 1000  # room for any table: in a narrower terminal its lines are broken, nothing is left out


class _Parts(click.Group):
    """``learning`` is imported when it is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all parts."""
        return ["learning"]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import a part."""
        if name not in self.list_commands(context):
            return None
        from crncompile.cli.bench_learning import command as learning

        return learning


@click.group(
    cls=_Parts,
    invoke_without_command=True,
    epilog=example("crncompile bench", "crncompile bench --backend c --json", "crncompile bench learning"),
)
@click.pass_context
@click.option(
    "--backend", "backends", multiple=True, metavar="NAME", help="Measure this backend alone; may be given repeatedly."
)
@json_option
def command(context: click.Context, backends: tuple[str, ...], as_json: bool) -> int:
    """Measure this installation in about half a minute: what the machine can do, and how fast networks are solved.

    For layers of enzymes, gated dots and double dots in three sizes, and every backend: the time to compile, to the
    first certified steady state from the text, and, in a batch, for a state and for its gradient by all parameters.
    Times are medians of five. A backend that can not run is named with what to do. `bench learning` measures what
    networks learn.
    """
    if context.invoked_subcommand is not None:
        return 0
    from crncompile.backends import choice
    from crncompile.cli.machine import limits

    measured = _Measured()
    try:
        _say("limits of the machine")
        measured.limits = limits()
        _measure(backends or tuple(choice.names()), bool(backends), measured)
    except KeyboardInterrupt:
        measured.interrupted = True
    _tell(measured, as_json)
    return 130 if measured.interrupted else 0


class _Measured:
    """What there is so far."""

    def __init__(self) -> None:
        self.limits: Limits | None = None
        self.figures: list[Figures] = []
        self.unable: dict[str, str] = {}
        self.interrupted = False


def _measure(backends: tuple[str, ...], demanded: bool, measured: _Measured) -> None:
    """Measure all networks by all backends; raises DataError for a backend that was demanded and can not run."""
    from crncompile.cli.benchmark import NETWORKS, SIZES, figures, title
    from crncompile.errors import DataError

    for network in NETWORKS:
        for sizes in SIZES:
            for backend in backends:
                if backend in measured.unable:
                    continue
                _say(f"{title(network, sizes)}, {backend}")
                try:
                    measured.figures.append(figures(network, sizes, backend))
                except DataError as error:
                    if demanded:
                        raise
                    measured.unable[backend] = str(error)


def _say(what: str) -> None:
    if sys.stderr.isatty():
        note(f"{what} ...")


def _tell(measured: _Measured, as_json: bool) -> None:
    if measured.interrupted:
        note("interrupted: this is what was measured until then")
    warn(f"{backend} is left out: {why}" for backend, why in measured.unable.items())
    if as_json:
        print_json(_as_data(measured))
        return
    if measured.limits is not None:
        click.echo(_machine(measured.limits))
    if measured.figures:
        terminal = console()
        terminal.width = max(terminal.width, _WIDTH)
        terminal.print(_table(measured.figures))


def _as_data(measured: _Measured) -> dict[str, Any]:
    return {
        "machine": None if measured.limits is None else asdict(measured.limits),
        "networks": [asdict(figures) for figures in measured.figures],
        "unable": measured.unable,
        "interrupted": measured.interrupted,
    }


def _machine(found: Limits) -> str:
    """Return the limits on two lines."""
    giga = 1e9
    return (
        f"{found.cores} cores; matrix products {found.flops / giga:.3g} Gflop/s in float64, "
        f"{found.flops_single / giga:.3g} in float32; memory {found.bytes / giga:.3g} GB/s\n"
        f"a core by numpy, in its cache: exp {found.exp / giga:.2g} G/s, division {found.division / giga:.2g} G/s"
    )


def _table(found: list[Figures]) -> Table:
    from crncompile.cli.answer import empty_table

    result = empty_table()
    for heading in ("network", "backend", "compiled", "first state", "batch", "a state", "gradient"):
        result.add_column(heading, justify="left" if heading in ("network", "backend") else "right")
    result.add_column("residual", justify="right")
    result.add_column("tier")
    for row in found:
        result.add_row(*_cells(row))
    return result


def _cells(row: Figures) -> tuple[str, ...]:
    from crncompile.solve.diagnosis import duration

    times = [duration(seconds, 3) for seconds in (row.compile, row.first)]
    each = [duration(seconds, 3) for seconds in (row.state, row.gradient)]
    residual = f"{row.residual:.1e}" if not row.failed else f"{row.failed} failed"
    return (row.network, row.backend, *times, f"{row.batch}", *each, residual, row.tier)
