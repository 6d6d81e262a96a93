"""The loss as a function of a free vector, for optimisers of one's own."""

import sys

import numpy as np
import pytest
from scipy.optimize import minimize

import crncompile
from crncompile.errors import DataError
from tests.learn.test_fit import CLASSES, LINE, SMALL, XS, YS

CORNERS = np.array([[0.1, 0.2], [0.8, 0.4], [0.3, 0.9], [0.7, 0.8]])


@pytest.mark.parametrize(
    ("text", "X", "y"), [(LINE, XS, YS), (CLASSES, CORNERS, [0, 1, 1, 0])], ids=["regression", "classification"]
)
def test_the_gradient_is_that_of_finite_differences(text, X, y):
    f = crncompile.loads(text).loss_and_grad(X, y, seed=1)
    loss, gradient = f(f.start)
    assert loss == f.outcome.loss
    assert gradient.shape == f.start.shape == (f.packing.size,)
    for place in range(f.packing.size):
        step = np.zeros(f.packing.size)
        step[place] = 1e-5
        assert gradient[place] == pytest.approx(
            (f(f.start + step)[0] - f(f.start - step)[0]) / 2e-5, rel=1e-5, abs=1e-9
        )


def test_start_and_parameters_are_two_words_for_the_same():
    net = crncompile.loads(LINE)
    f = net.loss_and_grad(XS, YS, seed=3, parameters={"c.gamma_left": 2e9})
    values = f.parameters(f.start)
    assert values.keys() == set(net.parameter_names)
    assert values["c.gamma_left"] == pytest.approx(2e9, rel=1e-12)
    assert np.array_equal(values["a.level"], net.parameters(seed=3)["a.level"])
    assert np.array_equal(f.packing.pack(values), f.packing.pack(f.parameters(f.packing.pack(values))))


def test_an_optimiser_of_scipy_gets_where_ours_does():
    net = crncompile.loads(LINE)
    f = net.loss_and_grad(XS, YS)
    found = minimize(f, f.start, jac=True, method="L-BFGS-B", options={"maxiter": 150})
    ours = net.fit(XS, YS, starts=1)
    assert found.fun <= 2 * ours.loss
    assert 0.1e9 <= f.parameters(found.x)["c.gamma_left"] <= 3e9


def test_the_loss_is_infinite_where_a_sample_has_no_steady_state():
    f = crncompile.loads(CLASSES).loss_and_grad(CORNERS, [0, 1, 1, 0], parameters={"a.k_cat": 1e305})
    loss, gradient = f(f.start)
    assert loss == np.inf
    assert not np.any(gradient)
    assert f.outcome.unconverged == 4


def test_a_vector_of_another_size_is_told():
    f = crncompile.loads(LINE).loss_and_grad(XS, YS)
    with pytest.raises(DataError, match=r"the free vector has shape \(3,\), but the network needs \(5,\)"):
        f(np.zeros(3))


def test_nothing_to_train_is_told():
    text = SMALL.replace("train normal(0 kT, 2 kT)", "0 kT").replace("train 1 GHz in [0.1 GHz, 3 GHz]", "1 GHz")
    with pytest.raises(DataError, match="nothing to train"):
        crncompile.loads(text + "readout r = y / 1 kT\n").loss_and_grad(XS, YS)


# --- packages that one need not have ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", crncompile.ESTIMATORS)
def test_without_scikit_learn_estimators_say_how_to_get_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "crncompile.learn.estimators", raising=False)
    with pytest.raises(ImportError, match=rf"{name} needs scikit-learn: pip install 'crncompile\[learn\]'"):
        getattr(crncompile, name)
    assert name in dir(crncompile)


def test_without_jax_the_layer_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match=r"jax_layer needs JAX: pip install 'crncompile\[gpu\]'"):
        crncompile.jax_layer(crncompile.loads(LINE))
