"""Files that a model uses: what is read, what is refused, and where mistakes in them are shown."""

import os

import pytest

import crncompile
from crncompile.language.use import LONGEST, MOST_FILES

DEVICES = """tnet 1
device ohmic: left -> right {
  "A resistor"
  terminal left, right: charge
  parameter g: rate > 0
  current flow = g * (left - right) / kT
}
circuit wire: a[i] -> b[i] {
  dot d[i]: a[i] -> b[i] = ohmic(g = 1 GHz)
}
"""
LAW = "law jump(gamma) = gamma / (1 + exp(-affinity))\n"
MODEL = """network m "a model that uses files"
temperature 100 mK
use "devices.tnet"
reservoir x[i in 1..3] = input(range = [-3 kT, 3 kT])
reservoir y[i in 1..3] = output(capacitance = 1 pF)
circuit c: x -> y = wire()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder, the current one, beside a file that no model in it may read."""
    (tmp_path / "outside.tnet").write_text(LAW)
    inside = tmp_path / "models"
    inside.mkdir()
    monkeypatch.chdir(inside)
    write(inside, {"model.tnet": MODEL, "devices.tnet": DEVICES})
    return inside


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def using(*lines):
    return MODEL.replace('use "devices.tnet"\n', "".join(f"{line}\n" for line in lines))


def told(path="model.tnet"):
    with pytest.raises(crncompile.ModelError) as caught:
        crncompile.load(path)
    return caught.value


# --- what is read -----------------------------------------------------------------------------------------------------


def test_a_model_has_the_devices_and_circuits_of_the_files_that_it_uses(folder):
    write(
        folder, {"devices.tnet": 'use "parts/laws.tnet"\n' + DEVICES.removeprefix("tnet 1\n"), "parts/laws.tnet": LAW}
    )
    net = crncompile.load("model.tnet")
    assert [(family.name, family.kind.name) for family in net.network.families] == [("c.d", "ohmic")]
    assert net.solve(x=[1.0, 2.0, 3.0]).values["y"] == pytest.approx([1.0, 2.0, 3.0])


def test_a_path_is_relative_to_the_file_in_which_it_stands(folder, monkeypatch, tmp_path):
    write(
        folder,
        {
            "model.tnet": using('use "parts/all.tnet"'),
            "parts/all.tnet": 'use "laws.tnet"\nuse "../devices.tnet"\n',
            "parts/laws.tnet": LAW,
        },
    )
    monkeypatch.chdir(tmp_path)
    assert crncompile.load(folder / "model.tnet").network.families


def test_a_text_uses_files_of_the_current_folder(folder):
    assert crncompile.loads(MODEL).network.families


def test_a_file_that_is_used_twice_is_read_once(folder):
    write(
        folder,
        {
            "model.tnet": using(
                'use "devices.tnet"', 'use "devices.tnet"', 'use "b.tnet"', 'use "./parts/../devices.tnet"'
            ),
            "b.tnet": 'use "devices.tnet"\n' + LAW,
        },
    )
    assert crncompile.load("model.tnet").network.families


def test_links_within_the_folder_are_followed(folder):
    os.symlink("devices.tnet", folder / "link.tnet")
    write(folder, {"model.tnet": using('use "link.tnet"', 'use "devices.tnet"')})
    assert crncompile.load("model.tnet").network.families


def test_changing_what_a_used_file_says_about_structure_changes_the_model(folder):
    from crncompile.learn.parameters import fingerprint

    first = fingerprint(crncompile.load("model.tnet").network)
    write(folder, {"devices.tnet": DEVICES.replace("d[i]: a[i] -> b[i]", "d[i]: b[i] -> a[i]")})
    assert fingerprint(crncompile.load("model.tnet").network) != first


# --- what is refused --------------------------------------------------------------------------------------------------

REFUSED = {
    "missing": 'use "nothing.tnet"',
    "empty-name": 'use " "',
    "absolute": 'use "/etc/passwd"',
    "outside": 'use "../outside.tnet"',
    "outside-and-back": 'use "../models/devices.tnet"\nuse "../../x/models/y.tnet"',
    "link": 'use "link.tnet"',
    "folder": 'use "parts"',
    "below-a-file": 'use "devices.tnet/x.tnet"',
    "pipe": 'use "pipe.tnet"',
    "binary": 'use "binary.tnet"',
    "encoding": 'use "latin.tnet"',
    "long-name": f'use "{"x" * 300}"',
    "itself": 'use "model.tnet"',
    "circle": 'use "a.tnet"',
    "model": 'use "other.tnet"',
    "syntax": 'use "wrong.tnet"',
    "syntax-and-missing": 'use "wrong.tnet"\nuse "nothing.tnet"',
    "device": 'use "devices.tnet"\nuse "mistaken.tnet"',
    "circuit": 'use "devices.tnet"\nuse "placed.tnet"\ncircuit q: x -> y = placed()',
    "clash-with-library": 'use "devices.tnet"\nuse "library.tnet"',
    "clash-of-files": 'use "devices.tnet"\nuse "twice.tnet"',
    "clash-with-model": 'use "devices.tnet"\n' + DEVICES.removeprefix("tnet 1\n").partition("circuit")[0],
}
FILES = {
    "a.tnet": 'use "b.tnet"\n',
    "b.tnet": LAW + 'use "c.tnet"\n',
    "c.tnet": 'use "a.tnet"\n',
    "other.tnet": LAW + "reservoir x = fixed(at = 1 mM)\ntemperature 3 K\n",
    "wrong.tnet": LAW + "law half(gamma) = gamma / \ndevice d: a -> b { stat E }\n",
    "mistaken.tnet": 'use "deeper.tnet"\n',
    "deeper.tnet": DEVICES.replace("ohmic", "mine").replace("wire", "other").replace("g * (left", "gg * (left"),
    "placed.tnet": "circuit placed: a[i] -> b[i] {\n  dot d[i]: a[i] -> b[i] = ohmic(g = 1 kT)\n}\n",
    "library.tnet": "law tunnel(gamma) = gamma / (1 + exp(-affinity))\n",
    "twice.tnet": LAW + DEVICES.removeprefix("tnet 1\n"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_message(name, folder, golden):
    write(folder, FILES)
    os.symlink("../outside.tnet", folder / "link.tnet")
    os.mkfifo(folder / "pipe.tnet")
    (folder / "parts").mkdir()
    (folder / "binary.tnet").write_bytes(b"law\0")
    (folder / "latin.tnet").write_bytes(b"# gr\xfcn\n")
    write(folder, {"model.tnet": using(REFUSED[name])})
    error = told()
    golden.check(f"use/{name}.txt", str(error))


def test_a_chain_of_many_files_is_bounded(folder):
    write(folder, {f"f{k}.tnet": f'use "f{k + 1}.tnet"\n' for k in range(MOST_FILES + 3)})
    write(folder, {"model.tnet": using('use "devices.tnet"', 'use "f0.tnet"')})
    (mistake,) = told().mistakes
    assert mistake.message == f"the model uses more than {MOST_FILES} files"


def test_used_files_are_bounded_together(folder):
    write(folder, {"long.tnet": LAW + "#" * LONGEST})
    write(folder, {"model.tnet": using('use "devices.tnet"', 'use "long.tnet"')})
    (mistake,) = told().mistakes
    assert mistake.message == "the files that this model uses have more than 1 MB together"


def test_special_files_are_not_opened(folder):
    write(folder, {"model.tnet": using('use "zero.tnet"')})
    os.symlink("/dev/zero", folder / "zero.tnet")
    (mistake,) = told().mistakes
    assert "outside the folder" in mistake.message


def test_a_file_of_devices_is_no_model(folder):
    (mistake,) = told("devices.tnet").mistakes
    assert mistake.message == "this file declares devices, laws or circuits, but no network"


def test_mistakes_as_data_say_where_a_file_is_used(folder):
    write(folder, FILES)
    write(folder, {"model.tnet": using('use "wrong.tnet"')})
    first = told().mistakes[0].as_dict()
    assert (first["file"], first["line"]) == ("wrong.tnet", 2)
    assert str(first["hint"]).endswith("wrong.tnet is used in line 3 of model.tnet")
