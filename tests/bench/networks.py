"""Irregular networks of dots, of any size: a ring, a lattice, a random graph, a chain."""

import numpy as np

KINDS = ("chain", "ring", "lattice", "random")
HEAD = """network {kind} temperature 100 mK
{indices}
reservoir x = input(range = [-3 kT, 3 kT])
reservoir low = fixed(at = -1 kT)
reservoir h[{axes}] = floating(capacitance = 10 pF)
dot first: x -> h[{one}] = {dot}
dot leak[{axes}]: h[{axes}] -> low = {leak}
{couplings}
readout z = h[{one}] / 1 kT
"""
DOT = "resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = train normal(0 kT, 1 kT))"
LEAK = "resonant_dot(gamma_left = 1 MHz, gamma_right = 1 GHz, level = 0 kT)"
COUPLINGS = {
    "chain": "dot step[i in 1..{m}]: h[i] -> h[i + 1] = {dot}",
    "ring": "dot step[i in 1..{m}]: h[i] -> h[i + 1] = {dot}\ndot close: h[{n}] -> h[1] = {dot}",
    "lattice": "dot down[i in 1..{m}, j]: h[i, j] -> h[i + 1, j] = {dot}\n"
    "dot across[i, j in 1..{m}]: h[i, j] -> h[i, j + 1] = {dot}",
    "random": "dot edge[e in edges]: h[e.source] -> h[e.target] = {dot}",
}


def write(kind, reservoirs, folder):
    """Write a network with about so many reservoirs into a folder; return the file's path.

    A random graph has two edges for each reservoir, between ends drawn uniformly; its Jacobian has no good order.
    """
    n = round(reservoirs**0.5) if kind == "lattice" else reservoirs
    indices = {
        "lattice": f"index i = 1..{n}\nindex j = 1..{n}",
        "random": f'index i = 1..{n}\ntable edges = "edges.csv"',
    }.get(kind, f"index i = 1..{n}")
    axes, one = ("i, j", "1, 1") if kind == "lattice" else ("i", "1")
    couplings = COUPLINGS[kind].format(n=n, m=n - 1, dot=DOT)
    text = HEAD.format(kind=kind, indices=indices, axes=axes, one=one, dot=DOT, leak=LEAK, couplings=couplings)
    if kind == "random":
        source = np.random.default_rng(0).integers(1, n + 1, 2 * n)
        target = (source + np.random.default_rng(1).integers(0, n - 1, 2 * n)) % n + 1
        lines = ["source,target", *(f"{s},{t}" for s, t in zip(source, target, strict=True))]
        (folder / "edges.csv").write_text("\n".join(lines))
    path = folder / f"{kind}.tnet"
    path.write_text(text)
    return path
