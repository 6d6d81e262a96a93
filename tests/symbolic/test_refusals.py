"""Devices that break physics, and what their author is told."""

import pytest

from crncompile.analyze.verify import verify
from crncompile.errors import ModelError
from crncompile.symbolic.device_law import derive
from crncompile.symbolic.system import derive_all
from symbolic.kinds import COLD, WARM, kind_of

DOT = """
device bad: left -> right {
  "Refused"
  terminal left, right: charge
  parameter gamma: rate > 0
  parameter level: energy
  %s
}
"""
ENZYME = """
device bad: S -> P {
  "Refused"
  terminal S, P: molecules
  parameter total, K: concentration > 0
  parameter k: rate > 0
  parameter K_eq: number > 0
  population total
  %s
}
"""
STATES = """state empty
  state filled energy level
  transition enter: left + empty <-> filled  = %s
  transition leave: filled <-> empty + right = %s"""

REFUSED = {
    "nothing-flows": (
        COLD,
        DOT
        % """state empty
  state filled energy level
  transition enter: left + empty <-> filled = tunnel(gamma = gamma)
  transition leave: filled <-> empty + left = tunnel(gamma = gamma)""",
    ),
    "law-not-symmetric": (
        COLD,
        "law forward_only(gamma) = gamma / (1 + exp(-2 * affinity))\n"
        + DOT % (STATES % ("forward_only(gamma = gamma)", "tunnel(gamma = gamma)")),
    ),
    "law-symmetric-the-wrong-way": (
        COLD,
        "law arrhenius(gamma) = gamma * exp(affinity)\n"
        + DOT % (STATES % ("tunnel(gamma = gamma)", "arrhenius(gamma = gamma)")),
    ),
    "current-uphill": (COLD, DOT % "current flow = gamma * (right - left) / kT"),
    "irreversible-law-in-affinity": (
        COLD,
        DOT % (STATES % ("tunnel(gamma = gamma)", "tunnel(gamma = gamma)")).replace("filled <->", "filled =>"),
    ),
    "cycle-not-balanced": (
        WARM,
        ENZYME
        % """state E
  state ES
  transition bind: S + E <-> ES = mass_action(k = k / K, K_eq = 1 / K)
  transition slow: S + E <-> ES = mass_action(k = k / K, K_eq = 2 / K)
  transition turn: ES <-> E + P = mass_action(k = k, K_eq = K * K_eq)""",
    ),
    "cycle-balanced-for-some-values-only": (
        WARM,
        ENZYME
        % """state E
  state ES
  transition one:  S + E <-> ES = mass_action(k = k / K, K_eq = 1 / K)
  transition two:  ES <-> E + P = mass_action(k = k, K_eq = K * K_eq)
  transition both: S + E <-> E + P = mass_action(k = k / K, K_eq = K_eq^2)""",
    ),
    "states-fall-apart": (
        COLD,
        DOT
        % """state empty
  state filled energy level
  state other
  state more energy level
  transition enter: left + empty <-> filled  = tunnel(gamma = gamma)
  transition leave: filled <-> empty + right = tunnel(gamma = gamma)
  transition move:  left + other <-> more    = tunnel(gamma = gamma)""",
    ),
    "two-ends": (
        WARM,
        ENZYME
        % """state E
  state good
  state bad
  transition mend:  S + E => good = mass_action(k = k / K)
  transition spoil: S + E => bad  = mass_action(k = 2 * k / K)""",
    ),
    "current-at-equilibrium": (
        COLD,
        DOT % "current flow = gamma * (1 / (1 + exp((level - left) / kT)) - 1 / (1 + exp((level - 2 * right) / kT)))",
    ),
    "current-without-K_eq": (
        WARM,
        ENZYME.replace("  population total\n", "") % "current flow = total * k * (S - P) / (K + S + P)",
    ),
    "law-not-proportional": (
        WARM,
        "law saturating(k, K, K_eq) = k * reactants / (K + reactants)\n"
        + ENZYME
        % """state E
  state ES
  transition bind: S + E <-> ES = saturating(k = k, K = K, K_eq = 1 / K)
  transition turn: ES <-> E + P = mass_action(k = k, K_eq = K * K_eq)""",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_device_is_refused(name, golden):
    units, text = REFUSED[name]
    kind = kind_of(text, units)
    with pytest.raises(ModelError) as caught:
        derive(kind)
    golden.check(f"refusals/{name}.txt", str(caught.value))
    (check,) = verify(kind)
    assert not check.passed
    assert check.detail == caught.value.mistakes[0].message


def test_mistakes_of_all_devices_come_at_once():
    kinds = {name: kind_of(text, units) for name, (units, text) in REFUSED.items()}
    with pytest.raises(ModelError) as caught:
        derive_all(kinds)
    assert len(caught.value.mistakes) == len(REFUSED)


def test_parallel_paths_of_equal_drive_are_accepted():
    """Two ways to turn the same thing over, with the same equilibrium: a cycle without turnover, product of K one."""
    text = (
        ENZYME
        % """state E
  state ES
  transition one:  S + E <-> ES = mass_action(k = k / K, K_eq = 1 / K)
  transition two:  ES <-> E + P = mass_action(k = k, K_eq = K * K_eq)
  transition both: S + E <-> E + P = mass_action(k = k / K, K_eq = K_eq)"""
    )
    assert all(check.passed for check in verify(kind_of(text)))
