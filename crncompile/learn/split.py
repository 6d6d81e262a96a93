"""Samples held back from training, by which the best parameters are chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import DataError

Array = NDArray[Any]
_BRANCH = 2  # of the seed, apart from those that order batches


def split(samples: int, validation: float, seed: int, labels: Array | None = None) -> tuple[Array, Array]:
    """Return which samples train and which are held back, each in their own order.

    Parameters
    ----------
    samples
        How many there are.
    validation
        A share of them below 1, or a number.
    seed
        Chooses which.
    labels
        (samples,): each class then gives its share, to within one sample.

    Raises DataError where either part would be empty.
    """
    if not validation:
        return np.arange(samples), np.arange(0)
    number = round(validation * samples) if validation < 1 else int(validation)
    if not 0 < number < samples:
        part = "validation" if number <= 0 else "training"
        told = f"validation = {validation:g} of {samples} sample{'s' * (samples != 1)}"
        raise DataError(f"{told} would leave the {part} split empty; it is a share below 1, or a number of samples")
    rng = np.random.default_rng([seed, 0, 0, _BRANCH])
    order = rng.permutation(samples)
    if labels is not None:
        order = order[_interleaved(labels[order])]
    held_back = np.sort(order[:number])
    return np.setdiff1d(np.arange(samples), held_back, assume_unique=True), held_back


def _interleaved(labels: Array) -> Array:
    """Return an order in which the first n samples have about the share of each class that all have, for every n."""
    by_class = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    within = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.empty(len(labels))
    place[by_class] = (within + 0.5) / np.repeat(counts, counts)
    return np.argsort(place, kind="stable")
