"""The layered enzymes that every program is given, as dense arrays, and what an answer must fulfil.

Concentrations are in mM, times in s, as in ``shared/bench/layered_enzymes.py``, which makes the numbers.
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).parents[2]
SHARED = REPOSITORY.parent / "shared" / "bench" / "layered_enzymes.py"
NAMES = ("A", "B", "C")
TOLERANCE = 1e-10  # of ds/dt, where every program stops
CONSTANTS = ("Vmax", "Km", "Kp", "Keq", "Ki")


@dataclass(frozen=True, eq=False)
class Layer:
    """The constants of all enzymes between two layers, each (sources, targets)."""

    Vmax: np.ndarray
    Km: np.ndarray
    Kp: np.ndarray
    Keq: np.ndarray
    Ki: np.ndarray


@dataclass(frozen=True, eq=False)
class Case:
    """One network: inputs ``u`` (batch, inputs); ``k`` (floating,) the leaks to ``low``; ``start`` of every search."""

    name: str
    layers: tuple[int, int, int]
    first: Layer
    second: Layer
    k: np.ndarray
    u: np.ndarray
    low: float
    start: float

    @property
    def edges(self):
        inputs, hidden, outputs = self.layers
        return inputs * hidden + hidden * outputs


@cache
def shared():
    """The module that makes the cases; raises FileNotFoundError where the shared folder is missing."""
    if not SHARED.is_file():
        raise FileNotFoundError(f"{SHARED} is missing: the folder shared/ must stand beside this repository")
    spec = importlib.util.spec_from_file_location("layered_enzymes", SHARED)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of(layers, batch):
    """A network of the same kind with layers and a batch of any size."""
    shared().CASES["other"] = (layers, batch)
    return load("other")


def load(name):
    """A case by its name: A 1-8-1, B 64-32-10, C 784-100-10."""
    arrays = shared().make(name)
    inputs, hidden, outputs = layers = tuple(int(n) for n in arrays["layers"])
    cut = inputs * hidden
    first = Layer(*(arrays[c][:cut].reshape(inputs, hidden) for c in CONSTANTS))
    second = Layer(*(arrays[c][cut:].reshape(hidden, outputs) for c in CONSTANTS))
    return Case(name, layers, first, second, arrays["k"], arrays["u"], shared().S0, shared().START)


def flow(layer, source, target):
    """The current of every enzyme, (samples, sources, targets), as the rate law is written in textbooks."""
    s, p = source[:, :, None], target[:, None, :]
    return (
        layer.Vmax * (s - p / layer.Keq) / (layer.Km * (1 + s / layer.Km + p / layer.Kp + s**2 / (layer.Km * layer.Ki)))
    )


def change(case, states, u):
    """Return ds/dt (samples, floating), which every answer is tested with."""
    _, hidden, _ = case.layers
    found = np.empty_like(states)
    for n in range(len(states)):  # one sample at a time: the arrays of a large network stay small
        row = slice(n, n + 1)
        h, y = states[row, :hidden], states[row, hidden:]
        first, second = flow(case.first, u[row], h), flow(case.second, h, y)
        found[row, :hidden] = first.sum(axis=1) - second.sum(axis=2)
        found[row, hidden:] = second.sum(axis=1)
    return found - case.k * (states - case.low)
