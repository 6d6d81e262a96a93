"""What a learning rule has that needs no model of the whole network: an instrument, and the laws of single devices.

A rule sees potentials at rest, may inject currents, knows what each device does at the potentials that stand at its own
terminals, and what the measuring electronics make of the potentials. It never sees how one reservoir moves another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import DataError

Array = NDArray[Any]
Gradient = dict[str, Array]
_REACH = 1e3  # a trial current is made at most so many times larger, or smaller, at once
_TRIALS = 4


class NotAtRestError(DataError):
    """No sample comes to rest under what a rule does to it."""


def unsettled(nudge: float) -> str:
    """Say that a nudge leaves no sample at rest."""
    return f"no sample comes to rest with a nudge of {nudge:g}: make it smaller"


class Instrument(Protocol):
    """A network that can be held, injected into and read: in a lab, or simulated."""

    def relax(self, inputs: Array, injections: Array) -> Array:
        """Return potentials at rest (..., samples, n) in kT, or ln(c/1 M); NaN where the network does not come to rest.

        ``inputs`` (samples, m) are the potentials of all held reservoirs, ``injections`` (..., samples, n) currents
        into the floating ones in 1/s. Each starts from rest without injections at the same inputs.
        """
        ...


class Laws:
    """What is local: the laws of devices and electronics at given potentials ``u`` (samples, n), and what is held.

    ``conserved`` (laws, n) are the weights of conserved totals; no steady current can change one, so what is injected
    is taken out again at one reservoir for each law, ``drains``.
    """

    def __init__(self, functions: Any, parameters: Mapping[str, Array], held: Array, drains: tuple[int, ...]):
        self._functions, self._parameters, self._held = functions, parameters, held
        self._prepared: Any = None
        self.conserved = functions.structure.conserved
        self.drains = list(drains)

    def take(self, samples: Array) -> Laws:
        """Return the laws with what is held in some of the samples."""
        return Laws(self._functions, self._parameters, self._held[samples], tuple(self.drains))

    def gross(self, u: Array) -> Array:
        """Sum of the sizes of all currents at each reservoir, (samples, n), 1/s."""
        return np.asarray(self._functions.gross(u, self._held, self._parameters))

    def capacity(self, u: Array) -> Array:
        """Content per potential of each reservoir, (samples, n)."""
        return np.asarray(self._functions.capacity(u, self._parameters))

    def readouts(self, u: Array) -> Mapping[str, Array]:
        """Return what the electronics say, (samples, *readout) each."""
        with np.errstate(all="ignore"):
            return dict(self._functions.readouts(u, self._held, self._parameters))

    def slope(self, weights: Mapping[str, Array], u: Array) -> tuple[Array, list[Gradient]]:
        """Differentiate sum(weights * readouts) by the potentials, (samples, n), and by parameters with ``u`` fixed."""
        to_u, to_held, direct = self._functions.readout_pullback(weights, u, self._held, self._parameters)
        return to_u, [direct, self._functions.hold_pullback(to_held, self._parameters)]

    def update(self, multipliers: Array, u: Array, summed: bool) -> list[Gradient]:
        """Sum over devices of multipliers (samples, n) at its ends times dI/dtheta: the local update.

        It is (samples, *parameter), or in parts that are summed over samples, (1, *parameter).
        """
        if not summed:
            through, to_held = self._functions.pullback(multipliers, u, self._held, self._parameters, per_sample=True)
            return [through, self._functions.hold_pullback(to_held, self._parameters)]
        if self._prepared is None:
            self._prepared = self._functions.prepare(self._parameters)
        held = self._functions.settle(self._held, self._prepared)
        through, to_held = self._functions.pullback(multipliers, u, held, self._prepared)
        by_held = self._functions.hold_pullback(to_held, self._parameters)
        return [{name: value[None] for name, value in through.items()}, totalled(by_held)]

    def balanced(self, currents: Array) -> Array:
        """Take out at the drains what currents (..., n) add to conserved totals."""
        if not self.drains:
            return currents
        weights = self.conserved
        result = currents.copy()
        result[..., self.drains] -= (currents @ weights.T) @ np.linalg.inv(weights[:, self.drains].astype(float)).T
        return result


@dataclass(frozen=True, eq=False)
class Variation:
    """Parameters that can be set anew: ``measure(z)`` is sum(weights * readouts) of each sample (samples,).

    ``z`` are the free variables of the trained parameters, (size,); ``by_parameters`` turns derivatives by them,
    (..., size), into those by the parameters.
    """

    z: Array
    measure: Callable[[Array], Array]
    by_parameters: Callable[[Array], Gradient]


@dataclass(frozen=True, eq=False)
class Experiment:
    """One network with its inputs applied, at rest.

    ``inputs`` (samples, m) and ``free`` (samples, n) potentials; ``weights`` (samples, *readout) the derivatives of the
    loss by the readouts; ``nudge`` how far in kT an injection shall move the reservoir that it moves most (for a
    variation: the step of a free variable); ``rng`` for rules that draw. ``summed``: the sum over the samples will do.
    """

    instrument: Instrument
    laws: Laws
    inputs: Array
    free: Array
    weights: Mapping[str, Array]
    nudge: float
    rng: np.random.Generator
    variation: Variation | None = None
    summed: bool = False

    def loss(self, u: Array) -> Array:
        """Return the loss, linear in the readouts, at potentials (..., samples, n): (..., samples)."""
        flat, samples = u.reshape(-1, u.shape[-1]), len(self.free)
        repeated = np.tile(np.arange(samples), len(flat) // max(1, samples))
        read = self.laws.take(repeated).readouts(flat)
        total: Array = np.zeros(len(flat))
        for name, weights in self.weights.items():
            total = total + (read[name] * weights[repeated]).reshape(len(flat), -1).sum(axis=1)
        return total.reshape(u.shape[:-1])

    def slope(self) -> Array:
        """dL/du at the measured free potentials, (samples, n)."""
        return self.laws.slope(self.weights, self.free)[0]

    def nudged(self, currents: Array) -> tuple[Array, Array]:
        """Relax under currents (..., samples, n), scaled so that each moves some reservoir by about ``nudge``.

        Returns the factors (..., samples, 1) and the states (..., samples, n), NaN where there is none. A trial that
        moves them by a tenth to three times as much is good enough. Raises NotAtRestError where no sample does.
        """
        factor = np.ones((*currents.shape[:-1], 1))
        states = self.instrument.relax(self.inputs, currents)
        for _ in range(_TRIALS):
            moved = np.abs(states - self.free).max(axis=-1, initial=0)[..., None]
            with np.errstate(divide="ignore", invalid="ignore"):
                change = np.clip(self.nudge / moved, 1 / _REACH, _REACH)
            change = np.where(np.isnan(moved), 0.1, np.where((change > 1 / 3) & (change < 10), 1.0, change))
            change = np.where(currents.any(axis=-1, keepdims=True), change, 1.0)
            if (change == 1.0).all():
                break
            factor = factor * change
            again = self.instrument.relax(self.inputs, np.where(change == 1.0, 0.0, factor * currents))
            states = np.where(change == 1.0, states, again)
        self._settled(states)
        return factor, states

    def rest(self, injections: Array) -> Array:
        """Relax under injections (..., samples, n); raises NotAtRestError where no sample comes to rest."""
        found = self.instrument.relax(self.inputs, injections)
        self._settled(found)
        return found

    def _settled(self, states: Array) -> None:
        if states.size and not np.isfinite(states).all(axis=-1).any():
            raise NotAtRestError(
                f"no sample comes to rest with injections that shall move a reservoir by {self.nudge:g} kT: "
                "make the nudge smaller"
            )

    def gradient(self, updates: Sequence[tuple[Array, Array]]) -> Gradient:
        """Sum local updates, each of multipliers at potentials (samples, n), and what parameters do to readouts.

        Returns (samples, *parameter), NaN for samples that did not come to rest; where they are ``summed``,
        (1, *parameter), and these are left out. Raises NotAtRestError where nothing is left.
        """
        rested = np.all([np.isfinite(part).all(axis=1) for update in updates for part in update], axis=0)
        total: Gradient = {}
        here = self.take(np.flatnonzero(rested)) if self.summed and not rested.all() else self
        if self.summed:
            if rested.size and not rested.any():
                raise NotAtRestError(unsettled(self.nudge))
            updates = [(multipliers[rested], u[rested]) for multipliers, u in updates]
        parts = [part for update in updates for part in here.laws.update(*update, summed=self.summed)]
        direct = here.laws.slope(here.weights, here.free)[1]
        for part in [*parts, *map(totalled, direct)] if self.summed else [*parts, *direct]:
            for name, value in part.items():
                total[name] = total[name] + value if name in total else value
        return total

    def take(self, samples: Array) -> Experiment:
        """Return the experiment with some of the samples, at rest."""
        weights = {name: value[samples] for name, value in self.weights.items()}
        laws, free = self.laws.take(samples), self.free[samples]
        return replace(self, laws=laws, inputs=self.inputs[samples], free=free, weights=weights)


def totalled(part: Gradient) -> Gradient:
    """Sum a gradient (samples, *parameter) over its samples: (1, *parameter)."""
    return {name: value.sum(axis=0)[None] for name, value in part.items()}
