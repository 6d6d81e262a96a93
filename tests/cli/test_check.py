"""``crncompile check``: mistakes, summary, warnings."""

import json
import re

import numpy as np
import pytest

import crncompile
from crncompile.learn.parameters import save_parameters

from .conftest import MODELS


def test_all_mistakes_are_told_on_standard_error(crn, clean, golden):
    result = crn("check", "mistaken.tnet")
    assert (result.exit_code, result.stdout) == (1, "")
    golden.check("cli/mistaken.txt", clean(result.stderr))


def test_it_is_said_that_mistakes_in_the_writing_hide_others(crn, clean, golden, tmp_path):
    (tmp_path / "m.tnet").write_text((MODELS / "mistaken.tnet").read_text().replace("temperature", "temprature"))
    result = crn("check", "m.tnet")
    assert (result.exit_code, result.stdout) == (1, "")
    golden.check("cli/unfinished.txt", clean(result.stderr))
    told = json.loads(crn("check", "m.tnet", "--json").stdout)
    assert told["error"] == "1 mistakes; other mistakes are looked for when this is mended"
    assert "looked for" not in crn("check", "mistaken.tnet").stderr
    assert "looked for" not in crn("fmt", "m.tnet").stderr


def test_mistakes_as_data(crn):
    result = crn("check", "mistaken.tnet", "--json")
    content = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (content["ok"], content["warnings"], content["summary"]) == (False, [], None)
    assert len(content["mistakes"]) >= 3
    assert {"file", "line", "column", "length", "severity", "message", "hint"} == set(content["mistakes"][0])
    assert [m["line"] for m in content["mistakes"]] == sorted(m["line"] for m in content["mistakes"])


def test_summary(crn, clean, golden):
    result = crn("check", "curve.tnet")
    assert (result.exit_code, result.stderr) == (0, "")
    golden.check("cli/summary.txt", clean(result.stdout))


def test_summary_as_data(crn):
    content = json.loads(crn("check", "curve.tnet", "--json").stdout)
    assert (content["ok"], content["mistakes"], content["warnings"]) == (True, [], [])
    summary = content["summary"]
    assert summary["reservoirs"] == {"input": 1, "fixed": 1, "floating": 2, "output": 1}
    assert summary["devices"] == 5
    assert summary["trained"] == 2
    assert summary["path"] == "followed"
    assert [family["name"] for family in summary["families"]] == ["a", "b", "d"]


def test_verbose_shows_laws_and_the_jacobian(crn, clean, golden):
    golden.check("cli/verbose.txt", clean(crn("check", "curve.tnet", "--verbose").stdout))


def test_warnings_name_numbers(crn, clean, golden):
    result = crn("check", "doubtful.tnet")
    assert result.exit_code == 0
    golden.check("cli/doubtful.txt", clean(result.stderr))


def test_warnings_as_data(crn):
    warnings = json.loads(crn("check", "doubtful.tnet", "--json").stdout)["warnings"]
    assert [w["severity"] for w in warnings] == ["warning"] * 3
    assert "only monotonic functions" in warnings[0]["message"]


def test_irreversible_steps_are_named(crn):
    assert "drain has an irreversible step" in crn("check", "brusselator.tnet").stderr


def test_too_few_molecules_are_told(crn, tmp_path):
    text = "network n\ntemperature 300 K\nvolume 1e-18 L\nreservoir x = input(range = [1 mM, 2 mM])\n" + (
        "reservoir y = output(start = 10 uM)\nreaction r: x <-> y = mass_action(k = 1 s^-1, K_eq = 1)\n"
        "readout z = y / 1 mM\n"
    )
    (tmp_path / "n.tnet").write_text(text)
    said = crn("check", "n.tnet").stderr
    # N_A V c = 6.02e23 * 1e-18 * 1e-5 = 6.02 molecules; sd = 6.02^-1/2; 100 of them need 1.66e-17 L
    assert "y holds 6.02 molecules per kT where it starts: its potential fluctuates by 0.41 kT" in said
    assert "a volume of 16.6 aL" in said


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.tnet", None, "missing.tnet: there is no such file"),
        ("empty.tnet", b"", "the file is empty"),
        ("binary.tnet", b"\x00\x01\x02", "binary"),
        ("latin.tnet", 'network n "é"\n'.encode("latin-1"), "not encoded in UTF-8"),
    ],
)
def test_files_that_are_no_models(crn, tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    for words in (["check", name], ["check", name, "--json"]):
        result = crn(*words)
        assert result.exit_code == 1
    assert said in crn("check", name).stderr
    assert said in json.loads(result.stdout)["error"]


def test_reactions_are_shown_by_their_own_equations(crn, tmp_path):
    text = """network n
temperature 300 K
volume 1 nL
reservoir A = input(range = [1 mM, 2 mM])
reservoir X = output(start = 1 mM)
reservoir Y = floating(start = 1 mM)
reaction turn: A + 2 X <-> 3 X = mass_action(k = 1 mM^-2/s, K_eq = 10)
reaction back: X <-> Y = mass_action(k = 1 s^-1, K_eq = 1)
reaction gone: Y => A = mass_action(k = 1 s^-1)
"""
    (tmp_path / "n.tnet").write_text(text)
    said = crn("check", "n.tnet", "--verbose")
    assert "turn 1 mass_action (A + 2 X <-> 3 X), back 1 mass_action (X <-> Y), gone" in said.stdout
    assert "reaction turn: 1 mass_action (A + 2 X <-> 3 X), elementwise\n  law           mass_action" in said.stdout
    assert "r1" not in said.output
    families = json.loads(crn("check", "n.tnet", "--json").stdout)["summary"]["families"]
    assert [family["equation"] for family in families] == ["A + 2 X <-> 3 X", "X <-> Y", "Y => A"]


def test_the_tier_of_a_family_is_told_with_what_the_others_cost(crn, tmp_path):
    text = """network n
temperature 300 K
volume 1 nL
index i = 1..200
index j = 1..20
reservoir x[i] = input(range = [1 mM, 2 mM])
reservoir h[j] = output(start = 1 mM)
reservoir low = fixed(at = 1 uM)
enzyme a[i, j]: x[i] -> h[j] = michaelis_menten(total = train 1 nM, k_cat = 1 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 10)
enzyme b[i, j]: low -> h[j] = michaelis_menten(total = train 1 nM, k_cat = 1 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 10)
"""
    (tmp_path / "n.tnet").write_text(text)
    said = crn("check", "n.tnet", "--verbose")
    assert re.search(r"enzyme a: .*, low rank, about \S+ operations a device \(47 elementwise\)", said.stdout)
    assert re.search(r"enzyme b: .*, separable, about \S+ operations a device \(47 elementwise\)", said.stdout)


def test_a_potential_of_no_voltage_has_no_sign(crn, tmp_path):
    text = """network n
temperature 1 K
reservoir x = input(range = [-1 mV, 1 mV])
reservoir y = output(capacitance = 10 pF)
reservoir ground = fixed(at = 0 mV)
dot a: x -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot b: y -> ground = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
"""
    (tmp_path / "n.tnet").write_text(text)
    assert "ground at 0 kT" in crn("check", "n.tnet", "--verbose").stdout
    assert crn("plot", "n.tnet", "--what", "device", "--device", "b", "-o", "b.svg").exit_code == 0
    assert "right = 0 mV" in (tmp_path / "b.svg").read_text()


def test_warnings_hold_for_the_parameters_of_a_file(crn, tmp_path):
    text = """network n
temperature 100 mK
reservoir x = input(range = [-1 kT, 1 kT])
reservoir y = output(capacitance = 10 pF)
reservoir low = fixed(at = 0 kT)
dot a: x -> y = resonant_dot(gamma_left = train 100 MHz, gamma_right = 100 MHz, level = 0 kT)
dot b: y -> low = resonant_dot(gamma_left = 100 MHz, gamma_right = 100 MHz, level = 0 kT)
readout z = y / kT
"""
    (tmp_path / "n.tnet").write_text(text)
    net = crncompile.load(tmp_path / "n.tnet")
    save_parameters(tmp_path / "p.npz", net, net.parameters({"a.gamma_left": np.array(30e9)}))
    assert "hbar" not in crn("check", "n.tnet").stderr
    assert "hbar" in crn("check", "n.tnet", "--parameters", "p.npz").stderr
    refused = crn("check", "n.tnet", "--parameters", "q.npz")
    assert (refused.exit_code, "q.npz can not be read" in refused.stderr) == (1, True)


STATED = {
    "stated-optimiser": ("divider.tnet", "adma(rate = 0.1)"),
    "stated-setting": ("divider.tnet", "adam(rat = 0.1)"),
    "stated-of-another": ("divider.tnet", "lm(epochs = 3)"),
    "stated-values": ("divider.tnet", "adam(epochs = -3, schedule = cosin, batch = 2.5, clip = much, patience = 2)"),
    "stated-images": ("divider.tnet", "adam(rate = 0.1, rotation = 5, shift = 1)"),
    "stated-squares": ("classes.tnet", "lm(iterations = 0)"),
    "stated-and-others": ("mistaken.tnet", "adam(rate = 1 GHz, epochs = -3)"),
}


@pytest.mark.parametrize("name", STATED)
def test_what_a_model_states_for_its_training_is_checked(crn, clean, golden, tmp_path, name):
    model, training = STATED[name]
    text = (MODELS / model).read_text().replace("training = adam(rate = 0.1, batch = 4, epochs = 3)\n", "")
    (tmp_path / "m.tnet").write_text(f"{text}training = {training}\n")
    result = crn("check", "m.tnet")
    assert (result.exit_code, result.stdout) == (1, "")
    golden.check(f"cli/training/{name}.txt", clean(result.stderr))
    (tmp_path / "d.csv").write_text(
        "x,volts\n0,1\n12,2\n" if model == "divider.tnet" else "x[1],x[2],x[3],label\n0,1,0,1\n"
    )
    trained = crn("train", "m.tnet", "--data", "d.csv")
    assert trained.exit_code == 1
    if model != "mistaken.tnet":
        assert trained.stderr.endswith(result.stderr)


def test_what_a_model_states_for_its_training_is_checked_with_parameters_too(crn, tmp_path):
    (tmp_path / "m.tnet").write_text((MODELS / "divider.tnet").read_text() + "training = adma()\n")
    save_parameters(tmp_path / "p.npz", net := crncompile.load(tmp_path / "m.tnet"), net.parameters())
    result = crn("check", "m.tnet", "--parameters", "p.npz")
    assert (result.exit_code, "m.tnet:15:12: error: there is no optimiser adma" in result.stderr) == (1, True)


DRAWN = """network n
temperature 300 K
volume 1 nL
parameter E0 = 10 nM
parameter lost = train uniform(11 nM, 20 nM)
parameter K = train normal(0.1 mM, 1 mM)
reservoir x = input(range = [0.1 mM, 1 mM])
reservoir y = output(start = 1 mM)
enzyme e: x -> y = michaelis_menten(total = TOTAL, k_cat = 1 s^-1, K_M = HALF, K_P = 1 mM, K_eq = 1)
readout r = y / 1 mM * lost / 1 nM * K / 1 mM
"""


@pytest.mark.parametrize(
    ("name", "total", "half", "seed"), [("following", "E0 - lost", "1 mM", 0), ("parameter", "E0", "K", 3)]
)
def test_parameters_that_devices_do_not_allow_as_they_are_drawn_are_told(
    crn, clean, golden, tmp_path, name, total, half, seed
):
    (tmp_path / "n.tnet").write_text(DRAWN.replace("TOTAL", total).replace("HALF", half))
    result = crn("check", "n.tnet", "--seed", str(seed))
    assert (result.exit_code, result.stdout) == (1, "")
    golden.check(f"cli/drawn/{name}.txt", clean(result.stderr))
    told = json.loads(crn("check", "n.tnet", "--seed", str(seed), "--json").stdout)
    assert (told["ok"], len(told["mistakes"])) == (False, 1)
    assert " must be > 0" in crn("solve", "n.tnet", "--set", "x=1 mM", "--seed", str(seed)).stderr
