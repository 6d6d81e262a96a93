"""Arrays as text, exact to the last bit: short ones as literals, long ones compressed at the end of the module."""

from __future__ import annotations

import base64
import textwrap
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.backends.text import section

_LITERAL, _COLUMNS = 400, 118
_UNPACK = '''
def _unpack(text, shape, dtype):
    """Read an array from its compressed bytes in base 85."""
    import base64
    import zlib

    return np.frombuffer(zlib.decompress(base64.b85decode("".join(text.split()))), dtype).reshape(shape)
'''


class Packed:
    """Collects the arrays of a module that are too long to stand where they belong."""

    def __init__(self) -> None:
        self.assignments: list[str] = []

    def literal(self, target: str, array: NDArray[Any]) -> str:
        """Return the text of an array; that of a long one is ``None``, and ``target`` gets its value in `sections`."""
        array = np.asarray(array)
        kind = "int" if array.dtype.kind in "iu" else "float"
        if array.size <= _LITERAL:
            return _short(array, kind)
        raw = np.ascontiguousarray(array, "<i8" if kind == "int" else "<f8").tobytes()
        packed = base64.b85encode(zlib.compress(raw, 6)).decode()
        text = "\n".join(packed[n : n + _COLUMNS] for n in range(0, len(packed), _COLUMNS))
        self.assignments.append(f'{target} = _unpack("""\n{text}\n""", {array.shape!r}, "<{kind[0]}8")')
        return "None"

    def sections(self) -> list[str]:
        """Return the parts of the module that unpack what was packed."""
        return [section("long arrays"), _UNPACK, *self.assignments] if self.assignments else []


def whole_numbers(array: NDArray[np.int64]) -> str:
    """Return the text of an array of whole numbers where `numpy_elimination.unpacked` reads long ones."""
    if array.size <= _LITERAL:
        return _short(array, "int")
    packed = base64.b85encode(zlib.compress(np.ascontiguousarray(array, "<i8").tobytes(), 6)).decode()
    lines = "\n".join(packed[n : n + _COLUMNS] for n in range(0, len(packed), _COLUMNS))
    return f'unpacked("""\n{lines}\n""", {array.shape!r})'


def _short(array: NDArray[Any], kind: str) -> str:
    text = repr(array.astype(np.int64 if kind == "int" else np.float64).tolist())
    if array.size == 0:
        return f"np.zeros({array.shape!r}, {kind})"
    if len(text) > 80:
        text = "\n        " + textwrap.fill(text, 108, subsequent_indent=" " * 9) + ",\n        "
        return f"np.array({text}{kind},\n    )"
    return f"np.array({text}, {kind})"
