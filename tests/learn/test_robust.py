"""Robust training: what is sampled, what that does to training, and what is told of it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import kstest

import crncompile
from crncompile.cli.main import cli
from crncompile.errors import DataError
from crncompile.learn.objective import LossAndGrad
from crncompile.learn.robust import VariedGradient, VariedTask, Workshop, robustness, spreads
from crncompile.learn.rules import find
from crncompile.learn.task import Task
from crncompile.learn.teacher import Teacher
from tests.learn.test_fit import CLASSES

# A divider between two reservoirs: by detailed balance c = (k_1 c_in + k_2 c_low) / (k_1 + k_2), linear in the input.
DIVIDER = """
network divider
temperature 300 K
volume 1 nL
reservoir x   = input(range = [1 mM, 2 mM], data = [1, 2])
reservoir y   = output(start = 1 mM)
reservoir low = fixed(at = 1 uM)
reaction up:   x <-> y   = mass_action(k = train 1 s^-1 in [0.5 s^-1, 1.5 s^-1] tolerance 1 %, K_eq = 1)
reaction down: y <-> low = mass_action(k = 1 s^-1, K_eq = 1)
readout r = y / 1 mM
"""
MANY = """
network many
temperature 100 mK
index j = 1..2000
reservoir x    = input(range = [-3 kT, 3 kT], data = [0, 1])
reservoir h[j] = floating(capacitance = 10 pF)
parameter shared = 0.5 GHz tolerance 5 %
dot a[j]: x -> h[j] = resonant_dot(
    gamma_left = 1 GHz tolerance 10 %, gamma_right = shared, level = 0 kT tolerance 0.1 kT)
dot b[j]: x -> h[j] = double_dot(
    gamma_left = 1 GHz, gamma_right = 1 GHz, coupling = 3 GHz, detuning = 0 kT, level = 0 kT,
    lever = 0.95 tolerance 0.1)
readout r = h[1] / 1 kT
"""
X, Y = np.array([1.0, 1.5, 2.0]), np.array([0.5, 0.7, 1.0])


def divider(tolerance="1 %", text=DIVIDER):
    return crncompile.loads(text.replace("1 %", tolerance))


def spread(net, networks=200, X=X, y=Y, **settings):
    return robustness(Task(net, X, y), net.parameters(), networks, **settings)


# --- what is sampled --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many():
    return crncompile.loads(MANY)


def test_errors_are_normal_and_each_device_has_its_own(many):
    values = Workshop(many, seed=1).build(many.parameters())
    assert values["a.gamma_left"].shape == values["a.level"].shape == (2000,)
    assert kstest(np.log(values["a.gamma_left"] / 1e9) / 0.1, "norm").pvalue > 0.01
    assert kstest(values["a.level"] / 0.1, "norm").pvalue > 0.01
    assert abs(np.corrcoef(values["a.gamma_left"], values["a.level"])[0, 1]) < 0.1
    assert values["shared"].shape == ()
    assert values["shared"] != 5e8
    assert {s.name for s in spreads(many.network)} == {"a.gamma_left", "a.level", "b.lever", "shared"}


def test_what_a_device_does_not_allow_is_drawn_again(many):
    levers = Workshop(many).build(many.parameters())["b.lever"]
    assert levers.min() >= 0
    assert levers.max() <= 1
    assert len(set(levers)) == 2000


def test_a_network_follows_from_seed_number_and_name(many):
    first, again, other = Workshop(many, 1), Workshop(many, 1), Workshop(many, 2)
    one, two = first.build(many.parameters()), first.build(many.parameters())
    assert np.array_equal(one["a.level"], again.build(many.parameters())["a.level"])
    assert not np.array_equal(one["a.level"], two["a.level"])
    assert not np.array_equal(one["a.level"], other.build(many.parameters())["a.level"])
    alone = crncompile.loads(MANY.replace("1 GHz tolerance 10 %", "1 GHz"))
    assert np.array_equal(one["a.level"], Workshop(alone, 1).build(alone.parameters())["a.level"])


# --- what comes of it -------------------------------------------------------------------------------------------------


def test_no_tolerance_to_speak_of_changes_nothing():
    net = divider("1e-300 %")
    nominal = Task(net, X, Y).run(net.parameters()).loss
    assert set(spread(net, 5).values) == {nominal}
    settings = {"optimizer": "adam", "rate": 0.01, "epochs": 4, "batch": 2}  # the last step is the best
    plain, robust = net.fit(X, Y, **settings), net.fit(X, Y, robust=3, **settings)
    assert plain.history == robust.history
    assert np.array_equal(plain.parameters["up.k"], robust.parameters["up.k"])
    assert plain.robustness is None
    assert robust.robustness.values == (robust.loss,) * 3


def test_the_spread_of_a_divider_is_that_of_its_formula():
    """With one sample at x = c_in the readout is (k c_in + c_low) / (k + 1) for k = exp(tolerance * n)."""
    net, target = divider("5 %"), 0.5
    found = spread(net, 400, X=np.array([1.0]), y=np.array([target]))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    k = np.exp(0.05 * nodes)
    squares = ((k * 1.0 + 1e-3) / (k + 1) - target) ** 2
    mean = weights @ squares / weights.sum()
    deviation = np.sqrt(weights @ squares**2 / weights.sum() - mean**2)
    assert abs(np.mean(found.values) - mean) < 4 * deviation / np.sqrt(400)
    # the 95 % quantile of a square is that of |n| < 1.96, but for the offset of the mean
    ends = [((k * 1.0 + 1e-3) / (k + 1) - target) ** 2 for k in np.exp(0.05 * np.array([-1.96, 1.96]))]
    assert found.as_dict()["quantile_95"] == pytest.approx(np.mean(ends), rel=0.25)


def test_the_spread_grows_with_the_tolerance():
    wide = [np.ptp(spread(divider(t), 50).values) for t in ("0.1 %", "1 %", "10 %")]
    assert wide[0] < wide[1] / 5 < wide[2] / 25


@pytest.mark.parametrize("tolerance", ["5 %", "0.05 s^-1"])
def test_gradients_are_by_the_stated_values(tolerance):
    """Finite differences over the stated values, each time in the same network."""
    net = divider(tolerance)
    f = LossAndGrad(Task(net, X, Y), net.parameters())

    def varied(z):
        workshop = Workshop(net, seed=4)
        task = VariedTask.of(f.task, workshop)
        outcome = task.run(f.parameters(z))
        teacher = Teacher(find("adjoint"), f.packing)
        weights = task.by_readout(task.loss_weights(outcome))
        slope = VariedGradient(teacher, workshop)(net, outcome, weights)
        return outcome.loss, f.packing.pull(slope, z)

    loss, gradient = varied(f.start)
    assert loss != f(f.start)[0]
    step = np.array([1e-5])
    assert gradient[0] == pytest.approx((varied(f.start + step)[0] - varied(f.start - step)[0]) / 2e-5, rel=1e-6)


def test_training_minimises_the_mean_over_networks():
    """Between two narrow targets the best stated value is not that of the nominal loss: E (r(k) - t)^2 over errors."""
    net, goal = divider("40 %"), np.array([0.6])
    fit = net.fit(np.array([1.0]), goal, robust=50, rate=0.02, epochs=600, batch=1)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    stated = np.linspace(0.6, 1.45, 1000)
    k = stated[:, None] * np.exp(0.4 * nodes)
    mean = ((k + 1e-3) / (k + 1) - goal) ** 2 @ weights / weights.sum()
    reached = np.interp(fit.parameters["up.k"], stated, mean)
    assert reached <= 1.02 * mean.min()


def test_training_again_gives_the_same():
    net = divider("5 %")
    first, second = (net.fit(X, Y, robust=5, fluctuations=1, epochs=3, seed=7) for _ in range(2))
    assert first.optimizer == "adam"
    assert first.history == second.history
    assert first.robustness == second.robustness
    assert first.robustness != net.fit(X, Y, robust=5, fluctuations=1, epochs=3, seed=8).robustness


def test_fluctuations_are_those_of_a_capacitor():
    """10 pF at 100 mK hold 538 electrons per kT; one kT of the output is one of the readout."""
    net = crncompile.loads(
        """
        network follower
        temperature 100 mK
        reservoir x = input(range = [-3 kT, 3 kT], data = [-3, 3])
        reservoir y = output(capacitance = 10 pF)
        dot a: x -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
        readout r = y / 1 kT
        """
    )
    X = np.linspace(-1, 1, 2000)
    (mse,) = robustness(Task(net, X, X), net.parameters(), 1, fluctuations=True).values
    assert mse == pytest.approx(1 / 538, rel=0.1)


def test_accuracy_is_told_of_a_model_that_classifies():
    net = crncompile.loads(CLASSES.replace("lognormal(20 nM, 0.5)", "lognormal(20 nM, 0.5) tolerance 50 %"))
    corners = np.random.default_rng(0).uniform(0, 1, (30, 2))
    labels = (corners[:, 0] > corners[:, 1]).astype(int)
    fit = net.fit(corners, labels, epochs=20, rate=0.1, robust=20)
    told = fit.robustness.as_dict()
    assert told["quality"] == "accuracy"
    assert told["worst"] == min(fit.robustness.values) <= told["quantile_5"] <= told["median"] <= told["quantile_95"]
    assert told["networks"] == len(told["values"]) == 20
    assert "20 networks within their tolerances: accuracy mean" in fit.robustness.sentence()


def test_a_model_may_state_it():
    net = divider(text=DIVIDER + "training = adam(robust = 4, fluctuations = 1, epochs = 2)\n")
    found = net.fit(X, Y).robustness
    assert (len(found.values), found.fluctuations) == (4, True)


def test_a_stopped_training_tells_of_no_other_networks():
    def stop(_):
        raise KeyboardInterrupt

    fit = divider().fit(X, Y, robust=5, progress=stop)
    assert fit.interrupted
    assert fit.robustness is None


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"robust": 5, "optimizer": "levenberg_marquardt"}, "robust training builds many: use adam"),
        ({"robust": -1}, "robust must be at least 0, and finite, not -1"),
        ({"robust": 5, "fluctuations": 2}, r"fluctuations must be below 2, not 2"),
        ({"robust": 5, "rule": "spsa"}, "builds its own networks, which spsa does too"),
    ],
)
def test_what_can_not_be_is_told(settings, message):
    with pytest.raises(DataError, match=message):
        divider().fit(X, Y, **settings)


def test_a_model_without_tolerances_is_told():
    net = crncompile.loads(DIVIDER.replace(" tolerance 1 %", ""))
    with pytest.raises(DataError, match="the model states no tolerance, so every network is the same; write one"):
        net.fit(X, Y, robust=5)
    with pytest.raises(DataError, match="robust must be at least 1 network, not 0"):
        spread(divider(), 0)


# --- on the command line ----------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    (tmp_path / "divider.tnet").write_text(DIVIDER, encoding="utf-8")
    rows = "\n".join(f"{x},{y}" for x, y in zip(X, Y, strict=True))
    (tmp_path / "data.csv").write_text(f"x,r\n{rows}\n", encoding="utf-8")
    return [str(tmp_path / "divider.tnet"), "--data", str(tmp_path / "data.csv")]


def test_the_command_line_tells_it(files, tmp_path):
    kept = str(tmp_path / "p.npz")
    done = CliRunner().invoke(cli, ["train", *files, "--robust", "7", "--epochs", "2", "--json", "-o", kept])
    trained = json.loads(done.stdout)["robustness"]
    assert (trained["networks"], trained["quality"], len(trained["values"])) == (7, "mse", 7)
    done = CliRunner().invoke(cli, ["evaluate", *files, "--parameters", kept, "--robust", "7", "--json"])
    assert json.loads(done.stdout)["robustness"] == trained
    done = CliRunner().invoke(cli, ["evaluate", *files, "--parameters", kept, "--robust", "7", "--fluctuations"])
    assert "7 networks within their tolerances: mse mean" in done.stdout
    done = CliRunner().invoke(cli, ["train", *files, "--robust", "2", "--epochs", "1"])
    assert "2 networks within their tolerances: mse mean" in done.stdout


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_fluctuations_go_with_robust(command, files):
    done = CliRunner().invoke(cli, [command, *files, "--fluctuations"])
    assert done.exit_code == 2
    assert "--fluctuations goes with --robust N" in done.stderr
