"""The characteristic of a device: its current over its source's potential, and where that falls."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crncompile.analyze.characteristic import Characteristic
from crncompile.plots.style import BAD, COLOURS, FAINT, figure, plain_log, save, styled

_POWERS = {0: "1/s", 3: "10³/s", 6: "10⁶/s", 9: "10⁹/s", 12: "10¹²/s", 15: "10¹⁵/s", 18: "10¹⁸/s"}


def draw_device(found: Characteristic, path: Path) -> None:
    """Draw a family of characteristics; raises DataError where the picture can not be written."""
    largest = max((float(np.nanmax(np.abs(curve.current))) for curve in found.curves), default=0.0)
    power = max((p for p in _POWERS if 10.0**p <= largest), default=0)
    with styled():
        drawn = figure(6.4, 4.2)
        axes = drawn.subplots()
        x = found.shown
        axes.axhline(0, color=FAINT, lw=0.8)
        for number, curve in enumerate(found.curves):
            y = curve.current / 10.0**power
            falling = np.where(curve.falls, y, np.nan)
            axes.plot(x, falling, color=BAD, lw=8, alpha=0.22, solid_capstyle="butt", zorder=1)
            axes.plot(x, y, color=COLOURS[number % len(COLOURS)], label=curve.label)
        if any(curve.falls.any() for curve in found.curves):
            axes.plot([], [], color=BAD, lw=8, alpha=0.22, label="falls: NDC")
        quantity, unit = found.quantity.split(" ", 1)
        held = f"\nheld: {', '.join(found.held)}" if found.held else ""
        axes.set_title(f"{found.device}: {found.kind}{held}")
        axes.set_xlabel(f"{quantity} at {found.terminal} {unit}")
        axes.set_ylabel(f"current along the arrow ({_POWERS[power]})")
        if found.molecules:
            plain_log(axes.xaxis)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.4)
        save(drawn, path)
