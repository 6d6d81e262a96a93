"""Devices with many states, written by rule: rings, ladders, complete graphs, a symmetric allosteric enzyme."""

import itertools

HEAD = """
device {name}: S -> P {{
  "{text}"
  terminal S, P: molecules
  parameter total: concentration > 0
  parameter k: rate > 0
  parameter K: concentration > 0
  parameter K_eq: number > 0
  population total
"""
# What a step takes and gives, the forward rate, and ln of its standard equilibrium constant.
BIND, TURN, PLAIN = "bind", "turn", "plain"


def ring(count):
    """Return the steps of a ring in which the first binds, the last turns over."""
    kinds = [BIND, *[PLAIN] * (count - 2), TURN]
    return [(n, (n + 1) % count, kind) for n, kind in enumerate(kinds)]


def ladder(count):
    """Return two rows of states: rungs are plain, bonds along both rows bind, and turn over beside that."""
    half = count // 2
    rows = [
        (row * half + n, row * half + n + 1, kind) for row in (0, 1) for n in range(half - 1) for kind in (BIND, TURN)
    ]
    return [
        *((a, b, kind) if kind == BIND else (b, a, TURN) for a, b, kind in rows),
        *((n, half + n, PLAIN) for n in range(half)),
    ]


def complete(count):
    """Return a step between all states; those of the first one bind or turn over."""
    pairs = itertools.combinations(range(count), 2)
    bonds = [(a, b, BIND if a == 0 else PLAIN) for a, b in pairs]
    return [*bonds, (count - 1, 0, TURN)]


def bound(steps, count):
    """Return how many S each state holds, counted from the first."""
    held = {0: 0}
    while len(held) < count:
        for a, b, kind in steps:
            change = {BIND: 1, PLAIN: 0, TURN: -1}[kind]
            if a in held:
                held.setdefault(b, held[a] + change)
            elif b in held:
                held.setdefault(a, held[b] - change)
    return held


def text_of(name, steps, count):
    """Return the device in the language, energies making every cycle balanced."""
    lines = [HEAD.format(name=name, text=f"{count} states")]
    lines += [f"  parameter e_{n}: number > 0 = {1 + 0.1 * n:.1f}" for n in range(count)]
    lines += [f"  state s_{n}" for n in range(count)]
    for number, (a, b, kind) in enumerate(steps):
        speed = 1 + 0.37 * ((7 * number) % 11)
        if kind == BIND:
            line = f"S + s_{a} <-> s_{b} = mass_action(k = {speed:.2f} * k / K, K_eq = e_{b} / e_{a} / K)"
        elif kind == TURN:
            line = f"s_{a} <-> s_{b} + P = mass_action(k = {speed:.2f} * k, K_eq = e_{b} / e_{a} * K * K_eq)"
        else:
            line = f"s_{a} <-> s_{b} = mass_action(k = {speed:.2f} * k, K_eq = e_{b} / e_{a})"
        lines.append(f"  transition t_{number}: {line}")
    return "\n".join([*lines, "}"])


def mwc():
    """Return ten states of an enzyme of four sites in two conformations: substrate binds both, one turns it over."""
    tense = [(n, n + 1, BIND) for n in range(4)]
    relaxed = [(5 + n, 6 + n, BIND) for n in range(4)]
    return [*tense, *relaxed, *((6 + n, 5 + n, TURN) for n in range(4)), *((n, 5 + n, PLAIN) for n in range(5))]


STEPS = {"ring": ring, "ladder": ladder, "complete": complete, "mwc": lambda count: mwc()}


def device_text(shape, count):
    """Return the text of the device ``many``."""
    return text_of("many", STEPS[shape](count), count)


NETWORK = """network big
temperature 300 K
volume 1 nL
index i = 1..2
reservoir x = input(range = [0.1 mM, 2 mM])
reservoir h[i] = floating(start = 0.5 mM)
reservoir y = output(start = 0.5 mM)
reservoir low = fixed(at = 0.1 mM)
{device}
enzyme a[i]: x -> h[i] = many(total = train lognormal(1 uM, 0.5), k = 1 s^-1, K = 1 mM, K_eq = 2)
enzyme b[i]: h[i] -> y = many(total = 1 uM, k = train lognormal(1 s^-1, 0.5), K = 1 mM, K_eq = 2)
reaction leak: y <-> low = mass_action(k = 0.01 s^-1, K_eq = 1)
readout out = y / 1 mM
"""


def network_text(shape, count):
    """Return a network of such devices in two layers."""
    return NETWORK.format(device=device_text(shape, count))
