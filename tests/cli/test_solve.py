"""``crncompile solve``: inputs, units, tables, files, failures."""

import csv
import json

import numpy as np
import pytest

import crncompile

from .conftest import MODELS
from .test_simulate import RELAXING


def exact(x):
    """Output of the divider: (30 x - 10) / 40, in kT."""
    return 0.75 * np.asarray(x) - 0.25


def values(result, kind="readouts", name="volts"):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)[kind][name]


@pytest.mark.parametrize(
    ("setting", "x"),
    [
        ("x=0.5", 0.5),
        (" x = -0.25 ", -0.25),
        ("x=5e-1 kT", 0.5),
        ("x=-4 uV", 4e-6 * 1.602176634e-19 / (1.380649e-23 * 0.1)),
        ("x=1e-24 J", 1e-24 / (1.380649e-23 * 0.1)),
    ],
)
def test_values_with_units_and_without(crn, setting, x):
    assert values(crn("solve", "divider.tnet", "--set", setting, "--json")) == [pytest.approx(exact(x), abs=1e-12)]


def test_a_bare_number_is_echoed_with_its_unit(crn):
    result = crn("solve", "divider.tnet", "--set", "x=0.5")
    assert "x = 0.5 kT\n" in result.stderr
    assert "0.125" in result.stdout
    assert "1 stable" in result.stdout
    assert "x = " not in crn("solve", "divider.tnet", "--set", "x=0.5 kT").stderr


def test_the_seed_is_said(crn):
    assert "drawn with seed 3" in crn("solve", "curve.tnet", "--set", "x=0", "--seed", "3").stderr
    drawn = [values(crn("solve", "curve.tnet", "--set", "x=1", "--seed", s, "--json"), name="z") for s in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


MISTAKES = {
    "no-value": ["divider.tnet"],
    "unknown-input": ["divider.tnet", "--set", "X=1"],
    "no-number": ["divider.tnet", "--set", "x=high"],
    "no-equals": ["divider.tnet", "--set", "x"],
    "wrong-unit": ["divider.tnet", "--set", "x=1 mM"],
    "unknown-unit": ["divider.tnet", "--set", "x=1 blorp"],
    "outside": ["divider.tnet", "--set", "x=2"],
    "bad-sweep": ["divider.tnet", "--sweep", "x=0:1"],
    "short-sweep": ["divider.tnet", "--sweep", "x=0:1:1"],
    "endless-sweep": ["divider.tnet", "--sweep", "x=0:1:99999999999"],
    "element-of-scalar": ["divider.tnet", "--set", "x[1]=0"],
    "element-out-of-range": ["classes.tnet", "--set", "x[4, 1]=0.5"],
    "some-elements": ["classes.tnet", "--set", "x[1, 1]=0.5"],
    "negative-concentration": ["classes.tnet", "--set", "x=-1"],
    "no-concentration": ["classes.tnet", "--set", "x=0 mM"],
    "broken-model": ["mistaken.tnet", "--set", "x=0"],
    "swept-twice": ["divider.tnet", "--sweep", "x=0:1:3", "--sweep", "x=0:1:3"],
    "endless-grid": ["classes.tnet", "--set", "x=1", "--sweep", "x[1, 1]=0.2:1:5000", "--sweep", "x[2, 1]=0.2:1:999"],
    "set-twice": ["divider.tnet", "--set", "x=0", "--set", "x=1"],
    "set-and-swept": ["divider.tnet", "--set", "x=0", "--sweep", "x=0:1:3"],
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_said_of_inputs(crn, clean, golden, name):
    result = crn("solve", *MISTAKES[name])
    assert result.exit_code == {"outside": 0, "broken-model": 1}.get(name, 2)
    golden.check(f"cli/solve/{name}.txt", clean(result.stderr))


def test_a_failure_is_data_too(crn):
    result = crn("solve", "mistaken.tnet", "--set", "x=0", "--json")
    content = json.loads(result.stdout)
    assert (result.exit_code, content["ok"]) == (1, False)
    assert len(content["mistakes"]) >= 3
    assert "no value for the input x" in json.loads(crn("solve", "divider.tnet", "--json").stdout)["error"]


def test_elements_over_all(crn):
    result = crn("solve", "classes.tnet", "--set", "x=0.5", "--set", "x[2, 1]=0.7 mM", "--json")
    inputs = json.loads(result.stdout)["inputs"]
    assert inputs["x[1, 1]"] == [0.5]
    assert inputs["x[2, 1]"] == [pytest.approx(0.7)]


def test_a_sweep_as_csv(crn, tmp_path):
    result = crn("solve", "divider.tnet", "--sweep", "x=-1:1:5", "-o", "out.csv")
    assert result.exit_code == 0
    assert "x = -1 to 1 kT in 5 steps" in result.stderr
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["x (kT)", "volts", "y (kT)", "status", "residual", "message"]
    x = np.array([float(row["x (kT)"]) for row in rows])
    assert x == pytest.approx(np.linspace(-1, 1, 5))
    assert [float(row["volts"]) for row in rows] == pytest.approx(exact(x), abs=1e-12)
    assert {row["status"] for row in rows} == {"stable"}
    assert all(float(row["residual"]) <= 1e-10 for row in rows)


def test_a_sweep_as_npz(crn, tmp_path):
    crn("solve", "curve.tnet", "--sweep", "x=-1:1:5", "-o", "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert arrays["h"].shape == (5, 2)
        assert arrays["x"] == pytest.approx(np.linspace(-1, 1, 5))
        assert arrays["z"] == pytest.approx(arrays["y"])
        assert set(arrays["certificate.status"]) == {"stable"}


def test_several_sweeps_span_a_grid(crn, tmp_path):
    words = ["solve", "classes.tnet", "--set", "x=0.5", "--sweep", "x[1, 1]=0.2:0.4:3", "--sweep", "x[2, 1]=0.6:0.7:2"]
    result = crn(*words, "-o", "out.csv")
    assert result.exit_code == 0
    assert "x[1, 1] = 0.2 to 0.4 mM in 3 steps\nx[2, 1] = 0.6 to 0.7 mM in 2 steps" in result.stderr
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["x[1, 1] (mM)"]) for row in rows] == pytest.approx([0.2, 0.2, 0.3, 0.3, 0.4, 0.4])
    assert [float(row["x[2, 1] (mM)"]) for row in rows] == pytest.approx([0.6, 0.7] * 3)
    assert {float(row["x[3, 1] (mM)"]) for row in rows} == {0.5}
    assert crn(*words, "-o", "out.npz").exit_code == 0
    with np.load(tmp_path / "out.npz") as arrays:
        assert arrays["x"].shape == (6, 3, 2)
    one = crn("solve", "classes.tnet", "--set", "x=0.5", "--set", "x[1, 1]=0.4", "--set", "x[2, 1]=0.6", "--json")
    assert float(rows[4]["digit[1]"]) == pytest.approx(values(one, name="digit[1]")[0], rel=1e-9)


def test_sweeps_of_two_inputs(crn, tmp_path):
    (tmp_path / "iv.tnet").write_text(VOLTS.replace("R = fixed(at = 0 uV)", "R = input(range = [-1 uV, 1 uV])"))
    content = json.loads(crn("solve", "iv.tnet", "--sweep", "L=0:10:2", "--sweep", "R=-1:1:3", "--json").stdout)
    assert content["inputs"] == {"L": [0, 0, 0, 10, 10, 10], "R": [-1, 0, 1, -1, 0, 1]}
    assert content["reservoirs"]["n"] == pytest.approx([-0.75, 0, 0.75, 1.75, 2.5, 3.25])


def test_a_sweep_with_units_runs_over_one_element(crn):
    words = ["--set", "x=0.5", "--sweep", "x[3, 2]=0.2 mM:0.4 mM:3", "--json"]
    content = json.loads(crn("solve", "classes.tnet", *words).stdout)
    assert content["inputs"]["x[3, 2]"] == pytest.approx([0.2, 0.3, 0.4])
    assert content["inputs"]["x[3, 1]"] == [0.5] * 3
    assert content["samples"] == 3


def test_raw_data_from_a_file(crn, tmp_path):
    (tmp_path / "in.csv").write_text("volts,x\n0,0\n0,5\n0,10\n")
    result = crn("solve", "divider.tnet", "--inputs", "in.csv", "--json")
    assert json.loads(result.stdout)["inputs"]["x"] == pytest.approx([-1, 0, 1])
    assert values(result) == pytest.approx(exact([-1, 0, 1]), abs=1e-12)


def test_both_rails_from_a_file(crn, tmp_path):
    (tmp_path / "in.csv").write_text("x[1],x[2],x[3]\n0,1,0.5\n")
    inputs = json.loads(crn("solve", "classes.tnet", "--inputs", "in.csv", "--json").stdout)["inputs"]
    assert inputs["x[1, 1]"] == pytest.approx([0.1])
    assert inputs["x[1, 2]"] == pytest.approx([1.0])
    assert inputs["x[2, 1]"] == pytest.approx([1.0])


def test_numbers_with_a_unit_from_a_file(crn, tmp_path):
    """As many models have no raw data: the header says the unit, which need not be that of the range."""
    (tmp_path / "iv.tnet").write_text(VOLTS.replace("R = fixed(at = 0 uV)", "R = input(range = [-1 kT, 1 kT])"))
    (tmp_path / "in.csv").write_text("L [mV],R[kT]\n0.02,0\n-0.04,0\n")
    result = crn("solve", "iv.tnet", "--inputs", "in.csv", "--json")
    content = json.loads(result.stdout)
    assert content["inputs"] == {"L": pytest.approx([20, -40]), "R": [0, 0]}
    assert content["reservoirs"]["n"] == pytest.approx([5, -10])
    assert result.stderr == ""


def test_elements_with_units_and_raw_data_in_one_file(crn, tmp_path):
    text = (MODELS / "classes.tnet").read_text()
    text = text.replace(
        "reservoir waste ", "reservoir z = input(range = [1 mM, 2 mM], data = [0, 1])\nreservoir waste "
    )
    (tmp_path / "m.tnet").write_text(text + "reaction more: z <-> waste = mass_action(k = 1 s^-1, K_eq = 1)\n")
    names = [f'"x[{i}, {rail}] [uM]"' for i in (1, 2, 3) for rail in (1, 2)]
    (tmp_path / "in.csv").write_text(",".join(["z", *names]) + "\n0.5,100,200,300,400,500,2000\n")
    result = crn("solve", "m.tnet", "--inputs", "in.csv", "--json")
    inputs = json.loads(result.stdout)["inputs"]
    assert [inputs[f"x[{i}, {rail}]"][0] for i in (1, 2, 3) for rail in (1, 2)] == pytest.approx(
        [0.1, 0.2, 0.3, 0.4, 0.5, 2]
    )
    assert inputs["z"] == pytest.approx([1.5])
    assert "x = 2 mM is outside its declared range, 0.1 to 1 mM" in result.stderr


FILES = {
    "file-no-data": ("iv.tnet", "L\n1\n"),
    "file-unit-unknown": ("iv.tnet", "L [blorp]\n1\n"),
    "file-unit-wrong": ("iv.tnet", "L [mM]\n1\n"),
    "file-unit-twice": ("divider.tnet", "x,x [kT]\n1,2\n"),
    "file-unit-of-no-input": ("divider.tnet", "y [kT]\n1\n"),
    "file-unit-no-number": ("iv.tnet", "L [uV]\nmany\n"),
    "file-unit-some-elements": ("classes.tnet", '"x[1, 1] [mM]"\n1\n'),
    "file-unit-no-concentration": ("brusselator.tnet", "B [mM],inhibitor\n1,1\n-1,1\n"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_said_of_files_of_inputs(crn, clean, golden, tmp_path, name):
    (tmp_path / "iv.tnet").write_text(VOLTS)
    (tmp_path / "in.csv").write_text(FILES[name][1])
    result = crn("solve", FILES[name][0], "--inputs", "in.csv")
    assert (result.exit_code, result.stdout) == (1, "")
    golden.check(f"cli/solve/{name}.txt", clean(result.stderr).split("\n")[-1])


def test_long_answers_are_cut_and_it_is_said(crn):
    result = crn("solve", "curve.tnet", "--sweep", "x=-1:1:60")
    assert "36 more samples" in result.stdout
    assert "-o F.csv or F.npz writes all" in result.stdout
    assert "…" not in result.stdout


def test_failed_samples_are_named_and_the_others_written(crn, tmp_path, hasty):
    result = crn("solve", "brusselator.tnet", "--sweep", "B=1:4:2", "-o", "out.csv")
    assert result.exit_code == 1
    assert "sample 1 (B = 4 mM): failed: no steady state within 40 steps: " in result.stderr
    assert "1 stable, 1 failed" in result.stdout
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["stable", "failed"]
    assert float(rows[0]["inhibitor"]) == pytest.approx(1, abs=1e-4)
    assert rows[1]["inhibitor"] == "nan"


BEYOND = {"A=1e-300": "A is too small", "A=1e300": "A is too large"}


@pytest.mark.parametrize("setting", BEYOND)
def test_concentrations_beyond_the_numbers_are_named(crn, tmp_path, setting):
    (tmp_path / "m.tnet").write_text(RELAXING)
    result = crn("solve", "m.tnet", "--set", setting)
    assert result.exit_code == 1
    assert result.stderr.endswith(f" mM): failed: {BEYOND[setting]} to be computed with\n")
    assert crn("solve", "m.tnet", "--set", "A=1e-30").exit_code == 0


@pytest.mark.parametrize("value", ["1e300", "-1e20"])
def test_potentials_beyond_the_numbers_are_named(crn, value):
    result = crn("solve", "divider.tnet", "--set", f"x={value}")
    assert result.exit_code == 1
    assert result.stderr.endswith(" kT): failed: x is too large to be computed with\n")


def test_failed_samples_are_null_in_json(crn, hasty):
    result = crn("solve", "brusselator.tnet", "--set", "B=4", "--json")
    content = json.loads(result.stdout)
    assert (result.exit_code, content["failed"]) == (1, 1)
    assert content["readouts"]["inhibitor"] == [None]
    assert content["certificate"]["status"] == ["failed"]


def test_a_gate_follows_a_voltage(crn):
    """An electron's potential is minus e times the voltage: 40 uV close the channel, -40 uV open it."""
    result = crn("solve", "own_device.tnet", "--sweep", "x=-40:40:3", "--json")
    mu = -1.602176634e-19 * np.array([-40e-6, 0, 40e-6]) / 1.380649e-23
    share = 1 / (1 + np.exp(-mu))
    assert values(result, name="z") == pytest.approx(share / (1 + share), abs=1e-12)


def test_currents_of_devices(crn, tmp_path):
    """In a divider both conductances carry the same current: 30 uS times a fourth of the voltage."""
    result = crn("solve", "divider.tnet", "--set", "x=1", "--currents", "upper, lower", "--json")
    currents = json.loads(result.stdout)["currents"]
    kT, e = 1.380649e-23 * 0.1, 1.602176634e-19
    expected = 30e-6 / e**2 * kT * (1 - 0.5)
    for name in ("upper", "lower"):
        assert currents[f"current {name}"] == [pytest.approx(expected, rel=1e-9)]
    result = crn("solve", "classes.tnet", "--set", "x=0.5", "--currents", "up[2,1,1],leak", "-o", "out.csv")
    assert result.exit_code == 0, result.output
    header = (tmp_path / "out.csv").read_text().splitlines()[0]
    assert '"current up[2, 1, 1] (1/s)",current leak[1] (1/s),current leak[2] (1/s)' in header


def test_currents_balance_at_every_reservoir():
    net = crncompile.load(MODELS / "curve.tnet")
    solution = net.solve(x=[-1.0, 0.5, 2.0])
    into, out = solution.currents("a"), solution.currents("b")
    assert into.shape == (3, 2)
    np.testing.assert_allclose(into, out, rtol=1e-8)
    np.testing.assert_allclose(out.sum(axis=1), solution.currents("d"), rtol=1e-8)


def test_currents_of_what_there_is_not(crn, clean, golden):
    for name, words in {"currents-unknown": "uper", "currents-no-element": "upper[2]"}.items():
        result = crn("solve", "divider.tnet", "--set", "x=1", "--currents", words)
        assert result.exit_code == 2
        golden.check(f"cli/solve/{name}.txt", clean(result.stderr))
    with pytest.raises(crncompile.DataError, match="no devices called z"):
        crncompile.load(MODELS / "curve.tnet").solve(x=0).currents("z")


VOLTS = """network iv "a dot between two leads"
temperature 100 mK
reservoir L = input(range = [-100 uV, 100 uV])
reservoir R = fixed(at = 0 uV)
reservoir n = floating(capacitance = 10 pF, start = 0 uV)
dot a: L -> n = linear_conductance(conductance = 1 uS)
dot b: n -> R = linear_conductance(conductance = 3 uS)
"""


def test_what_starts_at_a_voltage_is_shown_as_one(crn, tmp_path):
    (tmp_path / "iv.tnet").write_text(VOLTS)
    content = json.loads(crn("solve", "iv.tnet", "--set", "L=20", "--currents", "a", "--json").stdout)
    assert content["units"]["n"] == "uV"
    assert content["reservoirs"]["n"] == [pytest.approx(5.0)]
    # electrons flow from the lower voltage to the higher one: against the arrow, 15 uV * 1 uS / e
    assert content["currents"]["current a"] == [pytest.approx(-15e-6 * 1e-6 / 1.602176634e-19)]
    told = crn("simulate", "iv.tnet", "--set", "L=20", "--event", "n=3")
    assert "n rises through 3 uV" in told.stdout


def test_a_model_without_output_is_solved_and_drawn_with_its_currents(crn, tmp_path):
    (tmp_path / "iv.tnet").write_text(VOLTS)
    assert "the model has no output and no readout" in crn("check", "iv.tnet").stderr
    for name, options in (("two.svg", ["--currents", "a"]), ("one.svg", [])):
        assert crn("solve", "iv.tnet", "--sweep", "L=-20:20:5", *options, "--plot", name).exit_code == 0
    assert "current a (1/s)" in (tmp_path / "two.svg").read_text()
    assert "V (uV)" in (tmp_path / "one.svg").read_text()
    assert "no output and no readout" not in crn("check", "iv.tnet").stdout
    (tmp_path / "iv.tnet").write_text(VOLTS + "readout r = n / kT\n")
    assert "no output" not in crn("check", "iv.tnet").stderr


def test_a_sweep_evenly_spaced_in_the_logarithm(crn, tmp_path):
    (tmp_path / "iv.tnet").write_text(VOLTS)
    content = json.loads(crn("solve", "iv.tnet", "--sweep", "L=0.01:100:5:log", "--json").stdout)
    assert content["inputs"]["L"] == pytest.approx([0.01, 0.1, 1, 10, 100])
    refused = crn("solve", "iv.tnet", "--sweep", "L=0:100:5:log")
    assert (refused.exit_code, "needs both ends above zero" in refused.stderr) == (2, True)
