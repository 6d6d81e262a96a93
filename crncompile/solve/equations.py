"""The equations of a batch of samples: currents, Jacobian, conserved totals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crncompile.solve.linear import LinearSystem, Matrix, matrix_of, pivot_reservoirs
from crncompile.solve.problem import Array, Functions, Parameters, Structure


@dataclass(frozen=True, eq=False)
class Linearisation:
    """Currents (batch, n), Jacobian and capacities (batch, n) at a state; ``gap`` (batch, laws) is what totals miss."""

    structure: Structure
    pivots: tuple[int, ...]
    currents: Array
    jacobian: Matrix
    capacity: Array
    gap: Array

    @property
    def law_rows(self) -> Array:
        """Derivatives of the conserved totals, (batch, laws, n)."""
        return self.structure.conserved[None] * self.capacity[:, None, :]

    @property
    def right(self) -> Array:
        """Currents with the pivot rows replaced by the gaps of the conserved laws."""
        return self.constrained(self.currents, self.gap)

    def constrained(self, right: Array, gap: Array | float = 0.0) -> Array:
        """Copy ``right`` (batch, n) with the pivot rows replaced by ``gap`` (batch, laws)."""
        right = right.copy()
        right[:, self.pivots] = gap
        return right

    def system(self, shift: Array | float = 0.0) -> LinearSystem:
        """Return diag(shift) - J with the rows of the conserved laws; ``shift`` broadcasts to (batch, n)."""
        shift = np.broadcast_to(shift, self.capacity.shape)
        return LinearSystem(self.jacobian.map(np.negative).plus_diagonal(shift), self.law_rows, self.pivots)

    def step(self, shift: Array | float = 0.0) -> Array:
        """(diag(shift) - J)^-1 F, (batch, n), conserved totals restored; Newton's step without a shift."""
        return self.system(shift).solve(self.right)

    def take(self, samples: Array) -> Linearisation:
        """Linearisation of some of the samples."""
        jacobian = self.jacobian.map(lambda entries: entries[samples])
        parts = (self.currents[samples], jacobian, self.capacity[samples], self.gap[samples])
        return Linearisation(self.structure, self.pivots, *parts)


@dataclass(frozen=True, eq=False)
class Equations:
    """A network's functions with the held potentials (batch, m) and conserved totals (batch, laws) of each sample.

    ``injected`` (batch, n) are constant currents in 1/s from outside into the floating reservoirs, beside those of the
    devices.
    """

    functions: Functions
    parameters: Parameters
    held: Array
    totals: Array
    injected: Array
    pivots: tuple[int, ...]

    @classmethod
    def of(
        cls,
        functions: Functions,
        parameters: Parameters,
        held: Array,
        start: Array,
        totals: Array | None,
        injected: Array | None = None,
    ) -> Equations:
        """Conserved totals are those of the start (batch, n) unless stated, (laws,) or (batch, laws).

        Nothing is injected unless stated, (n,) or (batch, n).
        """
        conserved = functions.structure.conserved
        if totals is None:
            totals = functions.content(start, parameters) @ conserved.T if len(conserved) else np.zeros((len(start), 0))
        totals = np.broadcast_to(np.asarray(totals), (len(start), len(conserved)))
        injected = np.broadcast_to(np.zeros(1) if injected is None else injected, start.shape)
        return cls(functions, parameters, held, totals, injected, pivot_reservoirs(conserved))

    @property
    def structure(self) -> Structure:
        """Names and sparsity."""
        return self.functions.structure

    def take(self, samples: Array) -> Equations:
        """Equations of some of the samples."""
        totals, injected = self.totals[samples], self.injected[samples]
        return Equations(self.functions, self.parameters, self.held[samples], totals, injected, self.pivots)

    @property
    def grows(self) -> Array:
        """Whether the injected currents change a conserved total (batch, laws): then there is no steady state."""
        weights = self.structure.conserved.T
        rounding = 1e-12 * (np.abs(self.injected) @ np.abs(weights))
        return np.asarray(np.abs(self.injected @ weights) > rounding)

    def gap(self, u: Array) -> Array:
        """Particles that are missing to the conserved totals, (batch, laws)."""
        if not self.pivots:
            return np.zeros((len(u), 0), u.dtype)
        return self.totals - self.functions.content(u, self.parameters) @ self.structure.conserved.T

    def on_totals(self, u: Array) -> Array:
        """Shift states (batch, n) onto the conserved totals by as little as possible; NaN where a total can not be had.

        Newton's method for the multipliers y in u + y . weights, which is a convex problem.
        """
        weights = self.structure.conserved
        for _ in range(200):
            gap, capacity = self.gap(u), self.functions.capacity(u, self.parameters)
            missing = np.abs(gap) > 1e-14 * (capacity @ np.abs(weights).T)
            if not missing.any():
                return u
            matrix = np.einsum("kn,bn,ln->bkl", weights, capacity, weights)
            step = (np.linalg.pinv(matrix) @ gap[:, :, None])[:, :, 0] @ weights
            u = u + step / np.maximum(1.0, np.abs(step).max(axis=1, keepdims=True))
        missed = np.asarray(np.abs(gap) > 1e-9 * (capacity @ np.abs(weights).T)).any(axis=1, keepdims=True)
        return np.where(missed, np.nan, u)

    def linearise(self, u: Array) -> Linearisation:
        """Currents, injected ones among them, and Jacobian at ``u`` (batch, n)."""
        currents, entries = self.functions.linearise(u, self.held, self.parameters)
        currents = currents + self.injected
        jacobian, capacity = matrix_of(self.structure, entries), self.functions.capacity(u, self.parameters)
        return Linearisation(self.structure, self.pivots, currents, jacobian, capacity, self.gap(u))

    def gross(self, u: Array) -> Array:
        """Sum of the absolute values of all currents into and out of every reservoir, (batch, n)."""
        return self.functions.gross(u, self.held, self.parameters) + np.abs(self.injected)

    def residual(self, u: Array, currents: Array, gross: Array | None = None) -> tuple[Array, Array]:
        """|currents| relative to the gross flux (batch, n), given if known; gaps of the totals in kT, (batch, laws)."""
        if gross is None:
            gross = self.gross(u)
        relative = np.where(currents == 0, 0, np.abs(currents) / np.where(gross > 0, gross, 1e-300))
        scale = self.functions.capacity(u, self.parameters) @ np.abs(self.structure.conserved).T
        return relative, np.abs(self.gap(u)) / scale
