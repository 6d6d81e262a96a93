"""The models that learn images: what makes them fast, and what is proved of them."""

from pathlib import Path

import numpy as np
import pytest

import crncompile

MODELS = Path(__file__).parents[1] / "models"
GATED = ["mnist_gated_dots", "mnist_enzymes"]


@pytest.mark.parametrize("name", GATED)
def test_gated_models_are_unique_and_matrix_products(name):
    net = crncompile.load(MODELS / f"{name}.tnet")
    assert net.functions.structure.unique
    tiers = {family.name: family.tier for family in net.program.families if np.prod(family.shape) >= 3000}
    assert len(tiers) == 4
    assert set(tiers.values()) == {"separable"}


@pytest.mark.parametrize("name", GATED)
def test_random_images_settle_where_the_balance_says(name):
    net = crncompile.load(MODELS / f"{name}.tnet")
    images = np.random.default_rng(0).integers(0, 256, (3, 784))
    solution = net.solve({"x": images}, raw=True).raise_for_failure()
    assert set(solution.certificate.status) == {"stable"}
    opened, h = 1 / (1 + np.exp(3 - 6 * images / 255)), solution.values["h"]
    more, less = (side @ opened_by for side, opened_by in _sides(solution.parameters, name, opened))
    if name == "mnist_gated_dots":
        expected = 20 * (more - less) / (more + less)
    else:  # making of a reversible step from 1 mM, removing with K_M = 3 uM: a quadratic equation
        ratio, most, K_M = 2 * less / more, 3e-3, 3e-6
        b = ratio - 1 + K_M / most
        expected = most * (np.sqrt(b**2 + 4 * K_M / most) - b) / 2
    assert h == pytest.approx(expected, rel=2e-2 if name == "mnist_enzymes" else 1e-9)


def _sides(parameters, name, opened):
    """What raises and what lowers the hidden reservoirs: shares of open channels (3, 785), strengths (785, 300)."""
    shares = np.hstack([opened, np.ones((len(opened), 1))])
    names = ("up1", "high1", "down1", "low1") if name == "mnist_gated_dots" else ("make1", "more1", "remove1", "less1")
    kind = "conductance" if name == "mnist_gated_dots" else "total"
    strengths = [parameters[f"{family}.{kind}"] for family in names]
    return [(shares, np.vstack([strengths[0], strengths[1]])), (shares, np.vstack([strengths[2], strengths[3]]))]


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_many_far_reservoirs_take_no_more_steps_than_one(precision):
    """Most reservoirs move by several kT from image to image. Steps shortened as a whole were 20 on average."""
    net, rng = crncompile.load(MODELS / "mnist_enzymes.tnet"), np.random.default_rng(0)
    wide = ("make1.total", "remove1.total")
    parameters = {
        name: value * np.exp(3 * rng.standard_normal(value.shape)) if name in wide else value
        for name, value in net.parameters().items()
    }
    images = rng.integers(0, 256, (24, 784)) * (rng.random((24, 784)) < 0.2)
    before = net.solve({"x": images}, raw=True, parameters=parameters).raise_for_failure()
    held, _ = net.held({"x": images[::-1]}, parameters, raw=True)
    assert np.median(np.ptp(before.u[:, :300], axis=0)) > 2
    cast = {name: value.astype(precision) for name, value in parameters.items()}
    warm = net.solve_held(held.astype(precision), cast, warm=before.u, follow=False, precision=precision)
    assert not warm.certificate.failed.any()
    assert warm.certificate.iterations.max() <= 16
