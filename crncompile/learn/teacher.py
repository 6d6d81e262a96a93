"""A learning rule at work on one network: what optimisers ask for gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import sympy
from numpy.typing import NDArray

from crncompile.compiled import CompiledNetwork
from crncompile.errors import DataError
from crncompile.learn.experiment import Experiment, Instrument, Laws, NotAtRestError, Variation, unsettled
from crncompile.learn.laboratory import Laboratory, Simulated
from crncompile.learn.rules import Rule
from crncompile.learn.task import Outcome
from crncompile.learn.transform import Packing
from crncompile.solve.linear import pivot_reservoirs

Array = NDArray[Any]
NUDGE = 1e-3
"""How far in kT an injection moves a reservoir unless stated; for a variation, the step of a free variable."""
_NOT_ANALYTIC = (sympy.Abs, sympy.Min, sympy.Max, sympy.sign, sympy.Piecewise)


class Gradient(Protocol):
    """What gives an optimiser its gradients."""

    def __call__(
        self, compiled: CompiledNetwork, outcome: Outcome, weights: Mapping[str, Array], *, per_sample: bool = False
    ) -> dict[str, Array]:
        """Differentiate sum(weights * readouts) as `rules.adjoint.gradient` does, exactly or not."""
        ...


@dataclass
class Teacher:
    """Applies a rule; samples without a state at rest, free or nudged, are left out.

    ``laboratory`` builds the networks that are measured; without one they are simulated. ``calls`` counts gradients,
    and chooses what is drawn for each.
    """

    rule: Rule
    packing: Packing
    laboratory: Laboratory | None = None
    nudge: float = NUDGE
    seed: int = 0
    calls: int = field(default=0, init=False)

    def __call__(
        self, compiled: CompiledNetwork, outcome: Outcome, weights: Mapping[str, Array], *, per_sample: bool = False
    ) -> dict[str, Array]:
        """Return the gradient by every trained parameter, summed over samples or (samples, *parameter)."""
        self.calls += 1
        if self.rule.needs == "model":
            found: dict[str, Array] = self.rule.gradient(compiled, outcome, weights, per_sample=per_sample)
            return found
        good = np.flatnonzero(outcome.good)
        experiment = self._experiment(compiled, outcome, weights, good)
        if self.rule.needs != "variations" and not per_sample:
            experiment = replace(experiment, summed=True)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            measured = self.rule.gradient(experiment)
        if experiment.summed:
            return {p.name: measured.get(p.name, np.zeros((1, *p.shape)))[0] for p in self.packing.parameters}
        kept = self._kept(measured, len(good))
        result = {}
        for parameter in self.packing.parameters:
            name, shape = parameter.name, parameter.shape
            value = np.zeros((len(outcome.good), *shape))
            if name in measured:
                value[good[kept]] = measured[name][kept].reshape(-1, *shape)
            result[name] = value if per_sample else value.sum(axis=0)
        return result

    def _kept(self, measured: Mapping[str, Array], samples: int) -> Array:
        """Say which samples (samples,) came to rest in all that was done; raises NotAtRestError where none did."""
        kept = np.ones(samples, bool)
        for parameter in self.packing.parameters:
            if parameter.name in measured:
                kept &= np.isfinite(measured[parameter.name]).reshape(samples, -1).all(axis=1)
        if samples and not kept.any():
            raise NotAtRestError(unsettled(self.nudge))
        return kept

    def _experiment(
        self, compiled: CompiledNetwork, outcome: Outcome, weights: Mapping[str, Array], good: Array
    ) -> Experiment:
        solution, chosen = outcome.solution, {name: value[good] for name, value in weights.items()}
        inputs, free, parameters = solution.held[good], solution.u[good], solution.parameters
        instrument = self._instrument(compiled, parameters, (inputs, free), None)
        drains = pivot_reservoirs(compiled.functions.structure.conserved)
        return Experiment(
            instrument,
            Laws(compiled.functions, parameters, inputs, tuple(drains)),
            inputs,
            free,
            chosen,
            self.nudge,
            np.random.default_rng([self.seed, self.calls]),
            self._variation(compiled, parameters, inputs, free, chosen),
        )

    def _instrument(
        self,
        compiled: CompiledNetwork,
        parameters: Mapping[str, Array],
        known: tuple[Array, Array] | None,
        near: Array | None,
    ) -> Instrument:
        if self.laboratory is None:
            return Simulated(compiled, parameters, known, near)
        return self.laboratory.build(parameters)

    def _variation(
        self,
        compiled: CompiledNetwork,
        parameters: Mapping[str, Array],
        inputs: Array,
        free: Array,
        weights: Mapping[str, Array],
    ) -> Variation:
        z = self.packing.pack(parameters)

        def measure(moved: Array) -> Array:
            changed = {**parameters, **self.packing.unpack(moved)}
            held = held_anew(compiled, inputs, changed)
            u = self._instrument(compiled, changed, None, free).relax(held, np.zeros(free.shape))
            laws = Laws(compiled.functions, changed, held, ())
            return Experiment(
                instrument=None,  # type: ignore[arg-type]  # only the electronics are asked
                laws=laws,
                inputs=held,
                free=u,
                weights=weights,
                nudge=0.0,
                rng=np.random.default_rng(0),
            ).loss(u)

        return Variation(z, measure, lambda slopes: self.packing.push(slopes, z))


def held_anew(compiled: CompiledNetwork, held: Array, parameters: Mapping[str, Array]) -> Array:
    """Return held potentials (samples, m) with the same inputs and other parameters, which fixed ones may follow."""
    inputs = {}
    for code in compiled.program.held:
        if code.at is None:
            part, group = held[:, code.group.start : code.group.stop], code.group
            inputs[group.name] = (np.exp(part) if group.content == "molecules" else part).reshape(-1, *group.shape)
    return np.asarray(np.broadcast_to(compiled.functions.hold(inputs, parameters), held.shape))


# --- what a rule can not do -------------------------------------------------------------------------------------------


def check(compiled: CompiledNetwork, rule: Rule) -> None:
    """Raise DataError where the rule can not train this model, with the reason."""
    if rule.needs in ("relaxations", "complex relaxations"):
        _check_outputs(compiled, rule)
        _check_totals(compiled, rule)
    if rule.needs == "complex relaxations":
        _check_analytic(compiled, rule)


def _check_outputs(compiled: CompiledNetwork, rule: Rule) -> None:
    floating = {group.name for group in compiled.network.floating}
    read = {access.name for readout in compiled.network.readouts for access in readout.reservoirs}
    if not read & floating:
        raise DataError(
            f"{rule.name} measures how injected currents move the outputs, and no readout reads a floating reservoir: "
            "name one in a readout, or train with adjoint"
        )


def _check_totals(compiled: CompiledNetwork, rule: Rule) -> None:
    """No injected current changes a conserved total, so none can say what a parameter does through one."""
    functions, weights = compiled.functions, compiled.functions.structure.conserved
    if not len(weights):
        return
    parameters, ones = compiled.parameters(), np.abs(weights).sum(axis=0, dtype=float)[None]
    by_content = functions.content_pullback(ones, np.ones(ones.shape), parameters)
    by_start = functions.start_pullback(ones, parameters)
    for name in compiled.trained:
        if any(np.any(part.get(name, 0.0)) for part in (by_content, by_start)):
            raise DataError(
                f"{rule.name} can not train {name}, which changes a conserved total: no steady current does that; "
                "train it with adjoint, finite or spsa"
            )


def _check_analytic(compiled: CompiledNetwork, rule: Rule) -> None:
    for family in compiled.network.families:
        law = compiled.system.laws[family.kind.name]
        expressions = [*law.fluxes, *(value for _, value in law.definitions)]
        found = next((kind for e in expressions for kind in _NOT_ANALYTIC if e.has(kind)), None)
        if found is not None:
            raise DataError(
                f"{rule.name} nudges by complex currents, and the law of {family.name} ({family.kind.name}) has "
                f"{found.__name__.lower()}: use eqprop"
            )
