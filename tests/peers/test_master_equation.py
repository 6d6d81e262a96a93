"""Dots against a master equation written down and solved without the compiler: from energies and Fermi functions.

Each dot is told here as single-electron orbitals in front of two reservoirs, with the energy of every filling; all
rates follow by the golden rule, and the stationary state in 40 digits (Beenakker, Phys. Rev. B 44, 1646, 1991).
"""

import itertools
import math

import mpmath
import numpy as np
import pytest
from symbolic.kinds import at, fluxes_at, library_kind

from crncompile.network.library import standard_library
from crncompile.symbolic.device_law import derive

HBAR_OVER_KT = 6.62607015e-34 / (2 * math.pi) / (1.380649e-23 * 0.1)  # s at 0.1 K, by the definition of the SI


def fermi(x):
    return 1 / (1 + mpmath.exp(x))


def stationary(matrix):
    """Solve dp/dt = matrix p = 0 with probabilities that sum to one."""
    size = matrix.rows
    whole = matrix.copy()
    for column in range(size):
        whole[size - 1, column] = 1
    right = mpmath.matrix(size, 1)
    right[size - 1] = 1
    return mpmath.lu_solve(whole, right)


def current(orbitals, energy, gammas, mu):
    """Current from the left into the right reservoir through fillings of orbitals.

    ``energy(filling)`` of a tuple of 0 and 1 (None: forbidden); ``gammas[orbital][side]``; ``mu[side]``.
    """
    fillings = [f for f in itertools.product((0, 1), repeat=orbitals) if energy(f) is not None]
    matrix, into_right = mpmath.matrix(len(fillings)), mpmath.matrix(1, len(fillings))
    for (a, less), orbital in itertools.product(enumerate(fillings), range(orbitals)):
        more = tuple(n + (k == orbital) for k, n in enumerate(less))
        if more not in fillings:
            continue
        b = fillings.index(more)
        for side in (0, 1):
            f = fermi(energy(more) - energy(less) - mu[side])
            enter, leave = gammas[orbital][side] * f, gammas[orbital][side] * (1 - f)
            add_jump(matrix, a, b, enter)
            add_jump(matrix, b, a, leave)
            if side == 1:
                into_right[a] -= enter
                into_right[b] += leave
    return (into_right * stationary(matrix))[0]


def add_jump(matrix, origin, destination, rate):
    matrix[destination, origin] += rate
    matrix[origin, origin] -= rate


# --- each dot of the library, said once more --------------------------------------------------------------------------


def one_orbital(v):
    level = v["level"] + v.get("lever", 0) * v.get("control", 0)
    return current(1, lambda f: f[0] * level, [(v["gamma_left"], v["gamma_right"])], (v["left"], v["right"]))


def two_spins(v, charging):
    def energy(filling):
        if sum(filling) == 2:
            return None if charging is None else 2 * v["level"] + charging
        return sum(filling) * v["level"]

    return current(2, energy, [(v["gamma_left"], v["gamma_right"])] * 2, (v["left"], v["right"]))


def side_by_side(v):
    def energy(filling):
        return filling[0] * v["level"] + filling[1] * v["level_2"] + filling[0] * filling[1] * v["repulsion"]

    gammas = [(v["gamma_left"], v["gamma_right"]), (v["gamma_left_2"], v["gamma_right_2"])]
    return current(2, energy, gammas, (v["left"], v["right"]))


def in_a_row(v):
    """Empty, near, far: an electron enters near from the left, hops at a Lorentzian rate, leaves far to the right."""
    near = v["level"] + v["detuning"] / 2 + v["lever"] * v["left"]
    far = v["level"] - v["detuning"] / 2 + v["lever"] * v["right"]
    width = v["gamma_right"] / 2 + v["dephasing"]
    offset = (near - far) / mpmath.mpf(HBAR_OVER_KT)
    aligned = 2 * v["coupling"] ** 2 * width / (width**2 + offset**2)
    hop = 2 * aligned + v.get("emission", 0)
    matrix = mpmath.matrix(3)
    add_jump(matrix, 0, 1, v["gamma_left"] * fermi(near - v["left"]))
    add_jump(matrix, 1, 0, v["gamma_left"] * fermi(v["left"] - near))
    add_jump(matrix, 1, 2, hop * fermi(far - near))
    add_jump(matrix, 2, 1, hop * fermi(near - far))
    out, back = v["gamma_right"] * fermi(v["right"] - far), v["gamma_right"] * fermi(far - v["right"])
    add_jump(matrix, 2, 0, out)
    add_jump(matrix, 0, 2, back)
    p = stationary(matrix)
    return out * p[2] - back * p[0]


DOTS = {
    "resonant_dot": one_orbital,
    "gated_dot": one_orbital,
    "spin_degenerate_dot": lambda v: two_spins(v, None),
    "anderson_dot": lambda v: two_spins(v, v["charging"]),
    "coupled_dots": side_by_side,
    "double_dot": in_a_row,
    "inelastic_double_dot": in_a_row,
}


def test_every_dot_with_states_is_here():
    names = [str(name) for name in standard_library().devices]
    assert {n for n in names if library_kind(n).states and not library_kind(n).amount} == set(DOTS)


@pytest.mark.parametrize("name", DOTS)
def test_current_is_that_of_the_master_equation(name):
    kind, count = library_kind(name), 25
    values = at(kind, count)
    flux = fluxes_at(derive(kind), values)[0]
    with mpmath.workdps(40):
        points = [{s.name: mpmath.mpf(float(v[n])) for s, v in values.items()} for n in range(count)]
        wanted = np.array([float(DOTS[name](point)) for point in points])
    rate = values[next(s for s in values if s.name == "gamma_left")]
    np.testing.assert_allclose(flux, wanted, rtol=1e-9, atol=1e-13 * rate.min())
