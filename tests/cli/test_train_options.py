"""``crncompile train``: settings, checkpoints, metrics, images and what is said of them."""

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from crncompile.cli import progress
from crncompile.cli.training import MetricsFile
from crncompile.learn.recorder import Progress

BITS = "x[1],x[2],x[3],label\n" + "".join(f"{n & 1},{n >> 1 & 1},{n >> 2 & 1},{1 + (n & 1)}\n" for n in range(8)) * 3
IMAGES = """network images
temperature 310 K
volume 1 nL
index i = 1..9
index k = 0..9
reservoir x[i] = input(range = [0.1 mM, 1 mM], data = [0, 255])
reservoir y[k] = output(start = 0.5 mM)
reservoir waste = fixed(at = 1 uM)
enzyme up[i, k]: x[i] -> y[k] = michaelis_menten(
    total = train lognormal(1 nM, 1), k_cat = 100 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 100)
reaction leak[k]: y[k] <-> waste = mass_action(k = 0.001 s^-1, K_eq = 100)
classify digit[k] = 5 * ln(y[k] / 1 mM)
training = adam(rate = 0.1, batch = 10, epochs = 2)
"""
ADAM = ["train", "classes.tnet", "--data", "bits.csv", "--validation", "6", "--rate", "0.2"]


@pytest.fixture
def bits(tmp_path):
    (tmp_path / "bits.csv").write_text(BITS)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_settings_from_the_command_line(crn, bits, tmp_path):
    words = [*ADAM, "--setting", "schedule=constant", "--setting", "clip = 1", "--batch", "9", "--epochs", "2"]
    result = crn(*words, "--metrics", "m.jsonl", "--json")
    content = json.loads(result.stdout)
    assert result.exit_code == 0
    assert content["evaluations"] == 4
    assert content["validation"]["samples"] == 6
    assert [line["rate"] for line in lines(tmp_path / "m.jsonl")] == [0.2, 0.2]
    assert [line["epoch"] for line in lines(tmp_path / "m.jsonl")] == [1, 2]
    assert set(lines(tmp_path / "m.jsonl")[0]) == {
        "start", "evaluation", "epoch", "loss", "accuracy", "unconverged", "rate", "validation_loss",
        "validation_accuracy", "validation_unconverged", "seconds", "states_per_second",
    }  # fmt: skip


def test_what_is_said_with_samples_held_back(crn, bits):
    result = crn(*ADAM)
    assert result.exit_code == 0
    assert "18 samples, 0 unconverged" in result.stdout
    assert "\nvalidation: accuracy " in result.stdout
    assert ": 6 samples, 0 unconverged" in result.stdout


def test_the_list_of_settings(crn, golden):
    result = crn("train", "--list-settings")
    assert result.exit_code == 0
    golden.check("cli/training/list-settings.txt", result.stdout)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--setting", "clip"], 2, "clip is no setting: write --setting NAME=VALUE; --list-settings names all"),
        (["--setting", "clipp=1"], 2, "adam has no setting clipp; did you mean clip?"),
        (["--setting", "clip=much"], 2, "clip must be a number, not much"),
        (["--optimizer", "adams"], 2, "there is no optimiser adams; did you mean adam?"),
        (["--optimizer", "lm"], 1, "levenberg_marquardt minimises squares, and this model classifies: use adam"),
        (["--validation", "24"], 1, "would leave the training split empty"),
        (["--resume"], 2, "--resume needs --checkpoint DIR"),
        (["--metrics", "m.txt"], 2, "m.txt must end in .jsonl"),
        (["--backend", "fortran"], 2, "there is no backend fortran"),
    ],
)
def test_what_is_said_of_options(crn, bits, words, status, said):
    result = crn(*ADAM, *words)
    assert (result.exit_code, result.stdout) == (status, "")
    assert said in result.stderr


def test_a_run_is_gone_on_with(crn, bits, tmp_path, monkeypatch):
    """Metrics end up as those of a run that was never stopped, and so do the parameters."""
    words = [*ADAM, "--batch", "6", "--epochs", "5", "--seed", "2"]
    assert crn(*words, "-o", "whole.npz", "--metrics", "whole.jsonl").exit_code == 0

    def interrupt(self, report):
        if report.evaluation == 8:
            raise KeyboardInterrupt

    kept = ["--checkpoint", "run", "--metrics", "m.jsonl"]
    with monkeypatch.context() as patched:
        patched.setattr(progress.Reporter, "__call__", interrupt)
        assert crn(*words, *kept).exit_code == 130
    with (tmp_path / "m.jsonl").open("a") as file:
        file.write('{"evaluation": 9, "epoch": 3}\n{"evalu')  # written after the checkpoint, and cut off
    again = crn(*words, *kept)
    assert again.exit_code == 1
    assert "run/checkpoint.npz is there already: go on from it (resume)" in again.stderr
    assert len((tmp_path / "m.jsonl").read_text().splitlines()) == 4
    result = crn(*words, *kept, "--resume", "-o", "p.npz")
    assert result.exit_code == 0
    plain = [{k: v for k, v in line.items() if "second" not in k} for line in lines(tmp_path / "m.jsonl")]
    assert plain == [{k: v for k, v in line.items() if "second" not in k} for line in lines(tmp_path / "whole.jsonl")]
    with np.load("p.npz") as found, np.load("whole.npz") as wanted:
        assert all(np.array_equal(found[name], wanted[name]) for name in wanted.files)


@pytest.mark.parametrize("kept", [True, False])
def test_a_second_ctrl_c_tells_where_the_checkpoint_is(crn, bits, monkeypatch, kept):
    """The first ends training; the second comes while the best parameters are followed from the stated start."""

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(progress.Reporter, "__call__", interrupt)
    monkeypatch.setattr("crncompile.learn.recorder.Recorder._solve", interrupt)
    result = crn(*ADAM, *(["--checkpoint", "run"] if kept else []))
    assert result.exit_code == 130
    assert "error: interrupted" in result.stderr
    said = "the last checkpoint is run/checkpoint.npz: --checkpoint run --resume goes on from it"
    assert (said in result.stderr) is kept


def test_a_training_that_diverges(crn, tmp_path):
    (tmp_path / "bits.csv").write_text(BITS)
    words = ["train", "classes.tnet", "--data", "bits.csv", "--optimizer", "sgd", "--rate", "1e9", "-o", "p.npz"]
    result = crn(*words)
    assert result.exit_code == 1
    assert "error: diverged, the last good parameters are kept: step " in result.stderr
    assert (tmp_path / "p.npz").exists()


def test_metrics_on_a_full_disk_are_told_once(capsys):
    with MetricsFile(Path("/dev/full"), resumed=False) as metrics:
        for number in range(3):
            metrics({"evaluation": number, "loss": float("inf")})
    said = capsys.readouterr().err
    assert said.count("/dev/full can not be written (No space left on device): training goes on without it") == 1


@pytest.fixture
def mnist(tmp_path):
    """Thirty images of 3 x 3 pixels, whose digit is the brightest pixel, and a model for them."""
    (tmp_path / "images.tnet").write_text(IMAGES)
    (tmp_path / "m").mkdir()
    for name, count in (("train", 30), ("t10k", 20)):
        labels = (np.arange(count) % 9).astype(np.uint8)
        images = np.zeros((count, 3, 3), np.uint8)
        images.reshape(count, 9)[np.arange(count), labels] = 255
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (tmp_path / "m" / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes()))


def test_images_are_trained_on_and_the_others_evaluated(crn, mnist, tmp_path):
    words = ["train", "images.tnet", "--data", "mnist:m", "-o", "p.npz", "--plot", "t.png", "--setting", "shift=1"]
    result = crn(*words)
    assert result.exit_code == 0
    assert "30 samples, 0 unconverged" in result.stdout
    assert "warning: no sample to train on is of class digit[k] = 9" in result.stderr
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
    result = crn("evaluate", "images.tnet", "--data", "mnist:m", "--parameters", "p.npz", "--json")
    assert json.loads(result.stdout)["samples"] == 20
    result = crn("evaluate", "images.tnet", "--data", "mnist:m:train", "--parameters", "p.npz")
    assert "30 samples" in result.stdout
    assert "there is no folder no; write mnist:FOLDER" in crn("train", "images.tnet", "--data", "mnist:no").stderr


def test_a_picture_of_samples_held_back(crn, mnist, tmp_path):
    words = ["train", "images.tnet", "--data", "mnist:m", "--validation", "9", "--plot", "t.svg"]
    assert crn(*words).exit_code == 0
    assert (tmp_path / "t.svg").stat().st_size > 10_000


def test_progress_in_words_of_a_descent():
    told = Progress(1, 1, 40, 0.5, 0.25, 3, 0.5, 10.0, 100, 0.875, 1234.4, 2, 30, 0.9012)
    assert progress.in_words(told) == (
        "epoch 2 of 30, loss 5.00e-01, best 2.50e-01, 87.5 % right, validation 90.12 %, 3 % unconverged, "
        "1234 steady states/s, 10 s left"
    )
    told = Progress(1, 1, 40, 0.5, 0.25, 0, 0.5, 10.0, 100, None, 0.0, 2, 30, 0.0123)
    assert "validation 1.23e-02, 0 % unconverged, 10 s left" in progress.in_words(told)
