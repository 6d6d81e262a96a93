"""Learning rules: how gradients are obtained. Each rule is one module of this folder, found by discovery.

A module states the mathematics and the source of its rule in its docstring and has ``RULES``, one `Rule` for each
variant. What a rule may use is an `Experiment`; only one that ``needs`` the ``model`` is given the compiled network.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any, Literal, Protocol

from crncompile.errors import ArgumentError, which_of

Needs = Literal["relaxations", "complex relaxations", "variations", "model"]


class Rule(Protocol):
    """One way to a gradient.

    Parameters
    ----------
    name
        As a user writes it.
    needs
        ``relaxations`` under injected currents (what a lab can do), ``complex relaxations``, ``variations`` of the
        parameters, or the ``model``.
    exact
        On which networks the gradient is exact where the nudge vanishes; empty where it is a random estimate.
    symmetric
        Whether that is only where every current depends on the bias alone, so that the Jacobian is symmetric.
    order
        Order in the nudge at which the error of the gradient falls on such networks; 0 where there is none.
    per_sample
        Whether least squares can use it: it gives the derivatives of each sample.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  (described above)
    @property
    def needs(self) -> Needs: ...  # noqa: D102
    @property
    def exact(self) -> str: ...  # noqa: D102
    @property
    def symmetric(self) -> bool: ...  # noqa: D102
    @property
    def order(self) -> int: ...  # noqa: D102
    @property
    def per_sample(self) -> bool: ...  # noqa: D102

    gradient: Any
    """``gradient(experiment)`` returns {parameter: (samples, *parameter)}; with the model, see `rules.adjoint`."""


@cache
def every() -> dict[str, Rule]:
    """All rules by name, in the order of their modules and of what these say."""
    found: dict[str, Rule] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        for rule in importlib.import_module(f"{__name__}.{module.name}").RULES:
            found[rule.name] = rule
    return found


def find(name: str) -> Rule:
    """Return a rule by name; raises DataError where there is none."""
    rules = every()
    if name not in rules:
        raise ArgumentError(f"there is no learning rule {name}; {which_of(name, rules)}")
    return rules[name]
