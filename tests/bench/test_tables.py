"""A hundred thousand edges from a table: from text to a checked network."""

import time

import numpy as np
import pytest

from crncompile.compiler import check_source
from crncompile.errors import Source

pytestmark = pytest.mark.bench

TEXT = """network edges
temperature 100 mK
index n = 1..5000
table edges = "edges.csv"
reservoir x = input(range = [-3 kT, 3 kT])
reservoir h[n] = floating(capacitance = 10 pF)
reservoir y = output(capacitance = 10 pF)
dot w[e in edges]: h[e.source] -> h[e.target] = resonant_dot(gamma_left = e.gamma, gamma_right = train 1 GHz,
                                                             level = e.level * 1 kT)
dot a[n]: x -> h[n] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot b: h[1] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
"""


def test_a_hundred_thousand_edges(tmp_path, capsys):
    rng = np.random.default_rng(0)
    source = rng.integers(1, 5001, 100_000)
    target = (source + rng.integers(0, 4999, 100_000)) % 5000 + 1
    columns = zip(source, target, rng.uniform(0.1, 1, 100_000), rng.normal(size=100_000), strict=True)
    lines = ["source,target,gamma [GHz],level", *(f"{s},{t},{g},{e}" for s, t, g, e in columns)]
    (tmp_path / "edges.csv").write_text("\n".join(lines))
    model = Source(str(tmp_path / "m.tnet"), TEXT)
    check_source(model)  # the grammar, the library and the units are read once
    before = time.perf_counter()
    network = check_source(model)
    took = time.perf_counter() - before
    with capsys.disabled():
        print(f"\n100 000 edges of 4 columns: {took:.2f} s")
    assert network.families[0].shape == (100_000,)
    assert took < 2
