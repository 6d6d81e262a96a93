"""Closed networks without drives relax to equilibrium, to rounding; entropy production is never negative."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crncompile import loads
from crncompile.analyze.drives import detailed_balance
from crncompile.analyze.rate_matrix import RateMatrix
from crncompile.analyze.slots import elements
from crncompile.analyze.slots import settings as settings_of
from crncompile.compiler import check_source
from crncompile.errors import Source
from crncompile.network.initial import initial_values
from crncompile.symbolic.system import derive_system

from .production import entropy_production, produced, state
from .test_drives import network as reactions_between
from .test_drives import networks, written

SEEDS = range(4)


def pairs(rng, size):
    """Return random pairs of 0..size-1 that join all of them, some of them twice."""
    tree = [(int(rng.integers(n)), n) for n in range(1, size)]
    more = [tuple(map(int, rng.choice(size, 2, replace=False))) for _ in range(size)]
    return [pair if rng.random() < 0.5 else pair[::-1] for pair in tree + more]


def closed_dots(rng):
    """Write a closed network of dots."""
    size = int(rng.integers(3, 6))
    text = "network dots\ntemperature 100 mK\n"
    for n in range(size):
        kind = "output" if n == 0 else "floating"
        text += f"reservoir r{n} = {kind}(capacitance = {rng.uniform(5, 50)} pF, start = {rng.normal(0, 3)} kT)\n"
    for number, (a, b) in enumerate(pairs(rng, size)):
        gate, ends = "", f"gamma_left = {rng.uniform(0.1, 1)} GHz, gamma_right = {rng.uniform(0.1, 1)} GHz"
        match rng.integers(4):
            case 0:
                device = f"resonant_dot({ends}, level = {rng.normal(0, 2)} kT)"
            case 1:
                more = f"detuning = {rng.normal(0, 2)} kT, lever = {rng.uniform(0, 0.5)}, dephasing = 13 GHz"
                device = f"double_dot({ends}, level = {rng.normal(0, 2)} kT, coupling = 3 GHz, {more})"
            case 2:
                others = [n for n in range(size) if n not in (a, b)]
                gate = f" gate r{rng.choice(others)}"
                device = f"gated_dot({ends}, level = {rng.normal(0, 2)} kT)"
            case _:
                device = f"linear_conductance(conductance = {rng.uniform(1, 10)} nS)"
        text += f"dot d{number}: r{a} -> r{b}{gate} = {device}\n"
    return text + "readout z = r0 / 1 kT\n"


def closed_enzymes(rng):
    """Write a closed network of enzymes and reactions whose K are those of concentrations at equilibrium."""
    size = int(rng.integers(3, 6))
    c = np.exp(rng.normal(0, 2, size))
    text = "network enzymes\ntemperature 300 K\nvolume 1 nL\n"
    for n in range(size):
        text += f"reservoir r{n} = {'output' if n == 0 else 'floating'}(start = {rng.uniform(0.1, 5)} mM)\n"
    for number, (a, b) in enumerate(pairs(rng, size)):
        common = f"total = {rng.uniform(1, 50)} nM, k_cat = 100 s^-1, K_M = {rng.uniform(0.1, 2)} mM, K_P = 1 mM"
        K = c[b] / c[a]
        match rng.integers(4):
            case 0:
                text += f"enzyme d{number}: r{a} -> r{b} = michaelis_menten({common}, K_eq = {K})\n"
            case 1:
                text += f"enzyme d{number}: r{a} -> r{b} = substrate_inhibited({common}, K_I = 1 mM, K_eq = {K})\n"
            case 2:
                e = rng.choice([n for n in range(size) if n not in (a, b)])
                law = f"competitive_effector({common}, K_R = 1 mM, K_eq = {K})"
                text += f"enzyme d{number}: r{a} -> r{b} gate r{e} = {law}\n"
            case _:
                d = int(rng.integers(size))
                if d not in (a, b):
                    K = c[b] ** 2 / (c[a] * c[d])
                    law = f"mass_action(k = 1 mM^-1/s, K_eq = {K})"
                    text += f"reaction d{number}: r{a} + r{d} <-> 2 r{b} = {law}\n"
                else:
                    text += f"reaction d{number}: r{a} <-> r{b} = mass_action(k = 0.1 s^-1, K_eq = {K})\n"
    return text + "readout z = r0 / 1 mM\n"


def largest_flux_ratio(net, solution):
    """Return the largest current of any device over its own largest one-way flux, in 50 digits."""
    values = net.parameters()
    worst = 0.0
    for family in net.network.families:
        if not family.kind.steps:
            continue
        numbers = settings_of(net.network, family, values)
        at = {p.name: float(numbers[p.symbol][0]) for p in family.kind.parameters}
        for terminal, port in zip(family.kind.terminals, family.ports, strict=True):
            at[terminal.name] = float(np.ravel(solution.values[port.reservoir])[elements(net.network, family, port)[0]])
        found = RateMatrix(family.kind).currents(at)
        worst = max(worst, *(abs(float(current / found.largest)) for current in found.terminals))
    return worst


@pytest.mark.parametrize("write", [closed_dots, closed_enzymes])
@pytest.mark.parametrize("seed", SEEDS)
def test_closed_networks_without_drives_relax_to_equilibrium(write, seed):
    net = loads(write(np.random.default_rng(seed)))
    balance = detailed_balance(net.system, net.parameters())
    assert balance.drives == ()
    assert balance.complete
    solution = net.solve().raise_for_failure()
    assert largest_flux_ratio(net, solution) < 1e-12
    (production,), _ = entropy_production(net.system, net.parameters(), state(net.network, solution))
    (start,), _ = entropy_production(net.system, net.parameters(), started(net))
    assert start > 0
    assert abs(production) < 1e-20 * start
    for _, _, affinity in produced(net.system, net.parameters(), state(net.network, solution)):
        assert np.abs(affinity).max() < 1e-11


def started(net):
    """Return the start as a point, (1, reservoirs)."""
    u = net.functions.start(net.parameters())
    charge = net.network.reservoirs[0].content == "charge"
    return np.reshape(u if charge else np.exp(u), (1, -1))


@given(networks(), st.integers(0, 1000))
@settings(max_examples=60)
def test_entropy_production_is_never_negative_and_positive_where_something_drives(drawn, seed):
    names, used, mu, excess = drawn
    assume(any(taking.count("y") != giving.count("y") for taking, giving in used))
    columns = np.array([[g.count(n) - t.count(n) for n in names] for t, g in used], float)
    log_K = columns @ [mu[n] for n in names] + excess
    equations = [(f"{written(t)} <-> {written(g)}", np.exp(log)) for (t, g), log in zip(used, log_K, strict=True)]
    text = reactions_between([n for n in names if n not in "xy"], [(e, float(K)) for e, K in equations])
    system = derive_system(check_source(Source("model.tnet", text)))
    values = initial_values(system.network)
    points = np.exp(np.random.default_rng(seed).normal(0, 3, (50, len(system.network.reservoirs))))
    total, worst = entropy_production(system, values, points)
    assert worst >= 0
    if detailed_balance(system, values).drives:
        assert (total > 0).all()
    at_equilibrium = np.exp([mu[group.name] for group in system.network.reservoirs])[None]
    if not any(excess):
        (rest,), _ = entropy_production(system, values, at_equilibrium)
        assert rest < 1e-20 * total.max() + 1e-300


@pytest.mark.parametrize("write", [closed_dots, closed_enzymes])
@pytest.mark.parametrize("seed", SEEDS)
def test_entropy_production_of_devices_is_never_negative(write, seed):
    rng = np.random.default_rng(seed)
    system = derive_system(check_source(Source("model.tnet", write(rng))))
    shape = (300, len(system.network.reservoirs))
    points = rng.normal(0, 4, shape) if write is closed_dots else np.exp(rng.normal(-7, 2, shape))
    total, worst = entropy_production(system, initial_values(system.network), points)
    assert worst >= -1e-12 * total.max()
    assert (total > 0).all()


def test_a_driven_closed_network_keeps_producing_entropy():
    text = """network driven
temperature 300 K
volume 1 nL
reservoir a = floating(start = 1 mM)
reservoir b = floating(start = 1 mM)
reservoir y = output(start = 1 mM)
reaction ab: a <-> b = mass_action(k = 1 s^-1, K_eq = 2)
reaction by: b <-> y = mass_action(k = 1 s^-1, K_eq = 2)
reaction ya: y <-> a = mass_action(k = 1 s^-1, K_eq = 2)
readout z = y / 1 mM
"""
    net = loads(text)
    solution = net.solve().raise_for_failure()
    (drive,) = detailed_balance(net.system, net.parameters()).drives
    (production,), _ = entropy_production(net.system, net.parameters(), state(net.network, solution))
    # by symmetry c = 1 mM each, and the current round the cycle is k c (1 - 1/2)
    assert drive.affinity == pytest.approx(3 * np.log(2))
    assert production == pytest.approx(6.02214076e23 * 1e-9 * 1e-3 * 0.5 * drive.affinity)
