"""Sums of a family's values over its devices as numpy text: plain where it is known which axes they have."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Result(NamedTuple):
    """The name of a family's values in the text, and whether there surely is one for each sample and device."""

    name: str
    whole: bool = False


def collected(shape: tuple[int, ...], value: Result, keep: tuple[int, ...]) -> str:
    """Return the text that sums values over all axes but ``keep``, (batch, kept) or what broadcasts to that."""
    if len(shape) == 1 and keep == (0,):
        return value.name
    if not value.whole or list(keep) != sorted(keep):
        return f"collect({value.name}, batch, {shape}, {keep})"
    over = tuple(1 + a for a, size in enumerate(shape) if a not in keep and size > 1)
    text = f"np.add.reduce({value.name}, axis={over[0] if len(over) == 1 else over})" if over else value.name
    if len(shape) - len(over) == 1:
        return text
    return f"{text}.reshape(batch, {int(np.prod([shape[a] for a in keep], dtype=int))})"


def crossed(shape: tuple[int, ...], value: Result, rows: tuple[int, ...], columns: tuple[int, ...]) -> str:
    """Return the text that sums values over all axes but those of rows and of columns, (batch, rows, columns)."""
    if value.whole and len(shape) == 2 and (rows, columns) in (((0,), (1,)), ((1,), (0,))):
        return value.name if rows == (0,) else f"{value.name}.transpose(0, 2, 1)"
    return f"outer({value.name}, batch, {shape}, {rows}, {columns})"
