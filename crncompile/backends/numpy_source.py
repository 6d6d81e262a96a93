"""A Program as the text of one Python module that needs only numpy."""

from __future__ import annotations

import base64
import inspect
import textwrap
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.backends import numpy_runtime
from crncompile.backends.kernel_text import kernel_functions
from crncompile.backends.network_text import NetworkText
from crncompile.backends.printer import RESERVED, identifiers
from crncompile.program.types import Program

_LITERAL = 400  # longer arrays are packed at the end of the text

IMPORTS = """
from __future__ import annotations

import base64
import types
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
"""

_ENTRY = '''
def currents(u, held, parameters):
    """Net current into every floating reservoir, (batch, reservoirs), in 1/s.

    ``u`` (batch, reservoirs) and ``held`` (batch, held) are dimensionless potentials mu/kT or ln(c/1 M).
    """
    return in_tiles(_currents, DEVICES, parameters, u, held)


def gross(u, held, parameters):
    """Sum of the absolute values of all terms of `currents`, (batch, reservoirs)."""
    return in_tiles(_gross, DEVICES, parameters, u, held)


def linearise(u, held, parameters):
    """`currents` and the blocks of their Jacobian, {(row group, column group): (batch, rows[, columns])}."""
    return in_tiles(_linearise, DEVICES, parameters, u, held)


def jacobian(u, held, parameters):
    """Derivative of `currents` with respect to ``u``, (batch, reservoirs, reservoirs)."""
    return dense_jacobian(structure, linearise(u, held, parameters)[1], len(u))


def pullback(adjoint, u, held, parameters, per_sample=False):
    """Derivatives of sum(adjoint * currents): ({parameter: array}, (batch, held)).

    Each parameter's array has its shape, summed over the batch, or (batch, *shape) with ``per_sample``.
    """
    if per_sample:
        return in_tiles(_pullback, DEVICES, parameters, adjoint, u, held)
    total, to_held = {}, []
    for tile in tiles(len(u), DEVICES):
        part, held_part = _pullback(adjoint[tile], u[tile], held[tile], parameters)
        total = {name: total.get(name, 0.0) + value for name, value in summed(part).items()}
        to_held.append(held_part)
    return total, joined(to_held)
'''


def module_text(program: Program, values: Mapping[str, NDArray[Any]], header: str) -> str:
    """Return the text of the module of a program; ``values`` are the default parameters in the coherent system.

    ``header`` is the text of the module's docstring.
    """
    kernel_names = identifiers((kernel.name for kernel in program.kernels), RESERVED)
    network = NetworkText(program, kernel_names)
    functions = [
        network.slots(),
        network.currents(gross=False),
        network.currents(gross=True),
        network.linearise(),
        network.pullback(),
        network.reservoirs(),
        network.readouts(),
        network.readout_pullback(),
    ]
    kernels = [kernel_functions(kernel, kernel_names[kernel.name]) for kernel in program.kernels]
    packed = _Packed()
    parts = [
        f'"""{header}"""',
        IMPORTS,
        _section("array operations"),
        runtime_text(numpy_runtime),
        _section("names, units, structure, parameters"),
        _constants(program, values, network, packed),
        *([_section("devices"), *kernels] if kernels else []),
        _section("network, one tile of the batch at a time"),
        *functions,
        _section("network"),
        textwrap.dedent(_ENTRY).strip() + "\n",
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def runtime_text(module: Any) -> str:
    """Return a module's text without its docstring and imports, to stand inside a generated module."""
    lines = inspect.getsource(module).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(("TILE", "Array", "def ", "class ", "@")))
    return "\n".join(lines[first:])


def _section(title: str) -> str:
    return f"# {'-' * 3} {title} {'-' * max(3, 112 - len(title))}"


def _constants(program: Program, values: Mapping[str, NDArray[Any]], network: NetworkText, packed: _Packed) -> str:
    sizes = [int(np.prod(family.shape, dtype=np.int64)) for family in program.families]
    parameters = {p.name: (np.asarray(values[p.name]), p) for p in program.parameters}
    lines = [
        f"NETWORK = {program.name!r}",
        f"TEMPERATURE = {program.temperature!r}  # K",
        f"DEVICES = {max(sizes, default=1)}  # of the largest family",
        "",
        "# Parameters in the coherent system: energies in kT, rates in 1/s, concentrations in M, volumes in L,",
        "# capacitances in e^2/kT. UNITS holds for each the unit of the model and its size in the coherent system.",
        "PARAMETERS = {",
        *(f"    {name!r}: {packed.literal(value)}," for name, (value, _) in parameters.items()),
        "}",
        "UNITS = {",
        *(f"    {name!r}: ({p.unit!r}, {p.factor!r})," for name, (_, p) in parameters.items()),
        "}",
        f"READOUTS = {tuple(readout.name for readout in program.readouts)!r}",
        "INPUTS = {" + ", ".join(f"{h.group.name!r}: {h.group.shape!r}" for h in program.held if h.at is None) + "}",
        "",
        *(f"{name} = {packed.literal(value)}" for name, value in network.arrays.values.items()),
        _structure(program, packed),
    ]
    return "\n".join([*packed.helper(), *lines])


def _structure(program: Program, packed: _Packed) -> str:
    groups = program.groups
    return "\n".join(
        [
            "structure = types.SimpleNamespace(",
            f"    reservoirs={tuple(label for group in groups for label in group.labels)!r},",
            f"    held={tuple(label for held in program.held for label in held.group.labels)!r},",
            f"    groups={tuple(group.name for group in groups)!r},",
            f"    slices=({''.join(f'slice({g.start}, {g.stop}), ' for g in groups)}),",
            f"    blocks={dict(program.blocks)!r},",
            f"    order={program.order!r},",
            f"    conserved={packed.literal(program.conserved)},",
            f"    conserved_names={program.conserved_names!r},",
            f"    unique={program.unique!r},",
            ")",
        ]
    )


class _Packed:
    """Arrays as text: short ones as literals, long ones compressed."""

    def __init__(self) -> None:
        self.used = False

    def literal(self, array: NDArray[Any]) -> str:
        """Return the text of an array, exact to the last bit."""
        kind = "int" if array.dtype.kind in "iu" else "float"
        if array.size <= _LITERAL:
            values = array.astype(np.int64 if kind == "int" else np.float64).tolist()
            empty = f".reshape({array.shape!r})" if array.size == 0 else ""
            return f"np.array({values!r}, {kind}){empty}"
        self.used = True
        raw = np.ascontiguousarray(array, "<i8" if kind == "int" else "<f8").tobytes()
        text = base64.b85encode(zlib.compress(raw, 6)).decode()
        return f"_unpack({text!r}, {array.shape!r}, '<{kind[0]}8')"

    def helper(self) -> list[str]:
        """Return the function that unpacks, where something was packed."""
        if not self.used:
            return []
        return [
            "def _unpack(text, shape, dtype):",
            '    """Read a compressed array."""',
            "    return np.frombuffer(zlib.decompress(base64.b85decode(text)), dtype).reshape(shape)",
            "",
            "",
        ]
