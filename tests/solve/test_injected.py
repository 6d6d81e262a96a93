"""Constant currents from outside into floating reservoirs: known answers, and what is said where there is none."""

import numpy as np
import pytest

import crncompile
from crncompile.errors import DataError
from crncompile.solve.equations import Equations
from crncompile.solve.steady import steady_states
from tests.solve.problems import chain, resonant_dots, source_without_drain
from tests.solve.test_steady import NUMBER, OPEN

CURRENTS = np.array([0.5, -2.0, 0.0, 1.0])


def chain_answer(injected):
    """Potentials of four unit conductors in a row between 3 and -2, by the conductance matrix."""
    matrix = 2 * np.eye(4) - np.eye(4, k=1) - np.eye(4, k=-1)
    return np.linalg.solve(matrix, np.array([3.0, 0, 0, -2.0]) + injected)


@pytest.mark.parametrize("unique", ["", "no NDC"])
def test_a_chain_of_conductors(unique):
    held, start = np.repeat(OPEN, 3, axis=0), np.zeros((3, 4))
    injected = np.stack([0 * CURRENTS, CURRENTS, -3 * CURRENTS])
    states = steady_states(chain(4, unique=unique), {}, held, start, injected=injected)
    assert list(states.certificate.status) == ["stable"] * 3
    np.testing.assert_allclose(states.u, [chain_answer(row) for row in injected], atol=1e-9)


def test_one_current_for_all_samples_and_warm_starts():
    held, start = np.repeat(OPEN, 2, axis=0), np.zeros((2, 4))
    states = steady_states(chain(4), {}, held, start, injected=CURRENTS, warm=np.ones((2, 4)))
    np.testing.assert_allclose(states.u, [chain_answer(CURRENTS)] * 2, atol=1e-9)
    assert all("warm start" in how for how in states.certificate.how)


def test_the_response_to_a_current_is_that_of_the_jacobian():
    network, held, start = resonant_dots(1, 5)
    free = steady_states(network, {}, held, start).u
    jacobian = network.dense_jacobian(free, held)[0]
    size = 1e-5 * np.abs(np.diag(jacobian)).min()
    step, many = size * np.eye(6), [np.repeat(x, 6, axis=0) for x in (held, start)]
    up, down = (steady_states(network, {}, *many, injected=sign * step) for sign in (1, -1))
    measured = (up.u - down.u) / (2 * size)
    np.testing.assert_allclose(measured @ -jacobian.T, np.eye(6), atol=1e-5)


def test_residuals_are_relative_to_the_gross_flux_with_the_injected_current():
    network, u = chain(4), np.zeros((1, 4))
    equations = Equations.of(network, {}, OPEN, u, None, CURRENTS)
    linearisation = equations.linearise(u)
    currents = linearisation.currents
    np.testing.assert_allclose(currents, network.currents(u, OPEN, {}) + CURRENTS)
    np.testing.assert_allclose(equations.gross(u), network.gross(u, OPEN, {}) + np.abs(CURRENTS))
    relative, _ = linearisation.residuals
    np.testing.assert_allclose(relative[0], [1, 1, 0, 1 / 3])  # into the last -2 by its device and 1 from outside


def test_a_current_between_the_reservoirs_of_a_closed_network():
    injected = np.array([[1.0, 0, 0, -1.0]])
    states = steady_states(chain(4, closed=True), {}, NUMBER, np.zeros((1, 4)), injected=injected)
    np.testing.assert_allclose(np.diff(states.u[0]), -1, atol=1e-9)
    np.testing.assert_allclose(states.u[0] @ np.arange(1.0, 5), 0, atol=1e-9)


def test_a_current_into_a_closed_network_has_no_steady_state_and_fails_alone():
    injected = np.array([[1.0, 0, 0, 0], [0, 0, 0, 0]])
    held, start = np.repeat(NUMBER, 2, axis=0), np.ones((2, 4))
    states = steady_states(chain(4, closed=True), {}, held, start, injected=injected)
    assert list(states.certificate.status) == ["failed", "stable"]
    assert states.certificate.messages[0].endswith("which nothing else can: there is no steady state")


def test_a_current_that_is_not_finite_fails_alone():
    injected = np.zeros((2, 4))
    injected[0, 2] = np.nan
    states = steady_states(chain(4), {}, np.repeat(OPEN, 2, axis=0), np.zeros((2, 4)), injected=injected)
    assert list(states.certificate.status) == ["failed", "stable"]
    assert states.certificate.messages[0] == "an injected current is not a finite number"


def test_a_current_may_balance_a_source():
    states = steady_states(source_without_drain(), {}, np.zeros((1, 0)), np.zeros((1, 1)), injected=np.array([-2.0]))
    assert list(states.certificate.status) == ["failed"]
    assert "without bound" in states.certificate.messages[0]


LEAK = """
network leak
temperature 310.15 K
volume 1 nL
index j = 1..2
reservoir x = input(range = [0.1 mM, 2 mM])
reservoir h[j] = output(start = 0.1 mM)
reaction drain[j]: h[j] <-> x = mass_action(k = 0.5 s^-1, K_eq = 1)
readout y = h[1] / 1 mM
"""


def test_by_name():
    """dc/dt = k (x - c) + j / (N_A V)."""
    net = crncompile.loads(LEAK)
    particles = 6.02214076e23 * 1e-9
    solution = net.solve(x=[0.5, 1.0], injected={"h": [0.1e-3 * 0.5 * particles, 0.0]})
    np.testing.assert_allclose(solution.values["h"], [[0.6e-3, 0.5e-3], [1.1e-3, 1.0e-3]], rtol=1e-9)
    with pytest.raises(DataError, match="the network has no floating reservoir k"):
        net.solve(x=1.0, injected={"k": 1.0})
    with pytest.raises(DataError, match=r"the currents into h have shape \(3,\), not \(2,\)"):
        net.solve(x=1.0, injected={"h": [1.0, 2.0, 3.0]})
