"""Networks that need more memory than there is are told before anything of that size is made."""

import tracemalloc

import numpy as np
import pytest

from crncompile.compiler import check_source, loads
from crncompile.errors import ModelError, Source
from crncompile.network import checks
from crncompile.network.memory import check_memory, jacobian_size, memory
from crncompile.network.report import Fault

DEVICE = "resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)"


def text(size, where="i != j"):
    return f"""network big
temperature 100 mK
index i = 1..{size}
index j = 1..{size}
reservoir x = input(range = [-3 kT, 3 kT])
reservoir h[i] = floating(capacitance = 10 pF)
reservoir y = output(capacitance = 10 pF)
dot a[i]: x -> h[i] = {DEVICE}
dot b: h[1] -> y = {DEVICE}
dot w[i, j where {where}]: h[i] -> h[j] = {DEVICE}
"""


def test_the_size_is_told(golden, monkeypatch):
    monkeypatch.setattr(checks, "memory", lambda: 2**26)
    with pytest.raises(ModelError) as caught:
        check_source(Source("model.tnet", text(1000)))
    golden.check("network/memory.txt", str(caught.value))


def test_too_many_elements_are_told_at_once(golden):
    tracemalloc.start()
    with pytest.raises(ModelError) as caught:
        check_source(Source("model.tnet", text(100_000)))
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()
    golden.check("network/memory-elements.txt", str(caught.value))


def test_the_jacobian_is_as_large_as_its_blocks_or_its_entries():
    full = check_source(Source("m", text(200)))
    assert jacobian_size(full) == 8 * (200 * 200 + 2 * 200)
    chain = check_source(Source("m", text(200, "j == i + 1")))
    assert jacobian_size(chain) == 8 * 2 * (201 + 2 * 199 + 2)
    check_memory(full, memory())
    with pytest.raises(Fault):
        check_memory(full, 100_000)


def test_the_estimate_is_that_of_the_arrays():
    net = loads(text(150))
    parameters = net.parameters()
    held, _ = net.held({"x": 0.5}, parameters)
    start = np.zeros((1, 151))
    _, blocks = net.functions.linearise(start, held, parameters)
    assert sum(block.nbytes for block in blocks.values()) == pytest.approx(jacobian_size(net.network), rel=0.02)
