"""Steady states with known answers, and what is said where there is none."""

import numpy as np
import pytest

from crncompile.solve.adjoint import adjoint
from crncompile.solve.certificate import Status
from crncompile.solve.equations import Equations
from crncompile.solve.linear import pivot_reservoirs
from crncompile.solve.newton import polish
from crncompile.solve.stability import leading_eigenvalue, proved_stable, unstable_rate
from crncompile.solve.steady import steady_states
from tests.solve.problems import (
    Edges,
    Network,
    bistable,
    brusselator,
    chain,
    conductor,
    double_dots,
    enzymes,
    gated_networks,
    one_group,
    resonant_dots,
    source_without_drain,
)

NUMBER = np.zeros((1, 1))
OPEN = np.array([[3.0, -2.0, 0.0]])
LOWER, UPPER, BORDER = -3.999836079, 2.151613270, -0.3665478

KNOWN = [
    ("conductors", chain(4), OPEN, [0, 0, 0, 0], [2, 1, 0, -1]),
    ("conductors, unique", chain(4, unique="no NDC"), OPEN, [5, -5, 9, 9], [2, 1, 0, -1]),
    ("closed", chain(4, closed=True), NUMBER, [1, 2, 3, 4], [3, 3, 3, 3]),
    ("closed, unique", chain(4, closed=True, unique="no NDC"), NUMBER, [1, 2, 3, 4], [3, 3, 3, 3]),
    ("closed, at zero", chain(3, closed=True), NUMBER, [0, 0, 0], [0, 0, 0]),
    ("bistable, below", bistable(), NUMBER, [-9], [LOWER]),
    ("bistable, below the border", bistable(), NUMBER, [BORDER - 1e-3], [LOWER]),
    ("bistable, above the border", bistable(), NUMBER, [BORDER + 1e-3], [UPPER]),
    ("bistable, above", bistable(), NUMBER, [9], [UPPER]),
    ("Brusselator before Hopf", brusselator(), np.array([[1.5]]), [0.5, -0.5], [0, np.log(1.5)]),
]


@pytest.mark.parametrize(
    ("functions", "held", "start", "answer"), [row[1:] for row in KNOWN], ids=[r[0] for r in KNOWN]
)
def test_known_answers(functions, held, start, answer):
    states = steady_states(functions, {}, held, np.array([start], float), eigenvalues=True)
    certificate = states.certificate
    assert list(certificate.status) == ["stable"]
    np.testing.assert_allclose(states.u, [answer], atol=2e-6)
    assert certificate.residual[0] <= 1e-10
    assert certificate.newton_step[0] <= 1e-9
    assert certificate.eigenvalue[0].real < 0
    assert certificate.messages == ("",)
    assert "1 stable, residual <= " in certificate.summary()


def test_the_border_itself_is_undecided():
    border = polish(Equations.of(bistable(), {}, NUMBER, np.array([[BORDER]]), None), np.array([[BORDER]])).u
    states = steady_states(bistable(), {}, NUMBER, border)
    assert states.certificate.status[0] == Status.UNDECIDED
    assert np.isnan(states.u).all()
    assert "unstable steady state" in states.certificate.messages[0]


def test_a_slow_spiral_into_a_stable_state_is_no_oscillation():
    certificate = steady_states(brusselator(), {}, np.array([[1.9995]]), np.zeros((1, 2))).certificate
    assert list(certificate.status) == ["failed"]
    assert "h1 and h2 spiral around a stable steady state with a period of 6.24" in certificate.messages[0]


def test_past_its_hopf_point_the_brusselator_oscillates():
    b = np.array([[2.5], [3.0], [4.0]])
    states = steady_states(brusselator(), {}, b, np.zeros((3, 2)))
    certificate = states.certificate
    assert list(certificate.status) == ["oscillates"] * 3
    np.testing.assert_allclose(certificate.period, [6.58, 7.16, 9.05], rtol=2e-2)  # scipy BDF at rtol 1e-9
    assert np.isnan(states.u).all()
    assert "h1 and h2 oscillate with a period of 7.1" in certificate.messages[1]
    newton = polish(Equations.of(brusselator(), {}, b, np.zeros((3, 2)), None), np.log([[1.1, b] for b in (2.5, 3, 4)]))
    assert newton.found.all()  # Newton finds the unstable focus happily


def test_the_unstable_focus_is_not_returned_even_from_a_warm_start():
    focus = np.log([[1.0, 3.0]])
    states = steady_states(brusselator(), {}, np.array([[3.0]]), np.zeros((1, 2)), warm=focus)
    assert states.certificate.status[0] == Status.OSCILLATES


def test_close_to_the_hopf_point_the_focus_is_stable():
    states = steady_states(brusselator(), {}, np.array([[1.9]]), np.zeros((1, 2)), eigenvalues=True)
    np.testing.assert_allclose(states.u, [[0, np.log(1.9)]], atol=2e-6)
    np.testing.assert_allclose(states.certificate.eigenvalue.real, [-0.05], atol=1e-3)


def test_runaway_is_named():
    certificate = steady_states(source_without_drain(), {}, NUMBER, np.zeros((1, 1)), maximum_steps=500).certificate
    assert certificate.status[0] == Status.FAILED
    assert certificate.messages[0].startswith("h1 grows without bound")


def test_a_disconnected_reservoir_is_named_and_the_others_of_the_batch_are_kept():
    ends = np.array([(2, 0), (0, 3), (2, 1), (1, 3)])
    g = np.array([[1.0, 1, 0, 0], [1, 1, 1, 3]])
    network = Network(one_group(2, 2), (Edges(conductor, ends, {"g": g}),), np.ones((1, 2)))
    held = np.array([[1.0, -1, 0], [1, -1, 1]])
    states = steady_states(network, {}, held, np.full((2, 2), 0.3))
    assert list(states.certificate.status) == ["failed", "stable"]
    assert states.certificate.messages[0].startswith("nothing determines the potential of h2")
    np.testing.assert_allclose(states.u[1], [0, -0.5], atol=1e-12)


@pytest.mark.parametrize("unique", ["", "no NDC"])
def test_numbers_that_are_not_finite_fail_alone(unique):
    held, start = np.repeat(OPEN, 3, axis=0), np.zeros((3, 4))
    held[0, 0], start[1, 2] = np.nan, np.inf
    states = steady_states(chain(4, unique=unique), {}, held, start)
    assert list(states.certificate.status) == ["failed", "failed", "stable"]
    assert states.certificate.messages[0] == "an input or the start is not a finite number"
    assert list(states.certificate.failed) == [True, True, False]


def test_stiff_conductors():
    network = chain(6)
    stiff = np.array([[1e-6, 1e6, 1e3, 1e-3, 1e9, 1.0, 1e-2]])
    family = Edges(conductor, network.families[0].ends, {"g": stiff})
    network = Network(one_group(6, 2), (family,), 10.0 ** np.array([[3, -3, 6, 0, 2, 1]]))
    states = steady_states(network, {}, OPEN, np.zeros((1, 6)))
    resistances = 1 / stiff[0, [5, 0, 1, 2, 3, 4, 6]]
    np.testing.assert_allclose(states.u[0], 3 - 5 * np.cumsum(resistances)[:6] / resistances.sum(), atol=1e-9)


def test_totals_can_be_stated():
    network, start = chain(4, closed=True), np.array([[1.0, 2, 3, 4]])
    states = steady_states(network, {}, NUMBER, start, totals=np.array([50.0]))
    np.testing.assert_allclose(states.u, 5)
    np.testing.assert_allclose(states.certificate.totals, 50)
    assert states.certificate.status[0] == "stable"


def test_warm_starts_are_said_to_be_warm():
    network, held, start = double_dots(10, 1)
    cold = steady_states(network, {}, held, start)
    warm = steady_states(network, {}, held, start, warm=cold.u + 1e-3)
    np.testing.assert_allclose(warm.u, cold.u, atol=1e-9)
    assert all("warm start" in how for how in warm.certificate.how)
    assert all("followed" in how for how in cold.certificate.how)
    assert warm.certificate.iterations.max() < 10
    wild = steady_states(network, {}, held, start, warm=np.full_like(start, np.nan))
    np.testing.assert_array_equal(wild.u, cold.u)


@pytest.mark.parametrize("make", [double_dots, resonant_dots, enzymes, gated_networks])
def test_a_sample_is_the_same_in_any_company(make):
    network, held, start = make(12, 5)
    whole = steady_states(network, {}, held, start)
    part = np.array([7, 2, 11])
    alone = steady_states(network, {}, held[part], start[part])
    np.testing.assert_allclose(alone.u, whole.u[part], atol=1e-12, rtol=0)
    assert list(alone.certificate.status) == list(whole.certificate.status[part])
    assert list(alone.certificate.iterations) == list(whole.certificate.iterations[part])


@pytest.mark.parametrize("make", [double_dots, resonant_dots, enzymes, gated_networks])
def test_every_state_called_stable_is(make):
    network, held, start = make(40, 6)
    states = steady_states(network, {}, held, start, eigenvalues=True)
    good = ~states.certificate.failed
    assert good.mean() > 0.9
    u = states.u[good]
    jacobian = network.dense_jacobian(u, held[good]) / network.capacity(u, {})[:, :, None]
    spectrum = np.linalg.eigvals(jacobian).real.max(axis=1)
    assert spectrum.max() < 0
    np.testing.assert_allclose(states.certificate.eigenvalue[good].real, spectrum, rtol=1e-6)
    residual = np.abs(network.currents(u, held[good], {})) / network.gross(u, held[good], {})
    assert residual.max() <= 1e-10


@pytest.mark.parametrize("make", [double_dots, enzymes, gated_networks])
def test_the_quick_proof_of_stability_never_contradicts_the_eigenvalues(make):
    network, held, _ = make(200, 7)
    u = np.random.default_rng(0).uniform(-3, 3, (200, 6))
    linearisation = Equations.of(network, {}, held, u, None).linearise(u)
    proved, leading = proved_stable(linearisation), leading_eigenvalue(linearisation).real
    assert proved.any()
    assert (leading[proved] < 0).all()
    assert ((unstable_rate(linearisation) == 0) == (leading < 0)).all()


def test_the_adjoint_gives_the_derivatives_by_inputs():
    network, held, start = double_dots(6, 3)
    states = steady_states(network, {}, held, start)
    seed = np.random.default_rng(1).normal(size=states.u.shape)
    multipliers = adjoint(network, {}, held, states.u, seed)
    for column in range(3):
        moved = held.astype(complex)
        moved[:, column] += 1e-30j
        gradient = -(multipliers * network.currents(states.u, moved.real, {})).sum(axis=1)
        force = _current_slope(network, states.u, held, column)
        gradient = -(multipliers * force).sum(axis=1)
        ends = []
        for step in (1e-5, -1e-5):
            shifted_held = held.copy()
            shifted_held[:, column] += step
            ends.append(steady_states(network, {}, shifted_held, start, warm=states.u).u)
        expected = (seed * (ends[0] - ends[1])).sum(axis=1) / 2e-5
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7)


def _current_slope(network, u, held, column):
    step = 1e-6
    up, down = held.copy(), held.copy()
    up[:, column] += step
    down[:, column] -= step
    return (network.currents(u, up, {}) - network.currents(u, down, {})) / (2 * step)


def test_the_adjoint_meets_conserved_laws():
    network, start = chain(4, closed=True), np.array([[1.0, 2, 3, 4]])
    u = steady_states(network, {}, NUMBER, start).u
    seed = np.array([[1.0, 0, 2, 0]])
    multipliers = adjoint(network, {}, NUMBER, u, seed)
    pivot = pivot_reservoirs(network.structure.conserved)[0]
    np.testing.assert_allclose(multipliers[0, pivot], 3 / 10)  # dL/dT = lambda of the pivot; du_i/dT = 1/10


def test_an_adjoint_at_no_state_is_nan():
    network, held, _ = double_dots(2, 3)
    assert np.isnan(adjoint(network, {}, held, np.full((2, 6), np.nan), np.ones((2, 6)))).all()


def test_steps_that_run_out_are_told():
    network, held, start = double_dots(3, 4)
    certificate = steady_states(network, {}, held, start, maximum_steps=5).certificate
    assert list(certificate.status) == ["failed"] * 3
    assert "no steady state within 5 steps: the net current into h" in certificate.messages[0]
    assert certificate.summary() == "3 failed"
