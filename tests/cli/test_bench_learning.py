"""``crncompile bench learning``: what is trained, told, drawn and kept when it is interrupted."""

import json

import numpy as np
import pytest

from crncompile.learn import benchmarks
from crncompile.learn.benchmarks import Result, Row, Target, Trained

X = np.linspace(0, 1, 20)[:, None]
REACHED = {
    "sine_enzymes": 1.9e-9,
    "sine_dots": 2.2e-8,
    "sine_no_ndc": 0.0614,
    "digits_dots": 0.9805,
    "xor_dots": 1.0,
    "xor_enzymes": 0.999,
}


class Quick:
    """Stands for a trainer: seeds differ a little."""

    def __init__(self, benchmark, mnist, backend):
        self.benchmark = benchmark
        monotone = X[:, 0] if benchmark.monotone else None
        self.kept = Trained(X, X**2, X**2 + 0.01, monotone)

    def __call__(self, seed, progress):
        if self.benchmark.model == "moons_dots" and seed:
            raise KeyboardInterrupt
        reached = REACHED.get(self.benchmark.model, 0.991)
        cosines = (0.9979, 0.4954) if self.benchmark.rule == "eqprop" else ()
        return Result(
            seed, reached * (1 - 1e-3 * seed), reached, int(self.benchmark.model == "digits_dots"), 8.25, cosines
        )

    def row(self, results):
        b = self.benchmark
        target = Target(0.0613, 0.0736) if b.monotone else b.target
        return Row(b.task, b.model, b.rule, "mse" if b.task in ("sine", "bump") else "accuracy", target, tuple(results))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(benchmarks, "Trainer", Quick)


def test_what_is_printed(crn, golden):
    result = crn("bench", "learning", "--only", "sine,xor,digits_dots", "--seeds", "2")
    assert result.exit_code == 1
    told = "\n".join(line.rstrip() for line in result.stdout.rstrip().split("\n"))
    golden.check("cli/bench-learning.txt", f"{told}\n--- standard error\n{result.stderr.rstrip()}")


def test_as_data(crn):
    result = crn("bench", "learning", "--only", "xor_dots", "--json")
    assert result.exit_code == 0
    content = json.loads(result.stdout)
    assert content["interrupted"] is False
    (row,) = content["rows"]
    assert (row["task"], row["model"], row["rule"], row["measure"]) == ("xor", "xor_dots", "adjoint", "accuracy")
    assert row["target"] == {"low": 1.0, "high": None}
    assert row["met"] is True
    assert row["results"][0]["reached"] == 1.0


def test_ctrl_c_shows_what_was_trained(crn):
    result = crn("bench", "learning", "--only", "xor_dots,moons_dots", "--seeds", "2", "--json")
    assert result.exit_code == 130
    assert "interrupted: this is what was trained until then" in result.stderr
    assert [(row["model"], len(row["results"])) for row in json.loads(result.stdout)["rows"]] == [
        ("xor_dots", 2),
        ("moons_dots", 1),
    ]


def test_sines_are_drawn_side_by_side(crn, tmp_path):
    result = crn("bench", "learning", "--only", "sine", "--plot", "sines.svg")
    assert result.exit_code == 1
    drawn = (tmp_path / "sines.svg").read_text(encoding="utf-8")
    assert drawn.count('<g id="axes_') == 5


def test_a_picture_needs_a_sine(crn):
    result = crn("bench", "learning", "--only", "xor", "--plot", "sines.png")
    assert result.exit_code == 2
    assert "--plot draws what was learned of the sine, and the sine is not among these" in result.stderr
    assert "seed" not in result.stderr


def test_an_unknown_name_is_told(crn):
    result = crn("bench", "learning", "--only", "xo")
    assert result.exit_code == 2
    assert "there is no benchmark xo; did you mean xor?" in result.stderr


def test_help_of_a_part(crn):
    result = crn("bench", "learning", "--help")
    assert result.exit_code == 0
    assert result.output.rstrip().split("\n")[-1].strip().startswith("crncompile bench learning")
    assert crn("bench", "learnin").exit_code == 2
