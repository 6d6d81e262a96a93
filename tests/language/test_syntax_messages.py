"""Each syntax message has its golden text; several mistakes of a file are told at once."""

import re
from pathlib import Path

import pytest

from crncompile.errors import ModelError, Source
from crncompile.language import syntax_errors
from crncompile.language.complaints.complaint import Complaint
from crncompile.language.parser import MOST_MISTAKES, parse
from crncompile.language.syntax_errors import COMPLAINTS

SNIPPETS = [
    pytest.param(row, number, snippet, id=f"{row.name}-{number}")
    for row in COMPLAINTS
    for number, snippet in enumerate(row.snippets, 1)
]


def mistakes(text):
    with pytest.raises(ModelError) as caught:
        parse(Source("model.tnet", text))
    return caught.value.mistakes


@pytest.mark.parametrize(("row", "number", "snippet"), SNIPPETS)
def test_message(row: Complaint, number, snippet, golden, monkeypatch):
    told = []
    monkeypatch.setattr(syntax_errors, "complaint", lambda s: told.append(_complaint(s)) or told[-1])
    found = mistakes(snippet)
    assert told[0].name == row.name
    assert all(m.hint for m in found)
    golden.check(f"syntax/{row.name}-{number}.txt", "\n".join(str(m) for m in found))


_complaint = syntax_errors.complaint


def test_no_golden_text_is_left_over():
    kept = {path.stem for path in (Path(__file__).parents[1] / "golden" / "syntax").glob("*.txt")}
    assert kept == {f"{row.name}-{number}" for row in COMPLAINTS for number in range(1, len(row.snippets) + 1)}


def test_the_table_is_in_order():
    names = [row.name for row in COMPLAINTS]
    assert len(names) == len(set(names)) > 60
    assert all(row.snippets for row in COMPLAINTS)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("name-digit-like", "parameter a = 3 * ²"),
        ("name-reserved-in-disguise", "parameter ｔａｂｌｅ = 3"),
        ("number-long", f"temperature {'1' * 1000} K"),
        ("number-large", "temperature 1e999 K"),
        ("number-small", "temperature 1e-999 K"),
        ("circuit-index", "circuit a[i]: x -> y { dot d: x -> y = f() }"),
        ("circuit-not-closed", "circuit a: x -> y {\n  dot d: x -> y = f()\nreadout r = 1\n"),
        ("circuit-inside", "circuit a: x -> y {\n  dot d: x - y = f()\n  index k 1..3\n}\nresrvoir z = f()"),
        ("unit-exponent", "parameter k = 10 s^(-1)"),
        ("nesting-brackets", "readout y = " + "(" * 10_000 + "1" + ")" * 10_000),
        ("nesting-signs", "readout y = " + "-" * 10_000 + "1"),
        ("nesting-sum", "readout y = 1" + " + 1" * 10_000),
        ("nesting-powers", "readout y = 1" + "^1" * 10_000),
    ],
)
def test_messages_beyond_syntax(name, text, golden):
    golden.check(f"syntax/beyond/{name}.txt", "\n".join(str(m) for m in mistakes(text)))


MANY = """network a
temperature 1_0 K
reservoir x = fixed(at 2 kT)     # missing =
device d: S -> P {
  "text"
  trminal S, P: molecules
  parameter k: rate 3
  state
  transition a: S -> E = f()
  let x = (1 +
  let y = 3 +
}
parameter p =
parameter q = train
parameter ok = 10 s^(-1)         # found while parsing a valid statement
reservoir x = fixed(volume = 3 nL, at = 1 kT
dot a: x -> y = f()  }
readout y = ((x)
"""


def test_all_mistakes_of_a_text_are_told(golden):
    found = mistakes(MANY)
    golden.check("syntax/beyond/many.txt", "\n".join(str(m) for m in found))
    assert [m.span.line for m in found] == [2, 3, 6, 7, 8, 9, 11, 13, 14, 15, 16, 17, 18]


def test_a_mistake_in_one_statement_tells_nothing_of_the_others():
    valid = "reservoir x = fixed(volume = 1 nL, at = 1 kT) index j = 1..3\nparameter p[j] = 2\n"
    broken = "readout = 3\n"
    for text in (broken + valid, valid + broken, valid + broken + valid):
        assert [m.message for m in mistakes(text)] == ["readout has no name"]


def test_not_more_mistakes_than_one_can_read():
    assert len(mistakes("parameter = 3\n" * 1000)) == MOST_MISTAKES
    assert len(mistakes("parameter p = 1e999\n" * 1000)) == MOST_MISTAKES


@pytest.mark.parametrize("text", ["", " \n\t# only a comment", "\ufeff"])
def test_an_empty_text_is_an_empty_model(text):
    assert parse(Source("m", text)).statements == ()


def test_messages_hold_no_placeholders():
    for row in COMPLAINTS:
        for snippet in row.snippets:
            for mistake in mistakes(snippet):
                assert not re.search(r"\{s\.|None|<\w+ object", mistake.message + mistake.hint)
