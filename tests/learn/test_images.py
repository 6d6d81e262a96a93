"""Training on images, as continuous integration does it: 2 000 of MNIST where they are at hand, and the 8x8 digits."""

import os

import numpy as np
import pytest

import crncompile
from crncompile.learn.datasets import read_samples
from crncompile.learn.task import Task

MODEL = """
network images "pixels to digits without a layer between"
temperature 310.15 K
volume 1 nL
index i = 1..{pixels}
index k = 0..9
reservoir x[i]  = input(range = [0.01 mM, 2 mM], data = [0, {brightest}])
reservoir y[k]  = output(start = 1 mM)
reservoir waste = fixed(at = 1 uM)
parameter scale = train 3
enzyme up[i, k]: x[i] -> y[k] = michaelis_menten(
    total = train lognormal(10 nM, 0.3), k_cat = 100 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 1e4)
enzyme down[i, k]: y[k] -> waste = michaelis_menten(
    total = train lognormal({down}, 0.3), k_cat = 100 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 1e4)
classify digit[k] = scale * ln(y[k] / 1 mM)
training = adam(rate = 0.1, batch = 50, epochs = {epochs}, validation = 0.1)
"""


def trained(source, pixels, brightest, epochs, most, part="train"):
    net = crncompile.loads(MODEL.format(pixels=pixels, brightest=brightest, epochs=epochs, down="10 nM"))
    data, test = read_samples(source, net.network), read_samples(source, net.network, "test")
    assert data.X.dtype == np.uint8
    fit = net.fit(data.X[:most], data.y[:most], seed=0)
    task = Task(net, test.X[:1000], test.y[:1000])
    return fit, task.accuracy(task.run(fit.parameters))


def test_two_thousand_images_of_mnist(shared):
    folder = shared / "data" / "mnist"
    if not folder.is_dir():
        missing = pytest.fail if os.environ.get("CRNCOMPILE_REQUIRE_SHARED") else pytest.skip
        missing("there are no images in shared/data/mnist")
    fit, accuracy = trained(f"mnist:{folder}", 784, 255, 6, 2000)
    assert fit.skipped == 0
    assert len(fit.samples) == 1800
    assert fit.validation.accuracy == max(epoch["validation_accuracy"] for epoch in fit.epochs)
    assert accuracy >= 0.75


def test_the_small_digits():
    pytest.importorskip("sklearn")
    fit, accuracy = trained("digits", 64, 16, 20, None)
    assert fit.skipped == 0
    assert len(fit.samples) + len(fit.validation.samples) == 1438
    assert accuracy >= 0.85
