"""Checkpoints: a training that was stopped, however, goes on to the same bits; what is refused; what is lost."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import crncompile
from crncompile.errors import DataError
from crncompile.learn import checkpoint
from crncompile.learn.fit import Checkpoints
from crncompile.learn.parameters import fingerprint
from crncompile.learn.teacher import Teacher

from .test_fit import CLASSES, LINE, XS, YS, same

RNG = np.random.default_rng(2)
POINTS = RNG.uniform(0, 1, (20, 2))
LABELS = (POINTS[:, 0] > POINTS[:, 1]).astype(int)
ADAM = {
    "rate": 0.2,
    "batch": 5,
    "epochs": 3,
    "starts": 2,
    "noise": 0.05,
    "validation": 0.2,
    "warm_up": 1,
    "weight_decay": 0.1,
    "clip": 1.0,
}
METHODS = {
    "adam": ("adam", ADAM),
    "adam with means": ("adam", {**ADAM, "average": 0.9}),
    "adam in 32 bits": ("adam", {**ADAM, "bits": 32}),
    "sgd": ("sgd", {**ADAM, "schedule": "constant"}),
    "lbfgs": ("lbfgs", {"iterations": 3, "starts": 2, "validation": 0.2}),
}


class Stop(Exception):  # noqa: N818
    """The end of a run that nobody foresaw."""


@pytest.fixture(scope="module")
def classes():
    return crncompile.loads(CLASSES)


@pytest.fixture(scope="module")
def line():
    return crncompile.loads(LINE)


def stopping(after, how=Stop):
    def told(progress):
        if progress.evaluation == after:
            raise how

    return told


def equal(first, second):
    assert same(first.parameters, second.parameters)
    assert first.history == second.history
    assert first.loss == second.loss
    strip = [{k: v for k, v in e.items() if "second" not in k} for e in first.epochs]
    assert strip == [{k: v for k, v in e.items() if "second" not in k} for e in second.epochs]


# three steps of each epoch, nine of each of two starts
@pytest.mark.parametrize(
    ("method", "after", "how"),
    [
        ("adam", 1, Stop),
        ("adam", 3, Stop),
        ("adam", 5, KeyboardInterrupt),
        ("adam", 6, KeyboardInterrupt),
        ("adam", 9, Stop),
        ("adam", 13, Stop),
        ("adam with means", 5, KeyboardInterrupt),
        ("adam with means", 13, Stop),
        ("adam in 32 bits", 13, Stop),
        ("sgd", 8, KeyboardInterrupt),
        ("lbfgs", 7, Stop),
    ],
)
def test_a_training_that_is_stopped_goes_on_to_the_same_bits(classes, tmp_path, method, after, how):
    """Checkpoints are written at every step here; the end comes in the first epoch, at the end of one, and later."""
    optimizer, settings = METHODS[method]
    words = {"seed": 3, "optimizer": optimizer, **settings}
    whole = classes.fit(POINTS, LABELS, **words)
    after = min(after, len(whole.history) - 1)
    place = Checkpoints(tmp_path / "run", every=1e-9)
    try:
        classes.fit(POINTS, LABELS, checkpoints=place, progress=stopping(after, how), **words)
    except Stop:
        assert how is Stop
    again = classes.fit(POINTS, LABELS, checkpoints=Checkpoints(tmp_path / "run", resume=True), **words)
    equal(again, whole)
    assert again.validation.loss == whole.validation.loss


def test_distorted_images_are_the_same_when_training_goes_on(tmp_path):
    net = crncompile.loads(CLASSES.replace("index i = 1..2", "index i = 1..9"))
    images = RNG.uniform(0, 1, (20, 9))
    labels = (images[:, 4] > 0.5).astype(int)
    words = {**ADAM, "elastic": 0.5, "smoothing": 1, "rotation": 10, "shift": 1}
    whole = net.fit(images, labels, **words)
    with pytest.raises(Stop):
        net.fit(images, labels, checkpoints=Checkpoints(tmp_path, every=1e-9), progress=stopping(5), **words)
    equal(net.fit(images, labels, checkpoints=Checkpoints(tmp_path, resume=True), **words), whole)


def test_robust_training_goes_on_with_the_same_networks(tmp_path):
    net = crncompile.loads(CLASSES.replace("k_cat = 100 s^-1", "k_cat = 100 s^-1 tolerance 5 %"))
    words = {**ADAM, "robust": 2, "fluctuations": 1}
    whole = net.fit(POINTS, LABELS, **words)
    assert not same(whole.parameters, net.fit(POINTS, LABELS, **ADAM).parameters)
    with pytest.raises(Stop):
        net.fit(POINTS, LABELS, checkpoints=Checkpoints(tmp_path, every=1e-9), progress=stopping(5), **words)
    equal(net.fit(POINTS, LABELS, checkpoints=Checkpoints(tmp_path, resume=True), **words), whole)


@pytest.mark.parametrize("after", [2, 5])
@pytest.mark.parametrize("rule", ["spsa", "response_random"])
def test_ctrl_c_in_the_middle_of_a_drawn_gradient(classes, tmp_path, monkeypatch, rule, after):
    """The gradient is asked for once more, with the same draw."""
    words = {**ADAM, "rule": rule, "rate": 0.01, "starts": 1}
    whole = classes.fit(POINTS, LABELS, **words)
    real, calls = Teacher._experiment, []

    def stopped(*given):
        calls.append(given)
        if len(calls) == after:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(Teacher, "_experiment", stopped)
    assert classes.fit(POINTS, LABELS, checkpoints=Checkpoints(tmp_path, every=1e-9), **words).interrupted
    monkeypatch.undo()
    equal(classes.fit(POINTS, LABELS, checkpoints=Checkpoints(tmp_path, resume=True), **words), whole)


@pytest.mark.parametrize("after", [3, 12])
def test_least_squares_go_on_too(line, tmp_path, after):
    words = {"starts": 3, "trial": 5, "iterations": 20}
    whole = line.fit(XS, YS, **words)
    with pytest.raises(Stop):
        line.fit(XS, YS, checkpoints=Checkpoints(tmp_path, every=1e-9), progress=stopping(after), **words)
    again = line.fit(XS, YS, checkpoints=Checkpoints(tmp_path, resume=True), **words)
    assert same(again.parameters, whole.parameters)
    assert again.loss == whole.loss


def test_a_finished_training_stays_as_it_is(classes, tmp_path):
    first = classes.fit(POINTS, LABELS, checkpoints=Checkpoints(tmp_path), **ADAM)
    again = classes.fit(POINTS, LABELS, checkpoints=Checkpoints(tmp_path, resume=True), **ADAM)
    equal(again, first)


SCRIPT = """
import sys
import numpy as np
import crncompile
from crncompile.learn.fit import Checkpoints
net = crncompile.load("m.tnet")
with np.load("d.npz") as data:
    X, y = data["X"], data["y"]
place = Checkpoints("run", every=1e-9, resume="go on" in sys.argv)
fit = net.fit(X, y, checkpoints=place, rate=0.2, batch=5, epochs=40, validation=0.2, seed=1)
np.savez(sys.argv[1], history=fit.history, **fit.parameters)
"""


def test_killed_in_the_middle(tmp_path, monkeypatch):
    """Kill -9 as soon as there is a checkpoint; another process goes on, a third was never stopped."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.tnet").write_text(CLASSES)
    (tmp_path / "run.py").write_text(SCRIPT)
    np.savez("d.npz", X=POINTS, y=LABELS)
    words = [sys.executable, "run.py"]
    killed = subprocess.Popen([*words, "never.npz"])
    until = time.monotonic() + 120
    while not (tmp_path / "run" / checkpoint.FILE).exists() and time.monotonic() < until:
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (tmp_path / "never.npz").exists()
    with np.load(tmp_path / "run" / checkpoint.FILE) as kept:
        done = len(kept["recorder.history"])
    subprocess.run([*words, "again.npz", "go on"], check=True)
    (tmp_path / "run" / checkpoint.FILE).unlink()
    subprocess.run([*words, "whole.npz"], check=True)
    with np.load("again.npz") as again, np.load("whole.npz") as whole:
        assert 0 < done < len(whole["history"])
        assert same(dict(again), dict(whole))


# --- what is refused -------------------------------------------------------------------------------------------------

OTHERS = {
    "seed": {"seed": 4},
    "settings": {"epochs": 7, "clip": 2.0},
    "optimiser": {"optimizer": "sgd"},
    "rule": {"rule": "finite"},
    "start": {"parameters": {"scale": 3.0}},
}


@pytest.fixture
def kept(classes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    classes.fit(POINTS, LABELS, checkpoints=Checkpoints("run"), **ADAM)
    return Checkpoints("run", resume=True)


@pytest.mark.parametrize("name", OTHERS)
def test_a_checkpoint_of_another_training_is_refused(classes, kept, golden, name):
    with pytest.raises(DataError) as caught:
        classes.fit(POINTS, LABELS, checkpoints=kept, **{**ADAM, **OTHERS[name]})
    golden.check(f"cli/checkpoint/{name}.txt", str(caught.value))


def test_a_checkpoint_of_other_data_or_another_model_is_refused(classes, kept):
    with pytest.raises(DataError, match=r"another training: the set of data is [0-9a-f]{16} there and"):
        classes.fit(POINTS, 1 - LABELS, checkpoints=kept, **ADAM)
    with pytest.raises(DataError, match="the number of samples is 20 there and 19 here"):
        classes.fit(POINTS[1:], LABELS[1:], checkpoints=kept, **ADAM)
    for other, said in (("K_M = 1 mM", "the set of values it begins with is"), ("enzyme a", "the model is classes")):
        net = crncompile.loads(CLASSES.replace(other, {"K_M = 1 mM": "K_M = 2 mM", "enzyme a": "enzyme b"}[other]))
        with pytest.raises(DataError, match=said):
            net.fit(POINTS, LABELS, checkpoints=kept, **ADAM)


OTHER_MODELS = {
    "bounds": ("scale = train 2", "scale = train 2 in [0.5, 10]"),
    "data": ("data = [0, 1]", "data = [0, 2]"),
    "range": ("0.1 mM, 2 mM", "0.1 mM, 3 mM"),
    "encoding": ("data = [0, 1]", "data = [0, 1], encoding = log"),
    "readout": ("scale * ln(", "2 * scale * ln("),
    "draws": ("lognormal(20 nM, 0.5)", "lognormal(20 nM, 0.6)"),
    "tolerance": ("k_cat = 100 s^-1", "k_cat = 100 s^-1 tolerance 5 %"),
}


@pytest.mark.parametrize("name", OTHER_MODELS)
def test_a_checkpoint_of_a_model_that_differs_in_a_detail_is_refused(classes, kept, name):
    """Though files of parameters may be exchanged between the two."""
    there, here = OTHER_MODELS[name]
    assert there in CLASSES
    net = crncompile.loads(CLASSES.replace(there, here))
    assert fingerprint(net.network) == fingerprint(classes.network)
    with pytest.raises(
        DataError, match=r"the model is classes \([0-9a-f]{12}\) there and classes \([0-9a-f]{12}\) here"
    ):
        net.fit(POINTS, LABELS, checkpoints=kept, **ADAM)


def test_a_checkpoint_is_gone_on_with_where_only_the_layout_differs(kept):
    """Comments, lines, and the settings of training, which are compared as they are used."""
    text = CLASSES.replace("network classes", "network classes  # as before\n\n").replace("x[i] ", "x[i]   ")
    net = crncompile.loads(text + "training = adam(rate = 0.5)\n")
    assert net.fit(POINTS, LABELS, checkpoints=kept, **ADAM).message == "finished"


def test_a_checkpoint_is_not_written_over_unasked(classes, kept, golden):
    before = Path("run/checkpoint.npz").read_bytes()
    with pytest.raises(DataError) as caught:
        classes.fit(POINTS, LABELS, checkpoints=Checkpoints("run"), **ADAM)
    golden.check("cli/checkpoint/there-already.txt", str(caught.value))
    assert Path("run/checkpoint.npz").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more"])
def test_a_damaged_checkpoint_is_told(classes, kept, tmp_path, content):
    (tmp_path / "run" / "checkpoint.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"is not a complete \.npz file"):
        classes.fit(POINTS, LABELS, checkpoints=kept, **ADAM)
    np.savez(tmp_path / "run" / "checkpoint.npz", z=np.zeros(3))
    with pytest.raises(DataError, match="is no checkpoint of a training"):
        classes.fit(POINTS, LABELS, checkpoints=kept, **ADAM)


def test_nothing_to_go_on_from_is_told(classes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = []
    classes.fit(POINTS, LABELS, checkpoints=Checkpoints("new/run", resume=True), tell=told.append, **ADAM)
    assert told == ["there is no checkpoint in new/run yet: training begins"]


def test_no_folder_can_be_made(classes, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file can not keep checkpoints: File exists"):
        classes.fit(POINTS, LABELS, checkpoints=Checkpoints(tmp_path / "file"), **ADAM)
    with pytest.raises(DataError, match="seconds between checkpoints must be positive, not 0"):
        classes.fit(POINTS, LABELS, checkpoints=Checkpoints(tmp_path / "run", every=0.0), **ADAM)


# --- two at once, full disks -----------------------------------------------------------------------------------------


def test_two_trainings_in_one_folder(classes, tmp_path, monkeypatch, golden):
    monkeypatch.chdir(tmp_path)
    said = []

    def second(progress):
        with pytest.raises(DataError) as caught:
            classes.fit(POINTS, LABELS, checkpoints=Checkpoints("run", resume=True), **ADAM)
        said.append(str(caught.value))
        raise KeyboardInterrupt

    first = classes.fit(POINTS, LABELS, checkpoints=Checkpoints("run"), progress=second, **ADAM)
    assert first.interrupted
    golden.check("cli/checkpoint/two-at-once.txt", said[0].replace(str(os.getpid()), "PID"))


def test_a_lock_left_behind_is_taken_over(classes, tmp_path):
    (tmp_path / "lock").write_text("1\n")
    assert classes.fit(POINTS, LABELS, checkpoints=Checkpoints(tmp_path), **ADAM).message == "finished"
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_training_goes_on_where_the_disk_is_full(classes, tmp_path, monkeypatch, golden):
    monkeypatch.chdir(tmp_path)
    real, told, written = os.fsync, [], []

    def sync(handle):
        written.append(handle)
        if len(written) > 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", sync)
    place = Checkpoints("run", every=1e-9)
    fit = classes.fit(POINTS, LABELS, checkpoints=place, tell=told.append, **ADAM)
    assert fit.message == "finished"
    golden.check("cli/checkpoint/full-disk.txt", told[0])
    monkeypatch.setattr(os, "fsync", real)
    assert sorted(os.listdir("run")) == ["checkpoint.npz", "lock"]
    again = classes.fit(POINTS, LABELS, checkpoints=Checkpoints("run", resume=True), **ADAM)
    equal(again, fit)


def test_a_full_disk_from_the_beginning(classes, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    fit = classes.fit(POINTS, LABELS, checkpoints=Checkpoints(tmp_path, every=1e-9), **ADAM)
    assert fit.message == "finished"
    assert "(No space left on device): there is none yet, and training goes on" in fit.notes[0]
    assert os.listdir(tmp_path) == ["lock"]
