"""A closed network keeps its molecules: their total decides the steady state; no enzyme can move an equilibrium.

What one learns: conserved totals are found and named by the compiler, are editable, and stand in the certificate.
"""

import numpy as np

import crncompile

MODEL = """
network closed "A, B and C exchange molecules among themselves; an effector locks one enzyme"
temperature 310.15 K
volume 1 nL
reservoir R = input(range = [0.01 mM, 10 mM])
reservoir A = floating(start = 1 mM)
reservoir B = floating(start = 0.1 mM)
reservoir C = output(start = 0.1 mM)
enzyme first: A -> B gate R = competitive_effector(
    total = 50 nM, k_cat = 100 s^-1, K_M = 0.2 mM, K_P = 1 mM, K_R = 0.1 mM, K_eq = 5)
enzyme second: B -> C = michaelis_menten(total = 50 nM, k_cat = 100 s^-1, K_M = 0.2 mM, K_P = 1 mM, K_eq = 2)
readout product = C / 1 mM
"""

net = crncompile.loads(MODEL)
(law,) = net.functions.structure.conserved_names
solution = net.solve(R=[0.01, 1.0, 10.0])
print(f"conserved: {law} =", solution.certificate.totals[0, 0], "molecules")
print(
    "C for three concentrations of the effector:", solution.readouts["product"], "mM: a catalyst moves no equilibrium"
)
print("by hand: 1.2 mM * 10 / (1 + 5 + 10) =", 1.2 * 10 / 16)

twice = net.solve(R=1.0, totals={law: 2 * solution.certificate.totals[0, 0]})
print("with twice as many molecules:", float(twice.readouts["product"]), "mM")
print("B / A and C / B:", np.round([twice.values["B"] / twice.values["A"], twice.values["C"] / twice.values["B"]], 12))
