"""The first texts of the fuzzer; ``python -m tests.hostile.fuzz --minutes 10`` goes on for as long as one likes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .fuzz import run, text_of
from .mutation import WORDS
from .trial import told_or_accepted


@pytest.mark.parametrize("block", range(2))
def test_random_tokens_are_told_or_accepted(block):
    for number in range(50 * block, 50 * (block + 1)):
        assert run("tokens", number) in ("refused", "accepted")


def test_mutants_are_told_or_solved():
    for number in range(30):
        assert run("mutant", number)


@pytest.mark.parametrize("number", [1, 9, 14, 19])
def test_models_are_certified_or_fail_by_name(number):
    assert run("model", number).startswith("certified")


def test_findings_stay_mended():
    """16 states without any net turnover: nothing to generate code from."""
    assert run("mutant", 1828) == "refused"


def test_a_number_always_makes_the_same_text():
    assert text_of("model", 3) == text_of("model", 3) != text_of("model", 4)


@settings(max_examples=60)
@given(st.lists(st.sampled_from(WORDS), max_size=40), st.sampled_from(["", " ", "\n"]))
def test_any_row_of_words_is_told_or_accepted(words, glue):
    told_or_accepted(glue.join(words))


@settings(max_examples=60)
@given(st.text(max_size=60))
def test_any_text_is_told_or_accepted(text):
    told_or_accepted(text)


@settings(max_examples=60)
@given(st.text(st.characters(categories=["L", "M", "N", "Pc", "Cf"]), min_size=1, max_size=12))
def test_any_name_is_told_or_accepted(name):
    told_or_accepted(f"network {name}\nreservoir {name} = floating()\nparameter {name} = 1 {name}\n")


@settings(max_examples=60)
@given(st.text(max_size=30))
def test_any_title_is_told_or_accepted(title):
    told_or_accepted(f'network a "{title}"')
