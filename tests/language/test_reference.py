"""The language reference: its snippets parse, its lists are the words of the language, its message is the real one."""

import re
from pathlib import Path

import pytest

from crncompile.compiler import check_source
from crncompile.errors import ModelError, Source
from crncompile.language.parser import parse
from crncompile.language.words import ITEMS, RESERVED, STATEMENTS
from crncompile.units import DIMENSIONS

README = (Path(__file__).parents[2] / "grammars" / "README.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^```(\w*)(?: (\S+))?\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
BLOCKS = [(kind, text) for kind, _, text in FENCED]
FILES = {name: text for _, name, text in FENCED if name}


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "tnet"])
def test_snippet(text):
    assert parse(Source("grammars/README.md", text)).statements


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "tnet" and "edges.csv" in text])
def test_whole_models_and_their_files(text, tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    network = check_source(Source(str(tmp_path / "model.tnet"), text))
    assert network.warnings == ()
    assert [family.shape for family in network.families] == [(4,), (3,), (1,), (1,)]


def test_the_snippets_show_every_statement_and_item():
    shown = {
        word for kind, text in BLOCKS if kind == "tnet" for word in re.findall(r"^\s*([a-z]+)", text, re.MULTILINE)
    }
    in_tables = set(re.findall(r"^\| `([a-z]+)", README, re.MULTILINE))
    assert (set(STATEMENTS) | set(ITEMS)) - shown - in_tables == set()


def test_the_lists_are_complete():
    reserved = README.split("These words are reserved")[1].split(". (A setting")[0]
    assert set(re.findall(r"`(\w+)`", reserved)) == RESERVED
    dimensions = "`" + README.split("Dimensions are `")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", dimensions)) == set(DIMENSIONS)


def test_the_message_shown_is_the_one_given():
    (shown,) = (text for kind, text in BLOCKS if kind == "text")
    with pytest.raises(ModelError) as caught:
        parse(Source("model.tnet", "\n\n\nresrvoir y = output(capacitance = 10 pF)\n"))
    assert str(caught.value) + "\n" == shown
