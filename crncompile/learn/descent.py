"""Descent on random batches: what all such optimisers share. How a gradient becomes a step is theirs.

Everything that is drawn is drawn from the seed, the start and the number of the step, so that nothing but arrays needs
to be kept for a later run to go on bit for bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import DataError
from crncompile.learn.augment import Augmentation
from crncompile.learn.average import Average
from crncompile.learn.distortion import SETTINGS as IMAGES
from crncompile.learn.distortion import Distortion
from crncompile.learn.experiment import NotAtRestError
from crncompile.learn.job import Job, evaluated
from crncompile.learn.recorder import DivergedError, Metrics, merit, part
from crncompile.learn.robust import VariedGradient, VariedTask, Workshop
from crncompile.learn.settings import HELD_BACK, TARGET, Setting, count
from crncompile.learn.task import Outcome, Search, Task
from crncompile.learn.teacher import Gradient
from crncompile.learn.transform import Point

Array = NDArray[Any]
SETTINGS: dict[str, Setting] = {
    "starts": count(1, "starts, the best of which is kept"),
    "batch": count(100, "samples of a step"),
    "epochs": count(30, "passes over the samples"),
    "schedule": Setting(
        "cosine", "how the rate goes on: to zero along a half cosine, or not", words=("cosine", "constant")
    ),
    "warm_up": Setting(0.0, "epochs in which the rate rises from zero", lowest=0),
    "weight_decay": Setting(0.0, "share of rate by which free variables go back towards their start", lowest=0),
    "clip": Setting(0.0, "longest gradient, by all free variables; 0: any", lowest=0),
    "average": Setting(
        0.0, "share of the parameters' mean that a step keeps, such as 0.999; 0: no mean", lowest=0, below=1
    ),
    **IMAGES,
    "noise": Setting(0.0, "standard deviation of noise on the inputs, in raw units", lowest=0),
    **HELD_BACK,
    "target": TARGET,
    "robust": Setting(
        0, "networks within tolerances that are tried in the end; each step trains another", lowest=0, whole=True
    ),
    "fluctuations": Setting(0, "1: outputs are read at one instant in robust training", lowest=0, below=2, whole=True),
    "bits": Setting(0, "32 or 64, the precision of training; 0: what suits the network", allowed=(0, 32, 64)),
}
"""Settings of every descent, but its rate."""
_DRAWN = 1  # branch of the seed for what changes a batch
_LOST = 10
"""Batches in a row, of which half have no steady state, after which training has diverged."""
_MOST_NAMED = 3


class Method(Protocol):
    """How a gradient becomes a step."""

    def step(self, g: Array, rate: float) -> Array:
        """Return by how much the free variables shall fall."""
        ...

    def state(self) -> Mapping[str, Array]:
        """Return all that it remembers."""
        ...

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go on where another was."""
        ...


def descend(job: Job, method: Callable[[Array], Method]) -> None:
    """Train all starts; ``method`` makes a new one for the free variables of a start."""
    recorder, starts = job.recorder, job.count("starts")
    batches = max(1, job.task.samples // job.count("batch"))
    recorder.starts, recorder.most_epochs = starts, job.count("epochs")
    recorder.plan(starts * job.count("epochs") * batches)
    resumed = part(job.resumed, "optimizer") if job.resumed is not None else None
    precision = job.precision()
    for start in range(int(resumed["counts"][0]) if resumed else 0, starts):
        descent = Descent(job, start, method, batches, precision)
        if resumed is not None:
            descent.restore(resumed)
            resumed = None
        if _confirmed(job, descent) <= job.number("target"):
            break


def _confirmed(job: Job, descent: Descent) -> float:
    """Train a start, and return the loss of its best parameters, followed from the stated start.

    Raises DivergedError where the network has lost its steady states there; the last sound parameters are kept.
    """
    recorder, best = job.recorder, descent.run()
    known = recorder.parameters if descent.comparable and job.held_back is None else None
    recorder.parameters = best if known is None else known  # what is kept where there is no time to follow them
    found = recorder.confirm(best)
    outcome = found.validation or found.outcome
    if outcome is not None and recorder.lost(found):
        recorder.parameters = descent.last_sound() if known is None else known
        raise DivergedError(descent.where(outcome, "have no steady state in the end"))
    if known is not None and recorder.best < found.loss:  # a step before was better than the last one
        found = recorder.confirm(known)
    return found.loss


def _varied(job: Job) -> tuple[Task, Gradient]:
    """Return the task and the gradients of robust training, if that is asked for: another network in each run."""
    fluctuations = bool(job.count("fluctuations"))
    if not job.count("robust") and not fluctuations:
        return job.task, job.teacher
    if job.teacher.laboratory is not None or job.teacher.rule.needs == "variations":
        who = job.teacher.rule.name if job.teacher.laboratory is None else "a laboratory"
        raise DataError(f"robust training builds its own networks, which {who} does too: use adjoint or response")
    workshop = Workshop(job.task.compiled, job.seed, fluctuations)
    return VariedTask.of(job.task, workshop), VariedGradient(job.teacher, workshop)


class Descent:
    """One start.

    ``settled`` says whether all that a checkpoint keeps belongs to the same step. ``sound`` are the free variables at
    the last batch all of which had steady states; ``average`` is what is validated and kept. Batches are those of
    ``task``, their gradients from ``gradient``. ``comparable`` says whether losses of two steps tell which parameters
    are better: batches may differ in their samples, in what was added to these, and in their networks.
    """

    def __init__(self, job: Job, start: int, method: Callable[[Array], Method], batches: int, precision: str):
        self.job, self.start, self.batches, self.precision = job, start, batches, precision
        self.task, self.gradient = _varied(job)
        self.values = job.begin(start)
        self.fixed = {name: np.asarray(value, precision) for name, value in self.values.items()}
        self.origin = job.packing.pack(self.values).astype(precision)
        self.z = self.sound = self.origin
        self.method = method(self.origin)
        self.average = Average(self.origin, job.number("average"))
        distortion = Distortion.of(job.settings)
        self.augmentation = Augmentation(job.task.compiled.inputs, distortion, job.number("noise"), job.seed)
        self.comparable = batches == 1 and self.augmentation.idle and not self.average.share and self.task is job.task
        self.states = States(job.task, precision)
        self.checked = None if job.held_back is None else States(job.held_back, precision)
        self.step = self.epochs = self.lost = self.waited = 0
        self.best: tuple[tuple[float, ...], Array] | None = None
        self.sums = np.zeros(4)
        self.settled = True

    # --- the loop ---

    def run(self) -> dict[str, Array]:
        """Train, and return the best parameters."""
        job, order, ordered = self.job, [np.arange(0)], -1
        job.recorder.epoch = self.epochs + 1
        try:
            while not self._ended():
                if ordered != self.epochs:
                    order, ordered = self._order(), self.epochs
                self._one(order[self.step - self.epochs * self.batches])
                job.offer(self.state) if self.step % self.batches else None
            self._point(self.z)
        except BaseException as error:
            self._leave(isinstance(error, DivergedError))
            raise
        job.keep(self.state)
        job.recorder.near = self.states.u
        return self._parameters(self.average.z if self.best is None else self.best[1])

    def _ended(self) -> bool:
        """Whether training has ended; what is due at the end of an epoch is done before."""
        if self.step == (self.epochs + 1) * self.batches:
            self._end_epoch()
            self.job.offer(self.state)
        patience = self.job.count("patience")
        return self.epochs >= self.job.count("epochs") or bool(patience and self.waited >= patience)

    def _order(self) -> list[Array]:
        """Return the samples of each batch of an epoch."""
        rng = np.random.default_rng([self.job.seed, self.start, self.epochs])
        return np.array_split(rng.permutation(self.job.task.samples), self.batches)

    def _one(self, chosen: Array) -> None:
        """Take one step, along the gradient of some samples."""
        job, point = self.job, self._point(self.z)
        batch, parameters = self._batch(chosen), {**self.fixed, **point.values}
        follow = not self.states.known[chosen].all()
        outcome = batch.run(parameters, Search(self.states.near(chosen), follow, self.precision, exact=False))
        g = self._slope(batch, outcome, point, parameters)
        right = batch.right(outcome)
        self.settled = False
        self.states.keep(chosen, outcome.solution.u)
        self._move(g, outcome)
        self.sums += (
            0.0 if not outcome.good.any() else outcome.loss * outcome.good.sum(),
            outcome.good.sum(),
            right,
            len(chosen),
        )
        self._add(outcome, parameters)
        self.settled = True
        job.recorder.tell(outcome, right if job.task.classifies else None)
        if self.lost >= _LOST:
            what = f"of the last batch have no steady state, and as bad were {_LOST} batches in a row"
            raise DivergedError(self.where(outcome, what))

    def _slope(self, batch: Task, outcome: Outcome, point: Point, parameters: Mapping[str, Array]) -> Array | None:
        """Return the derivative of the mean loss by the free variables; ``None`` where no sample has a state."""
        if not outcome.good.any():
            return None
        self.job.teacher.calls = (
            self.start * self.job.count("epochs") * self.batches + self.step
        )  # chooses what is drawn
        try:
            slope = self.gradient(self.task.compiled, outcome, batch.by_readout(batch.loss_weights(outcome)))
        except NotAtRestError:  # the evaluation itself stands
            self.settled = False
            self._add(outcome, parameters)
            raise
        return self.job.packing.pull_at(slope, point)

    def _add(self, outcome: Outcome, parameters: Mapping[str, Array]) -> None:
        """Note an evaluation; the losses of single batches are too different to tell the best parameters."""
        self.job.recorder.add(outcome, parameters, candidate=self.comparable)

    def _point(self, z: Array) -> Point:
        """Return the trained parameters; raises DivergedError where one is beyond all numbers."""
        with np.errstate(over="ignore", invalid="ignore"):
            point = self.job.packing.at(z)
        lost = [name for name, value in point.values.items() if not np.isfinite(value).all()]
        if lost:
            raise DivergedError(f"step {self.step} led beyond all numbers in {', '.join(lost)}; the rate is too high")
        return point

    def _batch(self, chosen: Array) -> Task:
        batch = self.task.subset(chosen)
        if not self.augmentation.idle:
            rng = np.random.default_rng([self.job.seed, self.start, self.step, _DRAWN])
            batch.inputs = self.augmentation.apply(batch.inputs, rng, self.precision)
        return batch

    def _move(self, g: Array | None, outcome: Outcome) -> None:
        """Go a step, where there is a gradient; count batches that are lost."""
        length = float(np.linalg.norm(g)) if g is not None else np.nan
        fine = np.isfinite(length)
        if outcome.unconverged == 0 and fine:
            self.sound = self.z
        self.lost = self.lost + 1 if not fine or outcome.lost else 0
        if g is not None and fine:
            job, rate = self.job, self.rate()
            clip, decay = job.number("clip"), job.number("weight_decay")
            if clip and length > clip:
                g = g * g.dtype.type(clip / length)
            back = (self.z - self.origin) * self.z.dtype.type(rate * decay) if decay else 0
            self.z = job.within(self.fixed, self.z, self.z - self.method.step(g, rate) - back)
            self.average.add(self.z, self.step)
        self.step += 1

    def rate(self) -> float:
        """Return the rate of the next step by the schedule."""
        done = self.step / (self.job.count("epochs") * self.batches)
        warm = self.job.number("warm_up") * self.batches
        rate = self.job.number("rate") * min(1.0, (self.step + 1) / warm if warm else 1.0)
        return rate if self.job.settings["schedule"] == "constant" else 0.5 * rate * (1 + float(np.cos(np.pi * done)))

    def _end_epoch(self) -> None:
        """Tell how the epoch was, and try the parameters on what was held back."""
        job, (loss, good, right, samples) = self.job, self.sums
        entry: Metrics = {"epoch": self.epochs + 1, "loss": float(loss / good) if good else float("inf")}
        if job.task.classifies:
            entry["accuracy"] = float(right / samples)
        entry |= {"unconverged": float(1 - good / samples), "rate": self.rate()}
        found = self._check()
        self.settled = False
        if found is not None:
            assert job.held_back is not None
            entry |= {f"validation_{name}": value for name, value in evaluated(job.held_back, found).items()}
            merits = merit(job.held_back, found)
            better = self.best is None or merits < self.best[0]
            self.waited = 0 if better else self.waited + 1
            self.best = (merits, self.average.z) if better else self.best
            job.recorder.validation = entry.get("validation_accuracy", entry["validation_loss"])
        self.epochs += 1
        self.sums = np.zeros(4)
        job.recorder.epoch = min(self.epochs + 1, job.count("epochs"))
        job.recorder.note(entry)
        self.settled = True

    def _check(self) -> Outcome | None:
        """Solve what is held back, from its last states, or at first from one like those that trained."""
        if self.job.held_back is None or self.checked is None:
            return None
        if not self.checked.known.any():
            self.checked.recent = self.states.recent
        every = np.arange(self.job.held_back.samples)
        search = Search(self.checked.near(every), not self.checked.known.all(), self.precision)
        parameters = {**self.fixed, **self._point(self.average.z).values}
        found = self.job.held_back.run(parameters, search)
        self.checked.keep(every, found.solution.u)
        return found

    # --- how it ends ---

    def _parameters(self, z: Array) -> dict[str, Array]:
        return {**self.values, **self.job.packing.unpack(z.astype(float))}

    def last_sound(self) -> dict[str, Array]:
        """Return the parameters of the last batch all of which had steady states."""
        return self._parameters(self.sound)

    def _leave(self, diverged: bool) -> None:
        """Hand the best parameters over before the end; single batches are too different to be compared by loss."""
        recorder = self.job.recorder
        recorder.near = self.states.u
        if self.best is not None:
            recorder.parameters = self._parameters(self.best[1])
        elif diverged:
            recorder.parameters = self.last_sound()
        elif not self.comparable or recorder.parameters is None:
            recorder.parameters = self._parameters(self.average.z)
        if self.settled and not diverged:
            self.job.keep(self.state)

    def where(self, outcome: Outcome, what: str) -> str:
        """Say which reservoirs have lost their steady states."""
        names, certificate = self.job.task.compiled.functions.structure.reservoirs, outcome.solution.certificate
        lost = Counter(names[place] for place in certificate.worst[~outcome.good])
        told = ", ".join(name for name, _ in lost.most_common(_MOST_NAMED)) + (", …" if len(lost) > _MOST_NAMED else "")
        if not lost:
            return f"the gradient is not finite in {_LOST} batches in a row"
        return f"{outcome.unconverged} of {len(outcome.good)} samples {what}; the currents do not balance at {told}"

    # --- what a checkpoint keeps ---

    def state(self) -> dict[str, Array]:
        """Return all that a later run needs to go on."""
        counts = [self.start, self.step, self.epochs, self.lost, self.waited]
        found = {"counts": np.array(counts), "z": self.z, "sound": self.sound, "sums": self.sums}
        found["average"] = self.average.z
        found |= {f"method.{name}": value for name, value in self.method.state().items()}
        found |= {f"states.{name}": value for name, value in self.states.state().items()}
        if self.checked is not None:
            found |= {f"checked.{name}": value for name, value in self.checked.state().items()}
        if self.best is not None:
            found |= {"merit": np.array(self.best[0]), "best": self.best[1]}
        return found

    def restore(self, state: Mapping[str, Array]) -> None:
        """Go on where another was."""
        _, self.step, self.epochs, self.lost, self.waited = (int(number) for number in state["counts"])
        self.z, self.sound, self.sums = state["z"], state["sound"], state["sums"]
        self.average.z = state["average"]
        self.method.restore(part(state, "method"))
        self.states.restore(part(state, "states"))
        if self.checked is not None:
            self.checked.restore(part(state, "checked"))
        if isinstance(self.task, VariedTask):
            self.task.workshop.number = self.step - 1  # each step has built one network
        if "best" in state:
            self.best = tuple(state["merit"].tolist()), state["best"]


class States:
    """The last steady state of each sample, from which it starts the next time."""

    def __init__(self, task: Task, precision: str):
        size = len(task.compiled.functions.structure.reservoirs)
        self.u = np.full((task.samples, size), np.nan, precision)
        self.known = np.zeros(task.samples, bool)
        self.recent = np.full(size, np.nan, precision)

    def near(self, chosen: Array) -> Array:
        """Return for each chosen sample its own last state; the mean of the last batch where it has none yet."""
        own = self.u[chosen]
        return own if self.known[chosen].all() else np.where(self.known[chosen, None], own, self.recent)

    def keep(self, chosen: Array, u: Array) -> None:
        """Note the states of a batch, those that were found."""
        found = np.isfinite(u).all(axis=1)
        if found.any():
            self.u[chosen[found]], self.known[chosen[found]] = u[found], True
            self.recent = u[found].mean(axis=0)

    def state(self) -> dict[str, Array]:
        """Return all arrays."""
        return {"u": self.u, "known": self.known, "recent": self.recent}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take arrays over."""
        self.u, self.known, self.recent = state["u"], state["known"], state["recent"]
