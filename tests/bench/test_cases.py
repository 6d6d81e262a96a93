"""What the benchmarks are made of, small and untimed: it runs with all other tests, so that it does not rot."""

import numpy as np
import pytest

import crncompile
from tests.bench import cases, networks, tables
from tests.bench.ours import Ours
from tests.bench.peers.hand_numpy import Peer


def test_programs_agree_on_a_small_network(shared):
    case = cases.of((3, 4, 2), 5)
    ours, peer = Ours("numpy"), Peer()
    for solver in (ours, peer):
        assert solver.prepare(case) > 0
    states = peer.solve(case.u)
    assert np.abs(cases.change(case, states, case.u)).max() < cases.TOLERANCE
    np.testing.assert_allclose(ours.solve(case.u), states, atol=1e-8)
    slopes, _ = ours.gradient()
    assert slopes["first.K_M"].shape == (3, 4)


def test_a_wrong_state_is_no_steady_state(shared):
    case = cases.of((3, 4, 2), 5)
    peer = Peer()
    peer.prepare(case)
    assert np.abs(cases.change(case, peer.solve(case.u) + 1e-6, case.u)).max() > 1e-8


@pytest.mark.parametrize("kind", networks.KINDS)
def test_irregular_networks_settle(kind, tmp_path):
    solution = crncompile.load(networks.write(kind, 16, tmp_path)).solve(x=0.5).raise_for_failure()
    assert solution.u.shape == (1, 16)
    assert solution.certificate.residual.max() < 1e-12


def test_exponents_of_growth():
    sizes = np.array([10, 100, 1000])
    assert tables.slope(sizes, 3e-6 * sizes**1.5) == pytest.approx(1.5)


@pytest.mark.parametrize(("ratio", "said"), [(0.5, "faster"), (1.4, "tie"), (0.7, "tie"), (1.6, "slower")])
def test_small_differences_are_a_tie(ratio, said):
    assert tables.verdict(ratio) == said


def test_columns_stand_below_each_other():
    assert tables.aligned([["a", "time"], ["longer", "1 s"]]) == "a       time\nlonger   1 s"
