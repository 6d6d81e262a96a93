"""What is kept between runs: found again, ignored where it is damaged, never in a folder that others may write."""

import json
import os
import stat
import subprocess
import sys

import pytest

from crncompile import cache


@pytest.fixture
def place(tmp_path, monkeypatch):
    folder = tmp_path / "new" / "cache"
    monkeypatch.setenv("CRNCOMPILE_CACHE", str(folder))
    return folder


def test_what_is_kept_is_recalled_and_the_folder_is_private(place):
    name = cache.name_of("one", "two")
    assert cache.recall(name) is None
    cache.keep(name, {"a": [1, "β"]})
    assert cache.recall(name) == {"a": [1, "β"]}
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert [file.name for file in place.iterdir()] == [f"{name}.json"]


def test_names_differ_with_each_part():
    assert len({cache.name_of(*parts) for parts in [(), ("a",), ("a", ""), ("", "a"), ("ab",), ("a", "b")]}) == 6
    assert cache.name_of("a") == cache.name_of("a")


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_entry_is_none_and_is_written_anew(place, damage):
    name = cache.name_of("x")
    cache.keep(name, 1)
    (place / f"{name}.json").write_bytes(damage)
    assert cache.recall(name) is None
    cache.keep(name, 2)
    assert cache.recall(name) == 2


def test_off_keeps_nothing(monkeypatch):
    monkeypatch.setenv("CRNCOMPILE_CACHE", "off")
    cache.keep("name", 1)
    assert cache.folder() is None
    assert cache.recall("name") is None


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_a_folder_that_others_may_write_is_not_used(place, mode):
    place.mkdir(parents=True)
    (place / "name.json").write_text("1")
    assert cache.recall("name") == 1
    place.chmod(mode)
    assert cache.folder() is None
    assert cache.recall("name") is None
    cache.keep("name", 2)
    assert (place / "name.json").read_text() == "1"


def test_a_folder_of_somebody_else_is_not_used(place, monkeypatch):
    place.mkdir(parents=True, mode=0o700)
    assert cache.folder() == place
    monkeypatch.setattr(os, "getuid", lambda: place.stat().st_uid + 1)
    assert cache.folder() is None


def test_a_folder_that_can_not_be_made_is_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CRNCOMPILE_CACHE", str(tmp_path / "file" / "below"))
    cache.keep("name", 1)
    assert cache.recall("name") is None


def test_without_a_variable_it_lies_in_the_cache_folder_of_the_user(tmp_path, monkeypatch):
    monkeypatch.delenv("CRNCOMPILE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "crncompile"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder() == tmp_path / ".cache" / "crncompile"


def test_the_oldest_entries_go_when_there_are_too_many(place, monkeypatch):
    monkeypatch.setattr(cache, "MOST_ENTRIES", 10)
    for number in range(12):
        cache.keep(f"n{number}", number)
        os.utime(place / f"n{number}.json", (number, number))
    left = {file.stem for file in place.iterdir()}
    assert "n0" not in left
    assert {"n10", "n11"} <= left
    assert len(left) == 10


def test_processes_that_write_at_the_same_time_leave_whole_entries(place):
    code = "import sys; from crncompile import cache\nfor _ in range(100): cache.keep('same', [sys.argv[1]] * 1000)"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(n)]) for n in range(3)]
    while any(writer.poll() is None for writer in writers):
        found = cache.recall("same")
        assert found is None or len(set(found)) == 1
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert len(json.loads((place / "same.json").read_text())) == 1000
    assert [file.name for file in place.iterdir()] == ["same.json"]
