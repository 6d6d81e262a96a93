"""The relaxation in time of one sample, by scipy's BDF: independent of the path that finds steady states.

dn/dt is the sum of the currents, and dn/du the mass of a potential: du/dt = currents / (dn/du).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.integrate import BDF, DenseOutput, OdeSolution
from scipy.optimize import brentq
from scipy.sparse import csc_array, diags_array

from crncompile.solve.cycles import Cycle, find_cycle
from crncompile.solve.diagnosis import duration, why_cycle
from crncompile.solve.equations import Equations
from crncompile.solve.linear import matrix_of
from crncompile.solve.newton import largest
from crncompile.solve.problem import Array, Functions, Parameters
from crncompile.solve.stability import unstable_rate
from crncompile.solve.steady import spirals_in

NEAR = 1e-6
"""Newton step to a stable steady state, in kT, below which the relaxation counts as over."""
LATEST = 1e15
"""Time in s after which a relaxation that shall go on until it is over is given up."""

_LOOK = 1000
"""After so many steps it is looked whether a path with a stated end is at rest."""

Told = Callable[[float, int], None]


class End(StrEnum):
    """Why a relaxation ended."""

    TIME = "time"
    STEADY = "steady"
    OSCILLATES = "oscillates"
    STEPS = "steps"
    STIFF = "stiff"
    INTERRUPTED = "interrupted"

    @property
    def failed(self) -> bool:
        """Whether it ended before what was asked for."""
        return self not in (End.TIME, End.STEADY)


@dataclass(frozen=True, eq=False)
class Segment:
    """A path under constant held potentials (m,): states (steps + 1, n) at times (steps + 1,) and what joins them."""

    held: Array
    times: Array
    states: Array
    pieces: tuple[Any, ...]

    def at(self, times: Array) -> Array:
        """Potentials (k, n) at ``times`` (k,) within the segment."""
        if not self.pieces:
            return np.broadcast_to(self.states[0], (len(times), self.states.shape[1]))
        return np.asarray(OdeSolution(self.times, list(self.pieces))(times).T)


@dataclass(frozen=True, eq=False)
class Relaxation:
    """The path of one sample: its segments, why it ended, and that in words; ``cycle`` where it oscillates."""

    segments: tuple[Segment, ...]
    end: End
    message: str
    cycle: Cycle | None

    @property
    def duration(self) -> float:
        """Time in s at which the path ends."""
        return float(self.segments[-1].times[-1])

    @property
    def last(self) -> Array:
        """Potentials (n,) at the end."""
        return np.asarray(self.segments[-1].states[-1])

    @property
    def steps(self) -> int:
        """Steps taken."""
        return sum(len(segment.pieces) for segment in self.segments)

    def at(self, times: Array) -> tuple[Array, Array]:
        """Potentials (k, n) and held potentials (k, m) at rising ``times`` (k,); after a jump where there is one."""
        begins = np.array([segment.times[0] for segment in self.segments])
        which = np.clip(np.searchsorted(begins, times, side="right") - 1, 0, None)
        u, held = np.empty((len(times), len(self.last))), np.empty((len(times), len(self.segments[0].held)))
        for number, segment in enumerate(self.segments):
            chosen = which == number
            if chosen.any():
                u[chosen], held[chosen] = segment.at(times[chosen]), segment.held
        return u, held

    def crossings(self, value: Callable[[Array, Array], Array]) -> list[tuple[float, bool]]:
        """Return when ``value(u (k, n), held (k, m))`` (k,) passes through zero, and whether it rises there."""
        return [crossing for segment in self.segments for crossing in _crossings(segment, value)]


def _crossings(segment: Segment, value: Callable[[Array, Array], Array]) -> list[tuple[float, bool]]:
    held = segment.held[None]

    def one(t: float, piece: Any) -> float:
        return float(value(np.asarray(piece(t))[None], held)[0])

    signs = value(segment.states, np.broadcast_to(held, (len(segment.times), held.shape[1]))) > 0
    found = []
    for step in np.flatnonzero(signs[:-1] != signs[1:]):
        first, last, piece = float(segment.times[step]), float(segment.times[step + 1]), segment.pieces[step]
        # the interpolant may miss the ends by rounding
        bracketed = (one(first, piece) > 0) != (one(last, piece) > 0)
        place = brentq(one, first, last, (piece,), xtol=1e-300) if bracketed else last
        found.append((float(place), bool(signs[step + 1])))
    return found


def simulate(
    functions: Functions,
    parameters: Parameters,
    pulses: Sequence[tuple[float, Array]],
    start: Array,
    until: float | None = None,
    *,
    rtol: float = 1e-8,
    most_steps: int = 20000,
    told: Told | None = None,
) -> Relaxation:
    """Follow one sample in time.

    Parameters
    ----------
    functions, parameters
        The network.
    pulses
        From which time in s on which held potentials (m,) count; the first is where the path begins, times rise.
    start
        Initial potentials (n,).
    until
        Time in s of the end; ``None``: until a stable steady state is near, or the network is seen to oscillate.
    rtol
        Relative tolerance, and absolute one in kT.
    most_steps
        So many steps are taken at most.
    told
        Is called with time and number of steps after each step.

    Returns
    -------
    The path, also where it had to end early; nothing is raised. An interrupt from the keyboard ends it too.
    """
    segments: list[Segment] = []
    u = np.asarray(start, float)
    for number, (begin, held) in enumerate(pulses):
        final = number + 1 == len(pulses)
        finish = until if final else pulses[number + 1][0]
        left = most_steps - sum(len(segment.pieces) for segment in segments)
        course = _Course(Equations.of(functions, parameters, held[None], u[None], None), rtol, told)
        end, cycle = course.run(u, begin, finish, left)
        segments.append(course.segment())
        u = segments[-1].states[-1]
        if end is not End.TIME:
            break
    if end is End.TIME:
        cycle = course.cycle()
    return Relaxation(tuple(segments), end, course.sentence(end, cycle), cycle)


class _Rest(DenseOutput):
    """A piece of a path on which nothing moves any more."""

    def __init__(self, begin: float, finish: float, u: Array):
        super().__init__(begin, finish)
        self.u = u

    def _call_impl(self, t: Array) -> Array:
        return self.u if t.ndim == 0 else np.repeat(self.u[:, None], len(t), axis=1)


class _Course:
    """One segment while it is being followed; ``path`` has time, state and the piece that leads there."""

    def __init__(self, equations: Equations, rtol: float, told: Told | None):
        self.equations, self.rtol, self.told = equations, rtol, told
        self.path: list[tuple[float, Array, Any]] = []
        self.look_at = 50

    def rate(self, _: float, u: Array) -> Array:
        """du/dt (n,) in kT/s."""
        functions, parameters, held = self.equations.functions, self.equations.parameters, self.equations.held
        flow = functions.currents(u[None], held, parameters) / functions.capacity(u[None], parameters)
        return np.asarray(flow[0])

    def jacobian(self, _: float, u: Array) -> Any:
        """Differentiate `rate`, (n, n); the capacity of a reservoir depends on its own potential alone."""
        functions, parameters = self.equations.functions, self.equations.parameters
        flow, entries = functions.linearise(u[None], self.equations.held, parameters)
        capacity = functions.capacity(u[None], parameters)
        bend = functions.capacity(u[None] + 1e-100j, parameters).imag / 1e-100
        shift = -(flow * bend / capacity**2)[0]
        if isinstance(entries, dict):
            return matrix_of(functions.structure, entries).dense()[0] / capacity.T + np.diag(shift)
        assert functions.structure.pattern is not None
        matrix = csc_array((entries[0], *functions.structure.pattern), shape=(len(u), len(u)))
        return diags_array(1 / capacity[0]) @ matrix + diags_array(shift)

    def run(self, u: Array, begin: float, finish: float | None, budget: int) -> tuple[End, Cycle | None]:
        """Follow from ``begin`` to ``finish``, or until it is over."""
        self.path = [(begin, u, None)]
        if finish == begin:
            return End.TIME, None
        with np.errstate(all="ignore"):
            if not np.isfinite(self.rate(begin, u)).all():
                return End.STIFF, None
            try:
                return self._steps(u, begin, finish, budget)
            except KeyboardInterrupt:
                return End.INTERRUPTED, None

    def _steps(self, u: Array, begin: float, finish: float | None, budget: int) -> tuple[End, Cycle | None]:
        bound = LATEST if finish is None else finish
        solver = BDF(self.rate, begin, u, bound, rtol=self.rtol, atol=self.rtol, jac=self.jacobian)
        while solver.status == "running":
            # at rest rounding moves the state to and fro, so that a far end is never reached by steps
            if finish is not None and len(self.path) % _LOOK == 0 and self._rests(finish):
                return End.TIME, None
            if len(self.path) > budget:
                return End.STEPS, None
            if solver.step() is not None:
                return (End.TIME if self._rests(finish) else End.STIFF), None
            self._keep_totals(solver)
            self.path.append((float(solver.t), solver.y.copy(), solver.dense_output()))
            if self.told is not None:
                self.told(self.path[-1][0], len(self.path) - 1)
            if finish is None:
                over = self._over()
                if over is not None:
                    return over
        return (End.TIME if finish is not None else End.STEPS), None

    def _keep_totals(self, solver: BDF) -> None:
        """Shift a step's end onto the conserved totals, which steps keep to their tolerance alone.

        What came before is shifted by as much, so that the differences stay from which the next step is foreseen
        (Hairer and Wanner 1996, Solving Ordinary Differential Equations II, VII.2: projection).
        """
        if not self.equations.pivots:
            return
        shift = self.equations.on_totals(solver.y[None])[0] - solver.y
        if np.isfinite(shift).all():
            solver.y = solver.y + shift
            solver.D[0] += shift

    def _rests(self, finish: float | None) -> bool:
        """Whether the path to a stated end is at rest, to the tolerance of its steps; if so it stays there."""
        t, u, _ = self.path[-1]
        if finish is None or not self.remaining(u) < self.rtol:
            return False
        self.path.append((finish, u, _Rest(t, finish, u)))
        return True

    def _over(self) -> tuple[End, Cycle | None] | None:
        """Why a path that has no stated end is over here, or ``None`` while it is not."""
        begin, (t, u, _) = self.path[0][0], self.path[-1]
        if np.abs(self.rate(t, u)).max() * (t - begin) < 1e-2 and self.remaining(u) < NEAR:
            return End.STEADY, None
        if len(self.path) < self.look_at:
            return None
        self.look_at = int(1.1 * self.look_at)
        cycle = self.cycle()
        return None if cycle is None or spirals_in(self.equations, cycle) else (End.OSCILLATES, cycle)

    def remaining(self, u: Array) -> float:
        """Newton step in kT from ``u`` (n,) to a steady state with the same conserved totals; inf if not stable."""
        equations = self.equations
        here = Equations.of(equations.functions, equations.parameters, equations.held, u[None], None)
        linearisation = here.linearise(u[None])
        step = float(largest(linearisation.newton_step)[0])
        return step if step > NEAR or unstable_rate(linearisation)[0] == 0 else np.inf

    def cycle(self) -> Cycle | None:
        """Return the oscillation at the end of the path, if there is one."""
        return find_cycle(np.array([t for t, _, _ in self.path]), np.array([u for _, u, _ in self.path]))

    def segment(self) -> Segment:
        """Return what was followed."""
        times, states, pieces = zip(*self.path, strict=True)
        return Segment(self.equations.held[0], np.array(times), np.array(states), pieces[1:])

    def sentence(self, end: End, cycle: Cycle | None) -> str:
        """Say in the network's names why the path ended."""
        t, u, _ = self.path[-1]
        names = self.equations.structure.reservoirs
        if cycle is not None and end in (End.TIME, End.OSCILLATES):
            return why_cycle(names, cycle)
        if end is End.STEADY:
            left = f"the Newton step to it is {self.remaining(u):.1e} kT, and every mode decays"
            return f"a steady state is reached at {duration(t)}: {left}"
        if end is End.TIME:
            return f"followed to {duration(t)}"
        if end is End.INTERRUPTED:
            return f"interrupted at {duration(t)}"
        with np.errstate(all="ignore"):
            rates = self.rate(t, u)
        why = f"not settled after {len(self.path) - 1} steps, at" if end is End.STEPS else "can not be followed beyond"
        if not np.isfinite(rates).all():
            return f"{why} {duration(t)}: the current into {names[int(np.argmin(np.isfinite(rates)))]} is not finite"
        fastest = int(np.argmax(np.abs(rates)))
        return f"{why} {duration(t)}: {names[fastest]} still changes, by {rates[fastest]:.3g} kT/s"
