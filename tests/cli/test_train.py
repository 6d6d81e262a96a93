"""``crncompile train`` and ``evaluate``."""

import json

import numpy as np
import pytest

from crncompile.cli import progress
from crncompile.learn.recorder import Progress

LINE = "x,volts\n" + "".join(f"{x},{2 * x - 7}\n" for x in range(11))
BITS = "x[1],x[2],x[3],label\n" + "".join(f"{n & 1},{n >> 1 & 1},{n >> 2 & 1},{1 + (n & 1)}\n" for n in range(8))


@pytest.fixture
def line(tmp_path):
    """Targets that the divider meets exactly: y = 0.75 x - 0.25 with x from -1 to 1, so gain 40/3, offset 19/3."""
    (tmp_path / "line.csv").write_text(LINE)
    return "line.csv"


def test_training_meets_a_line_and_evaluation_agrees(crn, line, tmp_path):
    result = crn("train", "divider.tnet", "--data", line, "-o", "p.npz", "--json")
    content = json.loads(result.stdout)
    assert result.exit_code == 0
    assert content["loss"] == content["mse"] < 1e-18
    assert (content["unconverged"], content["interrupted"], content["seed"]) == (0, False, 0)
    assert content["optimizer"] == "levenberg_marquardt"
    with np.load(tmp_path / "p.npz") as arrays:
        assert float(arrays["gain"]) == pytest.approx(40 / 3)
        assert float(arrays["offset"]) == pytest.approx(19 / 3)
    again = crn("evaluate", "divider.tnet", "--data", line, "--parameters", "p.npz", "--json")
    assert json.loads(again.stdout)["mse"] == content["mse"]


def test_what_training_says(crn, line):
    result = crn("train", "divider.tnet", "--data", line, "--optimizer", "lm", "--starts", "2", "--seed", "5")
    assert result.exit_code == 0
    assert "11 samples, 0 unconverged" in result.stdout
    assert "levenberg_marquardt, " in result.stdout
    assert "seed 5: finished" in result.stdout
    assert "11 stable, residual <= " in result.stdout
    assert "-o P.npz writes them" in result.stderr


def test_untrained_evaluation(crn, line):
    result = crn("evaluate", "divider.tnet", "--data", line)
    assert result.exit_code == 0
    x = np.arange(11)
    mse = np.mean((0.75 * (x / 5 - 1) - 0.25 - (2 * x - 7)) ** 2)
    assert result.stdout.startswith(f"mse {mse:.4g}: 11 samples, 0 unconverged\n11 stable")
    assert "drawn with seed 0" in result.stderr


def test_classes(crn, tmp_path):
    (tmp_path / "bits.csv").write_text(BITS)
    result = crn(
        "train", "classes.tnet", "--data", "bits.csv", "--epochs", "20", "-o", "p.npz", "--plot", "p.png", "--json"
    )
    content = json.loads(result.stdout)
    assert content["optimizer"] == "adam"
    assert content["accuracy"] == 1.0
    assert "mse" not in content
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    result = crn("evaluate", "classes.tnet", "--data", "bits.csv", "--parameters", "p.npz")
    assert result.stdout.startswith("accuracy 1, loss ")


def test_ctrl_c_keeps_the_best_so_far(crn, line, tmp_path, monkeypatch):
    reports = []

    def interrupt(self, report):
        reports.append(report)
        if len(reports) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress.Reporter, "__call__", interrupt)
    result = crn("train", "divider.tnet", "--data", line, "-o", "p.npz", "--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout)["interrupted"] is True
    assert "the best parameters so far are kept" in result.stderr
    assert crn("evaluate", "divider.tnet", "--data", line, "--parameters", "p.npz").exit_code == 0


def test_a_training_that_loses_all_its_states_fails(crn, tmp_path):
    """And the parameters that it writes are those before."""
    crn("new", "t_dots")
    words = ("t_dots.tnet", "--data", "t_dots.csv")
    result = crn("train", *words, "--optimizer", "sgd", "--rate", "1e6", "--epochs", "5", "-o", "p.npz", "--json")
    assert result.exit_code == 1
    content = json.loads(result.stdout)
    assert content["diverged"] is True
    assert content["unconverged"] == 0
    assert "error: diverged, the last good parameters are kept: 41 of 41 samples have no steady state" in result.stderr
    assert crn("evaluate", *words, "--parameters", "p.npz").exit_code == 0


def test_training_goes_on_from_parameters(crn, line):
    crn("train", "divider.tnet", "--data", line, "-o", "p.npz")
    result = crn("train", "divider.tnet", "--data", line, "--parameters", "p.npz", "--starts", "1", "--json")
    assert json.loads(result.stdout)["evaluations"] <= 5


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--rule", "adjiont"], 2, "there is no learning rule adjiont; did you mean adjoint?"),
        (["--optimizer", "lm", "--epochs", "3"], 2, "levenberg_marquardt has no setting epochs"),
        (["--parameters", "none.npz"], 1, "none.npz can not be read: No such file"),
        (["-o", "no/such/p.npz"], 1, "no/such/p.npz can not be written: there is no folder no/such"),
    ],
)
def test_what_is_said_before_training(crn, line, words, status, said):
    result = crn("train", "divider.tnet", "--data", line, *words)
    assert (result.exit_code, result.stdout) == (status, "")
    assert said in result.stderr


def test_data_out_of_range_are_told(crn, tmp_path):
    (tmp_path / "d.csv").write_text("x,volts\n0,1\n12,2\n")
    result = crn("evaluate", "divider.tnet", "--data", "d.csv")
    assert result.exit_code == 0
    assert "warning: d.csv: line 3, column 1 (x): 12 is outside the data range [0, 10] of x" in result.stderr


def test_evaluation_names_samples_without_a_steady_state(crn, tmp_path, hasty):
    (tmp_path / "d.csv").write_text("B,inhibitor\n1,1\n4,4\n")
    result = crn("evaluate", "brusselator.tnet", "--data", "d.csv", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["unconverged"] == 1
    assert "sample 1: no steady state within 40 steps" in result.stderr


def report(seconds, fraction=0.25):
    return Progress(2, 4, 17, 1.5e-3, 2e-5, 1, fraction, seconds)


def test_progress_in_words():
    assert progress.in_words(report(10.0)) == "start 2 of 4, loss 1.50e-03, best 2.00e-05, 1 unconverged, 30 s left"
    assert "time left unknown" in progress.in_words(report(1.0, 0.0))


def test_progress_away_from_a_terminal_is_a_line_now_and_then(capsys):
    with progress.Reporter() as reporter:
        for seconds in (1.0, 10.5, 11.0, 20.0, 21.0):
            reporter(report(seconds))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" s:")[0] for line in lines] == ["10", "21"]


def test_progress_on_a_terminal_is_a_bar(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with progress.Reporter() as reporter:
        reporter(report(1.0))
        assert reporter.bar.tasks[0].completed == 0.25


def test_training_by_a_measured_rule_says_what_it_is_worth(crn, line):
    words = ("train", "divider.tnet", "--data", line, "--rule", "eqprop", "--nudge", "0.01")
    result = crn(*words, "--starts", "1")
    assert result.exit_code == 0
    assert "eqprop: cosine 1 with the exact gradient, asymmetry of the Jacobian 0 at the start" in result.stdout
    content = json.loads(crn(*words, "--json").stdout)
    assert content["rule"] == "eqprop"
    assert content["judgements"][0]["cosine"] == pytest.approx(1)


def test_rules_are_compared(crn, line, tmp_path):
    words = ("train", "divider.tnet", "--data", line, "--compare-rules")
    result = crn(*words, "--plot", "rules.png")
    assert result.exit_code == 0
    assert "exact only where every current depends on the bias alone: coupled, " in result.stdout
    assert "response_one_sided" in result.stdout
    assert (tmp_path / "rules.png").read_bytes().startswith(b"\x89PNG")
    content = json.loads(crn(*words, "--json").stdout)
    by_name = {row["rule"]: row for row in content["rules"]}
    assert "adjoint" not in by_name
    assert by_name["response"]["errors"][-1] < 1e-6
    assert len(by_name["finite"]["cosines"]) == len(content["nudges"])
