"""The worst texts that a user or an attacker can write: each is refused in clear words or accepted, in bounded time and
memory. `sandbox.py` holds the bounds, in a process that a text may take down without harm to the tests.
"""

import re

import pytest

from .sandbox import judge
from .texts import ACCEPTED, REFUSED


def _written(folder, texts):
    paths = {}
    for name, text in texts.items():
        paths[name] = folder / f"{name}.tnet"
        paths[name].write_bytes(text.encode("utf-8"))
    return paths


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    return judge(_written(tmp_path_factory.mktemp("refused"), REFUSED))


@pytest.fixture(scope="module")
def accepted(tmp_path_factory):
    return judge(_written(tmp_path_factory.mktemp("accepted"), ACCEPTED), "compile")


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, refused, golden):
    assert refused[name].outcome == "refused", refused[name].text
    # how much room there is depends on the machine
    golden.check(f"hostile/{name}.txt", re.sub(r"there are [\d.]+ GiB", "there are N GiB", refused[name].text))


@pytest.mark.parametrize("name", REFUSED)
def test_a_message_is_short_and_shows_all_its_characters(name, refused):
    lines = refused[name].text.split("\n")
    assert len(lines) <= 300
    assert all(line.isprintable() and len(line) <= 400 for line in lines)


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name, accepted):
    assert accepted[name].outcome == "accepted", accepted[name].text
