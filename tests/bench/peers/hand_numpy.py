"""Newton's method written by hand for numpy: whole layers at once in tiles that stay in the cache, work done in place.

What the inputs fix in the first layer is computed once for a tile; the hidden layer is eliminated.
"""

import numpy as np

from tests.bench.cases import TOLERANCE
from tests.bench.peers.protocol import Clock

TILE = 32_000  # enzymes times samples: five arrays of this size fit the cache of a core
MOST = 100


class Peer:
    """See `protocol.Peer`."""

    title = "hand-written numpy"

    def prepare(self, case):
        clock = Clock()
        self.case = case
        self.first, self.second = constants(case.first), constants(case.second)
        self.solve(case.u[:1])
        return clock.seconds()

    def solve(self, batch):
        rows = max(1, TILE // self.case.edges)
        tiles = [batch[start : start + rows] for start in range(0, len(batch), rows)]
        return np.concatenate([self._tile(tile) for tile in tiles])

    def _tile(self, u):
        case, hidden = self.case, self.case.layers[1]
        state = np.full((len(u), len(case.k)), case.start)
        V, Q, M, R, T = self.first
        x = u[:, None, :]
        drive, below = V * x, M + x * (1 + R * x)
        for _ in range(MOST):
            h, y = state[:, :hidden], state[:, hidden:]
            p = h[:, :, None]
            share = T * p
            share += below
            np.divide(1, share, out=share)
            v = Q * p
            np.subtract(drive, v, out=v)
            v *= share
            inflow = v.sum(2)
            v *= T
            v += Q
            slope = -np.einsum("nji,nji->nj", v, share) - case.k[:hidden]
            w, ahead, back = outer(self.second, h, y)
            rate = np.concatenate([inflow - w.sum(1), w.sum(2)], axis=1) - case.k * (state - case.low)
            if np.abs(rate).max() < TOLERANCE:
                break
            slope -= ahead.sum(1)
            state += newton_step(rate, slope, ahead, back, back.sum(2) - case.k[hidden:])
        return state


def constants(layer):
    """The law v = (V s - Q p) / (M + s + R s^2 + T p): V, Q, M, R, T, each (targets, sources)."""
    found = (layer.Vmax, layer.Vmax / layer.Keq, layer.Km, 1 / layer.Ki, layer.Km / layer.Kp)
    return tuple(np.ascontiguousarray(c.T) for c in found)


def outer(layer, source, target):
    """Currents of the second layer and both derivatives, each (samples, targets, sources)."""
    V, Q, M, R, T = layer
    s, p = source[:, None, :], target[:, :, None]
    share = 1 / (M + s * (1 + R * s) + T * p)
    v = (V * s - Q * p) * share
    return v, (V - (1 + 2 * R * s) * v) * share, -(Q + T * v) * share


def newton_step(rate, slope, ahead, back, own):
    """The change of all states: the outputs by a Schur complement, then the hidden layer."""
    hidden, outputs = slope.shape[1], own.shape[1]
    scaled = ahead / slope[:, None, :]
    matrix = scaled @ back.transpose(0, 2, 1)
    matrix[:, range(outputs), range(outputs)] += own
    right = (scaled @ rate[:, :hidden, None])[..., 0] - rate[:, hidden:]
    dy = np.linalg.solve(matrix, right[..., None])[..., 0]
    dh = ((dy[:, None, :] @ back)[:, 0] - rate[:, :hidden]) / slope
    return np.concatenate([dh, dy], axis=1)
