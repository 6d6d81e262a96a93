"""How long work is going, on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from crncompile.cli.say import console, note

if TYPE_CHECKING:
    from crncompile.learn.recorder import Progress

_EVERY = 10.0
_PATIENCE = 1.0
_REDRAW = 0.1


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say every ten seconds what is still being done, on a terminal after the first second already."""
    done = threading.Event()

    def tell() -> None:
        seconds = _PATIENCE if sys.stderr.isatty() else _EVERY
        while not done.wait(seconds):
            note(f"{what} ...")
            seconds = _EVERY

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


class Reporter:
    """Takes a `Progress` after each evaluation; a context that leaves the terminal as it was."""

    def __init__(self) -> None:
        self.bar: Any = _bar() if sys.stderr.isatty() else None
        self.task: Any = None
        self.next = _EVERY
        self.drawn = 0.0

    def __enter__(self) -> Reporter:
        if self.bar is not None:
            self.bar.start()
            self.task = self.bar.add_task("", total=1.0, text="the first evaluation")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show a report."""
        if self.bar is not None and time.monotonic() >= self.drawn:
            self.drawn = time.monotonic() + _REDRAW
            self.bar.update(self.task, completed=progress.fraction, text=in_words(progress))
        elif self.bar is None and progress.seconds >= self.next:
            self.next = progress.seconds + _EVERY
            note(f"{progress.seconds:.0f} s: {in_words(progress)}")


def _bar() -> Any:
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    return Bar(BarColumn(bar_width=24), TextColumn("{task.fields[text]}"), console=console(error=True), transient=True)


def in_words(progress: Progress) -> str:
    """Return ``epoch 2 of 9, loss 1.2e-05, best 3.0e-06, 98.1 % right, 0 % unconverged, 8 100 states/s, 31 s left``."""
    left = f"{progress.remaining:.0f} s left" if math.isfinite(progress.remaining) else "time left unknown"
    parts = [f"start {progress.start} of {progress.starts}"] if progress.starts > 1 else []
    parts += [f"epoch {progress.epoch} of {progress.epochs}"] if progress.epochs else []
    parts += [f"loss {progress.loss:.2e}, best {progress.best:.2e}"]
    parts += [f"{100 * progress.accuracy:.1f} % right"] if progress.accuracy is not None else []
    if progress.validation is not None:
        right = progress.accuracy is not None
        parts.append("validation " + (f"{100 * progress.validation:.2f} %" if right else f"{progress.validation:.2e}"))
    share = f"{100 * progress.unconverged / progress.samples:.2g} %" if progress.samples else progress.unconverged
    speed = [f"{progress.solved:.0f} steady states/s"] if progress.solved else []
    return ", ".join([*parts, f"{share} unconverged", *speed, left])
