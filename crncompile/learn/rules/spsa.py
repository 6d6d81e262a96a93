"""Simultaneous perturbation: change all parameters at once by random signs and measure the loss twice.

With signs s, g_k = s_k (L(z + h s) - L(z - h s)) / 2h has the mean dL/dz_k, up to order 2 in h, and a variance from all
other parameters: two relaxations a step, whatever the number of parameters, and many steps. It needs no law of any
device. Spall, IEEE Trans. Autom. Control 37, 332 (1992).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crncompile.learn.experiment import Experiment, Gradient
from crncompile.learn.rules import Needs


@dataclass(frozen=True)
class Spsa:
    """Vary all trained numbers at once, ``patterns`` times."""

    name: str
    patterns: int = 1
    needs: Needs = "variations"
    exact: str = ""
    symmetric: bool = False
    order: int = 0
    per_sample: bool = False

    def gradient(self, experiment: Experiment) -> Gradient:
        """Return an estimate of each sample's gradient, the signs being the same for all."""
        variation, h = experiment.variation, experiment.nudge
        assert variation is not None
        slopes = np.zeros((len(experiment.free), len(variation.z)))
        for _ in range(self.patterns):
            signs = experiment.rng.choice([-1.0, 1.0], len(variation.z))
            change = variation.measure(variation.z + h * signs) - variation.measure(variation.z - h * signs)
            slopes += change[:, None] / (2 * h) * signs / self.patterns
        return variation.by_parameters(slopes)


RULES = (Spsa("spsa"),)
