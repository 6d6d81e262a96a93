"""A device's functions with constants computed once: the values of its plain functions, and no more is computed."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest
from symbolic.kinds import LIBRARY

from backends.test_kernels import Generated
from crncompile.backends import numpy_runtime
from crncompile.backends.law_text import LawText
from crncompile.backends.load import load_module
from crncompile.backends.numpy_source import IMPORTS, joined_text, runtime_text


def family(slopes):
    """A family that needs some of the derivatives of its kind."""
    return SimpleNamespace(contributions=[SimpleNamespace(slope=slope) for slope in slopes])


class Subject:
    """A device as in `Generated`, and its functions that take constants: for all derivatives, and for the first."""

    def __init__(self, name):
        self.plain = Generated(name)
        self.kernel = self.plain.kernel
        every = range(len(self.kernel.slope_of))
        self.families = [family(every), family(every[:1])]
        self.text = LawText(self.kernel, "device", self.families)
        self.module = load_module(joined_text([IMPORTS, runtime_text(numpy_runtime), self.text.text()]), name)
        values = [self.plain.values[symbol.name] for symbol in self.kernel.parameters]
        self.constants = self.module.device_constants(*values)

    def run(self, what, family, terminals, weights=()):
        law = self.text.law(what, family)
        return law, getattr(self.module, f"device{law.suffix}")(*weights, *terminals, *self.constants[law.key])


@pytest.fixture(scope="module", params=LIBRARY)
def subject(request):
    return Subject(request.param)


def test_values_are_those_of_the_plain_functions(subject):
    terminals = [subject.plain.values[symbol.name] for symbol in subject.kernel.terminals]
    weights = [np.linspace(1, 2, 60)] * len(subject.kernel.flux_names)
    for what in ("value", "gross", "slopes", "pull"):
        given = weights if what == "pull" else ()
        wanted = subject.plain.run("" if what == "value" else f"_{what}", weights=given)
        for family in subject.families:
            law, found = subject.run(what, family, terminals, given)
            names = getattr(subject.kernel, what).names
            assert len(found) == len(law.results)
            for name, value in zip(law.results, found, strict=True):
                due = wanted[names.index(name)]
                np.testing.assert_allclose(value, due, rtol=1e-9, atol=1e-11 * np.abs(due).max())


def test_only_what_a_family_needs_is_computed_of_constants_that_are_all_used(subject):
    whole, part = (subject.text.law("slopes", family) for family in subject.families)
    assert set(part.results) <= set(whole.results)
    for law in (whole, part):
        source = inspect.getsource(getattr(subject.module, f"device{law.suffix}"))
        head, body = source.split('"""')[0], source.split('"""')[2]
        arguments = [name.strip() for name in head[head.index("(") + 1 : head.rindex(")")].split(",")]
        for name in arguments[len(subject.kernel.terminals) :]:
            assert name in body


def test_results_differ_along_the_terminals_on_which_they_are_said_to_depend(subject):
    count = len(subject.kernel.terminals)
    middle = [np.median(subject.plain.values[symbol.name]) for symbol in subject.kernel.terminals]
    terminals = [
        value * np.linspace(1, 2, 3).reshape([3 if a == t else 1 for a in range(count)])
        for t, value in enumerate(middle)
    ]
    values = [subject.plain.values[symbol.name].flat[0] for symbol in subject.kernel.parameters]
    constants = subject.module.device_constants(*values)
    for what in ("value", "gross", "slopes"):
        law = subject.text.law(what, subject.families[0])
        found = getattr(subject.module, f"device{law.suffix}")(*terminals, *constants[law.key])
        for value, depends in zip(found, law.terminals, strict=True):
            shape = np.shape(value) or (1,) * count
            assert shape == tuple(3 if t in depends else 1 for t in range(count))
