"""What ``train`` is told and tells: settings of optimisers, metrics as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import RawIOBase
from pathlib import Path
from typing import Any

import click

from crncompile.cli.say import complain, note, plain
from crncompile.errors import ArgumentError


def given_settings(words: tuple[str, ...], options: Mapping[str, Any]) -> dict[str, float | str]:
    """Return settings from ``NAME=VALUE`` and from options of their own; raises ArgumentError for other words."""
    found: dict[str, float | str] = {}
    for word in words:
        name, sign, value = (part.strip() for part in word.partition("="))
        if not (name and sign and value):
            raise ArgumentError(f"{word} is no setting: write --setting NAME=VALUE; --list-settings names all")
        if name in found:
            raise ArgumentError(f"--setting {word}: {name} has a value already; give it one")
        if options.get(name) is not None:
            raise ArgumentError(f"--{name} and --setting {word} both say what {name} is: give one of them")
        found[name] = value
    return {**found, **{name: value for name, value in options.items() if value is not None}}


def list_settings(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print all optimisers with their settings, and end."""
    if not wanted or context.resilient_parsing:
        return
    from crncompile.learn.optimizers import every

    for optimizer in every().values():
        click.echo(optimizer.NAME)
        for name, setting in optimizer.SETTINGS.items():
            default = setting.default if isinstance(setting.default, str) else f"{setting.default:g}"
            click.echo(f"  {name} = {default}".ljust(24) + setting.what)
    context.exit(0)


@contextmanager
def checkpoint_told(folder: Path | None) -> Iterator[None]:
    """Say where the last checkpoint is, if there is one, where a training is interrupted before it has a result."""
    from crncompile.learn.checkpoint import FILE

    try:
        yield
    except KeyboardInterrupt:
        if folder is not None and (folder / FILE).exists():
            note(f"the last checkpoint is {folder / FILE}: --checkpoint {folder} --resume goes on from it")
        raise


class MetricsFile:
    """JSON lines, one for each epoch, written as they come; a context.

    The file is opened when the first line comes: a training that is refused leaves it alone. Of the file of a run that
    is gone on with, ``resumed``, the lines up to the checkpoint stay. A disk that is full is told once, and training
    goes on.
    """

    def __init__(self, path: Path, resumed: bool):
        self.path, self.resumed = path, resumed
        self.file: RawIOBase | None = None
        self.failed = False

    def __enter__(self) -> MetricsFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            with suppress(OSError):  # told when it was written to
                self.file.close()

    def __call__(self, metrics: Mapping[str, Any]) -> None:
        """Write one line."""
        self._quietly(lambda: self._write(metrics))

    def _write(self, metrics: Mapping[str, Any]) -> None:
        if self.file is None:
            kept = self._kept(int(metrics["evaluation"]))
            self.file = self.path.open("wb", buffering=0)  # a line is there at once, or not at all
            self.file.write("".join(kept).encode())
        self.file.write((json.dumps(plain(metrics)) + "\n").encode())

    def _kept(self, evaluation: int) -> list[str]:
        """Return the lines before an evaluation: not what was written after the checkpoint, nor a line cut off."""
        if not (self.resumed and self.path.is_file()):
            return []
        with self.path.open(encoding="utf-8", errors="replace") as file:
            return [line for line in file if _evaluation(line) < evaluation]

    def _quietly(self, action: Callable[[], None]) -> None:
        if self.failed:
            return
        try:
            action()
        except OSError as error:
            self.failed = True
            complain(f"{self.path} can not be written ({error.strerror}): training goes on without it", "warning")


def _evaluation(line: str) -> float:
    try:
        return float(json.loads(line)["evaluation"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
