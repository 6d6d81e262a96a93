"""A digest of all that decides what a model computes, and of nothing else: not of its comments, lines or title."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from crncompile.errors import Span
from crncompile.network.types import Network

_PARTS = ("reservoirs", "families", "parameters", "readouts", "derived")


def meaning(network: Network) -> str:
    """Return a text that is another for a model that trains in another way: bounds, codings and laws count too.

    `parameters.fingerprint` asks for less: whether parameters of one model fit another.
    """
    found = hashlib.sha256(repr(network.units.temperature).encode())
    for part in _PARTS:
        for word in _words(getattr(network, part)):
            found.update(word)
            found.update(b"\n")
    return found.hexdigest()


def _words(value: Any) -> Iterator[bytes]:
    """Return all that a value is made of, but places in texts, and texts that were read into something else."""
    if isinstance(value, Span):
        return
    if isinstance(value, np.ndarray):
        yield f"{value.dtype.str}{value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif dataclasses.is_dataclass(value):
        yield type(value).__name__.encode()
        for field in dataclasses.fields(value):
            if field.name != "text":
                yield from _words(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield from _words(tuple(value.items()))
    elif isinstance(value, tuple):
        yield str(len(value)).encode()
        for part in value:
            yield from _words(part)
    else:
        yield str(value).encode()
