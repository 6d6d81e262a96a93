"""What is particular to jax: its precision, its compilations, its tiles; and every device of the library."""

from pathlib import Path

import numpy as np
import pytest
from symbolic.kinds import LIBRARY

import crncompile
from backends.random_networks import CHARGE, MOLECULES, random_network
from backends.test_agreement import SMALL, TOLERANCE, examine, gradient_scale, subject
from backends.test_kernels import POINTS, Generated
from backends.test_tiers import DOTS, ENZYMES
from backends.test_tiers import examine as examine_products
from crncompile.backends import choice
from crncompile.backends.jax_precision import fits, wide_kernels
from crncompile.backends.kernel_text import kernel_functions
from crncompile.backends.load import load_module
from crncompile.errors import DataError
from crncompile.program import build, tiers

MODELS = Path(__file__).parents[2] / "models"
SINGLE, TINY = 1e-5, 1e-35
CHAIN = """
network chain temperature 100 mK
index j = 1..{0}
reservoir x = input(range = [-3 kT, 3 kT])
reservoir h[j] = floating(capacitance = 10 pF)
reservoir y = output(capacitance = 10 pF)
dot a[j in 1..{1}]: h[j] -> h[j + 1] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot b[j]: x -> h[j] = resonant_dot(gamma_left = 1 GHz, gamma_right = train loguniform(0.1 GHz, 1 GHz), level = 1 kT)
dot c: h[1] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 1 kT)
"""


@pytest.fixture(autouse=True)
def _installed(jax):
    """Run where jax is installed."""


def loaded(network):
    return choice.load(network.program, "jax")


# --- devices ----------------------------------------------------------------------------------------------------------


def traced(generated, dtype):
    """Give the functions of a device for jax: one of its text's, and derivatives of its values by all arguments."""
    import jax

    from crncompile.backends.jax_runtime import in_double

    text = kernel_functions(generated.kernel, "device")
    module = load_module(f"from crncompile.backends.jax_runtime import *\n\n\n{text}", "test:jax")
    arguments = [s.name for s in (*generated.kernel.terminals, *generated.kernel.parameters)]
    values = [np.broadcast_to(generated.values[name], (POINTS,)) for name in arguments]
    wide = dtype == np.float32 and not fits(generated.kernel, values)
    values = [value.astype(dtype) for value in values]

    def device(suffix):
        function = getattr(module, f"device{suffix}")
        return in_double(function) if wide else function

    def run(suffix):
        with jax.enable_x64(True):
            outputs = jax.jit(device(suffix))(*values)
        assert {output.dtype for output in outputs} == {np.dtype(dtype)}
        return np.array([np.broadcast_to(output, (POINTS,)) for output in outputs])

    def pull(weights):
        def weighted(*values):
            return sum((w * flux).sum() for w, flux in zip(weights.astype(dtype), device("")(*values), strict=True))

        with jax.enable_x64(True):
            slopes = jax.jit(jax.grad(weighted, tuple(range(len(values)))))(*values)
        return dict(zip(arguments, map(np.asarray, slopes), strict=True))

    return run, pull


@pytest.mark.parametrize("device", LIBRARY)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_devices(device, dtype):
    """Values, slopes, and jax's own derivatives of the values, are those of the reference."""
    generated = Generated(device)
    run, pull = traced(generated, dtype)
    tolerance = TOLERANCE if dtype == np.float64 else SINGLE
    gross, count, kernel = generated.run("_gross"), len(generated.law.fluxes), generated.kernel
    assert np.all(np.abs(run("") - generated.run("")) <= tolerance * gross + TINY)
    assert np.all(np.abs(run("_gross") - gross) <= tolerance * gross + TINY)
    found, wanted = run("_slopes")[count:], generated.run("_slopes")[count:]
    for (flux, terminal), slope, right in zip(kernel.slope_of, found, wanted, strict=True):
        size = gross[flux] / np.abs(generated.values[kernel.terminals[terminal].name])
        assert np.all(np.abs(slope - right) <= tolerance * (np.abs(right) + size) + TINY)
    weights = np.random.default_rng(5).normal(size=(count, POINTS))
    found = pull(weights)
    for name, right in zip(kernel.pulled, generated.run("_pull", weights=weights), strict=True):
        size = (np.abs(weights) * gross).sum(axis=0) / np.abs(generated.values[name])
        assert np.all(np.abs(found[name] - right) <= tolerance * (np.abs(right) + size) + TINY), name


def test_what_single_precision_does_not_hold():
    """Four states joined by GHz are; two are not."""
    (wide,) = wide_kernels(crncompile.load(MODELS / "sine_dots.tnet").program)
    assert wide == "double_dot"
    assert wide_kernels(crncompile.load(MODELS / "mnist_enzymes.tnet").program) == set()


def test_products_that_single_precision_does_not_hold(monkeypatch):
    """Then the family is evaluated device by device, in double."""
    monkeypatch.setattr(tiers, "FEW", 0)
    monkeypatch.setattr("crncompile.backends.jax_precision.LARGEST", 0.0)
    network = crncompile.loads(DOTS)
    assert wide_kernels(network.program) == {family.kernel for family in network.program.families}
    examine_single(network)


# --- precision --------------------------------------------------------------------------------------------------------


def single(arrays):
    return {name: np.asarray(value, np.float32) for name, value in arrays.items()}


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("text", [SMALL, DOTS, ENZYMES, *(random_network(p, 1).text for p in (CHARGE, MOLECULES))])
def test_single_precision(text, sparse, monkeypatch):
    monkeypatch.setattr(tiers, "FEW", 0)
    monkeypatch.setattr(tiers, "split_cost", lambda *_: 0.0)
    monkeypatch.setattr(build, "pays", lambda *_: sparse)
    examine_single(crncompile.loads(text))


@pytest.mark.parametrize("model", sorted(MODELS.glob("*.tnet")), ids=lambda path: path.stem)
def test_models_in_single_precision(model):
    examine_single(crncompile.load(model))


def examine_single(network):
    reference, parameters, held, u, adjoint = subject(network.program, network)
    other = loaded(network)
    given = other.prepare(single(parameters))
    held32, u32, adjoint32 = (array.astype(np.float32) for array in (held, u, adjoint))
    gross = reference.gross(u, held, parameters)
    into, jacobian = other.linearise(u32, other.settle(held32, given), given)
    wanted_into, wanted = reference.linearise(u, held, parameters)
    pairs = [(jacobian[k], wanted[k]) for k in wanted] if isinstance(wanted, dict) else [(jacobian, wanted)]
    for value in (into, other.gross(u32, held32, given), *(value for value, _ in pairs)):
        assert value.dtype == np.float32
    assert np.all(np.abs(into - wanted_into) <= SINGLE * gross)
    for value, right in pairs:
        assert np.all(np.abs(value - right) <= SINGLE * np.abs(right).max(initial=1e-30))
    gradient, to_held = other.pullback(adjoint32, u32, held32, given)
    scale = gradient_scale(reference, adjoint, u, held, parameters)
    wanted_gradient, wanted_held = reference.pullback(adjoint, u, held, parameters)
    for key, right in wanted_gradient.items():
        assert gradient[key].dtype == np.float32
        assert np.all(np.abs(gradient[key] - right) <= SINGLE * np.maximum(scale[key], 1e-30)), key
    assert np.all(np.abs(to_held - wanted_held) <= SINGLE * np.abs(wanted_held).max(initial=1e-30))


def test_double_precision_where_anything_has_it():
    network = crncompile.loads(SMALL)
    _, parameters, held, u, _ = subject(network.program, network)
    assert loaded(network).currents(u.astype(np.float32), held, single(parameters)).dtype == float


def test_jax_stays_as_its_user_has_set_it(jax):
    network = crncompile.loads(SMALL, backend="jax")
    before = jax.config.jax_enable_x64
    solution = network.solve(x=[0.0, 1.0, 2.0]).raise_for_failure()
    network.gradient(solution, {"z": np.ones(1)})
    assert jax.config.jax_enable_x64 == before
    assert jax.numpy.ones(3).dtype == (float if before else np.float32)


# --- compilations and tiles -------------------------------------------------------------------------------------------


def test_few_sizes_of_batches_are_compiled_for(monkeypatch):
    network = crncompile.loads(SMALL)
    other = loaded(network)
    _, parameters, held, u, _ = subject(network.program, network, batch=300)
    given = other.prepare(parameters)
    traces, traced_currents = [], given.compiled.network.currents

    def counted(u, held, given):
        traces.append(len(u))
        return traced_currents(u, held, given)

    monkeypatch.setattr(given.compiled.network, "currents", counted)
    for batch in (*range(1, 20), 100, 250, 300):
        assert other.currents(u[:batch], held[:batch], given).shape == (batch, u.shape[1])
    assert len(traces) == 1
    assert traces[0] >= 300


def test_compiled_code_does_not_grow_with_edges(jax):
    """Neither the code nor the constants in it."""
    lengths = []
    for count in (60, 600):
        network = crncompile.loads(CHAIN.format(count, count - 1))
        _, parameters, held, u, _ = subject(network.program, network)
        given = loaded(network).prepare(parameters)
        with jax.enable_x64(True):
            lowered = jax.jit(given.compiled.network.linearise).lower(u, held, given.given)
        lengths.append(len(lowered.as_text()))
    assert lengths[1] <= 1.1 * lengths[0]


@pytest.mark.parametrize("text", [SMALL, DOTS, ENZYMES], ids=["small", "dots", "enzymes"])
def test_tiles_and_pieces_of_a_batch(text, monkeypatch):
    monkeypatch.setattr("crncompile.backends.jax_backend.LITTLE", 1)
    monkeypatch.setattr("crncompile.backends.jax_backend.AT_ONCE", 1 << 8)
    monkeypatch.setattr("crncompile.backends.jax_backend.TILES", {})
    monkeypatch.setattr("crncompile.backends.jax_backend.TILE", 40)
    network = crncompile.loads(text)
    (examine if text is SMALL else examine_products)(network, "jax", batch=11)


def test_results_may_be_written_to():
    network = crncompile.loads(SMALL)
    other = loaded(network)
    _, parameters, held, u, adjoint = subject(network.program, network)
    into, blocks = other.linearise(u, held, parameters)
    gradient, to_held = other.pullback(adjoint, u, held, parameters)
    arrays = (into, *blocks.values(), to_held, *gradient.values())
    assert all(array.flags.writeable for array in arrays if array.ndim)


# --- devices to compute on --------------------------------------------------------------------------------------------


def test_no_device_is_told(jax, monkeypatch):
    def none():
        raise RuntimeError("no GPU was found")

    monkeypatch.setattr(jax, "devices", none)
    with pytest.raises(DataError, match="the backend jax finds no device to compute on: no GPU was found"):
        crncompile.loads(SMALL, backend="jax")


def test_what_an_older_xla_does_not_know_is_not_asked_of_it(jax, monkeypatch):
    from crncompile.backends import jax_backend

    monkeypatch.setattr(jax_backend, "_WANTED", {"no_such_word": ""})
    jax_backend._options.cache_clear()
    try:
        examine(crncompile.loads(SMALL), "jax")
    finally:
        jax_backend._options.cache_clear()
