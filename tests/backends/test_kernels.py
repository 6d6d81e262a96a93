"""Generated code of every library device: values, slopes and adjoints against sympy and against complex steps."""

import numpy as np
import pytest
import sympy
from symbolic.kinds import LIBRARY, library_kind

from crncompile.backends.load import load_module
from crncompile.backends.numpy_source import device_text
from crncompile.program.kernels import device_kernel
from crncompile.symbolic.device_law import derive
from crncompile.symbolic.sampling import draw

POINTS = 60


class Generated:
    """A device's kernel, its functions, and random values by name."""

    def __init__(self, name):
        self.law = derive(library_kind(name))
        self.kernel = device_kernel(self.law, range(len(self.law.kind.terminals)))
        self.module = load_module(device_text(self.kernel, "device"), f"test:{name}")
        self.drawn = draw(self.law.kind, POINTS, seed=21)
        self.values = {symbol.name: value for symbol, value in self.drawn.items()}
        if self.law.kind.amount:
            self.values["volume"] = np.full(POINTS, 2e-9)
        self.scale = 6.02214076e23 * 2e-9 if self.law.kind.amount else 1.0

    def run(self, suffix, changed=(), weights=()):
        values = {**self.values, **dict(changed)}
        arguments = [values[s.name] for s in (*self.kernel.terminals, *self.kernel.parameters)]
        outputs = getattr(self.module, f"device{suffix}")(*weights, *arguments)
        return np.array([np.broadcast_to(output, (POINTS,)) for output in outputs])

    def symbolic(self, expression):
        (value,) = self.law.evaluate([expression], self.drawn)
        return value * self.scale

    def slope(self, flux, symbol):
        """Derivative of the law, not of its code: symbolic, or by a complex step where occupations are solved for."""
        if not self.law.solved:
            return self.symbolic(sympy.diff(self.law.expand(flux), symbol))
        step = 1e-30 * np.abs(self.drawn[symbol])
        moved = self.law.evaluate([flux], {**self.drawn, symbol: self.drawn[symbol] + 1j * step})[0]
        return moved.imag / step * self.scale


@pytest.fixture(scope="module", params=LIBRARY)
def generated(request):
    return Generated(request.param)


def assert_close(found, wanted, size, tolerance=1e-11):
    assert np.max(np.abs(found - wanted) / (np.abs(wanted) + size + 1e-200)) < tolerance


def test_value_is_the_law(generated):
    gross = generated.run("_gross")
    for flux, found, size in zip(generated.law.fluxes, generated.run(""), gross, strict=True):
        assert_close(found, generated.symbolic(flux), size)
        assert np.all(np.abs(found) <= size * (1 + 1e-12))


def test_slopes_are_the_laws_derivatives(generated):
    outputs, kernel = generated.run("_slopes"), generated.kernel
    fluxes = len(generated.law.fluxes)
    np.testing.assert_allclose(outputs[:fluxes], generated.run(""), rtol=1e-9, atol=1e-12 * np.max(np.abs(outputs[0])))
    gross = generated.run("_gross")
    for (flux, terminal), found in zip(kernel.slope_of, outputs[fluxes:], strict=True):
        symbol = kernel.terminals[terminal]
        wanted = generated.slope(generated.law.fluxes[flux], symbol)
        assert_close(found, wanted, gross[flux] / np.abs(generated.values[symbol.name]), 1e-9)


def test_slopes_that_are_left_out_are_zero(generated):
    kernel = generated.kernel
    for flux in range(len(generated.law.fluxes)):
        for terminal, symbol in enumerate(kernel.terminals):
            if (flux, terminal) not in kernel.slope_of:
                assert symbol not in generated.law.moved_by(flux)


def test_pull_is_the_complex_step_in_every_argument(generated):
    kernel, rng = generated.kernel, np.random.default_rng(5)
    weights = rng.normal(size=(len(generated.law.fluxes), POINTS))
    pulled, gross = generated.run("_pull", weights=weights), generated.run("_gross")
    assert kernel.pulled == tuple(s.name for s in (*kernel.parameters, *kernel.terminals))
    for name, found in zip(kernel.pulled, pulled, strict=True):
        step = 1e-30 * np.abs(generated.values[name])
        slopes = generated.run("", {name: generated.values[name] + 1j * step}).imag / step
        size = (np.abs(weights) * gross).sum(axis=0) / np.abs(generated.values[name])
        assert_close(found, (weights * slopes).sum(axis=0), size)


def test_slopes_take_complex_potentials(generated):
    """Second derivatives: those across are equal."""
    kernel, fluxes = generated.kernel, len(generated.law.fluxes)
    slopes = {}
    for terminal, symbol in enumerate(kernel.terminals):
        step = 1e-30 * np.abs(generated.values[symbol.name])
        moved = generated.run("_slopes", {symbol.name: generated.values[symbol.name] + 1j * step}).imag / step
        for number, (flux, other) in enumerate(kernel.slope_of):
            slopes[flux, other, terminal] = moved[fluxes + number]
    gross = generated.run("_gross")
    for (flux, a, b), found in slopes.items():
        if (flux, b, a) in slopes:
            names = (kernel.terminals[a].name, kernel.terminals[b].name)
            size = gross[flux] / np.abs(generated.values[names[0]] * generated.values[names[1]])
            assert_close(found, slopes[flux, b, a], size, 1e-8)


def test_code_is_short_for_what_it_does(generated):
    """Derivatives cost a small multiple of the law, forward per terminal and backward in all."""
    law, slopes, pull = (
        sum(value.count_ops() for _, value in routine.assignments)
        for routine in (generated.kernel.value, generated.kernel.slopes, generated.kernel.pull)
    )
    assert slopes <= (2 + 2.5 * len(generated.kernel.terminals)) * law + 10
    assert pull <= 6 * law + 30
