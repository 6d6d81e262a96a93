"""The arithmetic of an enzyme alone: value and both derivatives of its law, on arrays that stay in a core's cache."""

import numpy as np
from numba import njit

from crncompile.cli.machine import seconds_of

ENZYMES = 2048  # seven arrays of 16 kB
CALLS = 100


@njit(fastmath=True, error_model="numpy")
def evaluate(V, Q, M, R, T, source, target, times):
    """Evaluate all enzymes some times over; the sums keep the compiler from leaving anything out."""
    total, ahead, back = 0.0, 0.0, 0.0
    for n in range(times):
        shift = 1e-9 * n
        for e in range(len(V)):
            s, p = source[e] + shift, target[e]
            share = 1.0 / (M[e] + s + R[e] * s * s + T[e] * p)
            v = (V[e] * s - Q[e] * p) * share
            total += v
            ahead += (V[e] - (1.0 + 2.0 * R[e] * s) * v) * share
            back -= (Q[e] + T[e] * v) * share
    return total + ahead + back


def rate():
    """Enzymes that one core evaluates in a second."""
    arrays = np.random.default_rng(0).uniform(0.5, 1.5, (7, ENZYMES))
    return CALLS * ENZYMES / seconds_of(lambda: evaluate(*arrays, CALLS), 0.5)
