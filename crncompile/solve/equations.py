"""The equations of a batch of samples: currents, Jacobian, conserved totals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from crncompile.solve.blocks import BlockMatrix
from crncompile.solve.linear import BACKWARD_ERROR, VANISHING, LinearSystem, Matrix, matrix_of, pivot_reservoirs
from crncompile.solve.problem import Array, Functions, Parameters, Structure


@dataclass(frozen=True, eq=False)
class Linearisation:
    """Currents (batch, n) and Jacobian of some equations at states ``u`` (batch, n).

    All else is computed where it is asked for, once: ``capacity`` and ``gross`` are (batch, n), ``gap`` (batch, laws)
    is what totals miss.
    """

    equations: Equations
    u: Array
    currents: Array
    jacobian: Matrix

    def knowing(self, **known: Array) -> Linearisation:
        """Return this, told what has been computed of it: ``gross``, ``newton_step`` or ``response``, (batch, n)."""
        vars(self).update(known)
        return self

    @property
    def structure(self) -> Structure:
        """Names and sparsity."""
        return self.equations.structure

    @property
    def pivots(self) -> tuple[int, ...]:
        """One reservoir for each conserved law."""
        return self.equations.pivots

    @cached_property
    def capacity(self) -> Array:
        """dn/du of every floating reservoir."""
        return self.equations.functions.capacity(self.u, self.equations.parameters)

    @cached_property
    def gross(self) -> Array:
        """Sum of the absolute values of all terms of the currents."""
        return self.equations.gross(self.u)

    @cached_property
    def gap(self) -> Array:
        """Particles that are missing to the conserved totals."""
        return self.equations.gap(self.u)

    @property
    def law_rows(self) -> Array:
        """Derivatives of the conserved totals, (batch, laws, n)."""
        if not self.pivots:
            return np.zeros((len(self.u), 0, self.u.shape[1]), self.u.dtype)
        return self.equations.laws_like(self.u)[None] * self.capacity[:, None, :]

    @property
    def right(self) -> Array:
        """Currents with the pivot rows replaced by the gaps of the conserved laws."""
        return self.constrained(self.currents, self.gap) if self.pivots else self.currents

    def constrained(self, right: Array, gap: Array | float = 0.0) -> Array:
        """Copy ``right`` (batch, n) with the pivot rows replaced by ``gap`` (batch, laws)."""
        right = right.copy()
        right[:, self.pivots] = gap
        return right

    def system(self, shift: Array) -> LinearSystem:
        """Return diag(shift) - J with the rows of the conserved laws; ``shift`` broadcasts to (batch, n)."""
        matrix = self.jacobian.map(np.negative).plus_diagonal(np.broadcast_to(shift, self.u.shape))
        return LinearSystem(matrix, self.law_rows, self.pivots)

    @cached_property
    def newton(self) -> LinearSystem:
        """The system of Newton's method, J with the rows of the conserved laws; the adjoint shares its factors."""
        return LinearSystem(self.jacobian, self.law_rows, self.pivots)

    @property
    def newton_right(self) -> Array:
        """Its right-hand side: what is missing to a steady state."""
        return self.constrained(-self.currents, self.gap) if self.pivots else -self.currents

    @cached_property
    def newton_step(self) -> Array:
        """Newton's step -J^-1 F, (batch, n), conserved totals restored."""
        return self.newton.solve(self.newton_right)

    @cached_property
    def response(self) -> Array:
        """How the states respond to a current of the size of the gross flux out of every reservoir, (batch, n)."""
        return self.newton.solve(-self.gross)

    def solve_transposed(self, right: Array) -> Array:
        """Solve J^T x = ``right``, (batch, n), with the rows of the conserved laws; singular samples are NaN."""
        if not self.equations.compiled or not isinstance(self.jacobian, BlockMatrix) or np.iscomplexobj(right):
            return self.newton.solve_transposed(right)
        functions: Any = self.equations.functions
        allowed = BACKWARD_ERROR * float(np.finfo(right.dtype).eps)
        blocks, parameters = self.jacobian.blocks, self.equations.parameters
        x, exact = functions.solve_transposed(blocks, right, parameters, allowed, VANISHING)
        if not exact.all():
            x[~exact] = self.take(~exact).newton.solve_transposed(right[~exact])
        return np.asarray(x)

    def step(self, shift: Array) -> Array:
        """(diag(shift) - J)^-1 F, (batch, n), conserved totals restored."""
        return self.system(shift).solve(self.right)

    @cached_property
    def residuals(self) -> tuple[Array, Array]:
        """|currents| relative to the gross flux, (batch, n), and gaps of the totals in kT, (batch, laws)."""
        gross = self.gross
        relative = np.where(self.currents == 0, 0, np.abs(self.currents) / np.where(gross > 0, gross, 1e-300))
        if not self.pivots:
            return relative, self.gap
        return relative, np.abs(self.gap) / (self.capacity @ np.abs(self.equations.laws_like(self.u)).T)

    def take(self, samples: Array) -> Linearisation:
        """Linearisation of some of the samples."""
        return self.of(self.equations.take(samples), samples)

    def of(self, equations: Equations, samples: Array) -> Linearisation:
        """Linearisation of some of the samples, whose equations are known."""
        jacobian = self.jacobian.map(lambda entries: entries[samples])
        return Linearisation(equations, self.u[samples], self.currents[samples], jacobian)


@dataclass(frozen=True, eq=False)
class Equations:
    """A network's functions with the held potentials (batch, m) and conserved totals (batch, laws) of each sample.

    ``injected`` (batch, n), if there are any, are constant currents in 1/s from outside into the floating reservoirs,
    beside those of the devices.
    """

    functions: Functions
    parameters: Parameters
    held: Array
    totals: Array
    injected: Array | None
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
        conserved = functions.structure.conserved.astype(start.dtype)
        if totals is None:
            totals = functions.content(start, parameters) @ conserved.T if len(conserved) else np.zeros((len(start), 0))
        totals = np.broadcast_to(np.asarray(totals, start.dtype), (len(start), len(conserved)))
        if injected is not None:
            injected = np.broadcast_to(injected, start.shape)
        return cls(functions, parameters, held, totals, injected, pivot_reservoirs(conserved))

    @property
    def structure(self) -> Structure:
        """Names and sparsity."""
        return self.functions.structure

    @property
    def compiled(self) -> bool:
        """Whether the functions have Newton's method of their own for these equations, in `backends/newton.c`."""
        own = getattr(self.functions, "newtonian", None)
        return own is not None and not self.pivots and bool(own(self.parameters))

    def take(self, samples: Array) -> Equations:
        """Equations of some of the samples."""
        totals, injected = self.totals[samples], None if self.injected is None else self.injected[samples]
        return Equations(self.functions, self.parameters, self.held[samples], totals, injected, self.pivots)

    @property
    def grows(self) -> Array:
        """Whether the injected currents change a conserved total (batch, laws): then there is no steady state."""
        if self.injected is None:
            return np.zeros(self.totals.shape, bool)
        weights = self.structure.conserved.T
        rounding = 1e-12 * (np.abs(self.injected) @ np.abs(weights))
        return np.asarray(np.abs(self.injected @ weights) > rounding)

    def laws_like(self, u: Array) -> Array:
        """Weights of the conserved totals, (laws, n), in the precision of ``u``: whole numbers would make it double."""
        return np.asarray(self.structure.conserved.astype(u.dtype))

    def gap(self, u: Array) -> Array:
        """Particles that are missing to the conserved totals, (batch, laws)."""
        if not self.pivots:
            return np.zeros((len(u), 0), u.dtype)
        return np.asarray(self.totals - self.functions.content(u, self.parameters) @ self.laws_like(u).T)

    def on_totals(self, u: Array) -> Array:
        """Shift states (batch, n) onto the conserved totals by as little as possible; NaN where a total can not be had.

        Newton's method for the multipliers y in u + y . weights, which is a convex problem.
        """
        weights, unit = self.laws_like(u), float(np.finfo(u.dtype).eps)
        for _ in range(200):
            gap, capacity = self.gap(u), self.functions.capacity(u, self.parameters)
            missing = np.abs(gap) > 45 * unit * (capacity @ np.abs(weights).T)
            if not missing.any():
                return u
            matrix = np.einsum("kn,bn,ln->bkl", weights, capacity, weights)
            step = (np.linalg.pinv(matrix) @ gap[:, :, None])[:, :, 0] @ weights
            u = u + step / np.maximum(1, np.abs(step).max(axis=1, keepdims=True))
        missed = np.asarray(np.abs(gap) > max(1e-9, 1e3 * unit) * (capacity @ np.abs(weights).T)).any(
            axis=1, keepdims=True
        )
        return np.where(missed, np.nan, u)

    def currents(self, u: Array) -> Array:
        """Net current into every reservoir at ``u``, (batch, n)."""
        return self._with_injected(self.functions.currents(u, self.held, self.parameters))

    def gross(self, u: Array) -> Array:
        """Sum of the absolute values of all terms of the currents at ``u``, injected ones among them, (batch, n)."""
        gross = self.functions.gross(u, self.held, self.parameters)
        return gross if self.injected is None else gross + np.abs(self.injected)

    def _with_injected(self, currents: Array) -> Array:
        return currents if self.injected is None else currents + self.injected

    def linearise(self, u: Array) -> Linearisation:
        """Currents, injected ones among them, and Jacobian at ``u`` (batch, n)."""
        currents, entries = self.functions.linearise(u, self.held, self.parameters)
        return Linearisation(self, u, self._with_injected(currents), matrix_of(self.structure, entries))
