"""Conserved totals that the user edits."""

import numpy as np
import pytest

from crncompile import DataError, loads

CLOSED = """
network closed
temperature 300 K
volume 1 nL
reservoir x = input(range = [1 mM, 2 mM])
reservoir a = floating(start = 1 mM)
reservoir b = floating(start = 0.5 mM)
reservoir c = floating(start = 0.1 mM)
reservoir d = output(start = 0.1 mM)
reaction ab: a + b <-> c = mass_action(k = 1 mM^-1/s, K_eq = 3 mM^-1)
reaction xd: x <-> d = mass_action(k = 1 s^-1, K_eq = 2)
readout y = d / 1 mM
"""


@pytest.fixture(scope="module")
def net():
    return loads(CLOSED)


def test_closed_component_comes_to_equilibrium_with_the_totals_of_its_start(net):
    a, b, c = (net.solve(x=1.5).raise_for_failure().values[n] for n in "abc")
    assert a + c == pytest.approx(1.1e-3, rel=1e-13)
    assert b + c == pytest.approx(0.6e-3, rel=1e-13)
    assert c / (a * b) == pytest.approx(3e3, rel=1e-12)


def test_totals_are_named_moieties(net):
    assert net.functions.structure.conserved_names == ("total of a, c", "total of b, c")


def test_an_edited_total_is_what_the_answer_holds(net):
    solution = net.solve(x=1.5, totals={"total of a, c": 2e12}).raise_for_failure()
    particles = 6.02214076e23 * 1e-9
    a, b, c = (solution.values[n] * particles for n in "abc")
    assert a + c == pytest.approx(2e12, rel=1e-12)
    assert b + c == pytest.approx(0.6e-3 * particles, rel=1e-12)
    np.testing.assert_allclose(c / (a * b) * particles, 3e3, rtol=1e-11)


def test_totals_follow_a_changed_start(net):
    solution = net.solve(x=1.5, parameters={"a.start": np.array(2e-3)})
    assert solution.values["a"] + solution.values["c"] == pytest.approx(2.1e-3, rel=1e-13)


def test_an_impossible_total_is_told(net):
    solution = net.solve(x=1.5, totals={"total of a, c": -1e12})
    assert solution.certificate.failed.all()
    assert solution.certificate.messages == ("the conserved totals can not have the stated values",)


def test_an_unknown_total_is_told(net):
    with pytest.raises(DataError, match="did you mean total of a, c"):
        net.solve(x=1.5, totals={"total of a,c": 1e12})


def test_the_certificate_says_what_evaluated_the_currents(net):
    certificate = net.solve(x=1.5).certificate
    assert (certificate.backend, certificate.tier) == ("numpy", "elementwise")


@pytest.mark.parametrize("total", [float("nan"), "much", [1e12, 2e12]])
def test_a_total_is_a_finite_number(net, total):
    with pytest.raises(DataError, match="total of a, c must be a finite number, not "):
        net.solve(x=1.5, totals={"total of a, c": total})
