"""Small networks of which the tests of estimators and layers make use."""

DOTS = """
network small
temperature 100 mK
index j = 1..2
reservoir x    = input(range = [-3 kT, 3 kT], data = [0, 1])
reservoir h[j] = floating(capacitance = 10 pF)
reservoir y    = output(capacitance = 10 pF)
reservoir low  = fixed(at = -2 kT)
parameter gain = train 1
dot a[j]: x -> h[j] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = train normal(0 kT, 2 kT))
dot b[j]: h[j] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = train normal(0 kT, 2 kT))
dot c: y -> low = resonant_dot(gamma_left = train 1 GHz in [0.1 GHz, 3 GHz], gamma_right = 1 GHz, level = 0 kT)
readout r = gain * y / 1 kT
"""
ENZYMES = """
network classes
temperature 310.15 K
volume 1 nL
index i = 1..2
index rail = 1..2
index k = 1..2
reservoir x[i, rail] = input(range = [0.1 mM, 2 mM], data = [0, 1], encoding = dual)
reservoir z          = input(range = [0.1 mM, 2 mM], data = [-1, 1], encoding = log)
reservoir y[k] = output(start = 1 mM)
reservoir low  = fixed(at = 1 uM)
enzyme a[i, rail, k]: x[i, rail] -> y[k] = michaelis_menten(
    total = train lognormal(20 nM, 0.5), k_cat = 100 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 1000)
enzyme b[k]: z -> y[k] = michaelis_menten(
    total = train lognormal(20 nM, 0.5), k_cat = 100 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 1000)
reaction drain[k]: y[k] <-> low = mass_action(k = train lognormal(1e-3 s^-1, 0.5), K_eq = 1)
parameter scale = train 2
classify c[k] = scale * ln(y[k] / 1 mM)
"""
"""Inputs of all encodings of molecules."""
