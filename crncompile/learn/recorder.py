"""What training remembers and reports: the best parameters so far, the curve of the loss, the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.learn.task import Outcome, Search, Task

Array = NDArray[Any]
Metrics = dict[str, Any]


@dataclass(frozen=True)
class Progress:
    """One report: of start ``start`` of ``starts``; ``fraction`` of all planned work is done; times in seconds.

    ``samples`` have been solved for this evaluation, ``accuracy`` is the share of them classified rightly; ``solved``
    steady states have been found a second since training began. ``validation`` is what the last epoch came to on
    samples that were held back: the accuracy, or the loss where nothing is classified.
    """

    start: int
    starts: int
    evaluation: int
    loss: float
    best: float
    unconverged: int
    fraction: float
    seconds: float
    samples: int = 0
    accuracy: float | None = None
    solved: float = 0.0
    epoch: int = 0
    epochs: int = 0
    validation: float | None = None

    @property
    def remaining(self) -> float:
        """Estimated seconds left, at most."""
        return self.seconds * (1 - self.fraction) / self.fraction if self.fraction > 0 else float("inf")


class OutOfTimeError(Exception):
    """The time allowed for training has been used."""


class DivergedError(Exception):
    """The network that is trained has lost its steady states; the message says where."""


@dataclass(frozen=True, eq=False)
class Confirmed:
    """Parameters whose states were all followed from the stated start; ``merit`` is less for better ones.

    ``validation`` is the outcome on samples held back, None without such; ``near`` are the states from which the others
    began. Outcomes are None where they were found by a run that this one goes on with: see `Recorder.outcomes`.
    """

    merit: tuple[float, ...]
    parameters: Mapping[str, Array]
    near: Array | None
    outcome: Outcome | None = None
    validation: Outcome | None = None

    @property
    def loss(self) -> float:
        """The loss of the samples that train; infinite if one has no steady state."""
        return float("inf") if self.outcome is None or self.outcome.unconverged else self.outcome.loss


def merit(task: Task, outcome: Outcome) -> tuple[float, ...]:
    """Return what is less for a better outcome: samples without a state first, then errors, then the loss."""
    if task.classifies:
        return outcome.unconverged, 1.0 - task.accuracy(outcome), outcome.loss
    return outcome.unconverged, outcome.loss


@dataclass
class Recorder:
    """Collects evaluations; raises OutOfTimeError from `record` when ``limit`` seconds have passed.

    ``parameters`` are the best so far by losses from warm starts, ``confirmed`` the best that were confirmed.
    ``epochs`` are the metrics, one entry for each epoch (or evaluation of the whole set); ``skipped`` counts samples
    that were left out of a step, having no steady state. ``before`` are the seconds of the runs that this one resumes;
    ``limit`` does not count them.
    """

    task: Task
    held_back: Task | None = None
    report: Callable[[Progress], None] | None = None
    metrics: Callable[[Metrics], None] | None = None
    limit: float = float("inf")
    began: float = field(default_factory=time.perf_counter)
    before: float = 0.0
    best: float = float("inf")
    parameters: Mapping[str, Array] | None = None
    confirmed: Confirmed | None = None
    history: list[float] = field(default_factory=list)
    epochs: list[Metrics] = field(default_factory=list)
    start: int = 1
    starts: int = 1
    planned: int = 1
    solved: int = 0
    skipped: int = 0
    epoch: int = 0
    most_epochs: int = 0
    validation: float | None = None
    near: Array | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """Seconds since training began."""
        return self.before + time.perf_counter() - self.began

    def plan(self, evaluations: int) -> None:
        """Say how many evaluations there will be at most."""
        self.planned = max(1, evaluations)

    def record(self, outcome: Outcome, parameters: Mapping[str, Array], *, right: int | None = None) -> None:
        """Note an evaluation and tell of it; ``right`` is how many samples are classified rightly."""
        self.add(outcome, parameters)
        self.tell(outcome, right)

    def add(self, outcome: Outcome, parameters: Mapping[str, Array], *, candidate: bool = True) -> None:
        """Note an evaluation; only one without unconverged samples can become the best, and only a ``candidate``."""
        loss, unconverged = outcome.loss, outcome.unconverged
        self.history.append(loss)
        self.solved += len(outcome.good) - unconverged
        self.skipped += unconverged
        if unconverged == 0 and loss < self.best:
            self.best = loss
            if candidate:
                self.parameters = dict(parameters)

    def tell(self, outcome: Outcome, right: int | None = None) -> None:
        """Report the last evaluation; raises OutOfTimeError where the time is used."""
        if self.report is not None:
            self.report(self._progress(outcome, right))
        if self.seconds - self.before > self.limit:
            raise OutOfTimeError

    def _progress(self, outcome: Outcome, right: int | None) -> Progress:
        seconds, samples = self.seconds, len(outcome.good)
        done = min(1.0, max(len(self.history) / self.planned, (seconds - self.before) / self.limit))
        return Progress(
            self.start,
            self.starts,
            len(self.history),
            outcome.loss,
            self.best,
            outcome.unconverged,
            done,
            seconds,
            samples,
            None if right is None else right / samples,
            self.solved / max(seconds, 1e-9),
            self.epoch,
            self.most_epochs,
            self.validation,
        )

    def note(self, entry: Metrics) -> None:
        """Note the metrics of an epoch, or of an evaluation of the whole set."""
        seconds = self.seconds
        whole = {
            "start": self.start,
            "evaluation": len(self.history),
            **entry,
            "seconds": seconds,
            "states_per_second": self.solved / max(seconds, 1e-9),
        }
        self.epochs.append(whole)
        if self.metrics is not None:
            self.metrics(whole)

    def confirm(self, parameters: Mapping[str, Array]) -> Confirmed:
        """Follow every sample from the stated start; what came of it is kept if it is the best so far.

        Where samples are held back it is those that are followed, as they decide; the others, many more, begin with
        their last states if these are known (`near`), in the precision of these, as their certificate says.
        """
        found = self._followed(parameters, None if self.held_back is None else self.near)
        if self.confirmed is None or found.merit < self.confirmed.merit:
            self.confirmed = found
        return found

    def go_back(self, parameters: Mapping[str, Array]) -> bool:
        """Keep the parameters with which training began if they are better, and say whether they are.

        They have to lose no more samples, and to have less errors or loss: a few samples that were lost on the way
        are no reason to forget what was learned.
        """
        found, last = self._followed(parameters, None), self.confirmed
        if last is None or (found.merit[0] <= last.merit[0] and found.merit[1:] < last.merit[1:]):
            self.confirmed = found
        return self.confirmed is found

    def lost(self, found: Confirmed) -> bool:
        """Whether half of the samples that decide, or more, have no steady state."""
        return 2 * found.merit[0] >= (self.held_back or self.task).samples

    def _followed(self, parameters: Mapping[str, Array], near: Array | None) -> Confirmed:
        outcome, checked = self._solve(parameters, near)
        if self.held_back is None or checked is None:
            found: tuple[float, ...] = outcome.unconverged, outcome.loss
        else:
            found = merit(self.held_back, checked)
        return Confirmed(found, dict(parameters), near, outcome, checked)

    def outcomes(self) -> tuple[Mapping[str, Array], Outcome, Outcome | None]:
        """Return the best confirmed parameters, their outcome, and that on samples held back, if any are."""
        found = self.confirmed
        assert found is not None
        if found.outcome is None:
            return found.parameters, *self._solve(found.parameters, found.near)
        return found.parameters, found.outcome, found.validation

    def _solve(self, parameters: Mapping[str, Array], near: Array | None) -> tuple[Outcome, Outcome | None]:
        checked = None if self.held_back is None else self.held_back.run(parameters)
        if near is None:
            return self.task.run(parameters), checked
        return self.task.run(parameters, Search(near, precision=str(near.dtype))), checked

    # --- what a checkpoint keeps --------------------------------------------------------------------------------------

    def state(self) -> dict[str, Array]:
        """Return all that a later run needs to go on."""
        found: dict[str, Array] = {
            "history": np.array(self.history),
            "numbers": np.array([self.best, self.start, self.solved, self.skipped, self.epoch, self.seconds]),
            "validation": np.array(np.nan if self.validation is None else self.validation),
        }
        found |= {f"best.{name}": np.asarray(value) for name, value in (self.parameters or {}).items()}
        if self.confirmed is not None:
            found["merit"] = np.array(self.confirmed.merit)
            found |= {} if self.confirmed.near is None else {"near": self.confirmed.near}
            found |= {f"confirmed.{name}": np.asarray(value) for name, value in self.confirmed.parameters.items()}
        return found

    def restore(self, state: Mapping[str, Array], epochs: list[Metrics]) -> None:
        """Go on where another recorder was."""
        self.history, self.epochs = state["history"].tolist(), epochs
        self.best, self.before = float(state["numbers"][0]), float(state["numbers"][5])
        self.start, self.solved, self.skipped, self.epoch = (int(number) for number in state["numbers"][1:5])
        self.validation = None if np.isnan(state["validation"]) else float(state["validation"])
        self.parameters = part(state, "best") or None
        if "merit" in state:
            self.confirmed = Confirmed(tuple(state["merit"].tolist()), part(state, "confirmed"), state.get("near"))


def part(state: Mapping[str, Array], name: str) -> dict[str, Array]:
    """Return the arrays whose names begin with this one and a dot, by the rest of their names."""
    return {key[len(name) + 1 :]: value for key, value in state.items() if key.startswith(f"{name}.")}
