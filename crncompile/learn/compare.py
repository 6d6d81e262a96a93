"""Every learning rule against the exact gradient on the same network, as what it injects becomes small."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import DataError
from crncompile.learn.judgement import asymmetry, compared, cosine, error, hidden_variables
from crncompile.learn.rules import Rule, every
from crncompile.learn.task import Outcome, Task
from crncompile.learn.teacher import Teacher, check
from crncompile.learn.transform import Packing

Array = NDArray[Any]
NUDGES = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""In kT, or steps of free variables."""
SAMPLES = 20
_DRAWS = 16  # estimates of a random rule that are averaged
_FEW = 500  # trained numbers up to which they are varied one at a time


@dataclass(frozen=True)
class Row:
    """One rule: cosine, relative error, and cosine of hidden devices (None: there are none) at each nudge.

    NaN where no sample came to rest. ``skipped`` says why the rule was not compared. Random estimates are means of 16.
    """

    rule: Rule
    cosines: tuple[float, ...] = ()
    errors: tuple[float, ...] = ()
    hidden: tuple[float | None, ...] = ()
    skipped: str = ""

    @property
    def measured_order(self) -> float:
        """Order at which the error still falls between the last two nudges above rounding; NaN where it does not."""
        errors = np.array(self.errors)
        usable = [k for k in range(1, len(errors)) if errors[k] > 1e-8 and errors[k - 1] < 0.3]
        if not usable:
            return float("nan")
        k = usable[-1]
        return float(np.log(errors[k - 1] / errors[k]) / np.log(NUDGES[k - 1] / NUDGES[k]))


@dataclass(frozen=True)
class Comparison:
    """All rules at the same parameters and samples."""

    rows: tuple[Row, ...]
    samples: int
    asymmetry: float | None
    nudges: tuple[float, ...]


def compare(
    task: Task, parameters: Mapping[str, Array], *, seed: int = 0, told: Callable[[str], None] | None = None
) -> Comparison:
    """Compare all rules with the exact gradient of the loss of at most 20 samples; ``told`` is called with each name.

    Raises DataError where no sample has a steady state, or the exact gradient vanishes.
    """
    places = np.linspace(0, task.samples - 1, min(task.samples, SAMPLES))
    task = task.subset(np.unique(places.astype(int)))
    outcome = task.run(parameters)
    if not outcome.good.any():
        raise DataError(f"no sample has a steady state: {outcome.solution.certificate.messages[0]}")
    packing = Packing.of(task.compiled.network)
    if not packing.size:
        raise DataError("the model has nothing to train: mark parameters with `train`")
    rows = []
    for rule in every().values():
        if rule.needs != "model":
            if told:
                told(rule.name)
            rows.append(_row(task, outcome, packing, rule, seed))
    return Comparison(tuple(rows), int(outcome.good.sum()), asymmetry(task.compiled, outcome), NUDGES)


def _row(task: Task, outcome: Outcome, packing: Packing, rule: Rule, seed: int) -> Row:
    if rule.name == "finite" and packing.size > _FEW:
        return Row(rule, skipped=f"{packing.size} trained numbers are too many to vary one at a time")
    try:
        check(task.compiled, rule)
    except DataError as reason:
        return Row(rule, skipped=str(reason))
    hidden = hidden_variables(task.compiled, packing)
    cosines, errors, inner = list[float](), list[float](), list[float | None]()
    for nudge in NUDGES:
        exact, found = _gradients(task, outcome, Teacher(rule, packing, nudge=nudge, seed=seed))
        cosines.append(cosine(found, exact))
        errors.append(error(found, exact))
        inner.append(cosine(found[hidden], exact[hidden]) if hidden.any() else None)
    return Row(rule, tuple(cosines), tuple(errors), tuple(inner))


def _gradients(task: Task, outcome: Outcome, teacher: Teacher) -> tuple[Array, Array]:
    """Return the exact gradient and the rule's, an estimate being averaged; NaN where nothing came to rest."""
    draws = 1 if teacher.rule.exact else _DRAWS
    try:
        pairs = [compared(task, outcome, teacher) for _ in range(draws)]
    except DataError:
        exact = compared(task, outcome, Teacher(every()["adjoint"], teacher.packing))[0]
        return exact, np.full(exact.shape, np.nan)
    return pairs[0][0], np.mean([found for _, found in pairs], axis=0)
