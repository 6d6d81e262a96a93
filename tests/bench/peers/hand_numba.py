"""Newton's method written by hand for numba: fused loops, all cores, one division for an enzyme.

Enzymes are stored by target, so that the inner loop runs over contiguous sources and keeps its two sums in registers;
a few samples share what is read. The hidden layer is eliminated, what remains has the size of the outputs.
"""

import os

os.environ.setdefault("GOMP_SPINCOUNT", "20000")  # threads wait 0.1 ms awake, then asleep: others may be at work too

import numpy as np
from numba import config, njit, prange, set_num_threads

from crncompile.cli.machine import seconds_of
from tests.bench.cases import TOLERANCE
from tests.bench.peers.protocol import Clock

BLOCK = 4
MOST = 100


class Peer:
    """See `protocol.Peer`."""

    title = "hand-written numba"

    def prepare(self, case):
        clock = Clock()
        self.case = case
        self.first, self.second = constants(case.first), constants(case.second)
        self.solve(case.u[:1])  # compiles
        seconds = clock.seconds()
        set_num_threads(min((config.NUMBA_NUM_THREADS, 1), key=self.tried))
        return seconds

    def tried(self, threads):
        """The quickest of a few calls: for the smallest networks a second thread does not pay."""
        set_num_threads(threads)
        return seconds_of(lambda: self.solve(self.case.u), 0.1)

    def solve(self, batch):
        case = self.case
        states = np.full((len(batch), len(case.k)), case.start)
        newton(np.ascontiguousarray(batch), self.first, self.second, case.k, case.low, TOLERANCE, states)
        return states


def constants(layer):
    """The law v = (V s - Q p) / (M + s + R s^2 + T p): V, Q, M, R, T, (5, targets, sources)."""
    found = (layer.Vmax, layer.Vmax / layer.Keq, layer.Km, 1 / layer.Ki, layer.Km / layer.Kp)
    return np.ascontiguousarray(np.stack(found).transpose(0, 2, 1))


@njit(parallel=True, fastmath=True, error_model="numpy")
def newton(u, first, second, k, low, tolerance, states):
    samples = len(u)
    for block in prange((samples + BLOCK - 1) // BLOCK):
        start = block * BLOCK
        stop = min(start + BLOCK, samples)
        hidden, outputs = first.shape[1], second.shape[1]
        inflow, slope = np.empty((BLOCK, hidden)), np.empty((BLOCK, hidden))
        rate, back = np.empty(hidden + outputs), np.empty((outputs, hidden))
        ahead, matrix = np.empty((outputs, hidden)), np.empty((outputs, outputs))
        right, settled = np.empty(outputs), np.zeros(BLOCK, np.bool_)
        for _ in range(MOST):
            first_layer(u, first, states, start, stop, settled, inflow, slope)
            left = 0
            for n in range(start, stop):
                if settled[n - start]:
                    continue
                own = slope[n - start]
                far = second_layer(second, k, low, states[n], inflow[n - start], own, rate, ahead, back, matrix)
                if far < tolerance:
                    settled[n - start] = True
                    continue
                left += 1
                step(states[n], own, rate, ahead, back, matrix, right)
            if left == 0:
                break


@njit(fastmath=True, error_model="numpy")
def first_layer(u, first, states, start, stop, settled, inflow, slope):
    """Sum what flows into every hidden reservoir, and its derivative by that reservoir."""
    V, Q, M, R, T = first[0], first[1], first[2], first[3], first[4]
    for j in range(V.shape[0]):
        for n in range(start, stop):
            if settled[n - start]:
                continue
            h, total, rise = states[n, j], 0.0, 0.0
            for i in range(V.shape[1]):
                x = u[n, i]
                share = 1.0 / (M[j, i] + x + R[j, i] * x * x + T[j, i] * h)
                v = (V[j, i] * x - Q[j, i] * h) * share
                total += v
                rise -= (Q[j, i] + T[j, i] * v) * share
            inflow[n - start, j], slope[n - start, j] = total, rise


@njit(fastmath=True, error_model="numpy")
def second_layer(second, k, low, state, inflow, slope, rate, ahead, back, matrix):
    """Complete ds/dt and the Jacobian; returns the largest |ds/dt|.

    ``slope`` becomes the diagonal of the hidden layer, ``ahead`` dv/dh, ``back`` dv/dy, ``matrix`` the outputs' block.
    """
    V, Q, M, R, T = second[0], second[1], second[2], second[3], second[4]
    outputs, hidden = V.shape
    for j in range(hidden):
        rate[j] = inflow[j] - k[j] * (state[j] - low)
        slope[j] -= k[j]
    for o in range(outputs):
        y, total, rise = state[hidden + o], 0.0, 0.0
        for j in range(hidden):
            h = state[j]
            share = 1.0 / (M[o, j] + h + R[o, j] * h * h + T[o, j] * y)
            v = (V[o, j] * h - Q[o, j] * y) * share
            dh = (V[o, j] - (1.0 + 2.0 * R[o, j] * h) * v) * share
            dy = -(Q[o, j] + T[o, j] * v) * share
            ahead[o, j], back[o, j] = dh, dy
            rate[j] -= v
            slope[j] -= dh
            total += v
            rise += dy
        rate[hidden + o] = total - k[hidden + o] * (y - low)
        for q in range(outputs):
            matrix[o, q] = 0.0
        matrix[o, o] = rise - k[hidden + o]
    return np.abs(rate).max()


@njit(fastmath=True, error_model="numpy")
def step(state, slope, rate, ahead, back, matrix, right):
    """Take Newton's step: the outputs by a Schur complement, then the hidden layer."""
    outputs, hidden = ahead.shape
    for o in range(outputs):
        right[o] = -rate[hidden + o]
        for j in range(hidden):
            scaled = ahead[o, j] / slope[j]
            right[o] += scaled * rate[j]
            for q in range(outputs):
                matrix[o, q] += scaled * back[q, j]
    eliminate(matrix, right)
    for j in range(hidden):
        total = -rate[j]
        for o in range(outputs):
            total += back[o, j] * right[o]
        state[j] += total / slope[j]
    for o in range(outputs):
        state[hidden + o] += right[o]


@njit(fastmath=True, error_model="numpy")
def eliminate(matrix, right):
    """Solve a small system in place, with row pivots."""
    size = len(right)
    for c in range(size):
        pivot = c
        for r in range(c + 1, size):
            if abs(matrix[r, c]) > abs(matrix[pivot, c]):
                pivot = r
        if pivot != c:
            for q in range(size):
                matrix[c, q], matrix[pivot, q] = matrix[pivot, q], matrix[c, q]
            right[c], right[pivot] = right[pivot], right[c]
        for r in range(c + 1, size):
            factor = matrix[r, c] / matrix[c, c]
            right[r] -= factor * right[c]
            for q in range(c + 1, size):
                matrix[r, q] -= factor * matrix[c, q]
    for r in range(size - 1, -1, -1):
        for q in range(r + 1, size):
            right[r] -= matrix[r, q] * right[q]
        right[r] /= matrix[r, r]
