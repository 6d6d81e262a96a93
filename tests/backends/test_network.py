"""The functions of whole networks against loops over their devices, and their derivatives against complex steps."""

import numpy as np
import pytest

import crncompile
from backends.random_networks import CHARGE, MOLECULES, random_network

BATCH, STEP = 3, 1e-30


class Subject:
    """A random network with random parameters, potentials and inputs."""

    def __init__(self, pool, seed):
        self.case = random_network(pool, seed)
        self.network = crncompile.loads(self.case.text)
        self.f = self.network.functions
        self.rng = np.random.default_rng([seed, 7])
        parameters = self.network.parameters(seed=seed)
        self.parameters = {name: value * self.rng.uniform(0.8, 1.2, value.shape) for name, value in parameters.items()}
        self.molecules = pool is MOLECULES
        self.inputs = {name: self.values(BATCH, *shape) for name, shape in self.network_inputs().items()}
        self.held = self.f.hold(self.inputs, self.parameters)
        u = self.values(BATCH, len(self.f.structure.reservoirs))
        self.u = np.log(u) if self.molecules else u

    def network_inputs(self):
        return {group.name: group.shape for group in self.network.inputs}

    def values(self, *shape):
        """Random mu in kT or c in M."""
        spread = self.rng.uniform(-2.0, 2.0, shape)
        return np.exp(spread) * 1e-3 if self.molecules else spread

    def labelled(self, sample):
        """Return the mu or c of every reservoir by its label."""
        names = (*self.f.structure.reservoirs, *self.f.structure.held)
        potentials = np.concatenate([self.u[sample], self.held[sample]])
        return dict(zip(names, np.exp(potentials) if self.molecules else potentials, strict=True))


@pytest.fixture(scope="module", params=[(p, s) for p in ("charge", "molecules") for s in range(6)], ids=str)
def subject(request):
    platform, seed = request.param
    return Subject(CHARGE if platform == "charge" else MOLECULES, seed)


def gross_scale(s):
    return s.f.gross(s.u, s.held, s.parameters)


def test_currents_are_those_of_all_devices(subject):
    currents, gross = subject.f.currents(subject.u, subject.held, subject.parameters), gross_scale(subject)
    for sample in range(BATCH):
        net, least = subject.case.currents(subject.labelled(sample), subject.parameters)
        labels = subject.f.structure.reservoirs
        wanted = np.array([net[label] for label in labels])
        assert np.all(np.abs(currents[sample] - wanted) <= 1e-12 * gross[sample])
        assert np.all(gross[sample] >= np.array([least[label] for label in labels]) * (1 - 1e-12))


def test_jacobian_is_the_complex_step(subject):
    s = subject
    jacobian, gross = s.f.jacobian(s.u, s.held, s.parameters), gross_scale(s)
    for column in range(s.u.shape[1]):
        moved = s.u + 0j
        moved[:, column] += 1j * STEP
        wanted = s.f.currents(moved, s.held, s.parameters).imag / STEP
        assert np.all(np.abs(jacobian[:, :, column] - wanted) <= 1e-12 * (gross + np.abs(wanted)))


def test_linearise_gives_the_same_currents_and_all_blocks(subject):
    s = subject
    currents, blocks = s.f.linearise(s.u, s.held, s.parameters)
    np.testing.assert_allclose(
        currents, s.f.currents(s.u, s.held, s.parameters), rtol=0, atol=1e-12 * gross_scale(s).max()
    )
    shapes = s.f.structure.blocks
    assert set(blocks) == set(shapes)
    size = [part.stop - part.start for part in s.f.structure.slices]
    for (row, column), block in blocks.items():
        wanted = (BATCH, size[row]) if shapes[row, column] == "diagonal" else (BATCH, size[row], size[column])
        assert block.shape == wanted


def directional(s, function, name):
    """Complex-step derivative of a function of parameters along a random direction of one of them, and that."""
    direction = s.rng.normal(size=np.shape(s.parameters[name]))
    size = STEP * np.maximum(np.abs(s.parameters[name]), 1e-3)
    moved = {**s.parameters, name: s.parameters[name] + 1j * direction * size}
    return np.imag(function(moved)) / STEP, direction * size / STEP


def assert_gradient(s, function, gradient):
    """Compare gradients per sample, {name: (batch, *parameter)}, with complex steps of ``function``, (batch,)."""
    for name, value in s.parameters.items():
        wanted, direction = directional(s, function, name)
        given = gradient.get(name, np.zeros((BATCH, *np.shape(value))))
        assert given.shape == (BATCH, *np.shape(value))
        found = (given * direction).reshape(BATCH, -1).sum(axis=1)
        scale = (np.abs(given * direction)).reshape(BATCH, -1).sum(axis=1) + np.abs(function(s.parameters))
        assert np.all(np.abs(found - wanted) <= 1e-10 * scale + 1e-200), name


def test_pullback_is_the_complex_step(subject):
    s = subject
    adjoint = s.rng.normal(size=s.u.shape)

    def weighted(parameters, held=None):
        return (adjoint * s.f.currents(s.u, s.held if held is None else held, parameters)).sum(axis=1)

    gradient, to_held = s.f.pullback(adjoint, s.u, s.held, s.parameters, per_sample=True)
    assert_gradient(s, weighted, gradient)
    scale = (np.abs(adjoint) * gross_scale(s)).sum(axis=1)
    for column in range(s.held.shape[1]):
        moved = s.held + 0j
        moved[:, column] += 1j * STEP
        wanted = weighted(s.parameters, moved).imag / STEP
        assert np.all(np.abs(to_held[:, column] - wanted) <= 1e-11 * scale)
    total, again = s.f.pullback(adjoint, s.u, s.held, s.parameters)
    np.testing.assert_array_equal(again, to_held)
    for name, value in gradient.items():
        size = np.abs(value).sum(axis=0).max() + 1e-300
        np.testing.assert_allclose(total[name], value.sum(axis=0), rtol=0, atol=1e-12 * size)


def test_readouts_and_their_pullback(subject):
    s = subject
    values = s.f.readouts(s.u, s.held, s.parameters)
    shapes = {readout.name: readout.shape for readout in s.network.network.readouts}
    assert {name: value.shape for name, value in values.items()} == {n: (BATCH, *shape) for n, shape in shapes.items()}
    weights = {name: s.rng.normal(size=value.shape) for name, value in values.items()}

    def weighted(parameters, u=None, held=None):
        parts = s.f.readouts(s.u if u is None else u, s.held if held is None else held, parameters)
        return sum((weights[name] * part).reshape(BATCH, -1).sum(axis=1) for name, part in parts.items())

    to_u, to_held, gradient = s.f.readout_pullback(weights, s.u, s.held, s.parameters)
    assert_gradient(s, weighted, gradient)
    for array, found, key in ((s.u, to_u, "u"), (s.held, to_held, "held")):
        for column in range(array.shape[1]):
            moved = array + 0j
            moved[:, column] += 1j * STEP
            wanted = weighted(s.parameters, **{key: moved}).imag / STEP
            np.testing.assert_allclose(found[:, column], wanted, rtol=1e-10, atol=1e-10)


def test_values_of_readouts(subject):
    """The readouts of the pool, written out by hand."""
    s = subject
    p, values = s.parameters, s.f.readouts(s.u, s.held, s.parameters)
    for sample in range(BATCH):
        at = s.labelled(sample)
        if s.molecules:
            first = p["gain"] * at["y"] / at["x"]
            each = [np.log(at[f"h[{j}]"] / 1e-3) - p["gain"] * at["waste"] / 1e-3 for j in range(1, 5)]
            last = [p["gain"] * np.log((at[f"g[{j}, 1]"] + p["K"]) / at[f"g[{j}, 2]"]) for j in range(1, 5)]
        else:
            first = p["gain"] * (at["y"] - at["x"]) + p["weight"][1]
            each = [p["weight"][j - 1] * at[f"h[{j}]"] - p["gain"] * at["low"] for j in range(1, 5)]
            last = [
                [at[f"g[{j}, {k}]"] / (1 + at[f"g[{j}, {k}]"] ** 2) + np.tanh(at[f"h[{j}]"]) for k in (1, 2)]
                for j in range(1, 5)
            ]
        np.testing.assert_allclose(values["first"][sample], first, rtol=1e-12)
        np.testing.assert_allclose(values["each"][sample], each, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(values["digit" if s.molecules else "matrix"][sample], last, rtol=1e-11, atol=1e-12)


def test_capacity_is_the_slope_of_content(subject):
    s = subject
    moved = s.u + 1j * STEP
    np.testing.assert_allclose(
        s.f.capacity(s.u, s.parameters), s.f.content(moved, s.parameters).imag / STEP, rtol=1e-12
    )
    weights = s.rng.normal(size=s.u.shape)
    gradient = s.f.content_pullback(weights, s.u, s.parameters)
    assert_gradient(s, lambda parameters: (weights * s.f.content(s.u, parameters)).sum(axis=1), gradient)


def test_start_and_held_potentials_follow_their_parameters(subject):
    s = subject
    weights = s.rng.normal(size=s.u.shape)
    gradient = s.f.start_pullback(weights, s.parameters)
    assert_gradient(s, lambda parameters: (weights * s.f.start(parameters)).sum(axis=1), gradient)
    to_held = s.rng.normal(size=s.held.shape)
    gradient = s.f.hold_pullback(to_held, s.parameters)
    assert_gradient(s, lambda parameters: (to_held * s.f.hold(s.inputs, parameters)).sum(axis=1), gradient)


def test_start_and_held_potentials(subject):
    s, p = subject, subject.parameters
    at = dict(zip(s.f.structure.reservoirs, s.f.start(p), strict=True))
    held = s.labelled(0)
    for j in range(1, 5):
        if s.molecules:
            np.testing.assert_allclose(np.exp(at[f"h[{j}]"]), p["S"][j - 1])
            np.testing.assert_allclose(held[f"top[{j}]"], 2 * p["S"][j - 1])
        else:
            np.testing.assert_allclose(at[f"h[{j}]"], p["L"][j - 1])
            np.testing.assert_allclose(at[f"g[{j}, 2]"], p["M"][1, j - 1] + 1)
            np.testing.assert_allclose(held[f"top[{j}]"], p["L"][j - 1] + 2)
    if not s.molecules:
        np.testing.assert_allclose(held["low"], 2 * p["at"] + 1)
    np.testing.assert_allclose(held["z[2]"], s.inputs["z"][0, 1])


def test_tiles_change_nothing(subject, monkeypatch):
    s, adjoint = subject, np.ones_like(subject.u)

    def everything():
        currents, blocks = s.f.linearise(s.u, s.held, s.parameters)
        gradient, to_held = s.f.pullback(adjoint, s.u, s.held, s.parameters)
        return currents, blocks, gradient, to_held, s.f.gross(s.u, s.held, s.parameters)

    before = everything()
    monkeypatch.setattr(s.f, "TILE", 1)
    after = everything()
    for a, b in zip(before, after, strict=True):
        pairs = [(a[key], b[key]) for key in a] if isinstance(a, dict) else [(a, b)]
        for x, y in pairs:
            np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12 * np.max(np.abs(x), initial=0.0))


def test_empty_batches_are_allowed(subject):
    s = subject
    assert s.f.currents(s.u[:1], s.held[:1], s.parameters).shape == (1, s.u.shape[1])
    assert s.f.jacobian(s.u[:1], s.held[:1], s.parameters).shape == (1, s.u.shape[1], s.u.shape[1])


NASTY = """
network structure
temperature 1 K
index len = 1..2
reservoir held = input(range = [0 kT, 1 kT])
reservoir np = fixed(at = -1 kT)
reservoir flux[len] = floating(capacitance = 1 pF, start = 0 kT)
reservoir to_level = floating(capacitance = 1 pF, start = 0 kT)
reservoir currents = output(capacitance = 1 pF, start = 0 kT)
parameter parameters = 0.1 kT
device exp: left -> right {
  "It's a \\ device of nasty names"
  terminal left, right: charge
  parameter weight, u, batch, lambda: conductance > 0
  let slots = weight * u / (u + batch)
  let t1 = slots + lambda
  current flow = t1 * (left - right) / q_e^2
}
dot into[len]: held -> flux[len] = exp(weight = 1 uS, u = 2 uS, batch = 3 uS, lambda = 1 uS)
dot dict[len]: flux[len] -> currents = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = parameters)
dot value: to_level -> currents = exp(weight = 1 uS, u = 2 uS, batch = 3 uS, lambda = 1 uS)
dot blocks: currents -> np = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = parameters)
readout gradient = currents / 1 kT
readout None = flux[1] / 1 kT
"""


def test_names_of_a_model_never_clash_with_those_of_the_module():
    network = crncompile.loads(NASTY)
    solution = network.solve(held=[0.2, 0.8]).raise_for_failure()
    gradient, _ = network.gradient(solution, {"gradient": np.ones(2)})
    assert float(gradient["into.lambda"]) != 0.0
    jacobian = network.functions.jacobian(solution.u, solution.held, solution.parameters)
    moved = solution.u + 0j
    moved[:, 0] += 1j * STEP
    wanted = network.functions.currents(moved, solution.held, solution.parameters).imag / STEP
    np.testing.assert_allclose(jacobian[:, :, 0], wanted, rtol=1e-12)
