"""In situ: rules that only see an instrument. No Jacobian, no adjoint, not even through what they call."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import crncompile
from crncompile.errors import DataError
from crncompile.learn.laboratory import Imperfect, Simulated
from crncompile.learn.measured import MeasuredTask
from crncompile.learn.rules import every
from crncompile.learn.teacher import Teacher
from crncompile.solve import adjoint, equations
from tests.learn.rules.networks import network, situation

IN_SITU = ["coupled", "eqprop", "finite", "response", "spsa"]
PACKAGE = Path(crncompile.__file__).parent
PURE = {
    "crncompile",
    "crncompile.errors",
    "crncompile.learn",
    "crncompile.learn.experiment",
    "crncompile.learn.rules",
    *(f"crncompile.learn.rules.{name}" for name in IN_SITU),
}


@pytest.mark.parametrize("name", IN_SITU)
def test_what_a_rule_imports_knows_no_jacobian(name):
    code = f"import sys, crncompile.learn.rules.{name}\nprint(*[m for m in sys.modules if m.startswith('crncompile')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert set(done.stdout.split()) <= PURE


@pytest.mark.parametrize("name", [*IN_SITU, "../experiment"])
def test_a_rule_does_not_name_a_jacobian(name):
    tree = ast.parse((PACKAGE / "learn" / "rules" / f"{name}.py").read_text(encoding="utf-8"))
    names = {getattr(node, field, None) for node in ast.walk(tree) for field in ("id", "attr", "module", "name", "arg")}
    assert not {n for n in names if n and any(word in n.lower() for word in ("jacob", "adjoint", "linearis", "newton"))}


class Bench:
    """An instrument that relaxes in time by an explicit method: the currents are all that it knows of the network."""

    def __init__(self, net, parameters):
        self.functions, self.parameters = net.functions, parameters

    def relax(self, inputs, injections):
        flat = injections.reshape(-1, injections.shape[-1])
        held = np.tile(inputs, (len(flat) // len(inputs), 1))
        start = np.broadcast_to(self.functions.start(self.parameters), flat.shape)

        def velocity(_, u):
            u = u.reshape(flat.shape)
            currents = self.functions.currents(u, held, self.parameters) + flat
            return (currents / self.functions.capacity(u, self.parameters)).ravel()

        rate = np.abs(self.functions.gross(start, held, self.parameters)).min()
        time = 400 * self.functions.capacity(start, self.parameters).max() / rate
        path = solve_ivp(velocity, (0, time), start.ravel(), method="LSODA", rtol=1e-9, atol=1e-11)
        return path.y[:, -1].reshape(injections.shape)


class Room:
    """A laboratory with such an instrument."""

    def __init__(self, net):
        self.net = net

    def build(self, parameters):
        return Bench(self.net, parameters)


@pytest.mark.parametrize("name", ["response_one_sided", "eqprop_one_sided", "coupled_one_sided", "spsa"])
def test_gradients_come_from_relaxations_alone(name, monkeypatch):
    """The same gradients where every way to a Jacobian is barred."""
    net, task, outcome, packing = situation("bias_only")
    weights = task.by_readout(task.loss_weights(outcome))
    rule = every()[name]
    expected = Teacher(rule, packing, nudge=0.05)(net, outcome, weights)

    def barred(*arguments, **settings):
        raise AssertionError("a rule asked for a Jacobian")

    monkeypatch.setattr(equations.Equations, "linearise", barred)
    monkeypatch.setattr(adjoint, "adjoint", barred)
    monkeypatch.setattr(net.functions, "linearise", barred)
    found = Teacher(rule, packing, Room(net), nudge=0.05)(net, outcome, weights)
    for parameter in packing.parameters:
        scale = np.abs(expected[parameter.name]).max()
        np.testing.assert_allclose(found[parameter.name], expected[parameter.name], rtol=1e-3, atol=1e-3 * scale)


def test_every_rule_that_needs_relaxations_is_among_them():
    modules = {type(rule).__module__.rsplit(".", 1)[1] for rule in every().values() if rule.needs != "model"}
    assert modules - {"holomorphic"} == set(IN_SITU)


# --- imperfect instruments --------------------------------------------------------------------------------------------

X = np.linspace(0, 1, 12)[:, None] * np.ones((1, 2))
Y = network("bias_only").solve(x=X, raw=True, seed=5).readouts["r"][:, None]


@pytest.mark.parametrize("rule", ["response", "eqprop", "coupled"])
def test_training_drives_an_imperfect_instrument(rule):
    """Noise, a grid of 1 mkT, drift, devices off by 30 %: what is reached is reached by that hardware."""
    net = network("bias_only")
    laboratory = Imperfect(net, precision=1e-3, drift=1e-5, tolerance=0.3, seed=4)
    settings = {"optimizer": "adam", "rate": 0.05, "batch": 12, "epochs": 40}
    fit = net.fit(X, Y, rule=rule, nudge=0.3, laboratory=laboratory, **settings)
    assert fit.rule == rule
    assert fit.unconverged == 0
    assert fit.loss < 0.1 * fit.history[0]
    hardware = MeasuredTask(net, X, Y, Imperfect(net, precision=0, tolerance=0.3, seed=4)).run(fit.parameters).loss
    ideal = MeasuredTask(net, X, Y, Imperfect(net, precision=0)).run(fit.parameters).loss
    assert abs(fit.loss - hardware) < 0.5 * abs(fit.loss - ideal)
    assert "read from an instrument, not certified" in fit.outcome.solution.certificate.how


def test_spsa_lowers_the_loss_on_an_imperfect_instrument():
    net = network("bias_only")
    laboratory = Imperfect(net, precision=1e-4, tolerance=0.1, seed=4)
    settings = {"optimizer": "adam", "rate": 0.05, "batch": 12, "epochs": 150}
    fit = net.fit(X, Y, rule="spsa", nudge=0.1, laboratory=laboratory, **settings)
    assert fit.loss < 0.5 * fit.history[0]
    assert fit.judgements == ()


def test_readings_are_on_a_grid_drift_and_have_the_same_faults():
    net = network("bias_only")
    parameters = net.parameters(seed=1)
    held, _ = net.held({"x": X}, parameters, raw=True)
    rest = np.zeros((len(held), 4))
    true = Simulated(net, parameters).relax(held, rest)
    coarse = Imperfect(net, precision=0.01).build(parameters).relax(held, rest)
    assert np.allclose(np.round(coarse / 0.01), coarse / 0.01)
    assert 0 < np.abs(coarse - true).max() < 0.05
    straying = Imperfect(net, precision=0, drift=0.1).build(parameters)
    first, second = straying.relax(held, rest) - true, straying.relax(held, rest) - true
    assert np.ptp(first, axis=0).max() < 1e-12
    assert np.abs(second - first).min() > 1e-6
    faulty = [Imperfect(net, precision=0, tolerance=0.1, seed=s).build(parameters).relax(held, rest) for s in (1, 1, 2)]
    assert np.array_equal(faulty[0], faulty[1])
    assert not np.array_equal(faulty[0], faulty[2])
    with pytest.raises(DataError, match="drift must not be negative, and finite, not -1"):
        Imperfect(net, drift=-1)


def test_an_instrument_that_gives_no_number_is_a_sample_that_failed():
    net = network("bias_only")

    class Broken(Imperfect):
        def read(self, potentials):
            read = super().read(potentials)
            read[..., 3, :] = np.nan
            return read

    task = MeasuredTask(net, X, Y, Broken(net))
    outcome = task.run(net.parameters())
    assert outcome.unconverged == 1
    assert outcome.solution.certificate.messages[3] == "the instrument gave no number"
    assert isinstance(task.subset(np.arange(3)), MeasuredTask)


@pytest.mark.parametrize("rule", ["adjoint", "eqprop_holomorphic"])
def test_no_instrument_has_a_model(rule):
    net = network("bias_only")
    with pytest.raises(DataError, match=f"{rule} needs a model of the network, which no instrument is"):
        net.fit(X, Y, rule=rule, laboratory=Imperfect(net), optimizer="adam")
