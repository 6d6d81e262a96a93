"""The functions of one device kind (or readout) as numpy text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import sympy

from crncompile.backends.packed import whole_numbers
from crncompile.backends.printer import Printer, identifiers
from crncompile.backends.text import INDENT, several
from crncompile.backends.text import function as function_text
from crncompile.program.types import Elimination, Kernel, Routine, SolvedKernel


def kernel_functions(kernel: Kernel, name: str) -> str:
    """Return the text of ``name``, ``name_gross``, ``name_slopes``, ``name_pull`` and, if any, ``name_margin``."""
    docs, fixed = kernel_docs(kernel), {s.name for s in kernel.parameters}
    pieces = {
        "value": ("", kernel.value),
        "gross": ("_gross", kernel.gross),
        "slopes": ("_slopes", kernel.slopes),
        "pull": ("_pull", kernel.pull),
    }
    pieces |= {"margin": ("_margin", kernel.margin)} if kernel.margin is not None else {}
    texts = (function(f"{name}{suffix}", routine, docs[what], fixed) for what, (suffix, routine) in pieces.items())
    return "\n\n\n".join(texts)


def kernel_docs(kernel: Kernel, given: str = "parameters that broadcast over the family") -> dict[str, str]:
    """Return what the functions of a kernel are, which are ``given`` these beside potentials or concentrations."""
    return {
        "value": _paragraphs(kernel, given),
        "gross": "Sums of the absolute values of the fluxes' terms.",
        "slopes": slopes_doc(kernel.slope_names),
        "pull": _pull_doc(kernel),
        "margin": "Numbers that are positive only where differential conductances are, between low and high values.",
    }


def slopes_doc(names: Sequence[str]) -> str:
    """Return what a function with these fluxes and derivatives is."""
    return _filled(f"Fluxes and their derivatives by terminals: {', '.join(names)}.")


def pull_functions(kernel: Kernel, name: str) -> str:
    """Return the text of ``name_0``, ``name_1`` and so on: the derivatives of ``name_pull``, one at a time."""
    fixed, pieces = {s.name for s in kernel.parameters}, []
    for place, (output, title) in enumerate(zip(kernel.pull.outputs, kernel.pull.names, strict=True)):
        code, needed = [], output.free_symbols
        for symbol, value in reversed(kernel.pull.assignments):
            if symbol in needed:
                code.append((symbol, value))
                needed |= value.free_symbols
        one = Routine(kernel.pull.arguments, tuple(reversed(code)), (output,), (title,))
        pieces.append(function(f"{name}_{place}", one, "One derivative of the weighted fluxes.", fixed))
    return "\n\n\n".join(pieces)


def solved_functions(kernel: SolvedKernel, name: str) -> str:
    """Return the text of the same functions for a device whose fluxes are solved for, and of those of its rates."""
    rates, chain = kernel.rates, f"{name}_chain"
    parts = [
        (
            f"{name}_rates",
            rates.value,
            _filled("Rates of all jumps between the states, and what multiplies the fluxes."),
        ),
        (f"{name}_rates_slopes", rates.slopes, "The same, and their derivatives by the terminals."),
        (f"{name}_rates_pull", rates.pull, _pull_doc(rates)),
    ]
    fixed = {s.name for s in kernel.parameters}
    pieces = [function(title, routine, doc, fixed) for title, routine, doc in parts]
    names = identifiers(s.name for s in (*kernel.terminals, *kernel.parameters))
    arguments = ", ".join(names.values())
    terminals = sorted({t for _, t in kernel.slope_of})
    slope_of = [(rate, terminals.index(t)) for rate, t in rates.slope_of]
    weights = [f"weight_{n}" for n, _ in enumerate(kernel.flux_names, 1)]
    signature = f"({arguments})"
    calls = [
        ("", signature, _paragraphs(kernel), f"{chain}.fluxes({name}_rates{signature})"),
        ("_gross", signature, "Fluxes with all cycles counted as positive.", f"{chain}.gross({name}_rates{signature})"),
        (
            "_slopes",
            signature,
            slopes_doc(kernel.slope_names),
            f"{chain}.slopes({name}_rates_slopes{signature}, {slope_of}, {len(terminals)})",
        ),
    ]
    for suffix, given, doc, value in calls:
        pieces.append(function_text(f"{name}{suffix}{given}", doc, [f"return {value}"]))
    body = [
        f"to_rates = {chain}.pull(({', '.join(weights)},), {name}_rates{signature})",
        f"return {name}_rates_pull(*to_rates, {arguments})",
    ]
    doc = _pull_doc(kernel)
    pieces.append(function_text(f"{name}_pull({', '.join([*weights, arguments])})", doc, body))
    return "\n\n\n".join([_chain(kernel.plan, chain), *pieces])


def _chain(plan: Elimination, name: str) -> str:
    """Return the text of the constant that says how a device is solved."""
    tables = ("fill", "pivots", "outward", "inward", "products", "loops")
    lines = [f"{name} = Chain("]
    lines += [f"{INDENT}{field}={getattr(plan, field)!r}," for field in ("states", "slots", "rates")]
    lines += [f"{INDENT}{field}={whole_numbers(getattr(plan, field))}," for field in tables]
    return "\n".join([*lines, f"{INDENT}turns=np.array({plan.turns.tolist()!r}, float),", ")"])


def readout_functions(kernel: Kernel, name: str) -> str:
    """Return the text of ``name`` and ``name_pull``."""
    fixed = {s.name for s in kernel.parameters}
    about = f"{kernel.name.replace('_', ' ', 1).capitalize()} from {_quantities(kernel)}."
    return "\n\n\n".join(
        [function(name, kernel.value, about, fixed), function(f"{name}_pull", kernel.pull, _pull_doc(kernel), fixed)]
    )


def _paragraphs(kernel: Kernel | SolvedKernel, given: str = "parameters that broadcast over the family") -> str:
    about = kernel.text or f"{kernel.name}"
    about = about if about.endswith((".", "!", "?")) else f"{about}."
    what = f"From {_quantities(kernel)}, (batch, *family), and {given}, turnovers per second."
    return f"{_filled(about)}\n\n{INDENT}{_filled(what)}"


def _quantities(kernel: Kernel | SolvedKernel) -> str:
    """Say what the terminals are: molecular ones have positive symbols."""
    molecules = [s.name for s in kernel.terminals if s.is_positive]
    charges = [s.name for s in kernel.terminals if not s.is_positive]
    parts = [f"mu in kT ({', '.join(charges)})"] if charges else []
    parts += [f"concentrations in M ({', '.join(molecules)})"] if molecules else []
    return " and ".join(parts) or "parameters"


def _pull_doc(kernel: Kernel | SolvedKernel) -> str:
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
