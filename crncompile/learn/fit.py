"""Training a network: which optimiser, from how many starts, and an honest account of what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crncompile.compiled import CompiledNetwork
from crncompile.errors import ArgumentError, DataError, ModelError, NotAllowedError
from crncompile.learn.checkpoint import Keeper, digest
from crncompile.learn.experiment import NotAtRestError
from crncompile.learn.job import Job
from crncompile.learn.judgement import Judgement, judge, judged, refuse
from crncompile.learn.laboratory import Laboratory
from crncompile.learn.meaning import meaning
from crncompile.learn.measured import MeasuredTask
from crncompile.learn.optimizers import Optimizer, find, having
from crncompile.learn.recorder import DivergedError, Metrics, OutOfTimeError, Progress, Recorder, part
from crncompile.learn.robust import Robustness, robustness
from crncompile.learn.rules import find as find_rule
from crncompile.learn.settings import Value, chosen
from crncompile.learn.split import split
from crncompile.learn.stated import mistakes_of_training
from crncompile.learn.task import Outcome, Task
from crncompile.learn.teacher import NUDGE, Teacher, check
from crncompile.learn.transform import Packing
from crncompile.network.report import listed

Array = NDArray[Any]
_LEAST_SQUARES_LIMIT = 2e7  # elements of the Jacobian of the residuals that least squares may take
_MOST_NAMED = 5
_INTERRUPTED = "interrupted: the best parameters so far are kept"


@dataclass(frozen=True, eq=False)
class Validation:
    """What the parameters came to on samples held back, ``samples`` of those given; see `Fit`."""

    samples: Array
    loss: float
    accuracy: float | None
    unconverged: int
    outcome: Outcome


@dataclass(frozen=True, eq=False)
class Fit:
    """What training found.

    ``loss`` is that of ``parameters`` with every steady state followed from the stated start, not from a warm one;
    ``accuracy`` is set for classification. Both are of the samples that trained, ``samples`` of those given;
    ``validation`` is of those held back, if any were: then it is these that are followed, and the others begin with
    their last states, as their certificate says. ``history`` is the loss at each evaluation, ``epochs`` are the
    metrics of each epoch (or evaluation of the whole set), ``skipped`` counts samples left out of a step as they had no
    steady state. ``judgements`` say what the gradients of ``rule`` were worth at the first start and in the end; none
    for exact ones and for random estimates. ``notes`` are sentences about the data and the course of the training.
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
    diverged: bool = False
    samples: Array | None = None
    validation: Validation | None = None
    epochs: tuple[Metrics, ...] = ()
    skipped: int = 0
    notes: tuple[str, ...] = ()
    robustness: Robustness | None = None


@dataclass(frozen=True)
class Checkpoints:
    """Where checkpoints are kept, how often in seconds, and whether to go on from the one that is there."""

    folder: str | Path
    every: float = 60.0
    resume: bool = False


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
    metrics: Callable[[Metrics], None] | None = None,
    tell: Callable[[str], None] | None = None,
    time: float | None = None,
    checkpoints: Checkpoints | None = None,
    **settings: Value,
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
        One of `learn.optimizers`; default: the model's own, else by the size of the problem.
    progress, metrics, tell
        Called with a `Progress` after each evaluation, with the metrics of each epoch, and with sentences that are
        worth to be known at once.
    time
        Seconds after which training stops with the best parameters so far.
    checkpoints
        Where to keep checkpoints; a training that goes on from one ends with the same bits as one that was never
        stopped.
    settings
        Those of the optimiser, stated in its module: they override the model's. With ``robust`` each step trains
        another network within the tolerances that the model states; see `learn.robust`.

    Raises ModelError for a `training` statement that makes no sense, DataError for data that do not fit the model, for
    unknown rules, optimisers and settings, for a rule that can not train this model, and for a checkpoint of another
    training. Ctrl-C ends training and keeps the best parameters so far; so does a training that diverges. Where nothing
    is better than the parameters it began with, these are kept.
    """
    whole = Task(compiled, X, y) if laboratory is None else MeasuredTask(compiled, X, y, laboratory)
    packing = Packing.of(compiled.network)
    if not packing.size:
        raise DataError("the model has nothing to train: mark parameters with `train`")
    method, values = _settings(compiled, whole, packing, optimizer, settings)
    teacher = Teacher(find_rule(rule), packing, laboratory, _sensible_nudge(nudge), seed)
    _check(teacher, whole, method, checkpoints)
    labels = whole.targets if whole.classifies else None
    trained, held_back = split(whole.samples, float(values.get("validation", 0.0)), seed, labels)
    task = whole.subset(trained) if len(held_back) else whole
    checked = whole.subset(held_back) if len(held_back) else None
    task.thrifty = True
    if checked is not None:
        checked.thrifty = True
    notes = _doubts(task)
    for sentence in notes:
        if tell is not None:
            tell(sentence)
    recorder = Recorder(task, checked, progress, metrics, float("inf") if time is None else time)
    job = Job(task, checked, packing, recorder, teacher, values, seed, parameters)
    with ExitStack() as open_ones:
        if checkpoints is not None:
            job.keeper = open_ones.enter_context(_keeper(job, whole, method.NAME, checkpoints, tell or notes.append))
            _resume(job, checkpoints.resume)
        if judged(teacher.rule):
            job.judgements.append(judge(task, teacher, job.begin(0)))
            if not force:
                refuse(job.judgements[0])
        message, interrupted, diverged = _train(job, method)
        return _account(job, method.NAME, message, interrupted, diverged, (trained, held_back), notes)


def _train(job: Job, method: Optimizer) -> tuple[str, bool, bool]:
    """Train, and say how it ended, and whether it was interrupted, or diverged."""
    message, interrupted, diverged = "finished", False, False
    try:
        method.train(job)
    except OutOfTimeError:
        message = "stopped when the time was used up"
    except KeyboardInterrupt:
        message, interrupted = _INTERRUPTED, True
    except (NotAtRestError, NotAllowedError) as error:
        if job.recorder.parameters is None or len(job.recorder.history) < 2:
            raise
        message = f"stopped with the best parameters so far: {error}"
    except DivergedError as error:
        message, diverged = f"diverged, the last good parameters are kept: {error}", True
    if message != "finished" and job.recorder.parameters is not None:
        job.recorder.confirm(job.recorder.parameters)
    try:
        message += job.go_back()
    except KeyboardInterrupt:
        if job.recorder.confirmed is None:
            raise
        interrupted = True
    return message, interrupted, diverged


def _settings(
    compiled: CompiledNetwork, task: Task, packing: Packing, optimizer: str | None, given: Mapping[str, Value]
) -> tuple[Optimizer, dict[str, Value]]:
    """Choose the optimiser and its settings: the caller's, else the model's, else by size."""
    if "settings" in given:
        raise DataError("settings are given by name, each on its own: fit(X, y, epochs=5), or fit(X, y, **settings)")
    if mistakes := mistakes_of_training(compiled.network):
        raise ModelError(mistakes)
    training = compiled.network.training
    if given.get("robust") or given.get("fluctuations"):
        optimizer = _for_varied(optimizer)
    small = not task.classifies and task.targets.size * packing.size <= _LEAST_SQUARES_LIMIT
    found = find(optimizer or (training.name if training else "levenberg_marquardt" if small else "adam"))
    if found.LEAST_SQUARES and task.classifies:
        raise DataError(f"{found.NAME} minimises squares, and this model classifies: use adam")
    own = dict(training.settings) if training and find(training.name) is found else {}
    _belong(found, given)
    return found, chosen(found.NAME, found.SETTINGS, {**own, **given})


def _belong(optimizer: Optimizer, given: Mapping[str, Value]) -> None:
    """Raise DataError for a setting that only other optimisers have."""
    for name in given:
        others = having(name)
        if others and name not in optimizer.SETTINGS:
            raise ArgumentError(
                f"{optimizer.NAME} has no setting {name}: {listed(others)} {'have' if len(others) > 1 else 'has'} it "
                f"(choose one, such as {others[0]})"
            )


def _for_varied(optimizer: str | None) -> str:
    """Return the optimiser that trains another network in each step."""
    if optimizer is not None and "robust" not in find(optimizer).SETTINGS:
        raise DataError(f"{find(optimizer).NAME} needs one network, and robust training builds many: use adam")
    return optimizer or "adam"


def _doubts(task: Task) -> list[str]:
    """Return sentences about data from which there is little to learn."""
    notes = []
    if task.samples == 1:
        notes.append("there is a single sample to train on: nothing is learned about any other")
    elif all((values == values[:1]).all() for values in task.inputs.values()):
        notes.append("no input differs between samples: all that can be learned is one answer to all")
    if task.classifies:
        missing = np.setdiff1d(np.arange(task.sizes[0]), task.targets)
        if missing.size:
            axis = task.readouts[0].axes[-1]
            named = ", ".join(str(axis.lower + place) for place in missing[:_MOST_NAMED])
            more = f" and {missing.size - _MOST_NAMED} more" if missing.size > _MOST_NAMED else ""
            notes.append(
                f"no sample to train on is of class {task.readouts[0].name}[{axis.name}] = {named}{more}: "
                "the network learns never to say so"
            )
    return notes


def _check(teacher: Teacher, task: Task, method: Optimizer, checkpoints: Checkpoints | None) -> None:
    """Raise DataError where the rule can not train this model, or not with this optimiser, or not be gone on with."""
    rule = teacher.rule
    if teacher.laboratory is not None and rule.needs in ("model", "complex relaxations"):
        raise DataError(f"{rule.name} needs a model of the network, which no instrument is: use response or eqprop")
    if teacher.laboratory is not None and checkpoints is not None:
        raise DataError("what an instrument is like can not be kept in a checkpoint: train without one")
    if method.LEAST_SQUARES and not rule.per_sample:
        raise DataError(f"{method.NAME} needs the derivatives of each sample, and {rule.name} only estimates: use adam")
    check(task.compiled, rule)


def _sensible_nudge(nudge: float | None) -> float:
    """Return a nudge that can be made."""
    if nudge is None:
        return NUDGE
    if not 0 < nudge < float("inf"):
        raise ArgumentError(f"the nudge must be positive, and finite, not {nudge}")
    return float(nudge)


# --- checkpoints ------------------------------------------------------------------------------------------------------


def _keeper(job: Job, whole: Task, name: str, checkpoints: Checkpoints, tell: Callable[[str], None]) -> Keeper:
    if not checkpoints.every > 0:
        raise ArgumentError(f"seconds between checkpoints must be positive, not {checkpoints.every:g}")
    return Keeper(Path(checkpoints.folder), checkpoints.every, _identity(job, whole, name), tell)


def _identity(job: Job, whole: Task, name: str) -> dict[str, str]:
    """Say in words what a training is of; another with the same words does the same, bit for bit."""
    compiled = job.task.compiled
    begin = compiled.parameters(job.given, seed=0)
    return {
        "the model": f"{compiled.network.name} ({meaning(compiled.network)[:12]})",
        "the set of values it begins with": digest(begin[name] for name in sorted(begin)),
        "the number of samples": str(whole.samples),
        "the set of data": digest([*whole.inputs.values(), whole.targets]),
        "the seed": str(job.seed),
        "the rule": job.teacher.rule.name,
        "the nudge": f"{job.teacher.nudge!r}",
        "the backend": compiled.backend,
        "the optimiser": name,
        **{name: _exactly(value) for name, value in job.settings.items()},
    }


def _exactly(value: Value) -> str:
    """Return a value in words, as short as it can be without being another."""
    return value if isinstance(value, str) else repr(float(value)).removesuffix(".0")


def _resume(job: Job, resume: bool) -> None:
    """Go on where a checkpoint is, if that is asked for."""
    assert job.keeper is not None
    found = job.keeper.load(resume)
    if found is not None:
        state, epochs = found
        job.recorder.restore(part(state, "recorder"), epochs)
        job.resumed, job.teacher.calls = state, int(state["gradients"])


# --- the account ------------------------------------------------------------------------------------------------------


def _account(
    job: Job,
    name: str,
    message: str,
    interrupted: bool,
    diverged: bool,
    samples: tuple[Array, Array],
    notes: list[str],
) -> Fit:
    """Evaluate the best parameters once more, followed from the stated start, and say what came out."""
    recorder, task = job.recorder, job.task
    parameters, outcome, checked = recorder.outcomes()
    if not outcome.good.any() and not diverged:
        diverged, message = True, f"{message}, and no sample has a steady state"
    if job.judgements and outcome.good.any():
        with suppress(NotAtRestError):
            job.judgements.append(judge(task, job.teacher, parameters, outcome, before=job.judgements[0]))
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
        diverged=diverged,
        samples=samples[0],
        validation=_validation(job.held_back, checked, samples[1]),
        epochs=tuple(recorder.epochs),
        skipped=recorder.skipped,
        notes=tuple(notes),
        robustness=None if interrupted else _robustness(job, parameters),
    )


def _robustness(job: Job, parameters: Mapping[str, Array]) -> Robustness | None:
    networks, fluctuations = int(job.settings.get("robust", 0)), bool(job.settings.get("fluctuations", 0))
    if not networks:
        return None
    return robustness(job.task, parameters, networks, seed=job.seed, fluctuations=fluctuations)


def _validation(task: Task | None, outcome: Outcome | None, samples: Array) -> Validation | None:
    if task is None or outcome is None:
        return None
    accuracy = task.accuracy(outcome) if task.classifies else None
    return Validation(samples, outcome.loss, accuracy, outcome.unconverged, outcome)
