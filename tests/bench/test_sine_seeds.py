"""How the two sine networks do over twenty seeds that nobody has looked at."""

import time
from pathlib import Path

import numpy as np
import pytest

import crncompile

pytestmark = pytest.mark.bench
MODELS = Path(__file__).parents[2] / "models"
SEEDS = range(5, 25)
GOOD = 1e-6


@pytest.mark.parametrize("name", ["sine_enzymes", "sine_dots"])
def test_seeds(name, capsys):
    x = np.linspace(0, 2 * np.pi, 101)
    points = np.linspace(0, 2 * np.pi, 1000)
    net = crncompile.load(MODELS / f"{name}.tnet")
    errors, seconds = [], []
    for seed in SEEDS:
        began = time.perf_counter()
        fit = net.fit(x, np.sin(x), seed=seed)
        seconds.append(time.perf_counter() - began)
        found = net.solve(x=points, raw=True, parameters=fit.parameters)
        good = ~found.certificate.failed
        errors.append(np.mean((found.readouts["sin_x"] - np.sin(points)) ** 2) if good.all() else np.inf)
        with capsys.disabled():
            print(f"\n{name} seed {seed}: {errors[-1]:.2e} in {seconds[-1]:.1f} s", end="", flush=True)
    failures = [seed for seed, error in zip(SEEDS, errors, strict=True) if error > GOOD]
    with capsys.disabled():
        print(
            f"\n{name}: median {np.median(errors):.2e}, worst {max(errors):.2e}, above {GOOD:.0e}: {failures}, "
            f"seconds median {np.median(seconds):.1f}, worst {max(seconds):.1f}"
        )
    assert np.median(errors) <= GOOD
