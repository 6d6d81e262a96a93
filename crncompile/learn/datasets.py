"""Where samples come from: a file with names, or a set of samples that is known by its own.

``mnist:FOLDER`` are the four IDX files of MNIST, ``digits`` the 8x8 digits that scikit-learn brings along, and
``openml:mnist_784`` MNIST as scikit-learn fetches it. Each has a part for training and one for testing; the first is
what ``train`` takes and the second what ``evaluate`` takes, and ``:train``, ``:test`` or ``:all`` behind the name
chooses. Images stay the bytes that they are, in the order of the files. Digit d is the class d, counted from 0.
``sine``, ``xor``, ``moons`` and ``bump`` are drawn, see `learn.small_tasks`; they have the same parts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import DataError, did_you_mean, which_of
from crncompile.learn.data import (
    Data,
    counted_classes,
    drawn_data,
    feature_names,
    input_groups,
    raw_axes,
    read_data,
    target_names,
)
from crncompile.learn.idx import read_idx
from crncompile.learn.small_tasks import SMALL_TASKS, Samples
from crncompile.network.types import Network

Array = NDArray[Any]
Part = Literal["train", "test", "all"]
Images = tuple[Array, Array]
"""Images (samples, pixels) and their labels (samples,)."""
PARTS: tuple[Part, ...] = ("train", "test", "all")
MNIST_784 = "mnist_784"
_HELD_BACK = 5
"""Of the 8x8 digits every fifth is for testing: they are few, and stand in the order of those who wrote them."""
_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_ALONE = ("digits", *SMALL_TASKS)
"""Sets whose name needs nothing behind it."""
_INSTALL = "pip install 'crncompile[learn]'"


def read_samples(source: str | Path, network: Network, part: Part = "train") -> Data:
    """Read samples with targets; ``part`` is taken of a set that has parts, unless ``source`` chooses one.

    Raises DataError as `learn.data.read_data` does, and for images that do not fit the model.
    """
    text, chosen = str(source), part
    kind, rest = _kind(text)
    if kind is None:
        _refuse_misspelt(text)
        return read_data(source, network)
    for name in PARTS:
        if rest.endswith(f":{name}"):
            rest, chosen = rest[: -len(name) - 1], name
    if kind in SMALL_TASKS:
        return drawn_data(text, network, *_drawn(kind, rest, chosen))
    return _fitted(text, network, _READERS[kind](rest, chosen))


def _refuse_misspelt(text: str) -> None:
    """Raise DataError for what is no file, but nearly the name of a set."""
    if Path(text).suffix or Path(text).exists():
        return
    name, sets = text.partition(":")[0], [*_ALONE, *_READERS]
    meant = did_you_mean(name, [name] if name in sets else sets)
    if meant.startswith("did you mean"):
        written = meant.replace("mnist", "mnist:FOLDER").replace("openml", f"openml:{MNIST_784}")
        raise DataError(f"there is no file {text}; {written}")


def is_set(source: str | Path) -> bool:
    """Whether this names a set of samples, not a file."""
    return _kind(str(source))[0] is not None


def _kind(text: str) -> tuple[str | None, str]:
    """Return which set it is, and what stands behind its name; ``None`` for a file."""
    name, colon, rest = text.partition(":")
    if name in _ALONE:
        return name, colon + rest
    return (name, rest) if colon and name in _READERS else (None, "")


def _fitted(source: str, network: Network, images: Images) -> Data:
    """Return images as samples of a network; raises DataError where it has other inputs or classes."""
    X, y = images
    features, targets = feature_names(network), target_names(network)
    if len(features) != X.shape[1]:
        raise DataError(f"{source}: an image has {X.shape[1]} pixels, but the model has {len(features)} raw inputs")
    classifier = next((readout for readout in network.readouts if readout.keyword == "classify"), None)
    if classifier is None:
        raise DataError(f"{source}: these are images with labels, and the model has no classify statement")
    if y.size and y.max() >= classifier.axes[-1].size:
        what = f"{classifier.name} has {classifier.axes[-1].size} classes"
        raise DataError(f"{source}: sample {int(np.argmax(y))} is a {y.max()}, but {what}, from 0 on")
    return Data(X, y, features, targets, _outside(source, network, X), classes=counted_classes(network))


def _outside(source: str, network: Network, X: Array) -> tuple[str, ...]:
    """Warn of images beyond the range of raw data that the model states, or that leave most of it unused."""
    warnings, start = [], 0
    for group in input_groups(network):
        stop = start + int(np.prod([axis.size for axis in raw_axes(group)], dtype=int))
        values, start = X[:, start:stop], stop
        if group.coding is None or group.coding.data is None or not values.size:
            continue
        (low, high), darkest, brightest = sorted(group.coding.data), float(values.min()), float(values.max())
        told = f"{source}: pixels go from {darkest:g} to {brightest:g}, and the data range of {group.name}"
        if darkest < low or brightest > high:
            _refuse_concentrations(told, group.content, low, high)
            warnings.append(f"{told} is [{low:g}, {high:g}]")
        elif brightest - darkest < 0.5 * (high - low):
            warnings.append(f"{told} is much wider, [{low:g}, {high:g}]: state data = [{darkest:g}, {brightest:g}]")
    return tuple(warnings)


def _refuse_concentrations(told: str, content: str, low: float, high: float) -> None:
    if content == "molecules":
        raise DataError(f"{told} is [{low:g}, {high:g}]: concentrations would be far outside their range, or negative")


# --- the sets ---------------------------------------------------------------------------------------------------------


def _mnist(folder: str, part: Part) -> Images:
    place = Path(folder)
    if not folder or not place.is_dir():
        raise DataError(f"mnist:{folder}: there is no folder {folder or 'named'}; write mnist:FOLDER with {_listed()}")
    parts = [_mnist_part(place, *_FILES[name]) for name in (("train", "test") if part == "all" else (part,))]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])


def _mnist_part(folder: Path, images_name: str, labels_name: str) -> Images:
    places = _found(folder, images_name), _found(folder, labels_name)
    images, labels = (read_idx(place) for place in places)
    for place, array, axes, what in ((places[0], images, 3, "images"), (places[1], labels, 1, "labels")):
        if array.ndim != axes:
            other = {1: "labels", 3: "images"}.get(array.ndim, f"{array.ndim} axes")
            raise DataError(f"{place} holds {other}, not {what}: are two files swapped?")
    if len(images) != len(labels):
        what = f"{places[0]} holds {len(images)} images, but {places[1]} {len(labels)} labels"
        raise DataError(f"{what}: are files of two sets mixed?")
    if not len(images):
        raise DataError(f"{places[0]} holds no images")
    if labels.max() > 9:
        raise DataError(f"{places[1]}: sample {int(np.argmax(labels > 9))}: {labels.max()} is no digit")
    return images.reshape(len(images), -1), labels.astype(int)


def _found(folder: Path, name: str) -> Path:
    """Return the path of a file, compressed or not."""
    for place in (folder / f"{name}.gz", folder / name):
        if place.exists():
            return place
    raise DataError(f"{folder / name}.gz is missing; the folder must hold {_listed()}")


def _listed() -> str:
    return ", ".join(f"{name}.gz" for names in _FILES.values() for name in names)


def _drawn(name: str, rest: str, part: Part) -> Samples:
    _refuse_rest(name, rest)
    parts = [SMALL_TASKS[name].part(chosen) for chosen in ("train", "test") if part in (chosen, "all")]
    return np.concatenate([X for X, _ in parts]), np.concatenate([y for _, y in parts])


def _refuse_rest(name: str, rest: str) -> None:
    if rest:
        raise DataError(f"{name}{rest}: there is no such part; write {name}, {name}:train, {name}:test or {name}:all")


def _digits(rest: str, part: Part) -> Images:
    _refuse_rest("digits", rest)
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(f"digits come with scikit-learn, which is not installed: {_INSTALL}") from error
    bunch = load_digits()
    images, labels = bunch.data.astype(np.uint8), bunch.target.astype(int)
    held_back = np.arange(len(images)) % _HELD_BACK == _HELD_BACK - 1
    chosen = {"train": ~held_back, "test": held_back, "all": np.full(len(images), True)}[part]
    return images[chosen], labels[chosen]


def _openml(name: str, part: Part) -> Images:
    if name != MNIST_784:
        raise DataError(f"openml:{name}: only {MNIST_784} is read from OpenML; {which_of(name, [MNIST_784])}")
    try:
        from sklearn.datasets import fetch_openml
    except ImportError as error:
        raise DataError(f"OpenML is read by scikit-learn, which is not installed: {_INSTALL}") from error
    try:
        images, labels = fetch_openml(name, version=1, as_frame=False, return_X_y=True, parser="liac-arff")
    except Exception as error:  # whatever the network, the server or its answer may do
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = "with the four IDX files at hand, write mnist:FOLDER"
        raise DataError(f"openml:{name} can not be fetched ({reason}): is there a network? {hint}") from error
    first = 60_000
    chosen = {"train": slice(0, first), "test": slice(first, None), "all": slice(None)}[part]
    return images[chosen].astype(np.uint8), labels[chosen].astype(int)


_READERS: dict[str, Callable[[str, Part], Images]] = {"mnist": _mnist, "digits": _digits, "openml": _openml}
