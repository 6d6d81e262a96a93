"""The comparison of all rules: what is in it, what is left out and why."""

import numpy as np
import pytest

import crncompile
from crncompile.cli.rules import comparison_lines
from crncompile.errors import DataError
from crncompile.learn import compare as module
from crncompile.learn.compare import NUDGES, Comparison, Row, compare
from crncompile.learn.rules import every, find
from crncompile.learn.task import Task
from tests.learn.rules.networks import situation
from tests.learn.rules.test_training import NO_OUTPUT, STARTING


def rows(text, few, monkeypatch):
    monkeypatch.setattr(module, "NUDGES", (0.1, 0.01))
    monkeypatch.setattr(module, "_FEW", few)
    net = crncompile.loads(text)
    found = compare(Task(net, [[0.2], [0.8]], [0.3, -0.1]), net.parameters())
    return found, {row.rule.name: row for row in found.rows}


def test_rules_that_can_not_train_a_model_are_left_out_with_the_reason(monkeypatch):
    found, by_name = rows(STARTING, few=1, monkeypatch=monkeypatch)
    assert set(by_name) == set(every()) - {"adjoint"}
    assert "p.start, which changes a conserved total" in by_name["response"].skipped
    assert by_name["finite"].skipped == "2 trained numbers are too many to vary one at a time"
    assert by_name["spsa"].errors
    assert sum("left out" in line for line in comparison_lines(found)) == len(every()) - 2


def test_one_call_for_each_rule_and_orders_as_declared(monkeypatch):
    monkeypatch.setattr(module, "NUDGES", (0.1, 0.03, 0.01))
    _, task, outcome, _ = situation("bias_only")
    told = []
    found = compare(task, outcome.solution.parameters, told=told.append)
    assert told == [row.rule.name for row in found.rows]
    assert (found.samples, found.asymmetry) == (7, pytest.approx(0, abs=1e-12))
    for row in found.rows:
        if row.rule.order and row.rule.name != "eqprop_holomorphic":
            assert row.measured_order == pytest.approx(row.rule.order, abs=0.3)


def test_orders_need_errors_that_fall():
    errors = tuple(nudge**2 for nudge in NUDGES)
    assert Row(find("response"), errors=errors).measured_order == pytest.approx(2)
    assert np.isnan(Row(find("response"), errors=(np.nan,) * len(NUDGES)).measured_order)


def test_a_nudge_under_which_nothing_comes_to_rest_has_no_number(monkeypatch):
    monkeypatch.setattr(module, "NUDGES", (1e4, 0.1))
    _, task, outcome, _ = situation("bias_only")
    found = compare(task, outcome.solution.parameters)
    row = next(row for row in found.rows if row.rule.name == "response")
    assert np.isnan(row.cosines[0])
    assert row.cosines[1] > 0.99
    row = next(row for row in found.rows if row.rule.name == "finite")
    assert np.isnan(row.cosines[0])
    assert isinstance(found, Comparison)


def test_what_can_not_be_compared():
    net = crncompile.loads(NO_OUTPUT.replace("train -2 kT", "-2 kT").replace("train 1 kT^-1", "1 kT^-1"))
    with pytest.raises(DataError, match="nothing to train"):
        compare(Task(net, [[0.2]], [0.3]), net.parameters())
    net = crncompile.loads(NO_OUTPUT)
    with pytest.raises(DataError, match="no sample has a steady state"):
        compare(Task(net, [[0.2]], [0.3]), {**net.parameters(), "low.at": np.array(np.nan)})
