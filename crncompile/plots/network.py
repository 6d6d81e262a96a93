"""A network as a picture: reservoirs in layers, families of devices as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path as Curve
from numpy.typing import NDArray

from crncompile.analyze.kind_names import equation
from crncompile.network.types import Family, Network
from crncompile.plots.layout import Group, lay_out, roles
from crncompile.plots.style import COLOURS, INK, bare, figure, save, styled
from crncompile.symbolic.conservation import flat_index

Point = NDArray[np.float64]
_FILL = {"input": "#dbe9f6", "output": "#fbe3c0", "floating": "#ffffff", "fixed": "#e7eaee"}
_EDGE = {"input": "#1b5e9b", "output": "#d9861a", "floating": "#6b7a8f", "fixed": "#4a5563"}
_RADIUS = 0.36
_MOST_DRAWN, _MOST_HEADS = 5000, 150
_HEAD = 0.24
"""Length of an arrowhead."""
_WIDTH = 5.0


def draw_network(network: Network, path: Path) -> None:
    """Draw a network and write the picture; raises DataError where it can not be written."""
    with styled():
        groups = lay_out(network)
        scale = inches_per_unit(groups, 11.0, 9.0)
        left, right, low, high = extent(groups)
        width, height = max(_WIDTH, (right - left) * scale), (high - low) * scale
        handles = legend_handles(network)
        columns = (
            2 if len(handles) > 4 and max(len(str(handle.get_label())) for handle in handles) < 8 * width - 12 else 1
        )
        drawn = figure(width, height + 0.5 + 0.19 * -(-len(handles) // columns))
        sketch(drawn.subplots(), network, groups, scale, width)
        drawn.suptitle(network.title or network.name, x=0.02, ha="left", fontsize=10.5)
        drawn.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=1.6, fontsize=8.5)
        save(drawn, path)


def extent(groups: Mapping[str, Group]) -> tuple[float, float, float, float]:
    """Return left, right, lower and upper end of what is drawn."""
    every = np.concatenate([group.xy for group in groups.values()])
    (left, low), (right, high) = every.min(axis=0), every.max(axis=0)
    return float(left) - 1.4, float(right) + 1.4, float(low) - 1.1, float(high) + 1.1


def inches_per_unit(groups: Mapping[str, Group], width: float, height: float) -> float:
    """Return how large a picture's unit, the distance of two reservoirs, can be in a space of some inches."""
    left, right, low, high = extent(groups)
    return min(0.48, width / (right - left), height / (high - low))


def sketch(axes: Axes, network: Network, groups: Mapping[str, Group], scale: float, width: float = 0.0) -> None:
    """Draw a network into axes, its unit ``scale`` inches long, with empty space up to ``width`` inches."""
    for number, family in enumerate(network.families):
        _family(axes, network, family, groups, COLOURS[number % len(COLOURS)], number)
    for group in groups.values():
        _group(axes, group, scale / 0.48)
    left, right, low, high = extent(groups)
    spare = max(0.0, width / scale - (right - left)) / 2
    axes.set_xlim(left - spare, right + spare)
    axes.set_ylim(low, high)
    axes.set_aspect("equal")
    bare(axes)


def legend_handles(network: Network) -> list[Line2D]:
    """Return an entry of a legend for each family: its name, how many devices it has, and of what kind."""
    return [
        Line2D([], [], color=COLOURS[number % len(COLOURS)], lw=2, label=_caption(family))
        for number, family in enumerate(network.families)
    ]


def _caption(family: Family) -> str:
    count = int(np.prod(family.shape, dtype=int))
    kind = family.kind.name if family.keyword != "reaction" else _with_arrow(equation(family))
    return f"{family.name}: {f'{count} × ' if count > 1 else ''}{kind}"


def _with_arrow(text: str) -> str:
    return text.replace("<->", "⇌").replace("=>", "→")


# --- reservoirs ---


def _group(axes: Axes, group: Group, size: float) -> None:
    """Draw the reservoirs of a group, with texts of relative size ``size``."""
    kind, alone = group.reservoir.kind, group.free or (len(group.shown) == 1 and group.gap is None)
    labels = group.reservoir.labels()
    for element, (x, y) in zip(group.shown, group.xy, strict=True):
        _node(axes, x, y, kind)
        name = labels[element].replace(" ", "")
        inside = name if alone else labels[element][len(group.reservoir.name) + 1 : -1]
        points = size * (8.5 if len(inside) <= 2 else 6.5 if len(inside) <= 5 else 5.5)
        if len(inside) <= 6 and points >= _LEGIBLE:
            axes.text(x, y - 0.02, inside, ha="center", va="center", fontsize=points, zorder=5)
        elif alone or points >= _LEGIBLE:  # else the name above the group has to do
            points = max(6.0, 8 * size)
            axes.text(x, y - _RADIUS - 0.08, inside, ha="center", va="top", fontsize=points, zorder=5)
    if group.gap is not None:
        axes.text(*group.gap, "⋮", ha="center", va="center", fontsize=14 * size, color=INK, zorder=5)
    if not alone:
        _headline(axes, group, size)


def _headline(axes: Axes, group: Group, size: float) -> None:
    """Write the name of a whole group above it."""
    ranges = ", ".join(f"{axis.lower}..{axis.upper}" for axis in group.reservoir.axes)
    x, y = group.xy[:, 0].mean(), group.xy[:, 1].max()
    name = f"{group.reservoir.name}[{ranges}]"
    axes.text(x, y + _RADIUS + 0.16, name, ha="center", va="bottom", fontsize=max(6.5, 9 * size), zorder=6, bbox=_PAPER)


_LEGIBLE = 4.5
"""Points of the smallest letters within a reservoir."""
_PAPER = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}


def _node(axes: Axes, x: float, y: float, kind: str) -> None:
    look: dict[str, Any] = {"facecolor": _FILL[kind], "edgecolor": _EDGE[kind], "linewidth": 1.3, "zorder": 4}
    if kind == "fixed":
        r = _RADIUS * 0.85
        axes.add_patch(FancyBboxPatch((x - r, y - r), 2 * r, 2 * r, boxstyle="round,pad=0,rounding_size=0.1", **look))
    else:
        axes.add_patch(Circle((x, y), _RADIUS, **look))


# --- devices ---


def _family(
    axes: Axes, network: Network, family: Family, groups: Mapping[str, Group], colour: str, number: int
) -> None:
    """Draw the devices of a family whose reservoirs are all in the picture."""
    devices = list(_devices(network, family, groups))
    faint = 0.9 if len(devices) <= 4 else 0.65 if len(devices) <= 40 else 0.28
    line = _Pen(
        axes, colour, faint, _HEAD if len(devices) <= 12 else 0.55 * _HEAD if len(devices) <= _MOST_HEADS else 0
    )
    kinds = roles(family)
    for places in devices:
        sources, targets, gates = (
            [place for place, role in zip(places, kinds, strict=True) if role == wanted]
            for wanted in ("source", "target", "gate")
        )
        middle = _connect(line, sources, targets, number)
        for _, gate in gates:
            line.draw(_arch(gate, middle), linestyle=(0, (2, 2)))
            axes.plot(*middle, "o", color=colour, ms=3.5, alpha=line.faint, zorder=3)


Placed = tuple[Group, Point]


def _devices(network: Network, family: Family, groups: Mapping[str, Group]) -> Iterator[list[Placed]]:
    """Yield, for each device that can be drawn, the group and the position at every terminal."""
    where = []
    for port in family.ports:
        shape = network.reservoir(port.reservoir).shape
        where.append(flat_index(shape, family.shape, port.place.axes, port.place.index).ravel())
    shown = [np.isin(index, groups[port.reservoir].shown) for index, port in zip(where, family.ports, strict=True)]
    for device in np.flatnonzero(np.logical_and.reduce(shown))[:_MOST_DRAWN]:
        met = [(groups[port.reservoir], int(index[device])) for index, port in zip(where, family.ports, strict=True)]
        yield [(group, group.position(element)) for group, element in met]


@dataclass(frozen=True)
class _Pen:
    """Draws the lines of a family, with arrowheads (``head`` long) in the direction of positive current."""

    axes: Axes
    colour: str
    faint: float
    head: float

    def draw(self, points: Sequence[Point], linestyle: Any = "-", head: float | None = None) -> None:
        """Draw a straight line, or a cubic curve, with an arrowhead at a share of it if asked for."""
        codes = [Curve.MOVETO, Curve.LINETO] if len(points) == 2 else [Curve.MOVETO] + [Curve.CURVE4] * 3
        curve = Curve(np.array(points), codes)
        patch = PathPatch(curve, fill=False, edgecolor=self.colour, lw=1.1, alpha=self.faint, zorder=2)
        patch.set_linestyle(linestyle)
        self.axes.add_patch(patch)
        if head is not None and self.head > 0:
            self._head(*_along(points, head))

    def _head(self, place: Point, direction: Point) -> None:
        ahead = direction / max(float(np.hypot(*direction)), 1e-9) * self.head
        aside = np.array([-ahead[1], ahead[0]]) * 0.5
        corners = [place + ahead * 0.6, place - ahead * 0.4 + aside, place - ahead * 0.4 - aside]
        look = {"facecolor": self.colour, "edgecolor": "none", "alpha": min(1.0, self.faint + 0.2), "zorder": 2.5}
        self.axes.add_patch(Polygon(corners, closed=True, **look))


def _connect(pen: _Pen, sources: Sequence[Placed], targets: Sequence[Placed], number: int) -> Point:
    """Draw the line of a device with two terminals, or the star of one with more; return its middle."""
    ends = [*sources, *targets]
    if len(ends) == 2:
        points = _course(ends[0], ends[1], number)
        pen.draw(points, head=0.66)
        return _middle(points)
    middle = np.mean([point for _, point in ends], axis=0)
    if not ends[0][0].free or min(float(np.hypot(*(middle - point))) for _, point in ends) < 2 * _RADIUS:
        below = sum(group.side == "below" for group, _ in ends) >= sum(group.side == "above" for group, _ in ends)
        middle = middle + np.array([0.37, -0.42 if below else 0.42])
    for _, point in sources:
        pen.draw([point, middle])
    for _, point in targets:
        pen.draw([middle, point], head=0.5)
    pen.axes.plot(*middle, "s", color=pen.colour, ms=5, zorder=3)
    return np.asarray(middle)


def _course(start: Placed, end: Placed, number: int) -> list[Point]:
    """Return the points of a line: a slight bow between layers, a wide one within, a lead from a fixed reservoir."""
    (a, p), (b, q) = start, end
    if a.free:
        aside = np.array([p[1] - q[1], q[0] - p[0]]) * (0.0 if number % 2 else 0.08)
        return [p, (2 * p + q) / 3 + aside, (p + 2 * q) / 3 + aside, q]
    if a.side and not b.side:
        return list(reversed(_lead(q, p, b)))
    if b.side and not a.side:
        return _lead(p, q, a)
    if abs(p[0] - q[0]) < 1e-9:
        out = np.array([0.9 + 0.12 * (number % 4), 0.0])
        return [p, p + out, q + out, q]
    bow = np.array([0.0, 0.16 * ((number + 1) // 2) * (1 if number % 2 else -1)])
    return [p, (2 * p + q) / 3 + bow, (p + 2 * q) / 3 + bow, q]


def _arch(gate: Point, middle: Point) -> list[Point]:
    """Return a line from a gate reservoir to a device, over what stands between them."""
    rise = np.array([0.0, min(0.62, 0.25 + 0.06 * abs(gate[0] - middle[0]))])
    return [gate, (3 * gate + middle) / 4 + 2 * rise, (gate + 3 * middle) / 4 + 2 * rise, middle]


def _lead(point: Point, fixed: Point, group: Group) -> list[Point]:
    """Return a line that leaves a fixed reservoir vertically and reaches a layer's element from its side."""
    if len(group.shown) == 1 and abs(point[0] - fixed[0]) < 0.2:
        return [point, fixed]
    side = 1.0 if fixed[1] > point[1] else -1.0
    lane = point[0] + 0.95 * side if len(group.shown) > 1 else (point[0] + fixed[0]) / 2
    return [point, np.array([lane, point[1]]), np.array([lane, fixed[1] - side * 0.4]), fixed]


def _middle(points: Sequence[Point]) -> Point:
    return _along(points, 0.5)[0]


def _along(points: Sequence[Point], share: float) -> tuple[Point, Point]:
    """Return place and direction at a share of a straight line or a cubic curve."""
    if len(points) == 2:
        return np.asarray(points[0] + share * (points[1] - points[0])), np.asarray(points[1] - points[0])
    a, b, c, d = points
    rest = 1 - share
    place = rest**3 * a + 3 * rest**2 * share * b + 3 * rest * share**2 * c + share**3 * d
    direction = rest**2 * (b - a) + 2 * rest * share * (c - b) + share**2 * (d - c)
    return np.asarray(place), np.asarray(direction)
