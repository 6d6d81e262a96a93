"""Rules whose local updates are summed over samples at once: the same gradient as sample by sample."""

from dataclasses import replace

import numpy as np
import pytest

import crncompile
from crncompile.learn.experiment import NotAtRestError
from crncompile.learn.rules import every
from crncompile.learn.task import Task
from crncompile.learn.teacher import Teacher
from crncompile.learn.transform import Packing

RULES = every()
TEXT = """
network small "channels opened by the layer before"
temperature 300 K
index i = 1..3
index j = 1..4
reservoir x[i] = input(range = [-3 kT, 3 kT], data = [0, 1])
reservoir high = fixed(at = 5 kT)
reservoir low  = fixed(at = -5 kT)
reservoir h[j] = floating(capacitance = 1 pF, start = 0 kT)
reservoir y    = output(capacitance = 1 pF, start = 0 kT)
dot up[i, j]:   high -> h[j] gate x[i] = gated_conductance(conductance = train lognormal(1 uS, 0.5))
dot down[i, j]: h[j] -> low gate x[i]  = gated_conductance(conductance = train lognormal(1 uS, 0.5))
dot out[j]:     h[j] -> y = linear_conductance(conductance = train lognormal(1 uS, 0.5))
dot leak:       y -> low  = linear_conductance(conductance = 1 uS)
parameter scale = train 0.5 kT^-1 in [0.01 kT^-1, 100 kT^-1]
readout value = scale * y
"""


def subject():
    net = crncompile.loads(TEXT, backend="numpy")
    rng = np.random.default_rng(0)
    task = Task(net, rng.uniform(0, 1, (6, 3)), rng.normal(size=(6, 1)))
    packing = Packing.of(net.network)
    return net, task.run(net.parameters()), {"value": rng.normal(size=6)}, packing


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.needs not in ("model", "variations")])
def test_sums_are_those_of_single_samples(name):
    net, outcome, weights, packing = subject()
    whole, each = (Teacher(RULES[name], packing)(net, outcome, weights, per_sample=s) for s in (False, True))
    for key, value in each.items():
        scale = np.abs(value.sum(axis=0)).max() or 1
        np.testing.assert_allclose(whole[key] / scale, value.sum(axis=0) / scale, atol=1e-12)


def test_samples_that_do_not_come_to_rest_are_left_out():
    net, outcome, weights, packing = subject()
    teacher = Teacher(RULES["response"], packing)
    experiment = replace(teacher._experiment(net, outcome, weights, np.arange(6)), summed=True)
    multipliers = np.random.default_rng(1).normal(size=experiment.free.shape)
    lost = multipliers.copy()
    lost[2] = np.nan
    others = np.array([0, 1, 3, 4, 5])
    found = experiment.gradient([(lost, experiment.free)])
    wanted = experiment.take(others).gradient([(multipliers[others], experiment.free[others])])
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-12)
    with pytest.raises(NotAtRestError, match=r"no sample comes to rest with a nudge of 0.001"):
        experiment.gradient([(np.full_like(lost, np.nan), experiment.free)])
