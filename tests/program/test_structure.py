"""Blocks of the Jacobian and the order in which groups are eliminated."""

import pytest

import crncompile
from crncompile.program.structure import elimination_order
from crncompile.program.types import GroupCode


def groups(*sizes):
    codes, start = [], 0
    for number, size in enumerate(sizes):
        codes.append(GroupCode(f"g{number}", (size,), start, start + size, "charge", ()))
        start += size
    return codes


def test_layers_are_eliminated_from_the_wide_ones():
    """A network of layers 784-300-10 with diagonal layers reduces to 10 by 10."""
    shapes = {(0, 0): "diagonal", (1, 1): "diagonal", (0, 1): "dense", (1, 0): "dense"}
    assert elimination_order(groups(300, 10), shapes)[0] == (0, 1)


def test_order_names_every_group_once():
    shapes = {(n, n): "diagonal" for n in range(5)}
    shapes |= dict.fromkeys([(0, 1), (1, 0), (1, 2), (2, 1), (3, 4), (4, 3)], "dense")
    order, _ = elimination_order(groups(5, 50, 2, 7, 7), shapes)
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert order.index(1) < min(order.index(0), order.index(2))  # the widest of its chain first


MODEL = """
network shapes
temperature 1 K
index j = 1..4
index k = 1..3
reservoir x = input(range = [0 kT, 1 kT])
reservoir h[j] = floating(capacitance = 1 pF, start = 0 kT)
reservoir g[k] = floating(capacitance = 1 pF, start = 0 kT)
reservoir y = output(capacitance = 1 pF, start = 0 kT)
dot in[j]: x -> h[j] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot all[j, k]: h[j] -> g[k] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot out[k]: g[k] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
%s
readout value = y / 1 kT
"""
CHAIN = (
    "dot chain[j where j < 4]: h[j] -> h[j + 1] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)"
)


@pytest.mark.parametrize(("more", "own"), [("", "diagonal"), (CHAIN, "dense")])
def test_blocks_of_a_model(more, own):
    blocks = crncompile.loads(MODEL.replace("dot in[", "dot enter[") % more).program.blocks
    assert blocks == {
        (0, 0): own,
        (1, 1): "diagonal",
        (2, 2): "diagonal",
        (0, 1): "dense",
        (1, 0): "dense",
        (1, 2): "dense",
        (2, 1): "dense",
    }
