"""A Program's families as text that jax traces: the text for numpy, with the array operations of `jax_runtime`."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from crncompile.backends.kernel_text import kernel_functions
from crncompile.backends.law_text import Law
from crncompile.backends.network_text import NetworkText
from crncompile.backends.numpy_source import joined_text
from crncompile.backends.reading import Arrays, Reader
from crncompile.backends.text import section
from crncompile.program.types import FamilyCode, Kernel, Program


class _Given(Arrays):
    """Index arrays that stand among the parameters: as constants, jax would work on every element as it compiles."""

    def name(self, stem: str, values: NDArray[np.int64]) -> str:
        """Return the text of an array with these values; no parameter has a blank in its name."""
        return f"parameters['index {super().name(stem, values)}']"

    def by_name(self) -> dict[str, NDArray[np.int64]]:
        """Return the arrays by their names among the parameters."""
        return {f"index {name}": values for name, values in self.values.items()}


class _NetworkText(NetworkText):
    """What some of the families do; parameters are read for all."""

    largest = math.inf  # jax cuts its work itself, and computes once what changes nowhere
    begin = "slots = slots_of(parameters)"
    dtype = "dtype_of(u, held, *parameters.values())"

    def __init__(self, reader: Reader, families: tuple[FamilyCode, ...]):
        super().__init__(reader)
        self.program = replace(reader.program, families=families)

    def _owners(self) -> Iterator[tuple[str, FamilyCode]]:
        for family in self.reader.program.families:
            yield family.name, family

    def _law(self, family: FamilyCode, what: str) -> Law:
        kernel, suffix = self.reader.kernels[family.kernel], "" if what == "value" else f"_{what}"
        names = kernel.slope_names if what == "slopes" else kernel.flux_names
        return Law(suffix, what, names, (frozenset(),) * len(names))

    def _given(self, family: FamilyCode, law: Law) -> str:
        return f"*slots[{family.name!r}]"

    def _empty_entries(self) -> Iterator[str]:
        assert self.program.pattern is not None
        yield f"rows = range({len(self.program.pattern.rows)})"
        yield "entries = np.zeros((batch, len(rows)), dtype)"

    def _by_entries(self) -> str:
        assert self.program.pattern is not None
        ends = self.program.pattern.ends
        columns = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
        return f"factors[:, {self.reader.arrays.name('columns', columns)}]"


def traced_text(
    program: Program, families: tuple[FamilyCode, ...], wide: Collection[str]
) -> tuple[str, Mapping[str, NDArray[np.int64]]]:
    """Return the text of a module with currents, gross currents and Jacobian of some of a program's families.

    Kernels that are ``wide`` are evaluated in double precision. With the text come the index arrays that its functions
    are to be given among the parameters.
    """
    arrays = _Given()
    reader = Reader(program, arrays=arrays)
    used = {family.kernel for family in families}
    kernels = [
        kernel_functions(kernel, reader.kernel_names[name])
        for name, kernel in reader.kernels.items()
        if name in used and isinstance(kernel, Kernel)
    ]
    parts = [
        f'"""Functions of the network {program.name}, for jax to trace."""',
        "from crncompile.backends.jax_runtime import *",
        section("devices"),
        *kernels,
        *(_widened(reader.kernel_names[name]) for name in reader.kernels if name in used and name in wide),
        section("network"),
        *_NetworkText(reader, families).forward(),
    ]
    return joined_text(parts), arrays.by_name()


def _widened(name: str) -> str:
    """Return lines that give a kernel's functions double precision."""
    lines = [f"{name}{suffix} = in_double({name}{suffix})" for suffix in ("", "_gross", "_slopes")]
    return "\n".join(["# Single precision does not hold what is multiplied here.", *lines])
