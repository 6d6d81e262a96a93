"""``--backend``: another backend answers the same, and one that is not there is told."""

import json
import sys

import pytest

from crncompile.backends import c_library
from crncompile.errors import DataError


@pytest.fixture
def compiler():
    """Skip in words where there is no compiler."""
    try:
        c_library.compiler()
    except DataError as error:
        pytest.skip(str(error))


def test_solve(crn, compiler):
    answers = [
        json.loads(crn("solve", "curve.tnet", "--set", "x=0.5", "--json", "--backend", name).stdout)
        for name in ("numpy", "c")
    ]
    assert set(answers[1]["readouts"]) == set(answers[0]["readouts"])
    for name, value in answers[0]["readouts"].items():
        assert answers[1]["readouts"][name] == pytest.approx(value, rel=1e-9)


def test_an_unknown_one(crn):
    result = crn("solve", "curve.tnet", "--set", "x=0.5", "--backend", "fortran")
    assert result.exit_code == 2
    assert "there is no backend fortran; known here: c, jax, numpy" in result.stderr


def test_jax_that_is_not_installed(crn, golden, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(sys.modules, "crncompile.backends.jax_backend", raising=False)
    result = crn("solve", "curve.tnet", "--set", "x=0.5", "--backend", "jax")
    assert result.exit_code == 1
    golden.check("cli/solve/jax-missing.txt", result.stderr.strip())


def test_jax_that_does_not_start(crn, golden, monkeypatch, tmp_path):
    (tmp_path / "jax.py").write_text("raise RuntimeError('jaxlib is older than jax')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    monkeypatch.delitem(sys.modules, "crncompile.backends.jax_backend", raising=False)
    result = crn("solve", "curve.tnet", "--set", "x=0.5", "--backend", "jax")
    assert result.exit_code == 1
    golden.check("cli/solve/jax-broken.txt", result.stderr.strip())
