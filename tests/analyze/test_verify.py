"""The checks of a device find what is wrong with it."""

import dataclasses

import mpmath
import numpy as np
import pytest
import sympy
from symbolic.kinds import library_kind

from crncompile.analyze import verify as subject
from crncompile.analyze.rate_matrix import RateMatrix
from crncompile.symbolic.device_law import derive


def failed(monkeypatch, name, change):
    """Names of the checks that fail when a device's law is changed."""
    kind = library_kind(name)
    law = change(derive(kind))
    monkeypatch.setattr(subject, "derive", lambda _: law)
    return {check.name for check in subject.verify(kind) if not check.passed}


def test_nothing_fails_in_an_unchanged_law(monkeypatch):
    assert failed(monkeypatch, "resonant_dot", lambda law: law) == set()


def test_a_current_that_is_too_large_is_found(monkeypatch):
    def change(law):
        return dataclasses.replace(law, fluxes=(law.fluxes[0] * (1 + sympy.Float(1e-9)),))

    assert failed(monkeypatch, "michaelis_menten", change) == {"steady current"}


def test_a_current_at_equilibrium_is_found(monkeypatch):
    def change(law):
        return dataclasses.replace(law, fluxes=(law.fluxes[0] + law.kind.parameters[0].symbol / 100,))

    found = failed(monkeypatch, "linear_conductance", change)
    assert found == {"equilibrium", "entropy production"}


def test_a_current_against_its_affinity_is_found(monkeypatch):
    def change(law):
        return dataclasses.replace(law, fluxes=(-law.fluxes[0],))

    assert failed(monkeypatch, "resonant_dot", change) == {"steady current", "entropy production"}


def test_a_backward_rate_that_does_not_balance_is_found(monkeypatch):
    def change(law):
        forward, backward = law.rates["enter"]
        return dataclasses.replace(law, rates={**law.rates, "enter": (forward, 2 * backward)})

    assert failed(monkeypatch, "resonant_dot", change) == {"detailed balance"}


def test_a_derivative_that_is_not_one_is_found(monkeypatch):
    kernel = subject.device_kernel

    def wrong(law, pulled):
        right = kernel(law, pulled)
        slopes = right.slopes
        swapped = dataclasses.replace(slopes, outputs=(slopes.outputs[0], *reversed(slopes.outputs[1:])))
        return dataclasses.replace(right, slopes=swapped)

    monkeypatch.setattr(subject, "device_kernel", wrong)
    checks = subject.verify(library_kind("resonant_dot"))
    assert {check.name for check in checks if not check.passed} == {"derivatives"}


def test_ndc_is_told_with_an_example():
    checks = {check.name: check for check in subject.verify(library_kind("substrate_inhibited"))}
    assert checks["conductances"].passed
    assert checks["conductances"].detail.startswith("negative differential conductance, for example at S = ")


def test_irreversible_devices_are_excused_from_equilibrium():
    checks = {check.name: check for check in subject.verify(library_kind("saturable_decay"))}
    assert "irreversible" in checks["equilibrium"].detail
    assert "irreversible" in checks["entropy production"].detail


@pytest.mark.parametrize("bias", [-3.0, 0.0, 2.5])
def test_rate_matrix_of_the_resonant_dot(bias):
    """GL GR/(GL + GR) (fL - fR) to 40 digits, and backward rates by detailed balance."""
    values = {"left": bias, "right": 0.25, "gamma_left": 3.0, "gamma_right": 5.0, "level": -0.5}
    matrix = RateMatrix(library_kind("resonant_dot"))
    currents, rates = matrix.currents(values), matrix.rates(values)
    with mpmath.workdps(50):
        f_left, f_right = (
            1 / (1 + mpmath.exp(mpmath.mpf("-0.5") - mu)) for mu in (mpmath.mpf(bias), mpmath.mpf("0.25"))
        )
        wanted = mpmath.mpf(15) / 8 * (f_left - f_right)
        assert abs(currents.terminals[1] - wanted) < mpmath.mpf(10) ** -40
        assert abs(currents.terminals[0] + wanted) < mpmath.mpf(10) ** -40
        assert abs(rates["enter"].affinity - (mpmath.mpf(bias) + mpmath.mpf("0.5"))) < mpmath.mpf(10) ** -40
        assert abs(rates["enter"].forward + rates["enter"].backward - 3) < mpmath.mpf(10) ** -40
    assert np.isfinite(float(currents.largest))
