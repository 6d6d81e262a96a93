"""Constants of nature in SI units, exact since they define the units (BIPM, SI Brochure, 9th ed., 2019)."""

from __future__ import annotations

import math

#: Boltzmann's constant, J/K.
k = 1.380649e-23
#: Charge of a proton, C.
e = 1.602176634e-19
#: Avogadro's constant, 1/mol.
N_A = 6.02214076e23
#: Planck's constant over 2 pi, J s.
hbar = 6.62607015e-34 / (2 * math.pi)
pi = math.pi
