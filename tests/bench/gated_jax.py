"""Layers of gated dots written by hand for JAX: a layer's potentials are a ratio of two matrix products.

What flows into a reservoir is linear in its own potential, so nothing is iterated; the gradient is JAX's own.
"""

import jax
import jax.numpy as jnp
import numpy as np

from crncompile.cli import benchmark
from crncompile.cli.machine import seconds_of
from crncompile.compiler import loads

SIZES, BATCH, SUPPLY = (784, 100, 10), 100, 4.0  # kT


def measure():
    """Seconds of a state, and of a state with its gradient, in float64 and float32, and the distance to crncompile."""
    jax.config.update("jax_enable_x64", True)
    network = loads(benchmark.text("gated_dots", SIZES))
    parameters = network.parameters()
    samples = np.random.default_rng(0).uniform(size=(BATCH, SIZES[0]))
    ours = network.solve(x=samples, raw=True, parameters=parameters).raise_for_failure()
    names = ("up_h", "down_h", "up_y", "down_y")
    found = {}
    for kind in (jnp.float64, jnp.float32):
        scale = parameters["up_h.conductance"].mean()  # only ratios count; in 1/s they exceed what float32 can sum
        weights = [jnp.asarray(parameters[f"{name}.conductance"] / scale, kind) for name in names]
        x = jnp.asarray(-2 + 4 * samples, kind)
        states, both = jax.jit(outputs), jax.jit(jax.value_and_grad(total))
        found[f"{kind.__name__}"] = {
            "state_s": seconds_of(lambda f=states, w=weights, x=x: f(w, x).block_until_ready(), 0.5) / BATCH,
            "both_s": seconds_of(lambda f=both, w=weights, x=x: jax.block_until_ready(f(w, x)), 0.5) / BATCH,
            "difference": float(np.abs(np.asarray(states(weights, x)) - ours.values["y"]).max()),
        }
    return found


def layer(up, down, gates):
    """Potentials of a layer between supplies at +- ``SUPPLY``, (samples, targets)."""
    opened = jax.nn.sigmoid(gates)
    raised, lowered = opened @ up, opened @ down
    return SUPPLY * (raised - lowered) / (raised + lowered)


def outputs(weights, x):
    """Potentials of the outputs in kT, (samples, outputs)."""
    up_h, down_h, up_y, down_y = weights
    return layer(up_y, down_y, layer(up_h, down_h, x))


def total(weights, x):
    """What is differentiated: the sum of all outputs."""
    return outputs(weights, x).sum()
