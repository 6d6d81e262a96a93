"""C text compiled to a shared library, kept for the next time: one file for each text, compiler and machine."""

from __future__ import annotations

import ctypes
import errno
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from crncompile import cache
from crncompile.errors import DataError

FLAGS = ("-march=native", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared")


def compiler() -> str:
    """Return the path of the C compiler: $CC, cc, gcc or clang. Raises DataError where there is none."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise DataError("the backend c needs a C compiler: cc, gcc, clang or what $CC names; the backend numpy needs none")


def shared_library(text: str, single: bool = False, level: str = "-O3") -> ctypes.CDLL:
    """Return the compiled library of a text, from the cache where it is there and sound; ``single``: of 32 bits.

    ``level`` tells the compiler how hard to try.

    Libraries are written beside and renamed, so that processes may share the cache. Raises DataError.
    """
    program = compiler()
    text = "#define REAL float\n" + text if single else text
    flags = _flags(program, single, level)
    key = hashlib.sha256("\n".join([text, *flags, _target(program)]).encode()).hexdigest()
    folder = cache.folder()
    if folder is not None:
        with suppress(OSError):  # full, or not to be written to
            return _loaded(program, text, folder / f"{key[:32]}.so", flags)
    try:
        with tempfile.TemporaryDirectory(prefix="crncompile-", ignore_cleanup_errors=True) as once:
            return _loaded(program, text, Path(once) / "network.so", flags)
    except OSError as error:
        where = f"{tempfile.gettempdir()}" if folder is None else f"{folder} or {tempfile.gettempdir()}"
        raise DataError(f"the compiled network can not be kept in {where}: {error.strerror or error}") from error


def shared_libraries(texts: Sequence[str], single: bool = False, levels: Sequence[str] = ()) -> list[ctypes.CDLL]:
    """Return the compiled libraries of several texts, as `shared_library` does; compilers run at the same time."""
    _target(compiler())  # asked once, and not by every thread
    with ThreadPoolExecutor() as threads:
        return list(threads.map(shared_library, texts, [single] * len(texts), levels or ["-O3"] * len(texts)))


def _flags(program: str, single: bool, level: str) -> tuple[str, ...]:
    """Return the flags of a compiler; gcc can take constants as numbers of 32 bits, without which it widens sums."""
    flags = (level, *FLAGS)
    return (*flags, "-fsingle-precision-constant") if single and "\ngcc version" in _target(program) else flags


def _loaded(program: str, text: str, library: Path, flags: Sequence[str]) -> ctypes.CDLL:
    if library.exists():
        try:
            return ctypes.CDLL(str(library))
        except OSError:  # damaged: it is made anew
            library.unlink(missing_ok=True)
    _compile(program, text, library, flags)
    return ctypes.CDLL(str(library))


@functools.cache
def _target(program: str) -> str:
    """Return what a compiler says of itself and of this machine's processor: a library for another would crash."""
    words = [program, "-march=native", "-v", "-E", "-x", "c", os.devnull]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return f"{program}\n{done.stderr}"


def _compile(program: str, text: str, library: Path, flags: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(dir=library.parent) as scratch:
        source, built = Path(scratch) / "network.c", Path(scratch) / "network.so"
        source.write_text(text, encoding="utf-8")
        links = ["-lmvec", "-lm"] if platform.system() == "Linux" and platform.machine() == "x86_64" else ["-lm"]
        done = subprocess.run(
            [program, *flags, "-o", built, source, *links],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 and os.strerror(errno.ENOSPC) in done.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(library.parent))
        if done.returncode != 0:
            raise DataError(f"{program} could not compile the network: {' '.join(done.stderr.split())[:500]}")
        os.replace(built, library)
        cache.prune(library.parent, "*.so")
