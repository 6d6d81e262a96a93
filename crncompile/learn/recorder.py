"""What training remembers and reports: the best parameters so far, the curve of the loss, the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Progress:
    """One report: of start ``start`` of ``starts``; ``fraction`` of all work is done; times in seconds."""

    start: int
    starts: int
    iteration: int
    loss: float
    best: float
    unconverged: int
    fraction: float
    seconds: float

    @property
    def remaining(self) -> float:
        """Estimated seconds left."""
        return self.seconds * (1 - self.fraction) / self.fraction if self.fraction > 0 else float("inf")


class OutOfTimeError(Exception):
    """The time allowed for training has been used."""


@dataclass
class Recorder:
    """Collects evaluations; raises OutOfTimeError from `record` when the time limit has passed."""

    report: Callable[[Progress], None] | None
    limit: float
    began: float = field(default_factory=time.perf_counter)
    best: float = float("inf")
    parameters: Mapping[str, Array] | None = None
    history: list[float] = field(default_factory=list)
    start: int = 1
    starts: int = 1

    @property
    def seconds(self) -> float:
        """Seconds since training began."""
        return time.perf_counter() - self.began

    def record(self, loss: float, parameters: Mapping[str, Array], unconverged: int, iteration: int, fraction: float) -> None:
        """Note an evaluation; only those without unconverged samples can become the best."""
        self.history.append(loss)
        if loss < self.best and (unconverged == 0 or self.parameters is None):
            self.best, self.parameters = loss, dict(parameters)
        if self.report is not None:
            done = max(fraction, self.seconds / self.limit if np.isfinite(self.limit) else 0.0)
            self.report(
                Progress(self.start, self.starts, iteration, loss, self.best, unconverged, min(done, 1.0), self.seconds)
            )
        if self.seconds > self.limit:
            raise OutOfTimeError
