"""The functions of one device kind as numpy text, what does not depend on the sample computed once.

A function's *laws* are what the functions of a network call: each takes terminals, and of the constants that
`NAME_constants` makes of the parameters those that it needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import sympy

from crncompile.backends.constants import Split, split
from crncompile.backends.kernel_text import function, kernel_docs, slopes_doc, solved_functions
from crncompile.backends.printer import Printer, identifiers
from crncompile.backends.text import function as function_text
from crncompile.program.types import FamilyCode, Kernel, Routine, SolvedKernel

_NAMELESS = re.compile(r"(t|constant_)\d+_*")


@dataclass(frozen=True)
class Law:
    """One function: the end of its name, its key among the constants, and the names of its results.

    ``terminals`` has for each result the numbers of the terminals on which it depends, as far as that is known.
    """

    suffix: str
    key: str
    results: tuple[str, ...]
    terminals: tuple[frozenset[int], ...]


@dataclass(frozen=True)
class _Part:
    law: Law
    doc: str
    routine: Routine
    wanted: tuple[int, ...]


class LawText:
    """Writes the functions of a kernel for the families that are of its kind.

    There are slopes for each set of derivatives that some family needs: fewer where a terminal is held.
    """

    def __init__(self, kernel: Kernel | SolvedKernel, name: str, families: Collection[FamilyCode]):
        self.kernel, self.name = kernel, name
        self.needed = {slopes_of(kernel, family): None for family in families}

    def law(self, what: str, family: FamilyCode) -> Law:
        """Return what a family calls for its ``value``, ``gross``, ``slopes``, ``pull`` or ``margin``."""
        return self._laws[what if what != "slopes" else self._titles[slopes_of(self.kernel, family)]]

    @cached_property
    def _titles(self) -> dict[tuple[int, ...], str]:
        """Names of the sets of derivatives: by the terminals where not all are needed."""
        found: dict[tuple[int, ...], str] = {}
        for slopes in self.needed:
            terminals = dict.fromkeys(self.kernel.terminals[self.kernel.slope_of[slope][1]].name for slope in slopes)
            whole = len(slopes) == len(self.kernel.slope_of) or isinstance(self.kernel, SolvedKernel)
            title = "slopes" if whole else "_".join(["slopes_by", *terminals])
            while not whole and title in found.values():
                title += "_"
            found[slopes] = title
        return found

    @cached_property
    def _laws(self) -> dict[str, Law]:
        if isinstance(self.kernel, Kernel):
            return {what: part.law for what, part in self._parts.items()}
        fluxes, unknown = self.kernel.flux_names, frozenset[int]()
        names = {"value": fluxes, "gross": fluxes, "slopes": self.kernel.slope_names, "pull": self.kernel.pull_names}
        suffixes = {"value": "", "gross": "_gross", "slopes": "_slopes", "pull": "_pull"}
        return {what: Law(suffixes[what], what, tuple(n), (unknown,) * len(n)) for what, n in names.items()}

    @cached_property
    def _parts(self) -> dict[str, _Part]:
        kernel = self.kernel
        assert isinstance(kernel, Kernel)
        docs = kernel_docs(kernel, f"constants of `{self.name}_constants`")
        routines = {"value": kernel.value, "gross": kernel.gross, "pull": kernel.pull}
        routines |= {"margin": kernel.margin} if kernel.margin is not None else {}
        found = {}
        for what, routine in routines.items():
            found[what] = self._part(what, routine, docs[what], range(len(routine.outputs)))
        fluxes = range(len(kernel.flux_names))
        for slopes, title in self._titles.items():
            wanted = [*fluxes, *(len(fluxes) + slope for slope in slopes)]
            found[title] = self._part(
                title, kernel.slopes, slopes_doc([kernel.slopes.names[n] for n in wanted]), wanted
            )
        return found

    def _part(self, title: str, routine: Routine, doc: str, wanted: Collection[int]) -> _Part:
        outputs = [routine.outputs[n] for n in wanted]
        depends = _dependences(routine, self.kernel.terminals)
        names = tuple(routine.names[n] for n in wanted)
        law = Law("" if title == "value" else f"_{title}", title, names, tuple(depends(output) for output in outputs))
        return _Part(law, doc, routine, tuple(wanted))

    # --- text ---------------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """Return the text of all functions."""
        if isinstance(self.kernel, SolvedKernel):
            return "\n\n\n".join([solved_functions(self.kernel, self.name), self._plain_constants(self.kernel)])
        return "\n\n\n".join([self._constants(), *self._functions()])

    @cached_property
    def _splits(self) -> dict[str, Split]:
        return {w: split(part.routine, self.kernel.parameters, part.wanted) for w, part in self._parts.items()}

    @cached_property
    def _table(self) -> dict[sympy.Expr, sympy.Symbol]:
        """All constants by what they are of the parameters."""
        routines = [part.routine for part in self._parts.values()]
        taken = {s.name for r in routines for s in (*r.arguments, *(s for s, _ in r.assignments))}
        table: dict[sympy.Expr, sympy.Symbol] = {parameter: parameter for parameter in self.kernel.parameters}
        given = {parameter.name for parameter in self.kernel.parameters}
        for parts in self._splits.values():
            moving = {symbol.name for symbol, _ in parts.moving}
            for symbol, value in zip(parts.needed, parts.written_out, strict=True):
                if value in table:
                    continue
                name = _speaking(value) if _NAMELESS.fullmatch(symbol.name) else symbol.name
                if not name or name in given or name in moving:
                    name = next(n for n in map("constant_{}".format, count()) if n not in taken)
                given.add(name)
                taken.add(name)
                table[value] = sympy.Symbol(name, real=True)
        return table

    def _needs(self, what: str) -> dict[sympy.Symbol, sympy.Symbol]:
        """Return the constants that a function needs, by their symbols in its own routine."""
        parts = self._splits[what]
        return {symbol: self._table[value] for symbol, value in zip(parts.needed, parts.written_out, strict=True)}

    def _constants(self) -> str:
        names = identifiers([s.name for s in (*self.kernel.parameters, *self._table.values())])
        printer = Printer(names)
        needed = {symbol for what in self._parts for symbol in self._needs(what).values()}
        body = [
            f"{names[symbol.name]} = {printer.text(value)}"
            for value, symbol in self._table.items()
            if symbol in needed and value != symbol
        ]
        body += ["return {"]
        for what in self._parts:
            own = [names[symbol.name] for symbol in dict.fromkeys(self._needs(what).values())]
            body.append(f"    {what!r}: {_tuple(own)},")
        return self._constants_function([*body, "}"])

    def _plain_constants(self, kernel: SolvedKernel) -> str:
        names = identifiers(s.name for s in kernel.parameters)
        return self._constants_function(
            [f"return dict.fromkeys({tuple(self._laws)!r}, {_tuple(list(names.values()))})"]
        )

    def _constants_function(self, body: list[str]) -> str:
        names = identifiers(s.name for s in self.kernel.parameters)
        doc = "What the functions of this device need of its parameters, by function, in the order of their arguments."
        return function_text(f"{self.name}_constants({', '.join(names.values())})", doc, body)

    def _functions(self) -> Iterator[str]:
        for what, part in self._parts.items():
            parts, needs = self._splits[what], self._needs(what)
            given = part.routine.arguments[: len(part.routine.arguments) - len(self.kernel.parameters)]
            code = tuple((symbol, value.xreplace(needs)) for symbol, value in parts.moving)
            outputs = tuple(parts.outputs[n].xreplace(needs) for n in part.wanted)
            routine = Routine((*given, *dict.fromkeys(needs.values())), code, outputs, part.law.results)
            yield function(f"{self.name}{part.law.suffix}", routine, part.doc, {s.name for s in needs.values()})


def slopes_of(kernel: Kernel | SolvedKernel, family: FamilyCode) -> tuple[int, ...]:
    """Return the numbers of the derivatives that a family needs, in order."""
    if isinstance(kernel, SolvedKernel):
        return tuple(range(len(kernel.slope_of)))
    return tuple(sorted({term.slope for term in family.contributions}))


def _dependences(routine: Routine, terminals: Collection[sympy.Symbol]) -> Callable[[sympy.Expr], frozenset[int]]:
    """Return what says on which terminals a result depends."""
    found = {terminal: frozenset([number]) for number, terminal in enumerate(terminals)}

    def depends(value: sympy.Expr) -> frozenset[int]:
        return frozenset[int]().union(*(found.get(symbol, frozenset()) for symbol in value.free_symbols))

    for symbol, value in routine.assignments:
        found[symbol] = depends(value)
    return depends


def _speaking(value: sympy.Expr) -> str:
    """Return a name that says what a constant is, if that is short."""
    above, below = value.as_numer_denom()
    if not all(factor.is_Symbol for factor in sympy.Mul.make_args(below)):
        return ""
    if above == 1:
        return "_".join(["inverse", *sorted(symbol.name for symbol in below.free_symbols)])
    return f"{above.name}_per_{below.name}" if above.is_Symbol and below.is_Symbol else ""


def _tuple(names: list[str]) -> str:
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
