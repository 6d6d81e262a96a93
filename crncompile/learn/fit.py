"""Training a network: which optimiser, from how many starts, and an honest account of what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crncompile.compiled import CompiledNetwork
from crncompile.errors import DataError, did_you_mean
from crncompile.learn.experiment import NotAtRestError
from crncompile.learn.judgement import Judgement, judge, judged, refuse
from crncompile.learn.laboratory import Laboratory
from crncompile.learn.measured import MeasuredTask
from crncompile.learn.optimizers import adam, levenberg_marquardt
from crncompile.learn.optimizers.levenberg_marquardt import Found
from crncompile.learn.recorder import OutOfTimeError, Progress, Recorder
from crncompile.learn.robust import Robustness, VariedGradient, VariedTask, Workshop, robustness
from crncompile.learn.rules import find
from crncompile.learn.task import Outcome, Task
from crncompile.learn.teacher import NUDGE, Gradient, Teacher, check
from crncompile.learn.transform import Packing
from crncompile.search import overflows

Array = NDArray[Any]
SETTINGS = {
    "levenberg_marquardt": {"starts": 4, "trial": 40, "iterations": 400, "target": 0.0},
    "adam": {
        "starts": 1,
        "rate": 0.02,
        "batch": 100,
        "epochs": 30,
        "target": 0.0,
        "bits": 0,
        "robust": 0,
        "fluctuations": 0,
    },
}
WORTH_SINGLE = 10_000
"""Devices of a family from which training in 32 bits pays."""
_LEAST_SQUARES_LIMIT = 2e7  # elements of the Jacobian of the residuals that least squares may take


@dataclass(frozen=True, eq=False)
class Fit:
    """What training found.

    ``loss`` is that of ``parameters`` with every steady state followed from the stated start, not from a warm one;
    ``accuracy`` is set for classification. ``history`` is the loss at each evaluation. ``judgements`` say what the
    gradients of ``rule`` were worth at the first start and in the end; none for exact ones and for random estimates.
    ``robustness``: of networks built from ``parameters`` within their tolerances, where ``robust`` asked for it.
    """

    parameters: Mapping[str, Array]
    loss: float
    accuracy: float | None
    unconverged: int
    history: tuple[float, ...]
    seconds: float
    interrupted: bool
    optimizer: str
    starts: int
    message: str
    outcome: Outcome
    rule: str = "adjoint"
    judgements: tuple[Judgement, ...] = ()
    robustness: Robustness | None = None


def fit(
    compiled: CompiledNetwork,
    X: ArrayLike,
    y: ArrayLike,
    *,
    seed: int = 0,
    parameters: Mapping[str, Array] | None = None,
    rule: str = "adjoint",
    nudge: float | None = None,
    force: bool = False,
    laboratory: Laboratory | None = None,
    optimizer: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    time: float | None = None,
    **settings: float,
) -> Fit:
    """Train the network's ``train`` parameters on raw inputs X (samples, features) and targets y.

    Parameters
    ----------
    X, y
        Raw data in the order of the model's inputs, and targets (samples, readouts) or labels (samples,).
    seed
        Of all random choices: start k draws with seed and k.
    parameters
        Values from which the first start begins, instead of drawn ones.
    rule
        How gradients are obtained: ``adjoint`` (exact), or one of the measured ones in `learn.rules`.
    nudge
        How far in kT a measuring current moves a reservoir; for rules that vary parameters, by how much.
    force
        Train even where the rule's gradient points away from the exact one.
    laboratory
        Builds and reads the networks that are trained; by default they are simulated, exactly.
    optimizer
        ``levenberg_marquardt`` or ``adam``; default: the model's own, else by the size of the problem.
    progress
        Called with a `Progress` after each evaluation.
    time
        Seconds after which training stops with the best parameters so far.
    settings
        ``starts, trial, iterations, target`` for Levenberg-Marquardt, ``starts, rate, batch, epochs, target, bits``
        (32 or 64) for Adam; they override the model's. Training stops where the loss is below ``target``. ``robust``
        (Adam): each step trains another network within the tolerances that the model states, and in the end so many are
        built and compared with the data; ``fluctuations`` (0 or 1): they are read at one instant. See `learn.robust`.

    Raises DataError for data that do not fit the model, for unknown rules, optimisers and settings, and for a rule that
    can not train this model. Ctrl-C ends training and keeps the best parameters so far.
    """
    chosen_rule = find(rule)
    task = Task(compiled, X, y) if laboratory is None else MeasuredTask(compiled, X, y, laboratory)
    packing = Packing([p for p in compiled.network.parameters if p.trained])
    if not packing.size:
        raise DataError("the model has nothing to train: mark parameters with `train`")
    name, chosen = _settings(compiled, task, packing, optimizer, settings)
    teacher = Teacher(chosen_rule, packing, laboratory, _sensible_nudge(nudge), seed)
    _check(teacher, task, name)
    recorder = Recorder(progress, float("inf") if time is None else time)
    job = _Job(task, packing, recorder, teacher, chosen, seed, parameters)
    if judged(chosen_rule):
        job.judgements.append(judge(task, teacher, job.begin(0)))
        if not force:
            refuse(job.judgements[0])
    message, interrupted = "finished", False
    try:
        _least_squares(job) if name == "levenberg_marquardt" else _descend(job)
    except OutOfTimeError:
        message = "stopped when the time was used up"
    except NotAtRestError as error:
        if recorder.parameters is None or len(recorder.history) < 2:
            raise
        message = f"stopped with the best parameters so far: {error}"
    except KeyboardInterrupt:
        message, interrupted = "interrupted: the best parameters so far are kept", True
    if message != "finished" and recorder.parameters is not None:
        recorder.confirm(task, recorder.parameters)
    return _account(job, name, message, interrupted)


@dataclass
class _Job:
    """One training: its task, its settings, and the confirmed results so far as (loss, parameters)."""

    task: Task
    packing: Packing
    recorder: Recorder
    teacher: Teacher
    settings: Mapping[str, float]
    seed: int
    given: Mapping[str, Array] | None
    judgements: list[Judgement] = field(default_factory=list)

    def begin(self, start: int) -> dict[str, Array]:
        """Parameters from which a start begins."""
        self.recorder.start = start + 1
        seed = self.seed if start == 0 else _seed_of(self.seed, start)
        return self.task.compiled.parameters(self.given if start == 0 else None, seed=seed)

    def least_squares(self, begin: Found, iterations: int) -> Found:
        """Go on from a point for some evaluations."""
        target = self.settings["target"]
        return levenberg_marquardt.minimise(
            self.task, self.packing, begin, self.recorder, self.teacher, iterations=iterations, target=target
        )


def _seed_of(seed: int, start: int) -> int:
    """Return the seed of a later start."""
    return int(np.random.SeedSequence([seed, start]).generate_state(1)[0])


def _settings(
    compiled: CompiledNetwork, task: Task, packing: Packing, optimizer: str | None, given: Mapping[str, float]
) -> tuple[str, dict[str, float]]:
    """Choose the optimiser and its settings: the caller's, else the model's, else by size."""
    training = compiled.network.training
    if given.get("robust") or given.get("fluctuations"):
        optimizer = _for_varied(optimizer)
    small = not task.classifies and task.targets.size * packing.size <= _LEAST_SQUARES_LIMIT
    name = optimizer or (training.name if training else "levenberg_marquardt" if small else "adam")
    if name not in SETTINGS:
        raise DataError(f"there is no optimiser {name}; {did_you_mean(name, SETTINGS)}")
    if name == "levenberg_marquardt" and task.classifies:
        raise DataError("levenberg_marquardt minimises squares, and this model classifies: use adam")
    own = dict(training.settings) if training and training.name == name else {}
    for setting in (*own, *given):
        if setting not in SETTINGS[name]:
            raise DataError(f"{name} has no setting {setting}; {did_you_mean(setting, SETTINGS[name])}")
    return name, {**SETTINGS[name], **{key: _sensible(key, value) for key, value in {**own, **given}.items()}}


def _for_varied(optimizer: str | None) -> str:
    """Return the optimiser that trains another network in each step."""
    if optimizer == "levenberg_marquardt":
        raise DataError("levenberg_marquardt needs one network, and robust training builds many: use adam")
    return optimizer or "adam"


def _sensible(name: str, value: float | str) -> float:
    """Return a setting as a number; a count is at least 1, a rate positive."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if np.isnan(number):
        raise DataError(f"{name} must be a number, not {value}")
    if name == "rate" and number <= 0:
        raise DataError(f"rate must be positive, not {value}")
    if name == "bits" and number not in (0, 32, 64):
        raise DataError(f"bits must be 32 or 64 (or 0: what suits the network), not {value}")
    if name == "fluctuations" and number not in (0, 1):
        raise DataError(f"fluctuations must be 0 (none) or 1, not {value}")
    if name == "robust" and number == 0:
        return number
    if name not in ("rate", "target", "bits", "fluctuations") and not 1 <= number < float("inf"):
        raise DataError(f"{name} must be at least 1, and finite, not {value}")
    return number


def _check(teacher: Teacher, task: Task, optimizer: str) -> None:
    """Raise DataError where the rule can not train this model, or not with this optimiser."""
    rule = teacher.rule
    if teacher.laboratory is not None and rule.needs in ("model", "complex relaxations"):
        raise DataError(f"{rule.name} needs a model of the network, which no instrument is: use response or eqprop")
    if optimizer == "levenberg_marquardt" and not rule.per_sample:
        raise DataError(
            f"levenberg_marquardt needs the derivatives of each sample, and {rule.name} only estimates: use adam"
        )
    check(task.compiled, rule)


def _sensible_nudge(nudge: float | None) -> float:
    """Return a nudge that can be made."""
    if nudge is None:
        return NUDGE
    if not 0 < nudge < float("inf"):
        raise DataError(f"the nudge must be positive, and finite, not {nudge}")
    return float(nudge)


def _least_squares(job: _Job) -> None:
    """Try all starts for a while, then finish them in the order of their promise until one meets the target."""
    settings, recorder = job.settings, job.recorder
    starts, trial, iterations = int(settings["starts"]), int(settings["trial"]), int(settings["iterations"])
    recorder.plan(starts * trial + iterations)
    recorder.starts = starts
    tried = []
    for start in range(starts):
        begin = Found(job.begin(start), float("inf"), None)
        tried.append((start, job.least_squares(begin, trial)))
        if tried[-1][1].loss <= settings["target"]:
            break
    for start, found in sorted(tried, key=lambda t: t[1].loss):
        recorder.start = start + 1
        finished = found if found.loss <= settings["target"] else job.least_squares(found, iterations)
        confirmed = recorder.confirm(job.task, finished.values)
        if confirmed <= 10 * settings["target"] or not settings["target"]:
            break


def _descend(job: _Job) -> None:
    settings, recorder = job.settings, job.recorder
    recorder.starts = int(settings["starts"])
    epochs, batch = int(settings["epochs"]), int(settings["batch"])
    task, teacher = _varied(job)
    recorder.plan(recorder.starts * epochs * max(1, job.task.samples // batch))
    for start in range(recorder.starts):
        rng = np.random.default_rng([job.seed, start])
        values = adam.minimise(
            task,
            job.packing,
            job.begin(start),
            recorder,
            teacher,
            rng=rng,
            rate=settings["rate"],
            batch=batch,
            epochs=epochs,
            precision=_precision(job),
        )
        if recorder.confirm(job.task, values) <= job.settings["target"]:
            break


def _varied(job: _Job) -> tuple[Task, Gradient]:
    """Return the task and the gradients of robust training, if that is asked for: another network in each run."""
    robust, fluctuations = job.settings["robust"], bool(job.settings["fluctuations"])
    if not robust and not fluctuations:
        return job.task, job.teacher
    if job.teacher.laboratory is not None or job.teacher.rule.needs == "variations":
        who = job.teacher.rule.name if job.teacher.laboratory is None else "a laboratory"
        raise DataError(f"robust training builds its own networks, which {who} does too: use adjoint or response")
    workshop = Workshop(job.task.compiled, job.seed, fluctuations)
    return VariedTask.of(job.task, workshop), VariedGradient(job.teacher, workshop)


def _robustness(job: _Job, parameters: Mapping[str, Array]) -> Robustness | None:
    networks = int(job.settings.get("robust", 0))
    if not networks:
        return None
    return robustness(job.task, parameters, networks, seed=job.seed, fluctuations=bool(job.settings["fluctuations"]))


def _precision(job: _Job) -> str:
    """Return the precision of training: as set, else 32 bits where a family is so large that it pays, and they do."""
    if job.settings["bits"]:
        return f"float{int(job.settings['bits'])}"
    compiled = job.task.compiled
    if job.teacher.rule.needs != "model":  # what is measured are small differences
        return "float64"
    if max(int(np.prod(family.shape, dtype=int)) for family in compiled.network.families) < WORTH_SINGLE:
        return "float64"
    few = job.task.subset(np.arange(min(4, job.task.samples)))
    outcome = few.run(compiled.parameters(job.given, seed=job.seed), precision="float32")
    weights = few.by_readout(few.loss_weights(outcome))
    return "float64" if overflows(compiled, outcome.solution, weights) else "float32"


def _account(job: _Job, name: str, message: str, interrupted: bool) -> Fit:
    """Evaluate the best parameters once more, followed from the stated start, and say what came out."""
    recorder, task = job.recorder, job.task
    if recorder.confirmed is None:
        recorder.confirm(task, job.begin(0))
    assert recorder.confirmed is not None
    _, parameters, outcome = recorder.confirmed
    if job.judgements and outcome.good.any():
        with suppress(NotAtRestError):
            job.judgements.append(judge(task, job.teacher, parameters, outcome))
    return Fit(
        parameters=parameters,
        loss=outcome.loss,
        accuracy=task.accuracy(outcome) if task.classifies else None,
        unconverged=outcome.unconverged,
        history=tuple(recorder.history),
        seconds=recorder.seconds,
        interrupted=interrupted,
        optimizer=name,
        starts=recorder.starts,
        message=message,
        outcome=outcome,
        rule=job.teacher.rule.name,
        judgements=tuple(job.judgements),
        robustness=None if interrupted else _robustness(job, parameters),
    )
