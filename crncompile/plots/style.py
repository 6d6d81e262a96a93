"""How all pictures look, and how they are written."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

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
    buffer = io.BytesIO()
    made: dict[str, Any] = {"format": path.suffix[1:], "dpi": 160, "bbox_inches": "tight", "pad_inches": 0.08}
    with warnings.catch_warnings():
        # a letter that the font lacks is drawn as a box: nothing that the user could mend
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        drawn.savefig(buffer, metadata=_METADATA[path.suffix], **made)
    write_atomically(path, buffer.getvalue())


def plain_log(axis: Axis) -> None:
    """Make an axis logarithmic, with plain numbers at its ticks."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})  # type: ignore[attr-defined]
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def bare(axes: Axes) -> None:
    """Take frame, ticks and grid away."""
    axes.set_axis_off()
