"""Derivatives of held potentials by raw data, and by numbers in the unit of the range."""

import numpy as np
import pytest

import crncompile
from crncompile.network.coding import slope

STEP = 1e-6
MOLECULES = """
network coded temperature 310 K volume 1 nL
index i = 1..3
index rail = 1..2
reservoir x[i{rails}] = input(range = [0.1 mM, 2 mM], data = [0, 5], encoding = {encoding})
reservoir y    = output(start = 1 mM)
reaction a[i{rails}]: x[i{rails}] <-> y = mass_action(k = 1 s^-1, K_eq = 1)
"""
CHARGE = """
network coded temperature 100 mK
index i = 1..3
index rail = 1..2
reservoir x[i{rails}] = input(range = [{range}], data = [1, 4], encoding = {encoding})
reservoir y    = output(capacitance = 10 pF)
dot a[i{rails}]: x[i{rails}] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
"""


def network(text, encoding, **words):
    rails = ", rail" if encoding == "dual" else ""
    return crncompile.loads(text.format(encoding=encoding, rails=rails, **words))


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        *((None, encoding) for encoding in ("linear", "log", "dual")),
        *((words, encoding) for encoding in ("linear", "dual") for words in ("0.5 kT, 8 kT", "1 mV, 2 mV")),
    ],
)
def test_slopes_are_those_of_finite_differences(words, encoding, raw):
    net = network(CHARGE, encoding, range=words) if words else network(MOLECULES, encoding)
    (group,) = net.inputs
    shape = (2, *(group.shape[:1] if raw else group.shape))
    x = np.random.default_rng(0).uniform(1, 2, shape)

    def held(values):
        return net.held({"x": values}, net.parameters(), raw=raw)[0].reshape(2, *group.shape)

    expected = (held(x + STEP) - held(x - STEP)) / (2 * STEP)
    assert np.allclose(slope(net.network, group, x, raw=raw), expected, rtol=1e-6)
