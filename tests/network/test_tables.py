"""Tables: what a file may be, what it means, and how each of its mistakes is told."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crncompile.compiler import check_source, load, loads
from crncompile.errors import ModelError, Source
from crncompile.language.parser import parse
from crncompile.network.initial import initial_values
from crncompile.network.report import Fault
from crncompile.network.table_files import Shelf
from crncompile.units import CONCENTRATION, RATE, Units

HEAD = """network t
temperature 100 mK
index n = 1..4
table edges = "edges.csv"
reservoir x = input(range = [-3 kT, 3 kT])
reservoir h[n] = floating(capacitance = 10 pF)
reservoir y = output(capacitance = 10 pF)
dot a[n]: x -> h[n] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot b: h[4] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
"""
EDGES = "source,target,gamma [GHz],level\n1,2,0.5,0.1\n2,3,0.25,-0.2\n3,4,0.125,0.3\n1,2,1,0\n"


def wired(level="e.level * 1 kT", gamma="e.gamma", where="", ends="h[e.source] -> h[e.target]"):
    device = f"resonant_dot(gamma_left = {gamma}, gamma_right = 1 GHz, level = {level})"
    return f"{HEAD}dot w[e in edges{where}]: {ends} = {device}\n"


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(content):
        path = tmp_path / "edges.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


def checked(text):
    return check_source(Source("model.tnet", text))


def family(text, name="w"):
    network = checked(text)
    found = next(family for family in network.families if family.name == name)
    return found, initial_values(network)


# --- mistakes ---------------------------------------------------------------------------------------------------------

CELL = EDGES.replace("0.125", "{}")
MISTAKES = {
    "table-missing": (None, wired()),
    "table-not-utf-8": (EDGES.encode() + "5,6,µ,1\n".encode("latin-1"), wired()),
    "table-utf-16": (EDGES.encode("utf-16"), wired()),
    "table-nul": (EDGES.encode() + b"1,2,\0,1\n", wired()),
    "table-ragged-short": (EDGES + "4,1,0.5\n", wired()),
    "table-ragged-long": ("source,target,gamma,level\n1,2,0,5,0,1\n", wired()),
    "table-empty": ("", wired()),
    "table-blank": (" \n\n", wired()),
    "table-header-alone": (EDGES.split("\n")[0] + "\n", wired()),
    "table-no-header": ("1,2,0.5,0.1\n2,3,0.25,-0.2\n", wired()),
    "table-column-twice": (EDGES.replace("level", "source"), wired()),
    "table-column-unnamed": ("source,target,,level\n1,2,1,1\n", wired()),
    "table-column-bracket": (EDGES.replace("[GHz]", "[GHz"), wired()),
    "table-columns-many": (",".join(f"c{k}" for k in range(1001)) + "\n", wired()),
    "table-unit-unknown": (EDGES.replace("GHz", "Ghz"), wired()),
    "table-column-unknown": (EDGES, wired(gamma="e.gama")),
    "table-text": (CELL.format("strong"), wired()),
    "table-formula": (CELL.format("=A1+2"), wired()),
    "table-field-empty": (CELL.format(""), wired()),
    "table-unit-in-field": (CELL.format("0.5 GHz"), wired()),
    "table-decimal-comma": (CELL.format('"0,125"'), wired()),
    "table-nan": (CELL.format("nan"), wired()),
    "table-inf": (CELL.format("1e999"), wired()),
    "table-digit-groups": (CELL.format("1_000"), wired()),
    "table-semicolons": (EDGES.replace(",", ";"), wired()),
    "table-tabs": (EDGES.replace(",", "\t"), wired()),
    "table-index-fraction": (EDGES + "\n2,1.5,0.5,0.1\n", wired()),
    "table-index-huge": (EDGES + "2,1e300,0.5,0.1\n", wired()),
    "table-index-with-unit": (EDGES, wired(ends="h[e.gamma] -> h[e.target]")),
    "table-index-outside": (EDGES + "\n4,5,0.5,0.1\n", wired()),
    "table-index-from-zero": ("source,target,gamma,level\n1,2,1,0\n0,3,1,0\n", wired(gamma="e.gamma * 1 GHz")),
    "table-self-loop": (EDGES + "\n\n3,3,0.5,0.1\n", wired()),
    "table-out-of-bounds": (EDGES + "4,1,-0.5,0.1\n", wired()),
    "table-not-finite": (EDGES, wired(level="1 kT / e.level")),
    "table-dimension": (EDGES, wired(level="e.gamma")),
    "table-filter-empty": (EDGES, wired(where=" where e.source == 4")),
    "table-row-has-no-column": (EDGES, wired(level="n.level * 1 kT").replace("w[e", "w[n in 1..3, e")),
    "table-column-of-the-whole": (EDGES, wired(level="edges.level * 1 kT")),
    "table-reservoirs-filtered": (
        EDGES,
        wired().replace("h[n] = floating(", "h[n in edges where n.kind == 1] = floating(start = n.level * 1 kT, "),
    ),
    "table-range-not-table": (EDGES, wired().replace("e in edges", "e in n")),
    "table-twice": (EDGES, HEAD + 'table edges = "other.csv"\n'),
    "table-shadow": (EDGES, wired().replace("e in edges", "x in edges")),
    "table-train-normal": (EDGES, wired(level="train normal(e.level * 1 kT, 1 kT)")),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_message(name, write, golden):
    content, text = MISTAKES[name]
    if content is not None:
        write(content)
    with pytest.raises(ModelError) as caught:
        checked(text)
    golden.check(f"network/{name}.txt", str(caught.value))


def test_an_unused_table_is_warned_of(write, golden):
    write(EDGES)
    golden.check("network/table-unused.txt", "\n".join(map(str, checked(HEAD).warnings)))


def test_a_large_table_is_told_before_it_is_read(write, monkeypatch, golden):
    write(EDGES)
    os.truncate("edges.csv", 200 * 2**20)
    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.open", lambda *_: pytest.fail("it was opened"))
        with pytest.raises(ModelError) as caught:
            checked(wired())
    golden.check("network/table-large.txt", str(caught.value))


PATHS = {
    "table-folder": "folder",
    "table-here": "",
    "table-pipe": "pipe",
    "table-absolute": "/dev/zero",
    "table-outside": "folder/../../edges.csv",
    "table-link-outside": "link",
    "table-link-in-circle": "circle",
    "table-path-long": "a" * 5000,
    "table-below-a-file": "file/edges.csv",
}


@pytest.mark.parametrize("name", PATHS)
def test_only_regular_files_beside_the_model_are_opened(name, tmp_path, monkeypatch, golden):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "circle").symlink_to("circle")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelError) as caught:
        checked(wired().replace("edges.csv", PATHS[name]))
    golden.check(f"network/{name}.txt", str(caught.value))


def test_all_tables_together_are_bounded(write, monkeypatch, golden):
    write(EDGES)
    (Path() / "other.csv").write_text(EDGES)
    monkeypatch.setattr("crncompile.network.table_files.LARGEST_TABLE", 100)
    again = "".join(f'table t{k} = "edges.csv"\n' for k in range(20))
    assert len(checked(wired() + again).warnings) == 20
    with pytest.raises(ModelError) as caught:
        checked(wired() + 'table other = "other.csv"\n')
    golden.check("network/table-together.txt", str(caught.value))


@pytest.mark.parametrize("name", ["\0", "\ud800"])
def test_what_no_file_can_be_called(name):
    with pytest.raises(ModelError):
        checked(wired().replace("edges.csv", name))


# --- what a file may be -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.rstrip("\n").encode(),
        lambda text: text.replace("\n", "\n\n  \n").encode(),
        lambda text: text.replace(",", " , ").encode(),
        lambda text: text.replace("1,2", '"1","2"').encode(),
        lambda text: text.replace("level", '"level"').encode(),
        lambda text: text.replace("\n", ",a note\n").encode(),
        lambda text: text.replace("\n", ',"with ""quotes"", and a comma"\n').encode(),
    ],
    ids=["bom", "windows", "mac", "no-end", "blank-lines", "blanks", "quotes", "quoted-header", "text", "commas"],
)
def test_spellings_of_one_table(change, write):
    write(change(EDGES))
    found, values = family(wired())
    assert found.shape == (4,)
    assert [port.place.index.tolist() for port in found.ports] == [[0, 1, 2, 0], [1, 2, 3, 1]]
    np.testing.assert_allclose(values["w.gamma_left"], [0.5e9, 0.25e9, 0.125e9, 1e9], rtol=1e-15)
    np.testing.assert_allclose(values["w.level"], [0.1, -0.2, 0.3, 0], rtol=1e-15)


def test_a_path_is_relative_to_the_file_of_the_model(tmp_path, monkeypatch):
    (tmp_path / "models" / "data").mkdir(parents=True)
    (tmp_path / "models" / "data" / "edges.csv").write_text(EDGES)
    model = tmp_path / "models" / "m.tnet"
    model.write_text(wired().replace("edges.csv", "../models/data/edges.csv"))
    assert load(model).network.families[-1].shape == (4,)
    monkeypatch.chdir(tmp_path / "models" / "data")
    assert loads(wired()).network.families[-1].shape == (4,)
    assert load("../m.tnet").network.families[-1].shape == (4,)


fields = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.text(st.characters(codec="utf-8", exclude_characters='",\n\r\0')),
    st.text("\"',;0123456789.e+- x\t", max_size=8),
)


@given(st.lists(st.lists(fields, min_size=1, max_size=4), max_size=5))
def test_any_text_is_a_table_or_a_mistake_with_a_place(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("tables")
    (folder / "edges.csv").write_text("\n".join(",".join(row) for row in rows), encoding="utf-8")
    node = parse(Source(str(folder / "m.tnet"), 'table edges = "edges.csv"')).statements[0]
    try:
        table = Shelf(Units(300.0)).read(node)
        for name, column in table.columns.items():
            assert len(column.values) == table.rows
            table.numbers(name, node.span)
    except Fault as found:
        for mistake in found.mistakes:
            assert str(mistake)
            assert 0 <= mistake.span.start <= mistake.span.end <= len(mistake.span.source.text)


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.integers(-(2**53), 2**53)), min_size=1, max_size=20))
def test_numbers_survive(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("tables")
    text = "a,b\n" + "".join(f"{a!r},{b}\n" for a, b in rows)
    node = parse(Source(str(folder / "m.tnet"), 'table t = "t.csv"')).statements[0]
    for extra in ("", ",text"):
        (folder / "t.csv").write_text(text.replace("\n", f"{extra}\n"))
        table = Shelf(Units(300.0)).read(node)
        assert table.numbers("a", node.span).tolist() == [a for a, _ in rows]
        assert table.whole_numbers("b", node.span).tolist() == [b for _, b in rows]


# --- what it means ----------------------------------------------------------------------------------------------------


def test_columns_become_constant_arrays(write):
    write(EDGES)
    parameters = {p.name: p for p in checked(wired(level="e.level * 1 kT + 0.5 kT tolerance 1 %")).parameters}
    gamma, level = parameters["w.gamma_left"], parameters["w.level"]
    assert (gamma.shape, gamma.unit, gamma.trained, gamma.dimension) == ((4,), "GHz", False, RATE)
    assert (level.unit, level.tolerance.value, level.tolerance.relative) == ("kT", 0.01, True)
    np.testing.assert_allclose(level.distribution.values, [0.6, 0.3, 0.8, 0.5])


def test_a_trained_value_may_start_from_a_column(write):
    write(EDGES)
    network = checked(wired(level="train e.level * 1 kT in [-1 kT, 1 kT]"))
    level = next(p for p in network.parameters if p.name == "w.level")
    assert (level.trained, level.upper) == (True, 1.0)
    assert initial_values(network, 3)["w.level"].tolist() == [0.1, -0.2, 0.3, 0]


def test_trained_values_are_one_for_each_row(write):
    write(EDGES)
    found, values = family(wired(gamma="train loguniform(0.1 GHz, 1 GHz)"))
    assert values["w.gamma_left"].shape == (4,)
    assert found.slots["gamma_left"].accesses[0].place.axes == (0,)


def test_rows_are_filtered_by_columns(write):
    write(EDGES)
    found, values = family(wired(where=" where e.source <= e.target - 1 < 3 and e != 1"))
    assert found.labels_at.tolist() == [[2], [4]]
    assert values["w.level"].tolist() == [-0.2, 0.0]


def test_a_column_reads_parameters_and_reservoirs_by_arithmetic(write):
    write("j,r [uM]\n0,1\n1,2\n2,4\n")
    text = """network t
temperature 300 K
volume 1 nL
table t = "edges.csv"
index k = 1..2
reservoir s = input(range = [0.1 mM, 1 mM])
reservoir h[r in t] = floating(start = r.r, volume = 1 nL * r)
reservoir p = output(start = 1 mM)
parameter K[k] = train lognormal(1 mM, 0.1)
enzyme e[r in t]: s -> h[mod(r.j + 1, 3) + 1] = michaelis_menten(total = r.r * 0.001, k_cat = 1 s^-1,
    K_M = K[mod(r.j, 2) + 1], K_P = 1 mM, K_eq = 1e3)
reaction d[r in t]: h[r] <-> p = mass_action(k = 1 s^-1 * r.j + 1 s^-1, K_eq = 1)
"""
    network = checked(text)
    values = initial_values(network)
    np.testing.assert_allclose(values["h.start"], [1e-6, 2e-6, 4e-6])
    np.testing.assert_allclose(values["h.volume"], [1e-9, 2e-9, 3e-9])
    np.testing.assert_allclose(values["d.k"], [1, 2, 3])
    first, second = network.families
    assert first.ports[1].place.index.tolist() == [1, 2, 0]
    assert first.slots["K_M"].accesses[0].place.index.tolist() == [0, 1, 0]
    assert second.ports[0].place.axes == (0,)
    assert next(p for p in network.parameters if p.name == "h.start").dimension == CONCENTRATION


def test_the_line_of_a_row_counts_blank_lines(write):
    write("\n\na,b\n\n1,2\n\n\n3,4\n")
    node = parse(Source("m.tnet", 'table t = "edges.csv"')).statements[0]
    table = Shelf(Units(300.0)).read(node)
    assert [table.line(row) for row in (1, 2)] == [5, 8]
    assert table.cell(1, "b").text == "4"
