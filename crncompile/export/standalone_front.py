"""The friendly front of a standalone module; its text is the last part of every one.

It is written for the names that stand before it there: the generated functions, `PARAMETERS`, `INPUTS`, `structure` and
the solver. `export.standalone` takes its text; here it is checked like any other code.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from crncompile.solve.adjoint import gradient_at
from crncompile.solve.certificate import Certificate
from crncompile.solve.problem import Array
from crncompile.solve.steady import steady_states

# --- replaced by the generated module ---
PARAMETERS: dict[str, Array] = {}
INPUTS: dict[str, tuple[int, ...]] = {}
MIDDLE: dict[str, Array] = {}
GROUPS: dict[str, tuple[str, str, slice, tuple[int, ...]]] = {}
NETWORK, READOUTS = "", ()
structure: Any = types.SimpleNamespace()
functions: Any = types.SimpleNamespace()
# --- front ---


@dataclass(frozen=True, eq=False)
class SteadyState:
    """Steady states of a batch of inputs.

    ``states[name]`` is mu in kT or c in M, (*batch, *group), of every group, held ones too; ``readouts[name]`` is
    (*batch, *readout). Samples without a certified steady state are NaN; ``certificate.messages`` says why. ``u``
    (samples, reservoirs) and ``held`` (samples, held) are the potentials mu/kT or ln(c/1 M) that `residual` takes.
    """

    states: dict[str, Array]
    readouts: dict[str, Array]
    certificate: Certificate
    u: Array
    held: Array
    parameters: dict[str, Array]


def complete(parameters: Mapping[str, ArrayLike] | None = None) -> dict[str, Array]:
    """Return all parameters in the coherent system: those given, defaults for the others."""
    given = {name: np.asarray(value) for name, value in (parameters or {}).items()}
    unknown = [name for name in given if name not in PARAMETERS]
    if unknown:
        raise ValueError(f"{NETWORK} has no parameter {', '.join(unknown)}; PARAMETERS names them all")
    return {**PARAMETERS, **given}


def steady_state(
    inputs: Mapping[str, ArrayLike], parameters: Mapping[str, ArrayLike] | None = None, **options: Any
) -> SteadyState:
    """Find the steady states to which the network relaxes from its stated start.

    Parameters
    ----------
    inputs
        For each name in `INPUTS` mu in kT or c in M, (*batch, *group); batches broadcast.
    parameters
        Those that differ from `PARAMETERS`, in the coherent system.
    options
        Passed to `steady_states`: ``warm``, ``totals``, ``eigenvalues``, ...
    """
    wrong = [f"no value for the input {name}" for name in INPUTS if name not in inputs]
    wrong += [f"there is no input {name}" for name in inputs if name not in INPUTS]
    if wrong:
        raise ValueError(f"{', '.join(wrong)}; {NETWORK} has the inputs {', '.join(INPUTS)}")
    values = complete(parameters)
    arrays = {name: np.asarray(inputs[name], float) for name in INPUTS}
    for name, shape in INPUTS.items():
        if arrays[name].shape[arrays[name].ndim - len(shape) :] != shape:
            raise ValueError(f"input {name} is (*batch, *{shape}), not {arrays[name].shape}")
    batch = np.broadcast_shapes(*(a.shape[: a.ndim - len(INPUTS[name])] for name, a in arrays.items()))
    flat = {n: np.broadcast_to(a, batch + INPUTS[n]).reshape((-1, *INPUTS[n])) for n, a in arrays.items()}
    with np.errstate(invalid="ignore", divide="ignore"):  # a concentration that is not positive fails with a message
        held = functions.hold(flat, values)
    start = np.broadcast_to(functions.start(values), (len(held), len(structure.reservoirs)))
    found = steady_states(functions, values, held, start, **options)
    with np.errstate(all="ignore"):
        readings = functions.readouts(found.u, held, values)
    shaped = {name: value.reshape(batch + value.shape[1:]) for name, value in readings.items()}
    return SteadyState(_by_group(found.u, held, batch), shaped, found.certificate, found.u, held, values)


def _by_group(u: Array, held: Array, batch: tuple[int, ...]) -> dict[str, Array]:
    """Return mu in kT or c in M of every group, (*batch, *group)."""
    states = {}
    for name, (side, content, where, shape) in GROUPS.items():
        part = (u if side == "floating" else held)[:, where].reshape(batch + shape)
        states[name] = np.exp(part) if content == "molecules" else part
    return states


def gradient(solution: SteadyState, weights: Mapping[str, ArrayLike], **options: Any) -> tuple[dict[str, Array], Array]:
    """Differentiate L = sum(weights[readout] * readout) at steady states: (dL/dparameters, dL/dheld).

    ``weights[name]`` is (samples, *readout). dL/dparameters[name] has the parameter's shape, summed over the samples,
    or (samples, *shape) with ``per_sample=True``; dL/dheld is (samples, held). Exact: `gradient_at` says how.
    """
    arrays = {name: np.asarray(value) for name, value in weights.items()}
    return gradient_at(functions, solution.parameters, solution.held, solution.u, arrays, **options)


def main() -> int:
    """Solve for the middle of all inputs' ranges and print what comes out."""
    solution = steady_state(MIDDLE)
    print(f"{NETWORK}, inputs in the middle of their ranges:")
    for name, value in solution.readouts.items():
        print(f"  {name} = {np.array2string(value, precision=8, threshold=20)}")
    print(f"certificate: {solution.certificate.summary()}")
    for message in filter(None, solution.certificate.messages):
        print(f"  {message}")
    return 1 if solution.certificate.failed.any() else 0


if __name__ == "__main__":
    sys.exit(main())
