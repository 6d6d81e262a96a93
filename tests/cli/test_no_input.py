"""Networks without inputs: held by supplies alone, or closed."""

import json

import pytest

CLOSED = """network closed "three species, nothing held"
temperature 300 K
volume 1 nL
reservoir a = floating(start = 1 mM)
reservoir b = floating(start = 1 mM)
reservoir y = output(start = 0.1 mM)
reaction ab: a <-> b = mass_action(k = 1 s^-1, K_eq = 2)
reaction by: b <-> y = mass_action(k = 1 s^-1, K_eq = 3)
reaction dimer: 2 a <-> y + b = mass_action(k = 1 mM^-1/s, K_eq = 12)
parameter gain = train 1
readout z = gain * y / 1 mM
"""


@pytest.fixture
def closed(tmp_path):
    (tmp_path / "closed.tnet").write_text(CLOSED)
    (tmp_path / "data.csv").write_text("z\n1\n2\n")
    return "closed.tnet"


def test_a_closed_network_is_checked_and_solved(crn, closed):
    told = crn("check", closed, "--verbose")
    assert told.exit_code == 0
    assert "the model has no input, nothing holds it: it is closed" in told.stderr
    assert "nothing drives it: it relaxes to equilibrium" in told.stdout
    content = json.loads(crn("solve", closed, "--json").stdout)
    # 2.1 mM in all, shared as 1 : 2 : 6
    assert content["readouts"]["z"] == [pytest.approx(2.1 * 6 / 9)]


def test_a_network_held_by_supplies_is_solved(crn, tmp_path):
    supplied = CLOSED.replace("a = floating(start", "a = fixed(at")
    (tmp_path / "supplied.tnet").write_text(supplied)
    assert "only fixed reservoirs hold it" in crn("check", "supplied.tnet").stderr
    content = json.loads(crn("solve", "supplied.tnet", "--json").stdout)
    assert content["readouts"]["z"] == [pytest.approx(6)]


@pytest.mark.parametrize(
    "words", [("train", "--data", "data.csv"), ("evaluate", "--data", "data.csv"), ("plot", "-o", "r.png")]
)
def test_what_needs_an_input_says_so(crn, closed, words):
    more = ("--what", "response") if words[0] == "plot" else ()
    result = crn(words[0], closed, *words[1:], *more)
    assert result.exit_code == 1
    assert "the network has no input, and so no response" in result.stderr
