"""Small random networks of both platforms, and what flows in them by plain loops over single devices.

A pool of families covers what the text generators tell apart: whole axes, transposed ones, filters, shifts, single
elements, gates, scalars, shared parameters and expressions of them. A network is a random part of a pool.
"""

from dataclasses import dataclass

import numpy as np

N_A = 6.02214076e23
THREE, J, K = range(1, 4), range(1, 5), range(1, 3)


@dataclass(frozen=True)
class Pool:
    """A head of a model, and its families: (text, {device index: terminals' labels}, law)."""

    head: str
    families: tuple
    readouts: str


def fermi(x):
    return 1 / (1 + np.exp(x))


def resonant(mu, p):
    left, right = mu
    GL, GR = p["gamma_left"], p["gamma_right"]
    rate = GL * GR / (GL + GR) * (fermi(p["level"] - left) - fermi(p["level"] - right))
    return np.array([-rate, rate])


def gated(mu, p):
    left, right, gate = mu
    level = p["level"] + p["lever"] * gate
    return np.array([*resonant((left, right), {**p, "level": level}), 0.0])


def michaelis(c, p):
    s, product = c
    rate = p["total"] * p["k_cat"] / p["K_M"] * (s - product / p["K_eq"])
    rate /= 1 + s / p["K_M"] + product / p["K_P"]
    return N_A * p["volume"] * np.array([-rate, rate])


def reaction(left, right, reversible=True):
    """Mass action with stoichiometric coefficients on both sides, one entry per terminal."""

    def law(c, p):
        forward = p["k"] * np.prod([x**n for x, n in zip(c, left, strict=True)])
        backward = p["k"] / p["K_eq"] * np.prod([x**n for x, n in zip(c, right, strict=True)]) if reversible else 0.0
        return N_A * p["volume"] * (forward - backward) * (np.array(right) - np.array(left))

    return law


DOT = "gamma_left = train loguniform(0.2 GHz, 2 GHz), gamma_right = 1 GHz"
CHARGE = Pool(
    """network random
temperature 100 mK
index i = 1..3
index j = 1..4
index k = 1..2
parameter G = train 0.7 GHz
parameter L[j] = train normal(0 kT, 1 kT)
parameter M[k, j] = train normal(0 kT, 1 kT)
parameter at = train -1.5 kT
reservoir x = input(range = [-3 kT, 3 kT])
reservoir z[i] = input(range = [-3 kT, 3 kT])
reservoir low = fixed(at = 2 * at + 1 kT)
reservoir top[j] = fixed(at = L[j] + 2 kT)
reservoir h[j] = floating(capacitance = 1 pF, start = L[j])
reservoir g[j, k] = floating(capacitance = train 2 pF, start = M[k, j] + 1 kT)
reservoir y = output(capacitance = 3 pF, start = 0.25 kT)
""",
    (
        (f"dot a[j]: x -> h[j] = resonant_dot({DOT}, level = L[j])", {(j,): ("x", f"h[{j}]") for j in J}, resonant),
        (
            f"dot b[i, j]: z[i] -> h[j] = resonant_dot({DOT}, level = train normal(0 kT, 1 kT))",
            {(i, j): (f"z[{i}]", f"h[{j}]") for i in THREE for j in J},
            resonant,
        ),
        (
            f"dot c[j where j < 4]: h[j] -> h[j + 1] = resonant_dot({DOT}, level = L[j] + L[j + 1])",
            {(j,): (f"h[{j}]", f"h[{j + 1}]") for j in J if j < 4},
            resonant,
        ),
        (
            f"dot d[j, k]: h[j] -> g[j, k] = resonant_dot({DOT}, level = M[k, j])",
            {(j, k): (f"h[{j}]", f"g[{j}, {k}]") for j in J for k in K},
            resonant,
        ),
        (
            "dot e[k, j]: g[j, k] -> y = "
            "resonant_dot(gamma_left = G, gamma_right = 2 * G, level = 0.5 * M[k, j] - 1 kT)",
            {(k, j): (f"g[{j}, {k}]", "y") for k in K for j in J},
            resonant,
        ),
        (
            f"dot f[i, j where i < j]: z[i] -> g[j, 2] = resonant_dot({DOT}, level = L[i])",
            {(i, j): (f"z[{i}]", f"g[{j}, 2]") for i in THREE for j in J if i < j},
            resonant,
        ),
        (f"dot m: h[2] -> y = resonant_dot({DOT}, level = train 0.3 kT)", {(): ("h[2]", "y")}, resonant),
        (
            f"dot n[j]: h[j] -> low gate g[j, 1] = gated_dot({DOT}, level = L[j], lever = 0.4)",
            {(j,): (f"h[{j}]", "low", f"g[{j}, 1]") for j in J},
            gated,
        ),
        (
            f"dot o[j, k]: g[j, k] -> top[j] gate y = gated_dot({DOT}, level = 0 kT)",
            {(j, k): (f"g[{j}, {k}]", f"top[{j}]", "y") for j in J for k in K},
            gated,
        ),
        (
            f"dot q[j where 1 < j]: h[j] -> h[1] gate h[5 - j] = gated_dot({DOT}, level = 0 kT)",
            {(j,): (f"h[{j}]", "h[1]", f"h[{5 - j}]") for j in J if j > 1},
            gated,
        ),
        (f"dot r: x -> y = resonant_dot({DOT}, level = at)", {(): ("x", "y")}, resonant),
        (
            f"dot s[j, k where j < 4]: g[j, k] -> g[j + 1, k] = resonant_dot({DOT}, level = 0 kT)",
            {(j, k): (f"g[{j}, {k}]", f"g[{j + 1}, {k}]") for j in J if j < 4 for k in K},
            resonant,
        ),
    ),
    """
parameter gain = train 0.5 kT^-1
parameter weight[j] = train uniform(0.5, 2)
readout first = gain * (y - x) + weight[2]
readout each[j] = weight[j] * h[j] / 1 kT - gain * low
readout matrix[j, k] = g[j, k] / (1 kT + g[j, k]^2 / 1 kT) + tanh(h[j] / 1 kT)
""",
)

MM = "total = train lognormal(1 uM, 0.3), k_cat = 100 s^-1, K_M = K, K_P = 2 * K, K_eq = 10"
MOLECULES = Pool(
    """network random
temperature 300 K
volume 2 nL
index i = 1..3
index j = 1..4
index k = 1..2
parameter K = train 1 mM
parameter S[j] = train lognormal(1 mM, 0.2)
parameter V = train 3 nL
reservoir x = input(range = [0.1 mM, 2 mM])
reservoir z[i] = input(range = [0.1 mM, 2 mM])
reservoir waste = fixed(at = train 0.01 mM)
reservoir top[j] = fixed(at = 2 * S[j])
reservoir h[j] = floating(start = S[j], volume = V)
reservoir g[j, k] = floating(start = 0.5 mM)
reservoir y = output(start = 0.25 mM)
""",
    (
        (
            f"enzyme a[i, j]: z[i] -> h[j] = michaelis_menten({MM})",
            {(i, j): (f"z[{i}]", f"h[{j}]") for i in THREE for j in J},
            michaelis,
        ),
        (
            f"enzyme b[k, j]: g[j, k] -> y = michaelis_menten({MM})",
            {(k, j): (f"g[{j}, {k}]", "y") for k in K for j in J},
            michaelis,
        ),
        (f"enzyme c: x -> h[3] = michaelis_menten({MM})", {(): ("x", "h[3]")}, michaelis),
        (
            "reaction d[j]: h[j] <-> waste = mass_action(k = train 1 s^-1, K_eq = 2)",
            {(j,): (f"h[{j}]", "waste") for j in J},
            reaction((1, 0), (0, 1)),
        ),
        (
            "reaction e[j, k]: 2 h[j] + x <-> g[j, k] = mass_action(k = train 1 mM^-2/s, K_eq = 2 mM^-2)",
            {(j, k): (f"h[{j}]", "x", f"g[{j}, {k}]") for j in J for k in K},
            reaction((2, 1, 0), (0, 0, 1)),
        ),
        (
            "reaction f[j where j < 4]: h[j] + h[j + 1] <-> 2 y + g[j, 1] = mass_action(k = 1 mM^-1/s, K_eq = 3 mM)",
            {(j,): (f"h[{j}]", f"h[{j + 1}]", "y", f"g[{j}, 1]") for j in J if j < 4},
            reaction((1, 1, 0, 0), (0, 0, 2, 1)),
        ),
        (
            "reaction m: 2 y => waste = mass_action(k = 1 mM^-1/s)",
            {(): ("y", "waste")},
            reaction((2, 0), (0, 1), False),
        ),
        (
            "reaction n[j, k]: g[j, k] <-> top[j] = mass_action(k = 0.5 s^-1, K_eq = train 1)",
            {(j, k): (f"g[{j}, {k}]", f"top[{j}]") for j in J for k in K},
            reaction((1, 0), (0, 1)),
        ),
        (
            "reaction o: 2 y + x <-> 3 y = mass_action(k = 1 mM^-2/s, K_eq = 4)",
            {(): ("y", "x")},
            reaction((2, 1), (3, 0)),
        ),
    ),
    """
parameter gain = train 0.5
readout first = gain * y / x
readout each[j] = ln(h[j] / 1 mM) - gain * waste / 1 mM
classify digit[j] = gain * ln((g[j, 1] + K) / g[j, 2])
""",
)


# What stands in the text of a family for a parameter that is not its own: a function of all parameters and its indices.
CHARGE_SHARED = {
    "a": {"level": lambda v, j: v["L"][j - 1]},
    "c": {"level": lambda v, j: v["L"][j - 1] + v["L"][j]},
    "d": {"level": lambda v, j, k: v["M"][k - 1, j - 1]},
    "e": {
        "gamma_left": lambda v, k, j: v["G"],
        "gamma_right": lambda v, k, j: 2 * v["G"],
        "level": lambda v, k, j: 0.5 * v["M"][k - 1, j - 1] - 1,
    },
    "f": {"level": lambda v, i, j: v["L"][i - 1]},
    "n": {"level": lambda v, j: v["L"][j - 1]},
    "r": {"level": lambda v: v["at"]},
}
MOLECULES_SHARED = {
    "a": {"K_M": lambda v, *_: v["K"], "K_P": lambda v, *_: 2 * v["K"]},
    "b": {"K_M": lambda v, *_: v["K"], "K_P": lambda v, *_: 2 * v["K"]},
    "c": {"K_M": lambda v, *_: v["K"], "K_P": lambda v, *_: 2 * v["K"]},
}


@dataclass(frozen=True)
class Case:
    """A network's text and its families (name, devices, law)."""

    text: str
    families: list
    shared: dict

    def currents(self, mu, parameters):
        """Net currents into all reservoirs at these mu or c, by label, and the sums of their absolute values."""
        net, gross = dict.fromkeys(mu, 0.0), dict.fromkeys(mu, 0.0)
        for name, devices, law in self.families:
            for number, (index, ports) in enumerate(devices.items()):
                values = self._values(name, number, index, parameters)
                for label, current in zip(ports, law([mu[label] for label in ports], values), strict=True):
                    net[label] += current
                    gross[label] += abs(current)
        return net, gross

    def _values(self, name, number, index, parameters):
        values = {"volume": parameters.get("volume")}
        for key, value in parameters.items():
            if key.startswith(f"{name}."):
                values[key.split(".")[1]] = value.ravel()[number] if value.size > 1 else value.item()
        return values | {key: rule(parameters, *index) for key, rule in self.shared.get(name, {}).items()}


def random_network(pool, seed):
    """Take a random part of a pool's families, such that the output is reached."""
    rng = np.random.default_rng(seed)
    reached = [
        n for n, (_, devices, _) in enumerate(pool.families) if any("y" in ports[:2] for ports in devices.values())
    ]
    count = int(rng.integers(1, len(pool.families) + 1))
    chosen = {int(rng.choice(reached)), *rng.choice(len(pool.families), count, replace=False).tolist()}
    families = [pool.families[n] for n in sorted(chosen)]
    lines = [text for text, _, _ in families]
    named = [(text.split()[1].split("[")[0].rstrip(":"), devices, law) for text, devices, law in families]
    shared = CHARGE_SHARED if pool is CHARGE else MOLECULES_SHARED
    return Case(pool.head + "\n".join(lines) + pool.readouts, named, shared)
