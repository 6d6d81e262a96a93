"""Samples, targets and losses: shapes, what is refused, and losses against their definitions."""

import numpy as np
import pytest

import crncompile
from crncompile.errors import DataError
from crncompile.learn.rules.adjoint import gradient
from crncompile.learn.task import Search, Task

HEAD = """
network several
temperature 310.15 K
volume 1 nL
index i = 1..2
index j = 1..3
reservoir x[i] = input(range = [0.1 mM, 2 mM], data = [0, 10])
reservoir y[j] = output(start = 1 mM)
reservoir low  = fixed(at = 1 uM)
enzyme a[i, j]: x[i] -> y[j] = michaelis_menten(
    total = train lognormal(20 nM, 0.5), k_cat = 100 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 10)
reaction drain[j]: y[j] <-> low = mass_action(k = train lognormal(1e-3 s^-1, 0.5), K_eq = 1)
"""
REGRESSION = HEAD + "readout first = ln(y[1] / 1 mM)\nreadout all[j] = y[j] / 1 mM\n"
CLASSES = HEAD + "parameter scale = train 2\nclassify c[j] = scale * ln(y[j] / 1 mM)\n"


@pytest.fixture(scope="module")
def regression():
    return crncompile.loads(REGRESSION)


@pytest.fixture(scope="module")
def classes():
    return crncompile.loads(CLASSES)


X = np.random.default_rng(0).uniform(0, 10, (5, 2))
Y = np.random.default_rng(1).uniform(0, 1, (5, 4))
LABELS = np.array([0, 2, 1, 2, 0])


def with_value(array, place, value):
    changed = array.copy()
    changed[place] = value
    return changed


def test_squares_are_of_all_readouts_in_the_order_of_the_text(regression):
    task = Task(regression, X, Y)
    outcome = task.run(regression.parameters())
    solution = regression.solve(x=X, raw=True)
    predictions = np.concatenate([solution.readouts["first"][:, None], solution.readouts["all"]], axis=1)
    assert outcome.predictions == pytest.approx(predictions, rel=1e-12)
    assert outcome.loss == pytest.approx(np.mean((predictions - Y) ** 2), rel=1e-12)
    assert outcome.unconverged == 0


def test_classes_are_by_cross_entropy(classes):
    task = Task(classes, X, LABELS)
    outcome = task.run(classes.parameters())
    odds = np.exp(classes.solve(x=X, raw=True).readouts["c"])
    share = odds / odds.sum(axis=1, keepdims=True)
    assert outcome.loss == pytest.approx(-np.mean(np.log(share[np.arange(5), LABELS])), rel=1e-12)
    assert task.accuracy(outcome) == np.mean(share.argmax(axis=1) == LABELS)


@pytest.mark.parametrize("model", ["regression", "classes"])
def test_the_gradient_of_the_loss(model, request):
    net = request.getfixturevalue(model)
    task = Task(net, X, Y if model == "regression" else LABELS)
    values = net.parameters()
    outcome = task.run(values)
    slopes = gradient(net, outcome, task.by_readout(task.loss_weights(outcome)))
    for name in net.trained:
        index = (0,) * values[name].ndim
        step = 1e-4 * abs(values[name][index])
        ends = []
        for k in (-2, -1, 1, 2):
            moved = values[name].copy()
            moved[index] += k * step
            ends.append(task.run({**values, name: moved}, Search(outcome.solution.u)).loss)
        difference = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * step)
        assert slopes[name][index] == pytest.approx(difference, rel=1e-7, abs=1e-12 / step), name


def test_samples_without_a_steady_state_are_left_out(regression):
    task = Task(regression, X, Y)
    whole = task.run(regression.parameters())
    good = np.array([True, False, True, True, True])
    part = type(whole)(whole.solution, whole.predictions, whole.loss, good)
    weights = task.loss_weights(part)
    assert np.all(weights[1] == 0)
    assert weights[good] == pytest.approx(2 * (whole.predictions - Y)[good] / (4 * 4))
    each = gradient(regression, part, task.by_readout(weights), per_sample=True)
    assert np.all(each["a.total"][1] == 0)
    assert each["a.total"].sum(axis=0) == pytest.approx(gradient(regression, part, task.by_readout(weights))["a.total"])
    assert part.unconverged == 1


def test_a_task_on_some_of_the_samples(classes):
    task = Task(classes, X, LABELS)
    whole = task.run(classes.parameters()).predictions
    part = task.subset(np.array([3, 1]))
    assert part.samples == 2
    assert part.targets.tolist() == [2, 2]
    assert part.run(classes.parameters()).predictions == pytest.approx(whole[[3, 1]], rel=1e-9)
    assert task.samples == 5


@pytest.mark.parametrize(
    ("inputs", "targets", "said"),
    [
        (X[:, :1], Y, r"the network has 2 inputs, but the data have shape \(5, 1\)"),
        (X[:0], Y[:0], "there are no samples"),
        (X, Y[:4], "the targets have shape"),
        (X, Y[:0], "the targets have shape"),
        (X, Y[:, :3], "the targets have shape"),
        (with_value(X, (3, 1), np.nan), Y, "sample 3 of the inputs is not a finite number"),
        (X, with_value(Y, (2, 0), np.inf), "sample 2 of the targets is not a finite number"),
        ([["a", "b"]], Y[:1], "the inputs are not numbers"),
        (X + 1j, Y, "the inputs are complex numbers"),
        (X, Y + 0j, "the targets are complex numbers"),
        ([[1.0], [1.0, 2.0]], Y[:2], "the inputs are not numbers"),
        (X, [["a"] * 4] * 5, "the targets are not numbers"),
        (3.0, Y, "the network has 2 inputs"),
        (X, 3.0, "the targets have shape"),
    ],
)
def test_data_that_do_not_fit(regression, inputs, targets, said):
    with pytest.raises(DataError, match=said):
        Task(regression, inputs, targets)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (LABELS[:3], "there are 5 samples but 3 labels"),
        ([0, 1, 2, 3, 0], "labels must be whole numbers from 0 to 2"),
        ([0, 1, 2, -1, 0], "labels must be whole numbers"),
        ([0, 1, 2, 0.5, 0], "labels must be whole numbers"),
        ([0, 1, 2, np.nan, 0], "labels must be whole numbers"),
        (list("abcde"), "the targets are not numbers"),
    ],
)
def test_labels_that_do_not_fit(classes, labels, said):
    with pytest.raises(DataError, match=said):
        Task(classes, X, labels)


def test_a_model_that_says_nothing_can_not_learn():
    silent = crncompile.loads(HEAD)
    with pytest.raises(DataError, match="a model needs readouts, or one classify statement"):
        Task(silent, X, Y)
