"""Driven cycles of a network are found and named."""

import numpy as np
import pytest

from crncompile import loads
from crncompile.analyze.drives import drives

TRIANGLE = """
network triangle
temperature 300 K
volume 1 nL
reservoir x = input(range = [1 mM, 2 mM])
reservoir a = floating(start = 1 mM)
reservoir b = floating(start = 1 mM)
reservoir c = output(start = 1 mM)
reaction feed: x <-> a = mass_action(k = 1 s^-1, K_eq = 1)
reaction ab: a <-> b = mass_action(k = 1 s^-1, K_eq = 2)
reaction bc: b <-> c = mass_action(k = 1 s^-1, K_eq = 3)
reaction ac: a <-> c = mass_action(k = 1 s^-1, K_eq = {K})
readout y = c / 1 mM
"""


def found(text):
    net = loads(text)
    return drives(net.system, net.parameters())


def test_a_balanced_cycle_is_no_drive():
    assert found(TRIANGLE.format(K=6)) == ()


def test_a_driven_cycle_is_named_with_its_affinity():
    (drive,) = found(TRIANGLE.format(K=60))
    assert set(drive.cycle) == {"a", "b", "c"}
    assert abs(drive.affinity) == pytest.approx(np.log(10))
    assert drive.others == 0


def test_the_affinity_is_that_of_the_cycle_of_the_device_that_closes_it():
    (drive,) = found(TRIANGLE.format(K=60))
    K = {"ab": 2, "bc": 3, "ac": 60}
    ends = {("a", "b"): "ab", ("b", "c"): "bc", ("a", "c"): "ac"}
    around = 0.0
    for pair in zip(drive.cycle, (*drive.cycle[1:], drive.cycle[0]), strict=True):
        around += np.log(K[ends[pair]]) if pair in ends else -np.log(K[ends[pair[::-1]]])
    assert drive.affinity == pytest.approx(around)


def test_parallel_enzymes_of_different_equilibrium_drive_each_other():
    enzyme = (
        "enzyme {}[j]: x -> h[j] = michaelis_menten(total = 1 nM, k_cat = 1 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = {})"
    )
    text = f"""
network parallel
temperature 300 K
volume 1 nL
index j = 1..3
reservoir x = input(range = [1 mM, 2 mM])
reservoir h[j] = output(start = 1 mM)
{enzyme.format("one", 10)}
{enzyme.format("two", 100)}
readout y[j] = h[j] / 1 mM
"""
    (drive,) = found(text)
    assert set(drive.cycle) == {"x", "h[1]"}
    assert abs(drive.affinity) == pytest.approx(np.log(10))
    assert drive.others == 2


def test_dots_are_never_driven():
    text = """
network dots
temperature 1 K
reservoir x = input(range = [-1 kT, 1 kT])
reservoir h = floating(capacitance = 10 pF)
reservoir y = output(capacitance = 10 pF)
dot a: x -> h = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot b: h -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 1 kT)
dot c: y -> x = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 2 kT)
readout z = y / 1 kT
"""
    assert found(text) == ()
