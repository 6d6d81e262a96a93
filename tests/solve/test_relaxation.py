"""The answer is the state that the network relaxes to: compared with scipy's BDF from the same starts."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import block_diag

from crncompile.solve.equations import Equations
from crncompile.solve.newton import continuation, polish
from crncompile.solve.relaxation import End, simulate
from crncompile.solve.steady import steady_states
from tests.solve.problems import brusselator, chain, double_dots, enzymes, gated_networks, resonant_dots

END = 1e9


def ends_of_bdf(network, held, start, rtol):
    """Where BDF ends, polished by Newton; NaN where the two are not the same. Several networks make one large one."""
    batch, n = start.shape

    def rate(t, flat):
        u = flat.reshape(batch, n)
        return (network.currents(u, held, {}) / network.capacity(u, {})).ravel()

    def jacobian(t, flat):
        u = flat.reshape(batch, n)
        capacity = network.capacity(u, {})
        matrix = network.dense_jacobian(u, held) / capacity[:, :, None]
        if network.molecules:
            matrix -= (network.currents(u, held, {}) / capacity)[:, :, None] * np.eye(n)
        return block_diag(*matrix)

    with np.errstate(all="ignore"):
        path = solve_ivp(rate, (0, END), start.ravel(), "BDF", jac=jacobian, rtol=rtol, atol=rtol)
    assert path.success
    end = path.y[:, -1].reshape(batch, n)
    polished = polish(Equations.of(network, {}, held, start, None), end)
    good = polished.found & (np.abs(polished.u - end).max(axis=1) < 1e-2)
    return np.where(good[:, None], polished.u, np.nan)


def agree(a, b):
    """Samples (batch,) whose states agree to 1e-8 kT."""
    return np.abs(a - b).max(axis=1) < 1e-8


def is_settled_by_bdf(network, held, start):
    """Whether BDF agrees with itself at two tolerances and from starts 1e-6 kT apart; one sample."""
    reference = ends_of_bdf(network, held, start, 1e-11)
    signs = np.random.default_rng(0).choice([-1, 1], (3, *start.shape))
    others = [ends_of_bdf(network, held, start + 1e-6 * sign, 1e-11) for sign in signs]
    others.append(ends_of_bdf(network, held, start, 1e-7))
    return all(agree(reference, other).all() for other in others)


def check(network, held, start, group=20):
    """Compare every sample with BDF; returns the answers."""
    states = steady_states(network, {}, held, start)
    for first in range(0, len(start), group):
        chosen = np.arange(first, min(first + group, len(start)))
        chosen = chosen[states.certificate.status[chosen] != "oscillates"]
        found = ends_of_bdf(network, held[chosen], start[chosen], 1e-7)
        for sample in chosen[~agree(found, states.u[chosen])]:
            one = slice(sample, sample + 1)
            if states.certificate.status[sample] == "undecided":
                assert not is_settled_by_bdf(network, held[one], start[one])
            else:
                assert agree(ends_of_bdf(network, held[one], start[one], 1e-11), states.u[one]).all(), sample
    return states


def other_basins(network, held, start):
    """Samples that end elsewhere from another start."""
    there = steady_states(network, {}, held, np.random.default_rng(9).uniform(-5, 5, start.shape))
    return np.flatnonzero(np.abs(there.u - steady_states(network, {}, held, start).u).max(axis=1) > 1e-4)


@pytest.mark.slow
def test_double_dots_relax_to_the_answer_and_the_fast_path_alone_goes_wrong():
    network, held, start = double_dots(60, 11)
    states = check(network, held, start)
    assert (states.certificate.status == "stable").mean() > 0.98
    assert len(other_basins(network, held, start)) >= 6
    equations = Equations.of(network, {}, held, start, None)
    near, _ = continuation(equations, start)
    found = polish(equations, np.where(np.isfinite(near), near, 0)).u
    assert (~agree(found, states.u)).sum() >= 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("problem", "oscillating"),
    [
        (resonant_dots(40, 12), 0),
        (enzymes(40, 13), 0),
        (enzymes(20, 14, inhibited=0), 0),
        (gated_networks(40, 2), 2),
    ],
    ids=["dots without NDC", "enzymes with NDC", "enzymes without NDC", "gated"],
)
def test_other_networks_relax_to_the_answer(problem, oscillating):
    status = check(*problem).certificate.status
    assert set(status) <= {"stable", "oscillates"}
    assert (status == "oscillates").sum() <= oscillating


@pytest.mark.slow
def test_starts_close_to_a_border_end_on_its_right_side():
    network, held, start = double_dots(12, 11)
    chosen = other_basins(network, held, start)[:2]
    held, near = held[chosen], start[chosen]
    far = np.random.default_rng(9).uniform(-5, 5, start.shape)[chosen]
    home, parts = steady_states(network, {}, held, near).u, 8
    for _ in range(2):
        line = near + np.linspace(0, 1, parts + 1)[:, None, None] * (far - near)
        ends = steady_states(network, {}, np.tile(held, (parts + 1, 1)), line.reshape(-1, 6)).u.reshape(line.shape)
        outside = np.abs(ends - home).max(axis=2) > 1e-8
        first, sample = np.argmax(outside, axis=0), np.arange(len(chosen))
        near, far = line[first - 1, sample], line[first, sample]
    assert np.abs(near - far).max() < 0.12
    for bdf_start in (near, far):
        states = check(network, held, bdf_start)
        assert (states.certificate.status == "stable").all()


def test_a_linear_decay():
    network, times = chain(1), np.linspace(0, 3, 5)
    path = simulate(network, {}, [(0.0, np.array([1.0, 1.0, 0.0]))], np.zeros(1), 3.0)
    assert path.end is End.TIME
    np.testing.assert_allclose(path.at(times)[0][:, 0], 1 - np.exp(-2 * times), atol=1e-7)


def test_a_pulse_and_where_it_crosses():
    """Up to 0.6 of 1 - exp(-2 t), and after the step back down from there to 0."""
    up, down = np.array([1.0, 1.0, 0.0]), np.zeros(3)
    path = simulate(chain(1), {}, [(0.0, up), (2.0, down)], np.zeros(1), 5.0)
    times = np.array([1.0, 2.0, 3.0])
    top = 1 - np.exp(-4)
    u, held = path.at(times)
    np.testing.assert_allclose(u[:, 0], [1 - np.exp(-2), top, top * np.exp(-2)], atol=1e-7)
    assert held.tolist() == [up.tolist(), down.tolist(), down.tolist()]
    rise, fall = path.crossings(lambda u, held: u[:, 0] - 0.6)
    assert rise == (pytest.approx(-np.log(0.4) / 2, abs=1e-6), True)
    assert fall == (pytest.approx(2 + np.log(top / 0.6) / 2, abs=1e-6), False)


def test_it_ends_where_a_steady_state_is_near():
    path = simulate(brusselator(), {}, [(0.0, np.array([1.5]))], np.zeros(2))
    assert path.end is End.STEADY
    np.testing.assert_allclose(path.last, [0, np.log(1.5)], atol=3e-6)


def test_it_ends_where_it_oscillates():
    path = simulate(brusselator(), {}, [(0.0, np.array([3.0]))], np.array([0.1, 0.0]))
    assert path.end is End.OSCILLATES
    assert path.cycle.period == pytest.approx(7.16, rel=5e-3)


def test_an_unstable_start_is_no_steady_state():
    path = simulate(brusselator(), {}, [(0.0, np.array([3.0]))], np.array([0.0, np.log(3.0)]), most_steps=200)
    assert path.end in (End.STEPS, End.OSCILLATES)


def test_a_step_limit_names_what_still_changes():
    path = simulate(brusselator(), {}, [(0.0, np.array([3.0]))], np.array([0.1, 0.0]), most_steps=50)
    assert path.end is End.STEPS
    assert path.message.startswith("not settled after 50 steps, at ")
    assert " still changes, by " in path.message


def test_an_interrupt_keeps_the_path():
    def told(_, steps):
        if steps == 30:
            raise KeyboardInterrupt

    path = simulate(brusselator(), {}, [(0.0, np.array([3.0]))], np.array([0.1, 0.0]), told=told)
    assert (path.end, path.steps) == (End.INTERRUPTED, 30)
    assert path.at(np.array([0.0, path.duration]))[0].shape == (2, 2)
