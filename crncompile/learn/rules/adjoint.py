"""The exact gradient, by the implicit-function theorem.

At a steady state F(u, theta) = 0, hence du/dtheta = -J^-1 dF/dtheta; with J^T lambda = dL/du the gradient of a loss is
dL/dtheta - lambda . dF/dtheta: one linear solve and one pass over the devices, whatever the number of parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.compiled import CompiledNetwork
from crncompile.learn.rules import Needs
from crncompile.learn.task import Outcome

Array = NDArray[Any]


def gradient(
    compiled: CompiledNetwork, outcome: Outcome, weights: Mapping[str, Array], *, per_sample: bool = False
) -> dict[str, Array]:
    """Return the derivative of sum(weights * readouts) by every trained parameter.

    Shapes (*parameter), or (samples, *parameter) with ``per_sample``. Samples without a steady state count as zero.
    """
    good = np.flatnonzero(outcome.good)
    if not good.size:
        shapes = {p.name: p.shape for p in compiled.network.parameters if p.trained}
        return {name: np.zeros((len(outcome.good), *shape) if per_sample else shape) for name, shape in shapes.items()}
    solution = outcome.solution.take(good)
    chosen = {name: value[good] for name, value in weights.items()}
    found, _ = compiled.gradient(solution, chosen, per_sample=per_sample, only=compiled.trained)
    if not per_sample:
        return found
    whole = {}
    for name, value in found.items():
        whole[name] = np.zeros((len(outcome.good), *value.shape[1:]), value.dtype)
        whole[name][good] = value
    return whole


@dataclass(frozen=True)
class Adjoint:
    """The rule as others see it."""

    name: str
    needs: Needs = "model"
    exact: str = "any network"
    symmetric: bool = False
    order: int = 0
    per_sample: bool = True
    gradient = staticmethod(gradient)


RULES = (Adjoint("adjoint"),)
