"""Newton's method written by hand for JAX: dense blocks of layers, batches, one jitted loop, a Schur complement.

Batches of large networks go through in tiles, so that what XLA keeps between two sums stays in the cache.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from tests.bench.cases import TOLERANCE
from tests.bench.peers.protocol import Clock

MOST = 100
TILE = 160_000  # enzymes times samples


class Peer:
    """See `protocol.Peer`."""

    title = "hand-written JAX"

    def prepare(self, case):
        clock = Clock()
        jax.config.update("jax_enable_x64", True)
        self.case = case
        self.first, self.second = constants(case.first), constants(case.second)
        self.k = jnp.asarray(case.k)
        self.solve(case.u)  # compiles for this size of batch
        return clock.seconds()

    def solve(self, batch):
        most = max(1, min(len(batch), TILE // self.case.edges))
        rows = max(r for r in range(1, most + 1) if len(batch) % r == 0)
        found = tiled(jnp.asarray(batch), self.first, self.second, self.k, self.case.low, self.case.start, rows)
        return np.asarray(found)


def constants(layer):
    """The law v = (V s - Q p) / (M + s + R s^2 + T p): V, Q, M, R, T, each (targets, sources)."""
    found = (layer.Vmax, layer.Vmax / layer.Keq, layer.Km, 1 / layer.Ki, layer.Km / layer.Kp)
    return tuple(jnp.asarray(c.T.copy()) for c in found)


def flows(layer, source, target):
    """Currents and their derivatives by source and target, each (samples, targets, sources)."""
    V, Q, M, R, T = layer
    s, p = source[:, None, :], target[:, :, None]
    share = 1 / (M + s + R * s * s + T * p)
    v = (V * s - Q * p) * share
    return v, (V - (1 + 2 * R * s) * v) * share, -(Q + T * v) * share


@partial(jax.jit, static_argnums=6)
def tiled(u, first, second, k, low, start, rows):
    """Steady states of a batch, ``rows`` samples at a time."""
    tiles = u.reshape(-1, rows, u.shape[1])
    return jax.lax.map(lambda tile: newton(tile, first, second, k, low, start), tiles).reshape(len(u), -1)


def newton(u, first, second, k, low, start):
    """Steady states of a batch, all samples until the last one has settled."""
    hidden = first[0].shape[0]

    def derivatives(state):
        h, y = state[:, :hidden], state[:, hidden:]
        v, _, dh = flows(first, u, h)
        w, ahead, back = flows(second, h, y)
        rate = jnp.concatenate([v.sum(2) - w.sum(1), w.sum(2)], axis=1) - k * (state - low)
        return rate, dh.sum(2) - ahead.sum(1) - k[:hidden], ahead, back

    def far(state):
        return (jnp.abs(state[1]).max() >= TOLERANCE) & (state[-1] < MOST)

    def step(carried):
        state, rate, slope, ahead, back, steps = carried
        scaled = ahead / slope[:, None, :]
        own = (back.sum(2) - k[hidden:])[:, :, None] * jnp.eye(back.shape[1])
        matrix = own + scaled @ back.transpose(0, 2, 1)
        right = jnp.einsum("noj,nj->no", scaled, rate[:, :hidden]) - rate[:, hidden:]
        dy = jnp.linalg.solve(matrix, right[..., None])[..., 0]
        dh = (jnp.einsum("noj,no->nj", back, dy) - rate[:, :hidden]) / slope
        new = state + jnp.concatenate([dh, dy], axis=1)
        return new, *derivatives(new), steps + 1

    state = jnp.full((len(u), len(k)), start)
    return jax.lax.while_loop(far, step, (state, *derivatives(state), 0))[0]
