"""Devices with many states: tree sums, written and batched elimination against each other and against numpy."""

import dataclasses

import mpmath
import numpy as np
import pytest
from symbolic.kinds import WARM, kind_of

from crncompile.analyze.rate_matrix import RateMatrix
from crncompile.analyze.verify import verify
from crncompile.backends.load import load_module
from crncompile.backends.numpy_source import device_text as module_of
from crncompile.program import kernels
from crncompile.program.elimination import elimination
from crncompile.program.kernels import device_kernel, evaluation
from crncompile.symbolic.device_law import derive
from crncompile.symbolic.sampling import draw
from program.chains import device_text

POINTS = 25
SHAPES = [("ring", 5), ("ring", 11), ("ladder", 8), ("complete", 6), ("complete", 12), ("mwc", 10)]
WAYS = {
    "trees": (10**6, 0, 0, "closed form, sums over trees"),
    "written": (0, 10**6, 10**6, "elimination of 4 states in straight-line code"),
    "batched": (0, 0, 10**6, "batched elimination of 4 states"),
    "thrown together": (0, 0, -1, "batched elimination of 4 states"),
}


def many(shape, count):
    return kind_of(device_text(shape, count), WARM)


def generated(law, monkeypatch=None, written=None, products=None):
    """Generated functions of a device, and its kernel."""
    if monkeypatch is not None:
        monkeypatch.setattr(kernels, "MOST_WRITTEN", written)
        monkeypatch.setattr(kernels, "MOST_PRODUCTS", products)
    kernel = device_kernel(law, range(len(law.kind.terminals)))
    return load_module(module_of(kernel, "device"), "test:many"), kernel


def arguments(kernel, values):
    given = {symbol.name: value for symbol, value in values.items()}
    given["volume"] = np.full(POINTS, 2e-9)
    return [given[s.name] for s in (*kernel.terminals, *kernel.parameters)]


def null_vectors(law, values):
    """Occupations from numpy's singular vectors of the scaled rate matrix, (states, POINTS)."""
    names = [state.name for state in law.kind.states]
    rates = law.evaluate([rate for *_, rate in law.jumps()], values)
    found = []
    for point in range(POINTS):
        matrix = np.zeros((len(names), len(names)))
        for (origin, destination, _), rate in zip(law.jumps(), rates, strict=True):
            a, b = names.index(origin), names.index(destination)
            matrix[b, a] += rate[point]
            matrix[a, a] -= rate[point]
        left = -np.diag(matrix)
        vector = np.linalg.svd(matrix / left)[2][-1] / left
        found.append(vector / vector.sum())
    return np.array(found).T


@pytest.mark.parametrize(("shape", "count"), SHAPES)
def test_occupations_are_null_vectors(shape, count):
    law = derive(many(shape, count), 0)
    values = draw(law.kind, POINTS, 4)
    occupied = np.array(law.evaluate(law.occupations, values))
    assert np.all(occupied > 0)
    np.testing.assert_allclose(occupied, null_vectors(law, values), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_all_ways_agree(way, monkeypatch):
    """Values, slopes and adjoints, each relative to what its terms are."""
    factors, written, products, words = WAYS[way]
    kind = many("ladder", 4)
    law = derive(kind, factors)
    module, kernel = generated(law, monkeypatch, written, products)
    assert evaluation(law) == words
    reference, plain = generated(derive(kind, 10**6))
    values = draw(kind, POINTS, 4)
    gross = reference.device_gross(*arguments(plain, values))[0]
    assert kernel.slope_names == plain.slope_names
    assert kernel.pull_names == plain.pull_names
    for suffix, first in (("", ()), ("_slopes", ()), ("_pull", (np.linspace(-1, 1, POINTS),))):
        found = getattr(module, f"device{suffix}")(*first, *arguments(kernel, values))
        wanted = getattr(reference, f"device{suffix}")(*first, *arguments(plain, values))
        for a, b in zip(found, wanted, strict=True):
            scale = np.abs(b) + 1e-3 * np.max(np.abs(b)) + 1e-12 * gross
            assert np.max(np.abs(a - b) / scale) < 1e-9
    fluxes, sizes = module.device(*arguments(kernel, values)), module.device_gross(*arguments(kernel, values))
    assert np.all(sizes[0] >= np.abs(fluxes[0]))


@pytest.mark.parametrize(("shape", "count"), [("mwc", 10), ("complete", 9), ("ring", 17)])
def test_device_is_verified(shape, count):
    """Against the rate matrix in 50 digits, complex steps, equilibrium, dissipation."""
    for check in verify(many(shape, count)):
        assert check.passed, f"{check.name}: {check.detail}"


@pytest.mark.parametrize("written", [0, 10**6])
def test_slow_turnover_behind_fast_binding_keeps_its_digits(written, monkeypatch):
    """Binding passes to and fro a billion times for each turnover; the current is exact to rounding all the same."""
    kind = many("mwc", 10)
    slow = [
        step if not any(step.products) else dataclasses.replace(step, forward=step.forward * 1e-9)
        for step in kind.steps
    ]
    kind = dataclasses.replace(kind, steps=tuple(slow))
    law = derive(kind)
    module, kernel = generated(law, monkeypatch, written, 10**6)
    values = draw(kind, POINTS, 4)
    found = module.device(*arguments(kernel, values))[0] / (6.02214076e23 * 2e-9)
    for point in range(POINTS):
        at = {symbol.name: float(value[point]) for symbol, value in values.items()}
        exact = RateMatrix(kind).currents(at).terminals[1]
        assert abs(found[point] / exact - 1) < mpmath.mpf(1e-12)


def test_jumps_thrown_together_where_apart_there_are_too_many():
    law = derive(many("ladder", 10))
    assert elimination(law, 20) is None
    together, apart = elimination(law, 20, apart=False), elimination(law, 1000)
    assert len(together.products) < 20 < len(apart.products)
    assert together.turns.shape[0] == apart.turns.shape[0] == len(law.fluxes) == 1


def test_a_state_that_is_left_for_good_is_empty():
    """An irreversible step out of a state that nothing leads back to."""
    kind = many("ring", 14)
    steps = [dataclasses.replace(s, reversible=False, K_eq=None) if s.name in ("t_3", "t_9") else s for s in kind.steps]
    law = derive(dataclasses.replace(kind, steps=tuple(steps)))
    occupied = np.array(law.evaluate(law.occupations, draw(kind, POINTS, 4)))
    assert law.log_K == (None,)
    assert np.all(occupied > 0)
    np.testing.assert_allclose(occupied.sum(axis=0), 1.0)
