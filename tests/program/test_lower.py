"""Lowered code computes what it was made from, with no dead or doubled work."""

import sympy
from hypothesis import given, settings

from crncompile.program.lower import routine
from crncompile.symbolic.functions import logistic
from program.expressions import INPUTS, close, inserted, number, programs, run


@settings(max_examples=30)
@given(programs())
def test_routine_computes_its_outputs(program):
    definitions, outputs = program
    code = routine(INPUTS, definitions, outputs, ["first", "second"])
    assert code.arguments == INPUTS
    assert code.names == ("first", "second")
    close(run(code.assignments, code.outputs), [number(inserted(definitions, output)) for output in outputs])


@settings(max_examples=30)
@given(programs())
def test_every_assignment_is_used_and_defined_before_its_use(program):
    definitions, outputs = program
    code = routine(INPUTS, definitions, outputs, ["first", "second"])
    known, used = set(INPUTS), set(code.outputs)
    for symbol, value in code.assignments:
        assert value.free_symbols <= known
        assert not value.has(logistic)
        known.add(symbol)
        used |= value.free_symbols
    assert {symbol for symbol, _ in code.assignments} <= used
    assert len({value for _, value in code.assignments}) == len(code.assignments)


def test_both_fermi_functions_come_from_one_exponential():
    x, p = INPUTS[0], INPUTS[2]
    code = routine((x, p), (), [p * logistic(x), p * logistic(-x), logistic(x) * logistic(-x)], ["a", "b", "c"])
    assert sum(value.count(sympy.exp) for _, value in code.assignments) == 1


def test_an_output_that_is_an_argument_stays_one():
    x, p = INPUTS[0], INPUTS[2]
    code = routine((x, p), (), [x, p * x], ["same", "other"])
    assert code.outputs[0] == x
    assert len(code.assignments) == 1


def test_constant_outputs_have_a_name():
    x = INPUTS[0]
    code = routine((x,), (), [sympy.Integer(0), x], ["none", "same"])
    assert run(code.assignments, code.outputs, {x: 2.0}) == [0.0, 2.0]
