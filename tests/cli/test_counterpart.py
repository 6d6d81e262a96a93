"""``crncompile counterpart``: a model without NDC, printed or written."""

from pathlib import Path

import pytest

MODELS = Path(__file__).parents[2] / "models"


def test_printed_or_written_it_is_the_same_model(crn, tmp_path):
    printed = crn("counterpart", MODELS / "sine_dots.tnet")
    assert printed.exit_code == 0
    assert "double_dot(" not in printed.stdout
    written = crn("counterpart", MODELS / "sine_dots.tnet", "-o", "monotone.tnet")
    assert (written.exit_code, written.stdout) == (0, "")
    assert (tmp_path / "monotone.tnet").read_text() == printed.stdout
    assert "resonant_dot" in crn("check", "monotone.tnet").output


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("mnist_gated_dots.tnet",), 1, "has no device with a counterpart: nothing to replace"),
        (("sine_dots.tnet", "-o", "a.txt"), 2, "a.txt must end in .tnet"),
        (("sine_dots.tnet", "-o", "no/where.tnet"), 1, "no/where.tnet"),
        (("none.tnet",), 1, "none.tnet"),
    ],
)
def test_mistakes_are_sentences(crn, words, code, said):
    result = crn("counterpart", MODELS / words[0], *words[1:])
    assert result.exit_code == code
    assert said in result.stderr
