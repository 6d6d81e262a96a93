"""Networks with a sparse Jacobian: the same answers as by blocks, and large ones at all."""

import numpy as np
import pytest

import crncompile
from crncompile.program import build, sparsity
from crncompile.program.types import Pattern
from crncompile.solve import arnoldi, stability
from crncompile.solve.equations import Equations
from crncompile.solve.stability import leading_eigenvalue, proved_stable, relaxation_eigenvalues, unstable_rate
from tests.solve.problems import bistable, chain

LATTICE = """
network lattice temperature 100 mK
index i = 1..{n}
index j = 1..{n}
reservoir x = input(range = [-3 kT, 3 kT])
reservoir low = fixed(at = -1 kT)
reservoir h[i, j] = floating(capacitance = 10 pF)
reservoir y = output(capacitance = 10 pF)
parameter gain = train 2
dot down[i in 1..{m}, j]: h[i, j] -> h[i + 1, j] = {device}
dot across[i, j in 1..{m}]: h[i, j] -> h[i, j + 1] = {device}
dot first[i]: x -> h[i, 1] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot last[i]: h[i, {n}] -> low gate h[1, 2] = gated_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot out: h[2, 2] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
readout z = gain * y / 1 kT
"""
RESONANT = "resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = train normal(0 kT, 1 kT))"
DOUBLE = """double_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, coupling = 3 GHz, dephasing = 13 GHz,
    level = train normal(0 kT, 1 kT), detuning = 1 kT, lever = 0.5)"""
RING = """
network ring temperature 300 K volume 1 nL
index j = 1..{n}
reservoir s = input(range = [1 mM, 2 mM])
reservoir c[j] = floating(start = train lognormal(1 mM, 0.5))
reservoir p = output(start = 1 mM)
enzyme step[j in 1..{m}]: c[j] -> c[j + 1] =
    michaelis_menten(total = 1 uM, k_cat = 10 s^-1, K_M = 1 mM, K_P = 2 mM, K_eq = 2)
reaction close: c[{n}] <-> c[1] = mass_action(k = 1 s^-1, K_eq = 0.5)
reaction feed: s <-> p = mass_action(k = 1 s^-1, K_eq = 2)
readout z = p / 1 mM
"""


def lattice(n, device):
    return LATTICE.format(n=n, m=n - 1, device=device)


def both(text, monkeypatch):
    """The network by blocks and sparse."""
    monkeypatch.setattr(build, "pays", lambda *_: False)
    blocks = crncompile.loads(text)
    monkeypatch.setattr(build, "pays", lambda *_: True)
    return blocks, crncompile.loads(text)


@pytest.mark.parametrize("text", [lattice(4, RESONANT), lattice(3, DOUBLE), RING.format(n=9, m=8)])
def test_sparse_and_blocks_agree(text, monkeypatch):
    blocks, sparse = both(text, monkeypatch)
    assert blocks.program.pattern is None
    assert sparse.program.pattern is not None
    (inputs,) = blocks.inputs
    low, high = inputs.coding.range
    data = {inputs.name: np.linspace(low, high, 3)}
    solutions = [network.solve(**data) for network in (blocks, sparse)]
    for name, value in solutions[0].potentials.items():
        np.testing.assert_allclose(solutions[1].potentials[name], value, rtol=1e-9, atol=1e-12)
    assert (solutions[1].certificate.status == "stable").all()
    pairs = zip((blocks, sparse), solutions, strict=True)
    slopes = [network.gradient(found, {"z": np.ones(3)})[0] for network, found in pairs]
    for name, value in slopes[0].items():
        np.testing.assert_allclose(slopes[1][name], value, rtol=1e-7, atol=1e-12 * (1 + np.abs(value).max()))


def test_complex_jacobians_agree(monkeypatch):
    blocks, sparse = both(lattice(3, DOUBLE), monkeypatch)
    rng = np.random.default_rng(1)
    size = len(blocks.functions.structure.reservoirs)
    u = rng.normal(size=(2, size)) + 1j * rng.normal(size=(2, size))
    held = rng.normal(size=(2, 2))
    dense = [network.functions.jacobian(u, held, network.parameters()) for network in (blocks, sparse)]
    np.testing.assert_allclose(dense[1], dense[0], rtol=1e-12, atol=1e-3)


def test_what_pays_is_chosen():
    assert crncompile.loads(lattice(4, RESONANT)).program.pattern is None
    assert crncompile.loads(lattice(30, RESONANT)).program.pattern is not None


def test_a_large_lattice_is_solved():
    solution = crncompile.loads(lattice(60, RESONANT)).solve(x=0.5)
    assert solution.certificate.status == ["stable"]
    assert solution.certificate.residual < 1e-12


def test_closed_networks_are_proved_stable(monkeypatch):
    monkeypatch.setattr(stability, "relaxation_eigenvalues", None)
    solution = crncompile.loads(RING.format(n=30, m=29)).solve(s=0.0015)
    assert solution.certificate.status == ["stable"]


def test_large_networks_without_a_proof_are_examined(monkeypatch):
    net = crncompile.loads(lattice(5, DOUBLE))
    monkeypatch.setattr(stability, "LARGEST_DENSE", 3)
    whole = net.solve(x=2.0)
    assert whole.certificate.status == ["stable"]


def linearised(functions, held, u):
    return Equations.of(functions, {}, held, u, None).linearise(u)


def test_arnoldi_finds_what_grows():
    u = np.array([[-0.366]])
    functions = bistable()
    equations = Equations.of(functions, {}, np.zeros((1, 0)), u, None)
    assert unstable_rate(equations.linearise(u))[0] > 0
    many = 20
    network = chain(many)
    here = linearised(network, np.array([[1.0, -1.0, 0.0]]), np.zeros((1, many)))
    exact = relaxation_eigenvalues(here)[0]
    assert arnoldi.growing(here) == 0
    np.testing.assert_allclose(arnoldi.slowest(here), leading_eigenvalue(here)[0], rtol=1e-8)
    # The same with the signs turned over: everything grows, the fastest at the rate of the fastest decay.
    turned = here.take(np.array([0]))
    object.__setattr__(turned, "jacobian", here.jacobian.map(np.negative))
    np.testing.assert_allclose(arnoldi.growing(turned), np.abs(exact).max(), rtol=1e-6)


def test_arnoldi_keeps_conserved_totals():
    network = chain(20, closed=True)
    here = linearised(network, np.zeros((1, 1)), np.zeros((1, 20)))
    np.testing.assert_allclose(arnoldi.slowest(here), leading_eigenvalue(here)[0], rtol=1e-8)
    assert proved_stable(here).all()


def test_entangled_networks_are_iterated(monkeypatch):
    text = lattice(6, RESONANT)
    direct = crncompile.loads(text)
    monkeypatch.setattr(build, "pays", lambda *_: True)
    monkeypatch.setattr(sparsity, "_ENVELOPE", 0)
    iterated = crncompile.loads(text)
    assert iterated.functions.structure.iterated
    solutions = [network.solve(x=[-1.0, 2.0]) for network in (direct, iterated)]
    assert (solutions[1].certificate.status == "stable").all()
    np.testing.assert_allclose(solutions[1].readouts["z"], solutions[0].readouts["z"], rtol=1e-9)
    slopes = [
        net.gradient(found, {"z": np.ones(2)})[0] for net, found in zip((direct, iterated), solutions, strict=True)
    ]
    for name, value in slopes[0].items():
        np.testing.assert_allclose(slopes[1][name], value, rtol=1e-7, atol=1e-12 * (1 + np.abs(value).max()))


def test_a_random_graph_is_entangled_and_a_lattice_is_not():
    rng = np.random.default_rng(0)
    size = 9000
    rows = np.concatenate([np.arange(size), rng.integers(0, size, 4 * size)])
    columns = np.concatenate([np.arange(size), rng.integers(0, size, 4 * size)])
    assert sparsity.entangled(pattern_of(rows, columns, size))
    across = np.arange(300 * 300).reshape(300, 300)
    rows = np.concatenate([across.ravel(), across[1:].ravel(), across[:, 1:].ravel()])
    columns = np.concatenate([across.ravel(), across[:-1].ravel(), across[:, :-1].ravel()])
    assert not sparsity.entangled(pattern_of(rows, columns, 300 * 300))


def pattern_of(rows, columns, size):
    keys = np.unique(columns * size + rows)
    columns, rows = np.divmod(keys, size)
    return Pattern(rows, np.searchsorted(columns, np.arange(size + 1)))
