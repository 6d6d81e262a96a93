"""Optimisers: each minimises the loss of a task over the free vector of its trained parameters.

Each is one module of this folder, found by discovery. It states its source in the docstring and has ``NAME``, as a user
writes it, ``SETTINGS`` with their defaults, ``LEAST_SQUARES`` (whether it needs squares, and the derivatives of each
sample) and ``train(job)``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from crncompile.errors import ArgumentError, which_of
from crncompile.learn.settings import Setting

if TYPE_CHECKING:
    from crncompile.learn.job import Job

SHORT = {"lm": "levenberg_marquardt"}
"""Other names."""


class Optimizer(Protocol):
    """What a module of this folder has."""

    @property
    def NAME(self) -> str: ...  # noqa: D102  (described above)
    @property
    def SETTINGS(self) -> Mapping[str, Setting]: ...  # noqa: D102
    @property
    def LEAST_SQUARES(self) -> bool: ...  # noqa: D102

    def train(self, job: Job) -> None:
        """Train all starts, and have the recorder confirm what each came to."""
        ...


@cache
def every() -> dict[str, Optimizer]:
    """All optimisers by name."""
    modules: list[Any] = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name)
    ]
    return {module.NAME: module for module in modules}


def find(name: str) -> Optimizer:
    """Return an optimiser by name; raises ArgumentError where there is none."""
    known = every()
    name = SHORT.get(name, name)
    if name not in known:
        raise ArgumentError(f"there is no optimiser {name}; {which_of(name, [*known, *SHORT])}")
    return known[name]


def having(setting: str) -> list[str]:
    """Return the names of the optimisers that have a setting."""
    return [optimizer.NAME for optimizer in every().values() if setting in optimizer.SETTINGS]
