"""A Program as the text of one Python module that needs only numpy."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.backends import numpy_elimination, numpy_runtime
from crncompile.backends.kernel_text import kernel_functions, readout_functions, solved_functions
from crncompile.backends.network_text import NetworkText
from crncompile.backends.packed import Packed
from crncompile.backends.reading import Reader
from crncompile.backends.reservoir_text import ReservoirText
from crncompile.backends.text import section, wrapped
from crncompile.program.types import Kernel, Program, SolvedKernel

IMPORTS = """
from __future__ import annotations

import contextvars
import math
import os
import types
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
"""

_ENTRY = '''
class Prepared(dict[str, Array]):
    """Parameters with what is computed of them alone: ``constants``, by family, and the precision of all, ``dtype``."""

    def __init__(self, parameters: Mapping[str, Array]):
        super().__init__(parameters)
        with np.errstate(all="ignore"):  # what is beyond all numbers shows where it is used
            self.constants = constants_of(parameters)
        self.dtype = dtype_of(*parameters.values())


def prepare(parameters):
    """Parameters, with what is computed of them once where the same ones are used many times."""
    return parameters if isinstance(parameters, Prepared) else Prepared(parameters)


def settle(held, parameters):
    """Held potentials (batch, held), with what is computed of them once where the same ones are used many times."""
    return held


def currents(u, held, parameters):
    """Net current into every floating reservoir, (batch, reservoirs), in 1/s.

    ``u`` (batch, reservoirs) and ``held`` (batch, held) are dimensionless potentials mu/kT or ln(c/1 M).
    """
    return in_tiles(_currents, DEVICES, prepare(parameters), u, held)


def gross(u, held, parameters):
    """Sum of the absolute values of all terms of `currents`, (batch, reservoirs)."""
    return in_tiles(_gross, DEVICES, prepare(parameters), u, held)


def linearise(u, held, parameters):
    """`currents` and their Jacobian: blocks {(row group, column group): (batch, rows[, columns])}, or entries.

    Entries (batch, entries) are those of `structure.pattern`.
    """
    return in_tiles(_linearise, DEVICES, prepare(parameters), u, held)


def jacobian(u, held, parameters):
    """Derivative of `currents` with respect to ``u``, (batch, reservoirs, reservoirs)."""
    return dense_jacobian(structure, linearise(u, held, parameters)[1], len(u))


def pullback(adjoint, u, held, parameters, per_sample=False, only=None):
    """Derivatives of sum(adjoint * currents): ({parameter: array}, (batch, held)).

    Each parameter's array has its shape, summed over the batch, or (batch, *shape) with ``per_sample``. Those that are
    not in ``only`` need not be computed, and neither need then derivatives by held potentials; here all are.
    """
    parameters = prepare(parameters)
    if per_sample:
        return in_tiles(_pullback, DEVICES, parameters, adjoint, u, held)
    total, to_held = {}, []
    for tile in tiles(len(u), min(DEVICES, TILE // SAMPLES)):
        part, held_part = _pullback(adjoint[tile], u[tile], held[tile], parameters)
        total = {name: total.get(name, 0.0) + value for name, value in summed(part).items()}
        to_held.append(held_part)
    return total, joined(to_held)
'''

_MONOTONE = '''
def monotone(u_low, u_high, held, parameters):
    """Whether all differential conductances are positive between two potentials, (batch,).

    Of the terminals at floating reservoirs, as far as it can be told from the signs of their terms.
    """
    return in_tiles(_monotone, DEVICES, prepare(parameters), u_low, u_high, held)
'''


def module_text(program: Program, values: Mapping[str, NDArray[Any]], header: str) -> str:
    """Return the text of the module of a program.

    ``values`` are the default parameters in the coherent system, ``header`` is the text of the module's docstring.
    """
    return joined_text([f'"""{header}"""', IMPORTS, *module_parts(program, values)])


def module_parts(
    program: Program, values: Mapping[str, NDArray[Any]], taken: frozenset[str] = frozenset()
) -> list[str]:
    """Return the parts of a module behind its docstring and imports; ``taken`` are names that no device may have."""
    reader = Reader(program, taken)
    network, reservoirs = NetworkText(reader), ReservoirText(reader).functions()
    functions = network.functions()
    packed = Packed()
    constants = _constants(program, values, reader, packed)
    return [
        section("array operations"),
        runtime_text(numpy_runtime),
        *_solving(program),
        section("names, units, structure, parameters"),
        constants,
        section("devices and readouts"),
        *_kernels(program, network),
        section("network, one tile of the batch at a time"),
        *functions,
        section("reservoirs"),
        *reservoirs,
        section("network"),
        _ENTRY,
        *([_MONOTONE] if program.bounded else []),
        *packed.sections(),
    ]


def device_text(kernel: Kernel | SolvedKernel, name: str) -> str:
    """Return the text of a module with the functions of one device kind alone."""
    if isinstance(kernel, SolvedKernel):
        solving = [runtime_text(numpy_elimination), solved_functions(kernel, name)]
        return joined_text([IMPORTS, runtime_text(numpy_runtime), *solving])
    return joined_text([IMPORTS, runtime_text(numpy_runtime), kernel_functions(kernel, name)])


def solves(program: Program) -> bool:
    """Whether a program has devices whose fluxes are solved for when it runs."""
    return any(isinstance(kernel, SolvedKernel) for kernel in program.kernels)


def _rows(kernel: Kernel | SolvedKernel) -> int:
    """Return how many arrays of a family's size stand in one there: all rates where they are solved for."""
    return max(1, kernel.plan.rates // 4) if isinstance(kernel, SolvedKernel) else 1


def _solving(program: Program) -> list[str]:
    return [section("devices with many states"), runtime_text(numpy_elimination)] if solves(program) else []


def joined_text(parts: Iterable[str]) -> str:
    """Join the parts of a module with two empty lines between them, one behind a section's heading."""
    text = ""
    for part in parts:
        gap = "\n" if text.endswith("-\n") else "\n\n"
        text += (gap if text else "") + part.strip("\n") + "\n"
    return text


def _kernels(program: Program, network: NetworkText) -> Iterator[str]:
    """Yield the functions of all kinds of devices, and of readouts."""
    for kernel in program.kernels:
        if kernel.name in network.laws:
            yield network.laws[kernel.name].text()
        elif isinstance(kernel, Kernel):
            yield readout_functions(kernel, network.reader.kernel_names[kernel.name])


def runtime_text(module: Any) -> str:
    """Return a module's text without its docstring and imports, to stand inside a generated module."""
    lines = inspect.getsource(module).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(("N_A", "TILE", "Array", "def ", "class ", "@")))
    return "\n".join(lines[first:])


def _constants(program: Program, values: Mapping[str, NDArray[Any]], reader: Reader, packed: Packed) -> str:
    sizes = [int(np.prod(f.shape, dtype=np.int64)) * _rows(reader.kernels[f.kernel]) for f in program.families]
    lines = [
        f"NETWORK = {program.name!r}",
        f"TEMPERATURE = {program.temperature!r}  # K",
        f"DEVICES = {max(sizes, default=1)}  # of the largest family",
        f"READOUTS = {tuple(readout.name for readout in program.readouts)!r}",
        "# Inputs with the shapes of their groups",
        "INPUTS = {" + ", ".join(f"{h.group.name!r}: {h.group.shape!r}" for h in program.held if h.at is None) + "}",
        "",
        *_parameters(program, values, packed),
        *(f"{name} = {packed.literal(name, value)}" for name, value in reader.arrays.values.items()),
        *_structure(program, packed),
    ]
    return "\n".join(map(wrapped, lines))


def _parameters(program: Program, values: Mapping[str, NDArray[Any]], packed: Packed) -> list[str]:
    if not values:
        return []
    return [
        "# Default parameters in the coherent system: energies in kT, rates in 1/s, concentrations in M, volumes in L,",
        "# capacitances in e^2/kT.",
        "PARAMETERS = {",
        *(f"    {p.name!r}: {packed.literal(f'PARAMETERS[{p.name!r}]', values[p.name])}," for p in program.parameters),
        "}",
        "",
        "# The unit in which the model states each parameter, and that unit in the coherent system",
        "UNITS = {",
        *(f"    {p.name!r}: ({p.unit!r}, {p.factor!r})," for p in program.parameters),
        "}",
        "",
    ]


def _pattern(program: Program, packed: Packed) -> str:
    if program.pattern is None:
        return "None"
    arrays = (program.pattern.rows, program.pattern.ends)
    texts = [packed.literal(f"structure.pattern[{k}]", array) for k, array in enumerate(arrays)]
    return f"[{', '.join(texts)}]"


def _structure(program: Program, packed: Packed) -> list[str]:
    groups = program.groups
    slices = "".join(f"slice({g.start}, {g.stop}), " for g in groups).strip()
    return [
        "structure = types.SimpleNamespace(",
        f"    reservoirs={tuple(label for group in groups for label in group.labels)!r},",
        f"    held={tuple(label for held in program.held for label in held.group.labels)!r},",
        f"    groups={tuple(group.name for group in groups)!r},",
        f"    slices=({slices}),",
        f"    blocks={dict(program.blocks)!r},",
        f"    order={program.order!r},",
        f"    pattern={_pattern(program, packed)},",
        f"    iterated={program.pattern is not None and program.pattern.iterated},",
        f"    conserved={packed.literal('structure.conserved', program.conserved)},",
        f"    conserved_names={program.conserved_names!r},",
        f"    unique={program.unique!r},",
        f"    bounded={program.bounded},",
        ")",
    ]
