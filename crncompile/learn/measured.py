"""A task whose states at rest are measured in a laboratory, not solved for: the trainer drives an instrument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crncompile.compiled import CompiledNetwork
from crncompile.learn.laboratory import Laboratory
from crncompile.learn.task import COLD, Outcome, Search, Task
from crncompile.solution import Solution
from crncompile.solve.certificate import Certificate, Status

Array = NDArray[Any]


class MeasuredTask(Task):
    """Samples and targets for one network in a laboratory; what is read of the potentials stands for the states."""

    def __init__(self, compiled: CompiledNetwork, X: ArrayLike, y: ArrayLike, laboratory: Laboratory):
        super().__init__(compiled, X, y)
        self.laboratory = laboratory

    def run(self, parameters: Mapping[str, Array], search: Search = COLD) -> Outcome:
        """Build the network, apply the inputs, and read; how states are sought means nothing to an instrument."""
        held, _ = self.compiled.held(self.inputs, parameters, raw=True)
        rest = np.zeros((len(held), len(self.compiled.functions.structure.reservoirs)))
        u = np.asarray(self.laboratory.build(parameters).relax(held, rest))
        certificate = _read(u, len(self.compiled.functions.structure.conserved))
        readouts = self.compiled.read(u, held, parameters, (len(held),))
        solution = Solution(readouts, certificate, u, held, dict(parameters), (len(held),), self.compiled)
        return self.outcome(solution)


def _read(u: Array, laws: int) -> Certificate:
    """Say of measured states that they are measured: there are no residuals."""
    good, unknown = np.asarray(np.isfinite(u).all(axis=1)), np.full(len(u), np.nan)
    return Certificate(
        status=np.where(good, Status.STABLE.value, Status.FAILED.value),
        how=np.where(good, "read from an instrument, not certified", ""),
        residual=unknown,
        newton_step=unknown,
        worst=np.zeros(len(u), int),
        iterations=np.zeros(len(u), int),
        totals=np.full((len(u), laws), np.nan),
        period=unknown,
        messages=tuple("" if fine else "the instrument gave no number" for fine in good),
        backend="instrument",
    )
