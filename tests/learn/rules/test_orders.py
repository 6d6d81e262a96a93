"""Every rule against the exact gradient as its nudge shrinks: measured orders against those declared."""

import numpy as np
import pytest

from crncompile.learn.laboratory import Simulated
from crncompile.learn.rules import every
from crncompile.learn.rules.eqprop import nudging
from crncompile.learn.rules.holomorphic import Holomorphic
from crncompile.learn.rules.response import Response
from crncompile.learn.rules.spsa import Spsa
from crncompile.learn.teacher import Teacher
from tests.learn.rules.networks import TEXTS, gradients, miss, situation

RULES = every()
SYMMETRIC = ("bias_only", "linear")
CASES = [
    (rule.name, name)
    for rule in RULES.values()
    if rule.order and rule.name != "eqprop_holomorphic"
    for name in (SYMMETRIC if rule.symmetric else TEXTS)
]
LARGE, SMALL = 0.04, 0.01
ROUNDING = 1e-9


@pytest.mark.parametrize(("rule", "name"), CASES)
def test_the_error_falls_with_the_declared_order(rule, name):
    """That of the gradient with the order, one minus the cosine with twice the order."""
    (first, wide), (second, narrow) = (miss(*gradients(name, rule, nudge)) for nudge in (LARGE, SMALL))
    assert second < 0.05
    if second > ROUNDING:
        assert np.log(first / second) / np.log(LARGE / SMALL) == pytest.approx(RULES[rule].order, abs=0.25)
    if narrow > ROUNDING**2:
        assert np.log(wide / narrow) / np.log(LARGE / SMALL) == pytest.approx(2 * RULES[rule].order, abs=0.5)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("rule", ["response", "finite"])
def test_exact_on_every_network(name, rule):
    exact, found = gradients(name, rule, 1e-3)
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-6 * np.abs(exact).max())


@pytest.mark.parametrize("rule", ["eqprop", "coupled", "eqprop_holomorphic"])
@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetric_rules_are_exact_where_currents_depend_on_the_bias_alone(name, rule):
    exact, found = gradients(name, rule, 1e-3)
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-6 * np.abs(exact).max())


@pytest.mark.parametrize("name", ["gated", "reversible"])
@pytest.mark.parametrize("rule", ["eqprop", "coupled"])
def test_symmetric_rules_stay_wrong_elsewhere(name, rule):
    first, second = (miss(*gradients(name, rule, nudge))[0] for nudge in (1e-2, 1e-3))
    assert second > 1e-2
    assert second == pytest.approx(first, rel=0.05)


def test_hidden_devices_get_no_signal_behind_a_gate():
    _, _, _, packing = situation("gated")
    exact, found = gradients("gated", "eqprop", 1e-3)
    hidden = np.repeat([p.name.startswith("a.") for p in packing.parameters], packing.sizes)
    assert np.abs(exact[hidden]).max() > 0.05 * np.abs(exact).max()
    assert np.abs(found[hidden]).max() < 1e-9 * np.abs(found).max()


@pytest.mark.parametrize("points", [2, 3, 4])
def test_the_order_of_holomorphic_nudges_is_their_number(points):
    """On a circle of K points the error is of order K, or of the next multiple that does not vanish by symmetry."""
    rule = Holomorphic("holomorphic", points=points)
    first, second = (miss(*gradients("bias_only", rule, nudge))[0] for nudge in (0.4, 0.1))
    assert np.log(first / second) / np.log(4) == pytest.approx(points, abs=0.35)


def test_a_wide_circle_beats_a_narrow_pair():
    wide = miss(*gradients("bias_only", "eqprop_holomorphic", 0.1))[0]
    assert wide < 1e-2 * miss(*gradients("bias_only", "eqprop", 0.1))[0]


def test_the_sum_over_samples_is_that_of_the_samples():
    net, task, outcome, packing = situation("bias_only")
    weights = task.by_readout(task.loss_weights(outcome))
    for rule in RULES.values():
        if rule.per_sample:
            whole, each = (Teacher(rule, packing)(net, outcome, weights, per_sample=s) for s in (False, True))
            for parameter in packing.parameters:
                assert each[parameter.name].shape == (7, *parameter.shape)
                np.testing.assert_allclose(each[parameter.name].sum(axis=0), whole[parameter.name], rtol=1e-9)


# --- random estimates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bias_only", "gated", "conserved"])
@pytest.mark.parametrize(
    ("rule", "seeds"), [(Response("many", patterns=400), 3), (Spsa("many", patterns=400), 3)], ids=["response", "spsa"]
)
def test_estimates_have_the_right_mean(name, rule, seeds):
    """Their error is that of a mean of so many: far below that of one, and no bias remains beyond four deviations."""
    exact, _ = gradients(name, rule, 1e-3)
    draws = np.array([gradients(name, rule, 1e-3, seed=seed)[1] for seed in range(seeds)])
    one = np.array([gradients(name, type(rule)("one", patterns=1), 1e-3, seed=s)[1] for s in range(40)])
    deviation = np.sqrt(np.mean((one - exact) ** 2, axis=0) / (400 * seeds))
    assert np.all(np.abs(draws.mean(axis=0) - exact) <= 5 * deviation + 1e-5 * np.abs(exact).max())


def test_what_is_read_out_is_measured_alone_and_exactly():
    """Two random estimates differ for hidden devices, and agree for those at the output."""
    _, _, _, packing = situation("gated")
    exact, _ = gradients("gated", "response_random", 1e-3)
    first, second = (gradients("gated", Response("one", patterns=1), 1e-3, seed=seed)[1] for seed in (1, 2))
    hidden = np.repeat([p.name.startswith("a.") for p in packing.parameters], packing.sizes)
    assert np.abs(first - second)[hidden].max() > 0.01 * np.abs(exact).max()
    for found in (first, second):
        np.testing.assert_allclose(found[~hidden], exact[~hidden], rtol=1e-5, atol=1e-6 * np.abs(exact).max())


def test_estimates_are_drawn_by_seed_and_call():
    net, task, outcome, packing = situation("bias_only")
    weights = task.by_readout(task.loss_weights(outcome))

    def drawn(seed, calls):
        teacher = Teacher(RULES["spsa"], packing, seed=seed)
        return [packing.pull(teacher(net, outcome, weights), packing.pack(net.parameters())) for _ in range(calls)]

    first, second = drawn(1, 2)
    assert not np.array_equal(first, second)
    assert np.array_equal(second, drawn(1, 2)[1])
    assert not np.array_equal(first, drawn(2, 1)[0])


# --- coupled learning -------------------------------------------------------------------------------------------------


def dissipated(net, parameters, u, held):
    """Half the dissipated power of each sample in kT/s: the sum of current times bias."""
    half, potentials = 0.0, {}
    for group in net.program.groups:
        potentials[group.name] = u[:, group.start : group.stop]
    for code in net.program.held:
        potentials[code.group.name] = held[:, code.group.start : code.group.stop]
    fluxes = net.functions.fluxes(u, held, parameters)
    for family in net.network.families:
        ends = []
        for port in family.ports:
            shape = tuple(s if a in port.place.axes else 1 for a, s in enumerate(family.shape))
            ends.append(potentials[port.reservoir].reshape(len(u), *shape))
        half = half + (np.broadcast_to(fluxes[family.name][0], (len(u), *family.shape)) * (ends[0] - ends[1])).reshape(
            len(u), -1
        ).sum(axis=1)
    return half / 2


def by_power(name, nudge):
    """Coupled learning with dissipated power in place of the co-content, and the exact gradient, by conductances."""
    net, task, outcome, packing = situation(name)
    weights, solution = task.by_readout(task.loss_weights(outcome)), outcome.solution
    to_u, _, _ = net.functions.readout_pullback(weights, solution.u, solution.held, solution.parameters)
    gross = net.functions.gross(solution.u, solution.held, solution.parameters)
    beta = nudge / np.max(np.abs(to_u) / gross, axis=1, keepdims=True)
    instrument = Simulated(net, solution.parameters)
    states = [instrument.relax(solution.held, sign * beta * to_u) for sign in (-1, 1)]
    z, size = packing.pack(solution.parameters), packing.size
    found = np.zeros(size)
    for k in range(size):
        moved = {**solution.parameters, **packing.unpack(z + 1e-6 * np.eye(size)[k])}
        back = {**solution.parameters, **packing.unpack(z - 1e-6 * np.eye(size)[k])}
        above, below = (
            (dissipated(net, moved, u, solution.held) - dissipated(net, back, u, solution.held)) / 2e-6 for u in states
        )
        found[k] = np.sum((above - below) / (2 * beta[:, 0]))
    devices = np.repeat([p.name[0] in "abcd" and "." in p.name for p in packing.parameters], packing.sizes)
    exact, _ = gradients(name, "coupled", nudge)
    return exact[devices], found[devices]


def test_dissipated_power_is_right_for_linear_devices_only():
    assert miss(*by_power("linear", 1e-3))[1] < 1e-8
    stalled = [miss(*by_power("bias_only", nudge))[1] for nudge in (1e-2, 1e-3)]
    assert stalled[1] > 1e-4
    assert stalled[1] == pytest.approx(stalled[0], rel=0.05)
    assert miss(*gradients("bias_only", "coupled", 1e-3))[1] < 1e-11


# --- conserved totals -------------------------------------------------------------------------------------------------


def test_a_nudge_of_a_closed_network_is_balanced_and_feels_the_same_loss():
    net, task, outcome, packing = situation("conserved")
    weights = task.by_readout(task.loss_weights(outcome))
    teacher = Teacher(RULES["eqprop"], packing)
    experiment = teacher._experiment(net, outcome, weights, np.arange(7))
    force, law = nudging(experiment), net.functions.structure.conserved
    assert np.abs(force @ law.T).max() < 1e-12 * np.abs(force).max()
    capacity = net.functions.capacity(experiment.free, outcome.solution.parameters)
    move = np.random.default_rng(0).normal(size=force.shape)
    move -= law[0] * ((move * capacity) @ law[0] / (capacity @ law[0] ** 2))[:, None]
    np.testing.assert_allclose((force * move).sum(axis=1), (experiment.slope() * move).sum(axis=1), rtol=1e-9)
