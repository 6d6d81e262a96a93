"""``crncompile simulate``: relaxation in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crncompile.cli.options import (
    PICTURE,
    OutputPath,
    example,
    json_option,
    model_argument,
    parameters_option,
    seed_option,
    set_option,
)
from crncompile.cli.say import complain, console, note, print_json, warn

if TYPE_CHECKING:
    from crncompile.cli.course import Course
    from crncompile.solve.relaxation import End

_EVERY = 5.0


@click.command(
    epilog=example(
        "crncompile simulate sine.tnet --set x=0.5 --parameters sine.npz --plot relaxation.png",
        "crncompile simulate brusselator.tnet --set B=3 --until 60s -o cycle.csv",
        "crncompile simulate sine.tnet --set x=0 --step 'x=2@5us' --step 'x=0@10us' --until 20us --event y=0.5",
    )
)
@model_argument
@set_option
@click.option("--until", metavar="TIME", help="End, such as 20us. Default: until it is steady, or seen to oscillate.")
@click.option(
    "--step",
    "steps",
    multiple=True,
    metavar="NAME=VALUE@TIME",
    help="An input jumps: --step 'x=1 kT@2 us'; repeatable.",
)
@click.option(
    "--start", "starts", multiple=True, metavar="NAME=VALUE", help="Where a reservoir starts, in place of the model's."
)
@click.option(
    "--event",
    "events",
    multiple=True,
    metavar="NAME=VALUE",
    help="Tell when a reservoir or readout passes through a value.",
)
@click.option("--points", type=click.IntRange(2, 10**6), default=501, show_default=True, help="Number of output times.")
@click.option(
    "--log/--linear",
    "logarithmic",
    default=None,
    help="Spacing of output times. Default: log until steady, else linear.",
)
@click.option("-o", "--output", type=OutputPath(".csv", ".npz"), metavar="F.csv|F.npz", help="Write all numbers here.")
@click.option("--plot", type=PICTURE, metavar="F.png", help="Draw readouts and reservoirs against time.")
@parameters_option
@seed_option
@json_option
def command(
    model: Path,
    settings: tuple[str, ...],
    until: str | None,
    steps: tuple[str, ...],
    starts: tuple[str, ...],
    events: tuple[str, ...],
    points: int,
    logarithmic: bool | None,
    output: Path | None,
    plot: Path | None,
    parameters: Path | None,
    seed: int,
    as_json: bool,
) -> int:
    """Follow the relaxation of MODEL in time from its stated start, for one set of inputs.

    Says how it ended, whether conserved totals were kept, and how far the end is from the certified steady state.
    Ctrl-C writes what there is.
    """
    from crncompile.cli import course

    found = _simulated(model, settings, until, steps, starts, events, points, logarithmic, parameters, seed)
    if output:
        course.write(found, output)
    if plot:
        from crncompile.plots.course import draw_course

        draw_course(course.drawing(found), plot)
    _tell(found, "no steady state is reached" if until is None else "the end is not reached", as_json)
    return _status(found.simulation.end)


def _simulated(
    model: Path,
    settings: tuple[str, ...],
    until: str | None,
    steps: tuple[str, ...],
    starts: tuple[str, ...],
    events: tuple[str, ...],
    points: int,
    logarithmic: bool | None,
    parameters: Path | None,
    seed: int,
) -> Course:
    from crncompile.cli.course import course
    from crncompile.cli.inputs import gather
    from crncompile.cli.model import loaded
    from crncompile.cli.quantities import has_unit, seconds
    from crncompile.cli.timing import timing
    from crncompile.solve.diagnosis import duration

    compiled, values = loaded(model, parameters, seed)
    end = None if until is None else seconds(compiled.network, until, f"--until {until}")
    given = gather(compiled.network, settings, (), None, single=True)
    timed = timing(compiled, values, given, steps, starts, events)
    ends = [f"until {duration(end)}"] if end is not None and not has_unit(until or "") else []
    for line in (*given.echo, *timed.echo, *ends):
        note(line)
    warn(given.warnings)
    simulation = compiled.simulate(
        given.values,
        until=end,
        steps=timed.steps,
        start=timed.start,
        events={level.label: level.level for level in timed.levels},
        points=points,
        logarithmic=logarithmic,
        parameters=values,
        told=_progress(),
    )
    return course(compiled.network, simulation, timed)


def _progress() -> Callable[[float, int], None]:
    """Return what says now and then how far a long simulation is."""
    from crncompile.solve.diagnosis import duration

    following = time.monotonic() + _EVERY

    def told(t: float, steps: int) -> None:
        nonlocal following
        if time.monotonic() > following:
            following += _EVERY
            note(f"at {duration(t)} after {steps} steps")

    return told


def _tell(found: Course, failure: str, as_json: bool) -> None:
    """Tell what was found; ``failure`` is in words what did not come about where it failed."""
    from crncompile.cli import course

    if as_json:
        print_json(course.as_data(found))
    else:
        console().print(course.table(found))
        for line in course.lines(found):
            click.echo(line)
    if found.simulation.end == "interrupted":
        note("interrupted: what there is is kept")
    elif found.simulation.end.failed:
        complain(f"{failure}: {found.simulation.message}")


def _status(end: End) -> int:
    return 130 if end == "interrupted" else int(end.failed)
