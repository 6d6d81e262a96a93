"""Holomorphic equilibrium propagation: complex nudges on a circle (Laborieux and Zenke, NeurIPS 2022).

The rest state is an analytic function of a complex beta up to the nearest pole, so its derivative at zero is Cauchy's
integral over a circle: du/dbeta = (1/K r) sum_k u(r e^(2 pi i k / K)) e^(-2 pi i k / K), with an error of order K in
the radius r. The multipliers are -du/dbeta, as in `rules.eqprop`, and exact on the same networks. For simulations only:
no lab injects complex currents. The laws must be analytic, without abs, min, max.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crncompile.learn.experiment import Experiment, Gradient
from crncompile.learn.rules import Needs
from crncompile.learn.rules.eqprop import BIAS_ONLY, nudging, strength


@dataclass(frozen=True)
class Holomorphic:
    """Nudge the outputs by complex currents at ``points`` of a circle."""

    name: str
    points: int = 6
    needs: Needs = "complex relaxations"
    exact: str = BIAS_ONLY
    symmetric: bool = True
    per_sample: bool = True

    @property
    def order(self) -> int:
        """Order in the radius at which the error falls."""
        return self.points

    def gradient(self, experiment: Experiment) -> Gradient:
        """Return the gradient of each sample."""
        force = nudging(experiment)
        beta = strength(experiment, force)[0]
        turns = np.exp(2j * np.pi * np.arange(self.points) / self.points)[:, None, None]
        states = experiment.rest(-beta * turns * force)
        with np.errstate(divide="ignore", invalid="ignore"):
            response = ((states - experiment.free) / turns).mean(axis=0).real
            multipliers = np.where(beta > 0, -response / beta, 0.0)
        return experiment.gradient([(multipliers, experiment.free)])


RULES = (Holomorphic("eqprop_holomorphic"),)
