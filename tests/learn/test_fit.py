"""Training: what it reaches, what it reports, how it ends, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

import crncompile
from crncompile.errors import DataError

REPOSITORY = Path(__file__).parents[2]
SINE = np.loadtxt(REPOSITORY / "examples" / "sine.csv", delimiter=",", skiprows=1)[::5]
X, Y = SINE.T
SMALL = """
network small
temperature 100 mK
index j = 1..2
reservoir x    = input(range = [-3 kT, 3 kT], data = [0, 1])
reservoir h[j] = floating(capacitance = 10 pF)
reservoir y    = output(capacitance = 10 pF)
reservoir low  = fixed(at = -2 kT)
dot a[j]: x -> h[j] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = train normal(0 kT, 2 kT))
dot b[j]: h[j] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = train normal(0 kT, 2 kT))
dot c: y -> low = resonant_dot(gamma_left = train 1 GHz in [0.1 GHz, 3 GHz], gamma_right = 1 GHz, level = 0 kT)
"""
LINE = SMALL + "readout r = y / 1 kT\n"
CLASSES = """
network classes
temperature 310.15 K
volume 1 nL
index i = 1..2
index k = 1..2
reservoir x[i] = input(range = [0.1 mM, 2 mM], data = [0, 1])
reservoir y[k] = output(start = 1 mM)
reservoir low  = fixed(at = 1 uM)
enzyme a[i, k]: x[i] -> y[k] = michaelis_menten(
    total = train lognormal(20 nM, 0.5), k_cat = 100 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 1000)
reaction drain[k]: y[k] <-> low = mass_action(k = train lognormal(1e-3 s^-1, 0.5), K_eq = 1)
parameter scale = train 2
classify c[k] = scale * ln(y[k] / 1 mM)
"""


def model(name):
    return crncompile.load(REPOSITORY / "models" / f"{name}.tnet")


@pytest.fixture(scope="module")
def line():
    return crncompile.loads(LINE)


XS = np.linspace(0, 1, 9)
YS = np.linspace(-1.5, 0.5, 9)


def same(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


# --- what is reached -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "within"), [("sine_enzymes", 0.03), ("sine_dots", 0.005)])
def test_a_few_steps_on_the_sine(name, within):
    """Measured: 0.004 and 0.0009. The bound of monotonic networks is 0.06."""
    fit = model(name).fit(X, Y, seed=3, starts=1, trial=25, iterations=1)
    assert fit.loss <= within
    assert fit.loss < fit.history[0] / 50
    assert fit.unconverged == 0
    assert fit.optimizer == "levenberg_marquardt"


@pytest.mark.parametrize("gain", [0.5, -0.5])
def test_without_ndc_no_training_beats_the_monotonic_bound(gain):
    net = model("sine_no_ndc")
    fit = net.fit(X, Y, seed=0, starts=1, trial=25, iterations=1, parameters={"gain": gain})
    dense = np.linspace(0, 2 * np.pi, 201)
    found = net.solve(x=dense, raw=True, parameters=fit.parameters).raise_for_failure().readouts["sin_x"]
    for points, prediction in ((dense, found), (X, fit.outcome.predictions[:, 0])):
        target = np.sin(points)
        bound = min(np.mean((isotonic_regression(target, increasing=up).x - target) ** 2) for up in (True, False))
        assert np.mean((prediction - target) ** 2) >= bound - 1e-12
        steps = np.diff(prediction)
        assert np.all(steps >= -1e-9) or np.all(steps <= 1e-9)


def test_the_line_is_learned_to_the_target(line):
    """Targets that another choice of the trained values gives can be met exactly."""
    teacher = line.parameters(seed=5)
    targets = line.solve(x=XS, raw=True, parameters=teacher).readouts["r"]
    fit = line.fit(XS, targets, seed=0, starts=3, trial=40, iterations=100, target=1e-14)
    assert fit.loss <= 1e-13
    assert fit.message == "finished"
    assert np.all(np.minimum.accumulate(fit.history)[-1] <= 1e-13)
    assert set(fit.parameters) == set(line.parameter_names)


def test_adam_learns_classes():
    net = crncompile.loads(CLASSES)
    rng = np.random.default_rng(2)
    points = rng.uniform(0, 1, (60, 2))
    labels = (points[:, 0] > points[:, 1]).astype(int)
    fit = net.fit(points, labels, seed=1, rate=0.2, batch=20, epochs=40)
    assert fit.optimizer == "adam"
    assert len(fit.history) == 40 * 3
    assert np.mean(fit.history[-6:]) < 0.6 * np.mean(fit.history[:6])
    assert fit.accuracy >= 0.9
    predicted = net.solve(x=points, raw=True, parameters=fit.parameters).readouts["c"].argmax(axis=1)
    assert fit.accuracy == np.mean(predicted == labels)


def test_adam_lowers_squares_too(line):
    fit = line.fit(XS, YS, optimizer="adam", rate=0.1, batch=9, epochs=60)
    assert fit.loss < 0.5 * fit.history[0]
    assert fit.accuracy is None


# --- what is reported ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["levenberg_marquardt", "adam"])
def test_the_loss_is_that_of_the_parameters_from_the_stated_start(line, optimizer):
    settings = {"levenberg_marquardt": {"starts": 2, "trial": 6, "iterations": 4}, "adam": {"epochs": 4, "batch": 4}}
    fit = line.fit(XS, YS, seed=3, optimizer=optimizer, **settings[optimizer])
    solution = line.solve(x=XS, raw=True, parameters=fit.parameters)
    assert fit.loss == np.mean((solution.readouts["r"] - YS) ** 2)
    assert np.array_equal(fit.outcome.predictions[:, 0], solution.readouts["r"])
    assert np.all(fit.outcome.solution.certificate.how != "warm start, stability checked, not confirmed")
    bounds = {p.name: (p.lower, p.upper) for p in line.network.parameters if p.trained}
    for name, (low, high) in bounds.items():
        assert np.all((fit.parameters[name] >= low) & (fit.parameters[name] <= high)), name
    untrained = set(line.parameter_names) - set(bounds)
    start = line.parameters(seed=3)
    assert same({n: fit.parameters[n] for n in untrained}, {n: start[n] for n in untrained})


def test_the_same_seed_gives_the_same_bits(line):
    fits = [line.fit(XS, YS, seed=seed, starts=2, trial=5, iterations=5) for seed in (1, 1, 2)]
    assert same(fits[0].parameters, fits[1].parameters)
    assert fits[0].history == fits[1].history
    assert not same(fits[0].parameters, fits[2].parameters)


def test_adam_of_the_same_seed_gives_the_same_bits(line):
    fits = [line.fit(XS, YS, seed=seed, optimizer="adam", epochs=3, batch=4) for seed in (1, 1, 2)]
    assert same(fits[0].parameters, fits[1].parameters)
    assert fits[0].history == fits[1].history
    assert fits[0].history != fits[2].history


def test_training_goes_on_from_given_parameters(line):
    first = line.fit(XS, YS, seed=0, starts=1, trial=10, iterations=1)
    again = line.fit(XS, YS, seed=9, starts=1, trial=1, iterations=1, parameters=first.parameters)
    assert again.history[0] == pytest.approx(first.loss, rel=1e-6)
    assert again.loss <= first.loss * (1 + 1e-6)


def test_progress_is_told(line):
    told = []
    fit = line.fit(XS, YS, seed=0, starts=2, trial=5, iterations=5, progress=told.append)
    assert [p.evaluation for p in told] == list(range(1, len(told) + 1))
    assert tuple(p.loss for p in told) == fit.history
    assert {p.starts for p in told} == {2}
    assert {p.start for p in told} == {1, 2}
    assert all(0 < p.fraction <= 1 and p.remaining >= 0 and p.seconds > 0 for p in told)
    assert [p.fraction for p in told] == sorted(p.fraction for p in told)
    assert all(p.best == min(q.loss for q in told[: k + 1]) for k, p in enumerate(told))


# --- how it ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["levenberg_marquardt", "adam"])
@pytest.mark.parametrize("after", [1, 7])
def test_ctrl_c_keeps_the_best_so_far(line, optimizer, after):
    told = []

    def stop(progress):
        told.append(progress)
        if progress.evaluation == after:
            raise KeyboardInterrupt

    settings = {"batch": 9, "epochs": 50} if optimizer == "adam" else {"starts": 2, "trial": 20}
    fit = line.fit(XS, YS, seed=0, optimizer=optimizer, progress=stop, **settings)
    assert fit.interrupted
    assert "best parameters so far are kept" in fit.message
    assert len(fit.history) == after
    assert fit.loss == pytest.approx(told[-1].best, rel=1e-6)


def test_ctrl_c_in_a_later_start_keeps_what_is_better(line):
    """The first start has been confirmed by then; what the second has found since is better."""
    told = []

    def stop(progress):
        told.append(progress)
        if progress.evaluation == 24:
            raise KeyboardInterrupt

    fit = line.fit(XS, YS, seed=0, optimizer="adam", starts=2, rate=0.2, batch=9, epochs=12, progress=stop)
    first = min(p.loss for p in told if p.start == 1)
    second = min(p.loss for p in told if p.start == 2)
    assert second < 0.95 * first
    assert fit.loss == pytest.approx(second, rel=1e-6)


def test_adam_stops_where_a_start_meets_the_target(line):
    fit = line.fit(XS, YS, seed=0, optimizer="adam", starts=5, batch=9, epochs=2, target=10.0)
    assert len(fit.history) == 2


def test_time_is_kept(line):
    fit = line.fit(XS, YS, seed=0, starts=4, trial=1000, iterations=1000, time=0.0)
    assert fit.message == "stopped when the time was used up"
    assert len(fit.history) == 1
    assert not fit.interrupted
    assert np.isfinite(fit.loss)


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rule": "adjiont"}, "there is no learning rule adjiont; did you mean adjoint?"),
        ({"optimizer": "adm"}, "there is no optimiser adm; did you mean adam?"),
        ({"settings": {"starts": 3}}, r"settings are given by name, each on its own: fit\(X, y, epochs=5\)"),
        ({"optimizer": "lm", "epochs": 3}, r"adam and sgd have it \(choose one, such as adam\)"),
        ({"start": 3}, "levenberg_marquardt has no setting start; did you mean starts?"),
        ({"optimizer": "adam", "trial": 3}, "adam has no setting trial: levenberg_marquardt has it"),
        ({"optimizer": "lm", "validation": 0.1}, "has no setting validation: adam, lbfgs and sgd have it"),
        ({"starts": 0}, "starts must be at least 1"),
        ({"trial": 0}, "trial must be at least 1"),
        ({"iterations": -1}, "iterations must be at least 1"),
        ({"iterations": "many"}, "iterations must be a number"),
        ({"target": "low"}, "target must be a number"),
        ({"optimizer": "adam", "batch": 0}, "batch must be at least 1"),
        ({"optimizer": "adam", "epochs": 0}, "epochs must be at least 1"),
        ({"optimizer": "adam", "rate": -1.0}, "rate must be positive"),
        ({"parameters": {"a.levl": 0.0}}, "the network has no parameter a.levl; did you mean a.level?"),
        ({"parameters": {"a.level": [0.0]}}, "parameter a.level has shape"),
    ],
)
def test_settings_that_do_not_exist_or_make_no_sense(line, settings, said):
    with pytest.raises(DataError, match=said):
        line.fit(XS, YS, **settings)


def test_least_squares_can_not_classify():
    with pytest.raises(DataError, match="this model classifies: use adam"):
        crncompile.loads(CLASSES).fit([[0.0, 1.0]], [0], optimizer="levenberg_marquardt")


def test_there_must_be_something_to_train():
    net = crncompile.loads(
        LINE.replace("train normal(0 kT, 2 kT)", "0 kT").replace("train 1 GHz in [0.1 GHz, 3 GHz]", "1 GHz")
    )
    with pytest.raises(DataError, match="the model has nothing to train"):
        net.fit(XS, YS)


def test_an_input_must_say_which_data_it_takes():
    net = crncompile.loads(LINE.replace(", data = [0, 1]", ""))
    with pytest.raises(DataError, match="does not say which raw data meet its range"):
        net.fit(XS, YS)


def test_adam_follows_samples_that_have_no_warm_state_yet():
    net = crncompile.loads("""
network bent
temperature 300 K
volume 1 nL
reservoir x = input(range = [0.1 mM, 5 mM], data = [0, 1])
reservoir y = output(start = 0.1 mM)
reservoir waste = fixed(at = 1 uM)
enzyme a: x -> y = substrate_inhibited(total = train 50 nM, k_cat = 100 s^-1, K_M = 0.2 mM, K_P = 1 mM, K_I = 0.5 mM,
                                       K_eq = 1000)
reaction leak: y <-> waste = mass_action(k = 0.05 s^-1, K_eq = 1)
readout z = y / 0.01 mM
""")
    assert not net.functions.structure.unique
    x = np.linspace(0, 1, 8)
    goal = net.solve(x=x, raw=True, parameters={"a.total": np.array(1e-7)}).readouts["z"]
    reports = []
    fit = net.fit(x, goal, optimizer="adam", epochs=40, batch=4, rate=0.1, progress=reports.append)
    assert {report.unconverged for report in reports} == {0}
    assert fit.loss < 0.1 * fit.history[0]
