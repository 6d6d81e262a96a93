"""Real images through an untrained network of 160 000 enzymes, two between every pair."""

import gzip
from pathlib import Path

import numpy as np
import pytest

import crncompile
from crncompile.errors import DataError

MODEL = Path(__file__).parents[1] / "bench" / "low_rank.tnet"


def images(path, count):
    """The first images of an IDX file, (count, 784), 0 to 255."""
    with gzip.open(path) as file:
        head = np.frombuffer(file.read(16), ">i4")
        assert head.tolist() == [2051, 10000, 28, 28]
        return np.frombuffer(file.read(784 * count), np.uint8).reshape(count, 784).astype(float)


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "count"), [("numpy", 10), ("c", 100)])
def test_images_settle_with_certificates(shared, backend, count):
    data = shared / "data" / "mnist" / "t10k-images-idx3-ubyte.gz"
    try:
        net = crncompile.load(MODEL, backend)
    except DataError as error:  # no compiler
        pytest.skip(str(error))
    solution = net.solve(x=images(data, count), raw=True).raise_for_failure()
    certificate = solution.certificate
    assert set(certificate.status) == {"stable"}
    assert certificate.residual.max() <= 1e-10
    assert certificate.newton_step.max() <= 1e-8
    logits = solution.readouts["digit"]
    assert logits.shape == (count, 10)
    assert np.ptp(logits, axis=0).min() > 0  # the images make a difference
    # what flows into every reservoir, by the law itself: S (up, down), P and the leaks
    total = {name: solution.parameters[f"{name}.total"] for name in ("up2", "down2")}
    h, y, K = solution.values["h"], solution.values["y"], solution.parameters["K"]
    S, P = h[:, :, None], y[:, None, :]
    plain = 1 + S / K + P / K
    inflow = 100 / K * (S - P / 1e4) * (total["up2"] / plain + total["down2"] / (plain + S**2 / (0.05 * K**2)))
    waste = solution.values["waste"][:, None]
    decay = 1e-6 * 100 / K * (y - waste / 1e4) / (1 + y / K + waste / K)
    assert inflow.sum(axis=1) == pytest.approx(decay, rel=1e-9)
