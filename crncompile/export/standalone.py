"""A network as one Python module that needs only numpy: its functions, the solver, and a front to use them.

A large network whose Jacobian is sparse needs scipy too, and its module says so.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import crncompile
from crncompile.backends import numpy_runtime
from crncompile.backends.numpy_source import joined_text, module_parts
from crncompile.backends.packed import Packed
from crncompile.backends.text import section, wrapped
from crncompile.compiled import CompiledNetwork
from crncompile.export import standalone_front
from crncompile.export.gathered import Gathered, bodies, gather, outer_imports
from crncompile.network.report import listed

_SOLVE = "crncompile.solve"
_UNITS = """
Units: mu in kT, c in M, rates in 1/s, volumes in L, capacitances in e^2/kT (electrons per kT); `UNITS` has the
model's own. Vectors of potentials are dimensionless, u = mu/kT or ln(c/1 M), in the order of `structure.reservoirs`
and `structure.held`; currents are particles per second into a reservoir. Shapes: u (batch, reservoirs), held (batch,
held), residual (batch, reservoirs), jacobian (batch, reservoirs, reservoirs). All functions but the solver take complex
numbers too.
"""
_FUNCTIONS = """
currents gross linearise pullback content capacity start hold hold_pullback content_pullback start_pullback readouts
readout_pullback
"""
_CORE = (f"{_SOLVE}.steady", f"{_SOLVE}.adjoint")


def standalone_text(compiled: CompiledNetwork, values: Mapping[str, NDArray[Any]], origin: str = "") -> str:
    """Return the module's text.

    Parameters
    ----------
    compiled
        The network.
    values
        All parameters in the coherent system; they become the module's defaults.
    origin
        Where the parameters come from, for the head of the module: ``seed 0``, ``parameters of sine.npz``.
    """
    core = gather(_CORE, _SOLVE)
    runtime, front = Gathered.of(numpy_runtime), Gathered.of(standalone_front)
    pieces = bodies(core, [name for name in runtime.defined() if name != "Array"])
    taken = frozenset(n for module in (*core, front) for n in module.defined())
    parts = [
        _header(compiled, origin),
        _imports([runtime, *core, front]),
        *module_parts(compiled.program, values, taken),
        section("solver"),
    ]
    parts += [f"{_comment(module)}\n\n{_without_alias(text)}" for module, text in pieces]
    return joined_text([*parts, section("use"), _front_constants(compiled), _front()])


# --- head -------------------------------------------------------------------------------------------------------------


def _header(compiled: CompiledNetwork, origin: str) -> str:
    network, structure = compiled.network, compiled.functions.structure
    devices = sum(int(np.prod(family.shape, dtype=np.int64)) for family in network.families)
    title = network.title or network.name
    tools = "numpy alone" if compiled.program.pattern is None else "numpy, and scipy for its sparse Jacobian"
    made = f"Made by crncompile {crncompile.__version__} from the network {network.name}"
    made += f", which uses {listed(Path(name).name for name in network.used)}" if network.used else ""
    made += f", {origin}" if origin else ""
    lines = [
        *textwrap.wrap(f"{title}: steady states of a thermodynamic network, with {tools}.", 116),
        "",
        *textwrap.wrap(f"{made}. Do not edit: change the model and make it anew.", 116),
        "",
        f"{len(structure.reservoirs)} floating reservoirs, {len(structure.held)} held ones, {devices} devices in "
        f"{len(network.families)} families, at {network.units.temperature!r} K.",
        "",
        "Use::",
        "",
        *(f"    {line}" for line in _usage(compiled)),
        "",
        *_UNITS.strip().splitlines(),
    ]
    return '"""' + "\n".join(lines).replace("\\", "/").replace('"""', "'''") + '\n"""'


def _usage(compiled: CompiledNetwork) -> list[str]:
    inputs = ", ".join(f"{name!r}: {_literal(value)}" for name, value in _middle(compiled).items())
    readout = compiled.network.readouts[0].name if compiled.network.readouts else ""
    return [
        f"solution = steady_state({{{inputs}}})  # (*batch, *group); see INPUTS",
        f"solution.readouts[{readout!r}], solution.states, solution.certificate.summary()",
        "residual(solution.u, solution.held, PARAMETERS)  # (samples, reservoirs), in 1/s",
        "jacobian(solution.u, solution.held, PARAMETERS)  # its derivative by u",
        f"slopes, _ = gradient(solution, {{{readout!r}: np.ones_like(solution.readouts[{readout!r}])}})",
    ]


def _literal(value: NDArray[Any]) -> str:
    return repr(value.item()) if value.ndim == 0 else f"np.full({value.shape!r}, {value.flat[0].item()!r})"


def _middle(compiled: CompiledNetwork) -> dict[str, NDArray[Any]]:
    """Return the middle of each input's range: geometric for concentrations."""
    result = {}
    for group in compiled.inputs:
        assert group.coding is not None
        low, high = group.coding.range
        middle = float(np.sqrt(low * high)) if group.content == "molecules" and low > 0 else (low + high) / 2
        result[group.name] = np.full(group.shape, float(f"{middle:.6g}"))
    return result


def _imports(modules: list[Gathered]) -> str:
    found = outer_imports(modules, "crncompile")
    for inner in [name for name in found if name.startswith("crncompile")]:
        del found[inner]
    found.setdefault("types", set()).add("*as types")
    lines: dict[bool, list[str]] = {False: [], True: []}
    for module, names in sorted(found.items()):
        outside = module.split(".")[0] == "numpy"
        plain = sorted(name[4:] for name in names if name.startswith("*as "))
        lines[outside] += [f"import {module}" if name == module else f"import {module} as {name}" for name in plain]
        chosen = sorted(names - {f"*as {name}" for name in plain})
        lines[outside] += [f"from {module} import {', '.join(chosen)}"] if chosen else []
    ordered = ["\n".join(sorted(group, key=lambda line: line.startswith("from"))) for group in lines.values()]
    return "\n\n".join(["from __future__ import annotations", *ordered])


# --- solver and front -------------------------------------------------------------------------------------------------


def _comment(module: Gathered) -> str:
    paragraphs = [" ".join(paragraph.split()) for paragraph in module.doc.split("\n\n")]
    paragraphs[0] = f"{module.short}: {paragraphs[0]}"
    lines = [line for paragraph in paragraphs for line in ("", *textwrap.wrap(paragraph, 110))]
    return "\n".join(f"# {line}".rstrip() for line in lines[1:])


def _without_alias(text: str) -> str:
    """Leave out the name of arrays' type, which the array operations define already."""
    return text.removeprefix("Array = NDArray[Any]\n")


def _front_constants(compiled: CompiledNetwork) -> str:
    packed = Packed()
    lines = ["# The middle of each input's range, in kT or M", "MIDDLE = {"]
    lines += [f"    {name!r}: {_literal(value)}," for name, value in _middle(compiled).items()]
    lines += ["}", "# Where each group stands in u or held: side, content, columns, shape", "GROUPS = {"]
    sides = [("floating", group) for group in compiled.program.groups]
    sides += [("held", held.group) for held in compiled.program.held]
    for side, group in sides:
        place = f"slice({group.start}, {group.stop})"
        lines.append(f"    {group.name!r}: ({side!r}, {group.content!r}, {place}, {group.shape!r}),")
    lines += ["}", "functions = types.SimpleNamespace(", "    structure=structure,"]
    names = [*_FUNCTIONS.split(), *(["monotone"] if compiled.program.bounded else [])]
    lines += [*(f"    {name}={name}," for name in names), ")", "residual = currents"]
    assert not packed.assignments
    return "\n".join(map(wrapped, lines))


def _front() -> str:
    return inspect.getsource(standalone_front).split("# --- front ---\n", 1)[1]
