"""Readouts and potentials against a swept input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


@dataclass(frozen=True, eq=False)
class Response:
    """Numbers of several samples by name, (samples,) each: along ``x``, called ``label``.

    ``currents`` are in 1/s; ``outputs`` and ``inner`` are reservoirs that the network settles, as ``quantity`` says
    (``μ (kT)``, ``V (mV)``, ``c (mM)``). Where ``failed`` is True there is no certified steady state.
    """

    title: str
    x: Array
    label: str
    readouts: Mapping[str, Array]
    currents: Mapping[str, Array]
    outputs: Mapping[str, Array]
    inner: Mapping[str, Array]
    quantity: str
    failed: Array


def draw_response(found: Response, path: Path) -> None:
    """Draw readouts and currents above the reservoirs, and write the picture.

    Raises DataError where it can not be written.
    """
    panels = [named for named in (found.readouts, found.currents) if named]
    with styled():
        drawn = figure(6.4, 2.8 + 3.4 * len(panels))
        *uppers, lower = drawn.subplots(
            1 + len(panels), 1, sharex=True, squeeze=False, height_ratios=[1.25] * len(panels) + [1]
        )[:, 0]
        order = np.argsort(found.x, kind="stable")
        x = found.x[order]
        for axes, named in zip(uppers, panels, strict=True):
            curves(axes, x, _ordered(named, order))
            axes.set_ylabel(_quantity(named, "readouts" if named is found.readouts else "currents (1/s)"))
        settled(lower, x, _ordered(found.inner, order), _ordered(found.outputs, order), found.quantity)
        top = [*uppers, lower][0]
        mark_failed(top, x, found.failed[order])
        top.set_title(found.title)
        if _geometric(x):
            plain_log(lower.xaxis)
        lower.set_xlabel(found.label)
        save(drawn, path)


def _quantity(named: Mapping[str, Array], several: str) -> str:
    return next(iter(named)) if len(named) == 1 else several


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
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.4)


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


def settled(axes: Axes, x: Array, inner: Mapping[str, Array], outputs: Mapping[str, Array], quantity: str) -> None:
    """Draw all reservoirs that the network settles over ``x``: outputs thick and coloured, the others thin.

    Where there are no outputs and few others, these are drawn so.
    """
    if not outputs and len(inner) <= _MOST_NAMED:
        outputs, inner = inner, {}
    for y in list(inner.values())[:_MOST_LINES]:
        axes.plot(x, y, color=FAINT, lw=0.8, alpha=0.8)
    curves(axes, x, outputs)
    if quantity.startswith("c") and _decades([*inner.values(), *outputs.values()]) > 1.5:
        plain_log(axes.yaxis)
    axes.set_ylabel(quantity)
    others = "1 other" if len(inner) == 1 else f"{len(inner)} others"
    grey = f", {others} grey" if inner else ""
    axes.set_title(f"reservoirs: {', '.join(list(outputs)[:4])} in colour{grey}" if outputs else "reservoirs")


def _decades(values: Iterable[Array]) -> float:
    """Return how many decades positive values span."""
    every = np.concatenate([value[np.isfinite(value)] for value in values])
    return float(np.log10(every.max() / every.min())) if every.size and every.min() > 0 else 0.0
