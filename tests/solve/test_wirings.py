"""Networks wired by tables, shifts, remainders and filters: steady states agree with a solver that knows only edges."""

import itertools

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import root

import crncompile

N_A, VOLUME = 6.02214076e23, 1e-9
GAMMA = 1e9


def fermi(level, u):
    return 1 / (1 + np.exp(level - u))


def steady(edges, held, floating):
    """Return the potentials of the floating nodes of a network of (source, target, left, right, level)."""
    place = {node: k for k, node in enumerate(floating)}

    def net_current(u):
        into = np.zeros(len(floating))
        at = {**held, **{node: u[k] for node, k in place.items()}}
        for source, target, left, right, level in edges:
            flow = left * right / (left + right) / GAMMA * (fermi(level, at[source]) - fermi(level, at[target]))
            if source in place:
                into[place[source]] -= flow
            if target in place:
                into[place[target]] += flow
        return into

    found = root(net_current, np.zeros(len(floating)), tol=1e-14)
    assert np.abs(found.fun).max() < 1e-11
    return {node: found.x[k] for node, k in place.items()}


HEAD = """network wired
temperature 100 mK
reservoir x = input(range = [-3 kT, 3 kT])
reservoir low = fixed(at = -1 kT)
"""
END = "reservoir y = output(capacitance = 1 pF)\n"


def dot(name, wiring, left="1 GHz", right="1 GHz", level="0 kT"):
    return f"dot {name}: {wiring} = resonant_dot(gamma_left = {left}, gamma_right = {right}, level = {level})\n"


def solved(text, name="h", x=0.7):
    net = crncompile.loads(HEAD + END + text)
    solution = net.solve(x=x).raise_for_failure()
    return net, solution.values[name], float(solution.values["y"])


def compare(values, first, expected):
    for place in np.ndindex(values.shape):
        assert values[place] == pytest.approx(expected[tuple(k + first for k in place)], abs=1e-9)


# --- rings and lattices -----------------------------------------------------------------------------------------------


def test_a_ring_of_alternating_levels():
    text = "index j = 1..6\nreservoir h[j] = floating(capacitance = 1 pF)\n"
    text += dot("ring[j]", "h[j] -> h[mod(j, 6) + 1]", right="0.2 GHz * j", level="0.5 kT * mod(j, 2) - 0.2 kT")
    text += dot("a", "x -> h[1]") + dot("b", "h[4] -> low", level="-0.5 kT") + dot("c", "h[3] -> y")
    edges = [((j,), (j % 6 + 1,), GAMMA, 0.2 * GAMMA * j, 0.5 * (j % 2) - 0.2) for j in range(1, 7)]
    edges += [("x", (1,), GAMMA, GAMMA, 0), ((4,), "low", GAMMA, GAMMA, -0.5), ((3,), "y", GAMMA, GAMMA, 0)]
    expected = steady(edges, {"x": 0.7, "low": -1}, [*((j,) for j in range(1, 7)), "y"])
    _, values, y = solved(text)
    compare(values, 1, expected)
    assert y == pytest.approx(expected["y"], abs=1e-9)


@pytest.mark.parametrize("periodic", [False, True])
def test_a_lattice(periodic):
    side = 4
    cells = list(itertools.product(range(1, side + 1), repeat=2))
    text = f"index i = 1..{side}\nindex j = 1..{side}\nreservoir h[i, j] = floating(capacitance = 1 pF)\n"
    if periodic:
        text += dot("down[i, j]", f"h[i, j] -> h[mod(i, {side}) + 1, j]", level="0.1 kT * (i - j)")
        text += dot("right[i, j]", f"h[i, j] -> h[i, mod(j, {side}) + 1]", right="0.1 GHz * i * j")
    else:
        text += dot(f"down[i, j where i < {side}]", "h[i, j] -> h[i + 1, j]", level="0.1 kT * (i - j)")
        text += dot(f"right[i, j where j + 1 <= {side}]", "h[i, j] -> h[i, j + 1]", right="0.1 GHz * i * j")
    text += dot("a", "x -> h[1, 1]") + dot("b", "h[3, 2] -> low") + dot("c", "h[4, 4] -> y")
    edges = [("x", (1, 1), GAMMA, GAMMA, 0), ((3, 2), "low", GAMMA, GAMMA, 0), ((4, 4), "y", GAMMA, GAMMA, 0)]
    for i, j in cells:
        if periodic or i < side:
            edges.append(((i, j), (i % side + 1, j), GAMMA, GAMMA, 0.1 * (i - j)))
        if periodic or j < side:
            edges.append(((i, j), (i, j % side + 1), GAMMA, 0.1 * GAMMA * i * j, 0))
    expected = steady(edges, {"x": 0.7, "low": -1}, [*cells, "y"])
    compare(solved(text)[1], 1, expected)


# --- tables -----------------------------------------------------------------------------------------------------------


def test_an_irregular_network_with_parallel_devices(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    pairs = [(1, k) for k in range(2, 9)] + [tuple(rng.choice(8, 2, replace=False) + 1) for _ in range(12)]
    rows = [(s, t, *rng.uniform(0.1, 1, 2), rng.normal()) for s, t in [*pairs, (2, 3), (2, 3), (3, 2), (2, 3)]]
    text = "source,target,left [GHz],right,level,kind\n"
    text += "".join(f"{s},{t},{a!r},{b!r},{e!r},{n % 2}\n" for n, (s, t, a, b, e) in enumerate(rows))
    (tmp_path / "edges.csv").write_text(text.replace("np.float64", "").replace("(", "").replace(")", ""))
    model = 'table edges = "edges.csv"\nreservoir h[n in 1..8] = floating(capacitance = 1 pF)\n'
    for kind in (0, 1):
        model += dot(
            f"w{kind}[e in edges where e.kind == {kind}]",
            "h[e.source] -> h[e.target]",
            left="e.left",
            right="e.right * 1 GHz",
            level="e.level * 1 kT",
        )
    model += dot("a", "x -> h[1]") + dot("b", "h[8] -> low") + dot("c", "h[4] -> y")
    edges = [((s,), (t,), a * GAMMA, b * GAMMA, e) for s, t, a, b, e in rows]
    edges += [("x", (1,), GAMMA, GAMMA, 0), ((8,), "low", GAMMA, GAMMA, 0), ((4,), "y", GAMMA, GAMMA, 0)]
    expected = steady(edges, {"x": 0.7, "low": -1}, [*((n,) for n in range(1, 9)), "y"])
    net, values, _ = solved(model)
    compare(values, 1, expected)
    assert sum(family.shape[0] for family in net.network.families[:2]) == len(rows)


# --- shifts as in a convolution ---------------------------------------------------------------------------------------

CONVOLUTIONS = {
    "valid": ("x[i + a - 1, j + b - 1]", "", 6, lambda i, a: i + a - 1),
    "same": (
        "x[i + a - 2, j + b - 2]",
        " where 1 <= i + a - 2 <= 8 and 1 <= j + b - 2 <= 8",
        8,
        lambda i, a: i + a - 2,
    ),
    "stride": ("x[2 * i + a - 2, 2 * j + b - 2]", "", 3, lambda i, a: 2 * i + a - 2),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_shares_its_weights(name):
    source, where, size, shift = CONVOLUTIONS[name]
    text = f"""network convolution
temperature 100 mK
index i = 1..{size}
index j = 1..{size}
index a = 1..3
index b = 1..3
reservoir x[k in 1..8, l in 1..8] = input(range = [-3 kT, 3 kT])
reservoir low = fixed(at = -1 kT)
reservoir h[i, j] = output(capacitance = 1 pF)
parameter weight[a, b] = train lognormal(1 GHz, 0.5)
parameter level[a, b] = train normal(0 kT, 1 kT)
dot w[i, j, a, b{where}]: {source} -> h[i, j] = resonant_dot(gamma_left = weight[a, b], gamma_right = 1 GHz,
                                                             level = level[a, b])
readout r[i, j] = h[i, j] / 1 kT
""" + dot("d[i, j]", "h[i, j] -> low")
    net = crncompile.loads(text)
    values = net.parameters(seed=1)
    x = np.random.default_rng(0).normal(size=(8, 8))
    solution = net.solve(x=x, seed=1).raise_for_failure()
    edges, held = [], {"low": -1.0, **{("x", *place): x[place] for place in np.ndindex(8, 8)}}
    for i, j, a, b in itertools.product(range(1, size + 1), range(1, size + 1), (1, 2, 3), (1, 2, 3)):
        row, column = shift(i, a), shift(j, b)
        if 1 <= row <= 8 and 1 <= column <= 8:
            rate, level = values["weight"][a - 1, b - 1], values["level"][a - 1, b - 1]
            edges.append((("x", row - 1, column - 1), (i, j), rate, GAMMA, level))
    cells = list(itertools.product(range(1, size + 1), repeat=2))
    edges += [(cell, "low", GAMMA, GAMMA, 0) for cell in cells]
    compare(solution.values["h"], 1, steady(edges, held, cells))
    gradient, _ = net.gradient(solution, {"r": np.ones((1, size, size))})
    assert gradient["weight"].shape == (3, 3)
    ends = []
    for factor in (1 + 1e-6, 1 - 1e-6):
        moved = {**values, "weight": values["weight"] * np.where(np.arange(9).reshape(3, 3) == 5, factor, 1)}
        ends.append(net.solve(x=x, parameters=moved).readouts["r"].sum())
    assert gradient["weight"][1, 2] == pytest.approx((ends[0] - ends[1]) / (2e-6 * values["weight"][1, 2]), rel=1e-5)


# --- several conserved quantities -------------------------------------------------------------------------------------


def test_several_conserved_quantities_in_one_network():
    """Enzyme cycles that share nothing but an input: each keeps its own total; one of two tokens keeps two."""
    text = """network conserved
temperature 300 K
volume 1 nL
index n = 1..3
reservoir x = input(range = [0.1 mM, 10 mM])
reservoir free[n]  = floating(start = 1 mM * n)
reservoir bound[n] = floating(start = 0.5 mM)
reservoir a = floating(start = 1 mM)
reservoir b = floating(start = 2 mM)
reservoir c = output(start = 0.25 mM)
reservoir y = fixed(at = 1 uM)
reaction bind[n]:    x + free[n] <-> bound[n] = mass_action(k = 1 mM^-1/s * n, K_eq = 1 mM^-1)
reaction release[n]: bound[n] <-> free[n] + y = mass_action(k = 2 s^-1, K_eq = 3 mM)
reaction join:       a + b <-> c              = mass_action(k = 1 mM^-1/s, K_eq = 2 mM^-1)
"""
    net = crncompile.loads(text)
    structure = net.functions.structure
    assert len(structure.conserved) == 5
    solution = net.solve(x=4.0).raise_for_failure()
    m, x, y = 1e-3, 4e-3, 1e-6
    n = np.arange(1, 4)

    def rate(_, c):
        free, bound, (a, b, joined) = c[:3], c[3:6], c[6:]
        bind = 1 / m * n * (x * free - bound * m)
        release = 2 * (bound - free * y / (3 * m))
        join = 1 / m * (a * b - joined * m / 2)
        return [*(release - bind), *(bind - release), -join, -join, join]

    end = solve_ivp(rate, (0, 200), [m, 2 * m, 3 * m, *[m / 2] * 3, m, 2 * m, m / 4], "LSODA", rtol=1e-12, atol=1e-18)
    found = [*solution.values["free"], *solution.values["bound"], *(float(solution.values[k]) for k in "abc")]
    np.testing.assert_allclose(found, end.y[:, -1], rtol=1e-8)
    totals = structure.conserved @ np.array(found) * N_A * VOLUME
    start = (
        net.functions.content(net.functions.start(net.parameters())[None], net.parameters())[0] @ structure.conserved.T
    )
    np.testing.assert_allclose(totals, start, rtol=1e-9)
