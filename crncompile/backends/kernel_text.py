"""The functions of one device kind (or readout) as numpy text."""

from __future__ import annotations

import textwrap

import sympy

from crncompile.backends.printer import Printer, identifiers
from crncompile.backends.text import INDENT, several
from crncompile.backends.text import function as function_text
from crncompile.program.types import Kernel, Routine


def kernel_functions(kernel: Kernel, name: str) -> str:
    """Return the text of ``name``, ``name_gross``, ``name_slopes`` and ``name_pull``."""
    slopes = f"Fluxes and their derivatives by terminals: {', '.join(kernel.slopes.names)}."
    pieces = [
        (name, kernel.value, _paragraphs(kernel)),
        (f"{name}_gross", kernel.gross, "Sums of the absolute values of the fluxes' terms."),
        (f"{name}_slopes", kernel.slopes, _filled(slopes)),
        (f"{name}_pull", kernel.pull, _pull_doc(kernel)),
    ]
    fixed = {s.name for s in kernel.parameters}
    return "\n\n\n".join(function(title, routine, doc, fixed) for title, routine, doc in pieces)


def readout_functions(kernel: Kernel, name: str) -> str:
    """Return the text of ``name`` and ``name_pull``."""
    fixed = {s.name for s in kernel.parameters}
    about = f"{kernel.name.replace('_', ' ', 1).capitalize()} from {_quantities(kernel)}."
    return "\n\n\n".join(
        [function(name, kernel.value, about, fixed), function(f"{name}_pull", kernel.pull, _pull_doc(kernel), fixed)]
    )


def _paragraphs(kernel: Kernel) -> str:
    about = kernel.text or f"{kernel.name}"
    about = about if about.endswith((".", "!", "?")) else f"{about}."
    what = f"From {_quantities(kernel)}, (batch, *family), and parameters that broadcast over the family, " + (
        "turnovers per second."
    )
    return f"{_filled(about)}\n\n{INDENT}{_filled(what)}"


def _quantities(kernel: Kernel) -> str:
    """Say what the terminals are: molecular ones have positive symbols."""
    molecules = [s.name for s in kernel.terminals if s.is_positive]
    charges = [s.name for s in kernel.terminals if not s.is_positive]
    parts = [f"mu in kT ({', '.join(charges)})"] if charges else []
    parts += [f"concentrations in M ({', '.join(molecules)})"] if molecules else []
    return " and ".join(parts) or "parameters"


def _pull_doc(kernel: Kernel) -> str:
    first = "Derivatives of the weighted sum of fluxes" if kernel.slope_of else "Weighted derivatives"
    return _filled(f"{first} by {', '.join(kernel.pulled) or 'nothing'}.")


def _filled(text: str) -> str:
    return textwrap.fill(text, 112, subsequent_indent=INDENT, break_long_words=False, break_on_hyphens=False)


def function(title: str, routine: Routine, doc: str, fixed: set[str]) -> str:
    """Return one routine as the text of a Python function that returns a tuple."""
    symbols = [*routine.arguments, *(s for s, _ in routine.assignments)]
    names = identifiers(s.name for s in symbols)
    printer = Printer(names, fixed)
    body = []
    for symbol, value in routine.assignments:
        if printer.is_constant(value):
            printer.constant.add(symbol.name)
        body.append(f"{names[symbol.name]} = {printer.text(value)}")
    outputs = [names[_symbol(o).name] for o in routine.outputs]
    body.append(f"return {several(outputs) if outputs else '()'}")
    return function_text(f"{title}({', '.join(names[s.name] for s in routine.arguments)})", doc, body)


def _symbol(output: sympy.Expr) -> sympy.Symbol:
    assert isinstance(output, sympy.Symbol)
    return output
