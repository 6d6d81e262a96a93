"""What ``bench`` measures: networks that come with the program, compiled and solved by a backend."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crncompile.cli.machine import seconds_of
from crncompile.compiled import CompiledNetwork
from crncompile.compiler import loads
from crncompile.solution import Solution

NETWORKS = ("enzymes", "gated_dots", "double_dots")
SIZES = ((1, 8, 1), (64, 32, 10), (784, 100, 10))
_WRITTEN = (64, 32, 10)  # the sizes in the files
_BATCH = 100
_LIMIT = 0.4  # s: a batch gets smaller than _BATCH where it might take longer


@dataclass(frozen=True)
class Figures:
    """Seconds to compile, to the first certified state from the text, for a state and a gradient in a batch.

    ``tier`` is how the devices are evaluated, ``residual`` the largest one relative to a reservoir's gross flux.
    """

    network: str
    devices: int
    backend: str
    tier: str
    compile: float
    first: float
    batch: int
    state: float
    gradient: float
    residual: float
    failed: int


def text(network: str, sizes: tuple[int, int, int]) -> str:
    """Return the text of a network with layers of these sizes."""
    found = resources.files("crncompile").joinpath("benchmarks", f"{network}.tnet").read_text(encoding="utf-8")
    for axis, written, size in zip("ijk", _WRITTEN, sizes, strict=True):
        found = found.replace(f"index {axis} = 1..{written}\n", f"index {axis} = 1..{size}\n")
        found = found.replace(f" / {written},", f" / {size},")
    return found


def title(network: str, sizes: tuple[int, int, int]) -> str:
    """Return ``gated dots 64-32-10``."""
    return f"{network.replace('_', ' ')} {'-'.join(map(str, sizes))}"


@cache
def warm_up() -> None:
    """Import what computes and read the library once: neither is a network's own time."""
    loads(text("gated_dots", (1, 1, 1))).solve(x=[0.0])


def figures(network: str, sizes: tuple[int, int, int], backend: str) -> Figures:
    """Compile and solve a network with the constants of seed 0; raises DataError where the backend can not run."""
    return figures_of(text(network, sizes), title(network, sizes), backend)


def figures_of(source: str, name: str, backend: str) -> Figures:
    """Compile and solve any text with one group of inputs and a range of their data; raises as `figures` does."""
    warm_up()
    began = time.perf_counter()
    compiled = loads(source, name, backend)
    ready = time.perf_counter()
    (group,) = compiled.inputs
    low, high = group.coding.data if group.coding and group.coding.data else (0.0, 1.0)
    samples = np.random.default_rng(0).uniform(low, high, (_BATCH, *group.shape))
    start = time.perf_counter()
    compiled.solve({group.name: samples[0]}, raw=True)
    first = time.perf_counter() - start
    start = time.perf_counter()
    compiled.solve({group.name: samples[0]}, raw=True)
    few = int(_LIMIT / (time.perf_counter() - start))
    return _figures(compiled, samples[: max(few, 1)], name, ready - began, ready - began + first)


def _figures(compiled: CompiledNetwork, samples: NDArray[Any], name: str, ready: float, first: float) -> Figures:
    (group,) = compiled.inputs
    values = compiled.prepared()
    held, batch = compiled.held({group.name: samples}, values, raw=True)
    found = compiled.solve_held(held, values, batch)
    weights = {readout.name: np.ones((len(samples), *readout.shape)) for readout in compiled.network.readouts}
    solving = seconds_of(lambda: compiled.solve_held(held, values, batch))
    gradient = seconds_of(lambda: compiled.gradient(found, weights))
    return Figures(
        network=name,
        devices=sum(int(np.prod(family.shape, dtype=int)) for family in compiled.network.families),
        backend=compiled.backend,
        batch=len(samples),
        compile=ready,
        first=first,
        state=solving / len(samples),
        gradient=gradient / len(samples),
        **_quality(found),
    )


def _quality(found: Solution) -> dict[str, Any]:
    certificate = found.certificate
    return {
        "tier": certificate.tier,
        "residual": float(np.nanmax(certificate.residual)),
        "failed": int(np.count_nonzero(certificate.failed)),
    }
