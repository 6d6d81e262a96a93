"""How all pictures look, and how they are written."""

from __future__ import annotations

import io
import itertools
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from crncompile.export.files import write_atomically

INK = "#1f2a37"
FAINT = "#9aa5b1"
TARGET = "#f2a33a"
PREDICTION = "#1b5e9b"
BAD = "#c0392b"
COLOURS = ("#1b5e9b", "#d1495b", "#2a9d6f", "#8a5fbf", "#e08e1b", "#3aa6b9", "#8c6d46", "#6b7a8f")
"""Of lines; chosen to differ in brightness too."""
SETTINGS = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6eaee",
    "grid.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "text.parse_math": False,
    "svg.hashsalt": "crncompile",
    "svg.fonttype": "path",
}
_METADATA = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in our style inside the block, and leave matplotlib's settings as they were."""
    with mpl.rc_context(SETTINGS):  # type: ignore[arg-type]
        yield


def figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in inches, without any window."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def save(drawn: Figure, path: Path) -> None:
    """Write a figure as ``.png``, ``.svg`` or ``.pdf``; raises DataError where the file can not be written."""
    _thin_out(drawn)
    buffer = io.BytesIO()
    made: dict[str, Any] = {"format": path.suffix[1:], "dpi": 160, "bbox_inches": "tight", "pad_inches": 0.08}
    with warnings.catch_warnings():
        _ignore_glyphs()
        drawn.savefig(buffer, metadata=_METADATA[path.suffix], **made)
    write_atomically(path, buffer.getvalue())


def _ignore_glyphs() -> None:
    """Let a letter that the font lacks be drawn as a box: nothing that the user could mend."""
    warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)


def _thin_out(drawn: Figure) -> None:
    """Take ticks off horizontal axes until no label runs into the next one."""
    with warnings.catch_warnings():
        _ignore_glyphs()
        drawn.draw_without_rendering()
        for most in (7, 6, 5, 4, 3, 2):
            crowded = [axes.xaxis for axes in drawn.axes if _crowded(axes.xaxis)]
            if not crowded:
                return
            for axis in crowded:
                axis.get_major_locator().set_params(nbins=most)  # type: ignore[call-arg]
            drawn.draw_without_rendering()


def _crowded(axis: Axis) -> bool:
    """Whether labels of ticks that may be chosen run into each other."""
    if not isinstance(axis.get_major_locator(), MaxNLocator):
        return False
    labels = [label for label in axis.get_ticklabels() if label.get_visible() and label.get_text()]
    boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
    space = 0.5 * mpl.rcParams["font.size"] * axis.axes.figure.dpi / 72
    return any(left.x1 + space > right.x0 for left, right in itertools.pairwise(boxes))


class _LogTicks(MaxNLocator):
    """Ticks of a logarithmic axis, two at least.

    At 1, 2 and 5 in few decades, at some powers of ten in many; evenly spaced where there is less than a decade.
    """

    def __init__(self) -> None:
        self.most = 7
        super().__init__(self.most)

    def set_params(self, **settings: Any) -> None:
        """Take another number of ticks at most, ``nbins``."""
        super().set_params(**settings)
        self.most = settings.get("nbins", self.most)

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Return the ticks between two positive values."""
        low, high = sorted((vmin, vmax))
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for within, every in (((1, 2, 5), 1), ((1,), 1), ((1,), -(-len(decades) // self.most))):
            ticks = [float(f"{n}e{decade}") for decade in decades if decade % every == 0 for n in within]
            ticks = [tick for tick in ticks if low <= tick <= high]
            if 1 < len(ticks) <= self.most:
                return ticks
        return [tick for tick in super().tick_values(low, high) if tick > 0]


def plain_log(axis: Axis) -> None:
    """Make an axis logarithmic, with plain numbers at its ticks."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})  # type: ignore[attr-defined]
    axis.set_major_locator(_LogTicks())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def bare(axes: Axes) -> None:
    """Take frame, ticks and grid away."""
    axes.set_axis_off()
