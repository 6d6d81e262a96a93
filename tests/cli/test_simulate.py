"""``crncompile simulate`` and ``net.simulate``: relaxation in time."""

import csv
import json

import numpy as np
import pytest

import crncompile
from crncompile.errors import DataError, SteadyStateError
from crncompile.solve import relaxation
from crncompile.solve.relaxation import End

from .conftest import MODELS

K = 1.380649e-23 * 0.1
CAPACITANCE = 10e-12 * K / 1.602176634e-19**2
RATE = 40e-6 * K / 1.602176634e-19**2 / CAPACITANCE
"""Of the divider's relaxation, in 1/s: conductance over capacitance."""


@pytest.fixture(scope="module")
def divider():
    return crncompile.load(MODELS / "divider.tnet")


@pytest.fixture(scope="module")
def closed():
    return crncompile.loads("""network closed
temperature 300 K
volume 1 nL
reservoir x = input(range = [1 mM, 2 mM])
reservoir w = fixed(at = 1 mM)
reservoir A = floating(start = 3 mM)
reservoir B = output(start = 1 mM)
reaction turn: A <-> B = mass_action(k = 2 s^-1, K_eq = 3)
reaction apart: x <-> w = mass_action(k = 1 s^-1, K_eq = 1)
readout b = B / 1 mM
""")


def divided(x, t, start=0.0):
    end = 0.75 * x - 0.25
    return end + (start - end) * np.exp(-RATE * t)


def test_a_linear_network_decays_as_it_must(divider):
    found = divider.simulate(x=1.0, until=2e-6)
    assert found.end is End.TIME
    assert len(found.times) == 501
    np.testing.assert_allclose(found.values["y"], divided(1.0, found.times), atol=1e-7)
    np.testing.assert_allclose(found.readouts["volts"], found.values["y"])


def test_until_it_is_steady(divider):
    found = divider.simulate(x=1.0)
    assert found.end is End.STEADY
    assert found.logarithmic
    assert found.distance.max() < 1.1e-6
    assert found.certificate.status[0] == "stable"
    assert found.values["y"][-1] == pytest.approx(0.5, abs=2e-6)


def test_steps_of_inputs_and_where_levels_are_crossed(divider):
    found = divider.simulate(x=1.0, until=3e-6, steps=[(1e-6, {"x": -1.0})], events={"y": 0.2, "volts": -0.3})
    top = divided(1.0, 1e-6)
    late = found.times >= 1e-6
    expected = np.where(late, divided(-1.0, found.times - 1e-6, top), divided(1.0, found.times))
    np.testing.assert_allclose(found.values["y"], expected, atol=1e-7)
    np.testing.assert_allclose(found.values["x"], np.where(late, -1.0, 1.0))
    rise, fall, low = found.events
    assert (rise.label, rise.rising, fall.rising, low.label) == ("y", True, False, "volts")
    assert rise.time == pytest.approx(-np.log(0.6) / RATE, rel=1e-6)
    assert fall.time == pytest.approx(1e-6 - np.log(1.2 / (top + 1)) / RATE, rel=1e-6)
    assert {rise.time, fall.time, low.time, 1e-6} <= set(found.times)


def test_a_closed_network_keeps_its_totals(closed):
    found = closed.simulate(x=1)
    assert found.values["B"][-1] == pytest.approx(3e-3, rel=2e-6)
    ((name, drift),) = found.drift.items()
    assert "A" in name
    assert drift < 1e-13
    np.testing.assert_allclose(found.values["A"] + found.values["B"], 4e-3, rtol=1e-7)
    np.testing.assert_allclose(found.values["B"], 3e-3 - 2e-3 * np.exp(-8 / 3 * found.times), rtol=3e-6)


def test_a_closed_network_comes_to_the_steady_state_of_its_totals(closed):
    """What steps of a coarse tolerance lost of a total, no later step would bring back."""
    found = closed.simulate(x=1, until=1e4, rtol=1e-5)
    assert found.distance.max() < 1e-9
    assert max(found.drift.values()) < 1e-13


def test_another_start(closed):
    found = closed.simulate(x=1, start={"A": 1e-3}, until=1.0)
    assert found.values["A"][0] == pytest.approx(1e-3, rel=1e-12)
    assert found.values["A"][-1] + found.values["B"][-1] == pytest.approx(2e-3, rel=1e-6)


def test_a_limit_cycle_has_its_period():
    net = crncompile.load(MODELS / "brusselator.tnet")
    found = net.simulate(B=3.0, until=60.0)
    assert found.end is End.TIME
    assert found.period == pytest.approx(7.157, abs=5e-3)
    assert found.certificate.failed[0]
    assert found.raise_for_failure() is found
    endless = net.simulate(B=3.0)
    assert endless.end is End.OSCILLATES
    assert not endless.logarithmic
    assert endless.period == pytest.approx(found.period, rel=1e-3)
    with pytest.raises(SteadyStateError, match=r"X and Y oscillate with a period of 7\.15"):
        endless.raise_for_failure()


def test_what_grows_without_bound_is_named():
    net = crncompile.loads("""network filling
temperature 300 K
volume 1 nL
reservoir A = input(range = [1 mM, 2 mM])
reservoir B = output(start = 1 mM)
reaction fill: A => B = mass_action(k = 1 s^-1)
readout b = B / 1 mM
""")
    found = net.simulate(A=1, most_steps=300)
    assert found.end is End.STEPS
    assert "B still changes" in found.message


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"x": [0.1, 0.2]}, "one sample is simulated at a time"),
        ({"x": 0.1, "until": -1.0}, "the end, -1 s, must be above zero and finite"),
        ({"x": 0.1, "until": np.nan}, "the end, nan s, must be"),
        ({"x": 0.1, "until": 1.0, "steps": [(2.0, {"x": 0})]}, "lies before the last step"),
        ({"x": 0.1, "steps": [(2.0, {"x": 0}), (1.0, {"x": 0})]}, "and rise"),
        ({"x": 0.1, "start": {"z": 1}}, "no floating reservoir z"),
        ({"x": 0.1, "start": {"y": [1, 2]}}, "start of y has shape"),
        ({"x": 0.1, "start": {"y": np.inf}}, "start of y is not a finite number"),
        ({"x": 0.1, "events": {"w": 1}}, "no floating reservoir or readout w"),
    ],
)
def test_what_does_not_fit(divider, settings, said):
    with pytest.raises(DataError, match=said):
        divider.simulate(**settings)


# --- command line ---


def test_what_is_printed(crn, golden):
    words = ["simulate", "divider.tnet", "--set", "x=1", "--until", "3us", "--step", "x=-1@1us", "--event", "y=0.2"]
    result = crn(*words, "--event", "volts=0.9")
    assert result.exit_code == 0
    golden.check("cli/simulate/printed.txt", result.stdout.strip())
    golden.check("cli/simulate/notes.txt", result.stderr.strip())


def test_a_course_as_csv(crn, tmp_path):
    words = ["--set", "x=1 kT", "--until", "3 us", "--step", "x=-1 kT@1 us", "--event", "y=0.2 kT", "--points", "7"]
    result = crn("simulate", "divider.tnet", *words, "-o", "out.csv")
    assert (result.exit_code, "kT" in result.stderr) == (0, False)
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["time (s)", "x (kT)", "volts", "y (kT)", "event"]
    assert [row["event"] for row in rows if row["event"]] == [
        "y rises through 0.2 kT", "x = -1 kT", "y falls through 0.2 kT"
    ]  # fmt: skip
    crossing = next(row for row in rows if row["event"].startswith("y rises"))
    assert float(crossing["y (kT)"]) == pytest.approx(0.2, abs=1e-12)


def test_a_course_as_arrays_and_pictures(crn, tmp_path):
    result = crn("simulate", "classes.tnet", "--set", "x=0.5", "--until", "1s", "-o", "out.npz", "--plot", "out.svg")
    assert result.exit_code == 0, result.output
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert arrays["y"].shape == (501, 2)
        assert arrays["digit"].shape == (501, 2)
        assert str(arrays["end"]) == "time"
    words = ["--set", "x=1", "--step", "x=0@1us", "--event", "y=0.1", "--until", "2us", "--plot", "jump.png"]
    assert crn("simulate", "divider.tnet", *words).exit_code == 0
    assert (tmp_path / "jump.png").stat().st_size > 10_000


def test_times_without_a_unit_are_echoed(crn):
    words = ["--set", "x=1 kT", "--until", "3e-6", "--step", "x=-1 kT@1e-6"]
    result = crn("simulate", "divider.tnet", *words)
    assert result.exit_code == 0
    assert "x = -1 kT at 1 us\nuntil 3 us\n" in result.stderr


def test_elements_have_starts_and_jumps_of_their_own(crn):
    words = ["--set", "x=0.5", "--start", "y[2]=0.1", "--step", "x[1, 1]=1@1 s", "--until", "2 s", "--json"]
    content = json.loads(crn("simulate", "classes.tnet", *words).stdout)
    assert content["reservoirs"]["y[1]"][0] == pytest.approx(0.5)
    assert content["reservoirs"]["y[2]"][0] == pytest.approx(0.1)
    assert content["inputs"]["x[1, 1]"][-1] == pytest.approx(1.0)
    assert content["inputs"]["x[1, 2]"][-1] == pytest.approx(0.5)


def test_a_simulation_as_data(crn):
    content = json.loads(crn("simulate", "divider.tnet", "--set", "x=1", "--event", "y=0.2", "--json").stdout)
    assert content["end"] == "steady"
    assert content["distance"] < 1e-5
    assert content["events"][0]["what"] == "y rises through 0.2 kT"
    assert len(content["times"]) == len(content["reservoirs"]["y"]) == 502


def test_what_never_settles_ends_with_1(crn):
    result = crn("simulate", "brusselator.tnet", "--set", "B=3")
    assert result.exit_code == 1
    assert "error: no steady state is reached: X and Y oscillate with a period of 7.1" in result.stderr
    assert crn("simulate", "brusselator.tnet", "--set", "B=3", "--until", "10 s").exit_code == 0


RELAXING = """network relaxing
temperature 300 K
volume 1 nL
reservoir A = input(range = [0.1 mM, 1 mM])
reservoir B = output(start = 1 mM)
reaction r: A <-> B = mass_action(k = 1 s^-1, K_eq = 1)
readout y = B / 1 mM
"""


@pytest.mark.parametrize("model", ["divider.tnet", "relaxing.tnet"])
@pytest.mark.parametrize("until", ["1e30s", "3e15 s"])
def test_what_is_at_rest_stays_so_to_a_far_end(crn, tmp_path, model, until):
    (tmp_path / "relaxing.tnet").write_text(RELAXING)
    result = crn("simulate", model, "--set", "x=1" if model == "divider.tnet" else "A=0.5", "--until", until, "--json")
    content = json.loads(result.stdout)
    assert (result.exit_code, content["end"]) == (0, "time")
    assert content["times"][-1] == float(until.strip(" s"))
    assert content["distance"] < 1e-7
    assert content["steps"] < 2000


def test_inputs_jump_after_a_long_rest(divider):
    found = divider.simulate({"x": 1.0}, until=1e30, steps=[(1e3, {"x": 2.0})])
    assert found.end == "time"
    assert found.values["y"][-1] == pytest.approx(divided(2, np.inf), abs=1e-6)
    assert found.path.at(np.array([999.0]))[0][0, 0] == pytest.approx(divided(1, np.inf), abs=1e-6)


def test_an_end_that_is_not_reached_is_told_once(crn, monkeypatch):
    monkeypatch.setattr(relaxation._Course, "_steps", lambda *_: (End.STIFF, None))
    result = crn("simulate", "divider.tnet", "--set", "x=1", "--until", "1 s")
    assert result.exit_code == 1
    assert "error: the end is not reached: can not be followed beyond 0 s: y still changes" in result.stderr
    assert "can not be followed" not in result.stdout


def test_an_interrupt_writes_what_there_is(crn, tmp_path, monkeypatch):
    def told(t, steps):
        if steps == 40:
            raise KeyboardInterrupt

    monkeypatch.setattr("crncompile.cli.commands.simulate._progress", lambda: told)
    result = crn("simulate", "brusselator.tnet", "--set", "B=3", "-o", "out.csv")
    assert result.exit_code == 130
    assert "interrupted: what there is is kept" in result.stderr
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 502


MISTAKES = {
    "no-input": ["divider.tnet"],
    "until-unit": ["divider.tnet", "--set", "x=0", "--until", "3 mM"],
    "until-unknown-unit": ["divider.tnet", "--set", "x=0", "--until", "3 blorp"],
    "until-nothing": ["divider.tnet", "--set", "x=0", "--until", "soon"],
    "until-negative": ["divider.tnet", "--set", "x=0", "--until", "-1 s"],
    "step-without-time": ["divider.tnet", "--set", "x=0", "--step", "x=1"],
    "step-unknown": ["divider.tnet", "--set", "x=0", "--step", "y=1@1us"],
    "step-after-end": ["divider.tnet", "--set", "x=0", "--step", "x=1@2us", "--until", "1us"],
    "start-of-input": ["divider.tnet", "--set", "x=0", "--start", "x=1"],
    "start-zero": ["classes.tnet", "--set", "x=0.5", "--start", "y=0"],
    "event-unknown": ["divider.tnet", "--set", "x=0", "--event", "low=0"],
    "event-of-several": ["classes.tnet", "--set", "x=0.5", "--event", "y=0.4"],
    "event-readout-unit": ["divider.tnet", "--set", "x=0", "--event", "volts=0.3 kT"],
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_said_of_simulations(crn, clean, golden, name):
    result = crn("simulate", *MISTAKES[name])
    assert result.exit_code == 2
    golden.check(f"cli/simulate/{name}.txt", clean(result.stderr))
