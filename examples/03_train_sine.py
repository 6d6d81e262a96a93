"""Train a network of enzymes to be sin(x), for a few steps only, and look at what it has learned.

What one learns: how to fit data from Python, what the result says, and how it does between the points of training.
`crncompile train models/sine_enzymes.tnet --data examples/sine.csv` does it in full.
"""

from pathlib import Path

import numpy as np

import crncompile

here = Path(__file__).parent
x, y = np.loadtxt(here / "sine.csv", delimiter=",", skiprows=1, unpack=True)
net = crncompile.load(here.parent / "models" / "sine_enzymes.tnet")

fit = net.fit(x, y, seed=0, starts=1, trial=30, iterations=1)
print(
    f"{fit.optimizer}: loss {fit.history[0]:.3g} -> {fit.loss:.3g} after {len(fit.history)} evaluations, {fit.message}"
)

between = (x[1:] + x[:-1]) / 2
solution = net.solve(x=between, raw=True, parameters=fit.parameters).raise_for_failure()
print(f"mean squared error between the points: {np.mean((solution.readouts['sin_x'] - np.sin(between)) ** 2):.3g}")
print("readout gain and offset:", float(fit.parameters["gain"]), float(fit.parameters["offset"]))
