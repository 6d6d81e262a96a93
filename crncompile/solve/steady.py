"""Steady states of a batch of samples, each with its certificate."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from crncompile.solve.certificate import Certificate, How, States, Status
from crncompile.solve.cycles import Cycle, find_cycle
from crncompile.solve.diagnosis import why_cycle, why_grows, why_lost, why_spiral
from crncompile.solve.equations import Equations, Linearisation
from crncompile.solve.follow import Accuracy, Path, follow
from crncompile.solve.newton import FULL_STEP, Attempt, Polished, approach, continuation, largest, polish, residual_of
from crncompile.solve.problem import Array, Functions, Parameters, Structure
from crncompile.solve.region import confined
from crncompile.solve.stability import leading_eigenvalue, unstable_rate

ACCURACIES = (Accuracy(1e-3, 3), Accuracy(1e-6, 5), Accuracy(1e-9, 7))
"""Followed first, and then, where the estimated error might change the outcome."""
HANDOVERS = (1e-2, 1e-3, 1e-5)
"""Newton steps in kT at which the path is handed over to Newton, one after the other if it strays."""

NEAR_PATIENCE, FAR_PATIENCE, ALL_PATIENCE = 3, 4, 8
"""How often Newton's steps may fail to halve: from a warm start, where straying means another answer, from afar, and
where any answer is the one."""


@dataclass(eq=False)
class _Answers:
    """What is known so far; every field has the sample as its first axis."""

    u: Array
    status: Array
    how: Array
    iterations: Array
    period: Array
    messages: Array
    sensitive: Array

    @classmethod
    def of(cls, u: Array) -> _Answers:
        def filled(value: object, kind: object) -> Array:
            return np.full(len(u), value, kind)  # type: ignore[call-overload, no-any-return]

        failed, how = filled(Status.FAILED.value, "<U10"), filled(How.NOT.value, object)
        return cls(
            u.copy(), failed, how, filled(0, int), filled(np.nan, float), filled("", object), filled(False, bool)
        )

    def put(self, where: Array, others: _Answers) -> None:
        for field in fields(self):
            getattr(self, field.name)[where] = getattr(others, field.name)

    def take(self, samples: Array) -> _Answers:
        return _Answers(*(getattr(self, field.name)[samples] for field in fields(self)))

    def accept(self, where: Array, u: Array, how: How) -> None:
        self.u[where], self.status[where], self.how[where], self.messages[where] = u, Status.STABLE.value, how.value, ""

    @property
    def stable(self) -> Array:
        return np.asarray(self.status == Status.STABLE.value)

    @property
    def doubtful(self) -> Array:
        # An oscillation is told by its own regularity, and a failure by its own sentence: neither is sought again.
        ended = self.stable | (self.status == Status.UNDECIDED.value)
        return np.asarray(self.sensitive & ended)


def steady_states(
    functions: Functions,
    parameters: Parameters,
    held: Array,
    start: Array,
    *,
    warm: Array | None = None,
    totals: Array | None = None,
    injected: Array | None = None,
    exact: Variant | None = None,
    single: Variant | None = None,
    maximum_steps: int = 2000,
    eigenvalues: bool = False,
) -> States:
    """Find the states to which a network relaxes from ``start``.

    All is computed in the precision of ``start``; `newton.precision` says what counts as found.

    Parameters
    ----------
    functions, parameters
        The network; its structure says whether the steady state is proved unique.
    held, start
        Held potentials (batch, m) and initial potentials (batch, n).
    warm
        States (batch, n) from which Newton is tried first; such answers are stable, but not confirmed from the start.
    totals
        Conserved totals in particles, (laws,) or (batch, laws), in place of those of the start, which is shifted to
        them.
    injected
        Constant currents from outside into the floating reservoirs in 1/s, (n,) or (batch, n); by default none.
    exact
        Where the functions are approximations: the exact ones, with which answers are polished and certified.
    single
        The network in 32 bits, where they are so much quicker that Newton's method had better begin in them.
    maximum_steps
        Steps of a followed path.
    eigenvalues
        Whether the certificate shall have the leading eigenvalue of the relaxation.

    Returns
    -------
    States (batch, n), NaN where no steady state is certified, with the certificate. Nothing is raised for a sample.
    """
    answers, equations, start, usable = _begun(functions, parameters, held, start, totals, injected)
    exactly, roughly = exact.of(equations) if exact else equations, single.of(equations) if single else None
    search = _Search(equations, exactly, roughly)
    if warm is not None:
        tried = np.asarray(usable & np.isfinite(warm).all(axis=1))
        search.newton(answers, tried, warm.astype(start.dtype, copy=False), How.WARM)
    search.cold(answers, np.asarray(usable & ~answers.stable), start)
    pending = np.flatnonzero(usable & ~answers.stable)
    if len(pending):
        relaxed = _relaxed(search.take(pending), start[pending], maximum_steps)
        relaxed.iterations += answers.iterations[pending]
        answers.put(pending, relaxed)
    if functions.structure.unique:
        answers.how[answers.stable] = How.UNIQUE.value
    return _certified(search, answers, eigenvalues)


def _begun(
    functions: Functions,
    parameters: Parameters,
    held: Array,
    start: Array,
    totals: Array | None,
    injected: Array | None,
) -> tuple[_Answers, Equations, Array, Array]:
    """Return answers that are not yet there, the equations, the start on the totals, and who can settle (batch,).

    The others are told why.
    """
    answers = _Answers.of(start)
    finite = np.isfinite(held).all(axis=1) & np.isfinite(start).all(axis=1)
    answers.messages[~finite] = "an input or the start is not a finite number"
    with np.errstate(all="ignore"):
        equations = Equations.of(functions, parameters, held, start, totals, injected)
        start = start if totals is None else equations.on_totals(start)
    possible = np.isfinite(start).all(axis=1)
    answers.messages[finite & ~possible] = "the conserved totals can not have the stated values"
    return answers, equations, start, np.asarray(finite & possible & _can_settle(equations, answers))


def _can_settle(equations: Equations, answers: _Answers) -> Array:
    """Say which injected currents (batch,) are finite and change no conserved total; the other samples are told why."""
    if equations.injected is None:
        return np.ones(len(answers.u), bool)
    known, grows = np.isfinite(equations.injected).all(axis=1), equations.grows
    answers.messages[~known] = "an injected current is not a finite number"
    for sample in np.flatnonzero(grows.any(axis=1)):
        answers.messages[sample] = why_grows(equations.structure.conserved_names[int(np.argmax(grows[sample]))])
    return np.asarray(known & ~grows.any(axis=1))


class Variant(NamedTuple):
    """The same network by other functions or in another precision: with its prepared parameters and settled potentials.

    They are in the precision of ``held``.
    """

    functions: Functions
    parameters: Parameters
    held: Array

    def of(self, equations: Equations) -> Equations:
        """Return the equations of the same samples."""
        kind, injected = self.held.dtype, equations.injected
        with np.errstate(over="ignore"):
            totals = equations.totals.astype(kind, copy=False)
            injected = None if injected is None else injected.astype(kind, copy=False)
        own = replace(equations, functions=self.functions, parameters=self.parameters, held=self.held)
        return replace(own, totals=totals, injected=injected)


@dataclass(eq=False)
class _Search:
    """The equations that are iterated, and the exact ones with which an answer is polished and certified.

    ``single`` are those in 32 bits, where Newton's method begins in them. ``last`` is the exact linearisation at all
    answers, where one search found them all.
    """

    equations: Equations
    exact: Equations
    single: Equations | None = None
    last: Linearisation | None = None

    def take(self, samples: Array) -> _Search:
        equations = self.equations.take(samples)
        exact = equations if self.exact is self.equations else self.exact.take(samples)
        return _Search(equations, exact, None if self.single is None else self.single.take(samples))

    def chosen(self, usable: Array) -> tuple[Array, _Search]:
        """Return the numbers of the usable samples (batch,), and the search among them."""
        return np.flatnonzero(usable), self if usable.all() else self.take(usable)

    def newton(self, answers: _Answers, usable: Array, near: Array, how: How) -> None:
        """Accept what plain Newton finds from ``near`` (batch, n) for the usable samples (batch,), if it is stable.

        In a region, only what the relaxation from there is proved to end at.
        """
        which, here = self.chosen(usable)
        if len(which):
            begin, confine = near if len(which) == len(near) else near[which], how is How.REGION
            attempts = _attempts(self.equations.structure, how)
            polished = approach(here.equations, here.exact, begin, attempts, confine, here.single)
            self._accept(answers, which, here, polished, how, begin if confine else None)

    def cold(self, answers: _Answers, usable: Array, start: Array) -> None:
        """Accept what the fast path of a proof finds for usable samples (batch,) from the stated start (batch, n)."""
        structure = self.equations.structure
        if usable.any() and structure.unique:
            self._continued(answers, usable, start)
        elif usable.any() and structure.bounded:
            self.newton(answers, usable, start, How.REGION)

    def _continued(self, answers: _Answers, usable: Array, start: Array) -> None:
        """Take the fast path to an answer that is unique: plain Newton, and continuation where that strays."""
        self.newton(answers, usable, start, How.UNIQUE)
        which, here = self.chosen(usable & ~answers.stable)
        if not len(which):
            return
        states, tried = continuation(here.equations, start[which])
        answers.iterations[which] += tried
        arrived = np.asarray(np.isfinite(states).all(axis=1))
        if arrived.any():
            here = here.take(arrived)
            self._accept(answers, which[arrived], here, polish(here.exact, states[arrived]), How.UNIQUE, None)

    def _accept(
        self, answers: _Answers, which: Array, here: _Search, polished: Polished, how: How, start: Array | None
    ) -> None:
        """Accept of the samples ``which`` those that are stable, or confined between them and the start."""
        answers.iterations[which] += polished.iterations
        good = polished.found
        if start is not None:
            good = confined(here.exact, polished, good, start)
        elif not here.exact.structure.unique:
            good = _stable(here.exact, polished, good)
        answers.accept(which[good], polished.u[good], how)
        self.last = polished.last if good.all() and len(which) == len(answers.u) else None


def _attempts(structure: Structure, how: How) -> tuple[Attempt, ...]:
    """Return how Newton's method is tried: where any answer is the one, by full steps first, and then from afar."""
    if structure.unique:
        return Attempt(NEAR_PATIENCE, FULL_STEP), Attempt(ALL_PATIENCE)
    return (Attempt(NEAR_PATIENCE if how is How.WARM else FAR_PATIENCE),)


def _stable(equations: Equations, polished: Polished, candidates: Array) -> Array:
    """Those of the candidates (batch,) that are stable."""
    result, chosen = candidates.copy(), np.flatnonzero(candidates)
    if len(chosen):
        with np.errstate(all="ignore"):
            if polished.last is not None:
                linearisation = polished.last if len(chosen) == len(candidates) else polished.last.take(chosen)
            else:
                linearisation = equations.take(chosen).linearise(polished.u[chosen])
            result[chosen] = unstable_rate(linearisation) == 0
    return result


def _relaxed(search: _Search, start: Array, maximum_steps: int) -> _Answers:
    """Follow all paths, and those more exactly whose estimated error might change the outcome."""
    answers = _followed(search, start, ACCURACIES[0], maximum_steps)
    for accuracy in ACCURACIES[1:]:
        doubtful = np.flatnonzero(answers.doubtful)
        if not len(doubtful):
            return answers
        before = answers.take(doubtful)
        again = _followed(search.take(doubtful), start[doubtful], accuracy, maximum_steps)
        again.iterations += before.iterations
        again.how[again.stable] = How.REPEATED.value
        answers.put(doubtful, again)
    doubtful = np.flatnonzero(answers.doubtful)
    answers.status[doubtful] = Status.UNDECIDED.value
    answers.messages[doubtful] = "the start lies so near the border between two outcomes that neither is certain"
    return answers


def _followed(search: _Search, start: Array, accuracy: Accuracy, maximum_steps: int) -> _Answers:
    """Follow each path from ``start`` (batch, n) and polish where it arrives."""
    answers = _Answers.of(start)
    pending = np.arange(len(start))
    for near in HANDOVERS:
        here = search.take(pending)
        path = follow(here.equations, answers.u[pending], near, accuracy, maximum_steps)
        answers.u[pending] = path.u
        answers.iterations[pending] += path.steps
        answers.sensitive[pending] |= path.sensitive
        _explain(here.equations, answers, pending, path)
        arrived = np.flatnonzero(path.end == "near")
        if not len(arrived):
            break
        pending, here = pending[arrived], here.take(arrived)
        polished = polish(here.exact, path.u[arrived])
        answers.iterations[pending] += polished.iterations
        good = polished.found & (largest(polished.u - path.u[arrived]) < 3 * near)
        good = _stable(here.exact, polished, good)
        answers.accept(pending[good], polished.u[good], How.FOLLOWED)
        pending = pending[~good]
        if not len(pending):
            break
    for sample in pending[answers.messages[pending] == ""]:
        one = np.array([sample])
        answers.messages[sample] = why_lost(
            search.exact.take(one), answers.u[one], start[:0], answers.iterations[sample]
        )
    return answers


def _explain(equations: Equations, answers: _Answers, pending: Array, path: Path) -> None:
    """Status and message of the samples ``pending`` whose path did not arrive at a stable state."""
    names = equations.structure.reservoirs
    for place in np.flatnonzero(path.end != "near"):
        sample = pending[place]
        times, states = path.history(int(place))
        cycle = find_cycle(times, states)
        if path.end[place] == "unstable":
            answers.status[sample] = Status.UNDECIDED.value
            answers.messages[sample] = (
                "the start leads onto an unstable steady state, from which the path could go either way"
            )
        elif cycle is not None and spirals_in(equations.take(np.array([place])), cycle):
            answers.messages[sample] = why_spiral(names, cycle)
        elif cycle is not None:
            answers.status[sample], answers.period[sample] = Status.OSCILLATES.value, cycle.period
            answers.messages[sample] = why_cycle(names, cycle)
        else:
            one, steps = np.array([place]), int(path.steps[place])
            answers.messages[sample] = why_lost(equations.take(one), path.u[one], states, steps)


def spirals_in(equations: Equations, cycle: Cycle) -> bool:
    """Whether an oscillation shrinks around a stable state: just before a Hopf point it may take very long to end."""
    polished = polish(equations, cycle.middle[None])
    inside = (np.abs(polished.u - cycle.middle) <= cycle.swing).all(axis=1)
    return cycle.shrinks and bool(_stable(equations, polished, polished.found & inside)[0])


def _certified(search: _Search, answers: _Answers, with_eigenvalue: bool) -> States:
    """Measure residual and Newton step of every answer once more, where it is."""
    with np.errstate(all="ignore"):
        linearisation = search.last or search.exact.linearise(answers.u)
        relative, _ = linearisation.residuals
        step = largest(linearisation.newton_step)
        worst = np.argmax(np.where(np.isnan(relative), np.inf, relative), axis=1)
        values = leading_eigenvalue(linearisation) if with_eigenvalue else None
    certificate = Certificate(
        answers.status,
        answers.how.astype(str),
        residual_of(linearisation),
        step,
        worst,
        answers.iterations,
        search.exact.totals,
        answers.period,
        tuple(answers.messages),
        values,
    )
    return States(np.where(answers.stable[:, None], answers.u, np.nan), certificate, linearisation)
