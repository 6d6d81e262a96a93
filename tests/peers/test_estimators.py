"""Estimators: what scikit-learn checks of every estimator, and what is our own."""

import copy
import os
import pickle
import warnings

import numpy as np
import pytest

import crncompile
from crncompile.errors import DataError, SteadyStateError
from tests.peers.networks import DOTS, ENZYMES

try:
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.utils.estimator_checks import parametrize_with_checks
except ImportError:
    if os.environ.get("CRNCOMPILE_REQUIRE_PEERS"):
        raise
    pytest.skip("scikit-learn is not installed: pip install crncompile[learn]", allow_module_level=True)

# Small ones, for the sake of time; what they learn suffices for the checks of quality among them.
SMALL = [
    crncompile.ThermodynamicRegressor(hidden=3, settings={"trial": 5, "iterations": 15}),
    crncompile.ThermodynamicClassifier(hidden=3, settings={"epochs": 15}),
]


@pytest.mark.filterwarnings("default")  # scikit-learn's checks warn on purpose
@parametrize_with_checks(SMALL)  # all of them apply
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


X = np.linspace(0, 1, 9)[:, None]
Y = np.linspace(-1.5, 0.5, 9)
FEW = {"starts": 1, "trial": 3, "iterations": 3}


@pytest.fixture(scope="module")
def fitted():
    return crncompile.ThermodynamicRegressor(DOTS, settings=FEW).fit(X, Y)


def points(count=40, seed=0):
    """Points of three features, and what class of two they are of."""
    values = np.random.default_rng(seed).uniform([0, 0, -1], [1, 1, 1], (count, 3))
    return values, np.where(values[:, 0] > values[:, 1], "over", "below")


# --- a model of one's own ---------------------------------------------------------------------------------------------


def test_a_regressor_is_the_network_that_fit_trains(fitted):
    net = crncompile.loads(DOTS)
    fit = net.fit(X, Y, **FEW)
    assert fitted.loss_ == fit.loss
    assert fitted.history_ == fit.history
    assert fitted.n_features_in_ == 1
    assert np.array_equal(fitted.predict(X), net.solve(x=X[:, 0], raw=True, parameters=fit.parameters).readouts["r"])
    assert fitted.score(X, Y) == pytest.approx(1 - fit.loss / Y.var(), rel=1e-12)


def test_a_model_may_be_a_path_a_text_or_a_network(tmp_path, fitted):
    path = tmp_path / "small.tnet"
    path.write_text(DOTS, encoding="utf-8")
    for model in (path, str(path), crncompile.loads(DOTS)):
        found = crncompile.ThermodynamicRegressor(model, settings=FEW).fit(X, Y)
        assert np.array_equal(found.predict(X), fitted.predict(X))


@pytest.mark.parametrize("how", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_predict_the_same(fitted, how):
    assert np.array_equal(how(fitted).predict(X), fitted.predict(X))


def test_a_classifier_of_a_model_maps_labels_in_their_order():
    values, labels = points()
    found = crncompile.ThermodynamicClassifier(ENZYMES, settings={"epochs": 20, "rate": 0.1}).fit(values, labels)
    assert found.classes_.tolist() == ["below", "over"]
    assert found.score(values, labels) >= 0.9
    logits = found.network_.solve(x=values[:, :2], z=values[:, 2], raw=True, parameters=found.parameters_).readouts["c"]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(found.predict_proba(values), shares, rtol=1e-12)
    assert np.allclose(found.decision_function(values), logits[:, 1] - logits[:, 0], rtol=1e-12)


def test_a_generic_network_learns_a_bump():
    x = np.linspace(-30, 50, 41)[:, None]
    y = 1000 + 50 * np.exp(-((x - 10) ** 2) / 200)
    found = crncompile.ThermodynamicRegressor(hidden=4).fit(x, np.hstack([y, -y]))
    assert found.predict(x).shape == (41, 2)
    assert found.score(x, np.hstack([y, -y])) >= 0.95


def test_settings_are_searched_by_scikit_learn():
    values, labels = points(20)
    model = crncompile.ThermodynamicClassifier(crncompile.loads(ENZYMES))
    search = GridSearchCV(
        make_pipeline(FunctionTransformer(), model),
        {"thermodynamicclassifier__settings": [{"epochs": 1}, {"epochs": 10, "rate": 0.1}]},
        cv=2,
    ).fit(values, labels)
    assert search.best_params_["thermodynamicclassifier__settings"]["epochs"] == 10
    assert clone(model).model is model.model


def test_ctrl_c_keeps_the_best_so_far():
    def stop(progress):
        if progress.evaluation == 5:
            raise KeyboardInterrupt

    regressor = crncompile.ThermodynamicRegressor(DOTS, settings={"progress": stop, "starts": 1})
    with pytest.warns(UserWarning, match="training was interrupted: the best parameters so far are kept"):
        regressor.fit(X, Y)
    assert regressor.interrupted_
    assert len(regressor.history_) == 5
    assert np.isfinite(regressor.predict(X)).all()


@pytest.mark.parametrize("scale", [1e6, 1e308])
@pytest.mark.parametrize("kind", [crncompile.ThermodynamicRegressor, crncompile.ThermodynamicClassifier])
def test_features_far_beyond_those_of_training_are_told(kind, scale):
    settings = {"epochs": 1} if kind is crncompile.ThermodynamicClassifier else FEW
    estimator = kind(hidden=2, settings=settings).fit(X, np.arange(9) % 2)
    said = "feature 0 of sample 1 is too far from what the network has learned: it went from 0 to 1 in training"
    with pytest.raises(DataError, match=said):
        estimator.predict([[0.5], [scale]])


def test_inputs_far_beyond_the_data_of_a_model_are_told():
    estimator = crncompile.ThermodynamicClassifier(ENZYMES, settings={"epochs": 1}).fit(*points(20))
    with pytest.raises(DataError, match=r"input z is so far outside the data range \[-1, 1\] that its concentration"):
        estimator.predict([[0.5, 0.5, 1e6]])


def test_a_training_that_diverges_is_told():
    regressor = crncompile.ThermodynamicRegressor(DOTS, optimizer="sgd", settings={"rate": 1e6, "epochs": 3})
    with pytest.warns(UserWarning, match="training diverged, the last good parameters are kept"):
        regressor.fit(X, Y)
    assert np.isfinite(regressor.predict(X)).all()


def test_the_seed_says_it_all():
    first, again, other = (crncompile.ThermodynamicRegressor(hidden=2, seed=s, settings=FEW) for s in (3, 3, 4))
    predictions = [e.fit(X, Y).predict(X) for e in (first, again, other)]
    assert np.array_equal(predictions[0], predictions[1])
    assert not np.array_equal(predictions[0], predictions[2])


@pytest.mark.parametrize("kind", SMALL, ids=lambda kind: type(kind).__name__)
def test_help_describes_every_parameter(kind):
    described = type(kind).__doc__
    assert all(f"\n{name}\n" in described for name in kind.get_params())


def test_robust_training_is_a_setting_like_others():
    text = DOTS.replace("gamma_right = 1 GHz, level = 0 kT", "gamma_right = 1 GHz tolerance 20 %, level = 0 kT")
    found = crncompile.ThermodynamicRegressor(text, settings={"robust": 6, "epochs": 3}).fit(X, Y)
    assert len(found.robustness_.values) == 6
    assert crncompile.ThermodynamicRegressor(DOTS, settings=FEW).fit(X, Y).robustness_ is None


# --- what does not fit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "data", "message"),
    [
        (crncompile.ThermodynamicRegressor(ENZYMES), (X, Y), "needs a model with `readout`: for this one take Thermo"),
        (crncompile.ThermodynamicClassifier(DOTS), (X, Y > 0), "needs a model with `classify`: for this one take"),
        (crncompile.ThermodynamicRegressor(DOTS), (np.hstack([X, X]), Y), "the model has 1 inputs, but X has 2 feat"),
        (crncompile.ThermodynamicRegressor(hidden=0), (X, Y), "hidden must be a whole number from 1, not 0"),
        (crncompile.ThermodynamicRegressor(DOTS, optimizer="sgdd"), (X, Y), "there is no optimiser sgdd"),
    ],
)
def test_what_does_not_fit_is_told(estimator, data, message):
    with pytest.raises(DataError, match=message):
        estimator.fit(*data)


def test_more_classes_than_outputs_are_refused_and_fewer_warned_of():
    values, _ = points(12)
    three = np.arange(12) % 3
    with pytest.raises(DataError, match="tells 2 classes apart, but y has 3"):
        crncompile.ThermodynamicClassifier(ENZYMES).fit(values, three)
    wide = ENZYMES.replace("index k = 1..2", "index k = 1..4")
    model = crncompile.ThermodynamicClassifier(wide, settings={"epochs": 1})
    with pytest.warns(UserWarning, match="has 4 outputs, and y only 3 classes"):
        model.fit(values, three)
    assert model.predict_proba(values).shape == (12, 3)
    assert np.allclose(model.predict_proba(values).sum(axis=1), 1)


def test_samples_without_a_steady_state_are_nan_and_have_no_label():
    values, labels = points(12)
    model = crncompile.ThermodynamicClassifier(ENZYMES, settings={"epochs": 1}).fit(values, labels)
    model.parameters_["drain.k"] = np.full(2, 1e305)
    values[1:] = values[0]
    with pytest.warns(UserWarning, match="12 samples have no steady state; sample 0: "):
        assert np.isnan(model.predict_proba(values)).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(SteadyStateError, match="predict_proba gives the other samples"):
            model.predict(values)
