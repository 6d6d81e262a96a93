"""Standalone modules: equal to the library where the library can not be imported, readable, deterministic."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import crncompile
from crncompile.backends.numpy_backend import elementwise
from crncompile.compiled import CompiledNetwork
from crncompile.export.gathered import Gathered, bodies, gather, outer_imports
from crncompile.export.standalone import standalone_text
from crncompile.program import build

HERE = Path(__file__).parent
MODELS = HERE.parent.parent / "models"
OWN = sorted(path.name for path in MODELS.glob("*.tnet"))
SHARED = ["1_double_dots.tnet", "2_cascade.tnet", "3_brusselator.tnet", "4_mnist.tnet"]
SMALL = """
network small "Two dots' level"
temperature 1 K
index j = 1..2
reservoir x[j] = input(range = [-1 kT, 1 kT])
reservoir y = output(capacitance = 1 pF)
reservoir low = fixed(at = -1 kT)
dot a[j]: x[j] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = train normal(0 kT, 1 kT))
dot b: y -> low = resonant_dot(gamma_left = 1 GHz, gamma_right = 2 GHz, level = 0 kT)
readout out = y / 1 kT
"""


def reference(network, values, count):
    """What a standalone module has to reproduce, as arrays by name: it has the law of each device, and no tiers."""
    network = CompiledNetwork(network.network, network.system, network.program, elementwise(network.program))
    rng = np.random.default_rng(3)
    inputs = {}
    for group in network.inputs:
        low, high = group.coding.range
        inputs[group.name] = low + (high - low) * rng.uniform(0.1, 0.3, (count, *group.shape))
    functions = network.functions
    held = functions.hold(inputs, values)
    u = functions.start(values) + rng.normal(0.0, 1.0, (count, len(functions.structure.reservoirs)))
    solution = network.solve_held(held, values)
    weights = {name: rng.normal(size=value.shape) for name, value in solution.readouts.items()}
    gradient, to_held = network.gradient(solution, weights)
    return {
        "u": u,
        "held": held,
        "residual": functions.currents(u, held, values),
        "jacobian": functions.jacobian(u, held, values),
        "steady": solution.u,
        "status": solution.certificate.status.astype(str),
        "to_held": to_held,
        **{f"parameter {name}": value for name, value in values.items()},
        **{f"input {name}": value for name, value in inputs.items()},
        **{f"readout {name}": value for name, value in solution.readouts.items()},
        **{f"state {name}": value for name, value in solution.values.items()},
        **{f"weight {name}": value for name, value in weights.items()},
        **{f"gradient {name}": value for name, value in gradient.items()},
    }


def isolated(*arguments):
    return subprocess.run([sys.executable, "-I", *map(str, arguments)], capture_output=True, text=True, check=False)


def compare(path, folder, count):
    network = crncompile.load(path)
    values = network.parameters(seed=1)
    (folder / "solver.py").write_text(standalone_text(network, values, "seed 1"), encoding="utf-8")
    np.savez(folder / "reference.npz", **reference(network, values, count))
    result = isolated(HERE / "isolated.py", folder / "solver.py", folder / "reference.npz")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", SHARED)
def test_shared_models(name, shared, tmp_path):
    compare(shared / "language" / name, tmp_path, 2)


@pytest.mark.parametrize("name", [name for name in OWN if "mnist" not in name])
def test_own_models(name, tmp_path):
    compare(MODELS / name, tmp_path, 2)


@pytest.fixture(scope="module")
def small():
    network = crncompile.loads(SMALL)
    return network, standalone_text(network, network.parameters(), "seed 0")


def test_text_is_deterministic_and_names_no_machine(small):
    text = small[1]
    again = crncompile.loads(SMALL)
    assert standalone_text(again, again.parameters(), "seed 0") == text
    assert str(MODELS.parent) not in text
    assert "20" + "26" not in text.split('"""')[1]
    assert f"crncompile {crncompile.__version__} from the network small, seed 0" in text


def test_text_is_well_formed(small):
    _, text = small
    tree = ast.parse(text)
    modules = {n.module for n in tree.body if isinstance(n, ast.ImportFrom)}
    modules |= {alias.name for n in tree.body if isinstance(n, ast.Import) for alias in n.names}
    assert {name.split(".")[0] for name in modules} <= {*sys.stdlib_module_names, "numpy"}
    defined = [n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    assert len(set(defined)) == len(defined)
    assert {"currents", "jacobian", "steady_state", "gradient", "readouts"} <= set(defined)
    assert all(ast.get_docstring(n) for n in tree.body if isinstance(n, ast.FunctionDef) and n.name[0] != "_")
    assert max(map(len, text.splitlines())) <= 128


def test_demo_prints_readouts_and_certificate(small, tmp_path):
    (tmp_path / "solver.py").write_text(small[1], encoding="utf-8")
    result = isolated("-W", "error", tmp_path / "solver.py")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "small, inputs in the middle of their ranges:"
    assert lines[1].startswith("  out = -")
    assert lines[2].startswith("certificate: 1 stable, residual <= ")


def test_usage_in_the_head_runs(small, tmp_path):
    text = small[1]
    usage = [line[4:] for line in text.split("Use::")[1].split("Units:")[0].splitlines() if line.strip()]
    assert len(usage) == 5
    (tmp_path / "solver.py").write_text(text, encoding="utf-8")
    script = ["import sys", f"sys.path.insert(0, {str(tmp_path)!r})", "from solver import *", "import numpy as np"]
    (tmp_path / "use.py").write_text("\n".join([*script, *usage]), encoding="utf-8")
    result = isolated(tmp_path / "use.py")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("steady_state({})", "no value for the input x; small has the inputs x"),
        ("steady_state({'x': [1.0, 2.0, 3.0]})", "input x is (*batch, *(2,)), not (3,)"),
        ("steady_state({'x': [0.0, 0.0]}, {'nonsense': 1.0})", "small has no parameter nonsense"),
    ],
)
def test_what_does_not_fit_is_told(small, tmp_path, call, message):
    (tmp_path / "solver.py").write_text(small[1], encoding="utf-8")
    (tmp_path / "use.py").write_text(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nfrom solver import *\n{call}\n"
    )
    result = isolated(tmp_path / "use.py")
    assert message in result.stderr


def test_batches_broadcast_and_parameters_change(small, tmp_path):
    (tmp_path / "solver.py").write_text(small[1], encoding="utf-8")
    lines = [
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})",
        "import numpy as np, solver",
        "many = solver.steady_state({'x': np.zeros((2, 3, 2))})",
        "assert many.readouts['out'].shape == (2, 3) and many.states['x'].shape == (2, 3, 2)",
        "other = solver.steady_state({'x': np.zeros(2)}, {'low.at': 0.0})",
        "assert abs(other.readouts['out']) < 1e-12 < abs(many.readouts['out']).min()",
    ]
    (tmp_path / "use.py").write_text("\n".join(lines))
    result = isolated(tmp_path / "use.py")
    assert result.returncode == 0, result.stderr


def test_modules_are_gathered_behind_what_they_import():
    found = gather(["crncompile.solve.steady"], "crncompile.solve")
    place = {module.name: number for number, module in enumerate(found)}
    for module in found:
        assert all(place[other] < place[module.name] for other in module.inner("crncompile.solve"))
    assert {name.split(".")[0] for name in outer_imports(found, "crncompile.solve")} <= {
        *sys.stdlib_module_names,
        "numpy",
    }


def test_private_names_are_told_apart_and_public_ones_refused():
    first = Gathered("p.first", '"""Doc."""\n\nimport os\n\n_LIMIT = 1\n\n\ndef f(x):\n    return x._LIMIT + _LIMIT\n')
    second = Gathered("p.second", '"""Doc."""\n\n_LIMIT = 2\n\n\ndef g(x):\n    return x._LIMIT + _LIMIT\n')
    texts = [text for _, text in bodies([first, second])]
    assert texts[0].startswith("_LIMIT = 1\n")
    assert texts[1] == "_LIMIT_of_second = 2\n\n\ndef g(x):\n    return x._LIMIT + _LIMIT_of_second"
    with pytest.raises(ValueError, match=r"p.third defines f, which another module defines already"):
        bodies([first, Gathered("p.third", "def f():\n    return 1\n")])


def test_a_sparse_jacobian_needs_scipy_and_says_so(monkeypatch, tmp_path):
    assert "with numpy alone." in standalone_text(crncompile.loads(SMALL), crncompile.loads(SMALL).parameters())
    monkeypatch.setattr(build, "pays", lambda *_: True)
    network = crncompile.loads(SMALL)
    text = standalone_text(network, network.parameters())
    assert "with numpy, and scipy for its sparse Jacobian." in text
    (tmp_path / "solver.py").write_text(text, encoding="utf-8")
    code = "import numpy as np, solver; print(solver.steady_state({'x': [0.5, -0.5]}).certificate.status[0])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.stdout, done.stderr) == ("stable\n", "")
