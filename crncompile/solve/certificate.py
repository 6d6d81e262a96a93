"""What is known about an answer: `Certificate`, one entry for every sample of a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from crncompile.solve.equations import Linearisation
from crncompile.solve.problem import Array


class Status(StrEnum):
    """How the search for a steady state ended."""

    STABLE = "stable"
    UNDECIDED = "undecided"
    OSCILLATES = "oscillates"
    FAILED = "failed"

    @property
    def sentence(self) -> str:
        """The status in words."""
        return _SENTENCES[self]


_SENTENCES = {
    Status.STABLE: "a stable steady state, certified",
    Status.UNDECIDED: "the start lies on the border between two outcomes",
    Status.OSCILLATES: "the network oscillates and does not settle",
    Status.FAILED: "no steady state was found",
}


class How(StrEnum):
    """How it is known that the state is the one that the network relaxes to, and that it is stable."""

    NOT = "not ascertained"
    UNIQUE = "proved unique"
    REGION = "proved unique in the region that the relaxation from the stated start can not leave"
    FOLLOWED = "relaxation followed from the stated start, stability checked"
    REPEATED = "relaxation followed from the stated start near a border, repeated more exactly, stability checked"
    WARM = "warm start, stability checked, not confirmed from the stated start"


@dataclass(frozen=True, eq=False)
class Certificate:
    """Evidence for a batch of answers; every array has the sample as its first axis.

    Parameters
    ----------
    status, how
        Words of `Status` and `How`, (batch,).
    residual
        Largest |net current| / gross flux over the reservoirs, or gap of a conserved total in kT, (batch,).
    newton_step
        Largest |J^-1 F| over the reservoirs (batch,), kT.
    worst
        Index (batch,) of the reservoir with the largest |net current| / gross flux.
    iterations
        Linear systems' steps tried (batch,): of the path and of Newton's method.
    totals
        Conserved totals (batch, laws), particles.
    eigenvalue
        Leading eigenvalue of the relaxation (batch,), 1/s, complex; or None where it was not asked for.
    period
        Period of an oscillation (batch,), s; NaN where there is none.
    messages
        Why a sample failed, in the network's names; empty for certified ones.
    backend, tier, precision
        What evaluated the currents, and in which numbers.
    """

    status: Array
    how: Array
    residual: Array
    newton_step: Array
    worst: Array
    iterations: Array
    totals: Array
    period: Array
    messages: tuple[str, ...]
    eigenvalue: Array | None = None
    backend: str = ""
    tier: str = ""
    precision: str = "float64"

    @property
    def failed(self) -> Array:
        """Samples (batch,) without a certified steady state, whatever the reason."""
        return np.asarray(self.status != Status.STABLE)

    @property
    def _by_sample(self) -> tuple[str, ...]:
        """Names of the arrays that are there."""
        names = ("status", "how", "residual", "newton_step", "worst", "iterations", "totals", "period")
        return names if self.eigenvalue is None else (*names, "eigenvalue")

    @classmethod
    def joined(cls, parts: Sequence[Certificate]) -> Certificate:
        """Return the certificate of several batches, one behind the other."""
        found: dict[str, Any] = {n: np.concatenate([getattr(part, n) for part in parts]) for n in parts[0]._by_sample}
        return replace(parts[0], **(found | {"messages": tuple(m for part in parts for m in part.messages)}))

    def put(self, samples: Array, others: Certificate) -> Certificate:
        """Return a certificate in which others' entries stand for some samples."""
        found: dict[str, Any] = {}
        for name in self._by_sample:
            mine, theirs = getattr(self, name), getattr(others, name)
            found[name] = mine.astype(np.result_type(mine, theirs))
            found[name][samples] = theirs
        messages = np.array(self.messages, object)
        messages[samples] = others.messages
        return replace(self, **(found | {"messages": tuple(messages)}))

    def summary(self) -> str:
        """One line: how many samples ended how, the largest residual and Newton step of the certified ones."""
        counts = Counter(str(status) for status in self.status)
        parts = [f"{counts[status]} {status}" for status in Status if counts[status]]
        good = ~self.failed
        if good.any():
            parts.append(f"residual <= {self.residual[good].max():.1e} of gross flux")
            parts.append(f"Newton step <= {self.newton_step[good].max():.1e} kT")
            parts.extend(sorted({str(how) for how in self.how[good]}))
            parts.extend([f"computed in {self.precision}"] if self.precision != "float64" else [])
        return ", ".join(parts) or "no samples"


@dataclass(frozen=True, eq=False)
class States:
    """Steady potentials ``u`` (batch, n), NaN where none was certified, and the evidence.

    ``linearisation`` is the exact one at all states that were found; adjoints begin with it.
    """

    u: Array
    certificate: Certificate
    linearisation: Linearisation
