"""Solve an untrained network and read the certificate that comes with each answer, then differentiate it.

What one learns: what is known about a steady state, how a network says that it oscillates, how to get exact gradients.
"""

from pathlib import Path

import numpy as np

import crncompile

BRUSSELATOR = """
network brusselator "Prigogine and Lefever 1968"
temperature 298.15 K
volume 1 uL
reservoir A = fixed(at = 1 mM)
reservoir B = input(range = [1 mM, 4 mM])
reservoir D = fixed(at = 1 nM)
reservoir E = fixed(at = 1 nM)
reservoir X = floating(start = 1 mM)
reservoir Y = output(start = 1 mM)
reaction feed:    A <-> X         = mass_action(k = 1 s^-1, K_eq = 1e6)
reaction grow:    2 X + Y <-> 3 X = mass_action(k = 1 mM^-2/s, K_eq = 1e6)
reaction convert: B + X <-> Y + D = mass_action(k = 1 mM^-1/s, K_eq = 1e6)
reaction drain:   X => E          = mass_action(k = 1 s^-1)
readout inhibitor = Y / 1 mM
"""

for message in crncompile.loads(BRUSSELATOR).solve(B=[1.5, 3.0]).certificate.messages:  # the Hopf point is at 2 mM
    print("brusselator:", message or "settles")

net = crncompile.load(Path(__file__).parents[1] / "models" / "sine_enzymes.tnet")
solution = net.solve(x=np.linspace(0, 2 * np.pi, 5), raw=True, eigenvalues=True)
print(net)
print(solution.certificate.summary())
print("slowest relaxation:", np.round(-1 / solution.certificate.eigenvalue.real), "s")
gradient, _ = net.gradient(solution, {"sin_x": np.ones(5)})
print("five most sensitive K_I:", np.argsort(-np.abs(gradient["a.K_I"]))[:5] + 1)
