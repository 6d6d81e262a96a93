"""A model with tables, numbers from indices and derived parameters goes through every command."""

import importlib
import json

import numpy as np
import pytest

import crncompile

EDGES = """source,target,gamma [GHz],level,kind
1,2,0.5,-0.3,1
2,3,0.25,0.1,1
3,1,0.8,0.4,2
1,3,0.5,0,1
1,3,0.5,0.2,2
"""
MODEL = """network irregular
temperature 100 mK
table edges = "edges.csv"
index n = 1..3
reservoir x = input(range = [-3 kT, 3 kT], data = [0, 1])
reservoir low = fixed(at = -1 kT)
reservoir h[n] = floating(capacitance = 1 pF * n, start = 0.1 kT * n)
reservoir y = output(capacitance = 10 pF)
parameter half[k] = 0.5 * whole[3 - k]
parameter whole[k] = train lognormal(1 GHz, 0.3)
index k = 1..2
dot w[e in edges where e.source != 2 and e.kind <= 2]: h[e.source] -> h[e.target] = double_dot(
  gamma_left = e.gamma, gamma_right = half[e.kind] * e.kind, level = train e.level * 1 kT in [-6 kT, 6 kT],
  coupling = 3 GHz tolerance 1 %)
dot v[e in edges]: h[e.source] -> h[e.target] = resonant_dot(gamma_left = half[mod(e, 2) + 1], gamma_right = 1 GHz,
                                                             level = 0.1 kT * e)
dot feed: x -> h[1] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot read: h[3] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot drain[n]: h[n] -> low = resonant_dot(gamma_left = 0.1 GHz * n, gamma_right = 1 GHz, level = 0 kT)
readout r = gain * y / 1 kT
parameter gain = train 1
"""


@pytest.fixture
def model(tmp_path):
    (tmp_path / "edges.csv").write_text(EDGES)
    (tmp_path / "m.tnet").write_text(MODEL)
    (tmp_path / "d.csv").write_text("x,r\n0,0.1\n0.5,0.3\n1,0.2\n")
    return "m.tnet"


def done(result):
    assert result.exit_code == 0, result.output
    return result.stdout


def test_check_and_fmt(crn, model, tmp_path):
    found = json.loads(done(crn("check", model, "--json")))
    assert found["mistakes"] == []
    done(crn("check", model, "--verbose"))
    before = crncompile.load(model).solve(x=0.5)
    done(crn("fmt", model))
    after = crncompile.load(tmp_path / model).solve(x=0.5)
    assert np.array_equal(before.u, after.u)


def test_train_and_what_is_made_of_it(crn, model, tmp_path, monkeypatch):
    done(crn("train", model, "--data", "d.csv", "--optimizer", "adam", "--epochs", "3", "-o", "P.npz"))
    scored = json.loads(done(crn("evaluate", model, "--data", "d.csv", "--parameters", "P.npz", "--json")))
    assert scored["unconverged"] == 0
    written = np.load(tmp_path / "P.npz")
    assert {name for name in written if not name.startswith("__")} == {"whole", "w.level", "gain"}
    solved = json.loads(done(crn("solve", model, "--set", "x=0.5", "--parameters", "P.npz", "--json")))
    done(crn("compile", model, "--parameters", "P.npz", "-o", "irregular_solver.py"))
    monkeypatch.syspath_prepend(tmp_path)
    alone = importlib.import_module("irregular_solver").steady_state({"x": 0.5}).readouts["r"]
    assert json.dumps(solved).count(repr(float(alone))[:12])


@pytest.mark.parametrize(
    "words", [("export", "--to", "latex", "-o", "m.tex"), ("plot", "--what", "network", "-o", "m.png")]
)
def test_exports_and_pictures(words, crn, model, tmp_path):
    command, *options = words
    done(crn(command, model, *options))
    assert (tmp_path / options[-1]).stat().st_size > 1000


def test_simulate(crn, model):
    assert "steady state" in crn("simulate", model, "--set", "x=0.5").output


def test_a_mistake_in_a_table_is_told_at_its_place(crn, model, tmp_path):
    (tmp_path / "edges.csv").write_text(EDGES.replace("0.25", "a quarter"))
    result = crn("check", model)
    assert result.exit_code == 1
    assert "edges.csv:3:5: error: a quarter is not a number" in result.output
