"""Circuits: what they become is what one would have written by hand."""

import importlib
import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crncompile
from crncompile.backends.numpy_source import module_text
from crncompile.compiler import check_source
from crncompile.errors import Source
from crncompile.export.latex import latex_text
from crncompile.export.standalone import standalone_text
from crncompile.learn.parameters import load_parameters, save_parameters

HEAD = """network deep "layers of enzymes"
temperature 300 K
volume 1 nL
reservoir waste = fixed(at = 1 uM)
"""
UP = "total = train lognormal(1 nM, 0.5), k_cat = 100 s^-1, K_P = 1 mM, K_eq = 1e4"
DOWN = "total = train lognormal(1 nM, 0.5), k_cat = 100 s^-1, K_P = 1 mM, K_eq = 1e-4, K_I = 0.1 mM"
DENSE = f"""circuit dense: a[i] -> b[j] {{
  "every a drives every b up and down"
  parameter K = 1 mM
  enzyme up[i, j]:   a[i] -> b[j] = michaelis_menten({UP}, K_M = K)
  enzyme down[i, j]: a[i] -> b[j] = substrate_inhibited({DOWN}, K_M = K)
  reaction leak[j]:  b[j] <-> waste = mass_action(k = 1 s^-1, K_eq = 1)
}}
"""
SETTINGS = ("0.5 mM", "1 mM", "train lognormal(1 mM, 0.5)")


def reservoirs(sizes):
    kinds = ["input(range = [0.1 mM, 2 mM])", *["floating(start = 1 mM)"] * (len(sizes) - 2), "output(start = 1 mM)"]
    return "".join(f"reservoir l{n}[k in 1..{size}] = {kinds[n]}\n" for n, size in enumerate(sizes))


def by_circuits(sizes):
    calls = [f"circuit p{n}: l{n} -> l{n + 1} = dense(K = {k})\n" for n, k in enumerate(SETTINGS[: len(sizes) - 1])]
    return HEAD + reservoirs(sizes) + DENSE + "".join(calls)


def by_hand(sizes):
    text = HEAD + reservoirs(sizes)
    for n, (rows, columns) in enumerate(itertools.pairwise(sizes)):
        pair = f"[i in 1..{rows}, j in 1..{columns}]: l{n}[i] -> l{n + 1}[j]"
        text += f"parameter p{n}_K = {SETTINGS[n]}\n"
        text += f"enzyme p{n}_up{pair} = michaelis_menten({UP}, K_M = p{n}_K)\n"
        text += f"enzyme p{n}_down{pair} = substrate_inhibited({DOWN}, K_M = p{n}_K)\n"
        text += f"reaction p{n}_leak[j in 1..{columns}]: l{n + 1}[j] <-> waste = mass_action(k = 1 s^-1, K_eq = 1)\n"
    return text


def test_a_deep_network_is_small_to_write_and_compiles():
    net = crncompile.loads(by_circuits((784, 300, 100, 10)))
    devices = sum(int(np.prod(family.shape)) for family in net.network.families)
    assert devices == 2 * (784 * 300 + 300 * 100 + 100 * 10) + 410
    assert [family.name for family in net.network.families][:3] == ["p0.up", "p0.down", "p0.leak"]
    assert len(by_circuits((784, 300, 100, 10)).splitlines()) < 20


def test_the_code_of_a_deep_network_does_not_grow_with_its_devices():
    small, large = (crncompile.loads(by_circuits(sizes)).program for sizes in ((8, 6, 5, 3), (40, 40, 40, 30)))
    texts = (module_text(program, {}, "").partition("devices and readouts")[2] for program in (small, large))
    first, second = (re.sub(r"\d+", "", text).split() for text in texts)
    assert 1000 < len(first) == len(second)


def test_states_are_those_of_the_same_network_written_by_hand():
    sizes = (8, 6, 5, 3)
    placed, written = crncompile.loads(by_circuits(sizes)), crncompile.loads(by_hand(sizes))
    values = placed.parameters(seed=3)
    same = {name.replace(".", "_", 1) if name[0] == "p" else name: value for name, value in values.items()}
    x = np.random.default_rng(0).uniform(0.1, 2.0, (4, 8))
    found, expected = placed.solve(l0=x, parameters=values), written.solve(l0=x, parameters=same)
    assert not found.certificate.failed.any()
    for name in ("l1", "l2", "l3"):
        assert np.array_equal(found.potentials[name], expected.potentials[name])


# --- the same network -------------------------------------------------------------------------------------------------


def plain(text):
    """All that a network is, as text, without places in its own."""
    network = check_source(Source("model.tnet", text))

    def place(access):
        where = access.place.axes if access.place.index is None else access.place.index.tolist()
        return access.name if hasattr(access, "name") else access.reservoir, where

    def slot(value):
        names = sorted(access.name for access in value.accesses)
        return re.sub(r"\[[^\]]*\]", "[]", str(value.expression)), names, [place(access) for access in value.accesses]

    def parameter(p):
        return p.name, p.shape, str(p.dimension), p.unit, p.distribution, p.lower, p.upper, p.trained, p.tolerance

    lines = [(g.name, g.shape, g.kind, g.content, g.capacity and slot(g.capacity)) for g in network.reservoirs]
    for f in network.families:
        lines.append((f.name, f.keyword, f.kind.name, f.shape, [place(port) for port in f.ports]))
        lines += [(name, slot(value)) for name, value in f.slots.items()]
    return "\n".join(map(str, [*lines, *sorted(map(parameter, network.parameters), key=str)]))


@st.composite
def circuits(draw):
    """A model with a circuit that is placed, perhaps as a family, and the same by hand."""
    count, inner = draw(st.integers(1, 3)), draw(st.booleans())
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    family, shared, own = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    index = draw(st.sampled_from(["q", "i", "j"]))  # that of the family may be named as one inside
    condition = draw(st.sampled_from(["", " where i != j", " where i <= j"]))
    rates = "gamma_left = gamma, gamma_right = 1 GHz, level = train normal(0 kT, 1 kT)"
    head = 'network two "the same in two ways"\ntemperature 100 mK\nparameter G = 2 GHz\n'
    head += f"reservoir x[q in 1..{count}, k in 1..{rows}] = input(range = [-3 kT, 3 kT])\n"
    head += f"reservoir y[q in 1..{count}, k in 1..{columns}] = output(capacitance = 10 pF)\n"
    middle, leave = ("mid", "0.5 kT" if own else "0 kT") if inner else ("b", "0 kT")
    circuit = "circuit c: a[i] -> b[j] {\n  parameter gamma = 1 GHz\n"
    if inner:
        circuit += "  reservoir mid[j] = floating(capacitance = 1 pF)\n"
        circuit += f"  dot out[j]: mid[j] -> b[j] = resonant_dot({rates.replace('normal(0 kT', f'normal({leave}')})\n"
    circuit += f"  dot d[i, j{condition}]: a[i] -> {middle}[j] = resonant_dot({rates})\n}}\n"
    call = "c(gamma = G)" if shared else "c()"
    if family:
        placed = circuit + f"circuit p[{index} in 1..{count}]: x[{index}] -> y[{index}] = {call}\n"
        parts = [("p", f"q in 1..{count}, ", "q")]
    else:
        placed = circuit + "".join(f"circuit p{n}: x[{n}] -> y[{n}] = {call}\n" for n in range(1, count + 1))
        parts = [(f"p{n}", "", str(n)) for n in range(1, count + 1)]
    hand = ""
    for part, binder, at in parts:
        before, inside = (f"{binder}", "q, " if binder else "")
        gamma = f"{part}.gamma" + ("[q]" if binder else "")
        hand += f"parameter {part}.gamma{f'[{binder[:-2]}]' if binder else ''} = {'G' if shared else '1 GHz'}\n"
        here = rates.replace("= gamma", f"= {gamma}")
        if inner:
            hand += f"reservoir {part}.mid[{before}j in 1..{columns}] = floating(capacitance = 1 pF)\n"
            out = here.replace("normal(0 kT", f"normal({leave}")
            wiring = f"{part}.mid[{inside}j] -> y[{at}, j]"
            hand += f"dot {part}.out[{before}j in 1..{columns}]: {wiring} = resonant_dot({out})\n"
        target = f"{part}.mid[{inside}j]" if inner else f"y[{at}, j]"
        pair = f"{before}i in 1..{rows}, j in 1..{columns}{condition}"
        hand += f"dot {part}.d[{pair}]: x[{at}, i] -> {target} = resonant_dot({here})\n"
    return head + placed, head + hand.replace(".", "_DOT_").replace("_DOT__DOT_", "..").replace("0_DOT_5", "0.5")


@settings(max_examples=40, deadline=None)
@given(circuits())
def test_a_placed_circuit_is_what_one_writes_by_hand(texts):
    placed, hand = texts
    assert outcome(placed) == outcome(hand)


def outcome(text):
    """The network, or what is wrong with it."""
    try:
        return plain(text).replace("_DOT_", ".")
    except crncompile.ModelError as error:
        return {mistake.message.replace("_DOT_", ".") for mistake in error.mistakes}


# --- parts from outside, and circuits within circuits -----------------------------------------------------------------

NESTED = """network nested "circuits within circuits"
temperature 100 mK
index k = 1..3
reservoir x = input(range = [-3 kT, 3 kT])
reservoir y[k] = output(capacitance = 10 pF)
circuit wire: a -> b {
  parameter g = 1 GHz
  dot d: a -> b = resonant_dot(gamma_left = g, gamma_right = g, level = 0 kT)
}
circuit pair: a -> b {
  parameter g = train 2 GHz
  reservoir mid = floating(capacitance = 1 pF)
  circuit one: a -> mid = wire(g = 2 * g)
  circuit two: mid -> b = wire()
}
circuit p[k]: x -> y[k] = pair()
dot probe: p.mid[2] -> y[3] = resonant_dot(gamma_left = p.two.g[1], gamma_right = 1 GHz, level = 0 kT)
readout r = (p.mid[1] + y[1]) / 1 kT
"""


def test_circuits_within_circuits_and_their_parts_from_outside():
    net = crncompile.loads(NESTED)
    assert [f.name for f in net.network.families] == ["p.one.d", "p.two.d", "probe"]
    assert net.trained == ("p.g",)
    values = net.parameters()
    assert values["p.g"].shape == values["p.two.g"].shape == (3,)
    found = net.solve(x=1.0)
    mid, y = found.potentials["p.mid"], found.potentials["y"]
    assert found.readouts["r"] == pytest.approx(mid[0] + y[0], rel=1e-12)


def test_indices_inside_are_values_too():
    text = NESTED.replace("level = 0 kT)\n}", "level = 0 kT)\n  index m = 1..2\n  parameter w[m] = m * 1 kT\n}")
    network = check_source(Source("model.tnet", text))
    (found,) = (p for p in network.parameters if p.name == "p.one.w")
    assert found.shape == (3, 2)


def test_a_circuit_takes_rows_of_a_table_and_arrays_over_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edges.csv").write_text("source,target\n1,2\n2,3\n3,1\n")
    text = """network listed
temperature 100 mK
table edges = "edges.csv"
reservoir x[i in 1..3] = input(range = [-3 kT, 3 kT])
reservoir y[i in 1..3] = output(capacitance = 10 pF)
reservoir z[e in edges] = output(capacitance = 10 pF)
circuit along: a[i] -> b[j] {
  dot d[e in edges]: a[e.source] -> b[e.target] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
}
circuit each: a[i] -> b[j] {
  dot d[j]: a[2] -> b[j] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = j.target * 0.1 kT)
}
circuit p: x -> y = along()
circuit q: x -> z = each()
"""
    found = crncompile.loads(text).solve(x=[1.0, 2.0, 3.0])
    assert found.potentials["y"] == pytest.approx([3.0, 1.0, 2.0])
    assert found.potentials["z"] == pytest.approx([2.0, 2.0, 2.0])


# --- dotted names everywhere ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nested():
    return crncompile.loads(NESTED)


def test_parameters_files_know_dotted_names(nested, tmp_path):
    values = nested.parameters()
    values["p.g"] = np.array([1e9, 2e9, 3e9])
    save_parameters(tmp_path / "p.npz", nested, values)
    assert np.array_equal(load_parameters(tmp_path / "p.npz", nested)["p.g"], values["p.g"])


def test_generated_code_has_readable_names(nested):
    text = module_text(nested.program, {}, "")
    assert "p_mid = u[:, " in text
    assert "# dot p.one.d: a -> b  (3 devices)" in text
    assert "parameters['p.g']" in text


def test_the_article_shows_dotted_names(nested):
    assert r"\text{p.one.d}" in latex_text(nested, nested.parameters())


def test_the_standalone_module_knows_dotted_names(nested, tmp_path, monkeypatch):
    (tmp_path / "nested_solver.py").write_text(standalone_text(nested, nested.parameters()), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    solver = importlib.import_module("nested_solver")
    state = solver.steady_state({"x": 1.0}, {"p.g": np.array([1e9, 2e9, 3e9])})
    expected = nested.solve(x=1.0, parameters={"p.g": np.array([1e9, 2e9, 3e9])})
    assert np.array_equal(state.readouts["r"], expected.readouts["r"])
    assert np.array_equal(state.states["p.mid"], expected.potentials["p.mid"])
