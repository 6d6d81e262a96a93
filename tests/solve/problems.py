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


def all_pairs(rng, floating, fixed, per_pair):
    """Ends of devices between all pairs but the fixed ones, in random directions."""
    pairs = [(i, j) for i in range(floating) for j in range(i + 1, floating + fixed) for _ in range(per_pair)]
    return np.array([pair if rng.random() < 0.5 else pair[::-1] for pair in pairs])


def to_fixed(floating, fixed):
    """Ends of one device from each floating reservoir to a fixed one."""
    return np.array([(i, floating + i % fixed) for i in range(floating)])


def drawn(rng, networks, fixed, floating, bias, reach):
    """Held potentials with the network's number, and starts."""
    held = np.column_stack([rng.uniform(-bias, bias, (networks, fixed)), np.arange(networks)])
    return held, rng.uniform(-reach, reach, (networks, floating))


def double_dots(networks, seed, per_pair=2, spread=2.5):
    """The hard family: double dots between all pairs, resonances 0.1 to 0.2 kT wide, rates over orders of magnitude."""
    rng = np.random.default_rng(seed)
    ends = all_pairs(rng, 6, 3, per_pair)
    shape = (networks, len(ends))
    width, strength = rng.uniform(0.1, 0.2, shape), np.exp(rng.normal(0, spread, shape))
    parameters = {
        "level": rng.normal(0, 1, shape),
        "detuning": rng.uniform(-2, 0, shape),
        "lever": np.full(shape, 0.5),
        "coupling": np.sqrt(strength * width) / 2,
        "width": width,
        "left": 10 * strength,
        "right": 10 * strength,
    }
    size = 500 * np.exp(rng.normal(0, 1, (1, 6)))
    return Network(one_group(6, 3), (Edges(double_dot, ends, parameters),), size), *drawn(rng, networks, 3, 6, 6, 1)


def resonant_dots(networks, seed):
    """Without NDC, hence unique."""
    rng = np.random.default_rng(seed)
    ends = all_pairs(rng, 6, 3, 2)
    shape = (networks, len(ends))
    parameters = {"gamma": np.exp(rng.normal(0, 2, shape)), "level": rng.normal(0, 3, shape)}
    size = 500 * np.exp(rng.normal(0, 1, (1, 6)))
    network = Network(one_group(6, 3, "no NDC"), (Edges(resonant_dot, ends, parameters),), size)
    return network, *drawn(rng, networks, 3, 6, 6, 4)


def enzymes(networks, seed, inhibited=0.5):
    """Michaelis-Menten enzymes, some of them inhibited by their substrate, and a leak from every reservoir."""
    rng = np.random.default_rng(seed)
    ends, leaks = all_pairs(rng, 6, 3, 2), to_fixed(6, 3)
    shape = (networks, len(ends))
    parameters = {
        "rate": np.exp(rng.normal(0, 2.5, shape)),
        "K": np.exp(rng.normal(0, 1, shape)),
        "K_eq": np.exp(rng.uniform(0, 6, shape)),
        "inhibition": np.exp(rng.normal(4, 2, shape)) * (rng.random(shape) < inhibited),
    }
    leak = {"k": 0.3 * np.exp(rng.normal(0, 1, (networks, 6))), "K_eq": np.ones((networks, 6))}
    families = (Edges(michaelis_menten, ends, parameters), Edges(mass_action, leaks, leak))
    size = 500 * np.exp(rng.normal(0, 1, (1, 6)))
    structure = one_group(6, 3, "" if inhibited else "no NDC")
    return Network(structure, families, size, molecules=True), *drawn(rng, networks, 3, 6, 3, 2)


def gated_networks(networks, seed):
    """Conductances opened and closed by each other's reservoirs: cyclic gating, which may oscillate."""
    rng = np.random.default_rng(seed)
    ends = np.array([(6 + rng.integers(3), i, rng.integers(6)) for i in range(6) for _ in range(4)])
    shape = (networks, len(ends))
    parameters = {
        "g": np.exp(rng.normal(0, 2, shape)),
        "slope": 6 * rng.choice([-1, 1], shape) * rng.uniform(0.5, 2, shape),
        "level": rng.normal(0, 1, shape),
    }
    leak = Edges(conductor, to_fixed(6, 3), {"g": np.full((networks, 6), 0.1)})
    size = 500 * np.exp(rng.normal(0, 1, (1, 6)))
    return Network(one_group(6, 3), (Edges(gated, ends, parameters), leak), size), *drawn(rng, networks, 3, 6, 4, 3)


def chain(n, closed=False, unique=""):
    """Unit conductors in a row; open ones between two held reservoirs."""
    inner = [(i, i + 1) for i in range(n - 1)]
    ends = np.array(inner if closed else [*inner, (n, 0), (n - 1, n + 1)])
    structure = one_group(n, 0 if closed else 2, unique, [np.ones(n)] if closed else ())
    return Network(structure, (Edges(conductor, ends, {"g": np.ones((1, len(ends)))}),), np.arange(1.0, n + 1)[None])


@dataclass(frozen=True, eq=False)
class Written:
    """Functions of signed terms (batch, terms, n) written out; the Jacobian by complex step."""

    structure: Structure
    terms: Callable  # (u, held) -> (batch, terms, n)
    molecules: bool = False

    def currents(self, u, held, parameters):
        return self.terms(u, held).sum(axis=1)

    def gross(self, u, held, parameters):
        return np.abs(self.terms(u, held)).sum(axis=1)

    def linearise(self, u, held, parameters):
        steps = STEP * 1j * np.eye(u.shape[1])
        columns = [self.currents(np.real(u) + step, held, parameters).imag / STEP for step in steps]
        return self.currents(u, held, parameters), cut(self.structure, np.stack(columns, axis=2))

    def content(self, u, parameters):
        return np.exp(u) if self.molecules else u

    def capacity(self, u, parameters):
        return np.exp(u) if self.molecules else np.ones_like(u)


def bistable():
    """dh/dt = sigma(3 h)(4 - h) + 0.3 (-4 - h): steady at -4.00, -0.37 (unstable) and 2.15."""

    def terms(u, held):
        opening = logistic(3 * u)
        return np.stack([opening * 4, -opening * u, 0.3 * (-4 - u)], axis=1)

    return Written(one_group(1, 0), terms)


def brusselator():
    """Prigogine and Lefever 1968 with A = 1 and B held: Hopf bifurcation at B = 2."""

    def terms(u, held):
        x, y, b = np.exp(u[:, 0]), np.exp(u[:, 1]), held[:, 0]
        zero = 0 * x
        steps = [(1 - 1e-6 * x, zero), (x * x * y, -x * x * y), (-b * x, b * x), (-x, zero), (zero, -1e-9 * y)]
        return np.stack([np.stack(step, axis=1) for step in steps], axis=1)

    return Written(one_group(2, 0), terms, molecules=True)


def source_without_drain():
    """Molecules that come in steadily and never leave."""
    return Written(one_group(1, 0), lambda u, held: np.ones_like(u)[:, None, :], molecules=True)
