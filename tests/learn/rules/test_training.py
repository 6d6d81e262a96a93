"""Training by a rule: optimisers that can use it, what is reported, what is refused, and in which words."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import sympy

import crncompile
from crncompile.compiled import CompiledNetwork
from crncompile.errors import DataError
from crncompile.learn import rules
from crncompile.learn.experiment import NotAtRestError
from crncompile.learn.judgement import asymmetry, judge, refuse
from crncompile.learn.task import Task
from crncompile.learn.teacher import Teacher, check
from crncompile.learn.transform import Packing
from tests.learn.rules.networks import network, situation

X = np.linspace(0, 1, 9)[:, None] * np.ones((1, 2))
Y = 0.4 * np.cos(3 * X[:, 0])
RULES = rules.every()
EACH = [rule.name for rule in RULES.values() if rule.per_sample]


@pytest.mark.parametrize("rule", EACH)
def test_least_squares_by_a_rule(rule):
    fit = network("bias_only").fit(X, Y, rule=rule, optimizer="levenberg_marquardt", starts=1, trial=6, iterations=1)
    assert fit.rule == rule
    assert fit.loss < 0.5 * fit.history[0]


@pytest.mark.parametrize("rule", RULES)
def test_adam_by_a_rule(rule):
    fit = network("bias_only").fit(X, Y, rule=rule, optimizer="adam", rate=0.1, batch=9, epochs=15)
    assert fit.loss < fit.history[0]
    assert fit.unconverged == 0


def test_the_exact_rules_take_the_same_way():
    settings = {"optimizer": "adam", "rate": 0.1, "batch": 9, "epochs": 8}
    losses = [network("bias_only").fit(X, Y, rule=rule, **settings).history for rule in ("adjoint", "response")]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


def test_the_same_seed_gives_the_same_bits():
    settings = {"optimizer": "adam", "rate": 0.1, "batch": 3, "epochs": 4, "rule": "response_random"}
    first, again = (network("bias_only").fit(X, Y, seed=2, **settings) for _ in range(2))
    assert all(np.array_equal(first.parameters[name], again.parameters[name]) for name in first.parameters)


# --- what is reported -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "symmetric"), [("bias_only", True), ("gated", False), ("reversible", False)])
def test_the_asymmetry_of_the_jacobian(name, symmetric):
    """By differences of the currents."""
    net, _, outcome, _ = situation(name)
    solution, odd, even = outcome.solution, 0.0, 0.0
    for u, held in zip(solution.u, solution.held, strict=True):
        steps = 1e-6 * np.eye(len(u))
        both = [
            net.functions.currents(u + sign * steps, np.tile(held, (len(u), 1)), solution.parameters)
            for sign in (1, -1)
        ]
        matrix = (both[0] - both[1]) / 2e-6
        odd, even = odd + np.sum((matrix - matrix.T) ** 2), even + np.sum((matrix + matrix.T) ** 2)
    found = asymmetry(net, outcome)
    assert found == pytest.approx(np.sqrt(odd / even), rel=1e-5, abs=1e-7)
    assert (found < 1e-12) is symmetric


def test_a_judgement_is_of_all_weights_and_of_hidden_ones():
    _, task, outcome, packing = situation("gated")
    found = judge(task, Teacher(RULES["eqprop"], packing), {}, outcome)
    assert 0.9 < found.cosine < 0.999
    assert found.hidden_cosine == 0
    assert "hidden devices get no signal" in found.sentence()
    exact = judge(task, Teacher(RULES["response"], packing), {}, outcome)
    assert exact.cosine == pytest.approx(1, abs=1e-9)
    assert exact.hidden_cosine == pytest.approx(1, abs=1e-9)
    assert exact.error < 1e-4
    refuse(exact)


@pytest.mark.parametrize("outcome", ["reached", "out of reach"])
def test_there_is_no_angle_to_a_gradient_that_vanishes(outcome):
    """At an optimum all that is measured is rounding: the rule is no worse than before, nor is it refused there."""
    net = network("bias_only")
    made = net.solve(x=X, raw=True, parameters=net.parameters(seed=5)).readouts["r"]
    targets = np.ravel(made) if outcome == "reached" else Y
    words = {"optimizer": "levenberg_marquardt", "starts": 1}
    optimum = net.fit(X, targets, **words, trial=200, iterations=400).parameters
    teacher = Teacher(RULES["response"], Packing.of(net.network))
    task = Task(net, X, targets)
    first = judge(task, teacher, net.parameters())
    last = judge(task, teacher, optimum, before=first)
    assert first.cosine == pytest.approx(1, abs=1e-6)
    assert last.length < 1e-5 * first.length
    assert np.isnan(last.cosine)
    assert last.sentence().startswith("response: the exact gradient vanishes")
    assert not last.wrong
    again = net.fit(X, targets, parameters=optimum, rule="response", **words, trial=1, iterations=1)
    assert not again.judgements[0].wrong


def test_training_reports_the_first_and_the_last_judgement():
    fit = network("reversible").fit(X, Y, rule="eqprop", optimizer="adam", rate=0.02, batch=9, epochs=2, force=True)
    assert [judgement.rule for judgement in fit.judgements] == ["eqprop", "eqprop"]
    assert fit.judgements[0].asymmetry > 0.01
    assert network("bias_only").fit(X, Y, optimizer="adam", epochs=1).judgements == ()


# --- what is refused --------------------------------------------------------------------------------------------------

# h stands above the peak of b: more of it makes less y, but a nudge of y pushes h the way of y
UPHILL = """
network uphill
temperature 310.15 K
volume 1 nL
reservoir x   = input(range = [0.1 mM, 3 mM], data = [0, 1])
reservoir low = fixed(at = 2 uM)
reservoir h   = floating(start = 0.2 mM)
reservoir y   = output(start = 0.2 mM)
enzyme a: x -> h = michaelis_menten(total = train 90 nM, k_cat = 100 s^-1, K_M = 0.3 mM, K_P = 1 mM, K_eq = 2)
enzyme b: h -> y = substrate_inhibited(
    total = train 20 nM, k_cat = 100 s^-1, K_M = 0.3 mM, K_P = 1 mM, K_I = 0.02 mM, K_eq = 100)
reaction c: h <-> low = mass_action(k = train 0.001 s^-1, K_eq = 1)
reaction d: y <-> low = mass_action(k = 0.02 s^-1, K_eq = 1)
readout r = ln(y / 1 mM)
"""
NO_OUTPUT = """
network direct
temperature 100 mK
reservoir x   = input(range = [-3 kT, 3 kT], data = [0, 1])
reservoir low = fixed(at = train -2 kT)
reservoir y   = output(capacitance = 10 pF)
dot a: x -> y = linear_conductance(conductance = 1 uS)
parameter gain = train 1 kT^-1
readout r = gain * low
"""
STARTING = """
network starting
temperature 310.15 K
volume 1 nL
reservoir x = input(range = [0.1 mM, 3 mM], data = [0, 1])
reservoir p = floating(start = train 1 mM)
reservoir q = output(start = 0.5 mM)
enzyme a: p -> q gate x = competitive_effector(
    total = train 30 nM, k_cat = 100 s^-1, K_M = 0.2 mM, K_P = 1 mM, K_R = 0.4 mM, K_eq = 100)
reaction c: q <-> p = mass_action(k = 2e-3 s^-1, K_eq = 10)
readout s = ln(q / 1 mM)
"""
ADAM = {"optimizer": "adam", "epochs": 1}
REFUSED = {
    "unknown": ("bias_only", {"rule": "eqprob"}),
    "no-derivatives-of-samples": ("bias_only", {"rule": "spsa", "optimizer": "levenberg_marquardt"}),
    "too-large": ("bias_only", {"rule": "response", "nudge": 1e4, **ADAM}),
    "varied-too-far": ("bias_only", {"rule": "finite", "nudge": 1e4, **ADAM}),
    "not-positive": ("bias_only", {"rule": "eqprop", "nudge": -0.1, **ADAM}),
    "uphill": (UPHILL, {"rule": "eqprop", **ADAM}),
    "no-output": (NO_OUTPUT, {"rule": "eqprop", **ADAM}),
    "conserved": (STARTING, {"rule": "response", **ADAM}),
}


@pytest.mark.parametrize("rule", ["response", "eqprop"])
def test_a_rule_is_not_judged_where_nothing_is_at_rest(monkeypatch, rule):
    """The Brusselator oscillates at these inputs; how long it is followed does not matter here."""
    monkeypatch.setattr("crncompile.search.MOST_STEPS", 20)
    text = (Path(__file__).parents[2] / "cli" / "models" / "brusselator.tnet").read_text()
    net = crncompile.loads(text.replace("mass_action(k = 1 s^-1)", "mass_action(k = train 1 s^-1)"))
    with pytest.raises(DataError, match=f"no sample has a steady state where training begins.* {rule} has nothing"):
        net.fit(np.linspace(3, 4, 5), np.zeros(5), rule=rule, **ADAM)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_said(name, golden):
    model, settings = REFUSED[name]
    net = network(model) if model == "bias_only" else crncompile.loads(model)
    inputs = X if model == "bias_only" else X[:, :1]
    with pytest.raises(DataError) as caught:
        net.fit(inputs, Y, **settings)
    golden.check(f"cli/rules/{name}.txt", str(caught.value))


def test_a_rule_that_points_the_wrong_way_can_be_forced():
    fit = crncompile.loads(UPHILL).fit(X[:, :1], Y, rule="eqprop", force=True, **ADAM)
    assert fit.judgements[0].wrong
    assert fit.judgements[0].hidden_cosine < 0


def test_laws_that_are_not_analytic_have_no_complex_nudges(golden):
    """The language writes analytic laws only; a system may hold others."""
    net = network("linear")
    law = net.system.laws["linear_conductance"]
    folded = dataclasses.replace(law, fluxes=(sympy.Abs(law.fluxes[0]),))
    system = dataclasses.replace(net.system, laws={"linear_conductance": folded})
    changed = CompiledNetwork(net.network, system, net.program, net.functions)
    with pytest.raises(DataError) as caught:
        check(changed, RULES["eqprop_holomorphic"])
    golden.check("cli/rules/not-analytic.txt", str(caught.value))
    check(changed, RULES["eqprop"])


def test_a_rule_that_fails_on_the_way_leaves_the_best_parameters(monkeypatch):
    def failing(self, experiment):
        if experiment.rng.bit_generator.seed_seq.entropy[1] > 3:
            raise NotAtRestError("no sample comes to rest")
        return gradient(self, experiment)

    gradient = type(RULES["eqprop"]).gradient
    monkeypatch.setattr(type(RULES["eqprop"]), "gradient", failing)
    fit = network("bias_only").fit(X, Y, rule="eqprop", force=True, optimizer="adam", batch=9, epochs=9)
    assert fit.message == "stopped with the best parameters so far: no sample comes to rest"
    assert len(fit.history) == 4  # draws are numbered by the steps, from 1; the fourth fails after its evaluation
    assert len(fit.judgements) == 1
    assert fit.loss == pytest.approx(min(fit.history), rel=1e-6)


def test_finite_differences_reach_what_currents_can_not():
    fit = crncompile.loads(STARTING).fit(X[:, :1], Y, rule="finite", optimizer="adam", epochs=1)
    assert fit.parameters["p.start"] != 1e-3
