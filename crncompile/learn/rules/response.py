"""Measured response: exact for any network, without a model of it.

A parameter changes the currents of its devices by dI/dtheta, and the loss by what those currents do when they are added
from outside. So dL/dtheta = sum_k lambda_k dI_k/dtheta with lambda_k = dL/dI_k, the change of the loss per small
current injected at reservoir k. ``response`` measures it from both signs of the current (order 2 in its size),
``response_one_sided`` from one (order 1; n + 1 relaxations and a trial), ``response_random`` from random signs at many
reservoirs at once: s_k dL / j_k has the mean lambda_k, and a variance from all others. The few that are read out move
the loss most: they are measured one at a time, and are no noise to the others.

In a network that conserves a total, what is injected at k is taken out at one reservoir of the total: currents of
devices are balanced in the same way, so nothing is lost.

This is linear response of a steady state, measured; compare node perturbation (Widrow and Lehr, Proc. IEEE 78, 1415,
1990) and, for the random signs, Cauwenberghs (NeurIPS 1992).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from crncompile.learn.experiment import Array, Experiment, Gradient
from crncompile.learn.rules import Needs

_AT_ONCE = 1 << 21  # potentials relaxed at once
_WORTH_A_TRIAL = 4  # injections
_FEW = 2  # times the patterns: so many reservoirs may be measured one at a time beside them


@dataclass(frozen=True)
class Response:
    """Measure lambda_k by injections, one reservoir at a time or with random signs at all."""

    name: str
    sides: int = 2
    patterns: int = 0
    needs: Needs = "relaxations"
    symmetric: bool = False

    @property
    def exact(self) -> str:
        """On which networks it is exact."""
        return "" if self.patterns else "any network"

    @property
    def order(self) -> int:
        """Order of the difference formula."""
        return 0 if self.patterns else self.sides

    @property
    def per_sample(self) -> bool:
        """Whether each sample has its own exact derivatives."""
        return not self.patterns

    def gradient(self, experiment: Experiment) -> Gradient:
        """Return the measured gradient of each sample."""
        size = experiment.nudge * experiment.laws.gross(experiment.free)
        multipliers = np.zeros(size.shape)
        for signs, count in self._signs(experiment):
            injected = self._sized(experiment, experiment.laws.balanced(signs * size))
            factor, above = experiment.nudged(injected)
            injected = factor * injected
            change = self._change(experiment, injected, above) / count
            strength = np.abs(injected)
            with np.errstate(divide="ignore", invalid="ignore"):
                share = np.where((signs != 0) & (strength > 0), signs * change[..., None] / strength, 0.0)
            multipliers += share.sum(axis=0)
        multipliers[:, experiment.laws.drains] = 0.0
        return experiment.gradient([(multipliers, experiment.free)])

    def _sized(self, experiment: Experiment, injected: Array) -> Array:
        """Scale injections by what the first of them needs in order to move each sample by about the nudge."""
        return injected if len(injected) < _WORTH_A_TRIAL else experiment.nudged(injected[:1])[0] * injected

    def _signs(self, experiment: Experiment) -> Iterator[tuple[Array, int]]:
        """Yield signs (injections, samples, n), and how many injections tell of the same reservoirs.

        One reservoir at a time, or with random signs all but those that are read out; none at drains.
        """
        samples, n = experiment.free.shape
        others = [k for k in range(n) if k not in experiment.laws.drains]
        alone = self._alone(experiment, others) if self.patterns else others
        step = max(1, _AT_ONCE // max(1, samples * n))
        for first in range(0, len(alone), step):
            yield np.eye(n)[alone[first : first + step], None, :] * np.ones((1, samples, 1)), 1
        together = [k for k in others if k not in alone]
        for first in range(0, self.patterns if together else 0, step):
            signs = np.zeros((min(step, self.patterns - first), samples, n))
            signs[..., together] = experiment.rng.choice([-1.0, 1.0], (len(signs), samples, len(together)))
            yield signs, self.patterns

    def _alone(self, experiment: Experiment, others: list[int]) -> list[int]:
        """Return the reservoirs that are read out, as long as they are few."""
        read = set(np.flatnonzero(experiment.slope().any(axis=0)).tolist())
        found = [k for k in others if k in read]
        return found if len(found) <= _FEW * self.patterns else []

    def _change(self, experiment: Experiment, injected: Array, above: Array) -> Array:
        """Return the change of the loss from states ``above`` (injections, samples, n), (injections, samples)."""
        if self.sides == 1:
            return np.asarray(experiment.loss(above) - experiment.loss(experiment.free))
        return np.asarray((experiment.loss(above) - experiment.loss(experiment.rest(-injected))) / 2)


RULES = (
    Response("response"),
    Response("response_one_sided", sides=1),
    Response("response_random", patterns=8),
)
