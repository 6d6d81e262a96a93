"""Samples held back, schedules, what is added to batches, the other optimisers, and how training ends badly."""

from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage

import crncompile
from crncompile.errors import DataError
from crncompile.learn import optimizers
from crncompile.learn.augment import Augmentation, image_shape, moved
from crncompile.learn.descent import Descent
from crncompile.learn.distortion import Distortion, Fields
from crncompile.learn.recorder import Recorder
from crncompile.learn.settings import Setting, chosen
from crncompile.learn.split import split
from crncompile.learn.task import Task

from .test_fit import CLASSES, LINE, XS, YS, same

RNG = np.random.default_rng(2)
POINTS = RNG.uniform(0, 1, (40, 2))
LABELS = (POINTS[:, 0] > POINTS[:, 1]).astype(int)


@pytest.fixture(scope="module")
def classes():
    return crncompile.loads(CLASSES)


@pytest.fixture(scope="module")
def line():
    return crncompile.loads(LINE)


# --- samples held back -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("validation", "number"), [(0.2, 20), (7, 7), (0.5, 50), (99, 99), (0.004999, 0)])
def test_a_split_loses_nothing(validation, number):
    if not number:
        with pytest.raises(DataError, match=r"validation = 0.004999 of 100 samples would leave the validation split"):
            split(100, validation, 0)
        return
    trained, held_back = split(100, validation, 0)
    assert len(held_back) == number
    assert sorted([*trained, *held_back]) == list(range(100))
    assert list(trained) == sorted(trained)
    assert list(held_back) == sorted(held_back)


def test_a_split_is_chosen_by_the_seed():
    first, again, other = (split(100, 0.3, seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("number", [10, 37, 100])
def test_each_class_gives_its_share(number):
    labels = np.repeat([0, 1, 2, 5], [100, 50, 40, 10])[np.random.default_rng(0).permutation(200)]
    _, held_back = split(200, number, 3, labels)
    counts = np.bincount(labels[held_back], minlength=6)
    assert np.all(np.abs(counts - number / 200 * np.bincount(labels)) <= 1)


SPLITS = {
    "split-small-share": (100, 0.001),
    "split-one-sample": (1, 0.5),
    "split-all": (10, 10),
    "split-more": (10, 2000),
}


@pytest.mark.parametrize("name", SPLITS)
def test_an_empty_split_is_told(golden, name):
    with pytest.raises(DataError) as caught:
        split(*SPLITS[name], 0)
    golden.check(f"cli/training/{name}.txt", str(caught.value))


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "lbfgs"])
def test_the_best_on_what_is_held_back_is_kept(classes, optimizer):
    """Labels of the samples held back are wrong, so that training makes these worse, and the first epoch is best,
    or none.
    """
    _, held_back = split(40, 10, 0, LABELS)
    labels = LABELS.copy()
    labels[held_back] = 1 - labels[held_back]
    # the split is stratified by the labels given, which are others now: give those that lead to the same
    words = {"lbfgs": {"iterations": 8, "starts": 1}}.get(optimizer, {"rate": 0.3, "batch": 10, "epochs": 8})
    fit = classes.fit(POINTS, labels, optimizer=optimizer, validation=10, **words)
    found = [epoch["validation_accuracy"] for epoch in fit.epochs]
    begun = Task(classes, POINTS, labels).subset(fit.validation.samples)
    found.append(begun.accuracy(begun.run(classes.parameters())))
    assert len(fit.validation.samples) == 10
    assert fit.validation.accuracy == max(found)
    assert len(fit.samples) == 30
    predicted = classes.solve(x=POINTS, raw=True, parameters=fit.parameters).readouts["c"].argmax(axis=1)
    right = predicted == labels
    assert fit.validation.accuracy == right[fit.validation.samples].mean()
    assert fit.accuracy == right[fit.samples].mean()


def test_patience_ends_training(classes):
    random = np.random.default_rng(1).integers(0, 2, 40)
    fit = classes.fit(POINTS, random, rate=0.5, batch=10, epochs=100, validation=0.25, patience=3)
    merits = [(1 - epoch["validation_accuracy"], epoch["validation_loss"]) for epoch in fit.epochs]
    assert len(merits) < 100
    assert merits.index(min(merits)) == len(merits) - 4
    with pytest.raises(DataError, match="patience counts epochs without a better validation: set validation too"):
        classes.fit(POINTS, LABELS, patience=3)


def test_values_are_validated_by_their_loss(line):
    fit = line.fit(np.repeat(XS, 2), np.repeat(YS, 2), optimizer="adam", rate=0.1, epochs=5, validation=4)
    assert fit.validation.accuracy is None
    assert fit.validation.loss == pytest.approx(min(epoch["validation_loss"] for epoch in fit.epochs), rel=1e-6)


# --- schedules, decay, clipping --------------------------------------------------------------------------------------


class Plain:
    """Steps along the gradient itself, which are kept."""

    def __init__(self, z):
        self.steps, self.rates = [], []

    def step(self, g, rate):
        self.steps.append(g.copy())
        self.rates.append(rate)
        return rate * g

    def state(self):
        return {}


def descent(net, monkeypatch, **settings):
    """Return a finished descent by plain steps."""
    made = []

    class Kept(Descent):
        def __init__(self, *words):
            super().__init__(*words)
            made.append(self)

    monkeypatch.setattr("crncompile.learn.descent.Descent", Kept)
    monkeypatch.setattr("crncompile.learn.optimizers.adam.Moments", Plain)
    net.fit(POINTS, LABELS, optimizer="adam", **{"batch": 10, "epochs": 4, "rate": 0.1, **settings})
    return made[0]


def test_the_rate_rises_and_falls_along_a_half_cosine(classes, monkeypatch):
    rates = descent(classes, monkeypatch, warm_up=1).method.rates
    cosine = 0.05 * (1 + np.cos(np.pi * np.arange(16) / 16))
    assert rates == pytest.approx(cosine * np.minimum(1, np.arange(1, 17) / 4))
    rates = descent(classes, monkeypatch, schedule="constant", warm_up=0.5).method.rates
    assert rates == pytest.approx([0.05, *[0.1] * 15])


def test_gradients_are_clipped(classes, monkeypatch):
    free = [np.linalg.norm(g) for g in descent(classes, monkeypatch).method.steps]
    clip = float(np.median(free))
    cut = [np.linalg.norm(g) for g in descent(classes, monkeypatch, clip=clip).method.steps]
    assert max(free) > clip
    assert max(cut) <= clip * (1 + 1e-12)
    assert cut[0] == pytest.approx(min(free[0], clip))


def test_free_variables_decay_towards_their_start(classes, monkeypatch):
    """With a step of zero and a decay of 1/rate each step would lead all the way back."""
    made = descent(classes, monkeypatch, epochs=1, weight_decay=2.0, schedule="constant")
    z = made.origin
    for g in made.method.steps:
        z = z - 0.1 * g - 0.1 * 2.0 * (z - made.origin)
    assert made.z == pytest.approx(z, rel=1e-12)


def test_the_mean_of_all_steps_is_kept(classes, monkeypatch):
    made = descent(classes, monkeypatch, average=0.75, schedule="constant")
    z = mean = made.origin
    for number, g in enumerate(made.method.steps):
        z = z - 0.1 * g
        share = min(0.75, (1 + number) / (10 + number))
        mean = share * mean + (1 - share) * z
    assert made.z == pytest.approx(z, rel=1e-12)
    assert made.average.z == pytest.approx(mean, rel=1e-9)
    assert not np.allclose(made.average.z, made.z, rtol=1e-6)
    assert same(made.job.recorder.confirmed.parameters, made._parameters(made.average.z))


def test_the_mean_is_what_is_validated(classes):
    """Where hardly anything is taken in, the parameters that are tried hardly move."""
    words = {"rate": 0.3, "batch": 10, "epochs": 6, "validation": 10}
    last, mean = (
        [epoch["validation_loss"] for epoch in classes.fit(POINTS, LABELS, **words, average=share).epochs]
        for share in (0, 1 - 1e-9)
    )
    start = classes.solve(x=POINTS, raw=True)
    held_back = split(40, 10, 0, LABELS)[1]
    task = Task(classes, POINTS, LABELS).subset(held_back)
    before = task.run(start.parameters).loss
    assert abs(np.array(mean) - before).max() < abs(np.array(last) - before).max()


# --- what is added to batches ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("down", [-2, 0, 1])
@pytest.mark.parametrize("right", [-1, 0, 3])
def test_images_are_moved_as_scipy_moves_them(down, right):
    image = np.random.default_rng(0).integers(0, 255, (5, 6)).astype(np.uint8)
    found = moved(image[None], np.array([down]), np.array([right]))[0]
    assert found.dtype == np.uint8
    assert np.array_equal(found, scipy.ndimage.shift(image, (down, right), order=0, mode="nearest"))


IMAGE = CLASSES.replace("index i = 1..2", "index i = 1..9")


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_distorted_images_are_interpolated_as_scipy_does_it(dtype):
    """At places far beyond the edges too."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 6, 7)).astype(dtype)
    places = rng.uniform(-3, 9, (2, 1, 6, 7)).astype(np.float32)
    found = Fields.through(*places).apply(images.reshape(4, -1), rng).reshape(images.shape)
    wanted = [
        scipy.ndimage.map_coordinates(image.astype(float), places[:, 0], order=1, mode="nearest") for image in images
    ]
    assert found.dtype == dtype
    assert found == pytest.approx(np.round(wanted) if dtype == np.uint8 else np.array(wanted), abs=1e-3)


def test_distortions_are_as_large_as_stated():
    """A picture of its own rows, and one of its columns, shows where each pixel was read."""
    rows, columns = np.mgrid[:28, :28].astype(float)
    inner = np.abs(rows - 13.5) + np.abs(columns - 13.5) < 9

    def read(picture, **words):
        fields = Distortion(**words).fields((28, 28), np.random.default_rng(0))
        images = np.broadcast_to(picture.ravel(), (2000, 784))
        return fields.apply(images, np.random.default_rng(1)).reshape(-1, 28, 28)

    moved_by = (read(rows, elastic=0.7) - rows)[:, inner]
    assert moved_by.std() == pytest.approx(0.7, rel=0.02)
    assert abs(moved_by.mean()) < 0.02
    turned = np.arctan2(
        np.diff(read(rows, rotation=9), axis=2)[:, 13, 13], np.diff(read(rows, rotation=9), axis=1)[:, 13, 13]
    )
    assert 8 < np.degrees(np.abs(turned)).max() <= 9.01
    scaled = np.diff(read(columns, scaling=0.2), axis=2)[:, 13, 13]
    assert (scaled.min(), scaled.max()) == pytest.approx((0.8, 1.2), abs=0.005)
    slanted = np.diff(read(columns, shear=0.1), axis=1)[:, 13, 13]
    assert (slanted.min(), slanted.max()) == pytest.approx((-0.1, 0.1), abs=0.005)
    moved_by = read(rows, shift=2, shear=1e-9)[:, 13, 13] - 13
    assert (moved_by.min(), moved_by.max()) == pytest.approx((-2, 2), abs=0.02)


def test_neighbouring_pixels_are_moved_alike():
    """The correlation of a field smoothed by a Gaussian of width s is exp(-d^2 / (4 s^2)) at distance d."""
    rows = np.mgrid[:28, :28][0].astype(float)
    fields = Distortion(elastic=0.5, smoothing=3.0).fields((28, 28), np.random.default_rng(0))
    images = np.broadcast_to(rows.ravel(), (3000, 784))
    shown = fields.apply(images, np.random.default_rng(1)).reshape(-1, 28, 28) - rows
    for distance in (1, 4, 8):
        found = np.corrcoef(shown[:, 13, 10], shown[:, 13, 10 + distance])[0, 1]
        assert found == pytest.approx(np.exp(-(distance**2) / 36), abs=0.06)


def test_a_square_number_of_inputs_or_two_indices_are_an_image():
    group = crncompile.loads(IMAGE).inputs[0]
    assert image_shape(group) == (3, 3)
    two = CLASSES.replace("index i = 1..2", "index i = 1..2\nindex l = 1..3").replace("x[i]", "x[i, l]")
    two = two.replace("a[i, k]", "a[i, l, k]")
    assert image_shape(crncompile.loads(two).inputs[0]) == (2, 3)


def test_batches_are_moved_and_noisy_within_their_range():
    net = crncompile.loads(IMAGE.replace("data = [0, 1]", "data = [0, 255]"))
    images = np.random.default_rng(0).integers(0, 255, (50, 9)).astype(np.uint8)
    only = Augmentation(net.inputs, Distortion(shift=1), 0.0).apply({"x": images}, np.random.default_rng(1), "float32")[
        "x"
    ]
    assert only.dtype == np.uint8
    shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    seen = set()
    for before, after in zip(images.reshape(50, 3, 3), only.reshape(50, 3, 3), strict=True):
        seen |= {s for s in shifts if np.array_equal(moved(before[None], *np.array(s)[:, None])[0], after)}
    assert seen == set(shifts)
    noisy = Augmentation(net.inputs, Distortion(), 5.0).apply({"x": images}, np.random.default_rng(1), "float32")["x"]
    assert noisy.dtype == np.float32
    assert (noisy.min(), noisy.max()) >= (0.0, 200.0)
    assert noisy.max() <= 255
    inner = (images > 20) & (images < 235)
    assert np.std((noisy - images)[inner]) == pytest.approx(5.0, rel=0.2)


@pytest.mark.parametrize("words", [{"shift": 1}, {"elastic": 0.5, "smoothing": 1, "rotation": 5}])
def test_training_with_distortions_and_noise_is_the_same_for_the_same_seed(words):
    net = crncompile.loads(IMAGE)
    X = np.random.default_rng(0).uniform(0, 1, (20, 9))
    y = (X[:, 4] > 0.5).astype(int)
    fits = [net.fit(X, y, batch=5, epochs=2, **more) for more in ({"noise": 0.1, **words},) * 2 + ({},)]
    assert same(fits[0].parameters, fits[1].parameters)
    assert not same(fits[0].parameters, fits[2].parameters)


# --- optimisers ------------------------------------------------------------------------------------------------------


def test_optimisers_are_found_with_their_settings():
    every = optimizers.every()
    assert list(every) == ["adam", "lbfgs", "levenberg_marquardt", "sgd"]
    for name, optimizer in every.items():
        assert chosen(name, optimizer.SETTINGS, {s: v.default for s, v in optimizer.SETTINGS.items()})
        assert all(setting.what for setting in optimizer.SETTINGS.values())
    assert optimizers.find("lm") is every["levenberg_marquardt"]


@pytest.mark.parametrize(("optimizer", "words"), [("sgd", {"rate": 0.05, "batch": 9, "epochs": 60}), ("lbfgs", {})])
def test_other_optimisers_lower_squares(line, optimizer, words):
    targets = line.solve(x=XS, raw=True, parameters=line.parameters(seed=5)).readouts["r"]
    fit = line.fit(XS, targets, optimizer=optimizer, **{"starts": 1, **words})
    assert fit.optimizer == optimizer
    assert fit.loss < {"sgd": 0.5 * fit.history[0], "lbfgs": 1e-5}[optimizer]


def test_lbfgs_takes_large_sets_in_portions(line, monkeypatch):
    words = {"optimizer": "lbfgs", "starts": 1, "iterations": 4}
    whole = line.fit(XS, YS, **words)
    monkeypatch.setattr("crncompile.learn.optimizers.lbfgs.PORTION", 4)
    monkeypatch.setattr("crncompile.learn.task.MOST_HELD", 3)
    monkeypatch.setattr("crncompile.learn.task.FEW", 1)
    parts = line.fit(XS, YS, **words)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-6)
    assert parts.outcome.solution.held.shape == (9, 0)


def test_lbfgs_stops_at_the_target(line):
    fit = line.fit(XS, YS, optimizer="lbfgs", starts=4, target=1.0)
    assert fit.loss <= 1.0
    assert len(fit.history) < 30


def test_a_task_in_portions_is_the_same(line, monkeypatch):
    parameters = line.parameters(seed=1)
    whole = Task(line, XS, YS).run(parameters)
    monkeypatch.setattr("crncompile.learn.task.MOST_HELD", 2)
    monkeypatch.setattr("crncompile.learn.task.FEW", 1)
    task = Task(line, XS, YS)
    assert task.run(parameters).solution.held.shape == (9, 2)
    task.thrifty = True
    parts = task.run(parameters)
    assert parts.solution.held.shape == (9, 0)
    assert np.array_equal(parts.predictions, whole.predictions)
    assert parts.loss == whole.loss
    assert parts.solution.certificate.summary() == whole.solution.certificate.summary()


# --- settings --------------------------------------------------------------------------------------------------------

SETTINGS = {
    "setting-word": {"schedule": "linear"},
    "setting-whole": {"batch": 2.5},
    "setting-negative": {"clip": -1},
    "setting-momentum": {"optimizer": "sgd", "momentum": 1},
    "setting-infinite": {"epochs": "inf"},
    "setting-no-image": {"shift": 1},
    "setting-no-image-to-distort": {"elastic": 1.0, "rotation": 5},
    "setting-scaling": {"scaling": 1},
    "setting-smoothing": {"smoothing": 0},
    "setting-average": {"average": 1},
    "setting-unknown": {"weight_decy": 1},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_make_no_sense(classes, golden, name):
    with pytest.raises(DataError) as caught:
        classes.fit(POINTS, LABELS, **SETTINGS[name])
    golden.check(f"cli/training/{name}.txt", str(caught.value))


def test_settings_in_the_model_may_be_words():
    text = f"{CLASSES}\ntraining = adam(schedule = constant, batch = 10, epochs = 2, validation = 0.25)"
    net = crncompile.loads(text)
    fit = net.fit(POINTS, LABELS, rate=0.1)
    assert [epoch["rate"] for epoch in fit.epochs] == [0.1, 0.1]
    assert len(fit.validation.samples) == 10
    fit = net.fit(POINTS, LABELS, schedule="cosine", rate=0.1)
    assert fit.epochs[-1]["rate"] == 0.0


def test_a_setting_says_what_it_may_be():
    assert Setting(1, "", lowest=1).sensible("n", "3") == 3
    with pytest.raises(DataError, match="bits must be 32 or 64"):
        chosen("adam", optimizers.find("adam").SETTINGS, {"bits": 16})


# --- bad data and bad ends -------------------------------------------------------------------------------------------

DATA = {
    "label-out-of-range": (POINTS, np.where(LABELS, 2, 0)),
    "label-negative": (POINTS, LABELS - 1),
    "label-broken": (POINTS, LABELS + 0.5),
    "fewer-labels": (POINTS, LABELS[:-1]),
    "more-inputs": (np.hstack([POINTS, POINTS]), LABELS),
    "no-samples": (POINTS[:0], LABELS[:0]),
}


@pytest.mark.parametrize("name", DATA)
def test_data_that_do_not_fit(classes, golden, name):
    with pytest.raises(DataError) as caught:
        classes.fit(*DATA[name])
    golden.check(f"cli/training/{name}.txt", str(caught.value))


def test_more_outputs_than_columns(golden):
    net = crncompile.loads(LINE + "readout s = 2 * y / 1 kT\nreadout t = y / 1 kT\n")
    with pytest.raises(DataError) as caught:
        net.fit(XS, np.stack([YS, YS], axis=1))
    golden.check("cli/training/more-outputs.txt", str(caught.value))


DOUBTS = {
    "one-sample": (POINTS[:1], LABELS[:1]),
    "class-missing": (POINTS[LABELS == 1], LABELS[LABELS == 1]),
    "nothing-varies": (np.full_like(POINTS, 0.5), LABELS),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_data_that_teach_little_are_told_and_trained_on(classes, golden, name):
    told = []
    fit = classes.fit(*DOUBTS[name], epochs=1, batch=5, tell=told.append)
    assert fit.message == "finished"
    assert list(fit.notes) == told
    golden.check(f"cli/training/{name}.txt", "\n".join(told))


def test_constant_features_are_allowed(classes):
    constant = np.column_stack([POINTS[:, 0], np.full(40, 0.5)])
    fit = classes.fit(constant, (POINTS[:, 0] > 0.5).astype(int), rate=0.2, batch=10, epochs=20)
    assert fit.notes == ()
    assert fit.accuracy >= 0.9


def test_a_training_that_diverges_keeps_the_last_good_parameters(classes, golden):
    told = []
    fit = classes.fit(POINTS, LABELS, optimizer="sgd", rate=1e4, batch=10, epochs=50, progress=told.append)
    assert fit.diverged
    assert not fit.interrupted
    assert fit.unconverged == 0
    assert np.isfinite(fit.loss)
    assert all(np.isfinite(value).all() for value in fit.parameters.values())
    assert len(fit.history) < 200
    golden.check("cli/training/diverged.txt", fit.message)


def near(found, wanted):
    """Assert that parameters are the same but for rounding."""
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-12)


SOON = {
    "whole": {},
    "batches": {"batch": 3},
    "validation": {"validation": 3},
    "last step": {"epochs": 1},
    "mean": {"average": 0.5},
    "starts": {"starts": 3},
}


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("name", SOON)
def test_a_training_that_ends_soon_after_it_lost_its_states_has_diverged(line, optimizer, name):
    """Before ten batches in a row are lost, or at a step that nothing follows."""
    fit = line.fit(XS, YS, seed=0, optimizer=optimizer, **{"rate": 1e6, "epochs": 3, **SOON[name]})
    assert fit.diverged
    assert fit.unconverged == 0
    begun = Task(line, XS, YS).subset(fit.samples).run(line.parameters())
    assert fit.loss <= begun.loss * (1 + 1e-9)
    assert "have no steady state in the end; the currents do not balance at" in fit.message


def test_the_last_step_may_lead_beyond_all_numbers(classes):
    fit = classes.fit(POINTS, LABELS, optimizer="sgd", rate=1e6, batch=40, epochs=1)
    assert fit.diverged
    assert "step 1 led beyond all numbers" in fit.message
    near(fit.parameters, classes.parameters())


def test_parameters_on_which_samples_are_held_back_lead_beyond_all_numbers(classes):
    fit = classes.fit(POINTS, LABELS, optimizer="sgd", rate=1e6, batch=40, epochs=5, validation=0.2)
    assert fit.diverged
    assert np.isfinite(fit.validation.loss)
    near(fit.parameters, classes.parameters())


def test_a_step_before_the_last_one_may_have_been_the_best(classes):
    fit = classes.fit(POINTS, LABELS, optimizer="adam", rate=30.0, batch=40, epochs=5)
    assert fit.loss == pytest.approx(min(fit.history), rel=1e-6)
    assert fit.history[-1] > 2 * fit.loss
    assert fit.message == "finished"


@pytest.mark.parametrize("validation", [0, 0.25])
def test_a_training_does_not_end_worse_than_it_began(classes, golden, validation):
    words = {"optimizer": "sgd", "batch": 10, "seed": 1, "validation": validation}
    good = classes.fit(POINTS, LABELS, **words, rate=1.0, epochs=20).parameters
    worse = classes.fit(POINTS, LABELS, **words, rate=30.0, epochs=2, parameters=good)
    assert same(worse.parameters, good)
    assert not worse.diverged
    golden.check("cli/training/no-better.txt", worse.message)


def test_noise_may_make_the_samples_themselves_fit_less(classes):
    """What was trained is kept: it is to be good at others, too."""
    words = {"optimizer": "sgd", "batch": 10, "seed": 1}
    good = classes.fit(POINTS, LABELS, **words, rate=1.0, epochs=20)
    noisy = classes.fit(POINTS, LABELS, **words, rate=1.0, epochs=2, noise=1.0, parameters=good.parameters)
    assert noisy.loss > good.loss
    assert noisy.message == "finished"


def test_ctrl_c_while_the_end_is_compared_with_the_beginning(classes, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("crncompile.learn.recorder.Recorder.go_back", stopped)
    fit = classes.fit(POINTS, LABELS, rate=1e-9, epochs=1)
    assert fit.interrupted
    assert np.isfinite(fit.loss)


@pytest.mark.parametrize("validation", [0, 0.25])
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "lbfgs"])
def test_ctrl_c_while_the_end_is_followed(classes, monkeypatch, optimizer, validation):
    """What was trained is kept, and not what was before."""
    words = {"lbfgs": {"iterations": 5, "starts": 1}}.get(optimizer, {"rate": 0.3, "batch": 10, "epochs": 4})
    words |= {"optimizer": optimizer, "validation": validation}
    whole = classes.fit(POINTS, LABELS, **words)
    assert whole.message == "finished"
    real, calls = Recorder._solve, []

    def once(*given):
        calls.append(given)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(Recorder, "_solve", once)
    fit = classes.fit(POINTS, LABELS, **words)
    assert fit.interrupted
    assert same(fit.parameters, whole.parameters)


@pytest.mark.parametrize("optimizer", ["lm", "lbfgs"])
def test_other_optimisers_tell_that_no_sample_has_a_state(monkeypatch, optimizer, golden):
    monkeypatch.setattr("crncompile.search.MOST_STEPS", 20)
    text = (Path(__file__).parents[1] / "cli" / "models" / "brusselator.tnet").read_text()
    net = crncompile.loads(text.replace("mass_action(k = 1 s^-1)", "mass_action(k = train 1 s^-1)"))
    fit = net.fit(np.linspace(3, 4, 9), YS, optimizer=optimizer, starts=1, iterations=2)
    assert fit.diverged
    assert fit.unconverged == 9
    golden.check("cli/training/no-states-at-all.txt", fit.message)


def test_a_training_without_steady_states_says_which_reservoirs(monkeypatch, golden):
    """The Brusselator oscillates at all these inputs; how long it is followed does not matter here."""
    monkeypatch.setattr("crncompile.search.MOST_STEPS", 20)
    text = (Path(__file__).parents[1] / "cli" / "models" / "brusselator.tnet").read_text()
    net = crncompile.loads(text.replace("mass_action(k = 1 s^-1)", "mass_action(k = train 1 s^-1)"))
    fit = net.fit(np.linspace(3, 4, 9), YS, optimizer="adam", batch=4, epochs=20)
    assert fit.diverged
    assert fit.unconverged == 9
    assert len(fit.history) == 10
    assert fit.skipped == 45
    assert same(fit.parameters, net.parameters())
    golden.check("cli/training/no-states.txt", fit.message)
