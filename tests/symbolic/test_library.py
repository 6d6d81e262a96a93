"""The library as a whole: what its texts say, where its devices stand, and that the reference lists them."""

import re
from importlib import resources
from pathlib import Path

import pytest

from crncompile.network.library import standard_library
from symbolic.kinds import LIBRARY, library_kind

README = (Path(__file__).parents[2] / "grammars" / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\w*) ?\| `(\w+)`( \*c\*)? \| (.+?) \| (.+?) \| ?(.*?) ?\|$", README, re.MULTILINE)
FOLDER = resources.files("crncompile").joinpath("library")


def listed():
    """File, whether in closed form, and the whole row of each device in the reference."""
    found, file = {}, ""
    for first, name, closed, *rest in ROWS:
        file = first or file
        found[name] = (file, bool(closed), " ".join(rest))
    return found


def test_reference_lists_the_library():
    assert set(listed()) == set(LIBRARY)


@pytest.mark.parametrize("name", LIBRARY)
def test_row_of_the_reference_is_true(name):
    kind = library_kind(name)
    file, closed, rest = listed()[name]
    assert kind.span.source.name == f"library/{file}.tnet"
    assert closed == (kind.current is not None)
    assert ("NDC" in rest) == (kind.counterpart is not None)
    assert set(re.findall(r"\b1\d{3}\b|\b20\d{2}\b", rest)) <= set(re.findall(r"\b\d{4}\b", kind.text))


@pytest.mark.parametrize("name", [name for name in LIBRARY if name not in ("gated_conductance",)])
def test_text_says_whose_law_it_is(name):
    kind = library_kind(name)
    assert re.search(r"[A-Z]\w+.*\b(18|19|20)\d\d\b", kind.text), kind.text
    assert ("NDC" in kind.text) == (kind.counterpart is not None)


@pytest.mark.parametrize("name", LIBRARY)
def test_defaults_are_only_where_one_is_natural(name):
    """No default for what makes a device this one: rates, amounts, levels and constants of binding."""
    without = {"total", "k_cat", "K_M", "K_P", "level", "gamma_left", "gamma_right", "conductance"}
    given = {p.name for p in library_kind(name).parameters if p.default is not None}
    assert given & without == set()


def test_files_stay_readable():
    files = [file for file in FOLDER.iterdir() if file.name.endswith(".tnet")]
    assert len(files) > 8
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("# "), file.name
        assert len(lines) < 250, file.name
    assert len(standard_library().laws) >= 3
