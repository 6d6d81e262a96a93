"""Laboratories: where a network with given parameters is built, and its instrument read. Simulated ones.

A laboratory of one's own is any object with ``build(parameters)`` that returns an `experiment.Instrument`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crncompile.compiled import CompiledNetwork
from crncompile.errors import DataError
from crncompile.learn.experiment import Instrument
from crncompile.learn.transform import Packing
from crncompile.solve.equations import Equations
from crncompile.solve.newton import limited
from crncompile.solve.steady import steady_states

Array = NDArray[Any]
_NEWTON_STEPS = 60
_ROUNDING = 1e-13
_STEPS = 2000  # of the path to a free state
_RAMP = (0.1, 0.3, 0.6, 1.0)  # parts of an injection that is too strong to be made at once


class Laboratory(Protocol):
    """Where networks are built."""

    def build(self, parameters: Mapping[str, Array]) -> Instrument:
        """Set all parameters, by name in the coherent system, and return the instrument."""
        ...


class Simulated:
    """A compiled network as an ideal instrument; it takes complex injections too.

    ``known`` is (inputs, potentials) of states at rest that need not be found again; ``near`` (samples, n) are states
    near those at rest.
    """

    def __init__(
        self,
        compiled: CompiledNetwork,
        parameters: Mapping[str, Array],
        known: tuple[Array, Array] | None = None,
        near: Array | None = None,
    ):
        self._functions, self._parameters = compiled.functions, compiled.functions.prepare(parameters)
        self._start, self._near, self._known = compiled.functions.start(parameters), near, known

    def relax(self, inputs: Array, injections: Array) -> Array:
        """See `experiment.Instrument`."""
        free = self._free(inputs)
        if not np.any(injections):
            return np.broadcast_to(free, injections.shape).copy()
        flat = injections.reshape(-1, free.shape[1])
        repeated = np.tile(np.arange(len(inputs)), len(flat) // max(1, len(inputs)))
        held, rest = self._functions.settle(inputs, self._parameters)[repeated], free[repeated]
        moved = self._complex(held, rest, flat) if np.iscomplexobj(flat) else self._nudged(held, rest, flat)
        return moved.reshape(injections.shape)

    def _free(self, inputs: Array) -> Array:
        if self._known is None or not np.array_equal(self._known[0], inputs):
            start = np.broadcast_to(self._start, (len(inputs), len(self._start)))
            held = self._functions.settle(inputs, self._parameters)
            # near a state that is known a path from the start would take very long to say the same
            steps = _STEPS if self._near is None else 0
            states = steady_states(self._functions, self._parameters, held, start, warm=self._near, maximum_steps=steps)
            self._known = (inputs, states.u)
        return self._known[1]

    def _nudged(self, held: Array, rest: Array, injected: Array) -> Array:
        """Newton's method from the free state; what it does not settle is raised slowly, which keeps its basin."""

        def settle(which: Array | slice, begin: Array, part: float) -> Array:
            return steady_states(
                self._functions,
                self._parameters,
                held[which],
                rest[which],
                warm=begin,
                injected=part * injected[which],
                maximum_steps=0,
            ).u

        u, some = rest.copy(), injected.any(axis=1)
        pushed = slice(None) if some.all() else np.flatnonzero(some)
        u[pushed] = settle(pushed, rest[pushed], 1.0)
        lost = np.flatnonzero(~np.isfinite(u).all(axis=1) & np.isfinite(rest).all(axis=1))
        states = rest[lost]
        for part in _RAMP if len(lost) else ():
            states = settle(lost, states, part)
            kept = np.isfinite(states).all(axis=1)
            lost, states = lost[kept], states[kept]
            if not len(lost):
                break
        u[lost] = states
        return u

    def _complex(self, held: Array, rest: Array, injected: Array) -> Array:
        """Newton's method in complex arithmetic from the free state; NaN where it does not end."""
        equations = Equations.of(self._functions, self._parameters, held, rest, None, injected)
        u, size = rest.astype(complex), np.full(len(rest), np.inf)
        with np.errstate(all="ignore"):
            for _ in range(_NEWTON_STEPS):
                step = equations.linearise(u).newton_step
                u = u + limited(step)
                before, size = size, np.abs(step).max(axis=1, initial=0)
                if np.all((size <= _ROUNDING) | ((size > before / 2) & (size < 1e-9))):
                    break
        return np.where((size < 1e-9)[:, None], u, np.nan)


@dataclass(eq=False)
class Imperfect:
    """A simulated laboratory that is not ideal.

    Parameters
    ----------
    precision
        Potentials are read on a grid of this width, kT, after noise of half that size.
    drift
        Each reading strays from the true potential by a random walk of this size per relaxation, kT.
    tolerance
        Each trained parameter is off by a factor exp(tolerance * normal) where it is positive, by tolerance * normal
        of its unit (kT for energies) elsewhere: drawn once, so that every network built has the same faults.
    seed
        Of all of it.

    Raises DataError for a negative size.
    """

    compiled: CompiledNetwork
    precision: float = 1e-3
    drift: float = 0.0
    tolerance: float = 0.0
    seed: int = 0
    _walk: Array = field(init=False, repr=False)
    _rng: np.random.Generator = field(init=False, repr=False)
    _faults: Array = field(init=False, repr=False)
    _packing: Packing = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("precision", "drift", "tolerance"):
            if not 0 <= getattr(self, name) < np.inf:
                raise DataError(f"{name} must not be negative, and finite, not {getattr(self, name)}")
        self._packing = Packing.of(self.compiled.network)
        self._faults = np.random.default_rng([self.seed, 0]).normal(size=self._packing.size)
        self._rng = np.random.default_rng([self.seed, 1])
        self._walk = np.zeros(len(self.compiled.functions.structure.reservoirs))

    def build(self, parameters: Mapping[str, Array]) -> Instrument:
        """See `Laboratory`."""
        z = self._packing.pack(parameters) + self.tolerance * self._faults
        built = {**parameters, **self._packing.unpack(z)}
        self.compiled.examine(built)
        return _Read(self, Simulated(self.compiled, built))

    def read(self, potentials: Array) -> Array:
        """Return what is read of potentials (..., n)."""
        self._walk = self._walk + self.drift * self._rng.normal(size=self._walk.shape)
        read = potentials + self._walk
        if self.precision:
            read = read + 0.5 * self.precision * self._rng.normal(size=read.shape)
            read = self.precision * np.round(read / self.precision)
        return np.asarray(read)


@dataclass(frozen=True, eq=False)
class _Read:
    """A network read by an imperfect instrument."""

    laboratory: Imperfect
    network: Simulated

    def relax(self, inputs: Array, injections: Array) -> Array:
        """See `experiment.Instrument`."""
        return self.laboratory.read(self.network.relax(inputs, injections))
