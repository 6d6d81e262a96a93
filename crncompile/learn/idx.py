"""IDX files, the format of MNIST (LeCun, Cortes and Burges 1998): unsigned bytes, gzip-compressed or plain.

Two zero bytes, one for the type of the numbers (8: unsigned bytes), one for the number of axes; the size of each axis
in four bytes, the highest first; then the numbers, the last axis fastest.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import DataError

_UNSIGNED_BYTES = 8
_LARGEST = 2_000_000_000
"""Bytes that a file may hold once it is unpacked."""
_FETCH = "it is damaged or was not copied whole; fetch it again"


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return what a file holds, in its own shape.

    Raises DataError for a file that can not be read, is no IDX file of unsigned bytes, or has less or more in it than
    its head says.
    """
    try:
        with path.open("rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
        if path.suffix == ".gz" and not packed:
            raise DataError(f"{path} is not compressed by gzip, as its name says: {_FETCH}")
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            shape = _shape(path, file)
            return _content(path, file, shape)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} can not be unpacked: {_FETCH}") from error
    except OSError as error:
        raise DataError(f"{path} can not be read: {error.strerror}") from error


def _shape(path: Path, file: Any) -> tuple[int, ...]:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or not head[3]:
        raise DataError(f"{path} is no IDX file: its first four bytes are {head.hex(' ') or 'missing'}")
    if head[2] != _UNSIGNED_BYTES:
        raise DataError(f"{path} holds numbers of IDX type {head[2]}; only unsigned bytes (8) are read")
    sizes = file.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise DataError(f"{path} ends within its head: {_FETCH}")
    return tuple(int.from_bytes(sizes[k : k + 4], "big") for k in range(0, len(sizes), 4))


def _content(path: Path, file: Any, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    count = 1
    for size in shape:
        count *= size
    told = " x ".join(map(str, shape))
    if count > _LARGEST:
        raise DataError(f"{path} says that it holds {told} bytes, more than can be read")
    content = file.read(count + 1)
    if len(content) != count:
        found = f"only {len(content)}" if len(content) < count else "more"
        raise DataError(f"{path} says that it holds {told} bytes, but there are {found}: {_FETCH}")
    return np.frombuffer(content, np.uint8).reshape(shape)
