"""Data files: what is read, and what is said of bad ones."""

import numpy as np
import pytest

from crncompile.errors import DataError
from crncompile.language.parser import parse
from crncompile.language.reading import read_source
from crncompile.learn.data import read_data, read_inputs, split_features
from crncompile.network.library import standard_library
from crncompile.network.resolve import resolve

from .conftest import MODELS

GOOD = "x,volts\n0,1\n5,2\n10,3\n"
BAD = {
    "unknown-column": "x,volt\n0,1\n",
    "missing-column": "x\n0\n",
    "no-header": "0,1\n5,2\n",
    "header-twice": "x,volts,x\n0,1,2\n",
    "header-gap": "x,,volts\n0,1,2\n",
    "missing-cell": "x,volts\n0,1\n5,\n",
    "not-a-number": "x,volts\n0,1\n\n5,two\nthree,3\n",
    "not-a-number-underscore": "x,volts\n1_000,1\n",
    "nan": "x,volts\n0,1\nnan,2\n",
    "infinite": "x,volts\n0,inf\n",
    "ragged": "x,volts\n0,1\n5\n10,3,4\n",
    "many": "x,volts\n" + "a,b\n" * 20,
    "semicolons": "x;volts\n0,5;1,25\n",
    "tabs": "x\tvolts\n0.5\t1.25\n",
    "decimal-commas": "x,volts\n0,5,1,25\n",
    "decimal-comma-in-quotes": 'x,volts\n"0,5",1\n',
    "empty-data": "",
    "header-only": "x,volts\n\n",
}


def network(name):
    return resolve(parse(read_source(MODELS / name)), standard_library())


@pytest.fixture(scope="module")
def divider():
    return network("divider.tnet")


@pytest.fixture(scope="module")
def classes():
    return network("classes.tnet")


def test_columns_by_name_in_any_order(tmp_path, divider):
    (tmp_path / "d.csv").write_text("\ufeff volts , x\n\n1,0\n2.5e0, 5\n", encoding="utf-8")
    data = read_data(tmp_path / "d.csv", divider)
    assert (data.features, data.targets, data.warnings) == (("x",), ("volts",), ())
    assert data.X.tolist() == [[0.0], [5.0]]
    assert data.y.tolist() == [[1.0], [2.5]]


@pytest.mark.parametrize("name", BAD)
def test_what_is_said_of_bad_csv(tmp_path, monkeypatch, divider, golden, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").write_text(BAD[name])
    with pytest.raises(DataError) as caught:
        read_data("d.csv", divider)
    golden.check(f"cli/data/{name}.txt", str(caught.value))


def test_files_that_can_not_be_read(tmp_path, divider):
    (tmp_path / "latin.csv").write_bytes("x,volts\n1,2é\n".encode("latin-1"))
    with pytest.raises(DataError, match="not encoded in UTF-8"):
        read_data(tmp_path / "latin.csv", divider)
    with pytest.raises(DataError, match="No such file"):
        read_data(tmp_path / "none.csv", divider)
    with pytest.raises(DataError, match="can not be read"):
        read_data(tmp_path, divider)


def test_an_input_outside_its_range_is_a_warning(tmp_path, divider):
    (tmp_path / "d.csv").write_text("x,volts\n0,1\n\n11,2\n-5,2\n")
    (warning,) = read_data(tmp_path / "d.csv", divider).warnings
    place = "line 4, column 1 (x): 11 is outside the data range [0, 10] of x, and 1 more of its values"
    assert warning.endswith(place)


def test_raw_data_that_would_be_no_concentration_are_told_with_their_place(tmp_path, classes):
    (tmp_path / "d.csv").write_text("x[1],x[2],x[3],label\n0,0,1,1\n0.5,-0.2,1,1\n")
    with pytest.raises(DataError, match=r"d.csv: line 3, column 2 \(x\[2\]\): -0.2 would be a concentration of zero"):
        read_data(tmp_path / "d.csv", classes)
    (tmp_path / "d.csv").write_text("x[1],x[2],x[3]\n0.5,0.5,1.2\n")
    with pytest.raises(DataError, match=r"\(x\[3\]\): 1.2 would be .*; \[0, 1\] meets its range"):
        read_inputs(tmp_path / "d.csv", classes)


def test_labels_are_values_of_the_index(tmp_path, classes):
    (tmp_path / "d.csv").write_text('"x[1]","x[ 2 ]",x[3],label\n0,0,1,1\n1,0,0,2\n')
    data = read_data(tmp_path / "d.csv", classes)
    assert data.features == ("x[1]", "x[2]", "x[3]")
    assert data.y.tolist() == [0, 1]
    assert split_features(classes, data.X)["x"].tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("label", ["0", "3", "1.5"])
def test_a_label_that_is_no_class(tmp_path, classes, label):
    (tmp_path / "d.csv").write_text(f"x[1],x[2],x[3],label\n0,0,1,1\n0,0,1,{label}\n")
    with pytest.raises(
        DataError, match=rf"line 3, column 4 \(label\): {label} is no class; digit\[k\] has classes 1 to 2"
    ):
        read_data(tmp_path / "d.csv", classes)


def test_arrays_by_name(tmp_path, divider, classes):
    np.savez(tmp_path / "d.npz", x=np.arange(3), volts=np.ones(3))
    assert read_data(tmp_path / "d.npz", divider).X.tolist() == [[0], [1], [2]]
    np.savez(tmp_path / "c.npz", x=np.eye(3), label=[1, 2, 2])
    assert read_data(tmp_path / "c.npz", classes).X.tolist() == np.eye(3).tolist()


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((2, 2)), "label": [1, 2]}, r"x is float64 of shape \(2, 2\); .* \(samples, 3\)"),
        ({"x": np.eye(3), "label": [1, 2]}, "label has 2 samples, but x has 3"),
        ({"x": np.eye(3)}, "no column for label"),
        ({"x": np.eye(3), "label": [1, 2, 1], "w": [1, 2, 3]}, "w is neither an input nor a label"),
        ({"x": np.full((3, 3), np.nan), "label": [1, 2, 1]}, r"sample 0 of x\[1\]: nan is not a finite number"),
        ({"x": np.eye(3), "label": ["a", "b", "c"]}, "it must be real numbers"),
        ({"x": np.eye(3) + 1j, "label": [1, 2, 1]}, "x is complex128 .* it must be real numbers"),
        ({"x": np.array([{}, {}]), "label": [1, 2]}, "not a complete .npz file"),
        ({"x": np.zeros((0, 3)), "label": np.zeros(0)}, "there are no samples"),
    ],
)
def test_what_is_said_of_bad_arrays(tmp_path, classes, arrays, said):
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(DataError, match=said):
        read_data(tmp_path / "d.npz", classes)


def test_inputs_alone_need_no_targets(tmp_path, divider):
    (tmp_path / "d.csv").write_text("x\n5\n")
    assert read_inputs(tmp_path / "d.csv", divider).X.tolist() == [[5.0]]
    (tmp_path / "e.csv").write_text("volts\n5\n")
    with pytest.raises(DataError, match="no column for x"):
        read_inputs(tmp_path / "e.csv", divider)


def test_an_unknown_column_is_told_before_its_cells_and_shapes(crn, tmp_path):
    (tmp_path / "n.tnet").write_text(
        "network n\ntemperature 1 K\nreservoir x = input(range = [-1 kT, 1 kT])\n"
        "reservoir y = output(capacitance = 1 nF)\n"
        "dot a: x -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)\nreadout z = y / kT\n"
    )
    (tmp_path / "d.csv").write_text("x,z,comment\n0,0.1,good\n")
    assert "column 3: comment is neither an input nor a readout" in crn("evaluate", "n.tnet", "--data", "d.csv").stderr
    np.savez(tmp_path / "d.npz", x=np.zeros(3), Z=np.zeros((3, 2)))
    said = crn("evaluate", "n.tnet", "--data", "d.npz").stderr
    assert "d.npz: Z is neither an input nor a readout of the model; did you mean z?" in said
