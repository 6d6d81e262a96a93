"""Steady states of a batch of samples, each with its certificate."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from crncompile.solve.certificate import Certificate, How, States, Status
from crncompile.solve.cycles import Cycle, find_cycle
from crncompile.solve.diagnosis import why_cycle, why_grows, why_lost, why_spiral
from crncompile.solve.equations import Equations
from crncompile.solve.follow import Accuracy, Path, follow
from crncompile.solve.newton import Polished, continuation, largest, polish
from crncompile.solve.problem import Array, Functions, Parameters
from crncompile.solve.stability import leading_eigenvalue, unstable_rate

ACCURACIES = (Accuracy(1e-3, 3), Accuracy(1e-6, 5), Accuracy(1e-9, 7))
"""Followed first, and then, where the estimated error might change the outcome."""
HANDOVERS = (1e-2, 1e-3, 1e-5)
"""Newton steps in kT at which the path is handed over to Newton, one after the other if it strays."""


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
    tolerance: float = 1e-10,
    maximum_steps: int = 2000,
    eigenvalues: bool = False,
) -> States:
    """Find the states to which a network relaxes from ``start``.

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
    tolerance
        Largest net current of any reservoir, relative to its own gross flux.
    maximum_steps
        Steps of a followed path.
    eigenvalues
        Whether the certificate shall have the leading eigenvalue of the relaxation.

    Returns
    -------
    States (batch, n), NaN where no steady state is certified, with the certificate. Nothing is raised for a sample.
    """
    held, start = np.asarray(held, float), np.array(start, float)
    answers = _Answers.of(start)
    finite = np.isfinite(held).all(axis=1) & np.isfinite(start).all(axis=1)
    answers.messages[~finite] = "an input or the start is not a finite number"
    with np.errstate(all="ignore"):
        equations = Equations.of(functions, parameters, held, start, totals, injected)
        start = start if totals is None else equations.on_totals(start)
    possible = np.isfinite(start).all(axis=1)
    answers.messages[finite & ~possible] = "the conserved totals can not have the stated values"
    finite &= possible & _can_settle(equations, answers)
    if warm is not None:
        usable = np.asarray(finite & np.isfinite(warm).all(axis=1))
        _newton(equations, answers, usable, np.asarray(warm, float), How.WARM, tolerance)
    if functions.structure.unique:
        _continued(equations, answers, finite & ~answers.stable, start, tolerance)
    pending = np.flatnonzero(finite & ~answers.stable)
    if len(pending):
        relaxed = _relaxed(equations.take(pending), start[pending], tolerance, maximum_steps)
        relaxed.iterations += answers.iterations[pending]
        answers.put(pending, relaxed)
    if functions.structure.unique:
        answers.how[answers.stable] = How.UNIQUE.value
    return _certified(equations, answers, eigenvalues)


def _can_settle(equations: Equations, answers: _Answers) -> Array:
    """Say which injected currents (batch,) are finite and change no conserved total; the other samples are told why."""
    known, grows = np.isfinite(equations.injected).all(axis=1), equations.grows
    answers.messages[~known] = "an injected current is not a finite number"
    for sample in np.flatnonzero(grows.any(axis=1)):
        answers.messages[sample] = why_grows(equations.structure.conserved_names[int(np.argmax(grows[sample]))])
    return np.asarray(known & ~grows.any(axis=1))


def _newton(equations: Equations, answers: _Answers, usable: Array, start: Array, how: How, tolerance: float) -> None:
    """Accept what plain Newton finds from ``start`` (batch, n) for the usable samples (batch,), if it is stable."""
    which = np.flatnonzero(usable)
    if not len(which):
        return
    here = equations.take(which)
    polished = polish(here, start[which], 20)
    answers.iterations[which] += polished.iterations
    good = _stable(here, polished, polished.found(tolerance))
    answers.accept(which[good], polished.u[good], how)


def _continued(equations: Equations, answers: _Answers, usable: Array, start: Array, tolerance: float) -> None:
    """Take the fast path: continuation, then plain Newton."""
    which = np.flatnonzero(usable)
    if len(which):
        states = start.copy()
        states[which], tried = continuation(equations.take(which), start[which])
        answers.iterations[which] += tried
        _newton(equations, answers, usable & np.isfinite(states).all(axis=1), states, How.UNIQUE, tolerance)


def _stable(equations: Equations, polished: Polished, candidates: Array) -> Array:
    """Those of the candidates (batch,) that are stable."""
    result, chosen = candidates.copy(), np.flatnonzero(candidates)
    if len(chosen):
        with np.errstate(all="ignore"):
            result[chosen] = unstable_rate(equations.take(chosen).linearise(polished.u[chosen])) == 0
    return result


def _relaxed(equations: Equations, start: Array, tolerance: float, maximum_steps: int) -> _Answers:
    """Follow all paths, and those more exactly whose estimated error might change the outcome."""
    answers = _followed(equations, start, ACCURACIES[0], tolerance, maximum_steps)
    for accuracy in ACCURACIES[1:]:
        doubtful = np.flatnonzero(answers.doubtful)
        if not len(doubtful):
            return answers
        before = answers.take(doubtful)
        again = _followed(equations.take(doubtful), start[doubtful], accuracy, tolerance, maximum_steps)
        again.iterations += before.iterations
        again.how[again.stable] = How.REPEATED.value
        answers.put(doubtful, again)
    doubtful = np.flatnonzero(answers.doubtful)
    answers.status[doubtful] = Status.UNDECIDED.value
    answers.messages[doubtful] = "the start lies so near the border between two outcomes that neither is certain"
    return answers


def _followed(equations: Equations, start: Array, accuracy: Accuracy, tolerance: float, maximum_steps: int) -> _Answers:
    """Follow each path from ``start`` (batch, n) and polish where it arrives."""
    answers = _Answers.of(start)
    pending = np.arange(len(start))
    for near in HANDOVERS:
        here = equations.take(pending)
        path = follow(here, answers.u[pending], near, accuracy, maximum_steps)
        answers.u[pending] = path.u
        answers.iterations[pending] += path.steps
        answers.sensitive[pending] |= path.sensitive
        _explain(here, answers, pending, path)
        arrived = np.flatnonzero(path.end == "near")
        if not len(arrived):
            break
        pending, here = pending[arrived], here.take(arrived)
        polished = polish(here, path.u[arrived])
        answers.iterations[pending] += polished.iterations
        good = polished.found(tolerance) & (largest(polished.u - path.u[arrived]) < 3 * near)
        good = _stable(here, polished, good)
        answers.accept(pending[good], polished.u[good], How.FOLLOWED)
        pending = pending[~good]
        if not len(pending):
            break
    for sample in pending[answers.messages[pending] == ""]:
        one = np.array([sample])
        answers.messages[sample] = why_lost(equations.take(one), answers.u[one], start[:0], answers.iterations[sample])
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
    return cycle.shrinks and bool(_stable(equations, polished, polished.found(1e-10) & inside)[0])


def _certified(equations: Equations, answers: _Answers, with_eigenvalue: bool) -> States:
    """Measure residual and Newton step of every answer once more, where it is."""
    with np.errstate(all="ignore"):
        linearisation = equations.linearise(answers.u)
        relative, gaps = equations.residual(answers.u, linearisation.currents)
        residual, newton = np.maximum(largest(relative), largest(gaps)), largest(linearisation.step())
        worst = np.argmax(np.where(np.isnan(relative), np.inf, relative), axis=1)
        values = leading_eigenvalue(linearisation) if with_eigenvalue else None
    certificate = Certificate(
        answers.status,
        answers.how.astype(str),
        residual,
        newton,
        worst,
        answers.iterations,
        equations.totals,
        answers.period,
        tuple(answers.messages),
        values,
    )
    return States(np.where(answers.stable[:, None], answers.u, np.nan), certificate)
