"""Units that are found without the registry mean what the registry says, and constants are those of CODATA."""

import itertools
import subprocess
import sys

import pytest
import scipy.constants

from crncompile import constants, unit_names, units


@pytest.mark.parametrize("unit", [*unit_names.UNITS, *sorted(set(unit_names.PLAIN) - {"%"})])
def test_common_units_mean_what_the_registry_says(unit):
    prefixes = ["", *unit_names.PREFIXES] if unit in unit_names.UNITS else [""]
    for prefix in prefixes:
        factor, exponents = unit_names.common(prefix + unit)
        expected, zero, dimension = units._rare(prefix + unit)
        assert (factor, zero, exponents) == (expected, 0, dimension.exponents), prefix + unit


def test_what_is_not_common_is_left_to_the_registry():
    taken = {p + u for p, u in itertools.product(["", *unit_names.PREFIXES], unit_names.UNITS)} | set(unit_names.PLAIN)
    for name in ("kT", "degC", "inch", "", "kk", "mmm", "mmin", "ke", "k%"):
        assert name not in taken
        assert unit_names.common(name) is None


@pytest.mark.parametrize("name", ["k", "e", "N_A", "hbar", "pi"])
def test_constants_are_those_of_codata(name):
    assert getattr(constants, name) == getattr(scipy.constants, name)


def test_common_units_build_no_registry():
    code = (
        "import sys; from crncompile.units import Units; Units(300.0).unit('uM^-1/s'); sys.exit('pint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
