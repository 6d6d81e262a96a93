"""Families interpolated as sums of products against one evaluation per device: values, gradients, solutions."""

import functools
import re

import numpy as np
import pytest

import crncompile
from backends.test_agreement import gradient_scale, inside
from crncompile.backends import chebyshev, choice, interpolated, low_rank, numpy_backend
from crncompile.program import tiers
from crncompile.solve.equations import Equations
from crncompile.solve.newton import polish

TOLERANCE = 1e-9
ENZYMES = """
network enzymes temperature 300 K
volume 1 nL
index i = 1..6
index j = 1..5
index k = 1..4
index l = 1..3
parameter K = train 1 mM
parameter Q = train 1e3
reservoir x[i] = input(range = [0.1 mM, 2 mM])
reservoir h[j] = floating(start = 1 mM)
reservoir g[l, j] = floating(start = 0.5 mM)
reservoir y[k] = output(start = 1 mM)
reservoir sink[l] = fixed(at = train 1 uM)
enzyme a[i, j]: x[i] -> h[j] = michaelis_menten(total = train lognormal(1 nM, 0.5), k_cat = 100 s^-1, K_M = K,
    K_P = 2 * K, K_eq = Q)
enzyme b[j, i]: x[i] -> h[j] = substrate_inhibited(total = train lognormal(1 nM, 0.5), k_cat = 100 s^-1, K_M = K,
    K_P = K, K_I = 0.05 * K, K_eq = Q)
enzyme c[j, k]: h[j] -> y[k] = substrate_inhibited(total = train lognormal(1 nM, 0.5), k_cat = train 100 s^-1, K_M = K,
    K_P = K, K_I = 0.05 * K, K_eq = 1e4)
enzyme d[k, l]: y[k] -> sink[l] = michaelis_menten(total = train lognormal(10 nM, 0.5), k_cat = 100 s^-1, K_M = K,
    K_P = K, K_eq = 1e4)
enzyme e[l, i, j]: x[i] -> g[l, j] = michaelis_menten(total = train lognormal(1 nM, 0.5), k_cat = 100 s^-1, K_M = K,
    K_P = K, K_eq = Q)
enzyme f[l, j]: g[l, j] -> sink[l] = michaelis_menten(total = 1 nM, k_cat = 100 s^-1, K_M = K, K_P = K, K_eq = Q)
enzyme n[j, l]: h[j] -> sink[l] = saturable_decay(total = train lognormal(1 nM, 0.5), k_cat = 100 s^-1, K_M = K)
readout z = y[1] / 1 mM
"""
DOTS = """
network dots temperature 100 mK
index i = 1..6
index j = 1..5
index k = 1..4
parameter D = train 1 kT
parameter G = train 1 GHz
reservoir x[i] = input(range = [-3 kT, 3 kT])
reservoir h[j] = floating(capacitance = 10 pF)
reservoir y[k] = output(capacitance = 10 pF)
reservoir low[i] = fixed(at = train -2 kT)
device many: left -> right {
  "As many equal double dots as it has channels"
  terminal left, right: charge
  parameter channels: number >= 0
  parameter lever: number in [0, 1]
  parameter gamma, coupling: rate > 0
  parameter dephasing: rate >= 0
  parameter level, detuning: energy
  let near_level = level + detuning / 2 + lever * left
  let far_level  = level - detuning / 2 + lever * right
  let width   = gamma / 2 + dephasing
  let offset  = (near_level - far_level) / hbar
  population channels
  state empty
  state near energy near_level
  state far  energy far_level
  transition enter: left + empty <-> near = tunnel(gamma = gamma)
  transition cross: near <-> far          = hop(w = 2 * coupling^2 * width / (width^2 + offset^2))
  transition leave: far <-> empty + right = tunnel(gamma = gamma)
}
dot a[i, j]: x[i] -> h[j] = many(channels = train loguniform(0.1, 1), gamma = G, coupling = 3 GHz, dephasing = 0 GHz,
    level = 0 kT, detuning = D, lever = 0)
dot b[j, k]: h[j] -> y[k] = many(channels = train loguniform(0.1, 1), gamma = G, coupling = 3 GHz, dephasing = 40 GHz,
    level = D, detuning = 0.5 kT, lever = 0.2)
dot c[i, k]: y[k] -> low[i] = many(channels = train loguniform(0.1, 1), gamma = 1 GHz, coupling = 3 GHz,
    dephasing = 13 GHz, level = 0 kT, detuning = 1 kT, lever = 0)
dot s[i, j]: h[j] -> low[i] gate x[i] = gated_conductance(conductance = train loguniform(0.1 uS, 1 uS))
dot o[k, j]: h[j] -> y[k] = linear_conductance(conductance = 0.01 uS)
readout z = y[1] / 1 kT
"""
TEXTS = {"enzymes": ENZYMES, "dots": DOTS}
LOW_RANK = {"enzymes": list("abcde"), "dots": list("abc")}
AFLOAT = {"enzymes": ("c",), "dots": ("b",)}  # of these, between floating reservoirs


@pytest.fixture(autouse=True)
def small_families_too(monkeypatch):
    monkeypatch.setattr(tiers, "FEW", 0)
    monkeypatch.setattr(tiers, "split_cost", lambda *_: 0.0)
    monkeypatch.setattr(tiers, "coupled_cost", lambda *_: 0.0)


@functools.cache
def loaded(text, backend="numpy"):
    return crncompile.loads(text, backend=backend)


@functools.cache
def plain(text):
    """The module that evaluates every device on its own."""
    return numpy_backend.elementwise(loaded(text).program)


def subject(text, backend="numpy", seed=0, batch=7):
    """A network, its functions, and potentials, adjoints and parameters for them."""
    network, rng = loaded(text, backend), np.random.default_rng(seed)
    parameters, functions = network.parameters(seed=seed), network.functions
    held = functions.hold({group.name: inside(group, rng, batch) for group in network.inputs}, parameters)
    u = functions.start(parameters)[None] + rng.uniform(-1.5, 1.5, (batch, len(functions.structure.reservoirs)))
    return network, functions, parameters, held, u, rng.normal(size=u.shape)


def close(value, wanted, scale=None, tolerance=TOLERANCE):
    scale = np.abs(wanted).max(initial=1e-300) if scale is None else scale
    return value.shape == wanted.shape and np.all(np.abs(value - wanted) <= tolerance * scale)


def families(functions):
    """The interpolated families of a network's numpy functions."""
    return [f for f in functions.currents.__self__.families if isinstance(f, low_rank.LowRankFamily)]


# --- functions of two potentials --------------------------------------------------------------------------------------


def law_of(name, family):
    _, functions, parameters, *_ = subject(TEXTS[name])
    family = next(f for f in families(functions) if f.code.name == family)
    fixed = functions.prepare(parameters).fixed[list(LOW_RANK[name]).index(family.code.name)]
    shift = np.log(1e-3) if name == "enzymes" else 0.0
    law = family.law(fixed.shared, signed=True)
    return lambda x, c: law(x + shift, c + shift)


@pytest.mark.parametrize("half_width", [5, 10, 14])
@pytest.mark.parametrize(
    ("name", "family", "ranks", "tolerance"),
    [("enzymes", "c", (17, 27, 35), 1e-9), ("enzymes", "d", (17, 27, 35), 1e-9)],
)
def test_laws_have_the_ranks_that_the_design_expects(name, family, ranks, tolerance, half_width):
    law, square = law_of(name, family), (-float(half_width), float(half_width))
    c = chebyshev.spread_out(square)
    scale = np.abs(law(c, c)).max()
    first = chebyshev.first_functions(lambda x: (law(x, c), np.full(len(c), scale)), square, tolerance)
    second = chebyshev.second_functions(law, first, square, tolerance)
    assert abs(first.terms - ranks[(5, 10, 14).index(half_width)]) <= 3
    x, c = np.random.default_rng(0).uniform(*square, (2, 300))
    left, right = (s.coefficients @ chebyshev.polynomials(u, square, s.count) for s, u in ((first, x), (second, c)))
    assert np.abs(left.T @ right - law(x, c)).max() <= tolerance * scale


def test_derivatives_of_polynomials():
    u, where = np.linspace(-1.0, 5.0, 11), (-2.0, 6.0)
    values = chebyshev.polynomials(u, where, 9)
    found = chebyshev.slopes(values, u, where)
    for n in range(9):
        wanted = np.polynomial.Chebyshev.basis(n, domain=where)
        np.testing.assert_allclose(values[n], wanted(u), atol=1e-13)
        np.testing.assert_allclose(found[n], wanted.deriv()(u), atol=1e-12)
    half = chebyshev.polynomials(u.astype(np.float32), where, 9)
    assert half.dtype == np.float32
    assert chebyshev.slopes(half, u.astype(np.float32), where).dtype == np.float32


def test_what_has_no_few_products_is_given_up():
    def spike(x, c):
        return 1 / (1e-4 + (x[:, None] - c) ** 2)

    c = chebyshev.spread_out((-4.0, 4.0))
    assert chebyshev.first_functions(lambda x: (spike(x, c), np.zeros(len(c))), (-4.0, 4.0), 1e-9) is None
    assert chebyshev.spread_out((-1e3, 1e3)) is None
    with np.errstate(all="ignore"):
        assert chebyshev.first_functions(lambda x: (1 / (0 * x[:, None] * c), 0 * c), (-4.0, 4.0), 1e-9) is None


# --- functions of networks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", choice.names())
@pytest.mark.parametrize("model", TEXTS)
@pytest.mark.parametrize("tile", [1 << 17, 300])
def test_interpolated_families_agree_with_the_law(model, name, tile, monkeypatch):
    monkeypatch.setattr("crncompile.backends.numpy_runtime.TILE", tile)
    network, other, parameters, held, u, adjoint = subject(TEXTS[model], name)
    assert [f.name for f in network.program.families if f.tier == "low rank"] == LOW_RANK[model]
    whole, given = plain(TEXTS[model]), other.prepare(parameters)
    gross = whole.gross(u, held, parameters)
    into, jacobian = whole.linearise(u, held, parameters)
    gradient, to_held = whole.pullback(adjoint, u, held, parameters)
    scale = gradient_scale(whole, adjoint, u, held, parameters)
    never = {"c": AFLOAT[model], "jax": tuple(LOW_RANK[model])}  # families that a backend does not interpolate
    for fixed in (held, other.settle(held, given)):
        assert close(other.currents(u, fixed, given), into, gross)
        assert close(other.gross(u, fixed, given), gross, gross, 1e-3)
        assert other.apart(u, fixed, given) == never.get(name, ())
        values, blocks = other.linearise(u, fixed, given)
        assert close(values, into, gross)
        assert set(blocks) == set(jacobian)
        assert all(close(blocks[key], block, tolerance=10 * TOLERANCE) for key, block in jacobian.items())
        slopes, to_inputs = other.pullback(adjoint, u, fixed, given)
        assert close(to_inputs, to_held, tolerance=10 * TOLERANCE)
        assert set(slopes) == set(gradient)
        for key, value in gradient.items():
            # Of the largest current by what is of the order of the parameter.
            size = np.abs(parameters[key]).max()
            changes = np.maximum(scale[key], np.abs(adjoint * gross).sum() / size if size else 1e-300)
            assert close(slopes[key], value, changes, 10 * TOLERANCE), key


@pytest.mark.parametrize("name", choice.names())
@pytest.mark.parametrize("model", TEXTS)
def test_exact_functions_have_no_interpolated_family(model, name):
    _, other, parameters, held, u, adjoint = subject(TEXTS[model], name)
    exact, whole = other.exact, plain(TEXTS[model])
    given = exact.prepare(parameters)
    settled = exact.settle(held, given)
    assert exact.exact is exact
    gross = whole.gross(u, held, parameters)
    into, jacobian = whole.linearise(u, held, parameters)
    values, blocks = exact.linearise(u, settled, given)
    assert close(values, into, gross, 1e-12)
    assert close(exact.gross(u, settled, given), gross, 1.5 * gross, 1)
    assert all(close(blocks[key], block, tolerance=1e-12) for key, block in jacobian.items())
    assert close(
        exact.pullback(adjoint, u, settled, given)[1], whole.pullback(adjoint, u, held, parameters)[1], None, 1e-11
    )


@pytest.mark.parametrize("name", choice.names())
def test_without_interpolated_families_all_functions_are_exact(name):
    text = re.sub(r"dot [abc]\[.*?\)\n(?=dot)", "", DOTS, flags=re.DOTALL)
    functions = crncompile.loads(text, backend=name).functions
    assert functions.exact is functions


@pytest.mark.parametrize("name", choice.names())
@pytest.mark.parametrize("model", TEXTS)
def test_samples_outside_all_ranges_are_evaluated_by_the_law(model, name):
    _, other, parameters, held, u, adjoint = subject(TEXTS[model], name)
    whole = plain(TEXTS[model])
    u[2] += 80.0
    u[4, -1] -= 90.0
    for given in (other.prepare(parameters), parameters):
        fixed = other.settle(held, given)
        into, jacobian = whole.linearise(u, held, parameters)
        gross = whole.gross(u, held, parameters)
        values, blocks = other.linearise(u, fixed, given)
        assert close(values, into, gross)
        assert close(values[2], into[2], gross[2], 1e-12)
        assert list(other.apart(u, fixed, given)) == LOW_RANK[model]
        assert close(other.gross(u, fixed, given), gross, gross, 1e-3)
        for key, block in jacobian.items():
            assert close(blocks[key], block, np.maximum(np.abs(block).max(axis=0), gross.max()), 10 * TOLERANCE)
        found, wanted = (f.pullback(adjoint, u, h, p) for f, h, p in ((other, fixed, given), (whole, held, parameters)))
        assert close(found[1], wanted[1], np.abs(wanted[1]).max(axis=0), 10 * TOLERANCE)
        u[...] = u + 200.0


@pytest.mark.parametrize("name", choice.names())
def test_numbers_that_are_none_stay_with_their_sample(name):
    _, other, parameters, held, u, _ = subject(ENZYMES, name)
    given = other.prepare(parameters)
    wanted = other.currents(u, other.settle(held, given), given)
    held[1, 2], u[3, 0] = np.nan, np.inf
    with np.errstate(all="ignore"):
        found = other.currents(u, other.settle(held, given), given)
    good = [0, 2, 4, 5, 6]
    assert close(found[good], wanted[good])
    assert not np.isfinite(found[[1, 3]]).all(axis=1).any()


def test_results_do_not_depend_on_what_was_computed_before():
    _, functions, parameters, held, u, adjoint = subject(ENZYMES)
    given = functions.prepare(parameters)
    settled = functions.settle(held, given)

    def results(given):
        values, blocks = functions.linearise(u, settled, given)
        gradient, to_held = functions.pullback(adjoint, u, settled, given)
        return [values, *blocks.values(), *gradient.values(), to_held]

    before = results(given)
    for shift in (-6.0, 3.0, 9.0, 40.0):  # ever wider ranges, and beyond
        functions.linearise(u + shift * np.linspace(0, 1, len(u))[:, None], settled, given)
    for again in (results(given), results(functions.prepare(parameters))):
        assert all(np.array_equal(a, b) for a, b in zip(before, again, strict=True))


def test_ranges_grow_in_steps_with_the_potentials_at_hand():
    _, functions, parameters, held, u, _ = subject(ENZYMES)
    given, family = functions.prepare(parameters), families(functions)[0]
    settled, whole = functions.settle(held, given), plain(ENZYMES)
    lowest = []
    for shift in (0.0, -3.0, -5.0, -7.0):
        values = functions.currents(u + shift, settled, given)
        assert close(values, whole.currents(u + shift, held, parameters), whole.gross(u + shift, held, parameters))
        (placed, *_) = functions.currents.__self__.places(u + shift, settled, given)
        ranges = [placed.fixed[low_rank.State].series[half].range for half in (family.first, family.second)]
        lowest.append(ranges[1][0])
    assert lowest == sorted(lowest, reverse=True)
    assert len(set(lowest)) >= 3
    assert all(end % interpolated.STEP == 0 for ends in ranges for end in ends)
    assert family.settled is family.first is family.left


@pytest.mark.parametrize("name", choice.names())
def test_a_tolerance_that_no_rank_reaches(name, monkeypatch):
    monkeypatch.setattr(low_rank, "TOLERANCE", dict.fromkeys(low_rank.TOLERANCE, 1e-30))
    _, other, parameters, held, u, adjoint = subject(ENZYMES, name)
    whole, given = plain(ENZYMES), other.prepare(parameters)
    gross, gradient = whole.gross(u, held, parameters), whole.pullback(adjoint, u, held, parameters)[0]
    scale = gradient_scale(whole, adjoint, u, held, parameters)
    for fixed in (held, other.settle(held, given)):
        assert close(other.currents(u, fixed, given), whole.currents(u, held, parameters), gross, 1e-12)
        assert close(other.gross(u, fixed, given), gross, gross, 1e-9)
        assert list(other.apart(u, fixed, given)) == LOW_RANK["enzymes"]
        found = other.pullback(adjoint, u, fixed, given)[0]
        assert all(close(found[key], value, np.maximum(scale[key], 1e-300), 1e-12) for key, value in gradient.items())


def test_ranges_that_are_too_wide_are_given_up():
    _, functions, parameters, held, u, _ = subject(ENZYMES)
    held[:, :6] = np.linspace(-100, 100, held[:, :6].size).reshape(-1, 6)
    given, whole = functions.prepare(parameters), plain(ENZYMES)
    for fixed in (held, functions.settle(held, given)):
        assert set(functions.apart(u, fixed, given)) >= {"a", "b", "e"}
        wanted, gross = whole.currents(u, held, parameters), whole.gross(u, held, parameters)
        assert close(functions.currents(u, fixed, given), wanted, gross)


def test_sharp_dots_are_evaluated_one_by_one():
    sharp = DOTS.replace("dephasing = 40 GHz", "dephasing = 0.01 GHz").replace(
        "gamma = G, coupling = 3 GHz, dephasing = 0.01", "gamma = 0.02 GHz, coupling = 0.005 GHz, dephasing = 0.01"
    )
    _, functions, parameters, held, u, _ = subject(sharp)
    given = functions.prepare(parameters)
    whole = plain(sharp)
    settled = functions.settle(held, given)
    gross = whole.gross(u, held, parameters)
    assert close(functions.currents(u, settled, given), whole.currents(u, held, parameters), gross)
    assert functions.apart(u, settled, given) == ("b",)


@pytest.mark.parametrize("name", choice.names())
def test_shared_parameters_may_get_one_value_per_device(name):
    _, other, parameters, held, u, _ = subject(ENZYMES, name)
    whole = plain(ENZYMES)
    parameters["e.k_cat"] = parameters["e.k_cat"] * np.random.default_rng(0).uniform(1, 2, (3, 6, 5))
    given = other.prepare(parameters)
    fixed = other.settle(held, given)
    gross = whole.gross(u, held, parameters)
    assert close(other.currents(u, fixed, given), whole.currents(u, held, parameters), gross)
    assert set(other.apart(u, fixed, given)) >= set(LOW_RANK["enzymes"])


def test_halves_have_the_precision_of_what_is_given():
    _, functions, parameters, held, u, _ = subject(ENZYMES)
    small = {name: value.astype(np.float32) for name, value in parameters.items()}
    given, tiered = functions.prepare(small), functions.currents.__self__
    settled = functions.settle(held.astype(np.float32), given)
    places = tiered.places(u.astype(np.float32), settled, given)
    wanted = plain(ENZYMES).fluxes(u, held, parameters)["a"][0]
    for family, state in tiered._states(slice(None), u.astype(np.float32), settled, places, low_rank.State):
        if family.code.name == "a":
            flow, slope = state.flow(family.right), state.flow_slope(family.right, 1)
            assert flow.dtype == slope.dtype == np.float32
            assert close(flow, wanted.sum(axis=1), np.abs(wanted).sum(axis=1), 1e-5)


@pytest.mark.parametrize("name", choice.names())
def test_complex_potentials(name):
    _, other, parameters, held, u, _ = subject(ENZYMES, name)
    whole = plain(ENZYMES)
    moved = u + 0j
    moved[:, 0] += 1e-30j
    for fixed in (held, other.settle(held, other.prepare(parameters)), other.settle(held + 0j, parameters)):
        slope = other.currents(moved, fixed, parameters).imag / 1e-30
        np.testing.assert_allclose(slope[:, 0], whole.linearise(u, held, parameters)[1][0, 0][:, 0], rtol=1e-12)


# --- solutions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", choice.names())
@pytest.mark.parametrize("model", TEXTS)
def test_steady_states_and_their_gradients(model, name, monkeypatch):
    network = loaded(TEXTS[model], name)
    monkeypatch.setattr(tiers, "FEW", 10**9)
    other = crncompile.loads(TEXTS[model])
    assert {family.tier for family in other.program.families} == {"elementwise"}
    (group,) = network.inputs
    x = inside(group, np.random.default_rng(0), 7)
    found, wanted = (n.solve(x=x, raw=False).raise_for_failure() for n in (network, other))
    np.testing.assert_allclose(found.u, wanted.u, atol=1e-8)
    exact = network.functions.exact
    given = exact.prepare(found.parameters)
    equations = Equations.of(exact, given, exact.settle(found.held, given), found.u, None)
    polished = polish(equations, found.u)
    assert polished.residual.max() <= 1e-12
    np.testing.assert_allclose(polished.u, wanted.u, atol=1e-9)
    slopes = [n.gradient(wanted, {"z": np.ones(7)})[0] for n in (network, other)]
    for key, value in network.parameters().items():
        np.testing.assert_allclose(slopes[0][key] * value, slopes[1][key] * value, rtol=1e-7, atol=1e-9)
