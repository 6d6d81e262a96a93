"""Options that several commands have."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from crncompile.cli.say import failure, print_json
from crncompile.errors import CrnError

Function = TypeVar("Function", bound=Callable[..., Any])


def stated() -> dict[str, str]:
    """Return the options that stand on the command line, as it writes them, by name."""
    context = click.get_current_context()
    written = click.core.ParameterSource.COMMANDLINE
    return {
        parameter.name: parameter.opts[0]
        for parameter in context.command.params
        if parameter.name is not None and context.get_parameter_source(parameter.name) is written
    }


def example(*lines: str) -> str:
    """Return the end of a command's help: an example."""
    return "\n".join(["\b", "Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)])


class OutputPath(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic since click 8.4
    """A path to write to whose ending is one of some; it is looked at before any work begins."""

    name = "path"

    def __init__(self, *endings: str):
        self.endings = endings

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Path:
        """Return the path; a wrong ending is a wrong command line, a place that can not be written to is an error."""
        from crncompile.export.files import check_writable

        path = Path(value)
        if value == "-":
            self.fail(
                "name a file; what goes to standard output is chosen by --json where there is one", param, context
            )
        if path.suffix not in self.endings:
            self.fail(f"{value} must end in {' or '.join(self.endings)}", param, context)
        check_writable(path)
        return path


PICTURE = OutputPath(".png", ".svg", ".pdf")

model_argument = click.argument("model", type=click.Path(path_type=Path))
parameters_option = click.option(
    "--parameters", type=click.Path(path_type=Path), metavar="P.npz", help="Parameters to use, as train wrote them."
)
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Draws train values that no file gives."
)
backend_option = click.option(
    "--backend",
    default="numpy",
    show_default=True,
    metavar="NAME",
    help="What computes: numpy, c (needs a C compiler; faster for many devices), jax (needs JAX; also on a GPU), "
    "or the import path of a module.",
)
robust_option = click.option(
    "--robust",
    type=click.IntRange(min=1),
    metavar="N",
    help="Compare N networks, built within the stated tolerances, with the data; train also draws one for each step.",
)
fluctuations_option = click.option(
    "--fluctuations", is_flag=True, help="With --robust: potentials are read at one instant, as they fluctuate."
)
data_option = click.option(
    "--data",
    required=True,
    metavar="F.csv|F.npz|SET",
    help="Samples: a header with the names of inputs (raw data) and readouts, or label. "
    "Or a set: images mnist:FOLDER, digits, openml:mnist_784, or sine, xor, moons, bump; "
    ":train, :test or :all behind it chooses a part.",
)
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value of an input; a bare number is in the unit of its range. Also NAME[i]=VALUE, 'NAME=VALUE UNIT'.",
)
sweep_option = click.option(
    "--sweep",
    "sweeps",
    multiple=True,
    metavar="NAME=FIRST:LAST:COUNT[:log]",
    help="Solve for COUNT values of an input, evenly spaced, with :log in their logarithm; several span a grid.",
)


def json_option(function: Function) -> Function:
    """Add ``--json``: one object on standard output, for a failure too (which is told on standard error as well)."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
    @functools.wraps(function)
    def answering(*arguments: Any, as_json: bool, **settings: Any) -> Any:
        try:
            return function(*arguments, as_json=as_json, **settings)
        except CrnError as error:
            if as_json:
                print_json(failure(error))
            raise

    return answering  # type: ignore[return-value]
