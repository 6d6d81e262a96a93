"""File -> text: what a model is read from, and what is refused unread."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from importlib import resources
from pathlib import Path

from crncompile.errors import DataError, Source

#: Bytes of the largest file that is read.
LARGEST_FILE = 16 * 2**20


def read_source(path: str | Path) -> Source:
    """Read a model's text; a byte order mark is dropped, line ends are kept.

    Raises
    ------
    DataError
        For a file that is missing, empty, binary, too large, or not encoded in UTF-8.
    """
    text = decoded(Path(path), read_bytes(Path(path)))
    if not text.strip():
        raise DataError(f"{path}: the file is empty; a smallest model looks like this:\n{smallest_model()}")
    return Source(str(path), text)


def decoded(path: Path, content: bytes) -> str:
    """Return the text of a file's bytes, without a byte order mark; raises DataError where they are no text."""
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise DataError(f"{path}: this file is encoded in UTF-16; save it as UTF-8")
    if b"\0" in content:
        raise DataError(f"{path}: this is a binary file; a model is plain text")
    try:
        # a carriage return alone ended the lines of old computers; offsets stay as they are
        return re.sub("\r(?!\n)", "\n", content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}: line {line} is not encoded in UTF-8 (byte 0x{content[error.start]:02x}); save the file as UTF-8"
        ) from None


def read_bytes(path: Path) -> bytes:
    """Read a file; raises DataError where that can not be done or it is too large."""
    try:
        if path.is_fifo() and path.parts[1:2] not in (("dev",), ("proc",)):
            raise DataError(f"{path}: this is a pipe, from which perhaps nothing ever comes; name a file")
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise DataError(f"{path}: this is a directory; name a .tnet file in it") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"{path}: the file can not be read: {reason}") from None
    if len(content) > LARGEST_FILE:
        raise DataError(
            f"{path}: the file is larger than {LARGEST_FILE // 2**20} MB; "
            'put the edges into a table: table edges = "edges.csv"'
        )
    return content


def smallest_model() -> str:
    """Return the text of a model of one device, to begin with."""
    return (resources.files("crncompile.language") / "smallest.tnet").read_text(encoding="utf-8").rstrip()
