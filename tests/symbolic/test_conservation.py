"""Conserved totals of random networks against the rational null space of their whole stoichiometric matrix."""

import numpy as np
import pytest
import sympy

from crncompile.compiler import check_source
from crncompile.errors import Source
from crncompile.symbolic.conservation import conserved_totals
from crncompile.symbolic.system import derive_all


def conserved(text):
    network = check_source(Source("test.tnet", text))
    laws = derive_all({family.kind.name: family.kind for family in network.families})
    return conserved_totals(network, laws)


def head(floating):
    lines = ["network random", "temperature 300 K", "volume 1 nL", "reservoir source = input(range = [1 mM, 2 mM])"]
    lines += [f"reservoir {name} = floating(start = 1 mM)" for name in floating[:-1]]
    lines.append(f"reservoir {floating[-1]} = output(start = 1 mM)")
    return lines


def side(counts, names):
    return " + ".join(f"{n} {name}" if n > 1 else name for n, name in zip(counts, names, strict=True) if n)


def random_network(rng):
    """Reactions of one or two molecules each way among a few reservoirs, one of them held: text and stoichiometry."""
    count = int(rng.integers(2, 7))
    names = [f"r{n}" for n in range(count)]
    everything = [*names, "source"]
    lines, columns = [*head([*names, "out"]), "reaction feed: source <-> out = mass_action(k = 1 s^-1, K_eq = 1)"], []
    for reaction in range(int(rng.integers(1, count + 2))):
        while True:
            sides = np.zeros((2, count + 1), int)
            for row in sides:
                for where in rng.integers(0, count + 1, rng.integers(1, 3)):
                    row[where] += 1
            if (sides[0] != sides[1]).any():
                break
        unit = {1: "s^-1", 2: "mM^-1/s"}[int(sides[0].sum())]
        step = " <-> ".join(side(row, everything) for row in sides)
        difference = int(sides[1].sum() - sides[0].sum())
        constant = "1" if difference == 0 else f"1 mM^{difference}"
        lines.append(f"reaction q{reaction}: {step} = mass_action(k = 1 {unit}, K_eq = {constant})")
        columns.append((sides[1] - sides[0])[:count])
    lines.append("readout y = out / 1 mM")
    return "\n".join(lines), np.array(columns).T


@pytest.mark.parametrize("seed", range(40))
def test_random_reactions(seed):
    text, stoichiometry = random_network(np.random.default_rng(seed))
    weights, names = conserved(text)
    assert not weights[:, -1].any()
    weights = weights[:, :-1]
    wanted = sympy.Matrix(stoichiometry.T).nullspace()
    assert len(weights) == len(names) == len(wanted)
    assert not (weights @ stoichiometry).any()
    assert np.linalg.matrix_rank(weights) == len(weights)
    assert len(set(names)) == len(names)


def test_exchange_networks_conserve_their_closed_components():
    """Families with several indices, filters and shifts: each component without a held reservoir keeps its total."""
    text = "\n".join(
        [
            "network ring",
            "temperature 300 K",
            "volume 1 nL",
            "index j = 1..6",
            "reservoir source = input(range = [1 mM, 2 mM])",
            "reservoir h[j] = floating(start = 1 mM)",
            "reservoir y = output(start = 1 mM)",
            "reaction near[j where j < 3]: h[j] <-> h[j + 1] = mass_action(k = 1 s^-1, K_eq = 1)",
            "reaction far[j where 4 < j]: h[j - 1] <-> h[j] = mass_action(k = 1 s^-1, K_eq = 1)",
            "reaction feed: source <-> y = mass_action(k = 1 s^-1, K_eq = 1)",
            "readout level = y / 1 mM",
        ]
    )
    weights, names = conserved(text)
    assert weights.tolist() == [[1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 0]]
    assert names == ("total of h[1], h[2], h[3]", "total of h[4], h[5], h[6]")


def test_weights_count_what_a_complex_holds():
    text = "\n".join(
        [
            *head(["A", "B", "AB2"]),
            "reaction bind: A + 2 B <-> AB2 = mass_action(k = 1 mM^-2/s, K_eq = 1 mM^-2)",
            "reaction feed: source <-> B = mass_action(k = 1 s^-1, K_eq = 1)",
            "readout y = AB2 / 1 mM",
        ]
    )
    weights, names = conserved(text)
    assert weights.tolist() == [[1, 0, 1]]
    assert names == ("total of A, AB2",)


def test_long_names_are_cut_in_the_middle():
    text = "\n".join(
        [
            "network closed",
            "temperature 300 K",
            "volume 1 nL",
            "index j = 1..9",
            "index k = 1..8",
            "reservoir source = input(range = [1 mM, 2 mM])",
            "reservoir h[j] = floating(start = 1 mM)",
            "reservoir y = output(start = 1 mM)",
            "reaction chain[k]: h[k] <-> h[k + 1] = mass_action(k = 1 s^-1, K_eq = 1)",
            "reaction feed: source <-> y = mass_action(k = 1 s^-1, K_eq = 1)",
            "readout level = y / 1 mM",
        ]
    )
    weights, names = conserved(text)
    assert weights.sum() == 9
    assert names == ("total of h[1], h[2], h[3], …, h[9]",)
