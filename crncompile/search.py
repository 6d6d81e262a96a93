"""From held potentials to solutions: in the precision that is asked for, a portion of the batch at a time."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import DataError, which_of
from crncompile.prepared import PreparedParameters
from crncompile.solution import Solution
from crncompile.solve.adjoint import gradient_at
from crncompile.solve.certificate import Certificate
from crncompile.solve.equations import Linearisation
from crncompile.solve.steady import Variant, steady_states

if TYPE_CHECKING:
    from crncompile.compiled import CompiledNetwork

Array = NDArray[Any]
Parameters = Mapping[str, Array]
PRECISIONS = ("float64", "float32")
_MOST = {"charge": 1e9, "molecules": 300.0}
"""Held potentials in kT, ln(c/1 M) of molecules, beyond which products and differences may leave the numbers."""
MOST_STEPS = 2000
"""Steps of a path from the stated start."""
MOST_NUMBERS = 3e7
"""Numbers that the Jacobians of a portion, their factors and what goes with them may take: 240 MB of 64 bits."""


class Begin(NamedTuple):
    """Where a search begins; see `CompiledNetwork.solve`."""

    totals: Mapping[str, float] | None = None
    injected: Array | None = None
    warm: Array | None = None

    def take(self, samples: slice | Array) -> Begin:
        """Return the same for some samples."""
        parts = (None if array is None else array[samples] for array in (self.injected, self.warm))
        return Begin(self.totals, *parts)


class Wanted(NamedTuple):
    """What is wanted of a search; see `CompiledNetwork.solve_held`."""

    follow: bool = True
    eigenvalues: bool = False
    precision: str = "float64"
    exact: bool = True


def find(
    compiled: CompiledNetwork,
    held: Array,
    parameters: Parameters,
    batch: tuple[int, ...] | None,
    begin: Begin,
    wanted: Wanted,
) -> Solution:
    """Find the steady states of a batch; see `CompiledNetwork.solve_held`."""
    if wanted.precision not in PRECISIONS:
        raise DataError(f"there is no precision {wanted.precision}; {which_of(wanted.precision, PRECISIONS)}")
    batch = (len(held),) if batch is None else batch
    search = _double if wanted.precision == "float64" else _single
    pieces = portions(compiled, len(held))
    if len(pieces) < 2:
        return search(compiled, held, parameters, batch, begin, wanted)
    parts = [search(compiled, held[p], parameters, (len(held[p]),), begin.take(p), wanted) for p in pieces]
    certificate = Certificate.joined([part.certificate for part in parts])
    u, own = np.concatenate([part.u for part in parts]), np.concatenate([part.held for part in parts])
    readouts = compiled.read(u, own, parts[0].parameters, batch)
    return Solution(readouts, certificate, u, own, parts[0].parameters, batch, compiled)


def portions(compiled: CompiledNetwork, samples: int) -> list[slice]:
    """Cut a batch into portions that fit into memory, whatever its size; the cuts depend on the network alone."""
    structure = compiled.functions.structure
    sizes = [where.stop - where.start for where in structure.slices]
    if structure.pattern is not None:
        entries = 20 * len(structure.pattern[0])
    else:
        entries = sum(sizes[r] * (sizes[c] if kind == "dense" else 1) for (r, c), kind in structure.blocks.items())
    numbers = 5 * entries + 20 * (len(structure.reservoirs) + len(structure.held))
    step = max(1, int(MOST_NUMBERS / max(1, numbers)))
    return [slice(first, min(first + step, samples)) for first in range(0, samples, step)]


def _double(
    compiled: CompiledNetwork,
    held: Array,
    parameters: Parameters,
    batch: tuple[int, ...],
    begin: Begin,
    wanted: Wanted,
) -> Solution:
    steps = MOST_STEPS if wanted.follow else 0
    return _solved(compiled, held, parameters, batch, begin, steps, wanted)


def _single(
    compiled: CompiledNetwork,
    held: Array,
    parameters: Parameters,
    batch: tuple[int, ...],
    begin: Begin,
    wanted: Wanted,
) -> Solution:
    """Newton's method in 32 bits; paths are followed in 64, and their ends rounded."""
    single, cast = _in_single(held, parameters)
    quick = _solved(compiled, single, cast, batch, begin, 0, wanted)
    lost = np.flatnonzero(quick.certificate.failed)
    if not (wanted.follow and len(lost)):
        return quick
    cold = begin.take(lost)._replace(warm=None)
    double = {name: np.asarray(value, float) for name, value in parameters.items()}
    exact = _solved(compiled, held[lost].astype(float), double, (len(lost),), cold, MOST_STEPS, wanted)
    u = quick.u.copy()
    u[lost] = exact.u
    certificate = quick.certificate.put(lost, exact.certificate)
    return Solution(compiled.read(u, single, cast, batch), certificate, u, single, cast, batch, compiled)


def _roughly(functions: Any, prepared: Any, held: Array, parameters: Parameters) -> Variant | None:
    """Return the network in 32 bits, where Newton's method had better begin in them."""
    single_first = getattr(functions, "single_first", None)
    if single_first is None or not single_first(prepared):
        return None
    with np.errstate(all="ignore"):  # what is no number in 32 bits finds nothing there, and 64 go all the way
        return Variant(*_ready(functions, *_in_single(held, parameters)))


def _in_single(held: Array, parameters: Parameters) -> tuple[Array, Parameters]:
    """Return held potentials and parameters in 32 bits."""
    if isinstance(parameters, PreparedParameters):
        cast: Parameters = parameters.single()
    else:
        cast = {name: np.asarray(value, np.float32) for name, value in parameters.items()}
    return held.astype(np.float32, copy=False), cast


def _solved(
    compiled: CompiledNetwork,
    held: Array,
    parameters: Parameters,
    batch: tuple[int, ...],
    begin: Begin,
    maximum_steps: int,
    wanted: Wanted,
) -> Solution:
    """Solve in the precision of what is given, paths followed for so many steps."""
    functions = compiled.functions
    ready = _ready(functions, held, parameters)
    exact = compiled.exact if wanted.exact else functions
    lawful = exact is functions or not functions.interpolates(ready[1])
    start = np.broadcast_to(functions.start(parameters), (len(held), len(functions.structure.reservoirs)))
    states = steady_states(
        *ready,
        start,
        warm=begin.warm,
        totals=_totals(functions, begin.totals, parameters),
        injected=None if begin.injected is None else begin.injected.astype(start.dtype, copy=False),
        exact=None if lawful else Variant(*_ready(exact, held, parameters)),
        single=_roughly(functions, ready[1], held, parameters) if lawful and start.dtype == np.float64 else None,
        maximum_steps=maximum_steps,
        eigenvalues=wanted.eigenvalues,
    )
    tiers = _tiers(compiled, states.u, states.linearisation, exact is compiled.exact)
    certificate = replace(
        states.certificate,
        backend=compiled.backend,
        tier=tiers,
        precision=str(start.dtype),
        messages=_explained(compiled, held, states.certificate),
    )
    readouts = compiled.read(states.u, held, parameters, batch)
    return Solution(readouts, certificate, states.u, held, parameters, batch, compiled, states.linearisation)


def _explained(compiled: CompiledNetwork, held: Array, certificate: Certificate) -> tuple[str, ...]:
    """Return why samples failed: where numbers end, whatever the search saw follows from that."""
    messages, labels = list(certificate.messages), compiled.functions.structure.held
    content = {group.name: group.content for group in compiled.network.reservoirs}
    for sample in np.flatnonzero(certificate.failed):
        for fixed in compiled.program.held:
            kind = content[fixed.group.name]
            for place in range(fixed.group.start, fixed.group.stop):
                potential = held[sample, place]
                if not abs(potential) <= _MOST[kind]:
                    size = "small" if kind == "molecules" and potential < 0 else "large"
                    messages[sample] = f"{labels[place]} is too {size} to be computed with"
    return tuple(messages)


def _tiers(compiled: CompiledNetwork, u: Array, last: Linearisation, exactly: bool) -> str:
    """Say by which tiers currents were evaluated, and which interpolated families were not evaluated so."""
    tiers = ", ".join(sorted({family.tier for family in compiled.program.families}))
    if exactly or compiled.exact is compiled.functions:
        return tiers
    apart = compiled.functions.apart(np.nan_to_num(u), last.equations.held, last.equations.parameters)
    return f"{tiers}, interpolated to the end" + (f" but for {', '.join(apart)}" if apart else "")


def _ready(functions: Any, held: Array, parameters: Parameters) -> tuple[Any, Any, Array]:
    """Return functions with what they make of parameters and held potentials once."""
    prepared = parameters.of(functions) if isinstance(parameters, PreparedParameters) else functions.prepare(parameters)
    return functions, prepared, functions.settle(held, prepared)


def _totals(functions: Any, totals: Mapping[str, float] | None, parameters: Parameters) -> Array | None:
    if not totals:
        return None
    names = functions.structure.conserved_names
    values = functions.content(functions.start(parameters)[None], parameters)[0] @ functions.structure.conserved.T
    for name, value in totals.items():
        if name not in names:
            raise DataError(f"nothing called {name} is conserved; {which_of(name, names)}")
        values[names.index(name)] = _finite_number(value, name)
    return np.asarray(values)


def _finite_number(value: float, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{what} must be a finite number, not {value}")
    return number


def slope(
    compiled: CompiledNetwork,
    solution: Solution,
    weights: Mapping[str, Array],
    *,
    per_sample: bool,
    totals_fixed: bool,
    only: Collection[str] | None,
) -> tuple[dict[str, Array], Array]:
    """Differentiate weighted readouts at steady states; see `CompiledNetwork.gradient`.

    Where 32 bits overflow, which products of many rates in 1/s may do, it is done once more in 64.
    """
    options = {"per_sample": per_sample, "totals_fixed": totals_fixed, "only": only}
    shapes = {readout.name: readout.shape for readout in compiled.network.readouts}
    weights = {name: _weights(name, given, shapes, len(solution.u)) for name, given in weights.items()}
    found = _sloped(compiled, solution, weights, options)
    if solution.u.dtype != np.float32 or _finite(found[0]):
        return found
    gradient, to_held = _sloped(compiled, solution.astype(float), weights, options)
    return {name: value.astype(np.float32) for name, value in gradient.items()}, to_held.astype(np.float32)


def _weights(name: str, given: Array, shapes: Mapping[str, tuple[int, ...]], samples: int) -> Array:
    """Return the weights of a readout, (samples, *readout), of those that a user gives."""
    if name not in shapes:
        raise DataError(f"the network has no readout {name}; {which_of(name, shapes)}")
    array, shape = np.asarray(given), (samples, *shapes[name])
    if array.size != math.prod(shape):
        raise DataError(f"the weights of {name} have shape {array.shape}, but {shape} is wanted")
    return array.reshape(shape)


def overflows(compiled: CompiledNetwork, solution: Solution, weights: Mapping[str, Array]) -> bool:
    """Whether a gradient by the trained parameters is not finite in the precision of a solution."""
    return not _finite(_sloped(compiled, solution, weights, {"only": compiled.trained})[0])


def _finite(gradient: Mapping[str, Array]) -> bool:
    return all(np.isfinite(value).all() for value in gradient.values())


def _sloped(
    compiled: CompiledNetwork, solution: Solution, weights: Mapping[str, Array], options: Mapping[str, Any]
) -> tuple[dict[str, Array], Array]:
    found: list[tuple[dict[str, Array], Array]] = []
    pieces = portions(compiled, len(solution.u))
    with np.errstate(all="ignore"):
        for piece in pieces if len(pieces) > 1 else [slice(None)]:
            part = {name: value[piece] for name, value in weights.items()}
            last = solution.linearisation if len(pieces) < 2 else None
            at = (solution.parameters, solution.held[piece], solution.u[piece], part)
            found.append(gradient_at(compiled.functions, *at, linearisation=last, **options))
    if len(found) == 1:
        return found[0]
    join = np.concatenate if options.get("per_sample") else sum
    return {n: np.asarray(join([g[n] for g, _ in found])) for n in found[0][0]}, np.concatenate([h for _, h in found])
