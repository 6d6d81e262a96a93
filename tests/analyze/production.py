"""Currents, affinities and entropy production of every device, from the laws and not from generated code."""

import numpy as np
from scipy import constants as codata

from crncompile.analyze.bound import at_points
from crncompile.analyze.slots import slot_values


def produced(system, values, points):
    """Yield for each flux of each family: family, current (1/s) and affinity (kT), both (points, devices).

    ``points`` are mu in kT or c in M of all reservoirs, (points, reservoirs).
    """
    potentials = np.concatenate(
        [np.log(part) if group.content == "molecules" else part for group, part in _parts(system.network, points)],
        axis=1,
    )
    for family in system.network.families:
        law = system.laws[family.kind.name]
        nodes, given = at_points(system.network, family, values, points)
        particles = 1.0
        if family.kind.amount:
            volume = slot_values(system.network, family.volume, family.shape, values).ravel()
            particles = codata.N_A * np.tile(volume, len(points))
        for flux, net, log_K in zip(law.fluxes, law.stoichiometry, law.log_K, strict=True):
            current, standard = law.evaluate([flux, log_K], given)
            affinity = standard.reshape(len(points), -1) - sum(
                n * potentials[:, at] for n, at in zip(net, nodes, strict=True)
            )
            yield family, (current * particles).reshape(affinity.shape), affinity


def _parts(network, points):
    first = 0
    for group in network.reservoirs:
        last = first + int(np.prod(group.shape, dtype=int))
        yield group, points[:, first:last]
        first = last


def entropy_production(system, values, points):
    """Total entropy production (points,) in k_B per second, and that of the worst single device."""
    terms = [current * affinity for _, current, affinity in produced(system, values, points)]
    return sum(term.sum(axis=1) for term in terms), min(float(term.min()) for term in terms)


def state(network, solution):
    """Return the potentials of all reservoirs at a solution as a point, (1, reservoirs)."""
    return np.concatenate([np.ravel(solution.values[group.name]) for group in network.reservoirs])[None]
