"""Whether a device does what physics demands, and its generated code what its text says.

``crncompile devices NAME --verify`` and ``crncompile devices MODEL:NAME --verify`` show it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile import constants as codata
from crncompile.analyze.rate_matrix import RateMatrix
from crncompile.backends.load import load_module
from crncompile.backends.numpy_source import device_text
from crncompile.errors import ModelError
from crncompile.network.types import DeviceKind
from crncompile.program.kernels import device_kernel
from crncompile.program.types import Kernel, SolvedKernel
from crncompile.symbolic.closed_form import ClosedForm, examine
from crncompile.symbolic.device_law import DeviceLaw, derive
from crncompile.symbolic.sampling import draw, evaluate
from crncompile.symbolic.signs import Conductance, conductance, exchange
from crncompile.symbolic.turnover import fundamental_cycles

Values = dict[str, NDArray[np.float64]]

CURRENT_TOLERANCE = 1e-12
"""Largest error of a steady current, relative to the largest flux of a step in one direction."""
SLOPE_TOLERANCE = 1e-10
"""Largest error of a derivative by a quantity x, relative to itself and to the gross flux over |x|."""
EQUILIBRIUM_TOLERANCE = 1e-12
"""Largest current at zero affinity, relative to the gross flux."""
_MATRIX_POINTS, _POINTS = 40, 1000
_NOTHING = 1e-200  # a flux too small to count, and to take a complex step from


@dataclass(frozen=True)
class Check:
    """One thing that was examined: what, whether it holds, and how that is known."""

    name: str
    passed: bool
    detail: str


def verify(kind: DeviceKind) -> tuple[Check, ...]:
    """Examine a device at random values of its terminals and parameters, always the same ones.

    A device whose law can not be derived has one check, failed, that says why.
    """
    try:
        law = derive(kind)
    except ModelError as error:
        return (Check("derivation", False, "; ".join(mistake.message for mistake in error.mistakes)),)
    subject = _Subject(law)
    checks: tuple[Callable[[_Subject], Check], ...] = (
        check_balance,
        check_currents,
        check_derivatives,
        check_equilibrium,
        check_dissipation,
        check_conductances,
    )
    return tuple(check(subject) for check in checks)


class _Subject:
    """A device's law and its generated code."""

    def __init__(self, law: DeviceLaw):
        self.law = law
        self.kind = law.kind

    @cached_property
    def kernel(self) -> Kernel | SolvedKernel:
        return device_kernel(self.law, range(len(self.kind.terminals)))

    @cached_property
    def _functions(self) -> Any:
        return load_module(device_text(self.kernel, "device"), f"crncompile:device {self.kind.name}")

    @cached_property
    def closed_form(self) -> ClosedForm | None:
        """How the thermodynamics of a closed form are known; ``None`` for steps, and where they do not hold."""
        if self.kind.current is None:
            return None
        try:
            return examine(self.kind, self.law.expand(self.law.fluxes[0]), self.law.affinity(0))
        except ModelError:
            return None

    @property
    def reversible(self) -> bool:
        return all(log is not None for log in self.law.log_K)

    def draw(self, count: int, seed: int) -> Values:
        """Random values by name; with them a volume for devices that move molecules, so that fluxes are in M/s."""
        values = {symbol.name: value for symbol, value in draw(self.kind, count, seed).items()}
        return {**values, "volume": np.full(count, 1 / codata.N_A)} if self.kind.amount else values

    def symbolic(self, expressions: list[Any], values: Values) -> list[NDArray[np.float64]]:
        symbols = [t.symbol for t in self.kind.terminals] + [p.symbol for p in self.kind.parameters]
        return evaluate(expressions, {symbol: values[symbol.name] for symbol in symbols})

    def run(self, suffix: str, values: Any, weights: Any = ()) -> NDArray[Any]:
        """Return the outputs of a generated function, (outputs, points)."""
        arguments = [values[s.name] for s in (*self.kernel.terminals, *self.kernel.parameters)]
        points = max(np.size(a) for a in arguments)
        outputs = getattr(self._functions, f"device{suffix}")(*weights, *arguments)
        return np.array([np.broadcast_to(output, (points,)) for output in outputs]).reshape(-1, points)

    def into_terminals(self, fluxes: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.array(self.law.stoichiometry).T @ fluxes)


def _outcome(name: str, error: float, tolerance: float, what: str) -> Check:
    return Check(name, bool(error <= tolerance), f"{what}: at most {error:.1e}, allowed {tolerance:.0e}")


# --- local detailed balance -------------------------------------------------------------------------------------------


def check_balance(subject: _Subject) -> Check:
    """Compare the derived rates of every reversible step with its affinity; count the balanced cycles."""
    name, kind = "detailed balance", subject.kind
    steps = [step for step in kind.steps if step.reversible]
    if not steps:
        what = "a closed form has no steps" if kind.current is not None else "all steps are irreversible"
        return Check(name, True, f"nothing to check: {what}")
    values, matrix = subject.draw(_MATRIX_POINTS, 11), RateMatrix(kind)
    expressions = [subject.law.expand(rate) for step in steps for rate in subject.law.rates[step.name]]
    rates = np.array(subject.symbolic(expressions, values)).reshape(len(steps), 2, -1)
    exact = [matrix.rates({n: float(v[point]) for n, v in values.items()}) for point in range(_MATRIX_POINTS)]
    wanted = np.array([[float(e[step.name].affinity) for e in exact] for step in steps])
    error = np.max(np.abs(np.log(rates[:, 0] / rates[:, 1]) - wanted) / np.maximum(1.0, np.abs(wanted)))
    cycles = sum(not any(cycle.turnover) for cycle in fundamental_cycles(kind))
    rest = f", {cycles} idle cycle{'s' if cycles > 1 else ''} proved balanced" if cycles else ""
    irreversible = [step.name for step in kind.steps if not step.reversible]
    rest += f"; irreversible: {', '.join(irreversible)}" if irreversible else ""
    count = f"{len(steps)} step{'s' if len(steps) > 1 else ''}"
    check = _outcome(name, float(error), 1e-10, f"ln(forward/backward) of {count} against the affinity")
    return Check(check.name, check.passed, check.detail + rest)


# --- currents and derivatives -----------------------------------------------------------------------------------------


def check_currents(subject: _Subject) -> Check:
    """Compare the generated currents with those of the numerical rate matrix."""
    name, kind = "steady current", subject.kind
    if not kind.steps:
        return Check(name, True, "nothing to check: the current is stated in closed form")
    values, matrix = subject.draw(_MATRIX_POINTS, 12), RateMatrix(kind)
    generated, errors = subject.into_terminals(subject.run("", values)), []
    for point in range(_MATRIX_POINTS):
        exact = matrix.currents({n: float(v[point]) for n, v in values.items()})
        difference = max(abs(g - e) for g, e in zip(generated[:, point].tolist(), exact.terminals, strict=True))
        errors.append(float(difference / exact.largest))
    what = f"against the rate matrix in 50 digits at {_MATRIX_POINTS} random points, relative to the largest flux"
    return _outcome(name, max(errors), CURRENT_TOLERANCE, what)


def check_derivatives(subject: _Subject) -> Check:
    """Compare the generated derivatives with complex steps through the generated currents."""
    values, kernel = subject.draw(_POINTS, 13), subject.kernel
    gross = subject.run("_gross", values)
    slopes = subject.run("_slopes", values)[len(gross) :]
    weights = np.random.default_rng(14).normal(size=(len(gross), 1))
    pulled = subject.run("_pull", values, weights)
    errors = []
    for name, pull in zip(kernel.pulled, pulled, strict=True):
        step = 1e-30 * np.maximum(np.abs(values[name]), 1e-30)
        exact = subject.run("", {**values, name: values[name] + 1j * step}).imag / step
        size = gross / np.where(values[name] == 0, 1.0, np.abs(values[name]))
        errors.append(_relative(pull, (weights * exact).sum(axis=0), (np.abs(weights) * size).sum(axis=0)))
        for column, (flux, terminal) in enumerate(kernel.slope_of):
            if kernel.terminals[terminal].name == name:
                errors.append(_relative(slopes[column], exact[flux], size[flux]))
    what = f"by {', '.join(kernel.pulled)} against complex steps"
    return _outcome("derivatives", max(errors), SLOPE_TOLERANCE, what)


def _relative(value: NDArray[Any], exact: NDArray[Any], size: NDArray[Any]) -> float:
    return float(np.max(np.abs(value - exact) / (np.abs(exact) + size + _NOTHING)))


# --- thermodynamics ---------------------------------------------------------------------------------------------------


def check_equilibrium(subject: _Subject) -> Check:
    """Look for currents where all affinities are zero."""
    name = "equilibrium"
    if not subject.reversible:
        return Check(name, True, "nothing to check: a device with an irreversible step has no equilibrium")
    values = _at_equilibrium(subject, subject.draw(_POINTS, 15))
    if values is None:
        return Check(name, True, "nothing to check: the affinities can not all be zero at once")
    slopes = subject.run("_slopes", values)
    fluxes, size = slopes[: len(subject.law.fluxes)], subject.run("_gross", values) + _NOTHING
    for column, (flux, terminal) in enumerate(subject.kernel.slope_of, len(fluxes)):
        moved = subject.kind.terminals[terminal]
        one = 1.0 if moved.content == "charge" else values[moved.name]
        size[flux] = np.maximum(size[flux], np.abs(slopes[column] * one))
    error = float(np.max(np.abs(fluxes) / size))
    what = "current at zero affinity, relative to the gross flux (or to the current at 1 kT)"
    verdict = subject.closed_form.equilibrium if subject.closed_form else None
    return _outcome(name, error, EQUILIBRIUM_TOLERANCE, f"{_known(subject, verdict)}{what}")


def _known(subject: _Subject, verdict: str | None) -> str:
    """Say whether a law of thermodynamics is proved for this device or only found at random points."""
    if subject.kind.current is None:
        return "proved, as every step obeys local detailed balance; "
    words = {"proved": "proved for all values; ", "sampled": "sampled, not proved; ", None: ""}
    return words[verdict]


def _at_equilibrium(subject: _Subject, values: Values) -> Values | None:
    """Move the potentials as little as possible to where log_K - stoichiometry . u is zero for every flux."""
    terminals = subject.kind.terminals
    net = np.array(subject.law.stoichiometry, float)
    log_K = np.array(subject.symbolic([subject.law.expand(log) for log in subject.law.log_K], values))
    u = np.array([values[t.name] if t.content == "charge" else np.log(values[t.name]) for t in terminals])
    u = u + np.linalg.pinv(net) @ (log_K - net @ u)
    if np.max(np.abs(log_K - net @ u)) > 1e-9:
        return None
    moved = {t.name: x if t.content == "charge" else np.exp(x) for t, x in zip(terminals, u, strict=True)}
    return {**values, **moved}


def check_dissipation(subject: _Subject) -> Check:
    """Look for negative entropy production, the sum of flux times affinity."""
    name = "entropy production"
    if not subject.reversible:
        return Check(name, True, "nothing to check: an irreversible step has no finite dissipation")
    values = subject.draw(_POINTS, 16)
    affinities = np.array(subject.symbolic([subject.law.affinity(f) for f in range(len(subject.law.fluxes))], values))
    production = (subject.run("", values) * affinities).sum(axis=0)
    size = (subject.run("_gross", values) * np.abs(affinities)).sum(axis=0) + _NOTHING
    bad = np.flatnonzero(~(production >= -1e-12 * size))
    if bad.size:
        return Check(name, False, f"negative at {_point(values, bad[0])}")
    verdict = subject.closed_form.dissipation if subject.closed_form else None
    return Check(name, True, f"{_known(subject, verdict)}never negative at {_POINTS} random points")


def check_conductances(subject: _Subject) -> Check:
    """Report the signs of the differential conductances; negative ones are no fault."""
    result = conductance(subject.law)
    return Check("conductances", True, _signs(result, subject.law))


def _signs(result: Conductance, law: DeviceLaw) -> str:
    ends = exchange(law)
    if ends is None:
        return "not a device that moves one unit from one reservoir to another"
    source, target = (law.kind.terminals[end].name for end in ends)
    positive = f"the current never falls with {source} and never rises with {target}"
    if result.verdict == "negative":
        return "negative differential conductance, for example at " + ", ".join(
            f"{n} = {v:.4g}" for n, v in result.example
        )
    return f"{positive}, " + ("proved for all values" if result.verdict == "proved" else "at all of 4000 random points")


def _point(values: Values, index: int) -> str:
    return ", ".join(f"{name} = {value[index]:.4g}" for name, value in values.items() if name != "volume")
