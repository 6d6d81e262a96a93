"""Images by name: what is read, and what is said of files that are damaged, cut off, swapped or missing."""

import builtins
import gzip
import struct

import numpy as np
import pytest

import crncompile
from crncompile.errors import DataError
from crncompile.learn.datasets import is_set, read_samples
from crncompile.learn.idx import read_idx

NAMES = {
    "images": "train-images-idx3-ubyte.gz",
    "labels": "train-labels-idx1-ubyte.gz",
    "test images": "t10k-images-idx3-ubyte.gz",
    "test labels": "t10k-labels-idx1-ubyte.gz",
}
MODEL = """
network small
temperature 300 K
volume 1 nL
index i = 1..6
index k = {first}..{last}
reservoir x[i] = input(range = [0.1 mM, 2 mM], data = [0, {high}])
reservoir y[k] = output(start = 1 mM)
reservoir low = fixed(at = 1 uM)
enzyme a[i, k]: x[i] -> y[k] = michaelis_menten(
    total = train lognormal(20 nM, 0.5), k_cat = 100 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 1000)
reaction drain[k]: y[k] <-> low = mass_action(k = 1e-3 s^-1, K_eq = 1)
classify digit[k] = ln(y[k] / 1 mM)
"""


def model(first=0, last=9, high=255):
    return crncompile.loads(MODEL.format(first=first, last=last, high=high)).network


@pytest.fixture(scope="module")
def network():
    return model()


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 2, 3) * 10
LABELS = np.array([3, 0, 9, 1], np.uint8)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Four images of 2 x 3 pixels to train on and two to test on, in the folder m."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    for name, array in zip(NAMES.values(), (IMAGES, LABELS, IMAGES[:2] + 1, LABELS[2:]), strict=True):
        (tmp_path / "m" / name).write_bytes(gzip.compress(idx(array)))
    return tmp_path / "m"


# --- what is read ----------------------------------------------------------------------------------------------------


def test_images_stay_bytes_in_the_order_of_the_file(folder, network):
    data = read_samples("mnist:m", network)
    assert data.X.dtype == np.uint8
    assert np.array_equal(data.X, IMAGES.reshape(4, 6))
    assert data.y.tolist() == [3, 0, 9, 1]
    assert data.targets == ("label",)
    assert data.features[:2] == ("x[1]", "x[2]")
    assert data.warnings == ()


@pytest.mark.parametrize(
    ("source", "part", "labels"),
    [
        ("mnist:m", "train", [3, 0, 9, 1]),
        ("mnist:m", "test", [9, 1]),
        ("mnist:m:test", "train", [9, 1]),
        ("mnist:m:train", "test", [3, 0, 9, 1]),
        ("mnist:m:all", "train", [3, 0, 9, 1, 9, 1]),
    ],
)
def test_parts(folder, network, source, part, labels):
    assert read_samples(source, network, part).y.tolist() == labels


def test_files_may_be_unpacked(folder, network):
    for path in folder.iterdir():
        (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert np.array_equal(read_samples("mnist:m", network).X, IMAGES.reshape(4, 6))


def test_digit_zero_is_the_first_class_whatever_its_number(folder):
    assert read_samples("mnist:m", model(1, 10)).y.tolist() == [3, 0, 9, 1]


def test_a_range_that_pixels_do_not_meet_is_told(folder):
    (warning,) = read_samples("mnist:m", model(high=2000)).warnings
    told = "mnist:m: pixels go from 0 to 230, and the data range of x is much wider, [0, 2000]: state data = [0, 230]"
    assert warning == told
    with pytest.raises(DataError, match=r"range of x is \[0, 1\]: concentrations would be far outside"):
        read_samples("mnist:m", model(high=1))


def test_the_digits_of_scikit_learn_are_parted_without_loss():
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    net = crncompile.loads(MODEL.format(first=0, last=9, high=16).replace("1..6", "1..64")).network
    parts = [read_samples("digits", net, part) for part in ("train", "test", "all")]
    assert [len(part.X) for part in parts] == [1438, 359, 1797]
    assert np.array_equal(parts[2].X, load_digits().data)
    assert np.array_equal(parts[2].y, load_digits().target)
    held_back = np.arange(1797) % 5 == 4
    for part, chosen in zip(parts[:2], (~held_back, held_back), strict=True):
        assert np.array_equal(part.X, parts[2].X[chosen])
        assert np.array_equal(part.y, parts[2].y[chosen])
        assert part.X.dtype == np.uint8


def test_names_of_sets_are_no_files():
    assert is_set("mnist:x")
    assert is_set("digits")
    assert is_set("digits:test")
    assert not is_set("digits.csv")
    assert not is_set("mnist")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("dgits", "there is no file dgits; did you mean digits?"),
        ("digit:test", "there is no file digit:test; did you mean digits?"),
        ("mnist", "there is no file mnist; did you mean mnist:FOLDER?"),
        ("openm:mnist_784", "there is no file openm:mnist_784; did you mean openml:mnist_784?"),
        ("moon", "there is no file moon; did you mean moons?"),
        ("digits.csv", "digits.csv can not be read: No such file or directory"),
        ("nothing", "nothing can not be read: No such file or directory"),
    ],
)
def test_a_set_that_is_misspelt_is_told(network, tmp_path, monkeypatch, source, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        read_samples(source, network)
    assert str(caught.value) == said


def test_a_file_may_be_called_nearly_like_a_set(network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digit").write_text("x[1]\n")
    with pytest.raises(DataError, match="digit: there are no samples below the header"):
        read_samples("digit", network)


def test_mnist_itself(shared):
    folder = shared / "data" / "mnist"
    if not folder.is_dir():
        pytest.skip("the shared folder has no MNIST")
    net = crncompile.loads(MODEL.format(first=0, last=9, high=255).replace("1..6", "1..784")).network
    data = read_samples(f"mnist:{folder}", net, "test")
    assert data.X.shape == (10_000, 784)
    assert np.bincount(data.y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


# --- what is said of bad ones ----------------------------------------------------------------------------------------


def whole(name, content):
    return lambda folder: (folder / NAMES[name]).write_bytes(content)


def packed(name, content):
    return whole(name, gzip.compress(content))


def swapped(folder):
    images, labels = (folder / NAMES[name] for name in ("images", "labels"))
    images.rename(folder / "other")
    labels.rename(images)
    (folder / "other").rename(labels)


BAD = {
    "missing": lambda folder: (folder / NAMES["labels"]).unlink(),
    "empty": whole("images", b""),
    "no-gzip": whole("images", idx(IMAGES)),
    "cut-off": lambda folder: whole("images", gzip.compress(idx(IMAGES))[:-12])(folder),
    "damaged": lambda folder: whole("images", gzip.compress(idx(IMAGES))[:-8] + bytes(8))(folder),
    "too-short": packed("images", idx(IMAGES)[:-1]),
    "too-long": packed("images", idx(IMAGES) + b"\0"),
    "head-cut-off": packed("images", idx(IMAGES)[:9]),
    "no-idx": packed("images", b"x,label\n1,2\n"),
    "floats": packed("images", b"\0\0\x0d\3" + idx(IMAGES)[4:]),
    "huge": packed("images", b"\0\0\x08\3" + b"\xff" * 12),
    "swapped": swapped,
    "flat-images": packed("images", idx(IMAGES.reshape(4, 6))),
    "mixed": packed("labels", idx(LABELS[:3])),
    "no-digit": packed("labels", idx(np.array([1, 2, 10, 3], np.uint8))),
    "no-images": lambda folder: (
        packed("images", idx(IMAGES[:0]))(folder),
        packed("labels", idx(LABELS[:0]))(folder),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_said_of_bad_files(folder, network, golden, name):
    BAD[name](folder)
    with pytest.raises(DataError) as caught:
        read_samples("mnist:m", network)
    golden.check(f"cli/images/{name}.txt", str(caught.value))


SOURCES = {
    "no-folder": ("mnist:nowhere", {}),
    "no-name": ("mnist:", {}),
    "other-pixels": ("digits", {}),
    "few-classes": ("mnist:m", {"last": 8}),
    "digits-part": ("digits:tests", {}),
    "openml-other": ("openml:mnist", {}),
}


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_said_of_sources(folder, golden, name):
    source, settings = SOURCES[name]
    with pytest.raises(DataError) as caught:
        read_samples(source, model(**settings))
    golden.check(f"cli/images/{name}.txt", str(caught.value))


def test_images_need_a_model_that_classifies(folder):
    text = MODEL.format(first=0, last=9, high=255).replace("classify digit[k]", "readout digit[k]")
    with pytest.raises(DataError, match="these are images with labels, and the model has no classify statement"):
        read_samples("mnist:m", crncompile.loads(text).network)


WITHOUT = {"no-sklearn-digits": "digits", "no-sklearn-openml": "openml:mnist_784"}


@pytest.mark.parametrize("name", WITHOUT)
def test_without_scikit_learn(network, monkeypatch, golden, name):
    real = builtins.__import__

    def without(module, *rest):
        if module.startswith("sklearn"):
            raise ImportError(module)
        return real(module, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DataError) as caught:
        read_samples(WITHOUT[name], network)
    golden.check(f"cli/images/{name}.txt", str(caught.value))


def test_openml_without_a_network(network, monkeypatch, golden):
    datasets = pytest.importorskip("sklearn.datasets")

    def fetch(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(datasets, "fetch_openml", fetch)
    with pytest.raises(DataError) as caught:
        read_samples("openml:mnist_784", network)
    golden.check("cli/images/openml-no-network.txt", str(caught.value))


def test_openml_is_parted_as_mnist_is(network, monkeypatch):
    datasets = pytest.importorskip("sklearn.datasets")
    images = np.tile(np.arange(6.0) * 50, (60_003, 1))
    labels = np.array(["4"] * 60_000 + ["5"] * 3)
    monkeypatch.setattr(datasets, "fetch_openml", lambda *_, **__: (images, labels))
    assert len(read_samples("openml:mnist_784", network).X) == 60_000
    test = read_samples("openml:mnist_784", network, "test")
    assert test.y.tolist() == [5, 5, 5]
    assert test.X.dtype == np.uint8


def test_a_file_that_can_not_be_opened(tmp_path):
    with pytest.raises(DataError, match="can not be read: Is a directory"):
        read_idx(tmp_path)
