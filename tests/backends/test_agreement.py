"""All backends give the same numbers: every device of the library, every model, irregular and sparse networks."""

import ctypes
import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from program.chains import network_text

import crncompile
from backends.random_networks import CHARGE, MOLECULES, random_network
from crncompile.backends import c_library, choice
from crncompile.errors import DataError
from crncompile.program import build

MODELS = Path(__file__).parents[2] / "models"
TOLERANCE = 1e-12
OTHERS = [name for name in choice.names() if name != "numpy"]
SMALL = """
network small temperature 100 mK
index i = 1..3
index j = 1..5
reservoir x[i] = input(range = [-3 kT, 3 kT])
reservoir low = fixed(at = train -2 kT)
reservoir h[j] = floating(capacitance = 10 pF)
reservoir y = output(capacitance = 10 pF)
dot a[i, j]: x[i] -> h[j] = resonant_dot(gamma_left = 1 GHz, level = 1 kT,
    gamma_right = train loguniform(0.1 GHz, 1 GHz))
dot b[j]: h[j] -> y gate x[2] = gated_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = train normal(0 kT, 1 kT))
dot c[j in 1..4]: h[j] -> h[j + 1] = double_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, coupling = 3 GHz,
    dephasing = 13 GHz, level = 0 kT, detuning = 1 kT, lever = 0.5)
dot d: y -> low = linear_conductance(conductance = 1 uS)
readout z = y / 1 kT
"""


def subject(program, network, seed=0, batch=3):
    """Random potentials, held potentials, adjoints and parameters of a network."""
    rng = np.random.default_rng(seed)
    reference = choice.load(program, "numpy").exact
    parameters = network.parameters(seed=seed)
    inputs = {group.name: inside(group, rng, batch) for group in network.inputs}
    held = reference.hold(inputs, parameters)
    size = len(reference.structure.reservoirs)
    u = reference.start(parameters)[None] + rng.uniform(-1, 1, (batch, size))
    return reference, parameters, held, u, rng.normal(size=(batch, size))


def inside(group, rng, batch):
    low, high = group.coding.range
    return low + (high - low) * rng.random((batch, *group.shape))


def agree(value, wanted, scale):
    return np.all(np.abs(value - wanted) <= TOLERANCE * scale)


def examine(network, name, seed=0, batch=3):
    """Compare one backend with the reference on a network, by the exact laws."""
    reference, parameters, held, u, adjoint = subject(network.program, network, seed, batch)
    other = choice.load(network.program, name).exact
    given = other.prepare(parameters)
    gross = reference.gross(u, held, parameters)
    assert agree(other.currents(u, held, given), reference.currents(u, held, parameters), gross)
    assert agree(other.gross(u, held, given), gross, gross)
    into, jacobian = other.linearise(u, held, given)
    wanted_into, wanted = reference.linearise(u, held, parameters)
    assert agree(into, wanted_into, gross)
    pairs = [(jacobian[k], wanted[k]) for k in wanted] if isinstance(wanted, dict) else [(jacobian, wanted)]
    assert not isinstance(wanted, dict) or set(jacobian) == set(wanted)
    for value, right in pairs:
        assert value.shape == right.shape
        assert agree(value, right, np.abs(right).max(initial=1e-300))
    gradient, to_held = other.pullback(adjoint, u, held, given)
    wanted_gradient, wanted_held = reference.pullback(adjoint, u, held, parameters)
    scale = gradient_scale(reference, adjoint, u, held, parameters)
    assert set(gradient) == set(wanted_gradient)
    for key, right in wanted_gradient.items():
        assert gradient[key].shape == right.shape
        assert agree(gradient[key], right, np.maximum(scale[key], 1e-300))
    assert agree(to_held, wanted_held, np.abs(wanted_held).max(initial=1e-300))


def gradient_scale(reference, adjoint, u, held, parameters):
    """Largest derivative of any sample and element: what a sum's rounding errors are relative to."""
    apart, _ = reference.pullback(adjoint, u, held, parameters, per_sample=True)
    return {name: 10 * np.abs(value).max() for name, value in apart.items()}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pool", [CHARGE, MOLECULES], ids=["charge", "molecules"])
def test_random_networks(pool, seed, name):
    examine(crncompile.loads(random_network(pool, seed).text), name, seed)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("model", sorted(MODELS.glob("*.tnet")), ids=lambda path: path.stem)
def test_models(model, name):
    examine(crncompile.load(model), name)


@pytest.mark.parametrize("name", OTHERS)
def test_devices_with_many_states(name):
    examine(crncompile.loads(network_text("complete", 16)), name)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("sparse", [False, True])
def test_small_network(sparse, name, monkeypatch):
    monkeypatch.setattr(build, "pays", lambda *_: sparse)
    examine(crncompile.loads(SMALL), name)


@pytest.mark.parametrize("name", OTHERS)
def test_solutions_and_gradients(name):
    networks = [crncompile.loads(SMALL, backend=backend) for backend in ("numpy", name)]
    x = np.random.default_rng(2).uniform(-3, 3, (40, 3))
    solutions = [network.solve(x=x) for network in networks]
    assert list(solutions[1].certificate.status) == list(solutions[0].certificate.status)
    assert solutions[1].certificate.backend == name
    np.testing.assert_allclose(solutions[1].readouts["z"], solutions[0].readouts["z"], rtol=1e-10, atol=1e-11)
    pairs = zip(networks, solutions, strict=True)
    gradients = [network.gradient(found, {"z": np.ones(40)})[0] for network, found in pairs]
    for key, value in gradients[0].items():
        np.testing.assert_allclose(gradients[1][key], value, rtol=1e-8, atol=1e-10 * np.abs(value).max(initial=0))


@pytest.mark.parametrize("name", OTHERS)
def test_names_and_texts_of_the_user_stay_out_of_code(name):
    text = (
        SMALL.replace("h[", "η[")
        .replace("dot b[j]", "dot b # */ system(0); /*\n[j]")
        .replace("dot d:", "dot double_t:")
    )
    examine(crncompile.loads(text), name)


@pytest.mark.parametrize("name", OTHERS)
def test_one_value_for_each_device_in_place_of_one(name):
    network = crncompile.loads(SMALL)
    levels = {"a.level": np.random.default_rng(0).normal(size=(3, 5))}
    reference, parameters, held, u, _ = subject(network.program, network)
    parameters = {**parameters, **levels}
    other = choice.load(network.program, name)
    gross = reference.gross(u, held, parameters)
    assert agree(other.currents(u, held, parameters), reference.currents(u, held, parameters), gross)


@pytest.mark.parametrize("name", OTHERS)
def test_complex_potentials_are_those_of_the_reference(name):
    network = crncompile.loads(SMALL)
    reference, parameters, held, u, _ = subject(network.program, network)
    other = choice.load(network.program, name)
    np.testing.assert_equal(
        other.linearise(u + 0.1j, held, parameters), reference.linearise(u + 0.1j, held, parameters)
    )


@pytest.mark.parametrize("name", OTHERS)
def test_samples_do_not_depend_on_their_neighbours(name, monkeypatch):
    monkeypatch.setattr("crncompile.backends.c_families.WORTH_A_THREAD", 1)
    network = crncompile.loads(SMALL)
    other = choice.load(network.program, name)
    _, parameters, held, u, adjoint = subject(network.program, network, batch=17)
    given = other.prepare(parameters)
    whole = other.currents(u, held, given)
    apart = np.concatenate([other.currents(u[b : b + 1], held[b : b + 1], given) for b in range(17)])
    np.testing.assert_array_equal(whole, apart)
    gradient, _ = other.pullback(adjoint, u, held, given)
    again, _ = other.pullback(adjoint, u, held, given)
    for key, value in gradient.items():
        np.testing.assert_array_equal(value, again[key])


# --- choosing ---------------------------------------------------------------------------------------------------------


def test_an_unknown_backend_is_named():
    with pytest.raises(DataError, match="there is no backend fortran; known here: c, jax, numpy"):
        crncompile.loads(SMALL, backend="fortran")


def test_an_import_path_is_a_backend(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("from crncompile.backends.numpy_backend import load\n")
    monkeypatch.syspath_prepend(tmp_path)
    network = crncompile.loads(SMALL, backend="mine")
    assert network.solve(x=[0.0, 0.0, 0.0]).certificate.backend == "mine"


# --- the compiler and its cache ---------------------------------------------------------------------------------------


def test_a_missing_compiler_is_told(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda *_: None)
    with pytest.raises(DataError, match=r"needs a C compiler: cc, gcc, clang or what \$CC names"):
        crncompile.loads(SMALL, backend="c")


def test_a_compiler_that_fails_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("CRNCOMPILE_CACHE", str(tmp_path))
    false = tmp_path / "cc"
    false.write_text("#!/bin/sh\necho no space left >&2\nexit 1\n")
    false.chmod(0o755)
    monkeypatch.setenv("CC", str(false))
    with pytest.raises(DataError, match="could not compile the network: no space left"):
        crncompile.loads(SMALL, backend="c")


def test_a_damaged_library_is_made_anew(compiler, monkeypatch, tmp_path):
    monkeypatch.setenv("CRNCOMPILE_CACHE", str(tmp_path))
    text = "int three(void) { return 3; }"
    assert c_library.shared_library(text).three() == 3
    (library,) = tmp_path.glob("*.so")
    # A process keeps a library that it has loaded: another one reads the file anew.
    library.unlink()
    library.write_bytes(b"no library")
    code = f"from crncompile.backends.c_library import shared_library; print(shared_library({text!r}).three())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "3\n"


def test_gradients_are_compiled_when_they_are_asked_for(compiler, monkeypatch, tmp_path):
    monkeypatch.setenv("CRNCOMPILE_CACHE", str(tmp_path))
    net = crncompile.loads(SMALL, backend="c")
    before = set(tmp_path.glob("*.so"))
    _, parameters, held, u, adjoint = subject(net.program, net)
    functions = net.functions
    functions.linearise(u, held, parameters)
    assert set(tmp_path.glob("*.so")) == before
    functions.pullback(adjoint, u, held, parameters)
    assert len(set(tmp_path.glob("*.so")) - before) == 1


def test_libraries_compiled_at_the_same_time(compiler, monkeypatch, tmp_path):
    monkeypatch.setenv("CRNCOMPILE_CACHE", str(tmp_path))
    texts = [f"int number(void) {{ return {n}; }}" for n in (1, 2, 2, 3)]
    assert [library.number() for library in c_library.shared_libraries(texts)] == [1, 2, 2, 3]


def test_a_folder_that_can_not_be_written_is_no_obstacle(compiler, monkeypatch, tmp_path):
    monkeypatch.setenv("CRNCOMPILE_CACHE", str(tmp_path / "file" / "below"))
    (tmp_path / "file").write_text("")
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    library = c_library.shared_library("int four(void) { return 4; }")
    assert isinstance(library, ctypes.CDLL)
    assert library.four() == 4
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_full_disk_is_no_obstacle_and_two_are_told(compiler, monkeypatch, tmp_path):
    monkeypatch.setenv("CRNCOMPILE_CACHE", str(tmp_path / "cache"))
    replaced, full = os.replace, [tmp_path / "cache"]

    def replace(source, target):
        if any(folder in Path(target).parents for folder in full):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        replaced(source, target)

    monkeypatch.setattr(os, "replace", replace)
    assert c_library.shared_library("int five(void) { return 5; }").five() == 5
    assert list((tmp_path / "cache").glob("*")) == []
    full.append(Path(tempfile.gettempdir()))
    with pytest.raises(DataError, match=r"can not be kept in .*cache or .*: No space left on device"):
        c_library.shared_library("int six(void) { return 6; }")


def test_a_compiler_that_finds_the_disk_full_is_called_elsewhere(compiler, monkeypatch, tmp_path):
    monkeypatch.setenv("CRNCOMPILE_CACHE", str(tmp_path / "cache"))
    choosy = tmp_path / "cc"
    choosy.write_text(
        f'#!/bin/sh\ncase "$*" in *{tmp_path / "cache"}*) echo "No space left on device" >&2; exit 1;; esac\n'
        f'exec {c_library.compiler()} "$@"\n'
    )
    choosy.chmod(0o755)
    monkeypatch.setenv("CC", str(choosy))
    assert c_library.shared_library("int seven(void) { return 7; }").seven() == 7


def test_a_forked_process_has_threads_of_its_own(compiler, monkeypatch):
    families = crncompile.loads(SMALL, backend="c").functions.prepare.__self__.every
    parents = families.pool
    assert families.pool is parents
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert families.pool is not parents
