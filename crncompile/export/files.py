"""Files that are either written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from crncompile.errors import DataError


def check_writable(path: str | Path) -> None:
    """Raise DataError where a file could not be written, before any work is spent on its content."""
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} can not be written: it is a folder")
    if path.exists() and not os.access(path, os.W_OK):
        raise DataError(f"{path} can not be written: it is write-protected")
    if not path.parent.is_dir():
        raise DataError(f"{path} can not be written: there is no folder {path.parent}")
    if not _is_special(path) and not os.access(path.parent, os.W_OK | os.X_OK):
        raise DataError(f"{path} can not be written: the folder {path.parent.resolve()} is not open for writing")


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write a file under a temporary name beside it and rename it; text is encoded in UTF-8.

    Devices and pipes (``/dev/stdout``) are written to as they are; a link's target is replaced, not the link.

    Raises
    ------
    DataError
        Where the file can not be written; what stood at ``path`` before is still there.
    """
    check_writable(path)
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    try:
        if _is_special(path):
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data)
    except OSError as error:
        raise DataError(f"{path} can not be written: {error.strerror or error}") from error


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """Return the mask of permissions for new files; reading it means setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
