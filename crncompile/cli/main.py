"""``crncompile COMMAND``: which commands there are, and what the shell is told when one ends."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import Any

import click

from crncompile import __version__
from crncompile.cli.options import example
from crncompile.cli.say import complain, show_error
from crncompile.errors import ArgumentError, CrnError, did_you_mean

COMMANDS = {
    "check": "Tell all mistakes of a model, or sum it up.",
    "compile": "Write a model's equations as a Python module that needs only numpy.",
    "solve": "Find the steady states for given inputs.",
    "simulate": "Follow the relaxation in time.",
    "train": "Fit a model's trained parameters to data.",
    "evaluate": "Compare a model's predictions with data.",
    "devices": "Show devices: states, derived law, units, reference.",
    "export": "Write a model's equations as a document.",
    "new": "Write a small model to start from.",
    "counterpart": "Replace devices with NDC by their monotone counterparts.",
    "fmt": "Lay out models in one way, comments kept.",
    "bench": "Measure how fast this installation is.",
    "plot": "Draw a model's network, its response, or a device's current.",
}
WRONG_COMMAND_LINE = 2
INTERRUPTED = 130


class LazyGroup(click.Group):
    """Commands that are imported when they are called, and errors told in sentences instead of tracebacks."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import a command's module, ``commands/NAME.py``, and return its ``command``."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"crncompile.cli.commands.{name}")
        command: click.Command = module.command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a misspelt one is told with the nearest name."""
        if self.get_command(context, arguments[0]) is None and not arguments[0].startswith("-"):
            known = did_you_mean(arguments[0], COMMANDS) or f"commands are {', '.join(COMMANDS)}"
            raise click.UsageError(f"there is no command {arguments[0]}; {known}", context)
        return super().resolve_command(context, arguments)

    def main(self, args: Any = None, prog_name: str | None = None, *_: Any, **settings: Any) -> Any:
        """Run a command and exit with its status.

        0 done, 1 mistakes or failed samples, 2 wrong command line, 130 interrupted.
        """
        if not settings.pop("standalone_mode", True):
            return super().main(args, prog_name, standalone_mode=False, **settings)
        sys.exit(self._status(args, prog_name, settings))

    def _status(self, args: Any, prog_name: str | None, settings: dict[str, Any]) -> int:
        try:
            status = super().main(args, prog_name, standalone_mode=False, **settings)
            sys.stdout.flush()
            return int(status or 0)
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except (click.Abort, KeyboardInterrupt):
            complain("interrupted")
            return INTERRUPTED
        except CrnError as error:
            show_error(error)
            return WRONG_COMMAND_LINE if isinstance(error, ArgumentError) else 1
        except MemoryError:
            complain("the memory of this machine does not suffice; a smaller batch or model may fit")
        except RecursionError:
            complain("the model is nested too deeply")
        except OSError as error:
            _told_by_system(error)
        return 1


def _told_by_system(error: OSError) -> None:
    """Say what the operating system refused; a closed pipe is no error worth a word."""
    if not isinstance(error, BrokenPipeError):
        name = f"{error.filename}: " if error.filename else ""
        complain(f"{name}{error.strerror or error}")
    # what is still in the buffer can not be written either: without this Python would complain again at its end
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=example("crncompile train sine.tnet --data sine.csv -o sine.npz --plot sine.png"),
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Compile thermodynamic networks: reservoirs that exchange charge or molecules through dots and enzymes.

    MODEL is a .tnet file. Every command has its own --help with an example.
    """


def main() -> None:
    """Run the command line."""
    cli(prog_name="crncompile")
