"""The figures of a report drawn: how many times longer than crncompile other programs take, and how times grow."""

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.bench.tables import TIE, own, slope, solved

OWN, OTHER = "#2a6f97", "#a3a3a3"


def draw(found, path):
    """Write a picture: a row of bars for each case, and the growth of irregular networks."""
    mpl.use("Agg")
    names = list(found["cases"])
    figure = Figure(figsize=(11, 2.2 + 1.9 * len(names)), layout="constrained")
    grid = figure.add_gridspec(len(names), 2, width_ratios=(1.6, 1))
    for row, name in enumerate(names):
        _bars(figure.add_subplot(grid[row, 0]), found, name)
    _growth(figure.add_subplot(grid[:, 1]), found)
    figure.savefig(path, dpi=150)


def _bars(axes, found, name):
    figures, best = solved(found, name), own(found, name)
    titles = [f["title"] for f in figures.values()]
    ratios = [f["state_s"] / best for f in figures.values()]
    colours = [OWN if key.startswith("crncompile") else OTHER for key in figures]
    axes.barh(titles, [ratio - 1 for ratio in ratios], left=1, color=colours)
    axes.axvline(1, color=OWN, lw=1)
    axes.axvspan(1 / TIE, TIE, color=OWN, alpha=0.15, lw=0)
    axes.set(xscale="log", title=f"{name}: time of a state / crncompile's")
    axes.invert_yaxis()
    for place, ratio in enumerate(ratios):
        side = "left" if ratio >= 1 else "right"
        axes.annotate(f" {ratio:.3g} ", (ratio, place), va="center", ha=side, fontsize=8)
    axes.margins(x=0.25)


def _growth(axes, found):
    for key, points in found.get("irregular", {}).items():
        if "error" not in points:
            sizes, seconds = [p["size"] for p in points], [p["solve_s"] for p in points]
            axes.plot(sizes, seconds, "o-", label=f"{key}: slope {slope(sizes, seconds):.2f}")
    axes.set(xscale="log", yscale="log", xlabel="reservoirs", ylabel="s", title="time of a state, irregular networks")
    if axes.lines:
        axes.legend(frameon=False)
