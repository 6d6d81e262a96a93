"""The benchmarks of learning: which there are, what they shall reach, and that some of them do."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from crncompile.errors import DataError
from crncompile.learn import benchmarks
from crncompile.learn.benchmarks import BENCHMARKS, Result, Row, Target, Trainer, monotone_bound, selected


def chosen(model, rule="adjoint"):
    (found,) = (b for b in BENCHMARKS if (b.title, b.rule) == (model, rule))
    return found


# --- which there are -------------------------------------------------------------------------------------------------


def test_every_model_of_a_benchmark_comes_with_the_program():
    assert all(benchmarks.model_file(b.model).is_file() for b in BENCHMARKS)
    models = {path.stem for path in (Path(__file__).parents[2] / "models").glob("*.tnet")}
    assert {b.model for b in BENCHMARKS} == models


def test_tasks_and_models_are_chosen_by_name(tmp_path):
    assert {b.task for b in selected([], None)} == {"sine", "xor", "moons", "bump", "digits"}
    assert selected([], tmp_path) == list(BENCHMARKS)
    assert [b.model for b in selected(["xor", "bump_dots"], None)] == ["xor_enzymes", "xor_dots", "bump_dots"]
    assert {b.task for b in selected(["mnist"], tmp_path)} == {"mnist"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("moon", "there is no benchmark moon; did you mean moons?"),
        ("chess", "there is no benchmark chess; tasks are sine, xor, moons, bump, digits, mnist"),
        ("mnist", "mnist needs its images: name the folder with the four IDX files (mnist)"),
    ],
)
def test_what_is_said_of_other_names(name, said):
    with pytest.raises(DataError) as caught:
        selected([name], None)
    assert str(caught.value) == said


# --- what they shall reach -------------------------------------------------------------------------------------------


def row(target, *reached):
    results = tuple(Result(seed, value, 0.0, 0, 1.0) for seed, value in enumerate(reached))
    return Row("t", "m", "adjoint", "mse", target, results)


def test_a_target_is_met_where_all_seeds_meet_it():
    assert row(Target(high=1.0), 0.5, 1.0).met is True
    assert row(Target(high=1.0), 0.5, 1.1).met is False
    assert row(Target(low=0.5, high=1.0), 0.4).met is False
    assert row(Target(), 7.0).met is None
    assert row(Target(high=1.0), np.nan).met is False


def test_the_bound_of_monotone_functions():
    """By a general optimiser, over steps that are squares; and as known for a sine."""
    values = np.random.default_rng(0).normal(size=7)

    def loss(z, sign):
        return np.mean((z[0] + sign * np.cumsum(np.append(0, z[1:] ** 2)) - values) ** 2)

    best = min(
        minimize(loss, np.random.default_rng(seed).normal(size=7), args=(sign,)).fun
        for seed in range(5)
        for sign in (1, -1)
    )
    assert monotone_bound(values[:, None]) == pytest.approx(best, rel=1e-4)
    assert monotone_bound(np.sin(np.linspace(0, 2 * np.pi, 1000))) == pytest.approx(0.0613, abs=5e-5)
    assert monotone_bound(np.arange(9.0)) == 0


# --- that some do ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["xor_enzymes", "xor_dots"])
def test_exclusive_or_is_learned_without_a_mistake(model):
    trainer = Trainer(chosen(model), None, "numpy")
    result = trainer(0)
    assert (result.seed, result.reached, result.trained, result.unconverged) == (0, 1.0, 1.0, 0)
    assert trainer.row([result]).met
    assert trainer.kept.predictions.shape == (1000, 2)


def test_without_ndc_the_best_monotone_fit_is_reached_and_nothing_better(monkeypatch):
    """A single start, rather than eight, of a gain of either sign."""
    benchmark = dataclasses.replace(chosen("sine_no_ndc"), settings={"starts": 1, "trial": 40, "iterations": 40})
    trainer = Trainer(benchmark, None, "numpy")
    gains = [trainer.compiled.parameters(seed=seed)["gain"] > 0 for seed in (0, 1, 2, 3)]
    assert set(map(bool, gains)) == {True, False}
    results = [trainer(gains.index(sign)) for sign in (True, False)]
    found = trainer.row(results)
    assert found.met, found
    assert trainer.kept.monotone.shape == (1000,)
    assert np.mean((trainer.kept.monotone - trainer.kept.targets[:, 0]) ** 2) == pytest.approx(found.target.low)


def test_a_measured_rule_tells_its_cosines():
    benchmark = dataclasses.replace(
        chosen("sine_enzymes", "eqprop"), settings={"starts": 1, "trial": 2, "iterations": 1}
    )
    result = Trainer(benchmark, None, "numpy")(0)
    assert len(result.cosines) == 2
    assert 0.9 < result.cosines[0] < 1


def test_the_digits_go_on_to_be_learned():
    """Five epochs of forty."""
    pytest.importorskip("sklearn")
    result = Trainer(dataclasses.replace(chosen("digits_dots"), settings={"epochs": 5}), None, "numpy")(0)
    assert result.reached >= 0.9


def test_what_was_interrupted_is_no_result(monkeypatch):
    trainer = Trainer(chosen("xor_dots"), None, "numpy")

    def progress(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer(0, progress)
    assert trainer.kept is None
