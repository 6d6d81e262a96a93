"""One training, as an optimiser sees it: its task, its settings, where starts begin, and what keeps checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import NotAllowedError
from crncompile.learn.checkpoint import Keeper
from crncompile.learn.judgement import Judgement
from crncompile.learn.recorder import Metrics, Recorder
from crncompile.learn.settings import Value
from crncompile.learn.task import Outcome, Search, Task
from crncompile.learn.teacher import Teacher
from crncompile.learn.transform import Packing
from crncompile.search import overflows

Array = NDArray[Any]
State = Mapping[str, Array]
WORTH_SINGLE = 10_000
"""Devices of a family from which training in 32 bits pays."""
_TRIES = 100
"""How often a start is drawn at most."""
_HALVES = 60
"""How often a step is halved before it is not taken."""
_BACK = "; nothing better was found than the parameters it began with, which are kept"
_OTHERS = ("robust", "fluctuations", "noise", "shift", "elastic", "rotation", "scaling", "shear")
"""Settings by which training has other networks or samples in view than those by which it is judged."""


@dataclass
class Job:
    """One training; ``held_back`` are the samples by which the best parameters are chosen, ``given`` where to begin."""

    task: Task
    held_back: Task | None
    packing: Packing
    recorder: Recorder
    teacher: Teacher
    settings: Mapping[str, Value]
    seed: int
    given: Mapping[str, Array] | None
    keeper: Keeper | None = None
    resumed: State | None = None
    judgements: list[Judgement] = field(default_factory=list)

    def number(self, name: str) -> float:
        """Return a setting that is a number."""
        return float(self.settings[name])

    def count(self, name: str) -> int:
        """Return a setting that is a whole number."""
        return int(self.settings[name])

    def begin(self, start: int) -> dict[str, Array]:
        """Parameters from which a start begins; those that devices do not allow are drawn again, but for the first."""
        self.recorder.start = start + 1
        if start == 0:
            return self.task.compiled.parameters(self.given, seed=self.seed)
        *seeds, last = np.random.SeedSequence([self.seed, start]).generate_state(_TRIES).tolist()
        for seed in seeds:
            with suppress(NotAllowedError):
                return self.task.compiled.parameters(seed=seed)
        return self.task.compiled.parameters(seed=last)

    def within(self, fixed: Mapping[str, Array], begin: Array, end: Array) -> Array:
        """Return the end of a step, which is shortened by halves while devices do not allow what follows from it."""
        if not self.task.compiled.constrained:
            return end
        for _ in range(_HALVES):
            with suppress(NotAllowedError):
                self.task.compiled.examine({**fixed, **self.packing.unpack(end)})
                return end
            end = begin + (end - begin) / 2
        return begin

    def precision(self) -> str:
        """Return the precision of training: as set, else 32 bits where a family is so large that it pays."""
        if self.settings.get("bits"):
            return f"float{self.count('bits')}"
        compiled = self.task.compiled
        if self.teacher.rule.needs != "model":  # what is measured are small differences
            return "float64"
        if max(int(np.prod(family.shape, dtype=int)) for family in compiled.network.families) < WORTH_SINGLE:
            return "float64"
        few = self.task.subset(np.arange(min(4, self.task.samples)))
        outcome = few.run(compiled.parameters(self.given, seed=self.seed), Search(precision="float32"))
        weights = few.by_readout(few.loss_weights(outcome))
        return "float64" if overflows(compiled, outcome.solution, weights) else "float32"

    def go_back(self) -> str:
        """Go back to where training began if that is better than what was found; then return words about it.

        The beginning is not evaluated, which takes as long as many steps, where its first batch had twice the loss at
        least; nor where training had others in view than the samples and the network that would be compared.
        """
        recorder, found = self.recorder, self.recorder.confirmed
        if found is not None and not recorder.lost(found):
            clearly = recorder.history and found.merit[-1] < 0.5 * recorder.history[0]
            others = self.held_back is None and any(self.settings.get(name) for name in _OTHERS)
            if clearly or others:
                return ""
        return _BACK if recorder.go_back(self.begin(0)) and recorder.history else ""

    # --- checkpoints ---

    def offer(self, own: Callable[[], State]) -> None:
        """Let a checkpoint be written, if it is time, with an optimiser's own arrays."""
        if self.keeper is not None:
            self.keeper.offer(lambda: (self.state(own()), self.recorder.epochs))

    def keep(self, own: Callable[[], State]) -> None:
        """Write a checkpoint now."""
        if self.keeper is not None:
            self.keeper.write(self.state(own()), self.recorder.epochs)

    def state(self, own: State) -> dict[str, Array]:
        """Return what a later run needs: an optimiser's own arrays, what is recorded, how often rules drew."""
        found = {f"optimizer.{name}": value for name, value in own.items()}
        found |= {f"recorder.{name}": value for name, value in self.recorder.state().items()}
        return {**found, "gradients": np.array(self.teacher.calls)}


def evaluated(task: Task, outcome: Outcome, right: int | None = None) -> Metrics:
    """Return the metrics of one evaluation of a task."""
    samples = len(outcome.good)
    found: Metrics = {"loss": outcome.loss}
    if task.classifies:
        found["accuracy"] = task.accuracy(outcome) if right is None else right / samples
    return {**found, "unconverged": outcome.unconverged / samples}
