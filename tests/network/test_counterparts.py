"""A model without NDC: its devices replaced by their monotone counterparts."""

from pathlib import Path

import numpy as np
import pytest

import crncompile
from crncompile.compiler import check_source
from crncompile.errors import DataError, ModelError, Source
from crncompile.network.counterparts import without_ndc

MODELS = Path(__file__).parents[2] / "models"
HEAD = """network small
temperature 300 K
volume 1 nL
reservoir s = input(range = [0.1 mM, 2 mM])
reservoir p = output(start = 1 mM)
reservoir w = fixed(at = 0.1 mM)
"""
SETTINGS = "total = 1 uM, k_cat = 1 s^-1, K_M = 1 mM, K_P = 2 mM, K_eq = 5"
LAST = "reaction leak: p <-> w = mass_action(k = 1 s^-1, K_eq = 1)\nreadout out = p / 1 mM\n"


def replaced(text):
    return without_ndc(Source("m.tnet", text)).text


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_the_settings_that_a_counterpart_lacks_go_wherever_they_stand(place):
    first, rest = SETTINGS.split(", ", 1)
    written = {
        "first": f"K_I = 0.1 mM, {SETTINGS}",
        "middle": f"{first}, K_I = 0.1 mM, {rest}",
        "last": f"{SETTINGS}, K_I = 0.1 mM",
    }[place]
    text = replaced(f"{HEAD}enzyme a: s -> p = substrate_inhibited({written})\n{LAST}")
    assert f"enzyme a: s -> p = michaelis_menten({SETTINGS})" in " ".join(text.split())
    network, plain = (
        crncompile.loads(t) for t in (text, f"{HEAD}enzyme a: s -> p = michaelis_menten({SETTINGS})\n{LAST}")
    )
    np.testing.assert_array_equal(network.solve(s=[0.2, 1.5]).u, plain.solve(s=[0.2, 1.5]).u)


def test_several_in_front_go_together():
    text = replaced(
        """network d
temperature 1 K
reservoir a = input(range = [0 kT, 1 kT])
reservoir b = output(capacitance = 1 pF)
dot x: a -> b = double_dot(
    detuning = 1 kT, coupling = 3 GHz, gamma_left = 1 GHz, dephasing = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
readout r = b
"""
    )
    text = " ".join(text.split())
    assert "= resonant_dot( gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)" in text


def test_own_devices_circuits_and_comments():
    text = f"""{HEAD}# a bell
device bell: A -> B {{
  terminal A, B: molecules
  parameter total: concentration > 0
  parameter k_cat, extra: rate > 0
  parameter K_eq: number > 0
  counterpart line
  current flow = total * (k_cat + 0 * extra) * (A - B / K_eq) / (1 mM + A^2 / 1 mM)
}}
device line: A -> B {{
  terminal A, B: molecules
  parameter total: concentration > 0
  parameter k_cat: rate > 0
  parameter K_eq: number > 0
  current flow = total * k_cat * (A - B / K_eq) / (1 mM)
}}
circuit two: a -> b {{
  enzyme one: a -> b = bell(
    total = 1 uM,  # of each
    k_cat = 1 s^-1, extra = 1 s^-1, K_eq = 2)
}}
circuit t: s -> p = two()
{LAST}"""
    found = replaced(text)
    assert "= line(" in found
    assert "# of each" in found
    assert "extra = " not in found
    assert "= bell(" not in found
    assert {family.kind.name for family in check_source(Source("m", found)).families if family.keyword == "enzyme"} == {
        "line"
    }


@pytest.mark.parametrize("name", ["sine_dots", "sine_enzymes", "xor_dots", "bump_enzymes"])
def test_what_is_left_of_a_model_has_no_ndc(name):
    source = Source(name, (MODELS / f"{name}.tnet").read_text(encoding="utf-8"))
    network = crncompile.loads(without_ndc(source).text)
    assert not any(family.kind.counterpart for family in network.network.families)
    assert network.functions.structure.unique == "all differential conductances are positive"


def test_a_model_without_ndc_has_nothing_to_replace():
    with pytest.raises(DataError, match="has no device with a counterpart"):
        replaced(HEAD + LAST)
    with pytest.raises(ModelError):
        replaced("network ?")
