"""Measure one case of the layered enzymes: python layered.py A|B|C FOLDER_OF_THE_CASES; prints one line of JSON."""

import json
import sys
import time

import numpy as np
from scipy.optimize import root

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


def parameters_of(case):
    """Arrays of a case, one value an edge, in M and 1/s."""
    inputs, hidden, outputs = case["layers"]
    cut = inputs * hidden
    values = {}
    for ours, (theirs, unit) in NAMES.items():
        values[f"first.{ours}"] = unit * case[theirs][:cut].reshape(inputs, hidden)
        values[f"second.{ours}"] = unit * case[theirs][cut:].reshape(hidden, outputs)
    return {**values, "leak_h.k": case["k"][:hidden], "leak_y.k": case["k"][hidden:]}


def residual(case, s, u, S0):
    """ds/dt (floating,) written by hand, edge by edge, in mM/s."""
    whole = np.concatenate([u, s])
    source, target = whole[case["src"]], whole[case["dst"]]
    km = case["Km"]
    below = km * (1 + source / km + target / case["Kp"] + source**2 / (km * case["Ki"]))
    flow = case["Vmax"] * (source - target / case["Keq"]) / below
    change = np.bincount(case["dst"], flow, len(whole)) - np.bincount(case["src"], flow, len(whole))
    return change[len(u) :] - case["k"] * (s - S0)


def measure(name, cases):
    """Times in seconds and largest deviations in mM."""
    import crncompile
    import crncompile.compiler  # imports are not counted

    case = cases.make(name)
    values = parameters_of(case)
    began = time.perf_counter()
    net = crncompile.loads(TEXT.format(*case["layers"]))
    compiled = time.perf_counter()
    first = net.solve(x=case["u"][0], parameters=values).raise_for_failure()
    certified = time.perf_counter()
    batch = net.solve(x=case["u"], parameters=values).raise_for_failure()
    solved = time.perf_counter()
    states = 1e3 * np.concatenate([batch.values["h"], batch.values["y"]], axis=1)
    far = [np.abs(residual(case, s, u, cases.S0)).max() for s, u in zip(states, case["u"], strict=True)]
    apart = []
    for s, u in list(zip(states, case["u"], strict=True))[:2]:
        start = np.full(len(s), cases.START)
        found = root(lambda s, u=u: residual(case, s, u, cases.S0), start, tol=1e-13)
        apart.append(np.abs(found.x - s).max())
    return {
        "case": name,
        "edges": len(case["src"]),
        "compile_s": compiled - began,
        "first_state_s": certified - began,
        "ms_per_state": 1e3 * (solved - certified) / len(states),
        "steps": float(np.mean(batch.certificate.iterations)),
        "largest_residual": float(max(far)),
        "largest_difference": float(max(apart)),
        "first_certified": bool(~first.certificate.failed.any()),
        "how": sorted({str(how) for how in batch.certificate.how}),
    }


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[2])
    import layered_enzymes

    print(json.dumps(measure(sys.argv[1], layered_enzymes)))
