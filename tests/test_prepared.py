"""Parameters that do not change: the same answers, and nothing that could make them untrue."""

import pickle

import numpy as np
import pytest

import crncompile
from crncompile.errors import DataError
from tests.backends.test_newton import COUPLED, WITHOUT

X = np.random.default_rng(7).uniform(0.1, 2.0, (9, 5))
BACKENDS = ("numpy", "c")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_answers_are_the_same_bits_time_after_time(backend, precision):
    network = crncompile.loads(COUPLED, backend=backend)
    values = {"first.total": np.full((5, 7), 2e-3)}
    prepared = network.prepared(values)
    wanted = network.solve(x=X, parameters=values, precision=precision)
    for _ in range(2):
        found = network.solve(x=X, parameters=prepared, precision=precision)
        np.testing.assert_array_equal(found.u, wanted.u)
    weights = {"out": np.ones((9, 3), found.u.dtype)}
    (mine, _), (theirs, _) = network.gradient(found, weights), network.gradient(wanted, weights)
    assert mine.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_array_equal(mine[name], value)


def test_constants_are_computed_once(monkeypatch):
    network = crncompile.loads(COUPLED)
    calls, constants_of = [], network.functions.constants_of
    monkeypatch.setattr(network.functions, "constants_of", lambda values: calls.append(1) or constants_of(values))
    prepared = network.prepared()
    for _ in range(3):
        network.solve(x=X, parameters=prepared)
    assert len(calls) == 1


def test_they_can_not_be_changed():
    network = crncompile.loads(COUPLED)
    own = np.full((5, 7), 2e-3)
    prepared = network.prepared({"first.total": own})
    own[:] = 0.0
    assert (prepared["first.total"] == 2e-3).all()
    with pytest.raises(ValueError, match="read-only"):
        prepared["first.total"][0, 0] = 1.0
    with pytest.raises(TypeError):
        prepared["first.total"] = own
    assert set(prepared) == set(network.parameters())
    assert len(prepared) == len(network.parameters())


def test_another_network_takes_them_as_plain_values():
    network, other = crncompile.loads(WITHOUT), crncompile.loads(COUPLED)
    with pytest.raises(DataError, match="no parameter"):
        network.solve(x=X, parameters=other.prepared())
    again = crncompile.loads(WITHOUT, backend="c")
    found = again.solve(x=X, parameters=network.prepared())
    np.testing.assert_allclose(found.u, network.solve(x=X).u, atol=1e-12)


def test_a_solution_can_be_sent_elsewhere():
    network = crncompile.loads(COUPLED)
    solution = network.solve(x=X, parameters=network.prepared())
    parameters = pickle.loads(pickle.dumps(solution.parameters))
    for name, value in parameters.items():
        np.testing.assert_array_equal(value, solution.parameters[name])


def test_a_name_that_is_like_no_other_is_answered_by_some():
    with pytest.raises(DataError, match=r"no parameter zzz; known here: around.K_M, .* and \d+ more"):
        crncompile.loads(COUPLED).prepared({"zzz": 1.0})
