"""The grammar itself: LALR(1) without conflicts, nothing unused, the vocabulary in one place."""

import re
from pathlib import Path

import pytest
from lark import Lark
from lark.parsers.lalr_analysis import LALR_Analyzer

from crncompile.errors import ModelError, Source
from crncompile.language import parser as parser_module
from crncompile.language.parser import grammar_file, parse, parser
from crncompile.language.transform import _Builder
from crncompile.language.words import CONTEXTUAL, FORMS, ITEMS, JOINTS, RESERVED, STATEMENTS

GRAMMAR = grammar_file().read_text(encoding="utf-8")
BARE = re.sub(r"//[^\n]*", "", GRAMMAR)


def conflicts(lark):
    """Lark refuses reduce/reduce conflicts, but resolves shift/reduce conflicts without a word."""
    analyzer = LALR_Analyzer(lark.parser.parser_conf)
    analyzer.compute_lr0_states()
    analyzer.compute_reads_relations()
    analyzer.compute_includes_lookback()
    analyzer.compute_lookaheads()
    return [
        (str(rules), terminal)
        for state in analyzer.lr0_itemsets
        for terminal, rules in state.lookaheads.items()
        if terminal in state.transitions or len(rules) > 1
    ]


def test_the_grammar_has_no_conflicts():
    assert conflicts(parser()) == []


def test_conflicts_would_be_found():
    assert conflicts(Lark('start: "a" start | "a" start "b" start | "c"', parser="lalr"))


def test_every_rule_and_terminal_is_used():
    defined = re.findall(r"^\??(\w+)\s*:", BARE, re.MULTILINE)
    aliases = re.findall(r"->\s*([a-z]\w*)\s*$", BARE, re.MULTILINE)
    assert len(defined) == len(set(defined))
    used_terminals = {terminal.name for terminal in parser().terminals} - set(parser().ignore_tokens)
    used_rules = {rule.origin.name for rule in parser().rules} | {rule.alias for rule in parser().rules}
    for name in defined:
        assert name in used_terminals | used_rules, f"{name} is never used"
    assert set(aliases) <= used_rules


def test_every_tree_becomes_a_node():
    for rule in parser().rules:
        name = rule.alias or rule.origin.name
        kept = not name.startswith("_") and not (rule.options.expand1 and len(rule.expansion) == 1)
        if kept and name != "atom":  # atom is only parentheses by itself
            assert hasattr(_Builder, name), name


def test_the_words_are_those_of_the_grammar():
    words = set(re.findall(r'"([a-z]+)"', BARE))
    assert words == set(STATEMENTS) | set(ITEMS) | set(JOINTS) | {"energy", "degeneracy", "and"}
    assert {word.upper() for word in words} <= {terminal.name for terminal in parser().terminals}
    assert {terminal.name for terminal in parser().terminals} >= CONTEXTUAL
    assert set(FORMS) == set(STATEMENTS) | set(ITEMS) | {"parameter inside"}


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_reserved_words_name_nothing(word):
    with pytest.raises(ModelError, match="reserved"):
        parse(Source("m", f"reservoir {word} = floating()"))


@pytest.mark.parametrize("word", sorted(set(ITEMS) - {"parameter"} | {"energy", "degeneracy", "input", "kT"}))
def test_other_words_may_be_names(word):
    model = parse(Source("m", f"reservoir {word} = floating({word} = {word})\nreadout r = {word} + 2 * {word}"))
    assert model.statements[0].target.name == word


EXAMPLES = {
    r"\.\.\.": "c = 1", r"(parameter|setting) = value": "p = 1", r"\(parameter, c = 1\)": "(a, b)", "forward rate": "k",
    r"= device\(": "= f(", r"= kind\(": "= f(", r"= law\(": "= f(", r"\b(value|expression|default)\b": "1",
    r"\bitems\b": "state E", r"\bdimension\b": "rate",
}  # fmt: skip


@pytest.mark.parametrize("word", FORMS)
def test_every_form_is_one_that_parses(word):
    text = FORMS[word]
    for placeholder, example in EXAMPLES.items():
        text = re.sub(placeholder, example, text)
    inside = word in set(ITEMS) - {"parameter"} | {"parameter inside"}
    parse(Source(word, f"device d: a -> b {{ {text} }}" if inside else text))


def test_the_grammar_is_found_beside_the_package_first(tmp_path, monkeypatch):
    (tmp_path / "tnet.lark").write_text("model:", encoding="utf-8")
    monkeypatch.setattr(parser_module.resources, "files", lambda _: tmp_path)
    assert grammar_file() == tmp_path / "tnet.lark"
    (tmp_path / "tnet.lark").unlink()
    assert Path(str(grammar_file())).parent.name == "grammars"
