"""crncompile on the layered enzymes, by the protocol of the peers: from text and arrays, with certificates."""

import time

import numpy as np

import crncompile

TEXT = """
network layered
temperature 300 K
volume 1 nL
index a = 1..{0}
index b = 1..{1}
index c = 1..{2}
reservoir x[a] = input(range = [0.1 mM, 2 mM])
reservoir h[b] = floating(start = 0.5 mM)
reservoir y[c] = output(start = 0.5 mM)
reservoir low  = fixed(at = 0.1 mM)
enzyme first[a, b]:  x[a] -> h[b] = substrate_inhibited(
    total = 1 mM, k_cat = 1 s^-1, K_M = 1 mM, K_P = 1 mM, K_I = 10 mM, K_eq = 2)
enzyme second[b, c]: h[b] -> y[c] = substrate_inhibited(
    total = 1 mM, k_cat = 1 s^-1, K_M = 1 mM, K_P = 1 mM, K_I = 10 mM, K_eq = 2)
reaction leak_h[b]: h[b] <-> low = mass_action(k = 1 s^-1, K_eq = 1)
reaction leak_y[c]: y[c] <-> low = mass_action(k = 1 s^-1, K_eq = 1)
readout out[c] = y[c] / 1 mM
"""
NAMES = {"total": ("Vmax", 1e-3), "K_M": ("Km", 1e-3), "K_P": ("Kp", 1e-3), "K_I": ("Ki", 1e-3), "K_eq": ("Keq", 1.0)}


class Ours:
    """crncompile by one backend; see `peers.protocol.Peer`. ``first`` is the time to the first certified state."""

    def __init__(self, backend):
        self.backend = backend
        self.title = f"crncompile {backend}"

    def prepare(self, case):
        values = parameters_of(case)
        began = time.perf_counter()
        self.network = crncompile.loads(TEXT.format(*case.layers), backend=self.backend)
        ready = time.perf_counter()
        self.values = self.network.prepared(values)
        self.network.solve(x=case.u[0], parameters=self.values).raise_for_failure()
        self.first = time.perf_counter() - began
        return ready - began

    def solve(self, batch):
        self.solution = self.network.solve(x=batch, parameters=self.values).raise_for_failure()
        values = self.solution.values
        return 1e3 * np.concatenate([values["h"], values["y"]], axis=1)

    def gradient(self):
        """The sum of all outputs of the last batch, differentiated by all parameters."""
        weights = {"out": np.ones(self.solution.readouts["out"].shape)}
        return self.network.gradient(self.solution, weights)


def parameters_of(case):
    """Arrays of a case, one value an enzyme, in M and 1/s."""
    hidden = case.layers[1]
    values = {
        f"{family}.{ours}": unit * getattr(layer, theirs)
        for family, layer in (("first", case.first), ("second", case.second))
        for ours, (theirs, unit) in NAMES.items()
    }
    return {**values, "leak_h.k": case.k[:hidden], "leak_y.k": case.k[hidden:]}
