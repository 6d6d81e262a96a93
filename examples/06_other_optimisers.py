"""Train a network with an optimiser of scipy instead of the ones that come with the compiler.

What one learns: the loss as a function of one free vector, its exact gradient, and the way back to parameters. Bounds
of the model hold for every free vector, so that the optimiser needs none.
"""

from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import crncompile

here = Path(__file__).parent
x, y = np.loadtxt(here / "sine.csv", delimiter=",", skiprows=1, unpack=True)
small = (here.parent / "models" / "sine_dots.tnet").read_text(encoding="utf-8").replace("1..16", "1..4")
net = crncompile.loads(small)
f = net.loss_and_grad(x[::10], y[::10], seed=0)

loss, gradient = f(f.start)
step = 1e-6 * gradient / np.linalg.norm(gradient)
slope = (f(f.start + step)[0] - f(f.start - step)[0]) / 2e-6
print(f"{f.packing.size} free variables; slope {np.linalg.norm(gradient):.6g}, by finite differences {slope:.6g}")

found = minimize(f, f.start, jac=True, method="L-BFGS-B", options={"maxiter": 60})
print(f"L-BFGS-B: loss {loss:.3g} -> {found.fun:.3g} after {found.nfev} evaluations")

parameters = f.parameters(found.x)
solution = net.solve(x=x, raw=True, parameters=parameters).raise_for_failure()
print(f"mean squared error on all points: {np.mean((solution.readouts['sin_x'] - y) ** 2):.3g}")
