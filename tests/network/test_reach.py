"""What is reached agrees with a graph of single devices (networkx)."""

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crncompile.errors import ModelError, Source
from crncompile.language.parser import parse
from crncompile.network.library import standard_library
from crncompile.network.reach import reach
from crncompile.network.resolve import resolve

from .mistakes import DOT, DOTS, RATES

HEAD = """network n
temperature 1 K
reservoir x[i in 1..3] = input(range = [-1 kT, 1 kT])
reservoir f = floating(capacitance = 1 pF)
reservoir g[i in 1..3, j in 1..2] = floating(capacitance = 1 pF)
reservoir h[i in 1..3] = floating(capacitance = 1 pF)
reservoir y = output(capacitance = 1 pF)
dot last: x[1] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
"""
ENDS = ["x[i]", "f", "g[i, j]", "g[i, 2]", "h[i]", "h[4 - i]", "h[1]", "y"]


def elements(network, family):
    """Yield, for every device, the elements that its ports are connected to, by loops."""
    for place in itertools.product(*(range(size) for size in family.shape)):
        found = []
        for port in family.ports:
            group = network.reservoir(port.reservoir)
            if port.place.axes is None:
                flat = int(port.place.index[place])
            else:
                flat = int(np.ravel_multi_index([place[k] for k in port.place.axes], group.shape)) if group.shape else 0
            found.append((port.reservoir, flat))
        yield found


def brute_force(network):
    graph = nx.DiGraph()
    for group in network.held:
        graph.add_edges_from(("held", (group.name, k)) for k in range(int(np.prod(group.shape))))
    for family in network.families:
        for source, target, *gates in elements(network, family):
            graph.add_edges_from([(source, target), (target, source)])
            graph.add_edges_from((gate, end) for gate in gates for end in (source, target))
    return nx.descendants(graph, "held")


@settings(max_examples=40)
@given(st.lists(st.tuples(*[st.sampled_from(ENDS)] * 3, st.booleans()), max_size=3))
def test_reach_agrees_with_single_devices(wirings):
    text = HEAD
    for number, (source, target, gate, gated) in enumerate(wirings):
        if source.partition("[")[0] == target.partition("[")[0]:
            continue
        device = "gated_dot" if gated else "resonant_dot"
        wiring = f"{source} -> {target}" + (f" gate {gate}" if gated else "")
        text += f"dot d{number}[i in 1..3, j in 1..2]: {wiring} = {device}({RATES}, level = 0 kT)\n"
    network = resolve(parse(Source("m", text)), standard_library())
    found, wanted = reach(network), brute_force(network)
    for group in network.reservoirs:
        flags = [(group.name, k) in wanted for k in range(int(np.prod(group.shape)))]
        assert found.reached[group.name].tolist() == flags


def test_a_gate_alone_does_not_carry_anything_back():
    text = DOTS + DOT + "reservoir z = output(capacitance = 1 pF)\n"
    text += f"dot g: x -> y gate z = gated_dot({RATES}, level = 0 kT)\n"
    with pytest.raises(ModelError, match="nothing reaches the output z"):
        resolve(parse(Source("m", text)), standard_library())


def test_a_gate_reaches_what_its_device_exchanges():
    text = DOTS + DOT + "reservoir z = output(capacitance = 1 pF)\nreservoir w = floating(capacitance = 1 pF)\n"
    text += f"dot g: w -> z gate x = gated_dot({RATES}, level = 0 kT)\n"
    assert resolve(parse(Source("m", text)), standard_library()).warnings == ()
