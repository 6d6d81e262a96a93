"""Pictures: every model is drawn, in every format, without a warning."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

import crncompile
from crncompile.analyze.characteristic import Varied, characteristic
from crncompile.errors import Source
from crncompile.language.parser import parse
from crncompile.language.reading import read_source
from crncompile.learn.data import read_data
from crncompile.learn.datasets import read_samples
from crncompile.learn.task import Outcome
from crncompile.network.library import standard_library
from crncompile.network.resolve import resolve
from crncompile.plots import course as course_plot
from crncompile.plots import device as device_plot
from crncompile.plots import response as response_plot
from crncompile.plots import style
from crncompile.plots import training as training_plot
from crncompile.plots.free_layout import is_layered
from crncompile.plots.layout import lay_out
from crncompile.plots.response import alike
from crncompile.plots.style import figure
from crncompile.plots.training import Seen, draw_classes, draw_training

from .conftest import MODELS

EXAMPLES = Path(crncompile.__file__).parents[1] / "models"
HEADS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
GOOD = sorted(path.name for path in MODELS.glob("*.tnet") if path.name != "mistaken.tnet")


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("ending", HEADS)
def test_networks(crn, tmp_path, name, ending):
    result = crn("plot", name, "--what", "network", "-o", f"n{ending}")
    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / f"n{ending}").read_bytes().startswith(HEADS[ending])


def test_a_picture_is_the_same_every_time(crn, tmp_path):
    for name in ("a.svg", "b.svg"):
        crn("plot", "curve.tnet", "--what", "network", "-o", name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_response_is_swept_over_the_range(crn, tmp_path):
    result = crn("plot", "curve.tnet", "--what", "response", "-o", "r.png")
    assert result.exit_code == 0
    assert "x = -3 to 3 kT in 121 steps" in result.stderr
    assert (tmp_path / "r.png").stat().st_size > 10_000


def test_the_response_of_one_input_of_several(crn):
    result = crn("plot", "classes.tnet", "--what", "response", "--sweep", "x[1, 1]=0.1:1:5", "-o", "r.png")
    assert result.exit_code == 0, result.output


def test_failures_are_drawn_and_told(crn, tmp_path, hasty):
    result = crn("solve", "brusselator.tnet", "--sweep", "B=1:4:3", "--plot", "r.svg")
    assert result.exit_code == 1
    assert (tmp_path / "r.svg").exists()


def network(text):
    return resolve(parse(text), standard_library())


def test_layers_run_from_inputs_to_outputs():
    groups = lay_out(network(read_source(MODELS / "curve.tnet")))
    assert groups["x"].xy[0, 0] < groups["h"].xy[0, 0] < groups["y"].xy[0, 0]
    assert groups["low"].side == "below"
    assert groups["low"].xy[0, 1] < groups["h"].xy[:, 1].min()


RING = """network ring
temperature 100 mK
index j = 1..8
reservoir x    = input(range = [-3 kT, 3 kT])
reservoir low  = fixed(at = -2 kT)
reservoir h[j] = floating(capacitance = 10 pF)
reservoir y    = output(capacitance = 10 pF)
dot feed:  x -> h[1]   = linear_conductance(conductance = 1 uS)
dot chain[j where j < 8]: h[j] -> h[j + 1] = linear_conductance(conductance = 1 uS)
dot close: h[8] -> h[1] = linear_conductance(conductance = 1 uS)
dot out:   h[5] -> y   = linear_conductance(conductance = 1 uS)
dot drain: y -> low    = linear_conductance(conductance = 1 uS)
readout z = y / 1 kT
"""


def test_a_ring_is_round_and_runs_from_left_to_right():
    model = network(Source("ring", RING))
    assert not is_layered(model)
    groups = lay_out(model)
    ring = groups["h"].xy
    apart = np.hypot(*(ring - np.roll(ring, 1, axis=0)).T)
    assert apart.max() < 1.5 * apart.min()
    radii = np.hypot(*(ring - ring.mean(axis=0)).T)
    assert radii.max() < 1.5 * radii.min()
    assert groups["x"].xy[0, 0] < ring[:, 0].min()
    assert groups["y"].xy[0, 0] > ring[:, 0].max()
    every = np.concatenate([group.xy for group in groups.values()])
    gaps = np.hypot(*(every[:, None] - every[None]).transpose(2, 0, 1)) + 9 * np.eye(len(every))
    assert gaps.min() > 1.6


def test_a_broken_or_unconnected_network_without_layers_is_drawn(crn, tmp_path):
    (tmp_path / "ring.tnet").write_text(RING.replace("1..8", "1..300").replace("j < 8", "j < 300"))
    assert crn("plot", "ring.tnet", "--what", "network", "-o", "n.png").exit_code == 0


def test_cascades_and_brusselators_have_layers(shared):
    for name in ("2_cascade.tnet", "3_brusselator.tnet"):
        assert is_layered(network(read_source(shared / "language" / name)))


def test_of_many_elements_some_are_shown(tmp_path):
    text = (MODELS / "curve.tnet").read_text().replace("1..2", "1..300")
    (tmp_path / "m.tnet").write_text(text)
    group = lay_out(network(read_source(tmp_path / "m.tnet")))["h"]
    assert len(group.shown) == len(group.xy) < 20
    assert group.shown[0] == 0
    assert group.shown[-1] == 299
    assert group.gap is not None


def test_training_with_several_inputs(tmp_path):
    text = (MODELS / "divider.tnet").read_text()
    text = text.replace("reservoir low ", "reservoir w = input(range = [-1 kT, 1 kT], data = [0, 1])\nreservoir low ")
    text = text.replace("dot lower", "dot side: w -> y = linear_conductance(conductance = 10 uS)\ndot lower")
    net = crncompile.loads(text)
    np.savez(tmp_path / "d.npz", x=[0, 5, 10, 2], w=[0, 1, 0.5, 0.2], volts=[0, 1, 2, 3])
    data = read_data(tmp_path / "d.npz", net.network)
    fit = net.fit(data.X, data.y, starts=1, iterations=3)
    draw_training(net, data, fit, tmp_path / "t.png")
    assert (tmp_path / "t.png").read_bytes().startswith(HEADS[".png"])


def test_training_with_one_input(crn, tmp_path):
    (tmp_path / "d.csv").write_text("x,volts\n0,0\n5,1\n10,4\n")
    result = crn("train", "divider.tnet", "--data", "d.csv", "--plot", "t.pdf", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["mse"] > 0.01
    assert (tmp_path / "t.pdf").read_bytes().startswith(HEADS[".pdf"])


def test_classes_bear_the_labels_of_the_data():
    """The model counts its classes from 1, the digits from 0."""
    net = crncompile.load(EXAMPLES / "digits_dots.tnet")
    data = read_samples("digits", net.network)
    some = np.arange(20)
    wrong = np.eye(10)[(data.y[some] + 1) % 10]
    seen = Seen(some, Outcome(None, wrong, 0.0, np.full(20, True)), 0.0, "20 samples")
    drawn = figure(9, 5)
    draw_classes(drawn.subfigures(1, 1), net, data, seen)
    matrix, first = drawn.axes[:2]
    digits = [str(digit) for digit in range(10)]
    assert [label.get_text() for label in matrix.get_xticklabels()] == digits
    assert [label.get_text() for label in matrix.get_yticklabels()] == digits
    assert first.get_title(loc="center") == f"{data.y[0]} → {(data.y[0] + 1) % 10}"


def test_classes_of_a_file_are_those_of_the_model(tmp_path):
    net = crncompile.load(MODELS / "classes.tnet")
    (tmp_path / "d.csv").write_text("x[1],x[2],x[3],label\n0,0,1,2\n")
    assert read_data(tmp_path / "d.csv", net.network).classes == ("1", "2")


# --- what stands in a picture ---


@pytest.fixture
def pictures(monkeypatch):
    """Return the figures that are drawn, as they are written."""
    found = []
    for module in (course_plot, device_plot, response_plot, training_plot):
        monkeypatch.setattr(module, "save", lambda drawn, path: (style.save(drawn, path), found.append(drawn)))
    return found


def test_labels_of_ticks_do_not_run_into_each_other(tmp_path):
    with style.styled():
        drawn = style.figure(3.2, 2)
        axes = drawn.subplots()
        axes.plot(np.linspace(-0.1, 0.1, 41), np.linspace(0, 1, 41))
        style.save(drawn, tmp_path / "t.png")
        drawn.draw_without_rendering()
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    boxes = sorted((box for box in boxes if box.width > 1), key=lambda box: box.x0)
    assert len(boxes) >= 3
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


@pytest.mark.parametrize("ends", [(0.3, 0.35), (0.9, 3.0), (0.02, 8.0), (1e-7, 30.0), (1e-30, 1e30), (1.2, 1.9)])
def test_a_logarithmic_axis_bears_several_numbers(ends):
    axes = style.figure(4, 3).subplots()
    axes.set_ylim(*ends)
    style.plain_log(axes.yaxis)
    ticks = [tick for tick in axes.get_yticks() if ends[0] <= tick <= ends[1]]
    assert 2 <= len(ticks) <= 8


def test_readouts_of_unlike_size_have_panels_of_their_own():
    x = np.linspace(0, 1, 11)
    panels = alike({"big": 1000 * x, "small": x, "half": 0.5 * x, "high": 900 + 90 * x, "still": 0 * x + 3})
    assert [list(panel) for panel in panels] == [["big", "high", "still"], ["small", "half"]]
    assert len(alike({f"y[{n}]": 100.0**n * x for n in range(9)})) == 1


MIXED = """network mixed
temperature 1 K
reservoir x = input(range = [-0.1 meV, 0.1 meV])
reservoir g = fixed(at = 0.2 meV)
reservoir h[j] = floating(capacitance = 1 pF, start = 5 ueV)
reservoir y = output(capacitance = 1 pF, start = 0 meV)
index j = 1..9
dot t[j]: x -> h[j] gate g = gated_conductance(conductance = 1 uS)
dot d[j]: h[j] -> y = linear_conductance(conductance = 1 uS)
readout z = y / 1 kT
"""


@pytest.mark.parametrize("words", [["solve", "--sweep", "x=-0.1:0.1:5"], ["simulate", "--set", "x=0.1"]])
def test_reservoirs_of_every_unit_are_drawn_and_named(crn, tmp_path, pictures, words):
    (tmp_path / "m.tnet").write_text(MIXED)
    assert crn(words[0], "m.tnet", *words[1:], "--plot", "r.png").exit_code == 0
    (drawn,) = pictures
    mine, others = drawn.axes[-2:]
    assert (mine.get_ylabel(), others.get_ylabel()) == ("μ (meV)", "μ (ueV)")
    assert (mine.get_title(loc="left"), others.get_title(loc="left")) == ("reservoir y", "reservoirs")
    assert [text.get_text() for text in others.get_legend().get_texts()] == [f"h[{n}]" for n in range(1, 9)] + [
        "1 other"
    ]


def test_a_device_is_drawn_in_the_units_of_the_model(crn, tmp_path, pictures):
    (tmp_path / "m.tnet").write_text(MIXED)
    assert crn("plot", "m.tnet", "--what", "device", "-o", "d.png").exit_code == 0
    (axes,) = pictures[0].axes
    assert axes.get_xlabel() == "μ at source (meV)"
    assert axes.get_title(loc="left") == "t[1]: gated_conductance\nheld: control at 0.2 meV"
    assert axes.get_lines()[1].get_xdata()[-1] == pytest.approx(0.1)
    assert [text.get_text() for text in axes.get_legend().get_texts()][1] == "drain = 5 ueV"


def trained(crn, tmp_path, samples, *words):
    (tmp_path / "d.csv").write_text("x,volts\n" + "".join(f"{x},{x / 5}\n" for x in samples))
    result = crn("train", "divider.tnet", "--data", "d.csv", "--optimizer", "adam", "--plot", "t.png", *words)
    assert result.exit_code == 0, result.output


def numbers(axes):
    low, high = axes.get_xlim()
    return [tick for tick in axes.get_xticks() if low <= tick <= high]


@pytest.mark.parametrize(("batch", "begins"), [("4", [2.5, 4.5]), ("1", [2.5, 4.5])])
def test_where_starts_begin_is_marked(crn, tmp_path, pictures, batch, begins):
    trained(crn, tmp_path, (0, 2, 5, 10), "--starts", "3", "--epochs", "2", "--setting", f"batch={batch}")
    loss = pictures[0].axes[-1]
    assert [text.get_text().strip() for text in loss.texts] == ["start 2", "start 3"]
    assert [text.get_position()[0] for text in loss.texts] == begins


def test_a_single_sample_and_a_single_evaluation_are_seen(crn, tmp_path, pictures):
    trained(crn, tmp_path, (5,), "--epochs", "1")
    upper, loss = pictures[0].axes[0], pictures[0].axes[-1]
    assert all(line.get_marker() == "o" for line in upper.get_lines())
    assert loss.get_lines()[-1].get_marker() == "o"
    assert numbers(loss) == [1]


# --- devices ---

INHIBITED = """network one
temperature 300 K
volume 1 nL
parameter K = 0.2 mM
reservoir s = input(range = [0.01 mM, 10 mM])
reservoir p = output(start = 0.1 mM)
reservoir w = fixed(at = 1 uM)
enzyme e: s -> p = substrate_inhibited(
    total = 50 nM, k_cat = 100 s^-1, K_M = K, K_P = 1 mM, K_I = 2 * K, K_eq = 1000)
reaction out: p <-> w = mass_action(k = 1 s^-1, K_eq = 1)
readout z = p / 1 mM
"""


def test_a_characteristic_falls_beyond_its_peak():
    """At S = P/K_eq + sqrt((P/K_eq)^2 + K_M*K_I*(1 + P/K_P + P/(K_eq*K_M)))."""
    net = crncompile.loads(INHIBITED)
    found = characteristic(net, net.parameters(), net.network.families[0])
    assert (found.device, found.terminal, found.molecules) == ("e", "S", True)
    for curve, P in zip(found.curves, (1e-5, 1e-4, 1e-3), strict=True):
        K_M, K_I, K_P, K_eq = 2e-4, 4e-4, 1e-3, 1000
        peak = P / K_eq + np.sqrt((P / K_eq) ** 2 + K_M * K_I * (1 + P / K_P + P / (K_eq * K_M)))
        assert found.x[curve.falls].min() == pytest.approx(peak, rel=0.02)
        assert curve.falls[found.x > 1.02 * peak].all()


def test_a_resonant_dot_never_falls():
    net = crncompile.load(MODELS / "curve.tnet")
    family = next(f for f in net.network.families if f.name == "b")
    found = characteristic(net, net.parameters(), family, 1)
    assert found.device == "b[2]"
    assert not any(curve.falls.any() for curve in found.curves)
    with_level = characteristic(net, net.parameters(), family, 0, Varied("level", (-2.0, 2.0), ("low", "high")))
    low, high = with_level.curves
    assert np.abs(low.current - high.current).max() > 0.1 * np.abs(low.current).max()


def test_devices_are_drawn(crn, tmp_path):
    words = ["plot", "curve.tnet", "--what", "device", "-o", "d.png"]
    assert crn(*words, "--device", "a[2]", "--vary", "detuning=-4,0,4kT").exit_code == 0
    assert crn(*words, "--vary", "right=0 kT,1 kT").exit_code == 0
    assert (tmp_path / "d.png").stat().st_size > 10_000
    (tmp_path / "one.tnet").write_text(INHIBITED)
    result = crn("plot", "one.tnet", "--what", "device", "--vary", "K_M=0.1,1e-1 mM", "-o", "e.svg")
    assert result.exit_code == 0, result.output


DEVICE_MISTAKES = {
    "unknown": ["--device", "c"],
    "no-element": ["--device", "a[3]"],
    "vary-unknown": ["--vary", "detunin=0,1"],
    "vary-form": ["--vary", "detuning"],
    "vary-unit": ["--vary", "detuning=0,1 mM"],
    "vary-unknown-unit": ["--vary", "detuning=0,1 blorp"],
    "vary-number": ["--vary", "detuning=0,high"],
    "vary-bounds": ["--vary", "lever=0,2"],
}


@pytest.mark.parametrize("name", DEVICE_MISTAKES)
def test_what_is_said_of_devices(crn, clean, golden, name):
    result = crn("plot", "curve.tnet", "--what", "device", "-o", "d.png", *DEVICE_MISTAKES[name])
    assert result.exit_code == 2
    golden.check(f"cli/plot/{name}.txt", clean(result.stderr).split("\n")[-1])


def test_an_expression_is_not_varied_by_itself(crn, tmp_path):
    (tmp_path / "one.tnet").write_text(INHIBITED)
    result = crn("plot", "one.tnet", "--what", "device", "--vary", "K_I=1 mM", "-o", "e.svg")
    assert "K_I of e is an expression of other parameters, and can not be varied by itself" in result.stderr


def test_a_reaction_that_takes_from_no_reservoir_or_gives_to_none_is_told(crn, tmp_path):
    (tmp_path / "r.tnet").write_text(
        "network r\ntemperature 300 K\nvolume 1 nL\nreservoir F = fixed(at = 1 mM)\n"
        "reservoir X = output(start = 1 mM)\nreaction sink: X + F <-> F = mass_action(k = 1 mM^-1/s, K_eq = 1 mM^-1)\n"
        "reaction make: F <-> F + X = mass_action(k = 1 s^-1, K_eq = 1 mM)\nreadout x = X / 1 mM\n"
    )
    words = ["plot", "r.tnet", "--what", "device", "-o", "d.png"]
    assert crn(*words, "--device", "sink").stderr == (
        "error: sink gives nothing to a reservoir that could take several values; vary r1 or r2\n"
    )
    assert crn(*words, "--device", "sink", "--vary", "r2=0.5,1,2mM").exit_code == 0
    assert crn(*words, "--device", "make").stderr == (
        "error: make takes nothing from a reservoir over whose potential its current could be drawn\n"
    )


def test_groups_at_one_distance_that_devices_join_stand_side_by_side():
    network = crncompile.loads(
        "network n temperature 300 K volume 1 nL index i = 1..3\nreservoir s = input(range = [0.1 mM, 1 mM])\n"
        "reservoir a[i] = floating(start = 1 mM)\nreservoir b[i] = floating(start = 1 mM)\n"
        "reservoir c[i] = floating(start = 1 mM)\nreservoir y = output(start = 1 mM)\n"
        "reaction up[i]: s <-> a[i] = mass_action(k = 1 s^-1, K_eq = 1)\n"
        "reaction on[i]: s <-> b[i] = mass_action(k = 1 s^-1, K_eq = 1)\n"
        "reaction off[i]: s <-> c[i] = mass_action(k = 1 s^-1, K_eq = 1)\n"
        "reaction over[i]: a[i] <-> b[i] = mass_action(k = 1 s^-1, K_eq = 1)\n"
        "reaction out[i]: b[i] <-> y = mass_action(k = 1 s^-1, K_eq = 1)\nreadout r = y / 1 mM\n"
    ).network
    groups = lay_out(network)
    places = [groups[name].xy[0, 0] for name in "sabcy"]
    assert places[0] < places[1] < places[2] < places[4]
    assert places[3] == places[1]
