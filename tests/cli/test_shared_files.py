"""Files of devices, laws and circuits on the command line, and models that use them."""

import io
import json
import time

import pytest

from crncompile.cli import progress

DEVICES = """tnet 1
law jump(gamma) = gamma / (1 + exp(-affinity))
device ohmic: left -> right {
  "A resistor"
  terminal left, right: charge
  parameter g: rate > 0
  current flow = g * (left - right) / kT
}
circuit wire: a[i] -> b[i] {
  dot d[i]: a[i] -> b[i] = ohmic(g = 1 GHz)
}
circuit held: a -> b {
  reservoir s = input(range = [-3 kT, 3 kT])
  dot enter: s -> a = ohmic(g = 1 GHz)
  dot d: a -> b = ohmic(g = train 1 GHz)
}
"""
MODEL = """network m
temperature 100 mK
use "devices.tnet"
reservoir h = floating(capacitance = 1 pF)
reservoir y = output(capacitance = 1 pF)
circuit c: h -> y = held()
dot drain: y -> low = ohmic(g = 1 GHz)
reservoir low = fixed(at = 0 kT)
readout r = y / 1 kT
"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A model and the file that it uses, in the current folder."""
    (tmp_path / "shared.tnet").write_text(MODEL)
    (tmp_path / "devices.tnet").write_text(DEVICES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_check_of_a_file_of_devices_says_what_is_in_it(crn, files, clean, golden):
    result = crn("check", "devices.tnet")
    assert result.exit_code == 0
    golden.check("cli/shared.txt", clean(result.stdout))
    assert json.loads(crn("check", "devices.tnet", "--json").stdout)["summary"] == {
        "devices": ["ohmic"],
        "laws": ["jump"],
        "circuits": ["wire", "held"],
    }


def test_check_of_a_file_of_devices_tells_its_mistakes(crn, files, clean, golden):
    wrong = DEVICES.replace("g * (left", "gg * (left").replace("= ohmic(g = 1 GHz)", "= ohmc(g = 1 GHz)", 1)
    (files / "devices.tnet").write_text(wrong)
    result = crn("check", "devices.tnet")
    assert result.exit_code == 1
    golden.check("cli/shared-mistaken.txt", clean(result.stderr))


def test_check_of_a_file_of_devices_derives_their_laws(crn, files, clean, golden):
    uneven = "device uneven: left -> right {\n  terminal left, right: charge\n  parameter g: rate > 0\n"
    (files / "devices.tnet").write_text(DEVICES + uneven + "  current flow = g * (left + right) / kT\n}\n")
    result = crn("check", "devices.tnet")
    assert result.exit_code == 1
    golden.check("cli/shared-uneven.txt", clean(result.stderr))


def test_a_device_of_a_used_file_is_shown(crn, files):
    assert "A resistor" in crn("devices", "shared.tnet:ohmic").stdout
    assert "A resistor" in crn("devices", "devices.tnet:ohmic").stdout


def test_names_with_points_on_the_command_line(crn, files):
    result = crn("solve", "shared.tnet", "--set", "c.s=1.5", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["inputs"]["c.s"] == [1.5]
    assert crn("solve", "shared.tnet", "--sweep", "c.s=-1:1:3", "-o", "out.csv").exit_code == 0
    assert (files / "out.csv").read_text().splitlines()[0].split(",")[0].startswith("c.s")


def test_data_and_training_with_names_with_points(crn, files):
    (files / "shared.tnet").write_text(MODEL)
    (files / "devices.tnet").write_text(DEVICES.replace("3 kT])", "3 kT], data = [0, 1])"))
    (files / "data.csv").write_text("c.s,r\n0,-0.5\n0.5,0\n1,0.5\n")
    result = crn("train", "shared.tnet", "--data", "data.csv", "-o", "p.npz", "--json")
    assert result.exit_code == 0, result.stderr
    assert crn("evaluate", "shared.tnet", "--data", "data.csv", "--parameters", "p.npz").exit_code == 0


def test_pictures_and_documents_with_names_with_points(crn, files):
    assert crn("plot", "shared.tnet", "--what", "network", "-o", "n.svg").exit_code == 0
    assert crn("plot", "shared.tnet", "--what", "response", "-o", "r.svg").exit_code == 0
    assert crn("export", "shared.tnet", "--to", "latex", "-o", "m.tex").exit_code == 0
    assert crn("compile", "shared.tnet", "-o", "m.py").exit_code == 0
    written = (files / "m.py").read_text()
    assert "'c.s'" in written
    assert "from the network m, which uses devices.tnet, parameters of seed 0." in " ".join(written.split())


def test_a_terminal_is_told_what_takes_long(monkeypatch):
    told = []
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr(progress.sys, "stderr", screen)
    monkeypatch.setattr(progress, "note", told.append)
    monkeypatch.setattr(progress, "_PATIENCE", 0.01)
    with progress.waiting("checking m.tnet"):
        while not told:
            time.sleep(0.01)
    assert told == ["checking m.tnet ..."]
