"""Devices of 16 and 40 states from the text of a model to a standalone module and LaTeX."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from program.chains import network_text

import crncompile
from crncompile.export.latex import latex_text
from crncompile.export.standalone import standalone_text
from export.test_standalone import reference

HERE = Path(__file__).parent


@pytest.fixture(scope="module", params=[("complete", 16), ("ladder", 40)], ids=lambda p: f"{p[0]}-{p[1]}")
def network(request):
    return crncompile.loads(network_text(*request.param))


def test_gradient_is_the_slope_of_the_solution(network):
    values, step = network.parameters(), 1e-4
    inputs = np.array([0.3, 1.0])
    solution = network.solve(x=inputs).raise_for_failure()
    gradient, to_held = network.gradient(solution, {"out": np.ones(2)})
    moved = values["b.k"].copy()
    moved[1] *= 1 + step
    there = network.solve(x=inputs, parameters={**values, "b.k": moved}).readouts["out"]
    assert gradient["b.k"][1] * moved[1] * step == pytest.approx((there - solution.readouts["out"]).sum(), rel=1e-3)
    beside = network.solve(x=inputs * np.exp(step)).readouts["out"]
    np.testing.assert_allclose(to_held[:, 0] * step, beside - solution.readouts["out"], rtol=1e-3)


def test_currents_vanish_at_equilibrium(network):
    """All affinities zero: K_eq = 2 for each of the two layers, 1 for the leak."""
    functions, values = network.functions, network.parameters()
    low = np.log(1e-4)
    held = np.array([[low - 2 * np.log(2), low]])
    order = {name: n for n, name in enumerate(functions.structure.held)}
    held = held[:, [0, 1] if order["x"] == 0 else [1, 0]]
    u = np.array([[low if name == "y" else low - np.log(2) for name in functions.structure.reservoirs]])
    currents, gross = functions.currents(u, held, values), functions.gross(u, held, values)
    assert np.all(gross > 0)
    assert np.max(np.abs(currents) / gross) < 1e-13


def test_standalone_module_is_the_library(network, tmp_path):
    """As in `test_standalone`: where nothing but numpy can be imported."""
    values = network.parameters()
    module, arrays = tmp_path / "solver.py", tmp_path / "reference.npz"
    module.write_text(standalone_text(network, values), encoding="utf-8")
    np.savez(arrays, **reference(network, values, 3))
    command = [sys.executable, "-I", str(HERE / "isolated.py"), str(module), str(arrays)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_latex_shows_rates_and_the_linear_system(network):
    text = latex_text(network, network.parameters())
    states = len(network.system.laws["many"].kind.states)
    assert text.count("\n0 &=") + text.count("\\\\\n0 &=") >= states
    assert "do not change and add up to one" in text
    assert len(text) < 80_000
    for number in range(states):
        assert rf"p_{{\mathrm{{s\_{number}}}}}" in text
