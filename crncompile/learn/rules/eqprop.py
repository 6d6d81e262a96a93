"""Equilibrium propagation: let the network settle, nudge its outputs, let it settle again, compare.

At rest F(u) = 0. A current -beta dL/du into the outputs moves the potentials by du = beta J^-1 dL/du; the exact
multipliers are -J^-T dL/du. Where the Jacobian is symmetric, and only there, both are the same:
dL/dtheta = -(u_nudged - u_free) / beta . dI/dtheta, local in every device. ``eqprop_one_sided`` has an error of order 1
in beta; ``eqprop`` nudges with +beta and -beta, order 2.

J is symmetric where every current depends on the bias alone (then the rest state minimises the co-content). Elsewhere
the rule is an approximation that may point the wrong way: good for dots, bad for enzymes with K_eq far from one, and
devices upstream of an irreversible step or of a gate get no signal at all. Training reports the asymmetry of J and the
cosine with the exact gradient.

In a network that conserves a total, the part of the nudge that would change it is left out, weighted by the
capacities: what is left is what the loss can feel.

Scellier and Bengio, Front. Comput. Neurosci. 11, 24 (2017); both signs: Laborieux et al., Front. Neurosci. 15, 633674
(2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crncompile.learn.experiment import Array, Experiment, Gradient
from crncompile.learn.rules import Needs

BIAS_ONLY = "networks whose currents depend on the bias alone"


@dataclass(frozen=True)
class Eqprop:
    """Nudge the outputs by currents of one sign or of both."""

    name: str
    order: int = 2
    needs: Needs = "relaxations"
    exact: str = BIAS_ONLY
    symmetric: bool = True
    per_sample: bool = True

    def gradient(self, experiment: Experiment) -> Gradient:
        """Return the gradient of each sample."""
        multipliers, _, _ = compared(experiment, self.order)
        return experiment.gradient([(multipliers, experiment.free)])


def compared(experiment: Experiment, order: int) -> tuple[Array, Array, Array]:
    """Return what stands for the multipliers, and the states above and below that are compared, (samples, n) each.

    Of order 1 the free state is the one below, of order 2 the one that is nudged the other way.
    """
    force = nudging(experiment)
    beta, above = strength(experiment, force)
    below = experiment.free if order == 1 else experiment.rest(beta * force)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(beta > 0, (below - above) / (order * beta), 0.0), above, below


def nudging(experiment: Experiment) -> Array:
    """dL/du (samples, n) at the free state, without what would change a conserved total."""
    force, laws = experiment.slope(), experiment.laws
    if not laws.drains:
        return force
    pulled = laws.conserved[None] * laws.capacity(experiment.free)[:, None, :]
    excess = np.linalg.solve(pulled @ laws.conserved.T, (force @ laws.conserved.T)[:, :, None])[:, :, 0]
    return np.asarray(laws.balanced(force - (excess[:, None, :] @ pulled)[:, 0]))


def strength(experiment: Experiment, force: Array) -> tuple[Array, Array]:
    """Return beta (samples, 1) with which a current -beta force moves some reservoir by about the nudge.

    The second is where it does, the nudged states (samples, n).
    """
    gross = experiment.laws.gross(experiment.free)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(force != 0, np.abs(force) / gross, 0.0).max(axis=1, keepdims=True, initial=0)
        beta = np.where(share > 0, experiment.nudge / share, 0.0)
    factor, states = experiment.nudged(-beta * force)
    return factor * beta, states


RULES = (Eqprop("eqprop"), Eqprop("eqprop_one_sided", order=1))
