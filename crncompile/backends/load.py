"""From the text of a generated module to its functions."""

from __future__ import annotations

import linecache
import types
from typing import Any


def load_module(text: str, name: str) -> Any:
    """Run the text of a generated module and return the module.

    The text comes from a Program, which holds names and arithmetic alone; nothing of a user's model text is in it but
    strings written by ``repr``. It is known to `linecache`, so that tracebacks show its lines.
    """
    module = types.ModuleType(name)
    file = f"<{name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), module.__dict__)
    return module
