"""Derivatives of straight-line code against sympy's of the whole expression."""

import sympy
from hypothesis import given, settings

from crncompile.program.calculus import Names, backward, forward
from program.expressions import INPUTS, close, inserted, number, programs, run

TAKEN = [symbol.name for symbol in INPUTS]


def names(definitions):
    return Names(TAKEN + [symbol.name for symbol, _ in definitions])


@settings(max_examples=25)
@given(programs())
def test_forward_is_diff(program):
    definitions, outputs = program
    assignments, table = forward(definitions, outputs, INPUTS, names(definitions))
    for output, row in zip(outputs, table, strict=True):
        wanted = [number(sympy.diff(inserted(definitions, output), x)) for x in INPUTS]
        close(run(assignments, row), wanted)


@settings(max_examples=25)
@given(programs())
def test_backward_is_diff(program):
    definitions, outputs = program
    total = outputs[0] + 2 * outputs[1]
    assignments, bars = backward(definitions, total, INPUTS, names(definitions))
    wanted = [number(sympy.diff(inserted(definitions, total), x)) for x in INPUTS]
    close(run(assignments, bars), wanted)


@settings(max_examples=20)
@given(programs())
def test_nothing_is_assigned_twice(program):
    definitions, outputs = program
    for assignments in (
        forward(definitions, outputs, INPUTS, names(definitions))[0],
        backward(definitions, outputs[0], INPUTS, names(definitions))[0],
    ):
        assigned = [symbol for symbol, _ in assignments]
        assert len(set(assigned)) == len(assigned)
        known = set(INPUTS)
        for symbol, value in assignments:
            assert value.free_symbols <= known
            known.add(symbol)


def test_names_are_given_once():
    known = Names(["flux", "weight"])
    assert [known.symbol("flux").name for _ in range(3)] == ["flux_", "flux__", "flux___"]
    assert known.symbol("other").name == "other"
