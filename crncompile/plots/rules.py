"""Learning rules compared: error and angle of their gradients as what they inject becomes small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from crncompile.learn.compare import Comparison
from crncompile.plots.style import COLOURS, figure, plain_log, save, styled

_DASHES = ("-", "--", ":", "-.")
_LEAST = 1e-16  # what rounding leaves of one minus a cosine


def draw_comparison(found: Comparison, title: str, path: Path) -> None:
    """Draw error and 1 - cosine of every rule over the nudge; raises DataError where it can not be written."""
    with styled():
        drawn = figure(9.6, 4.6)
        drawn.suptitle(title, x=0.01, ha="left", fontsize=11.5)
        errors, angles = drawn.subplots(1, 2, sharex=True)
        _lines(errors, found, {row.rule.name: row.errors for row in found.rows})
        _lines(angles, found, {row.rule.name: tuple(1 - c for c in row.cosines) for row in found.rows})
        errors.set_title("relative error of the gradient")
        angles.set_title("1 − cosine with the exact gradient")
        handles, labels = errors.get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside right center", fontsize=8)
        save(drawn, path)


def _lines(axes: Axes, found: Comparison, values: dict[str, tuple[float, ...]]) -> None:
    for number, (name, heights) in enumerate((n, h) for n, h in values.items() if h):
        colour, dash = COLOURS[number % len(COLOURS)], _DASHES[number // len(COLOURS) % len(_DASHES)]
        shown = np.maximum(np.array(heights), _LEAST)
        # lines that lie upon each other are told apart by their widths
        axes.plot(
            found.nudges, shown, dash, marker="o", ms=3.5, lw=max(1.0, 4 - 0.4 * number), color=colour, label=name
        )
    plain_log(axes.xaxis)
    plain_log(axes.yaxis)
    axes.set_xlabel("nudge (kT, or steps of free variables)")
