"""Checkpoints: all that a training needs to go on, in one file that is there whole or not at all.

Plain arrays without pickles. A checkpoint says of which model, data, seed and settings it is, and goes on with no
others. A lock names the process that uses the folder; the system frees it when that ends, however it does.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import DataError
from crncompile.learn.parameters import read_arrays

try:
    import fcntl
except ImportError:  # pragma: no cover  (a system without such locks: the process's number alone is compared)
    fcntl = None  # type: ignore[assignment]

Array = NDArray[Any]
FILE, LOCK = "checkpoint.npz", "lock"
_IDENTITY, _EPOCHS = "identity", "epochs"
State = Mapping[str, Array]


def digest(arrays: Iterable[Array]) -> str:
    """Return a text that is another for other arrays."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return found.hexdigest()[:16]


class Keeper:
    """Writes checkpoints of one training into a folder every so many seconds; a context that holds its lock.

    ``identity`` says in words what the training is of, by name. ``tell`` is called where one can not be written:
    training goes on all the same. Raises DataError for a folder that can not be used.
    """

    def __init__(self, folder: Path, every: float, identity: Mapping[str, str], tell: Callable[[str], None]):
        self.folder, self.every, self.identity, self.tell = folder, every, dict(identity), tell
        self.written = time.monotonic()
        self._lock: int | None = None

    def __enter__(self) -> Keeper:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise DataError(f"{self.folder} can not keep checkpoints: {error.strerror}") from error
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(handle, 20).decode(errors="replace").strip()
            os.close(handle)
            what = f"another training (process {holder}) keeps its checkpoints in {self.folder}"
            raise DataError(f"{what}: wait for it, or name another folder") from None
        with contextlib.suppress(OSError):  # a full disk: the lock itself holds all the same
            os.truncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        self._lock = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # --- reading ---

    def load(self, resume: bool) -> tuple[State, list[dict[str, Any]]] | None:
        """Return the state in the folder and the metrics so far; ``None`` where training shall begin.

        Raises DataError for a checkpoint of another training, a damaged one, or one that nobody asked to resume.
        """
        path = self.folder / FILE
        if not path.exists():
            if resume:
                self.tell(f"there is no checkpoint in {self.folder} yet: training begins")
            return None
        if not resume:
            raise DataError(f"{path} is there already: go on from it (resume), or name another folder")
        arrays = read_arrays(path)
        if _IDENTITY not in arrays or _EPOCHS not in arrays:
            raise DataError(f"{path} is no checkpoint of a training")
        theirs = json.loads(str(arrays.pop(_IDENTITY)))
        self._compare(path, theirs)
        return arrays, json.loads(str(arrays.pop(_EPOCHS)))

    def _compare(self, path: Path, theirs: Mapping[str, str]) -> None:
        names = dict.fromkeys([*theirs, *self.identity])
        other = [name for name in names if theirs.get(name) != self.identity.get(name)]
        if other:
            told = [
                f"{n} is {theirs.get(n, 'not set')} there and {self.identity.get(n, 'not set')} here" for n in other
            ]
            raise DataError(
                f"{path} is of another training: {'; '.join(told)}. Go on with the same, or name another folder"
            )

    # --- writing ---

    def offer(self, state: Callable[[], tuple[State, list[dict[str, Any]]]]) -> None:
        """Write what ``state`` returns if it is time."""
        if time.monotonic() - self.written >= self.every:
            self.write(*state())

    def write(self, state: State, epochs: list[dict[str, Any]]) -> None:
        """Write a state now: beside the last one, to the disk itself, then in its place."""
        told = {_IDENTITY: np.array(json.dumps(self.identity)), _EPOCHS: np.array(json.dumps(epochs))}
        path, beside = self.folder / FILE, self.folder / f"{FILE}.part"
        try:
            with beside.open("wb") as file:
                np.savez(file, **state, **told)  # type: ignore[arg-type]
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
            self._sync_folder()
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            kept = "the one before is kept" if path.exists() else "there is none yet"
            reason = error.strerror or str(error)
            self.tell(f"the checkpoint {path} can not be written ({reason}): {kept}, and training goes on")
        self.written = time.monotonic()

    def _sync_folder(self) -> None:
        with contextlib.suppress(OSError):  # some systems can not open a folder; the name may then come later
            handle = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
