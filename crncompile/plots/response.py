"""Readouts and potentials against a swept input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from crncompile.plots.style import BAD, COLOURS, FAINT, figure, plain_log, save, styled

Array = NDArray[Any]
_MOST_NAMED = 8
_MOST_LINES = 200
_FLAT = 20.0
"""A curve looks flat on an axis this much longer than the range of its values."""
_ROUNDING = 1e-6
"""A curve that varies by less, relative to its values, is constant."""
_BESIDE: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "handlelength": 1.4}
"""Where a legend stands."""


@dataclass(frozen=True, eq=False)
class Response:
    """Numbers of several samples by name, (samples,) each: along ``x``, called ``label``.

    ``currents`` are in 1/s. ``settled`` are the reservoirs that the network settles, outputs first, for each quantity
    and unit that they are told in (``μ (kT)``, ``V (mV)``, ``c (mM)``). Where ``failed`` is True there is no certified
    steady state.
    """

    title: str
    x: Array
    label: str
    readouts: Mapping[str, Array]
    currents: Mapping[str, Array]
    settled: Mapping[str, Mapping[str, Array]]
    failed: Array


def draw_response(found: Response, path: Path) -> None:
    """Draw readouts and currents above the reservoirs, and write the picture.

    Raises DataError where it can not be written.
    """
    order = np.argsort(found.x, kind="stable")
    x = found.x[order]
    panels = [
        (named, what)
        for every, what in ((found.readouts, "readouts"), (found.currents, "currents (1/s)"))
        for named in alike(_ordered(every, order))
    ]
    with styled():
        drawn = figure(6.4, 2.8 * len(found.settled) + 3.4 * len(panels))
        count, heights = len(panels) + len(found.settled), [1.25] * len(panels) + [1] * len(found.settled)
        axes = list(drawn.subplots(count, 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0])
        for one, (named, what) in zip(axes, panels, strict=False):
            curves(one, x, named)
            one.set_ylabel(next(iter(named)) if len(named) == 1 else what)
        for one, (quantity, reservoirs) in zip(axes[len(panels) :], found.settled.items(), strict=True):
            settled(one, x, _ordered(reservoirs, order), quantity)
        mark_failed(axes[0], x, found.failed[order])
        axes[0].set_title(found.title)
        if _geometric(x):
            plain_log(axes[-1].xaxis)
        axes[-1].set_xlabel(found.label)
        save(drawn, path)


def alike(named: Mapping[str, Array]) -> list[dict[str, Array]]:
    """Part curves into panels, so that none looks flat where it varies; where there are many they stay together."""
    if len(named) > _MOST_NAMED:
        return [dict(named)]
    panels: list[dict[str, Array]] = []
    for name, y in named.items():
        fitting = (panel for panel in panels if _fit([*panel.values(), y]))
        panel = next(fitting, None)
        if panel is None:
            panels.append(panel := {})
        panel[name] = y
    return panels


def _fit(values: Sequence[Array]) -> bool:
    """Whether each curve that varies shows on an axis that holds all."""
    finite = [y[np.isfinite(y)] for y in values]
    finite = [y for y in finite if y.size]
    spans = [span for y in finite if (span := float(np.ptp(y))) > _ROUNDING * float(np.abs(y).max())]
    return not spans or float(np.ptp(np.concatenate(finite))) <= _FLAT * min(spans)


def _geometric(x: Array) -> bool:
    """Whether positive values are spaced evenly in their logarithm, and not evenly."""
    if len(x) < 3 or x.min() <= 0 or np.allclose(np.diff(x, 2), 0, atol=1e-6 * np.ptp(x)):
        return False
    return bool(np.allclose(np.diff(np.log(x), 2), 0, atol=1e-6))


def curves(axes: Axes, x: Array, named: Mapping[str, Array]) -> None:
    """Draw curves over ``x`` (samples,), named in a legend where they are few."""
    many = len(named) > _MOST_NAMED
    for number, (name, y) in enumerate(list(named.items())[:_MOST_LINES]):
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(x, y, color=colour, lw=1.0 if many else 1.9, alpha=0.6 if many else 1.0, label=name)
        lonely = _lonely(y)
        if lonely.any():
            axes.plot(x[lonely], y[lonely], ".", color=colour, ms=4)
    if 1 < len(named) <= _MOST_NAMED:
        axes.legend(**_BESIDE)


def _lonely(y: Array) -> Array:
    """Tell the finite values without a finite neighbour: a line does not show them."""
    finite = np.isfinite(y)
    beside = np.zeros_like(finite)
    beside[1:] |= finite[:-1]
    beside[:-1] |= finite[1:]
    return np.asarray(finite & ~beside)


def mark_failed(axes: Axes, x: Array, failed: Array) -> None:
    """Mark samples without a certified steady state at the lower edge."""
    if not failed.any():
        return
    heights = np.full(np.count_nonzero(failed), 0.02)
    axes.plot(x[failed], heights, "|", color=BAD, ms=7, mew=1.6, transform=axes.get_xaxis_transform(), clip_on=False)
    axes.text(0.995, 0.06, "no certified steady state", color=BAD, ha="right", va="bottom", transform=axes.transAxes)


def _ordered(named: Mapping[str, Array], order: Array) -> dict[str, Array]:
    return {name: y[order] for name, y in named.items()}


def settled(axes: Axes, x: Array, named: Mapping[str, Array], quantity: str) -> None:
    """Draw reservoirs that the network settles over ``x``: the first ones by name, the others grey."""
    coloured, grey = dict(list(named.items())[:_MOST_NAMED]), list(named.values())[_MOST_NAMED:]
    for number, y in enumerate(grey[:_MOST_LINES]):
        label = "_" if number else "1 other" if len(grey) == 1 else f"{len(grey)} others"
        axes.plot(x, y, color=FAINT, lw=0.8, alpha=0.8, label=label)
    curves(axes, x, coloured)
    if len(named) > 1:
        handles, labels = axes.get_legend_handles_labels()
        first = 1 if grey else 0  # the grey ones are told last
        axes.legend(handles[first:] + handles[:first], labels[first:] + labels[:first], **_BESIDE)
    if quantity.startswith("c") and _decades(named.values()) > 1.5:
        plain_log(axes.yaxis)
    axes.set_ylabel(quantity)
    axes.set_title("reservoirs" if len(named) > 1 else f"reservoir {next(iter(named))}")


def _decades(values: Iterable[Array]) -> float:
    """Return how many decades positive values span."""
    every = np.concatenate([value[np.isfinite(value)] for value in values])
    return float(np.log10(every.max() / every.min())) if every.size and every.min() > 0 else 0.0
