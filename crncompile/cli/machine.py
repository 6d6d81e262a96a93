"""What this machine can do at best, measured: what times of a network are compared with."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

_ROUNDS = 5
_LARGE = 4_000_000  # numbers: 32 MB, more than a core's share of the cache
_SMALL = 4096  # numbers: 32 kB, within the first or second cache


@dataclass(frozen=True)
class Limits:
    """Rates in 1/s: flop of matrix products on BLAS's own threads, bytes read and written, exp and divisions of a core.

    ``exp`` and ``division`` are numpy's, on float64 arrays that stay in the cache.
    """

    cores: int
    flops: float
    flops_single: float
    bytes: float
    exp: float
    division: float


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def seconds_of(function: Callable[[], Any], budget: float = 0.1, rounds: int = _ROUNDS) -> float:
    """Return the seconds of a call: the median over ``rounds`` of the quickest call in each.

    A round goes on for ``budget / rounds`` seconds and has one call at least. The quickest of a few is what a machine
    does that others use too, the median tells what happens usually.
    """
    return statistics.median(_quickest(function, budget / rounds) for _ in range(rounds))


def _quickest(function: Callable[[], Any], budget: float) -> float:
    found, until = float("inf"), time.perf_counter() + budget
    while True:
        began = time.perf_counter()
        function()
        ended = time.perf_counter()
        found = min(found, ended - began)
        if ended >= until:
            return found


def limits() -> Limits:
    """Measure for about a second."""
    rng = np.random.default_rng(0)
    small = rng.uniform(0.5, 1.5, _SMALL)
    other, result = small + 1, np.empty_like(small)
    large = rng.uniform(0.5, 1.5, _LARGE)
    copy = np.empty_like(large)
    return Limits(
        cores=cores(),
        flops=_matrix_products(np.float64),
        flops_single=_matrix_products(np.float32),
        bytes=2 * large.nbytes / seconds_of(lambda: np.copyto(copy, large)),
        exp=_SMALL / seconds_of(lambda: np.exp(small, out=result)),
        division=_SMALL / seconds_of(lambda: np.divide(small, other, out=result)),
    )


def _matrix_products(kind: type[np.floating[Any]], size: int = 768) -> float:
    a = np.random.default_rng(0).uniform(size=(size, size)).astype(kind)
    result = np.empty_like(a)
    return float(2 * size**3 / seconds_of(lambda: np.matmul(a, a, out=result), 0.3))
