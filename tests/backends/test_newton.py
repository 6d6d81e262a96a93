"""Newton's method in C: its elimination against numpy, its answers against those of the numpy backend."""

import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crncompile
from crncompile.backends import c_library, c_newton
from crncompile.backends.c_newton import Layout
from crncompile.program.types import GroupCode
from crncompile.solve.equations import Equations
from crncompile.solve.newton import Attempt, approach, polish

COUPLED = """
network coupled "layers that answer, and neighbours within a layer"
temperature 300 K
volume 1 nL
index i = 1..5
index j = 1..7
index k = 1..3
reservoir x[i] = input(range = [0.1 mM, 2 mM])
reservoir h[j] = floating(start = 0.5 mM)
reservoir y[k] = output(start = 0.5 mM)
reservoir low  = fixed(at = 0.1 mM)
enzyme first[i, j]:  x[i] -> h[j] = michaelis_menten(
    total = train lognormal(1 mM, 0.5), k_cat = 1 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 2)
enzyme second[j, k]: h[j] -> y[k] = michaelis_menten(
    total = train lognormal(1 mM, 0.5), k_cat = 1 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 2)
enzyme around[j in 1..6]: h[j] -> h[j + 1] = michaelis_menten(  # around
    total = 1 mM, k_cat = 1 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 1)  # around
reaction leak_h[j]: h[j] <-> low = mass_action(k = 1 s^-1, K_eq = 1)
reaction leak_y[k]: y[k] <-> low = mass_action(k = 1 s^-1, K_eq = 1)
readout out[k] = y[k] / 1 mM
"""
WITHOUT = "\n".join(line for line in COUPLED.splitlines() if "around" not in line)


@pytest.fixture(scope="module", params=[False, True], ids=["double", "single"])
def library(request):
    return c_library.shared_library(c_newton.source(), request.param, "-O2"), np.float32 if request.param else float


@st.composite
def systems(draw):
    """Sizes of groups, blocks by kind, and an order in which the groups are eliminated."""
    sizes = draw(st.lists(st.integers(1, 20), min_size=1, max_size=4))
    groups = range(len(sizes))
    kinds = {(g, g): draw(st.sampled_from(["diagonal", "dense"])) for g in groups}
    for row in groups:
        for column in groups:
            if row != column and draw(st.booleans()):
                same = sizes[row] == sizes[column]
                kinds[row, column] = draw(st.sampled_from(["diagonal", "dense"] if same else ["dense"]))
    return sizes, kinds, draw(st.permutations(list(groups))), draw(st.integers(0, 2**32 - 1))


@settings(max_examples=60, deadline=None)
@given(system=systems(), transposed=st.booleans())
def test_elimination_over_blocks_of_any_pattern(system, transposed, library):
    compiled, dtype = library
    sizes, kinds, order, seed = system
    rng, ends = np.random.default_rng(seed), np.cumsum([0, *sizes])
    groups = tuple(
        GroupCode(f"g{n}", (size,), int(ends[n]), int(ends[n + 1]), "charge", ()) for n, size in enumerate(sizes)
    )
    layout = Layout(types.SimpleNamespace(groups=groups, held=(), blocks=kinds), order, ())
    blocks, whole = {}, np.zeros((3, ends[-1], ends[-1]))
    for (row, column), kind in kinds.items():
        shape = (3, sizes[row]) if kind == "diagonal" else (3, sizes[row], sizes[column])
        block = rng.normal(size=shape) / 4
        if row == column:
            block += 40 if kind == "diagonal" else 40 * np.eye(sizes[row])
        blocks[row, column] = block.astype(dtype)
        part = whole[:, ends[row] : ends[row + 1], ends[column] : ends[column + 1]]
        part += block[:, :, None] * np.eye(sizes[row]) if kind == "diagonal" else block
    right = rng.normal(size=(3, ends[-1]))
    x, exact = layout.solve(
        compiled, blocks, right.astype(dtype), 1e-4 if dtype == np.float32 else 1e-12, 0.0, transposed
    )
    wanted = np.linalg.solve(whole.swapaxes(1, 2) if transposed else whole, right[:, :, None])[:, :, 0]
    assert exact.all()
    np.testing.assert_allclose(x, wanted, atol=1e-6 if dtype == np.float32 else 1e-13)


def test_a_singular_matrix_is_told(library):
    compiled, dtype = library
    group = GroupCode("g", (2,), 0, 2, "charge", ())
    layout = Layout(types.SimpleNamespace(groups=(group,), held=(), blocks={(0, 0): "dense"}), (0,), ())
    blocks = {(0, 0): np.array([[[1.0, 2.0], [2.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]]], dtype)}
    _, exact = layout.solve(compiled, blocks, np.ones((2, 2), dtype), 1e-5, 0.0, transposed=False)
    assert exact.tolist() == [False, True]


@pytest.mark.parametrize("text", [COUPLED, WITHOUT], ids=["coupled", "layered"])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_answers_are_those_of_numpy(text, precision):
    compiled, numpy = crncompile.loads(text, backend="c"), crncompile.loads(text)
    x = np.random.default_rng(1).uniform(0.1, 2.0, (37, 5))
    found, wanted = compiled.solve(x=x, precision=precision), numpy.solve(x=x, precision=precision)
    for solution in (found, wanted):
        solution.raise_for_failure()
    assert compiled.functions.newtonian(compiled.functions.prepare(found.parameters))
    exact = precision == "float64"
    np.testing.assert_allclose(found.u, wanted.u, atol=1e-12 if exact else 1e-5)
    assert found.certificate.residual.max() < (2e-13 if exact else 1e-5)
    weights = {"out": np.ones((37, 3), found.u.dtype)}
    (mine, to_held), (theirs, to_other) = (n.gradient(s, weights) for n, s in ((compiled, found), (numpy, wanted)))
    np.testing.assert_allclose(to_held, to_other, rtol=1e-9 if exact else 1e-3, atol=1e-12 if exact else 1e-5)
    del theirs["volume"]  # by which nothing changes
    for name, value in theirs.items():
        scale = np.abs(value).max()
        np.testing.assert_allclose(mine[name] / (scale or 1), value / (scale or 1), atol=1e-11 if exact else 1e-4)


def test_a_sample_does_not_depend_on_the_others_or_on_threads(monkeypatch):
    network = crncompile.loads(COUPLED, backend="c")
    x = np.random.default_rng(2).uniform(0.1, 2.0, (50, 5))
    whole = network.solve(x=x).u
    monkeypatch.setattr(c_newton, "WORTH_A_THREAD", 1)
    np.testing.assert_array_equal(network.solve(x=x).u, whole)
    np.testing.assert_array_equal(np.concatenate([network.solve(x=x[n : n + 1]).u for n in range(50)]), whole)


def test_injected_currents_are_part_of_the_balance():
    network, numpy = crncompile.loads(WITHOUT, backend="c"), crncompile.loads(WITHOUT)
    x, injected = np.random.default_rng(3).uniform(0.1, 2.0, (20, 5)), {"y": np.full((20, 3), 1e7)}
    found, wanted = (n.solve(x=x, injected=injected).raise_for_failure() for n in (network, numpy))
    np.testing.assert_allclose(found.u, wanted.u, atol=1e-12)
    assert np.abs(found.u - network.solve(x=x).u).max() > 1e-6


@pytest.mark.parametrize("distance", [3e-6, 3e-5, 1e-4, 2e-4, 5e-4, 1e-3])
@pytest.mark.parametrize("dtype", [np.float32, float])
def test_what_is_polished_counts_as_found_from_wherever_it_began(distance, dtype):
    """A step may be small already where the residual is not."""
    network = crncompile.loads(COUPLED, backend="c")
    functions = network.functions
    parameters = {name: np.asarray(value, dtype) for name, value in network.parameters().items()}
    prepared = functions.prepare(parameters)
    held, _ = network.held({"x": np.full((20, 5), 1.0)}, parameters, precision=np.dtype(dtype).name)
    held = held.astype(dtype)
    rest = network.solve(x=np.full((20, 5), 1.0)).u
    start = (rest + distance * np.random.default_rng(1).choice([-1, 1], rest.shape)).astype(dtype)
    found = polish(Equations.of(functions, prepared, held, start, None), start)
    assert found.found.all()
    np.testing.assert_allclose(found.u, rest, atol=1e-5 if dtype == np.float32 else 1e-12)


def test_what_strays_is_told_and_its_state_left(monkeypatch):
    network = crncompile.loads(COUPLED, backend="c")
    functions, parameters = network.functions, network.parameters()
    prepared = functions.prepare(parameters)
    held, _ = network.held({"x": np.full((4, 5), 1.0)}, parameters)
    start = np.broadcast_to(functions.start(parameters), (4, 10)).copy()
    start[2] = np.nan
    equations = Equations.of(functions, prepared, held, start, None)
    found = approach(equations, equations, start, (Attempt(4),))
    assert np.isinf(found.step).tolist() == [False, False, True, False]
    assert np.isnan(found.u[2]).all()
    again = polish(equations, found.u)
    np.testing.assert_array_equal(again.u[[0, 1, 3]], found.u[[0, 1, 3]])


INHIBITED = WITHOUT.replace("michaelis_menten(", "substrate_inhibited(K_I = 0.2 mM, ")


@pytest.mark.parametrize("injected", [False, True])
def test_a_box_confines_the_same_samples_as_in_numpy(injected):
    """Where the proof of uniqueness in a region holds for some samples and fails for others."""
    compiled, numpy = crncompile.loads(INHIBITED, backend="c"), crncompile.loads(INHIBITED)
    assert numpy.functions.structure.bounded
    assert not numpy.functions.structure.unique
    x = np.random.default_rng(5).uniform(0.1, 30.0, (60, 5))
    extra = {"injected": {"y": np.full((60, 3), 1e8)}} if injected else {}
    found, wanted = (network.solve(x=x, **extra) for network in (compiled, numpy))
    np.testing.assert_array_equal(found.certificate.how, wanted.certificate.how)
    assert len(set(found.certificate.how)) > 1
    np.testing.assert_allclose(found.u, wanted.u, atol=1e-9)
