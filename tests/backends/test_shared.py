"""What large families share: constants of slabs in numpy, functions of one axis in C, halves in matrix products."""

import numpy as np
import pytest

import crncompile
from crncompile.backends.numpy_runtime import SAMPLES, TILE, slabs

GATED = """
network gated "channels that the layer before opens"
temperature 300 K
index j = 1..40
index k = 1..30
reservoir x[j] = input(range = [-3 kT, 3 kT])
reservoir high = fixed(at = 5 kT)
reservoir low  = fixed(at = -5 kT)
reservoir h[j] = floating(capacitance = 1 pF, start = 0 kT)
reservoir y[k] = output(capacitance = 1 pF, start = 0 kT)
dot in_[j]:     high -> h[j] gate x[j] = gated_conductance(conductance = 1 uS)
dot out[j]:     h[j] -> low = linear_conductance(conductance = 1 uS)
dot up[j, k]:   high -> y[k] gate h[j] = gated_conductance(conductance = train lognormal(1 uS, 0.5))
dot down[j, k]: y[k] -> low gate h[j]  = gated_conductance(conductance = train lognormal(1 uS, 0.5))
"""


@pytest.mark.parametrize("widths", ["shared", "one for each channel"])
def test_gates_are_computed_once_unless_their_widths_differ(widths):
    compiled, numpy = crncompile.loads(GATED, backend="c"), crncompile.loads(GATED)
    text = compiled.functions.prepare.__self__.every.families[2].functions["linearise"].text
    assert "SAMPLES" in text  # the channels of a gate share what it does
    rng, values = np.random.default_rng(0), dict(numpy.parameters())
    if widths != "shared":
        values["up.width"] = rng.uniform(0.5, 2.0, (40, 30))
    x = rng.uniform(-3, 3, (21, 40))
    found, wanted = (n.solve(x=x, parameters=values).raise_for_failure() for n in (compiled, numpy))
    np.testing.assert_allclose(found.u, wanted.u, atol=1e-12)
    weights = {"y": np.ones((21, 30))} if "y" in found.readouts else None
    if weights is not None:
        mine, theirs = (n.gradient(s, weights)[0] for n, s in ((compiled, found), (numpy, wanted)))
        np.testing.assert_allclose(mine["up.conductance"], theirs["up.conductance"], rtol=1e-9)


def test_slabs_are_the_whole():
    rows, columns = 100, TILE // SAMPLES // 20
    rng = np.random.default_rng(1)
    left, right, factor = (
        rng.normal(size=(3, rows, 1)),
        rng.normal(size=(3, 1, columns)),
        rng.normal(size=(rows, columns)),
    )
    calls = []

    def law(a, b, f, scale):
        calls.append(len(f))
        return f * a * scale + b, b * scale, 2.0, a

    found = slabs(law, (rows, columns), left, right, factor, 3.0)
    assert max(calls) * columns <= TILE // SAMPLES
    assert sum(calls) == rows
    for value, wanted in zip(found, law(left, right, factor, 3.0), strict=True):
        np.testing.assert_array_equal(value, wanted)
