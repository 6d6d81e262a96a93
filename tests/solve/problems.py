"""Networks written by hand in plain numpy, independent of the compiler: derivatives by complex step.

The last held column is the number of the network, so that one batch can hold networks of different parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from crncompile.solve.problem import Structure

STEP = 1e-30


def logistic(a):
    """1/(1 + exp(-a)), of complex numbers too."""
    return 1 / (1 + np.exp(-np.where(np.abs(np.real(a)) < 300, a, 300 * np.sign(np.real(a)))))


@dataclass(frozen=True, eq=False)
class Edges:
    """Devices of one kind; ``ends`` (devices, terminals): from, to, gates; parameters are (networks, devices)."""

    law: Callable
    ends: np.ndarray
    parameters: dict


def resonant_dot(p, left, right):
    rate = p["gamma"]
    up_left, up_right = logistic(left - p["level"]), logistic(right - p["level"])
    return rate * up_left * (1 - up_right), rate * up_right * (1 - up_left)


def double_dot(p, left, right):
    one = p["level"] + p["detuning"] / 2 + p["lever"] * left
    two = p["level"] - p["detuning"] / 2 + p["lever"] * right
    hop = 2 * 2 * p["coupling"] ** 2 * p["width"] / (p["width"] ** 2 + (one - two) ** 2)
    k01, k10 = p["left"] * logistic(left - one), p["left"] * logistic(one - left)
    k12, k21 = hop * logistic(one - two), hop * logistic(two - one)
    k20, k02 = p["right"] * logistic(two - right), p["right"] * logistic(right - two)
    empty = k10 * k20 + k12 * k20 + k21 * k10
    first = k01 * k21 + k20 * k01 + k02 * k21
    second = k02 * k12 + k10 * k02 + k01 * k12
    states = empty + first + second
    return k01 * k12 * k20 / states, k10 * k21 * k02 / states


def michaelis_menten(p, source, target):
    s, t = np.exp(source), np.exp(target)
    bound = 1 + s / p["K"] + t / p["K"] + p["inhibition"] * s * s / p["K"]
    return p["rate"] * s / bound, p["rate"] * t / p["K_eq"] / bound


def conductor(p, left, right):
    return p["g"] * left, p["g"] * right


def gated(p, left, right, gate):
    opening = p["g"] * logistic(p["slope"] * (gate - p["level"]))
    return opening * left, opening * right


def mass_action(p, source, target):
    return p["k"] * np.exp(source), p["k"] / p["K_eq"] * np.exp(target)


@dataclass(frozen=True, eq=False)
class Network:
    """Functions of a network of two-terminal devices; charge (capacitance) or molecules (volume)."""

    structure: Structure
    families: tuple[Edges, ...]
    size: np.ndarray  # (networks, n): capacitance, or particles per mole per litre
    molecules: bool = False

    def _terms(self, u, held):
        """Yield source, target, forward, backward, and derivative of the net current by every terminal."""
        number = held[:, -1].astype(int)
        potentials = np.concatenate([u, held[:, :-1]], axis=1)
        for family in self.families:
            p = {name: values[number] for name, values in family.parameters.items()}
            at = [potentials[:, column] for column in family.ends.T]
            yield family, p, at

    def _scatter(self, u, family, forward, backward):
        n = u.shape[1]
        into, out = (family.ends[:, place, None] == np.arange(n) for place in (1, 0))
        return forward @ into.astype(float) + backward @ out.astype(float)

    def currents(self, u, held, parameters):
        total = 0
        for family, p, at in self._terms(u, held):
            forward, backward = family.law(p, *at)
            net = forward - backward
            total = total + self._scatter(u, family, net, -net)
        return total

    def gross(self, u, held, parameters):
        total = 0
        for family, p, at in self._terms(u, held):
            both = sum(np.abs(x) for x in family.law(p, *at))
            total = total + self._scatter(u, family, both, both)
        return total

    def dense_jacobian(self, u, held):
        n = u.shape[1]
        jacobian = np.zeros((len(u), n, n))
        for family, p, at in self._terms(u, held):
            into, out = (family.ends[:, place, None] == np.arange(n) for place in (1, 0))
            for terminal, reservoirs in enumerate(family.ends.T):
                moved = [x + STEP * 1j * (place == terminal) for place, x in enumerate(at)]
                forward, backward = family.law(p, *moved)
                slope = (forward - backward).imag / STEP
                column = (reservoirs[:, None] == np.arange(n)).astype(float)
                jacobian += ((into * 1.0 - out).T * slope[:, None, :]) @ column
        return jacobian

    def linearise(self, u, held, parameters):
        jacobian = self.dense_jacobian(np.real(u), held)
        return self.currents(u, held, parameters), cut(self.structure, jacobian)

    def content(self, u, parameters):
        size = self.size[0] if len(self.size) == 1 else self.size
        return size * (np.exp(u) if self.molecules else u)

    def capacity(self, u, parameters):
        size = self.size[0] if len(self.size) == 1 else self.size
        return size * np.exp(u) if self.molecules else size + 0 * u


def cut(structure, matrix):
    """Blocks of a dense matrix as the structure names them."""
    blocks = {}
    for (row, column), kind in structure.blocks.items():
        block = matrix[:, structure.slices[row], structure.slices[column]]
        blocks[row, column] = np.einsum("bii->bi", block).copy() if kind == "diagonal" else block.copy()
    return blocks


def one_group(n, held=1, unique="", conserved=()):
    """Structure with all floating reservoirs in one dense group."""
    weights = np.array(conserved, np.int64).reshape(-1, n)
    return Structure(
        tuple(f"h{i + 1}" for i in range(n)),
        (*(f"fixed{i + 1}" for i in range(held)), "number"),
        ("h",),
        (slice(0, n),),
        {(0, 0): "dense"},
        (0,),
        weights,
        tuple(f"component {i + 1}" for i in range(len(weights))),
        unique,
    )


def random_double_dots(networks, seed, per_pair=2, floating=6, fixed=3, narrowest=0.1):
    """The hard family: double dots between all pairs. Functions, held, start."""
    rng = np.random.default_rng(seed)
    pairs = [(i, j) for i in range(floating) for j in range(i + 1, floating + fixed) for _ in range(per_pair)]
    ends = np.array([pair if rng.random() < 0.5 else pair[::-1] for pair in pairs])
    shape = (networks, len(pairs))
    parameters = {
        "level": rng.normal(0, 1.5, shape),
        "detuning": rng.normal(0, 2, shape),
        "lever": np.full(shape, 0.5),
        "coupling": rng.uniform(0.1, 0.5, shape),
        "width": narrowest * 10 ** rng.uniform(0, 1, shape),
        "left": 10 ** rng.uniform(-1, 0, shape),
        "right": 10 ** rng.uniform(-1, 0, shape),
    }
    network = Network(one_group(floating, fixed), (Edges(double_dot, ends, parameters),), np.full((1, floating), 500.0))
    held = np.column_stack([rng.uniform(-4, 4, (networks, fixed)), np.arange(networks)])
    return network, held, rng.uniform(-1, 1, (networks, floating))
