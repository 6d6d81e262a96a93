"""Steady states of a compiled network, and what one asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crncompile.errors import SteadyStateError
from crncompile.solve.certificate import Certificate
from crncompile.solve.equations import Linearisation

if TYPE_CHECKING:
    from crncompile.compiled import CompiledNetwork

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Solution:
    """Steady states of a batch of inputs.

    ``readouts[name]`` is (*batch, *readout), ``u`` (samples, floating) and ``held`` (samples, held) are the raw
    vectors, ``batch`` is the shape of the batch, ``linearisation`` that at all states if it is kept for gradients.
    Samples without a certified steady state are NaN and say why in ``certificate.messages``.
    """

    readouts: Mapping[str, Array]
    certificate: Certificate
    u: Array = field(repr=False)
    held: Array = field(repr=False)
    parameters: Mapping[str, Array] = field(repr=False)
    batch: tuple[int, ...]
    solved: CompiledNetwork = field(repr=False)
    linearisation: Linearisation | None = field(repr=False, default=None)

    @cached_property
    def potentials(self) -> Mapping[str, Array]:
        """Dimensionless potentials of each group (mu/kT, or ln(c/1 M)), (*batch, *reservoir)."""
        return self.solved.potentials(self.u, self.held, self.batch)

    @cached_property
    def values(self) -> Mapping[str, Array]:
        """Mu in kT or c in M of each group, (*batch, *reservoir)."""
        return self.solved.natural(self.potentials)

    def currents(self, name: str) -> Array:
        """Return the current through every device of a family along its arrow, (*batch, *family), in 1/s.

        It counts what leaves the first reservoir in front of the arrow; for a reaction, its turns. Raises DataError
        for an unknown family.
        """
        found = self.solved.currents(name, self.u, self.held, self.parameters)
        family = next(family for family in self.solved.network.families if family.name == name)
        return np.asarray(found.reshape((*self.batch, *(found.shape[1:] if family.axes else ()))))

    def take(self, samples: Array) -> Solution:
        """Return the raw vectors of some samples, for `CompiledNetwork.gradient`; all else stays that of the whole."""
        if np.array_equal(samples, np.arange(len(self.u))):
            return self
        known = None if self.linearisation is None else self.linearisation.take(samples)
        return replace(self, u=self.u[samples], held=self.held[samples], linearisation=known)

    def raise_for_failure(self) -> Solution:
        """Raise SteadyStateError if a sample has no certified steady state; return self otherwise."""
        failed = np.flatnonzero(self.certificate.failed)
        if failed.size:
            raise SteadyStateError(f"sample {failed[0]}: {self.certificate.messages[failed[0]]}")
        return self

    def astype(self, dtype: type) -> Solution:
        """Return the raw vectors in another precision, for gradients."""
        parameters: dict[str, Array] = {name: np.asarray(value, dtype) for name, value in self.parameters.items()}
        u: Array = self.u.astype(dtype)
        held: Array = self.held.astype(dtype)
        return replace(self, u=u, held=held, parameters=parameters, linearisation=None)
