"""How far a learning rule can be trusted on a network: asymmetry of the Jacobian, angle to the exact gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.compiled import CompiledNetwork
from crncompile.errors import DataError
from crncompile.learn.rules import Rule, find
from crncompile.learn.task import Outcome, Task
from crncompile.learn.teacher import Gradient, Teacher
from crncompile.learn.transform import Packing
from crncompile.solve.equations import Equations

Array = NDArray[Any]
SAMPLES = 100
"""A judgement takes at most so many samples, evenly spread over those given."""
LARGEST_DENSE = 1000
"""Floating reservoirs up to which the asymmetry is measured."""
NO_SIGNAL = 1e-6
"""Length of a gradient, relative to the exact one, below which there is none."""

VANISHING = 1e-5
"""Length of the exact gradient, relative to the loss or to its length where training began, below which it vanishes.

What is measured with the usual nudge is right to some 1e-6 of a gradient in which no samples cancel; of less there is
no angle that would mean anything. A step of one in the free variables then changes the loss by as little.
"""


@dataclass(frozen=True)
class Judgement:
    """What a rule's gradient is worth at some parameters.

    ``asymmetry`` is |J - J^T| / |J + J^T| (Frobenius) of the free states, None for a very large network; ``cosine`` and
    ``error`` (relative) compare the gradient by all free variables with the exact one, ``hidden_cosine`` that by the
    hidden devices alone, which touch no reservoir that is read: None where there are none, 0 where they get no signal.
    ``length`` is that of the exact gradient; where it vanishes there is no angle to it, and cosine and error are NaN.
    """

    rule: str
    asymmetry: float | None
    cosine: float
    error: float
    hidden_cosine: float | None
    length: float

    @property
    def wrong(self) -> bool:
        """Whether the gradient points away from the exact one, for all weights or for the hidden ones."""
        return self.cosine < 0 or (self.hidden_cosine is not None and self.hidden_cosine < 0)

    def sentence(self) -> str:
        """Say it in one line."""
        vanishes = not np.isfinite(self.cosine)
        parts = ["the exact gradient vanishes" if vanishes else f"cosine {self.cosine:.4g} with the exact gradient"]
        if self.hidden_cosine is not None:
            silent = self.hidden_cosine == 0
            parts.append(
                "hidden devices get no signal" if silent else f"{self.hidden_cosine:.4g} by hidden devices alone"
            )
        if self.asymmetry is not None:
            parts.append(f"asymmetry of the Jacobian {self.asymmetry:.2g}")
        return f"{self.rule}: {', '.join(parts)}"


def judged(rule: Rule) -> bool:
    """Whether a single gradient of a rule can be judged: one that is an estimate, or the exact one itself, can not."""
    return bool(rule.exact) and rule.needs in ("relaxations", "complex relaxations")


def judge(
    task: Task,
    teacher: Teacher,
    parameters: Mapping[str, Array],
    outcome: Outcome | None = None,
    *,
    before: Judgement | None = None,
) -> Judgement:
    """Compare a rule's gradient of the loss with the exact one; ``outcome`` is that of these parameters if known.

    ``before`` is the judgement where training began: a gradient may vanish in comparison, see `VANISHING`.
    """
    if outcome is None or task.samples > SAMPLES:
        task = task.subset(spread(task.samples))
        outcome = task.run(parameters)
    if not outcome.good.any():
        what = outcome.solution.certificate.messages[0]
        raise DataError(
            f"no sample has a steady state where training begins ({what}): {teacher.rule.name} has nothing to measure"
        )
    exact, found = compared(task, outcome, teacher)
    length, hidden = float(np.linalg.norm(exact)), hidden_variables(task.compiled, teacher.packing)
    vanishes = length <= VANISHING * max(outcome.loss, before.length if before is not None else 0.0)
    return Judgement(
        teacher.rule.name,
        asymmetry(task.compiled, outcome),
        float("nan") if vanishes else cosine(found, exact),
        float("nan") if vanishes else error(found, exact),
        cosine(found[hidden], exact[hidden]) if hidden.any() and not vanishes else None,
        length,
    )


def refuse(judgement: Judgement) -> None:
    """Raise DataError where a rule points the wrong way."""
    if judgement.wrong:
        raise DataError(
            f"{judgement.sentence()}: it points the wrong way, for want of currents that depend on the bias alone; "
            "use response, or force it"
        )


def spread(samples: int) -> Array:
    """At most `SAMPLES` places, evenly spread."""
    return np.unique(np.linspace(0, samples - 1, min(samples, SAMPLES)).astype(int))


def compared(task: Task, outcome: Outcome, gradient: Gradient) -> tuple[Array, Array]:
    """Return the exact gradient and another, (size,) each, by the free variables of the trained parameters."""
    packing = Packing.of(task.compiled.network)
    weights, z = task.by_readout(task.loss_weights(outcome)), packing.pack(outcome.solution.parameters)
    exact = find("adjoint").gradient(task.compiled, outcome, weights)
    return packing.pull(exact, z), packing.pull(gradient(task.compiled, outcome, weights), z)


def cosine(found: Array, exact: Array) -> float:
    """Cosine of the angle between two gradients; 0 where the first is as good as nothing, NaN where the second is."""
    lengths = np.linalg.norm(found), np.linalg.norm(exact)
    if not lengths[1] > 0:
        return float("nan")
    if lengths[0] <= NO_SIGNAL * lengths[1]:
        return 0.0
    return float(found @ exact / lengths[0] / lengths[1])


def error(found: Array, exact: Array) -> float:
    """Length of the difference of two gradients, relative to the exact one."""
    length = np.linalg.norm(exact)
    return float(np.linalg.norm(found - exact) / length) if length > 0 else float("nan")


def hidden_variables(compiled: CompiledNetwork, packing: Packing) -> Array:
    """Which free variables (size,) belong to devices that touch no reservoir that is read."""
    network = compiled.network
    read = {access.name for readout in network.readouts for access in readout.reservoirs}
    hidden: set[str] = set()
    seen = {access.name for readout in network.readouts for access in readout.parameters}
    for family in network.families:
        names = {access.name for slot in family.slots.values() for access in slot.accesses}
        (seen if any(port.reservoir in read for port in family.ports) else hidden).update(names)
    flags = [p.name in hidden and p.name not in seen for p in packing.parameters]
    return np.repeat(flags, packing.sizes)


def asymmetry(compiled: CompiledNetwork, outcome: Outcome) -> float | None:
    """|J - J^T| / |J + J^T| of the derivatives of the currents by the potentials, over all samples at rest."""
    u = outcome.solution.u[outcome.good]
    if not u.size or u.shape[1] > LARGEST_DENSE:
        return None
    parameters, odd, even = outcome.solution.parameters, 0.0, 0.0
    for state, held in zip(u, outcome.solution.held[outcome.good], strict=True):
        equations = Equations.of(compiled.functions, parameters, held[None], state[None], None)
        jacobian = equations.linearise(state[None]).jacobian.dense()[0]
        odd += float(np.sum((jacobian - jacobian.T) ** 2))
        even += float(np.sum((jacobian + jacobian.T) ** 2))
    return float(np.sqrt(odd / even)) if even > 0 else None
