"""`check` tells again what it told, as long as nothing that it told it from has changed."""

import json
import sys

import pytest
from click.testing import CliRunner

from crncompile import cache
from crncompile.cli.main import cli
from crncompile.cli.recall import Told

MODEL = """use "own.tnet"
network small
temperature 300 K
volume 1 nL
reservoir x = input(range = [0.1 mM, 2 mM])
reservoir y = output(start = 0.5 mM)
reservoir low = fixed(at = 0.1 mM)
enzyme first: x -> y = mine(rate = 1 s^-1)
reaction leak: y <-> low = mass_action(k = 1 s^-1, K_eq = 2)
"""
OWN = """device mine: a -> b {
  "A leak"
  terminal a, b: molecules
  parameter rate: rate > 0
  current leak = rate * (a - b)
}
"""


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.setenv("CRNCOMPILE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "own.tnet").write_text(OWN)
    file = tmp_path / "small.tnet"
    file.write_text(MODEL)
    return file


def check(file, *options):
    done = CliRunner().invoke(cli, ["check", str(file), *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def entries(file):
    return sorted((file.parent / "cache").glob("*.json"))


@pytest.mark.parametrize("options", [(), ("--verbose",), ("--json",)])
def test_the_second_answer_is_the_first_and_compiles_nothing(model, options, monkeypatch):
    first = check(model, *options)
    assert first[0] == 0
    monkeypatch.setitem(sys.modules, "crncompile.symbolic.system", None)  # importing it would fail
    assert check(model, *options) == first
    monkeypatch.undo()
    monkeypatch.setenv("CRNCOMPILE_CACHE", "off")
    assert check(model, *options) == first


def test_a_change_of_the_model_of_a_used_file_or_an_option_is_seen(model):
    assert "drive" not in check(model)[1]
    check(model, "--json")
    assert len(entries(model)) == 2
    (model.parent / "own.tnet").write_text(OWN.replace("A leak", "Nothing").replace("rate * (a - b)", "rate * (a + b)"))
    assert check(model)[0] == 1
    (model.parent / "own.tnet").write_text(OWN)
    assert check(model)[0] == 0
    model.write_text(MODEL.replace("network small", "network other"))
    assert check(model)[1].startswith("other")
    (model.parent / "own.tnet").unlink()
    assert check(model)[0] == 1


def test_mistakes_are_not_kept(model):
    model.write_text(MODEL.replace("mine(", "nobody("))
    assert check(model)[0] == 1
    assert entries(model) == []


@pytest.mark.parametrize(
    "damage", ["", "[]", "{}", '{"used": {}, "out": 1, "err": []}', '{"used": {}, "out": "", "err": [1]}']
)
def test_a_damaged_answer_is_made_anew(model, damage):
    first = check(model)
    (entry,) = entries(model)
    entry.write_text(damage)
    assert check(model) == first
    assert json.loads(entry.read_text())["out"] == first[1].removesuffix("\n")


def test_what_a_table_says_is_read_every_time(model):
    (model.parent / "t.csv").write_text("K\n2\n")
    model.write_text(MODEL + 'table t = "t.csv"\n')
    check(model)
    assert entries(model) == []


def test_a_library_file_is_told_again_too(model):
    own = model.parent / "own.tnet"
    first = check(own)
    assert first[0] == 0
    assert len(entries(model)) == 1
    assert check(own) == first


def test_warnings_keep_their_place_and_colour(model):
    named = cache.name_of("x")
    cache.keep(named, {"used": {}, "out": "out", "err": ["\x1b[31mred\x1b[0m"]})
    from crncompile.cli.recall import recalled

    assert recalled(named) == Told("out", ("\x1b[31mred\x1b[0m",))
