"""What training came to: target and prediction, what is left between them, the network, the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from crncompile.compiled import CompiledNetwork
from crncompile.learn.augment import image_shape
from crncompile.learn.data import Data
from crncompile.learn.fit import Fit
from crncompile.learn.task import Outcome
from crncompile.network.types import Network
from crncompile.plots.layout import lay_out
from crncompile.plots.network import inches_per_unit, legend_handles, sketch
from crncompile.plots.style import BAD, COLOURS, FAINT, INK, PREDICTION, TARGET, bare, figure, plain_log, save, styled

Array = NDArray[Any]
_CURVE_POINTS = 241
_MOST_CURVES = 4
_MOST_IMAGES = 10


def draw_training(compiled: CompiledNetwork, samples: Data, fit: Fit, path: Path) -> None:
    """Draw what training came to and write the picture; raises DataError where it can not be written.

    Against the input where there is a single one; else prediction against target, or which class is taken for which,
    and images that are taken for others. Where samples were held back it is classes of those that are drawn.
    """
    with styled():
        drawn = figure(9.6, 5.6)
        drawn.suptitle(compiled.network.title or compiled.network.name, x=0.01, ha="left", fontsize=11.5)
        left, right = drawn.subfigures(1, 2, width_ratios=[1.5, 1], squeeze=False)[0]
        if fit.accuracy is not None:
            draw_classes(left, compiled, samples, _seen(fit))
        else:
            upper, lower = left.subplots(2, 1, sharex=len(samples.features) == 1, height_ratios=[2.4, 1])
            _values(upper, lower, compiled, _trained(samples, fit), fit)
        above, below = right.subplots(2, 1, height_ratios=[2.0, 1])
        _network(above, compiled.network)
        _loss(below, fit)
        save(drawn, path)


# --- values ---


def _values(upper: Axes, lower: Axes, compiled: CompiledNetwork, samples: Data, fit: Fit) -> None:
    predictions = fit.outcome.predictions
    if len(samples.features) == 1:
        x, label = samples.X[:, 0], f"{samples.features[0]} (raw data)"
        _curves(upper, compiled, samples, fit)
    else:
        x, label = samples.y, "target"
        _parity(upper, samples.y, predictions)
    left = np.broadcast_to(x.reshape(len(x), -1), predictions.shape)
    lower.plot(left.ravel(), (predictions - samples.y).ravel(), ".", ms=4, color=PREDICTION, alpha=0.8)
    lower.axhline(0.0, color=FAINT, lw=0.8)
    lower.set_xlim(upper.get_xlim())
    lower.ticklabel_format(axis="y", scilimits=(-2, 3))
    lower.set_ylabel("prediction − target")
    lower.set_xlabel(label)
    upper.set_title(f"mean squared error {fit.loss:.2g}" + _unconverged(fit))


def _unconverged(fit: Fit) -> str:
    return f", {fit.unconverged} of {len(fit.outcome.good)} samples unconverged" if fit.unconverged else ""


def _curves(axes: Axes, compiled: CompiledNetwork, samples: Data, fit: Fit) -> None:
    """Draw targets as dots and predictions, between them too, as lines."""
    x = samples.X[:, 0]
    fine = np.linspace(x.min(), x.max(), _CURVE_POINTS)
    group = compiled.inputs[0]
    raw = fine.reshape(-1, *[1] * (len(group.shape) - (group.coding is not None and group.coding.encoding == "dual")))
    solution = compiled.solve({group.name: raw}, raw=True, parameters=fit.parameters)
    curves = np.concatenate(
        [solution.readouts[r.name].reshape(len(fine), -1) for r in compiled.network.readouts], axis=1
    )
    single, lone = len(samples.targets) == 1, "o" if fine[0] == fine[-1] else ""
    for number, name in enumerate(samples.targets[:_MOST_CURVES]):
        colour = PREDICTION if single else COLOURS[number]
        dots = TARGET if single else colour
        axes.plot(
            x,
            samples.y[:, number],
            "o",
            ms=5.5,
            color=dots,
            alpha=0.85,
            mew=0,
            label="target" if single else f"target {name}",
        )
        label = "prediction" if single else f"prediction {name}"
        axes.plot(fine, curves[:, number], lone + "-", ms=4, color=colour, lw=1.9, label=label)
    axes.set_ylabel(samples.targets[0] if single else "readouts")
    axes.legend(loc="best")


def _parity(axes: Axes, targets: Array, predictions: Array) -> None:
    ends = [float(np.nanmin(targets)), float(np.nanmax(targets))]
    axes.plot(ends, ends, color=FAINT, lw=1.0)
    axes.plot(targets.ravel(), predictions.ravel(), ".", ms=5, color=PREDICTION, alpha=0.7)
    axes.set_xlabel("target")
    axes.set_ylabel("prediction")


# --- what was trained on, and what was held back ---


@dataclass(frozen=True, eq=False)
class Seen:
    """Predictions of some samples, ``which`` of all, and in words what they are."""

    which: Array
    outcome: Outcome
    accuracy: float
    words: str


def _trained(samples: Data, fit: Fit) -> Data:
    """Return the samples that ``fit.outcome`` is of."""
    if fit.samples is None or len(fit.samples) == len(samples.X):
        return samples
    return replace(samples, X=samples.X[fit.samples], y=samples.y[fit.samples])


def _seen(fit: Fit) -> Seen:
    if fit.validation is not None:
        checked = fit.validation
        count = len(checked.samples)
        return Seen(checked.samples, checked.outcome, float(checked.accuracy or 0), f"{count} samples held back")
    which = np.arange(len(fit.outcome.good)) if fit.samples is None else fit.samples
    return Seen(which, fit.outcome, float(fit.accuracy or 0), f"{len(which)} samples trained on")


# --- classes ---


def draw_classes(place: SubFigure, compiled: CompiledNetwork, samples: Data, seen: Seen) -> None:
    """Draw which class is taken for which, and below it images that are taken for others, if the inputs are one."""
    wrong = _wrong(samples, seen)
    shape = image_shape(compiled.inputs[0]) if len(compiled.inputs) == 1 else None
    if shape is None or not wrong.size:
        _matrix(place.subplots(), compiled, samples, seen)
        return
    above, below = place.subfigures(2, 1, height_ratios=[3.2, 1], squeeze=False)[:, 0]
    _matrix(above.subplots(), compiled, samples, seen)
    _images(below, samples, seen, wrong, shape)


def _wrong(samples: Data, seen: Seen) -> Array:
    """Return places, among those seen, of samples that are taken for another class, the surest first."""
    own, predictions = samples.y[seen.which], np.nan_to_num(seen.outcome.predictions)
    wrong = np.flatnonzero(seen.outcome.good & (predictions.argmax(axis=1) != own))
    sure = predictions[wrong].max(axis=1) - predictions[wrong, own[wrong]]
    return np.asarray(wrong[np.argsort(-sure, kind="stable")])


def _matrix(axes: Axes, compiled: CompiledNetwork, samples: Data, seen: Seen) -> None:
    """Draw how often each class is taken for which, as a share of its samples."""
    classifier = next(r for r in compiled.network.readouts if r.keyword == "classify")
    names, good = samples.classes, seen.outcome.good
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (samples.y[seen.which][good], seen.outcome.predictions[good].argmax(axis=1)), 1)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if share[row, column] > 0.5 else INK
            axes.text(column, row, f"{count:.0f}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False)
    axes.set_xlabel("class predicted")
    axes.set_ylabel("class")
    lost = np.count_nonzero(~good)
    unconverged = f", {lost} unconverged" if lost else ""
    axes.set_title(f"{classifier.name}: accuracy {seen.accuracy:.4g}, {seen.words}{unconverged}")


def _images(place: SubFigure, samples: Data, seen: Seen, wrong: Array, shape: tuple[int, int]) -> None:
    """Draw some images that are taken for another class."""
    names, predicted = samples.classes, np.nan_to_num(seen.outcome.predictions).argmax(axis=1)
    grid = place.subplots(1, _MOST_IMAGES, squeeze=False)[0]
    for axes in grid:
        bare(axes)
    for axes, sample in zip(grid, wrong, strict=False):
        axes.imshow(samples.X[seen.which[sample]].reshape(shape), cmap="Greys")
        axes.set_title(f"{names[samples.y[seen.which[sample]]]} → {names[predicted[sample]]}", loc="center", pad=3)
    shown = min(len(wrong), _MOST_IMAGES)
    told = f"the surest {shown} of {len(wrong)}" if shown < len(wrong) else f"all {shown}"
    place.suptitle(f"taken for others: {told}", fontsize=9.5, x=0.01, ha="left")


# --- network and loss ---


def _network(axes: Axes, network: Network) -> None:
    groups = lay_out(network, most=8)
    sketch(axes, network, groups, inches_per_unit(groups, 3.5, 2.6))
    handles = legend_handles(network)
    columns = 2 if len(handles) > 2 else 1
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.02), fontsize=7, ncols=columns, handlelength=1.2
    )


def _loss(axes: Axes, fit: Fit) -> None:
    """Draw the loss of every epoch where there are several steps in each; else of every evaluation."""
    if len(fit.epochs) > 1 and len(fit.history) > len(fit.epochs) and "epoch" in fit.epochs[0]:
        _epochs(axes, fit)
    else:
        _evaluations(axes, fit)


def _epochs(axes: Axes, fit: Fit) -> None:
    """Draw what each epoch came to: share of errors where something is classified, else the loss."""
    classifies = fit.accuracy is not None
    what, named = ("accuracy", "errors") if classifies else ("loss", "loss")
    number, drawn = np.arange(1, len(fit.epochs) + 1), []
    for name, colour, word in ((what, FAINT, "training"), (f"validation_{what}", PREDICTION, "validation")):
        if name in fit.epochs[0]:
            values = np.array([epoch[name] for epoch in fit.epochs], float)
            drawn.append(1 - values if classifies else values)
            axes.plot(number, drawn[-1], "o-", ms=2.5, color=colour, label=word)
    finite = np.concatenate([values[np.isfinite(values)] for values in drawn])
    if finite.size and finite.min() > 0 and finite.max() > 10 * finite.min():
        plain_log(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)
    _mark_starts(axes, fit, [row + 0.5 for row in range(len(fit.epochs))])
    axes.legend(loc="best", fontsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    axes.set_title(f"{'share of ' if classifies else ''}{named}")


def _evaluations(axes: Axes, fit: Fit) -> None:
    """Draw the loss of every evaluation, and the best so far."""
    history = np.array(fit.history, float)
    number = np.arange(1, len(history) + 1)
    finite = np.isfinite(history)
    best = np.minimum.accumulate(np.where(finite, history, np.inf)) if len(history) else history
    axes.plot(number[finite], history[finite], color=FAINT, lw=0.8)
    lone = "o" if np.count_nonzero(np.isfinite(best)) == 1 else ""
    axes.plot(number[np.isfinite(best)], best[np.isfinite(best)], lone + "-", ms=4, color=PREDICTION, lw=1.8)
    title = "loss, and the best so far"
    if finite.any() and (~finite).any():
        title += " (red: none)"
        heights = np.full(np.count_nonzero(~finite), 0.03)
        axes.plot(number[~finite], heights, "|", color=BAD, transform=axes.get_xaxis_transform())
    if (best > 0).all() and finite.any() and history[finite].max() > 10 * best.min():
        plain_log(axes.yaxis)
    _mark_starts(axes, fit, [0.5, *(epoch["evaluation"] + 0.5 for epoch in fit.epochs[:-1])])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("evaluation")
    axes.set_title(title)


_WORD, _NUMBER = 0.14, 0.03
"""Shares of the width of a panel that "start 2" takes, and its number alone."""


def _mark_starts(axes: Axes, fit: Fit, begins: Sequence[float]) -> None:
    """Mark by a line where each start after the first begins; ``begins`` (epochs,) says where each epoch does."""
    starts = [epoch.get("start", 1) for epoch in fit.epochs]
    changes = [n for n in range(1, len(starts)) if starts[n] != starts[n - 1]]
    low, high = axes.get_xlim()
    for n, following in zip_longest(changes, changes[1:]):
        axes.axvline(begins[n], color=INK, lw=0.8, ls=(0, (1, 3)))
        room = ((high if following is None else begins[following]) - begins[n]) / (high - low)
        text = f" start {starts[n]}" if room > _WORD else f" {starts[n]}" if room > _NUMBER else ""
        axes.text(begins[n], 1.0, text, fontsize=7, va="top", transform=axes.get_xaxis_transform())
