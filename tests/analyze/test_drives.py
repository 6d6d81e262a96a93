"""Driven cycles of a network are found and named; without them a closed network relaxes to equilibrium."""

import itertools
import math
import re
from collections import Counter, deque

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crncompile.analyze import drives
from crncompile.analyze.drives import detailed_balance
from crncompile.compiler import check_source
from crncompile.errors import Source
from crncompile.network.initial import initial_values
from crncompile.symbolic.elimination import BudgetSpentError, Echelon
from crncompile.symbolic.system import derive_system

HEAD = "network n\ntemperature 300 K\nvolume 1 nL\n"
UNITS = {1: "s^-1", 2: "mM^-1/s", 3: "mM^-2/s", 4: "mM^-3/s"}


def side(text):
    """Return {name: number} of one side of a reaction."""
    return {name: int(n or 1) for n, name in re.findall(r"(\d*)\s*([A-Za-z]\w*)", text)}


def reaction(name, equation, K, trained=False):
    """Write a reaction; ``K`` is in powers of M."""
    left, right = map(side, equation.split("<->"))
    power = sum(right.values()) - sum(left.values())
    unit = f" M^{power}" if power else ""
    value = f"train {K!r}{unit}" if trained else f"{K!r}{unit}"
    return f"reaction {name}: {equation} = mass_action(k = 1 {UNITS[sum(left.values())]}, K_eq = {value})\n"


def network(names, reactions, held="x"):
    """Write a network of reactions (equation, K[, trained]) between floating reservoirs and a held one."""
    text = HEAD + f"reservoir {held} = input(range = [1 mM, 2 mM])\n"
    text += "".join(f"reservoir {name} = floating(start = 1 mM)\n" for name in names)
    text += "reservoir y = output(start = 1 mM)\n"
    return text + "".join(reaction(f"r{k}", *rest) for k, rest in enumerate(reactions)) + "readout z = y / 1 mM\n"


def examine(text, seed=0):
    system = derive_system(check_source(Source("model.tnet", text)))
    return detailed_balance(system, initial_values(system.network, seed))


def drive_of(text):
    (drive,) = examine(text).drives
    return drive


# --- devices that exchange one for one ---

TRIANGLE = [("x <-> a", 1.0), ("a <-> b", 2.0), ("b <-> y", 3.0)]


def test_a_balanced_cycle_is_no_drive():
    balance = examine(network("ab", [*TRIANGLE, ("a <-> y", 6.0)]))
    assert (balance.drives, balance.drivable, balance.complete) == ((), None, True)


def test_a_driven_cycle_is_named_in_the_direction_in_which_it_is_driven():
    drive = drive_of(network("ab", [*TRIANGLE, ("a <-> y", 60.0)]))
    assert drive.affinity == pytest.approx(math.log(10))
    assert str(drive) == "a -> y (r3), y -> b (r2), b -> a (r1)"
    assert [turn.times for turn in drive.turns] == [1, -1, -1]
    assert sum(turn.log_K for turn in drive.turns) == pytest.approx(drive.affinity)
    assert drive.others == 0


def test_held_potentials_that_differ_are_a_supply_and_no_drive():
    text = HEAD + "reservoir x = fixed(at = 1 M)\nreservoir w = fixed(at = 1 nM)\nreservoir y = output(start = 1 mM)\n"
    text += "reservoir s = input(range = [1 mM, 2 mM])\n"
    for number, pair in enumerate(("x <-> y", "y <-> w", "s <-> y")):
        text += reaction(f"r{number}", pair, 7.0)
    assert examine(text + "readout z = y / 1 mM\n").drives == ()


def test_a_cycle_through_held_reservoirs_is_a_drive_where_its_constants_are():
    drive = drive_of(network("", [("x <-> y", 2.0), ("y <-> x", 3.0)]))
    assert drive.affinity == pytest.approx(math.log(6))


def test_parallel_enzymes_of_different_equilibrium_drive_each_other():
    enzyme = "enzyme {}[j]: x -> h[j] = michaelis_menten(total = 1 nM, k_cat = 1 s^-1, K_M = 1 mM, K_P = 1 mM, {})\n"
    text = f"{HEAD}index j = 1..3\nreservoir x = input(range = [1 mM, 2 mM])\nreservoir h[j] = output(start = 1 mM)\n"
    text += enzyme.format("one", "K_eq = 10") + enzyme.format("two", "K_eq = 100") + "readout y[j] = h[j] / 1 mM\n"
    drive = drive_of(text)
    assert drive.affinity == pytest.approx(math.log(10))
    assert sorted(turn.device for turn in drive.turns) == ["one[1]", "two[1]"]
    assert drive.others == 2


def test_the_shortest_cycle_is_named():
    """Two more ways round a ladder are longer than the rung beside the driven one."""
    rungs = [(f"a{k} <-> b{k}", 1.0 if k else 5.0) for k in range(4)]
    rails = [(f"{s}{k} <-> {s}{k + 1}", 1.0) for s in "ab" for k in range(3)]
    names = [f"{s}{k}" for s in "ab" for k in range(4)]
    drive = drive_of(network(names, [("x <-> a0", 1.0), ("b3 <-> y", 1.0), *rungs, *rails]))
    assert len(drive.turns) == 4
    assert drive.affinity == pytest.approx(math.log(5))


TRIANGLES = [
    ("x <-> a", 1.0),
    ("a <-> b", 50.0),
    ("a <-> y", 200.0),
    ("b <-> y", 10.0),
    ("y <-> w", 1.0),
    ("b <-> w", 1.0),
]


def test_two_cycles_with_a_device_in_common_are_both_named():
    first, second = examine(network("abw", TRIANGLES)).drives
    assert {str(first), str(second)} == {
        "a -> b (r1), b -> y (r3), y -> a (r2)",
        "b -> y (r3), y -> w (r4), w -> b (r5)",
    }
    assert sorted(d.affinity for d in (first, second)) == pytest.approx([math.log(2.5), math.log(10)])


def test_of_three_parallel_devices_no_two_are_named_twice():
    balance = examine(network("", [("x <-> y", 2.0), ("x <-> y", 1.0), ("x <-> y", 10.0)]))
    assert [str(drive) for drive in balance.drives] == ["x -> y (r0), y -> x (r1)", "x -> y (r2), y -> x (r0)"]


@pytest.mark.parametrize("equation", ["x <-> y", "y <-> x", "2 x <-> y", "x + a <-> y + b"])
def test_a_cycle_through_parallel_devices_that_agree_is_named_once(equation):
    """Two devices that agree with each other, and not with a third one, are one contradiction."""
    K = [100.0, 10.0, 10.0] if equation != "y <-> x" else [100.0, 10.0, 1 / 10]
    forth = " <-> ".join(reversed(equation.split(" <-> ")))
    pairs = [(equation, K[0]), (equation, K[1]), (forth if equation == "y <-> x" else equation, K[2])]
    drive = drive_of(network("ab", [*pairs, ("x <-> a", 1.0), ("a <-> b", 1.0)]))
    assert drive.affinity == pytest.approx(math.log(10))
    assert {turn.device for turn in drive.turns} == {"r0", "r1"}


def test_parallel_families_that_agree_are_named_once():
    text = f"{HEAD}index j = 1..3\nreservoir x = input(range = [1 mM, 2 mM])\nreservoir h[j] = output(start = 1 mM)\n"
    for number, K in enumerate((100, 10, 10)):
        text += f"reaction r{number}[j]: x <-> h[j] = mass_action(k = 1 s^-1, K_eq = {K})\n"
    drive = drive_of(text + "readout y[j] = h[j] / 1 mM\n")
    assert (drive.family.name, drive.others) == ("r1", 2)


def test_a_wrong_rung_of_a_ladder_is_one_drive_wherever_the_tree_runs():
    """With the rung in the tree every other rung closes a driven cycle; these are balanced among each other."""
    rungs = [(f"a{k} <-> b{k}", 1.0 if k else 5.0) for k in range(4)]
    rails = [(f"{s}{k} <-> {s}{k + 1}", 1.0) for s in "ba" for k in range(3)]
    names = [f"{s}{k}" for s in "ba" for k in range(4)]
    for first in ("a0", "b0", "a3"):
        drive = drive_of(network(names, [(f"x <-> {first}", 1.0), ("b3 <-> y", 1.0), *rungs, *rails]))
        assert drive.affinity == pytest.approx(math.log(5))


def test_dots_are_never_driven():
    text = """
network dots
temperature 1 K
reservoir x = input(range = [-1 kT, 1 kT])
reservoir h = floating(capacitance = 10 pF)
reservoir y = output(capacitance = 10 pF)
dot a: x -> h = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot b: h -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 1 kT)
dot c: y -> x = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 2 kT)
readout z = y / 1 kT
"""
    assert examine(text).drives == ()


def test_no_more_than_a_few_families_are_named():
    pairs = [("x <-> y", float(k)) for k in range(1, 11)]
    balance = examine(network("", pairs))
    assert (len(balance.drives), balance.more) == (6, 3)


# --- any stoichiometry ---


def test_a_cycle_of_reactions_is_named_with_what_takes_part():
    chain = [("x <-> a", 1.0), ("a + b <-> c", 3.0), ("c <-> d + b", 4.0), ("d <-> y", 1.0), ("y <-> x", 1.0)]
    drive = drive_of(network("abcd", chain))
    assert drive.affinity == pytest.approx(math.log(12))
    assert str(drive) == "x -> a (r0), a + b -> c (r1), c -> d + b (r2), d -> y (r3), y -> x (r4)"


def test_turns_are_counted():
    pairs = [("x <-> a", 2.0), ("2 a <-> b", 3.0), ("b <-> c", 4.0), ("2 y <-> c", 5.0), ("a <-> y", 5.0)]
    drive = drive_of(network("abc", pairs))
    assert drive.affinity == pytest.approx(abs(math.log(3 * 4 / 5 / 5**2)))
    assert "2 a -> 2 y (r4)" in str(drive)


def test_devices_of_one_reaction_drive_each_other_through_what_they_share():
    text = f"""{HEAD}index j = 1..3
reservoir x = input(range = [1 mM, 2 mM])
reservoir h[j] = floating(start = 1 mM)
reservoir y = output(start = 1 mM)
parameter K[j] = train lognormal(1, 1)
reaction pair[j]: x + h[j] <-> 2 y = mass_action(k = 1 mM^-1/s, K_eq = K[j])
reaction mix[j]: x <-> h[j] = mass_action(k = 1 s^-1, K_eq = 1)
readout z = y / 1 mM
"""
    K = initial_values(check_source(Source("m", text)))["K"]
    drive = drive_of(text)
    assert drive.affinity == pytest.approx(np.abs(np.log(K) - np.log(K[0])).max())
    assert {turn.device.split("[")[0] for turn in drive.turns} == {"pair", "mix"}


def written(names):
    return " + ".join(f"{n} {name}" for name, n in Counter(names).items())


@st.composite
def networks(draw):
    """Random reactions between a few species, standard potentials, and what each ln K has too much."""
    names = ["x", "y", "a", "b", "c"][: draw(st.integers(3, 5))]
    used = []
    for _ in range(draw(st.integers(2, 6))):
        taking = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2))
        giving = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2))
        if any(taking.count(name) != giving.count(name) for name in names):
            used.append((taking, giving))
    mu = {name: draw(st.floats(-3, 3)) for name in names}
    excess = [draw(st.sampled_from([0.0, 0.0, 0.5])) for _ in used]
    return names, used, mu, excess


def examined(names, used, mu, excess):
    """Return the stoichiometry and the ln K of drawn reactions that reach y, and how their network is balanced."""
    assume(any(taking.count("y") != giving.count("y") for taking, giving in used))
    columns = np.array([[g.count(n) - t.count(n) for n in names] for t, g in used], float)
    log_K = columns @ [mu[n] for n in names] + excess
    pairs = [(f"{written(t)} <-> {written(g)}", math.exp(log)) for (t, g), log in zip(used, log_K, strict=True)]
    return columns, log_K, examine(network([n for n in names if n not in "xy"], pairs))


@given(networks())
@settings(max_examples=60)
def test_drives_are_what_the_range_of_the_stoichiometry_lacks(drawn):
    columns, log_K, balance = examined(*drawn)
    lacking = log_K - columns @ np.linalg.lstsq(columns, log_K, rcond=None)[0]
    assert bool(balance.drives) == bool(np.abs(lacking).max() > 1e-6)
    assert balance.complete
    for drive in balance.drives:
        times = turned(drive, len(columns))
        assert not (times @ columns).any()
        assert times @ log_K == pytest.approx(drive.affinity)
        assert drive.affinity > 0


def turned(drive, size):
    """Return how often each reaction turns over."""
    times = np.zeros(size)
    for turn in drive.turns:
        times[int(turn.device[1:])] += turn.times
    return times


def circuits(columns):
    """Yield the relation (columns,) of every smallest set of dependent columns."""
    found = []
    for size in range(1, len(columns) + 1):
        for chosen in itertools.combinations(range(len(columns)), size):
            if any(known <= set(chosen) for known in found):
                continue
            _, scales, right = np.linalg.svd(columns[list(chosen)].T)
            if (scales > 1e-9).sum() < size:
                found.append(set(chosen))
                yield np.array([right[-1][chosen.index(k)] if k in chosen else 0.0 for k in range(len(columns))])


@st.composite
def one_for_one(draw):
    """Random reactions one for one: what makes most cycles; some lie side by side."""
    names = ["x", "y", "a", "b", "c"][: draw(st.integers(3, 5))]
    used = [([a], [b]) for a, b in draw(st.lists(st.permutations(names).map(lambda p: p[:2]), min_size=3, max_size=8))]
    mu = {name: draw(st.floats(-3, 3)) for name in names}
    excess = [draw(st.sampled_from([0.0, 0.0, 0.5, 0.7, -1.1])) for _ in used]
    return names, used, mu, excess


@given(st.one_of(networks(), one_for_one()))
@settings(max_examples=80)
def test_named_cycles_are_independent_and_span_all_that_is_driven(drawn):
    """Every cycle is a sum of those named and of balanced ones."""
    columns, log_K, balance = examined(*drawn)
    assume(balance.drives and not balance.more)
    named = np.array([turned(drive, len(columns)) for drive in balance.drives])
    assert np.linalg.matrix_rank(named) == len(named)
    balanced = [times for times in circuits(columns) if abs(times @ log_K) < 1e-6]
    cycles = len(columns) - np.linalg.matrix_rank(columns)
    assert np.linalg.matrix_rank(np.array([*named, *balanced])) == cycles


# --- what holds for all parameters ---


def test_equilibrium_constants_that_are_trained_apart_can_drive():
    apart = [("x <-> y", 2.0), ("x <-> y", 2.0, True)]
    balance = examine(network("", apart))
    assert balance.drives == ()
    assert sorted(turn.device for turn in balance.drivable.turns) == ["r0", "r1"]


def test_a_shared_trained_constant_drives_nothing():
    text = network("", []).replace("readout", "{}readout")
    shared = "parameter K = train 2\n" + "".join(
        f"reaction r{k}: x <-> y = mass_action(k = 1 s^-1, K_eq = K)\n" for k in range(2)
    )
    assert examine(text.format(shared)).drivable is None


# --- large networks ---


def test_a_layer_of_many_enzymes_is_examined_whole():
    text = (
        f"{HEAD}index i = 1..784\nindex j = 1..300\nreservoir x[i] = input(range = [0.1 mM, 2 mM])\n"
        "reservoir h[j] = output(start = 1 mM)\n"
        "enzyme w[i, j]: x[i] -> h[j] = michaelis_menten(total = train lognormal(1 nM, 0.5), k_cat = 1 s^-1, "
        "K_M = 1 mM, K_P = 1 mM, K_eq = 10)\nclassify d[j] = ln(h[j] / 1 mM)\n"
    )
    balance = examine(text)
    assert (balance.drives, balance.examined, balance.complete) == ((), 784 * 300, True)


def test_an_elimination_ends_when_its_budget_is_spent():
    rng = np.random.default_rng(0)
    echelon = Echelon(1000)
    columns = [{row: int(n) for row, n in enumerate(rng.integers(-2, 3, 30)) if n} for _ in range(60)]
    with pytest.raises(BudgetSpentError):
        deque(map(echelon.add, columns), maxlen=0)


def test_what_was_not_examined_is_counted(monkeypatch):
    """Reactions that tie many species to each other, without any exchange."""
    monkeypatch.setattr(drives, "_WORK", 100)
    text = f"""{HEAD}index j = 1..12
index k = 1..12
reservoir x = input(range = [1 mM, 2 mM])
reservoir a[j] = floating(start = 1 mM)
reservoir b[k] = floating(start = 1 mM)
reservoir y = output(start = 1 mM)
reaction r[j, k]: a[j] + b[k] <-> y = mass_action(k = 1 mM^-1/s, K_eq = 1 mM^-1)
reaction s[j]: 2 x <-> a[j] = mass_action(k = 1 mM^-1/s, K_eq = 1 mM^-1)
readout z = y / 1 mM
"""
    balance = examine(text)
    assert not balance.complete
    assert 0 < balance.examined < balance.fluxes == 12 * 12 + 12
