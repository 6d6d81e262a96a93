"""One measurement in a process of its own: ``python -m tests.bench.worker KIND ARGUMENT ...`` prints a line of JSON.

Times are seconds on the clock: of five rounds the median, of each round the quickest call.
"""

import importlib
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from crncompile.cli.machine import seconds_of
from tests.bench import cases, machine, networks

LONGEST = 1.0  # s of a call: slow programs get fewer samples


def memory():
    """The largest resident memory so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peer(name, case_name, folder):
    """A program that is not crncompile."""
    module = importlib.import_module(f"tests.bench.peers.{name}")
    return _solver(module.Peer(), cases.load(case_name), Path(folder) / f"{name}-{case_name}.npy")


def ours(backend, case_name, folder):
    """crncompile, its gradient, and one evaluation of all currents with their derivatives."""
    solver = _ours(backend)
    case = cases.load(case_name)
    found = _solver(solver, case, Path(folder) / f"crncompile-{backend}-{case_name}.npy")
    solution, functions = solver.solution, solver.network.functions
    prepared = functions.prepare(solution.parameters)
    settled = functions.settle(solution.held, prepared)
    gradient = seconds_of(solver.gradient, 0.5)
    evaluation = seconds_of(lambda: functions.linearise(solution.u, settled, prepared), 0.5)
    return {
        **found,
        "first_s": solver.first,
        "gradient_s": gradient / found["samples"],
        "evaluation_s": evaluation / found["samples"],
        "steps": float(solution.certificate.iterations.mean()),
        "certificate": solution.certificate.summary(),
        "tier": solution.certificate.tier,
        "edges": case.edges,
    }


def first(backend, case_name):
    """From text and arrays to the first certified state, imports not counted."""
    solver = _ours(backend)
    compiled = solver.prepare(cases.load(case_name))
    return {"compile_s": compiled, "first_s": solver.first}


def _ours(backend):
    for name in ("crncompile.compiler", "crncompile.solve.steady"):
        importlib.import_module(name)
    from tests.bench.ours import Ours

    return Ours(backend)


def _solver(solver, case, path):
    before = memory()
    prepared = solver.prepare(case)
    batch = _affordable(solver, case.u)
    alone, worked = [], time.process_time()

    def call():
        solver.solve(batch)
        alone.append(getattr(solver, "alone", 0.0))

    seconds = seconds_of(call, 0.5)
    worked = time.process_time() - worked
    states = solver.solve(batch)
    np.save(path, states)
    return {
        "title": solver.title,
        "prepare_s": prepared,
        "state_s": seconds / len(batch),
        "cpu_s": worked / len(alone) / len(batch),
        "alone_s": float(np.median(alone)) / len(batch) or None,
        "samples": len(batch),
        "residual": float(np.abs(cases.change(case, states, batch)).max()),
        "memory_mib": memory() - before,
    }


def _affordable(solver, u):
    """As many samples as are solved within `LONGEST`, all of them if that may be; each size was called twice."""
    count = 1
    while True:
        solver.solve(u[:count])
        began = time.perf_counter()
        solver.solve(u[:count])
        seconds = time.perf_counter() - began
        larger = min(len(u), 10 * count)
        if larger == count or seconds * larger / count > LONGEST:
            return u[: max(count, min(larger, int(LONGEST * count / seconds)))]
        count = larger


def kernel():
    """What a core does at best with the law of the cases; needs numba."""
    from tests.bench.kernel import rate

    return {"rate": rate()}


def gated_jax():
    """Gated dots of the size of MNIST by hand; needs JAX."""
    from tests.bench.gated_jax import measure

    return measure()


def growth(backend, what, *sizes):
    """The time of a state (of a batch for ``what`` = batch) where one size grows: inputs, hidden or batch."""
    _ours(backend)
    found = []
    for size in map(int, sizes):
        layers = {"inputs": (size, 32, 10), "hidden": (64, size, 10), "batch": (64, 32, 10)}[what]
        case = cases.of(layers, size if what == "batch" else 20)
        solver = _ours(backend)
        solver.prepare(case)
        found.append({"size": size, "edges": case.edges, "solve_s": seconds_of(lambda s=solver, c=case: s.solve(c.u))})
    return found


def irregular(backend, kind, *sizes):
    """Compile and solve a network that is no stack of layers, growing; the smallest is compiled before, uncounted."""
    import crncompile

    found = []
    with tempfile.TemporaryDirectory() as folder:
        _irregular(crncompile.load(networks.write(kind, 100, Path(folder)), backend))
        for size in map(int, sizes):
            path = networks.write(kind, size, Path(folder))
            began = time.perf_counter()
            network = crncompile.load(path, backend)
            compiled = time.perf_counter() - began
            solution, seconds = _irregular(network)
            found.append(
                {
                    "size": solution.u.shape[1],
                    "compile_s": compiled,
                    "solve_s": seconds,
                    "residual": float(solution.certificate.residual.max()),
                    "how": solution.certificate.summary(),
                }
            )
    return found


def _irregular(network):
    solution = network.solve(x=0.5).raise_for_failure()
    return solution, seconds_of(lambda: network.solve(x=0.5))


def large(backend, name):
    """A built-in network, or a model of ``models/``, of the size of MNIST."""
    from dataclasses import asdict

    from crncompile.cli import benchmark

    if name in benchmark.NETWORKS:
        return asdict(benchmark.figures(name, (784, 100, 10), backend))
    source = (cases.REPOSITORY / "models" / f"{name}.tnet").read_text(encoding="utf-8")
    return asdict(benchmark.figures_of(source, name, backend))


KINDS = {
    "machine": lambda threads: machine.measure(int(threads)),
    "peer": peer,
    "ours": ours,
    "first": first,
    "kernel": kernel,
    "gated_jax": gated_jax,
    "growth": growth,
    "irregular": irregular,
    "large": large,
}


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    print(json.dumps(KINDS[kind](*arguments)))
