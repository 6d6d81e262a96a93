"""Settings of an optimiser: what each means, what it is unless stated, and which values make sense."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from crncompile.errors import ArgumentError, which_of

Value = float | str


@dataclass(frozen=True)
class Setting:
    """One setting; ``what`` says in words what it does.

    Numbers are at least ``lowest`` (``positive``: above zero), less than ``below`` and ``whole`` or not; or one of some
    numbers, ``allowed``; or it is one of some ``words``.
    """

    default: Value
    what: str
    lowest: float = -math.inf
    positive: bool = False
    below: float = math.inf
    whole: bool = False
    words: tuple[str, ...] = ()
    allowed: tuple[float, ...] = ()

    def sensible(self, name: str, value: Value) -> Value:
        """Return a value that makes sense; raises ArgumentError where it makes none."""
        if self.words:
            if value not in self.words:
                raise ArgumentError(f"{name} must be {' or '.join(self.words)}, not {_shown(value)}")
            return value
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if math.isnan(number):
            raise ArgumentError(f"{name} must be a number, not {value}")
        self._check(name, number, _shown(value))
        return number

    def _check(self, name: str, number: float, value: str) -> None:
        if self.allowed and number not in self.allowed:
            most = " or ".join(f"{n:g}" for n in self.allowed if n)
            raise ArgumentError(f"{name} must be {most} (or 0: what suits the network), not {value}")
        if self.positive and not 0 < number < math.inf:
            raise ArgumentError(f"{name} must be positive, and finite, not {value}")
        if self.lowest > -math.inf and not self.lowest <= number < math.inf:
            raise ArgumentError(f"{name} must be at least {self.lowest:g}, and finite, not {value}")
        if number >= self.below:
            raise ArgumentError(f"{name} must be below {self.below:g}, not {value}")
        if self.whole and number != math.floor(number):
            raise ArgumentError(f"{name} must be a whole number, not {value}")


def _shown(value: Value) -> str:
    return str(value).removesuffix(".0")


def count(default: int, what: str) -> Setting:
    """Return a setting that is a whole number from 1."""
    return Setting(default, what, lowest=1, whole=True)


TARGET = Setting(0.0, "training ends where the loss is below this")
HELD_BACK: dict[str, Setting] = {
    "validation": Setting(0.0, "share (below 1) or number of samples held back, by which the best is chosen", lowest=0),
    "patience": Setting(0, "stop after so many epochs without a better validation; 0: never", lowest=0, whole=True),
}


def chosen(optimizer: str, known: Mapping[str, Setting], given: Mapping[str, Value]) -> dict[str, Value]:
    """Return all settings: those given, else as they are by themselves.

    Raises ArgumentError for settings that the optimiser does not have, or values that make no sense.
    """
    result = {name: setting.default for name, setting in known.items()}
    for name, value in given.items():
        result[name] = sensible(optimizer, known, name, value)
    check_patience(result)
    return result


def sensible(optimizer: str, known: Mapping[str, Setting], name: str, value: Value) -> Value:
    """Return the value of one setting; raises ArgumentError where there is none such, or the value makes no sense."""
    if name not in known:
        raise ArgumentError(f"{optimizer} has no setting {name}; {which_of(name, known)}")
    return known[name].sensible(name, value)


def check_patience(settings: Mapping[str, Value]) -> None:
    """Raise ArgumentError where the settings say how long to wait, but not by which samples to judge."""
    if settings.get("patience") and not settings.get("validation"):
        raise ArgumentError("patience counts epochs without a better validation: set validation too, such as 0.1")
