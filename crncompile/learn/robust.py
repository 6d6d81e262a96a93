"""Networks as a lab builds and reads them: values are off by their tolerances, potentials fluctuate.

What is sampled. A ``tolerance`` is one standard deviation, and errors are normal: a relative one is a factor
exp(tolerance * n), so that no value changes its sign, an absolute one adds tolerance * n. A value that stands in the
statement of a family has an error of its own in each device; a ``parameter`` that many devices name, and a number that
a group of reservoirs states, one for all of them. What a device does not allow, such as a lever arm above 1, is drawn
again, and so is a whole network in which something follows from its values that no device allows; the bounds of
training do not matter here. All follows from a seed, the number of the network, and the name of each parameter.

Fluctuations are those of an instant: sd(u) = (dn/du)^(-1/2), of equilibrium; a reading that is averaged over time has
less. They are added to the potentials that readouts read; a gradient takes them as constant.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.compiled import CompiledNetwork
from crncompile.errors import DataError, NotAllowedError
from crncompile.learn.task import COLD, Outcome, Search, Task
from crncompile.learn.teacher import Gradient
from crncompile.network import dues
from crncompile.network.allowed import allowed
from crncompile.network.types import Network, Tolerance
from crncompile.solution import Solution

Array = NDArray[Any]
Limits = tuple[float, float]
_TRIES = 1000
_NOISE = zlib.crc32(b"fluctuations")


@dataclass(frozen=True)
class Spread:
    """The errors of one parameter: an array of ``shape``, values within ``limits``."""

    name: str
    shape: tuple[int, ...]
    tolerance: Tolerance
    limits: Limits

    def draw(self, value: Array, seed: int, number: int, again: int = 0) -> tuple[Array, Array]:
        """Return what network ``number`` has instead of a value, and its derivative by that; both of ``shape``.

        ``again``: how often the network has been drawn before.
        """
        rng = np.random.default_rng([seed, number, zlib.crc32(self.name.encode()), *([again] if again else [])])
        stated = np.broadcast_to(value, self.shape)
        moved = factor = np.full(self.shape, np.nan)
        for _ in range(_TRIES):
            left = ~((moved >= self.limits[0]) & (moved <= self.limits[1]))
            if not left.any():
                break
            error = self.tolerance.value * rng.normal(size=self.shape)
            tried = np.exp(error) if self.tolerance.relative else np.ones(self.shape)
            factor = np.where(left, tried, factor)
            moved = np.where(left, stated * tried + (0.0 if self.tolerance.relative else error), moved)
        kept = (moved >= self.limits[0]) & (moved <= self.limits[1])
        dtype = np.result_type(value)
        return np.where(kept, moved, stated).astype(dtype), np.where(kept, factor, 1.0).astype(dtype)


def spreads(network: Network) -> tuple[Spread, ...]:
    """Return the errors of all values with a tolerance."""
    shapes, limits = _device_shapes(network), allowed(network)
    return tuple(
        Spread(p.name, shapes.get(p.name, p.shape), p.tolerance, _ends(limits[p.name]))
        for p in network.parameters
        if p.tolerance is not None
    )


def _ends(limits: dues.Limits) -> Limits:
    """Return the least and the largest value within limits."""
    return float(np.nextafter(limits.lower, np.inf) if limits.open_lower else limits.lower), limits.upper


def _device_shapes(network: Network) -> dict[str, tuple[int, ...]]:
    """Shapes of the single numbers that stand in the statement of a family: one for each device."""
    return {
        parameter.name: family.shape
        for family in network.families
        for parameter in network.parameters
        if parameter.shape == () and parameter.name.startswith(f"{family.name}.")
    }


# --- networks and readings --------------------------------------------------------------------------------------------


@dataclass
class Workshop:
    """Builds networks one after the other, each with errors of its own.

    ``number`` is that of the last one, ``factors`` the derivatives of its values by the stated ones, by name.
    """

    compiled: CompiledNetwork
    seed: int = 0
    fluctuations: bool = False
    number: int = field(default=-1, init=False)
    factors: dict[str, Array] = field(default_factory=dict, init=False)
    _spreads: tuple[Spread, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._spreads = spreads(self.compiled.network)
        if not self._spreads and not self.fluctuations:
            raise DataError(
                "robust: the model states no tolerance, so every network is the same; write one behind a value, "
                "such as `level = 0 kT tolerance 0.1 kT`"
            )

    def build(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """Return the parameters of the next network that a lab gets where it wants these."""
        self.number += 1
        for again in range(_TRIES if self._spreads else 1):
            values = dict(parameters)
            for spread in self._spreads:
                moved = spread.draw(np.asarray(parameters[spread.name]), self.seed, self.number, again)
                values[spread.name], self.factors[spread.name] = moved
            with suppress(NotAllowedError):
                self.compiled.examine(values)
                return values
        return values

    def read(self, solution: Solution) -> Solution:
        """Return what is read at one instant: readouts of fluctuating potentials."""
        if not self.fluctuations:
            return solution
        rng = np.random.default_rng([self.seed, self.number, _NOISE])
        with np.errstate(all="ignore"):
            width = self.compiled.functions.capacity(solution.u, solution.parameters) ** -0.5
        u = (solution.u + width * rng.normal(size=solution.u.shape)).astype(solution.u.dtype)
        return replace(solution, readouts=self.compiled.read(u, solution.held, solution.parameters, solution.batch))


class VariedTask(Task):
    """A task whose every run is that of another network."""

    workshop: Workshop

    @classmethod
    def of(cls, task: Task, workshop: Workshop) -> VariedTask:
        """Return the same task in a workshop."""
        varied = object.__new__(cls)
        varied.__dict__.update(task.__dict__)
        varied.thrifty, varied.workshop = False, workshop
        return varied

    def run(self, parameters: Mapping[str, Array], search: Search = COLD) -> Outcome:
        """See `Task.run`."""
        return super().run(self.workshop.build(parameters), search)

    def outcome(self, solution: Solution) -> Outcome:
        """See `Task.outcome`."""
        return super().outcome(self.workshop.read(solution))


@dataclass(frozen=True)
class VariedGradient:
    """Gradients by the stated values, from those by the values of the network that was built last."""

    gradient: Gradient
    workshop: Workshop

    def __call__(
        self, compiled: CompiledNetwork, outcome: Outcome, weights: Mapping[str, Array], *, per_sample: bool = False
    ) -> dict[str, Array]:
        """See `teacher.Gradient`."""
        found = self.gradient(compiled, outcome, weights, per_sample=per_sample)
        factors = self.workshop.factors
        return {name: value * factors[name] if name in factors else value for name, value in found.items()}


# --- how well networks do ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Robustness:
    """``quality`` ("mse" or "accuracy") of several networks, each built with errors of its own.

    ``values`` are in the order of the networks; ``unconverged`` is the number of samples without a steady state, in
    all of them together: these count as wrong in an accuracy, and are left out of a mean square.
    """

    quality: str
    values: tuple[float, ...]
    unconverged: int
    seed: int
    fluctuations: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the same as data: mean, median, quantiles and the worst network."""
        low, middle, high = (float(q) for q in np.quantile(self.values, (0.05, 0.5, 0.95)))
        return {
            "quality": self.quality,
            "networks": len(self.values),
            "mean": float(np.mean(self.values)),
            "median": middle,
            "quantile_5": low,
            "quantile_95": high,
            "worst": min(self.values) if self.quality == "accuracy" else max(self.values),
            "unconverged": self.unconverged,
            "fluctuations": self.fluctuations,
            "values": list(self.values),
        }

    def sentence(self) -> str:
        """Say it in one line."""
        d = self.as_dict()
        lost = f", {self.unconverged} unconverged in all" if self.unconverged else ""
        return (
            f"{len(self.values)} networks within their tolerances: {self.quality} mean {d['mean']:.4g}, median "
            f"{d['median']:.4g}, 5 % {d['quantile_5']:.4g}, 95 % {d['quantile_95']:.4g}, worst {d['worst']:.4g}{lost}"
        )


def robustness(
    task: Task, parameters: Mapping[str, Array], networks: int, *, seed: int = 0, fluctuations: bool = False
) -> Robustness:
    """Build so many networks of these parameters and compare each with the data of a task.

    Every state is followed from the stated start. Raises DataError where the model states no tolerance.
    """
    if networks < 1:
        raise DataError(f"robust must be at least 1 network, not {networks}")
    # other networks than those of training, which count from 0 with the seed itself
    varied = VariedTask.of(task, Workshop(task.compiled, _seed_apart(seed), fluctuations))
    outcomes = [varied.run(parameters) for _ in range(networks)]
    values = tuple(task.accuracy(o) if task.classifies else o.loss for o in outcomes)
    lost = sum(o.unconverged for o in outcomes)
    return Robustness("accuracy" if task.classifies else "mse", values, lost, seed, fluctuations)


def _seed_apart(seed: int) -> int:
    return int(np.random.SeedSequence([seed, zlib.crc32(b"robustness")]).generate_state(1)[0])
