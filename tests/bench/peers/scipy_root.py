"""scipy's root over a lambdified sympy system with its symbolic Jacobian, an expression for each reservoir."""

import numpy as np
import sympy
from scipy.optimize import root

from tests.bench.peers.protocol import Clock
from tests.bench.peers.sbml import LAW, Keq, Ki, Km, Kp, P, S, Vmax


class Peer:
    """See `protocol.Peer`."""

    title = "scipy root, lambdified sympy"

    def prepare(self, case):
        clock = Clock()
        inputs = sympy.symbols(f"x:{case.layers[0]}")
        states = sympy.symbols(f"s:{len(case.k)}")
        rates = _rates(case, inputs, states)
        jacobian = sympy.Matrix(rates).jacobian(states)
        self.rates = sympy.lambdify((states, inputs), rates, "numpy", cse=True)
        self.jacobian = sympy.lambdify((states, inputs), jacobian, "numpy", cse=True)
        self.start = np.full(len(states), case.start)
        self.solve(case.u[:1])
        return clock.seconds()

    def solve(self, batch):
        return np.array([root(self.rates, self.start, (inputs,), jac=self.jacobian, tol=1e-12).x for inputs in batch])


def _rates(case, inputs, states):
    hidden = case.layers[1]
    rates = [-float(k) * (s - case.low) for k, s in zip(case.k, states, strict=True)]
    for layer, sources, targets, places in (
        (case.first, inputs, states[:hidden], (None, 0)),
        (case.second, states[:hidden], states[hidden:], (0, hidden)),
    ):
        for i, source in enumerate(sources):
            for j, target in enumerate(targets):
                own = {symbol: float(getattr(layer, symbol.name)[i, j]) for symbol in (Vmax, Km, Kp, Keq, Ki)}
                law = LAW.xreplace({**own, S: source, P: target})
                rates[places[1] + j] += law
                if places[0] is not None:
                    rates[places[0] + i] -= law
    return rates
