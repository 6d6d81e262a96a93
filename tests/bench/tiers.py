"""Measure one network in its tier and elementwise: python tiers.py separable|low_rank SAMPLES; prints lines of JSON."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from crncompile.solve.equations import Equations
from crncompile.solve.newton import polish

TEXT = """
network gated "784-100-10, channels opened by the layer before"
temperature 300 K
index i = 1..784
index j = 1..100
index k = 1..10
reservoir x[i] = input(range = [-2 kT, 2 kT], data = [0, 255])
reservoir high = fixed(at = 4 kT)
reservoir low = fixed(at = -4 kT)
reservoir h[j] = floating(capacitance = 1 pF)
reservoir y[k] = output(capacitance = 1 pF)
dot up1[i, j]: high -> h[j] gate x[i] = gated_conductance(conductance = train lognormal(1 uS, 0.5))
dot down1[i, j]: h[j] -> low gate x[i] = gated_conductance(conductance = train lognormal(1 uS, 0.5))
dot up2[j, k]: high -> y[k] gate h[j] = gated_conductance(conductance = train lognormal(1 uS, 0.5))
dot down2[j, k]: y[k] -> low gate h[j] = gated_conductance(conductance = train lognormal(1 uS, 0.5))
classify digit[k] = 3 * y[k] / 1 kT
"""


def median(function, times=5):
    """Median seconds of a call."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        function()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def measure(network, batch):
    """Milliseconds for each sample: of a solve, its linearisation alone, its gradient; and the answers.

    Those of interpolated families are finished by the law itself; ``certify`` is one linearisation by it with the scale
    of the residuals, ``prepare`` what new parameters cost before the first sample.
    """
    rng = np.random.default_rng(0)
    values = network.parameters(seed=0)
    held, _ = network.held({"x": 255 * rng.random((batch, 784)) * (rng.random((batch, 784)) < 0.2)}, values, raw=True)
    found = network.solve_held(held, values).raise_for_failure()
    weights = {"digit": rng.normal(size=(batch, 10))}
    prepared = network.functions.prepare(values)
    settled = network.functions.settle(held, prepared)
    exact, states = network.functions.exact, found.u
    if exact is not network.functions:
        lawful = exact.prepare(values)
        fixed = exact.settle(held, lawful)
        states = polish(Equations.of(exact, lawful, fixed, found.u, None), found.u, 3).u
    seconds = {
        "solve": median(lambda: network.solve_held(held, values)),
        "linearise": median(lambda: network.functions.linearise(found.u, settled, prepared)),
        "settle": median(lambda: network.functions.settle(held, prepared)),
        "gradient": median(lambda: network.gradient(found, weights)),
    }
    if exact is not network.functions:
        certify = [lambda: exact.linearise(states, fixed, lawful), lambda: exact.gross(states, fixed, lawful)]
        seconds["certify"] = sum(median(function) for function in certify)
        seconds["prepare"] = median(lambda: network.functions.settle(held[:1], network.functions.prepare(values)))
    result = {f"ms_{name}": 1e3 * value / batch for name, value in seconds.items()}
    result["s_epoch_of_60000"] = 60 * (result["ms_solve"] + result["ms_gradient"])
    return states, {
        **result,
        "steps": float(found.certificate.iterations.mean()),
        "residual": float(found.certificate.residual.max()),
    }


def main():
    import crncompile
    from crncompile.program import tiers

    case, batch = sys.argv[1], int(sys.argv[2])
    text = TEXT if case == "separable" else Path(__file__).with_name("low_rank.tnet").read_text()
    states, taken = {}, {}
    for backend in ("numpy", "c"):
        for few, name in ((256, case), (10**9, "elementwise")):
            tiers.FEW = few
            network = crncompile.loads(text, backend=backend)
            states[backend, name], found = measure(network, batch)
            found["largest_difference"] = float(np.abs(states[backend, name] - states["numpy", case]).max())
            taken[backend, name] = found["ms_linearise"]
            if name == "elementwise":
                found["linearise_times_slower"] = found["ms_linearise"] / taken[backend, case]
            chosen = sorted({family.tier for family in network.program.families})
            print(json.dumps({"case": case, "backend": backend, "tiers": ", ".join(chosen), **found}), flush=True)


if __name__ == "__main__":
    main()
