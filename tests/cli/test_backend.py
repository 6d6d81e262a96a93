"""``--backend``: another backend answers the same, and one that is not there is told."""

import json

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
    assert result.exit_code == 1
    assert "there is no backend fortran; known here: c, numpy" in result.stderr
