"""A cycle of a network in the model's own names: ``A -> X (feed), X -> Y (convert), Y -> A (back)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crncompile.analyze.fluxes import Fluxes
from crncompile.analyze.slots import device_label


@dataclass(frozen=True)
class Turn:
    """A device in a cycle: how often it turns over (negative: backwards), what that does, and its ln K in kT."""

    device: str
    times: int
    equation: str
    log_K: float


Given = Mapping[int, int]


def named_turns(turns: Sequence[tuple[Fluxes, int, int]], labels: Sequence[str]) -> tuple[Turn, ...]:
    """Name turns (flux, device, times) in an order in which each takes up what the one before gave, where it can.

    It begins with the first one in the text that runs forwards.
    """
    effects = [{node: n * times for node, n in flux.given(device).items()} for flux, device, times in turns]
    forwards = [number for number, turn in enumerate(turns) if turn[2] > 0] or [0]
    start = min(forwards, key=lambda number: (turns[number][0].family.span.start, turns[number][1]))
    named = []
    for number in _in_order(effects, start):
        flux, device, times = turns[number]
        equation = _equation(effects[number], labels)
        named.append(Turn(device_label(flux.family, device), times, equation, times * float(flux.log_K[device])))
    return tuple(named)


def _in_order(effects: Sequence[Given], start: int) -> list[int]:
    givers: dict[int, list[int]] = {}
    for number, effect in enumerate(effects):
        for node, n in effect.items():
            if n < 0:
                givers.setdefault(node, []).append(number)
    order, left = [start], dict.fromkeys(number for number in range(len(effects)) if number != start)
    while left:
        made = [node for node, n in effects[order[-1]].items() if n > 0]
        following = [number for node in made for number in givers.get(node, ()) if number in left]
        order.append(following[0] if following else next(iter(left)))
        del left[order[-1]]
    return order


def _equation(effect: Given, labels: Sequence[str]) -> str:
    sides = [
        " + ".join(
            labels[node] if abs(n) == 1 else f"{abs(n)} {labels[node]}" for node, n in effect.items() if n * s > 0
        )
        for s in (-1, 1)
    ]
    return " -> ".join(side or "nothing" for side in sides)
