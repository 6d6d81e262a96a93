"""What training remembers and reports: the best parameters so far, the curve of the loss, the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from crncompile.learn.task import Outcome, Task

Array = NDArray[Any]


@dataclass(frozen=True)
class Progress:
    """One report: of start ``start`` of ``starts``; ``fraction`` of all planned work is done; times in seconds."""

    start: int
    starts: int
    evaluation: int
    loss: float
    best: float
    unconverged: int
    fraction: float
    seconds: float

    @property
    def remaining(self) -> float:
        """Estimated seconds left, at most."""
        return self.seconds * (1 - self.fraction) / self.fraction if self.fraction > 0 else float("inf")


class OutOfTimeError(Exception):
    """The time allowed for training has been used."""


@dataclass
class Recorder:
    """Collects evaluations; raises OutOfTimeError from `record` when ``limit`` seconds have passed.

    ``parameters`` are the best so far by losses from warm starts; ``confirmed`` is (unconverged samples, parameters,
    outcome) of the best whose states were all followed from the stated start.
    """

    report: Callable[[Progress], None] | None
    limit: float
    began: float = field(default_factory=time.perf_counter)
    best: float = float("inf")
    parameters: Mapping[str, Array] | None = None
    confirmed: tuple[tuple[int, float], Mapping[str, Array], Outcome] | None = None
    history: list[float] = field(default_factory=list)
    start: int = 1
    starts: int = 1
    planned: int = 1

    @property
    def seconds(self) -> float:
        """Seconds since training began."""
        return time.perf_counter() - self.began

    def plan(self, evaluations: int) -> None:
        """Say how many evaluations there will be at most."""
        self.planned = max(1, evaluations)

    def record(self, loss: float, parameters: Mapping[str, Array], unconverged: int) -> None:
        """Note an evaluation; only one without unconverged samples can become the best."""
        self.history.append(loss)
        if unconverged == 0 and loss < self.best:
            self.best, self.parameters = loss, dict(parameters)
        if self.report is not None:
            done = min(1.0, max(len(self.history) / self.planned, self.seconds / self.limit))
            count = len(self.history)
            self.report(Progress(self.start, self.starts, count, loss, self.best, unconverged, done, self.seconds))
        if self.seconds > self.limit:
            raise OutOfTimeError

    def confirm(self, task: Task, parameters: Mapping[str, Array]) -> float:
        """Follow every sample from the stated start and return the loss; infinite if a sample has no steady state."""
        outcome = task.run(parameters)
        merit = (outcome.unconverged, outcome.loss)
        if self.confirmed is None or merit < self.confirmed[0]:
            self.confirmed = (merit, dict(parameters), outcome)
        return outcome.loss if not outcome.unconverged else float("inf")
