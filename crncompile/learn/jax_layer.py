"""A network as a layer of somebody's JAX model: a function with its own derivative, found by the network's solver.

Forward the steady states are found on the host, through ``jax.pure_callback``; backward the exact adjoint gives the
derivatives by parameters and by inputs (implicit-function theorem, `solve.adjoint`). The extra ``gpu`` installs JAX,
which nothing else here imports.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.compiled import CompiledNetwork, Values
from crncompile.errors import DataError, which_of
from crncompile.learn.data import raw_axes
from crncompile.learn.transform import Packing
from crncompile.network.coding import slope
from crncompile.network.types import Reservoir
from crncompile.solution import Solution

Array = NDArray[Any]
Parameters = Mapping[str, Array]


def jax_layer(
    compiled: CompiledNetwork,
    *,
    raw: bool = True,
    free: bool = True,
    seed: int = 0,
    parameters: Values | None = None,
) -> JaxLayer:
    """Return a network as a function ``layer(parameters, inputs)`` for ``jax.jit``, ``jax.grad`` and ``jax.vmap``.

    Parameters
    ----------
    raw
        Inputs are raw data, as ``data = [lowest, highest]`` in the model maps them; else numbers in the unit of each
        input's range.
    free
        Trained parameters are given as free variables, of which every value is allowed and a unit step is of a
        sensible size; else as values in the coherent system.
    seed, parameters
        What `JaxLayer.initial` gives, and the values of all parameters that a call does not name.

    Raises ImportError without JAX, DataError for a network without inputs or readouts.
    """
    return JaxLayer(compiled, _jax(), raw=raw, free=free, values=compiled.parameters(parameters, seed))


def _jax() -> ModuleType:
    try:
        jax: ModuleType = importlib.import_module("jax")
    except ImportError as error:
        raise ImportError("jax_layer needs JAX: pip install 'crncompile[gpu]'", name="jax") from error
    return jax


class JaxLayer:
    """A differentiable function of trained parameters by name, and of inputs (..., features).

    Returns all readouts in the order of the model, (..., outputs): NaN where there is no steady state, for which
    `CompiledNetwork.solve` says why. Arithmetic is in 64 bits, whatever JAX calculates in. Derivatives are exact, of
    first order and by reverse accumulation. `jax.vmap` over inputs solves all at once, over parameters one by one.
    A sample on which a loss does not depend has no part in its gradient, even where it has no steady state.

    A call follows the relaxation from the model's start, and so depends on its arguments alone; in a loop of training
    `near` is much faster for a network with negative differential conductance.
    """

    def __init__(
        self, compiled: CompiledNetwork, jax: ModuleType, *, raw: bool, free: bool, values: dict[str, Array]
    ) -> None:
        self._jax, self._values, self._free = jax, values, free
        self._host = _Host(compiled, raw, Packing.of(compiled.network), free, values)
        self._function = self._differentiable()

    def initial(self) -> dict[str, Array]:
        """Return the trained parameters to begin with, by name."""
        return self._host.to_given(self._values)

    def values(self, parameters: Mapping[str, Any]) -> dict[str, Array]:
        """Return all parameters in the coherent system, as `CompiledNetwork.solve` takes them."""
        self._check(parameters)
        return self._host.full({name: np.asarray(value, float) for name, value in parameters.items()})

    def __call__(self, parameters: Mapping[str, Any], inputs: Any) -> Any:
        """Return readouts (..., outputs) of inputs (..., features).

        Raises DataError for parameters that are unknown or not trained, and for shapes that do not fit.
        """
        return self.near(parameters, inputs)[0]

    def near(self, parameters: Mapping[str, Any], inputs: Any, states: Any = None) -> tuple[Any, Any]:
        """Return readouts (..., outputs) and states (..., floating), found near other ``states`` where it can be.

        ``states`` are those of the same inputs at other parameters, or a mean one, (floating,): Newton's method begins
        there, and only what it does not lead to a stable state is followed from the start. Not differentiated by, nor
        are the states that are returned.
        """
        jnp, host = self._jax.numpy, self._host
        self._check(parameters)
        inputs = jnp.asarray(inputs)
        if inputs.ndim < 1 or inputs.shape[-1] != host.features:
            raise DataError(f"the layer takes inputs (..., {host.features}), not of shape {inputs.shape}")
        given = {name: jnp.asarray(value) for name, value in parameters.items()}
        dtype = jnp.result_type(jnp.float32, inputs, *given.values())
        given = {name: value.astype(dtype) for name, value in given.items()}
        flat = inputs.astype(dtype).reshape(-1, host.features)
        begin = jnp.asarray(jnp.nan if states is None else states, dtype)
        begin = jnp.broadcast_to(begin, (*inputs.shape[:-1], host.floating)).reshape(-1, host.floating)
        readouts, found = self._function(given, flat, self._jax.lax.stop_gradient(begin))
        found = self._jax.lax.stop_gradient(found)
        return readouts.reshape(*inputs.shape[:-1], -1), found.reshape(*inputs.shape[:-1], -1)

    def _check(self, parameters: Mapping[str, Any]) -> None:
        shapes = self._host.shapes
        for name, value in parameters.items():
            if name not in shapes:
                raise DataError(f"the network has no trained parameter {name}; {which_of(name, shapes)}")
            if np.shape(value) != shapes[name]:
                raise DataError(f"parameter {name} has shape {np.shape(value)}, but the network needs {shapes[name]}")

    def _differentiable(self) -> Any:
        """Return the function of parameters, inputs and states (batch, ...) that JAX differentiates by our rule."""
        jax, host = self._jax, self._host

        @jax.custom_vjp  # type: ignore[untyped-decorator,unused-ignore]
        def layer(parameters: dict[str, Any], X: Any, near: Any) -> Any:
            shapes = [jax.ShapeDtypeStruct((len(X), size), X.dtype) for size in (host.outputs, host.floating)]
            return jax.pure_callback(host.forward, shapes, parameters, X, near, vmap_method="expand_dims")

        def forward(parameters: dict[str, Any], X: Any, near: Any) -> Any:
            readouts, u = layer(parameters, X, near)
            return (readouts, u), (parameters, X, u)

        def backward(kept: Any, weights: Any) -> Any:
            like = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), kept[:2])
            found = jax.pure_callback(host.backward, like, *kept, weights[0], vmap_method="expand_dims")
            return (*found, jax.numpy.zeros_like(kept[2]))

        layer.defvjp(forward, backward)
        return layer


class _Host:
    """What is done outside of JAX, in numpy and 64 bits.

    Arrays come with leading axes, which `jax.vmap` adds: of its size where they vary, else of size one.
    """

    def __init__(
        self, compiled: CompiledNetwork, raw: bool, packing: Packing, free: bool, values: dict[str, Array]
    ) -> None:
        self.compiled, self.raw, self.base = compiled, raw, values
        self.maps = {p.name: m for p, m in zip(packing.parameters, packing.maps, strict=True)} if free else {}
        self.shapes = {p.name: p.shape for p in packing.parameters}
        self.inputs = [(group, self._shape(group)) for group in compiled.inputs]
        self.features = sum(math.prod(shape) for _, shape in self.inputs)
        self.sizes = [math.prod(readout.shape) for readout in compiled.network.readouts]
        self.outputs, self.floating = sum(self.sizes), len(compiled.functions.structure.reservoirs)
        if not self.inputs or not self.sizes:
            raise DataError("to be a layer, a network needs inputs and readouts")

    def _shape(self, group: Reservoir) -> tuple[int, ...]:
        return tuple(axis.size for axis in raw_axes(group)) if self.raw else group.shape

    # --- parameters and inputs ---

    def to_given(self, values: Parameters) -> dict[str, Array]:
        """Return the trained ones among values as a call takes them."""
        return {n: self.maps[n].free(values[n]) if n in self.maps else np.array(values[n]) for n in self.shapes}

    def full(self, given: Parameters) -> dict[str, Array]:
        """Return all parameters in the coherent system."""
        found = {n: self.maps[n].value_and_slope(z)[0] if n in self.maps else z for n, z in given.items()}
        return {**self.base, **found}

    def _split(self, X: Array) -> dict[str, Array]:
        cuts = np.cumsum([math.prod(shape) for _, shape in self.inputs])[:-1]
        parts = np.split(X, cuts, axis=1)
        return {group.name: part.reshape(-1, *shape) for (group, shape), part in zip(self.inputs, parts, strict=True)}

    def _solved(self, given: Parameters, X: Array, near: Array, follow: bool = True) -> Solution:
        values = self.full(given)
        held, _ = self.compiled.held(self._split(X), values, raw=self.raw)
        return self.compiled.solve_held(held, values, warm=near if np.isfinite(near).any() else None, follow=follow)

    # --- forward and backward ---

    def forward(self, parameters: Mapping[str, Any], X: Any, near: Any) -> tuple[Array, Array]:
        """Return readouts (*lead, batch, outputs) and states (*lead, batch, floating)."""
        given, dtype = _numbers(parameters), X.dtype
        X, near = _numbers({"X": X, "near": near}).values()
        lead = np.broadcast_shapes(X.shape[:-2], near.shape[:-2], *self._leads(given))
        readouts, states = (np.empty((*lead, X.shape[-2], size)) for size in (self.outputs, self.floating))
        if self._alike(given):
            flat, start = (np.broadcast_to(a, (*lead, *a.shape[-2:])).reshape(-1, a.shape[-1]) for a in (X, near))
            found = self._solved(self._at(given, (0,) * len(lead)), flat, start)
            readouts[...], states[...] = self._read(found).reshape(readouts.shape), found.u.reshape(states.shape)
        else:
            for where in np.ndindex(lead):
                found = self._solved(self._at(given, where), _of(X, where), _of(near, where))
                readouts[where], states[where] = self._read(found), found.u
        return readouts.astype(dtype), states.astype(dtype)

    def _read(self, solution: Solution) -> Array:
        parts = [solution.readouts[r.name] for r in self.compiled.network.readouts]
        return np.concatenate([part.reshape(len(solution.u), -1) for part in parts], axis=1)

    def backward(self, parameters: Mapping[str, Any], X: Any, u: Any, weights: Any) -> tuple[dict[str, Array], Array]:
        """Return derivatives by the parameters, (*lead, *parameter), and by inputs, (*lead, batch, features)."""
        given, dtype = _numbers(parameters), X.dtype
        X, u, weights = _numbers({"X": X, "u": u, "weights": weights}).values()
        lead = np.broadcast_shapes(X.shape[:-2], u.shape[:-2], weights.shape[:-2], *self._leads(given))
        slopes = {n: np.zeros((*lead, *self.shapes[n])) for n in given}
        inward = np.zeros((*lead, *X.shape[-2:]))
        for where in np.ndindex(lead):
            here, states, along = _of(X, where), _of(u, where), _of(weights, where)
            used = np.flatnonzero(np.any(along != 0, axis=1))
            if used.size:
                part = self._slope(self._at(given, where), here[used], states[used], along[used])
                for name in given:
                    slopes[name][where] = part[0][name]
                inward[where][used] = part[1]
        return {name: value.astype(dtype) for name, value in slopes.items()}, inward.astype(dtype)

    def _slope(self, given: Parameters, X: Array, u: Array, weights: Array) -> tuple[dict[str, Array], Array]:
        """Differentiate sum(weights * readouts) by given parameters and by inputs (batch, features)."""
        solution = self._solved(given, X, u, follow=False)
        parts = np.split(weights, np.cumsum(self.sizes)[:-1], axis=1)
        named = {r.name: p.reshape(-1, *r.shape) for r, p in zip(self.compiled.network.readouts, parts, strict=True)}
        by_value, by_held = self.compiled.gradient(solution, named)
        slopes = {
            n: by_value[n] * self.maps[n].value_and_slope(z)[1] if n in self.maps else by_value[n]
            for n, z in given.items()
        }
        return slopes, self._inward(self._split(X), by_held)

    def _inward(self, inputs: Mapping[str, Array], by_held: Array) -> Array:
        """Return derivatives by inputs from those by held potentials."""
        places = {code.group.name: code.group for code in self.compiled.program.held}
        parts = []
        for group, _ in self.inputs:
            here = by_held[:, places[group.name].start : places[group.name].stop].reshape(-1, *group.shape)
            chained = here * slope(self.compiled.network, group, inputs[group.name], raw=self.raw)
            if chained.ndim > inputs[group.name].ndim:  # both rails of a dual encoding show the same number
                chained = chained.sum(axis=-1)
            parts.append(chained.reshape(len(by_held), -1))
        return np.concatenate(parts, axis=1)

    # --- leading axes ---

    def _leads(self, given: Parameters) -> Iterator[tuple[int, ...]]:
        return (value.shape[: value.ndim - len(self.shapes[name])] for name, value in given.items())

    def _alike(self, given: Parameters) -> bool:
        """Whether all leading places have the same parameters."""
        return all(math.prod(lead) == 1 for lead in self._leads(given))

    def _at(self, given: Parameters, where: tuple[int, ...]) -> dict[str, Array]:
        return {name: _of(value, where) for name, value in given.items()}


def _of(value: Array, where: tuple[int, ...]) -> Array:
    """Return what stands at a leading place; an axis of size one is the same everywhere."""
    chosen: Array = value[tuple(i if n > 1 else 0 for i, n in zip(where, value.shape, strict=False))]
    return chosen


def _numbers(values: Mapping[str, Any]) -> dict[str, Array]:
    return {name: np.asarray(value, float) for name, value in values.items()}
