"""What is written to disk and to pipes: whole or not at all, and no traceback when it fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crncompile.errors import DataError
from crncompile.export import files
from crncompile.export.files import check_writable, write_atomically

from .conftest import MODELS

PROGRAM = [sys.executable, "-m", "crncompile"]


def test_text_and_bytes(tmp_path):
    write_atomically(tmp_path / "a.txt", "é\n")
    write_atomically(tmp_path / "b.bin", b"\x00")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa9\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "b.bin"]


def test_permissions_follow_the_mask_and_stay(tmp_path):
    path = tmp_path / "a"
    write_atomically(path, "1")
    assert path.stat().st_mode & 0o777 == 0o666 & ~files._umask()
    path.chmod(0o600)
    write_atomically(path, "2")
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_target_of_a_link_is_replaced_and_the_link_stays(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


def test_a_failure_half_way_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(DataError, match="a can not be written: No space left on device"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_can_not_be_written(tmp_path):
    with pytest.raises(DataError, match="it is a folder"):
        check_writable(tmp_path)
    with pytest.raises(DataError, match="there is no folder"):
        check_writable(tmp_path / "none" / "a")


def test_devices_are_written_to_and_not_replaced():
    write_atomically("/dev/null", "text")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize(
    "words",
    [
        ["solve", "divider.tnet", "--set", "x=0", "-o", "no/out.csv"],
        ["solve", "divider.tnet", "--sweep", "x=0:1:3", "--plot", "no/out.png"],
        ["plot", "divider.tnet", "--what", "network", "-o", "no/out.svg"],
        ["compile", "divider.tnet", "-o", "no/out.py"],
        ["export", "divider.tnet", "--to", "latex", "-o", "no/out.tex"],
        ["simulate", "divider.tnet", "--set", "x=0", "-o", "no/out.csv"],
        ["new", "name", "-o", "no/name.tnet"],
    ],
)
def test_an_output_that_can_not_be_written(crn, words):
    result = crn(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "can not be written: there is no folder no" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["solve", "divider.tnet", "--set", "x=0", "-o", "out.csv"],
        ["simulate", "divider.tnet", "--set", "x=0", "--until", "1us", "-o", "out.npz"],
        ["simulate", "divider.tnet", "--set", "x=0", "--until", "1us", "--plot", "out.png"],
        ["plot", "divider.tnet", "--what", "device", "-o", "out.svg"],
        ["compile", "divider.tnet", "-o", "out.py"],
        ["new", "out"],
    ],
)
def test_a_full_disk_leaves_nothing(crn, tmp_path, monkeypatch, words):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    result = crn(*words)
    assert result.exit_code == 1
    assert result.stderr.endswith(" can not be written: No space left on device\n")
    assert list(tmp_path.iterdir()) == []


def test_what_was_trained_is_kept_elsewhere_where_the_disk_is_full(crn, tmp_path, monkeypatch):
    moved, elsewhere = os.replace, tmp_path / "elsewhere"

    def full(source, target):
        if elsewhere not in Path(target).parents:
            raise OSError(28, "No space left on device")
        moved(source, target)

    elsewhere.mkdir()
    (tmp_path / "d.csv").write_text("x,volts\n0,1\n12,2\n")
    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    result = crn("train", "divider.tnet", "--data", "d.csv", "-o", "p.npz")
    assert result.exit_code == 1
    (kept,) = elsewhere.rglob("*.npz")
    assert result.stderr.endswith(f"No space left on device; what was trained is kept in {kept}\n")
    assert crn("evaluate", "divider.tnet", "--data", "d.csv", "--parameters", str(kept)).exit_code == 0


def test_a_disk_full_everywhere_is_told_and_no_traceback(crn, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "d.csv").write_text("x,volts\n0,1\n12,2\n")
    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    result = crn("train", "divider.tnet", "--data", "d.csv", "-o", "p.npz")
    assert (result.exit_code, "Traceback" in result.stderr) == (1, False)
    assert result.stderr.endswith("p.npz can not be written: No space left on device\n")


def test_a_failing_command_overwrites_nothing(crn, tmp_path):
    (tmp_path / "out.csv").write_text("precious")
    assert crn("solve", "divider.tnet", "-o", "out.csv").exit_code == 2
    assert (tmp_path / "out.csv").read_text() == "precious"


def run(words, **settings):
    return subprocess.run([*PROGRAM, *words], stderr=subprocess.PIPE, text=True, check=False, **settings)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this machine has no /dev/full")
def test_a_full_disk_is_a_sentence():
    with Path("/dev/full").open("w") as full:
        done = run(["devices"], stdout=full)
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


def test_a_closed_pipe_is_quiet():
    reading, writing = os.pipe()
    os.close(reading)
    done = run(["check", str(MODELS / "divider.tnet")], stdout=writing)
    os.close(writing)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "the memory of this machine does not suffice"),
        (RecursionError(), 1, "nested too deeply"),
        (PermissionError(13, "Permission denied", "a.csv"), 1, "a.csv: Permission denied"),
    ],
)
def test_what_ends_a_command(crn, monkeypatch, error, status, said):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("crncompile.cli.model.loaded", fail)
    result = crn("solve", "divider.tnet", "--set", "x=0")
    assert result.exit_code == status
    assert said in result.stderr
