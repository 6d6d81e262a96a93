"""The program as it is handed out: built, unpacked elsewhere and run outside the checkout."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).parent.parent
PARTS = ("crncompile", "grammars", "models", "tests", "examples", "pyproject.toml", "LICENSE", "README.md")
MODEL = """network outside
temperature 100 mK
reservoir x = input(range = [-3 kT, 3 kT])
reservoir y = output(capacitance = 10 pF)
reservoir low = fixed(at = -1 kT)
dot a: x -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot b: y -> low = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
readout r = y / 1 kT
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Copy what a checkout has, so that building leaves nothing in this one."""
    pytest.importorskip("hatchling", reason="the build backend is not installed")
    place = tmp_path_factory.mktemp("build") / "checkout"
    place.mkdir()
    for name in PARTS:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, place / name)
    (place / "README.md").touch()
    return place


def build(checkout, what, out):
    """Build by the backend itself: neither a network nor a new environment is needed."""
    code = f"import hatchling.build as b; print(b.build_{what}({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True)
    return out / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def wheels(checkout, tmp_path_factory):
    """Give a wheel made from the checkout, and one made from the source distribution, as package indices do."""
    out = {origin: tmp_path_factory.mktemp(origin) for origin in ("checkout", "sdist")}
    with tarfile.open(build(checkout, "sdist", out["sdist"])) as archive:
        archive.extractall(out["sdist"], filter="data")
    (unpacked,) = (path for path in out["sdist"].iterdir() if path.is_dir())
    return {
        origin: build(source, "wheel", out[origin]) for origin, source in zip(out, (checkout, unpacked), strict=True)
    }


@pytest.fixture(scope="module")
def installed(wheels, tmp_path_factory):
    """Unpack a wheel, which is what installing a pure one does."""
    place = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheels["sdist"]) as archive:
        archive.extractall(place)
    return place


def run(installed, folder, *arguments):
    """Run Python with the installed package, and not that of the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("COVERAGE_PROCESS_START", None)
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("origin", ["checkout", "sdist"])
def test_the_wheel_carries_its_data(wheels, origin):
    archive = zipfile.ZipFile(wheels[origin])
    names = set(archive.namelist())
    library = {path.name for path in (REPOSITORY / "crncompile" / "library").glob("*.tnet")}
    assert {f"crncompile/library/{name}" for name in library} <= names
    for folder in ("starters", "benchmarks"):
        inside = {path.name for path in (REPOSITORY / "crncompile" / folder).iterdir()}
        assert {f"crncompile/{folder}/{name}" for name in inside} <= names
    models = {path.name for path in (REPOSITORY / "models").iterdir()}
    assert {name.removeprefix("crncompile/models/") for name in names if "/models/" in name} == models
    assert "crncompile/language/tnet.lark" in names
    assert archive.read("crncompile/language/tnet.lark") == (REPOSITORY / "grammars" / "tnet.lark").read_bytes()
    assert not [name for name in names if name.startswith(("tests/", "models/")) or "__pycache__" in name]


def test_the_benchmarks_find_their_models_outside_the_checkout(installed, tmp_path):
    code = "from crncompile.learn.benchmarks import BENCHMARKS, model_file; print(model_file(BENCHMARKS[0].model))"
    done = run(installed, tmp_path, "-c", code)
    assert done.stdout.startswith(str(installed))


def test_a_model_is_checked_outside_the_checkout(installed, tmp_path):
    (tmp_path / "model.tnet").write_text(MODEL, encoding="utf-8")
    done = run(installed, tmp_path, "-c", "import crncompile; print(crncompile.__file__)")
    assert done.stdout.startswith(str(installed))
    done = run(installed, tmp_path, "-m", "crncompile", "check", "model.tnet")
    assert (done.returncode, "error" in done.stderr) == (0, False)
    (tmp_path / "model.tnet").write_text(MODEL.replace("level = 0 kT", "level = 0 GHz"), encoding="utf-8")
    done = run(installed, tmp_path, "-m", "crncompile", "check", "model.tnet", "--json")
    assert done.returncode == 1
    assert [mistake["line"] for mistake in json.loads(done.stdout)["mistakes"]] == [6, 7]


def test_a_model_is_solved_outside_the_checkout(installed, tmp_path):
    (tmp_path / "model.tnet").write_text(MODEL, encoding="utf-8")
    code = "import crncompile; print(float(crncompile.load('model.tnet').solve(x=0.5).readouts['r']))"
    done = run(installed, tmp_path, "-W", "error", "-c", code)
    # two equal dots in a row: the occupation between them is the mean of those of the leads
    fermi = 1 / (1 + np.exp(np.array([-0.5, 1.0])))
    assert float(done.stdout) == pytest.approx(np.log(fermi.mean() / (1 - fermi.mean())), abs=1e-12)
