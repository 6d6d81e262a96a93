"""Coupled learning, with the co-content: compare what is minimised, between two states at rest.

Where every current depends on its bias V alone, the rest state minimises the co-content, the sum over devices of the
integral of I dV (Millar 1951). Hence the loss has the slope d/dtheta [C(nudged) - C(free)] / beta, and each
device needs only its own integral between the two biases that stand at it:
dL/dtheta = -(1/beta) integral of (u_nudged - u_free) . dI/dtheta along the straight way between the two states, exact
for nonlinear devices as beta vanishes. Dissipated power, I V, in its place is right for linear devices only.
The integral is by Gauss and Legendre on four points.

Stern, Hexner, Rocks and Liu, Phys. Rev. X 11, 021045 (2021) clamp the outputs at potentials between measured and
desired; here they are nudged by currents -beta dL/du, so that the limit is the gradient of the loss itself for any
number of outputs. ``coupled`` compares the states of +beta and -beta (order 2), ``coupled_one_sided`` nudged and free
(order 1). Exact where `rules.eqprop` is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crncompile.learn.experiment import Experiment, Gradient
from crncompile.learn.rules import Needs
from crncompile.learn.rules.eqprop import BIAS_ONLY, compared

_POINTS, _SHARES = np.polynomial.legendre.leggauss(4)


@dataclass(frozen=True)
class Coupled:
    """Compare co-contents of nudged states."""

    name: str
    order: int = 2
    needs: Needs = "relaxations"
    exact: str = BIAS_ONLY
    symmetric: bool = True
    per_sample: bool = True

    def gradient(self, experiment: Experiment) -> Gradient:
        """Return the gradient of each sample."""
        multipliers, above, below = compared(experiment, self.order)
        ways = [(above + below) / 2 + point / 2 * (above - below) for point in _POINTS]
        return experiment.gradient([(share / 2 * multipliers, u) for share, u in zip(_SHARES, ways, strict=True)])


RULES = (Coupled("coupled"), Coupled("coupled_one_sided", order=1))
