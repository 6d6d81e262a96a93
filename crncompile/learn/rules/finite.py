"""Finite differences: change one parameter at a time and measure the loss, what a lab without any model would do.

dL/dz_k = (L(z + h e_k) - L(z - h e_k)) / 2h in the free variables z of the trained parameters (logarithms of positive
ones), order 2 in h; twice as many relaxations as there are trained numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crncompile.learn.experiment import Experiment, Gradient
from crncompile.learn.rules import Needs


@dataclass(frozen=True)
class Finite:
    """Vary each trained number both ways."""

    name: str
    order: int = 2
    needs: Needs = "variations"
    exact: str = "any network"
    symmetric: bool = False
    per_sample: bool = True

    def gradient(self, experiment: Experiment) -> Gradient:
        """Return the gradient of each sample."""
        variation, h = experiment.variation, experiment.nudge
        assert variation is not None
        slopes = np.zeros((len(experiment.free), len(variation.z)))
        for k, step in enumerate(h * np.eye(len(variation.z))):
            slopes[:, k] = (variation.measure(variation.z + step) - variation.measure(variation.z - step)) / (2 * h)
        return variation.by_parameters(slopes)


RULES = (Finite("finite"),)
