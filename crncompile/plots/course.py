"""Readouts and reservoirs against time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from crncompile.plots.response import alike, curves, settled
from crncompile.plots.style import COLOURS, INK, figure, plain_log, save, styled

Array = NDArray[Any]
_SCALES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"), (1e-12, "ps"))


@dataclass(frozen=True, eq=False)
class Drawing:
    """What is drawn of a simulation: numbers by name, (points,) each, over ``times`` in s.

    ``inputs`` are those that jump; ``settled`` are the other reservoirs, outputs first, for each quantity and unit
    (``μ (kT)``). Each of ``events`` is a time in s and what passes through its level there.
    """

    title: str
    times: Array
    logarithmic: bool
    inputs: Mapping[str, Array]
    readouts: Mapping[str, Array]
    settled: Mapping[str, Mapping[str, Array]]
    events: tuple[tuple[float, str], ...]


def draw_course(found: Drawing, path: Path) -> None:
    """Draw inputs that jump, readouts and reservoirs; raises DataError where the picture can not be written."""
    scale, unit = _scale(found.times[-1])
    times = found.times / scale
    panels = alike(found.readouts)
    ratios = [0.45] * bool(found.inputs) + [1.25] * len(panels) + [1.0] * len(found.settled)
    with styled():
        drawn = figure(6.4, 0.6 + 2.6 * sum(ratios))
        axes = list(np.atleast_1d(drawn.subplots(len(ratios), 1, sharex=True, height_ratios=ratios)))
        axes[0].set_title(found.title)
        if found.inputs:
            _jumps(axes[0], times, found.inputs)
        uppers, lowers = axes[bool(found.inputs) : -len(found.settled)], axes[-len(found.settled) :]
        for one, named in zip(uppers, panels, strict=True):
            curves(one, times, named)
            one.set_ylabel(next(iter(named)) if len(named) == 1 else "readouts")
        for one, (quantity, reservoirs) in zip(lowers, found.settled.items(), strict=True):
            settled(one, times, reservoirs, quantity)
        for one in axes:
            _mark(one, found, scale)
        axes[-1].set_xlabel(f"time ({unit})")
        if found.logarithmic and (times > 0).sum() > 1:
            plain_log(axes[-1].xaxis)
            axes[-1].set_xlim(times[times > 0][0], times[-1])
        save(drawn, path)


def _scale(end: float) -> tuple[float, str]:
    """Return the unit of time, in s and by name, in which ``end`` is a handy number."""
    return next((entry for entry in _SCALES if end >= entry[0]), _SCALES[-1])


def _jumps(axes: Axes, times: Array, inputs: Mapping[str, Array]) -> None:
    for number, (name, y) in enumerate(list(inputs.items())[:8]):
        axes.plot(times, y, color=COLOURS[-1 - number % len(COLOURS)], drawstyle="steps-post", label=name)
    if len(inputs) == 1:
        axes.set_ylabel(next(iter(inputs)))
    else:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.4)


def _mark(axes: Axes, found: Drawing, scale: float) -> None:
    """Mark the times of events by vertical lines, and where a curve of this panel crosses, by a dot."""
    for time, _ in found.events:
        axes.axvline(time / scale, color=INK, lw=0.8, ls=(0, (1, 3)))
    lines = {str(line.get_label()): line for line in axes.get_lines()}
    for time, label in found.events:
        if label in lines:
            line = lines[label]
            y = np.interp(time, found.times, np.asarray(line.get_ydata(), float))
            axes.plot([time / scale], [y], "o", ms=5, color=line.get_color())
