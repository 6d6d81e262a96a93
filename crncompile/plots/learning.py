"""What was learned of a function of one input, by networks side by side, and the best that a monotone one can do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from crncompile.plots.style import FAINT, PREDICTION, TARGET, figure, save, styled

if TYPE_CHECKING:
    from crncompile.learn.benchmarks import Trained

_WIDTH, _HEIGHT = 3.3, 2.9  # inches of one panel
_DOTS = 33


def draw_functions(found: Mapping[str, Trained], path: Path) -> None:
    """Draw target and prediction of each network and write the picture; raises DataError where that is not possible."""
    with styled():
        drawn = figure(_WIDTH * len(found), _HEIGHT)
        panels = drawn.subplots(1, len(found), sharey=True, squeeze=False)[0]
        for axes, (name, trained) in zip(panels, found.items(), strict=True):
            _function(axes, name, trained)
        save(drawn, path)


def _function(axes: Axes, name: str, trained: Trained) -> None:
    x, wanted, reached = trained.inputs[:, 0], trained.targets[:, 0], trained.predictions[:, 0]
    some = np.unique(np.linspace(0, len(x) - 1, _DOTS).astype(int))
    axes.plot(x[some], wanted[some], "o", ms=4.5, mew=0, color=TARGET, alpha=0.85, label="target")
    if trained.monotone is not None:
        axes.plot(x, trained.monotone, color=FAINT, lw=3.5, label="best monotone fit")
    axes.plot(x, reached, color=PREDICTION, lw=1.6, label="network")
    axes.set_title(f"{name}: mse {np.nanmean((reached - wanted) ** 2):.2g}")
    axes.set_xlabel("input (raw data)")
    axes.legend(loc="lower left", fontsize=7.5)
