"""``crncompile new``: models to start from, which check without a warning and learn as they are."""

import json

import pytest

from crncompile.cli.commands.new import KINDS

GOOD = {"dots": 1e-3, "enzymes": 1e-3, "crn": 1e-3}


@pytest.mark.parametrize("kind", KINDS)
def test_a_starter_checks_without_a_warning(crn, tmp_path, kind):
    result = crn("new", "my_net", "--kind", kind)
    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["my_net.csv", "my_net.tnet"]
    assert "network my_net " in (tmp_path / "my_net.tnet").read_text()
    content = json.loads(crn("check", "my_net.tnet", "--json").stdout)
    assert (content["ok"], content["warnings"]) == (True, [])
    assert crn("fmt", "--check", "my_net.tnet").exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", GOOD)
def test_a_starter_learns(crn, kind):
    crn("new", "my_net", "--kind", kind)
    result = crn("train", "my_net.tnet", "--data", "my_net.csv", "--target", str(GOOD[kind]), "--json")
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert content["unconverged"] == 0
    assert content["mse"] < GOOD[kind]


@pytest.mark.slow
def test_the_classifier_learns(crn):
    crn("new", "sorter", "--kind", "classifier")
    result = crn("train", "sorter.tnet", "--data", "sorter.csv", "--json")
    content = json.loads(result.stdout)
    assert content["unconverged"] == 0
    assert content["accuracy"] > 0.95


def test_what_is_printed_can_be_run(crn, golden):
    result = crn("new", "bump")
    golden.check("cli/new/printed.txt", result.stdout.strip())
    for line in result.stdout.splitlines():
        if line.startswith("  crncompile ") and "--parameters" not in line and "train" not in line:
            assert crn(*line.split()[1:]).exit_code == 0


def test_nothing_is_overwritten(crn, tmp_path):
    (tmp_path / "bump.csv").write_text("precious")
    result = crn("new", "bump")
    assert result.exit_code == 1
    assert "error: bump.csv is there already; --force overwrites it, -o F.tnet writes elsewhere" in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["bump.csv"]
    assert (tmp_path / "bump.csv").read_text() == "precious"
    assert crn("new", "bump", "--force").exit_code == 0
    assert (tmp_path / "bump.csv").read_text() != "precious"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["my-net"], 2, "my-net is no name"),
        (["reservoir"], 2, "reservoir is a reserved word"),
        (["bump", "-o", "bump.txt"], 2, "bump.txt must end in .tnet"),
        (["bump", "-o", "no/bump.tnet"], 1, "can not be written: there is no folder no"),
        (["bump", "--kind", "cars"], 2, "'cars' is not one of"),
    ],
)
def test_what_is_said(crn, tmp_path, words, status, said):
    result = crn("new", *words)
    assert result.exit_code == status
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []
