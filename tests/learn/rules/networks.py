"""Networks over which every rule is run, with tasks that they have not learned."""

from functools import cache

import numpy as np

import crncompile
from crncompile.learn.rules import find
from crncompile.learn.task import Task
from crncompile.learn.teacher import Teacher
from crncompile.learn.transform import Packing

BIAS_ONLY = """
network bias_only
temperature 100 mK
index i = 1..2
index j = 1..3
device saturating: left -> right {
  "a current that depends on the bias alone and saturates"
  terminal left, right: charge
  parameter rate: rate > 0
  parameter width: energy > 0
  current flow = rate * tanh((left - right) / width)
}
device growing: left -> right {
  "a current that depends on the bias alone and grows faster than it"
  terminal left, right: charge
  parameter rate: rate > 0
  current flow = rate * sinh((left - right) / 3 kT)
}
reservoir x[i] = input(range = [-3 kT, 3 kT], data = [0, 1])
reservoir low  = fixed(at = train -2 kT)
reservoir high = fixed(at = 2 kT)
reservoir h[j] = floating(capacitance = 10 pF)
reservoir y    = output(capacitance = 10 pF)
parameter gain = train 0.7 kT^-1
dot a[i, j]: x[i] -> h[j] = saturating(rate = train loguniform(0.1 GHz, 1 GHz), width = train uniform(2 kT, 4 kT))
dot b[j]: h[j] -> y = growing(rate = train loguniform(0.1 GHz, 1 GHz))
dot c[j]: high -> h[j] = growing(rate = train loguniform(0.1 GHz, 1 GHz))
dot d: y -> low = saturating(rate = train 0.4 GHz, width = train 3 kT)
readout r = gain * y
"""
LINEAR = """
network linear
temperature 100 mK
index i = 1..2
index j = 1..3
reservoir x[i] = input(range = [-3 kT, 3 kT], data = [0, 1])
reservoir low  = fixed(at = -2 kT)
reservoir h[j] = floating(capacitance = 10 pF)
reservoir y    = output(capacitance = 10 pF)
dot a[i, j]: x[i] -> h[j] = linear_conductance(conductance = train loguniform(1 uS, 9 uS))
dot b[j]: h[j] -> y = linear_conductance(conductance = train loguniform(1 uS, 9 uS))
dot d: y -> low = linear_conductance(conductance = train 4 uS)
readout r = y / 1 kT
"""
GATED = """
network gated
temperature 100 mK
index i = 1..2
index j = 1..3
reservoir x[i] = input(range = [-3 kT, 3 kT], data = [0, 1])
reservoir low  = fixed(at = -3 kT)
reservoir high = fixed(at = 3 kT)
reservoir h[j] = floating(capacitance = 10 pF)
reservoir y    = output(capacitance = 10 pF)
dot a[i, j]: high -> h[j] gate x[i] = gated_conductance(
    conductance = train loguniform(1 uS, 9 uS), threshold = train normal(0 kT, 1 kT), width = 2 kT)
dot d[j]: h[j] -> low = linear_conductance(conductance = 3 uS)
dot b[j]: high -> y gate h[j] = gated_conductance(
    conductance = train loguniform(1 uS, 9 uS), threshold = train normal(0 kT, 1 kT), width = 2 kT)
dot e: y -> low = linear_conductance(conductance = train 4 uS)
readout r = y / 1 kT
"""
REVERSIBLE = """
network reversible
temperature 310.15 K
volume 1 nL
index i = 1..2
index j = 1..3
reservoir x[i] = input(range = [0.1 mM, 3 mM], data = [0, 1])
reservoir low  = fixed(at = 2 uM)
reservoir h[j] = floating(start = 0.2 mM)
reservoir y    = output(start = 0.2 mM)
enzyme a[i, j]: x[i] -> h[j] = substrate_inhibited(
    total = train loguniform(10 nM, 60 nM), k_cat = 100 s^-1, K_M = train loguniform(0.1 mM, 1 mM), K_P = 1 mM,
    K_I = 0.4 mM, K_eq = 100)
enzyme b[j]: h[j] -> y = michaelis_menten(
    total = train loguniform(10 nM, 60 nM), k_cat = 100 s^-1, K_M = 0.3 mM, K_P = 1 mM, K_eq = 5)
reaction c[j]: h[j] <-> low = mass_action(k = train 0.03 s^-1, K_eq = 1)
reaction d: y <-> low = mass_action(k = train 0.02 s^-1, K_eq = 1)
readout r = ln(y / 1 mM)
"""
CONSERVED = """
network conserved
temperature 310.15 K
volume 1 nL
reservoir x = input(range = [0.1 mM, 3 mM], data = [0, 1])
reservoir p = floating(start = 1 mM)
reservoir q = floating(start = 0.5 mM)
reservoir r = output(start = 0.1 mM)
enzyme a: p -> q gate x = competitive_effector(
    total = train 30 nM, k_cat = 100 s^-1, K_M = train 0.2 mM, K_P = 1 mM, K_R = train 0.4 mM, K_eq = 100)
enzyme b: q -> r = michaelis_menten(total = train 20 nM, k_cat = 100 s^-1, K_M = 0.3 mM, K_P = 1 mM, K_eq = 50)
reaction c: r <-> p = mass_action(k = train 2e-3 s^-1, K_eq = 10)
readout s = ln(r / 1 mM)
"""
TEXTS = {
    "bias_only": BIAS_ONLY,
    "linear": LINEAR,
    "gated": GATED,
    "reversible": REVERSIBLE,
    "conserved": CONSERVED,
}


@cache
def network(name):
    return crncompile.loads(TEXTS[name], name)


@cache
def situation(name):
    """A network, a task, the outcome of drawn parameters, and the packing of what is trained."""
    net = network(name)
    rng = np.random.default_rng(3)
    width = sum(int(np.prod(group.shape, dtype=int)) for group in net.inputs)
    X = rng.uniform(0, 1, (7, width))
    task = Task(net, X, np.sin(3 * X.sum(axis=1, keepdims=True)))
    outcome = task.run(net.parameters(seed=1))
    assert outcome.good.all()
    return net, task, outcome, Packing.of(net.network)


def gradients(name, rule, nudge, **settings):
    """The exact gradient of the loss by free variables and that of a rule, (size,) each."""
    net, task, outcome, packing = situation(name)
    weights, z = task.by_readout(task.loss_weights(outcome)), packing.pack(outcome.solution.parameters)
    teacher = Teacher(find(rule) if isinstance(rule, str) else rule, packing, nudge=nudge, **settings)
    exact = find("adjoint").gradient(net, outcome, weights)
    return packing.pull(exact, z), packing.pull(teacher(net, outcome, weights), z)


def miss(exact, found):
    """Relative error, and one minus the cosine without cancellation."""
    angle = found / np.linalg.norm(found) - exact / np.linalg.norm(exact)
    return np.linalg.norm(found - exact) / np.linalg.norm(exact), angle @ angle / 2
