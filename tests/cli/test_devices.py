"""``crncompile devices``."""

import json

import pytest

from crncompile.network.library import standard_library


def test_the_list(crn):
    result = crn("devices")
    assert result.exit_code == 0
    assert all(f"{name}: " in result.stdout for name in standard_library().devices)
    listed = json.loads(crn("devices", "--json").stdout)["devices"]
    assert {entry["name"] for entry in listed} == set(standard_library().devices)
    found = next(entry for entry in listed if entry["name"] == "double_dot")
    assert found["file"] == "library/double_dots.tnet"
    assert found["parameters"] == ["gamma_left", "gamma_right", "coupling", "level"]
    assert found["optional"] == ["dephasing", "detuning", "lever"]
    assert "    gamma_left, gamma_right, coupling, level, [dephasing, detuning, lever]\n" in result.stdout


def test_the_text_of_a_device_with_its_comments(crn):
    result = crn("devices", "double_dot", "--source")
    assert result.stdout.startswith("device double_dot: left -> right {\n")
    assert "# left level minus right level without bias" in result.stdout
    assert result.stdout.endswith("}\n")
    assert "there is no device doubl_dot; did you mean double_dot" in crn("devices", "doubl_dot", "--source").stderr
    assert crn("devices", "--source").exit_code == 2


def test_a_law_that_would_fill_the_terminal_is_cut(crn):
    shown = crn("devices", "coupled_dots").stdout
    assert max(map(len, shown.splitlines())) < 600
    assert "characters more: --json and --latex have them" in shown
    assert len(json.loads(crn("devices", "coupled_dots", "--json").stdout)["fluxes"][0]["law"]) > 5000


@pytest.mark.parametrize("name", ["double_dot", "michaelis_menten", "saturable_decay"])
def test_a_sheet(crn, golden, name):
    result = crn("devices", name)
    assert result.exit_code == 0
    golden.check(f"cli/devices/{name}.txt", result.stdout.strip())


def test_a_sheet_as_data(crn):
    content = json.loads(crn("devices", "substrate_inhibited", "--json").stdout)
    assert content["conductance"]["verdict"] == "negative"
    assert content["counterpart"] == "michaelis_menten"
    assert content["fluxes"][0]["stoichiometry"] == {"S": -1, "P": 1}
    assert [p["name"] for p in content["parameters"]] == ["total", "k_cat", "K_M", "K_P", "K_I", "K_eq"]


@pytest.mark.parametrize("name", standard_library().devices)
def test_latex_is_balanced_and_names_no_number_for_hbar(crn, name):
    text = crn("devices", name, "--latex").stdout
    assert text.startswith("\\begin{align}")
    assert text.count("{") == text.count("}")
    assert text.count("\\left") == text.count("\\right")
    assert "e+" not in text
    assert ("\\hbar" in text) == (name in ("double_dot", "inelastic_double_dot", "quantum_point_contact"))


def test_a_device_of_a_model(crn):
    result = crn("devices", "own_device.tnet:my_gate".replace("own_device.tnet", _path("own_device.tnet")), "--verify")
    assert result.exit_code == 0, result.output
    assert "A channel that a gate opens" in result.stdout
    assert "pass  " in result.stdout
    assert "FAIL" not in result.stdout


def test_the_devices_of_a_file(crn, tmp_path):
    listed = json.loads(crn("devices", _path("own_device.tnet"), "--json").stdout)["devices"]
    assert [entry["name"] for entry in listed] == ["linear_conductance", "my_gate"]
    (tmp_path / "none.tnet").write_text("network none\ntemperature 1 K\n")
    result = crn("devices", "none.tnet")
    assert result.exit_code == 1
    assert (
        "none.tnet declares no devices and places none; crncompile devices lists those of the library" in result.stderr
    )
    assert crn("devices", _path("own_device.tnet"), "--latex").exit_code == 2


def test_the_devices_that_a_model_places(crn, tmp_path):
    listed = json.loads(crn("devices", _path("divider.tnet"), "--json").stdout)["devices"]
    assert [entry["name"] for entry in listed] == ["linear_conductance"]
    (tmp_path / "c.tnet").write_text(
        "circuit c: x -> y {\n  dot d: x -> y = resonant_dot(gamma_left = 1 Hz, gamma_right = 1 Hz, level = 0 kT)\n}\n"
    )
    assert [e["name"] for e in json.loads(crn("devices", "c.tnet", "--json").stdout)["devices"]] == ["resonant_dot"]


def _path(name):
    from .conftest import MODELS

    return str(MODELS / name)


def test_verification_as_data(crn):
    result = crn("devices", "resonant_dot", "--verify", "--json")
    assert result.exit_code == 0
    checks = json.loads(result.stdout)["checks"]
    assert len(checks) >= 5
    assert all(check["passed"] for check in checks)


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("resonant_dott", 2, "there is no device resonant_dott; did you mean resonant_dot"),
        ("none.tnet:a", 1, "none.tnet: there is no such file"),
    ],
)
def test_unknown_devices(crn, name, status, said):
    result = crn("devices", name)
    assert result.exit_code == status
    assert said in result.stderr
