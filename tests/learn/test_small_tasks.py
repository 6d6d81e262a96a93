"""Tasks that are drawn: what they are, that everybody has the same, and what is said of models that do not fit."""

import csv
from pathlib import Path

import numpy as np
import pytest

import crncompile
from crncompile.errors import DataError
from crncompile.learn.datasets import is_set, read_samples
from crncompile.learn.small_tasks import SMALL_TASKS

REPOSITORY = Path(__file__).parents[2]
TEXT = """
network small
temperature 100 mK
index i = 1..{inputs}
index k = 1..{outputs}
reservoir x[i] = input(range = [-3 kT, 3 kT], data = [{low}, {high}])
reservoir ground = fixed(at = 0 kT)
reservoir y[k] = output(capacitance = 10 pF, start = 0 kT)
dot a[i, k]: x[i] -> y[k] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = train normal(0 kT, 1 kT))
dot b[k]: y[k] -> ground = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
{keyword} z[k] = y[k] / 1 kT
"""


def model(inputs=2, outputs=2, keyword="classify", low=-3, high=3):
    text = TEXT.format(inputs=inputs, outputs=outputs, keyword=keyword, low=low, high=high)
    return crncompile.loads(text).network


@pytest.mark.parametrize("name", SMALL_TASKS)
def test_everybody_has_the_same_samples(name):
    task = SMALL_TASKS[name]
    for part, samples in (("train", task.trained), ("test", 1000)):
        (X, y), (again, same) = task.part(part), task.part(part)
        assert len(X) == len(y) == samples
        assert np.array_equal(X, again)
        assert np.array_equal(y, same)
        assert y.ndim == (1 if task.classifies else 2)
    if name != "sine":
        assert not {tuple(row) for row in task.part("train")[0]} & {tuple(row) for row in task.part("test")[0]}


def test_the_sine_is_that_of_the_examples():
    with (REPOSITORY / "examples" / "sine.csv").open(encoding="utf-8", newline="") as file:
        rows = np.array([[float(cell) for cell in row] for row in list(csv.reader(file))[1:]])
    X, y = SMALL_TASKS["sine"].part("train")
    assert np.hstack([X, y]) == pytest.approx(rows, abs=1e-14)


def test_exclusive_or_has_four_clouds_of_equal_weight():
    X, labels = SMALL_TASKS["xor"].part("train")
    corners = np.round(X)
    assert np.abs(X - corners).max() <= 0.3
    assert np.array_equal(labels, corners[:, 0] != corners[:, 1])
    assert np.bincount((2 * corners[:, 0] + corners[:, 1]).astype(int)).tolist() == [50] * 4


def test_moons_are_half_circles_that_reach_into_each_other():
    X, labels = SMALL_TASKS["moons"].part("test")
    for label, centre, side in ((0, (0, 0), 1), (1, (1, 0.5), -1)):
        away = X[labels == label] - centre
        assert np.linalg.norm(away, axis=1).mean() == pytest.approx(1, abs=0.02)
        assert (side * away[:, 1] > -0.5).all()
    nearest = np.argmin([np.abs(np.linalg.norm(X - c, axis=1) - 1) for c in ((0, 0), (1, 0.5))], axis=0)
    assert 0.5 < np.mean(nearest == labels) < 0.99  # distance from the circles alone does not tell them apart


def test_the_bump_is_high_in_the_middle_only():
    X, y = SMALL_TASKS["bump"].part("test")
    assert np.abs(X).max() <= 1
    assert y.ravel() == pytest.approx(np.exp(-3.125 * (X**2).sum(axis=1)))


def test_parts_are_chosen_as_those_of_images_are():
    network = model()
    every, train, test = (read_samples(f"moons:{part}", network) for part in ("all", "train", "test"))
    assert np.array_equal(every.X, np.concatenate([train.X, test.X]))
    assert np.array_equal(read_samples("moons", network, "test").y, test.y)
    assert (train.features, train.targets, train.warnings) == (("x[1]", "x[2]"), ("label",), ())
    assert is_set("moons")
    assert is_set("xor:test")
    assert not is_set("moons.csv")


def test_samples_beyond_the_range_of_the_data_are_told():
    (warning,) = read_samples("xor", model(low=0, high=1)).warnings
    assert "is outside the data range [0, 1] of x" in warning


UNFIT = {
    "small-inputs": ("moons", {"inputs": 3}),
    "small-labels": ("xor", {"keyword": "readout"}),
    "small-values": ("bump", {}),
    "small-readouts": ("bump", {"keyword": "readout"}),
    "small-classes": ("moons", {"outputs": 1}),
    "small-part": ("moons:tests", {}),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_said_of_models_that_do_not_fit(golden, name):
    source, settings = UNFIT[name]
    with pytest.raises(DataError) as caught:
        read_samples(source, model(**settings))
    golden.check(f"cli/data/{name}.txt", str(caught.value))
