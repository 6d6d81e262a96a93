"""Files that are no models, and models whose words are taken for orders by what reads the files made from them."""

import ast
import json
import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

import crncompile
from crncompile.cli.main import cli
from crncompile.errors import DataError
from crncompile.export.latex import latex_text
from crncompile.export.standalone import standalone_text
from crncompile.language.reading import LARGEST_FILE, read_source

from .texts import DOT, DOTS, TITLES, titled

PLAIN = (DOTS + DOT).encode()
FILES = {
    "empty": b"",
    "blank": b" \n\t\n",
    "only-comments": b"# nothing\n" * 100,
    "nul": PLAIN + b"\0",
    "latin-1": "# Größe\n".encode("latin-1") + PLAIN,
    "utf-16": PLAIN.decode().encode("utf-16"),
    "utf-16-big-endian": b"\xfe\xff" + PLAIN.decode().encode("utf-16-be"),
    "half-a-character": PLAIN + b"# \xe2\x82",
    "surrogate": PLAIN + b"# \xed\xa0\x80",
    "binary": bytes(range(256)),
}


def told(path):
    """What check says of a file, its folder left out."""
    result = CliRunner().invoke(cli, ["check", str(path)], prog_name="crncompile")
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    lines = result.stderr.replace(f"{path.parent}/", "").strip().split("\n")
    return "\n".join(line for line in lines if not line.startswith("checking"))


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_models(name, tmp_path, golden):
    path = tmp_path / f"{name}.tnet"
    path.write_bytes(FILES[name])
    golden.check(f"hostile/files/{name}.txt", told(path))


@pytest.mark.parametrize("content", [b"a", b"#", b"\n"])
def test_a_file_of_200_megabytes_is_not_read_to_its_end(content, tmp_path):
    path = tmp_path / "large.tnet"
    with path.open("wb") as file:
        file.write(content)
        os.truncate(file.fileno(), 200 * 2**20)
    with pytest.raises(DataError, match=f"larger than {LARGEST_FILE // 2**20} MB"):
        read_source(path)


def test_what_is_no_file(tmp_path, golden):
    pipe = tmp_path / "pipe.tnet"
    os.mkfifo(pipe)
    lines = [told(tmp_path / name) for name in ("pipe.tnet", "missing.tnet", "\x1b[31mred.tnet")]
    (tmp_path / "folder.tnet").mkdir()
    golden.check("hostile/files/no-files.txt", "\n".join([*lines, told(tmp_path / "folder.tnet")]))


def test_endless_devices_are_not_read_to_their_end():
    with pytest.raises(DataError, match="larger than"):
        read_source("/dev/zero")


# --- what is made from a model ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=TITLES)
def model(request):
    return crncompile.loads(titled(TITLES[request.param]))


def test_a_title_is_only_a_text_in_a_module(model):
    values = model.parameters()
    text = standalone_text(model, values)
    plain = standalone_text(crncompile.loads(titled("plain")), values)
    trees = [ast.parse(code) for code in (text, plain)]
    for tree in trees:
        assert isinstance(tree.body.pop(0), ast.Expr)
    assert ast.dump(trees[0]) == ast.dump(trees[1])


def test_a_title_is_only_a_text_in_an_article(model):
    values = model.parameters()
    text, plain = latex_text(model, values), latex_text(crncompile.loads(titled("plain")), values)
    macros = [sorted(set(re.findall(r"\\[A-Za-z]+", code))) for code in (text, plain)]
    harmless = {
        f"\\text{word}" for word in ("backslash", "asciitilde", "asciicircum", "less", "greater", "bar", "quotedbl")
    }
    assert set(macros[0]) - set(macros[1]) <= {*harmless, r"\Delta"}
    assert text.count("\\begin{document}") == text.count("\\end{document}") == 1


def test_a_title_is_only_a_text_in_a_picture(model, tmp_path):
    path = tmp_path / "m.tnet"
    path.write_text(titled(model.network.title), encoding="utf-8")
    result = CliRunner().invoke(cli, ["plot", str(path), "--what", "network", "-o", str(tmp_path / "m.svg")])
    assert result.exit_code == 0, result.output
    picture = ElementTree.parse(tmp_path / "m.svg")
    assert not [node for node in picture.iter() if node.tag.endswith("script")]


def test_a_title_is_only_a_text_in_json(model, tmp_path):
    path = tmp_path / "m.tnet"
    path.write_text(titled(model.network.title), encoding="utf-8")
    result = CliRunner().invoke(cli, ["check", str(path), "--json"])
    assert model.network.title in json.dumps(json.loads(result.stdout), ensure_ascii=False).replace(
        "\\\\", "\\"
    ).replace("\\u200d", "\u200d")
    assert all(c.isprintable() or c == "\n" for c in result.output)


def test_columns_of_a_table_begin_with_letters(tmp_path):
    """A spreadsheet takes what begins with = + - @ for a formula: names of a header can not."""
    (tmp_path / "m.tnet").write_text(titled("=1+1"), encoding="utf-8")
    arguments = ["solve", str(tmp_path / "m.tnet"), "--sweep", "x=-1:1:3", "-o", str(tmp_path / "o.csv")]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    lines = (tmp_path / "o.csv").read_text(encoding="utf-8").splitlines()
    assert all(cell[0].isalpha() or cell[0] == "_" for cell in lines[0].split(","))
    assert not [cell for line in lines[1:] for cell in line.split(",") if cell.startswith(("=", "@", "+", "\t"))]


def test_nothing_in_a_model_runs(tmp_path):
    """Names of Python in every place, and a module made from them: only arithmetic happens."""
    from .texts import named_device

    compiled = crncompile.loads(named_device() + "readout eval = y / 1 kT\n")
    (tmp_path / "made.py").write_text(standalone_text(compiled, compiled.parameters()), encoding="utf-8")
    script = "import made, sys; print(made.steady_state({'x': 0.5}).readouts['eval'].item())"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert np.isclose(float(done.stdout), compiled.solve(x=0.5).readouts["eval"], rtol=1e-12)
