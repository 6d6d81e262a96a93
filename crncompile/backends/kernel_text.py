"""The functions of one device kind as numpy text."""

from __future__ import annotations

import sympy

from crncompile.backends.printer import Printer, identifiers
from crncompile.program.types import Kernel, Routine


def kernel_functions(kernel: Kernel, name: str) -> str:
    """Return the text of ``name``, ``name_gross``, ``name_slopes`` and ``name_pull``."""
    about = kernel.text or f"Evaluate {kernel.name}."
    units = ", ".join(s.name for s in kernel.terminals)
    slopes = f"Fluxes, then their derivatives with respect to terminals: {', '.join(kernel.slopes.names)}."
    pull = f"Derivatives of the weighted sum of fluxes: {', '.join(kernel.pull.names)}."
    bodies = [
        (
            name,
            kernel.value,
            f"{about}\n\n    Terminals {units} (batch, *family), parameters broadcast over the family.",
        ),
        (f"{name}_gross", kernel.gross, "Sums of the absolute values of the fluxes' terms."),
        (f"{name}_slopes", kernel.slopes, slopes),
        (f"{name}_pull", kernel.pull, pull),
    ]
    fixed = {s.name for s in kernel.parameters}
    return "\n\n".join(function(title, routine, doc, fixed) for title, routine, doc in bodies)


def function(title: str, routine: Routine, doc: str, fixed: set[str]) -> str:
    """Return one routine as the text of a Python function that returns a tuple."""
    symbols = [*routine.arguments, *(s for s, _ in routine.assignments)]
    names = identifiers(s.name for s in symbols)
    printer = Printer(names, fixed)
    lines = [f"def {title}({', '.join(names[s.name] for s in routine.arguments)}):"]
    lines.append('    """' + doc.replace("\\", "/").replace('"""', "'''") + ('\n    """' if "\n" in doc else '"""'))
    for symbol, value in routine.assignments:
        if printer.is_constant(value):
            printer.constant.add(symbol.name)
        lines.append(f"    {names[symbol.name]} = {printer.text(value)}")
    lines.append(f"    return {_tuple([names[_symbol(o).name] for o in routine.outputs])}")
    return "\n".join(lines) + "\n"


def _symbol(output: sympy.Expr) -> sympy.Symbol:
    assert isinstance(output, sympy.Symbol)
    return output


def _tuple(items: list[str]) -> str:
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})" if items else "()"
