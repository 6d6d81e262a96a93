"""The backend `jax`: currents, Jacobian and gradients of a Program compiled by JAX for the CPU or a GPU.

They take and give numpy arrays, and compute in the precision of what they are given: float64, or float32 where both
potentials and parameters are; laws that float32 does not hold (see `jax_precision`) are evaluated in float64. Complex
potentials, gradients sample by sample, devices whose fluxes are solved for, and all that is not of the network's
currents are left to the numpy functions of the same Program.
"""

from __future__ import annotations

import operator
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from crncompile.backends import numpy_backend
from crncompile.errors import DataError
from crncompile.program.types import Kernel, Program, Split

try:
    import jax
    import jax.experimental
except ModuleNotFoundError as error:
    raise DataError("the backend jax needs JAX, which is not installed: pip install 'crncompile[gpu]'") from error
except (ImportError, RuntimeError) as error:  # its parts do not fit each other
    raise DataError(f"JAX is installed but does not start: {error}") from error

from crncompile.backends.jax_network import TracedNetwork, devices, power_of_two
from crncompile.backends.jax_precision import wide_kernels

Array = NDArray[Any]
TILES = {"cpu": 1 << 18}
"""Devices that are evaluated at once, so that temporaries stay in cache; elsewhere `TILE`."""
TILE = 1 << 24
AT_ONCE = 1 << 24
"""Numbers in the results of one call."""
LITTLE = 1 << 14
"""Devices times samples that take no longer than the call itself: smaller batches are filled up to this."""


def load(program: Program) -> Any:
    """Return the functions of a program's numpy module, those of the network replaced by traced ones.

    Raises DataError where JAX finds no device to compute on.
    """
    try:
        jax.devices()
    except RuntimeError as error:
        raise DataError(f"the backend jax finds no device to compute on: {error}") from error
    network = Network(program)
    names = ("prepare", "settle", "currents", "gross", "linearise", "pullback")
    return types.SimpleNamespace(**(vars(network.whole) | {name: getattr(network, name) for name in names}))


def _both_precisions() -> Any:
    """Have float64 while something is done, whatever the user of jax has set for all else."""
    return (jax if hasattr(jax, "enable_x64") else jax.experimental).enable_x64(True)


_WANTED = {"xla_cpu_experimental_ynn_fusion_type": ""}


@cache
def _options() -> dict[str, str]:
    """Return what is asked of XLA, as far as it knows these words.

    Sums by the library that it hands them to keep whole families in memory; loops of its own take a tenth of the time.
    """
    try:
        jax.jit(lambda x: x, compiler_options=_WANTED)(0.0)
    except (RuntimeError, TypeError):
        return {}
    return _WANTED


class Prepared(dict[str, Array]):
    """Parameters with what they give on the device: ``compiled`` are the functions to be called with ``given``."""

    def __init__(self, parameters: Mapping[str, Array], compiled: Compiled, given: Mapping[str, Any]):
        super().__init__(parameters)
        self.compiled, self.given = compiled, given


class Compiled:
    """The functions of one traced network, compiled when they are called first, for batches of a few sizes."""

    def __init__(self, network: TracedNetwork):
        self.network = network
        self.largest = power_of_two(AT_ONCE // network.width())
        self.smallest = min(self.largest, power_of_two(LITTLE // devices(network.program.families)))
        self._functions: dict[str, Callable[..., Any]] = {}

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a function of the traced network."""
        if name not in self._functions:
            options = {"compiler_options": _options()} if _options() else {}
            self._functions[name] = jax.jit(getattr(self.network, name), **options)
        with _both_precisions(), jax.default_matmul_precision("float32"):
            return self._functions[name](*arguments)

    @cached_property
    def _indices(self) -> Mapping[str, Any]:
        return self.on_device(self.network.indices)

    @staticmethod
    def on_device(arrays: Mapping[str, Array]) -> Mapping[str, Any]:
        """Put arrays where they are computed with."""
        with _both_precisions():
            return dict(jax.device_put(dict(arrays)))

    def prepare(self, parameters: Mapping[str, Array]) -> Prepared:
        """Put parameters on the device, with what they fix."""
        whole = {**self.on_device({name: _real(value) for name, value in parameters.items()}), **self._indices}
        return Prepared(parameters, self, {"parameters": whole, "fixed": self.call("fixed", whole)})

    def tiles(self, batch: int) -> Iterator[tuple[slice, int]]:
        """Yield pieces of a batch, with the size that each is to be filled up to: a power of two.

        A size that comes for the first time is compiled for, so there are few.
        """
        for first in range(0, batch, self.largest):
            last = min(first + self.largest, batch)
            yield slice(first, last), max(self.smallest, 1 << (last - first - 1).bit_length())

    def joined(self, name: str, batched: Sequence[Array], given: Mapping[str, Any]) -> Any:
        """Call a function whose results are batched too on all of a batch; return arrays that may be written to."""
        batch, tree = len(batched[0]), None
        whole: list[Array] = []
        for tile, size in self.tiles(batch):
            found = self.call(name, *(filled(array[tile], size) for array in batched), given)
            leaves, tree = jax.tree.flatten(found)
            whole = whole or [np.empty((batch, *leaf.shape[1:]), leaf.dtype) for leaf in leaves]
            for array, leaf in zip(whole, leaves, strict=True):
                array[tile] = np.asarray(leaf)[: tile.stop - tile.start]
        return jax.tree.unflatten(tree, whole)

    def pullback(self, adjoint: Array, u: Array, held: Array, prepared: Prepared) -> tuple[dict[str, Array], Array]:
        """Return derivatives of sum(adjoint * currents): ({parameter: array}, (batch, held))."""
        moved, still = _parted(prepared.given["parameters"], self.network.moved())
        gradient: dict[str, Array] = {}
        to_held = []
        for tile, size in self.tiles(len(u)):
            weights = np.zeros((size, adjoint.shape[1]), adjoint.dtype)
            weights[: tile.stop - tile.start] = adjoint[tile]
            found, part = self.call("pullback", weights, filled(u[tile], size), filled(held[tile], size), moved, still)
            gradient = {name: gradient.get(name, 0.0) + np.asarray(value) for name, value in found.items()}
            to_held.append(np.asarray(part)[: tile.stop - tile.start])
        return gradient, np.concatenate(to_held)


class Network:
    """The functions of one network, for numpy arrays."""

    def __init__(self, program: Program):
        kernels = {kernel.name: kernel for kernel in program.kernels}
        traced = tuple(family for family in program.families if isinstance(kernels[family.kernel], Kernel))
        others = tuple(family for family in program.families if family not in traced)
        self.whole = numpy_backend.elementwise(program)
        self.rest = numpy_backend.elementwise(replace(program, families=others)) if others else None
        program = replace(program, families=traced)
        tile = TILES.get(jax.default_backend(), TILE)
        wide = wide_kernels(program)
        split = [family.kernel for family in program.families if isinstance(family.split, Split)]
        self.apart = Compiled(TracedNetwork(program, False, tile, wide))
        self.products = Compiled(TracedNetwork(program, True, tile, wide)) if split else self.apart
        self.double = not wide.isdisjoint(split)
        shapes = {parameter.name: parameter.shape for parameter in program.parameters}
        splits = [family.split for family in program.families if isinstance(family.split, Split)]
        self.shared = {name: shapes[name] for one in splits for name in one.shared}
        self.held = self.apart.network.held

    def prepare(self, parameters: Mapping[str, Array]) -> Mapping[str, Array]:
        """Put parameters on the device, with what they fix."""
        if isinstance(parameters, Prepared) or any(np.iscomplexobj(value) for value in parameters.values()):
            return parameters
        fits = all(np.shape(parameters[name]) == shape for name, shape in self.shared.items())
        if self.double:  # products would be of what single precision does not hold
            fits = fits and any(_real(value).dtype == float for value in parameters.values())
        return (self.products if fits else self.apart).prepare(parameters)

    def settle(self, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Return held potentials with what they decide of the families that are matrix products."""
        prepared = self.prepare(parameters)
        if not _traceable(prepared, held) or not prepared.compiled.network.families:
            return held
        return np.asarray(prepared.compiled.joined("settle", [_real(held)], prepared.given))

    def currents(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Net current into every floating reservoir, (batch, reservoirs), in 1/s."""
        return self._summed("currents", u, held, parameters)

    def gross(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Sum of the absolute values of all terms of `currents`, (batch, reservoirs); products count as terms."""
        return self._summed("gross", u, held, parameters)

    def _summed(self, name: str, u: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        prepared = self.prepare(parameters)
        if not _traceable(prepared, u, held):
            return np.asarray(getattr(self.whole, name)(u, held[:, : self.held], parameters))
        into: Array = prepared.compiled.joined(name, [_real(u), _real(held)], prepared.given)
        if self.rest is not None:
            into += getattr(self.rest, name)(u, held[:, : self.held], parameters)
        return into

    def linearise(self, u: Array, held: Array, parameters: Mapping[str, Array]) -> tuple[Array, Any]:
        """`currents` and their Jacobian by blocks or entries."""
        prepared, own = self.prepare(parameters), held[:, : self.held]
        if not _traceable(prepared, u, held):
            return tuple(self.whole.linearise(u, own, parameters))
        into, jacobian = prepared.compiled.joined("linearise", [_real(u), _real(held)], prepared.given)
        if self.rest is not None:
            more, entries = self.rest.linearise(u, own, parameters)
            into += more
            jacobian = jax.tree.map(operator.iadd, jacobian, entries)
        return into, jacobian

    def pullback(
        self,
        adjoint: Array,
        u: Array,
        held: Array,
        parameters: Mapping[str, Array],
        per_sample: bool = False,
        only: Collection[str] | None = None,
    ) -> tuple[dict[str, Array], Array]:
        """Return derivatives of sum(adjoint * currents): ({parameter: array}, (batch, held)).

        By the parameters in ``only`` at least, where it is given.
        """
        prepared, own = self.prepare(parameters), held[:, : self.held]
        if per_sample or not _traceable(prepared, adjoint, u, held):
            return tuple(self.whole.pullback(adjoint, u, own, parameters, per_sample))
        gradient, to_held = prepared.compiled.pullback(_real(adjoint), _real(u), _real(own), prepared)
        if self.rest is not None:
            more, held_part = self.rest.pullback(adjoint, u, own, parameters, False, only)
            gradient |= {name: gradient.get(name, 0.0) + value for name, value in more.items()}
            to_held += held_part
        return gradient, to_held


def _traceable(parameters: Mapping[str, Array], *arrays: Array) -> TypeGuard[Prepared]:
    """Whether everything is real; parameters are then on the device."""
    return isinstance(parameters, Prepared) and not any(map(np.iscomplexobj, arrays))


def filled(array: Array, size: int) -> Array:
    """Repeat the last row of an array (rows, ...) until there are ``size`` rows."""
    missing = size - len(array)
    return np.concatenate([array, np.broadcast_to(array[-1], (missing, *array.shape[1:]))]) if missing else array


def _parted(arrays: Mapping[str, Any], names: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part arrays into those of some names, and all others."""
    moved = {name: value for name, value in arrays.items() if name in names}
    return moved, {name: value for name, value in arrays.items() if name not in names}


def _real(array: Any) -> Array:
    """Return an array in single or double precision."""
    found = np.asarray(array)
    return found if found.dtype in (np.float32, np.float64) else found.astype(float)
