"""How fast crncompile is beside other programs, on this machine, in one run.

    python -m tests.bench.report --quick|--full|--again -o FOLDER

Every measurement has a process of its own, one after the other. Prints tables, writes ``report.json`` with all figures
and ``report.png`` with the ratios. ``--quick`` takes about four minutes; ``--full`` adds what takes longest: large
cases for the slow programs, larger irregular networks, all backends everywhere.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crncompile.backends import choice
from tests.bench import cases, tables
from tests.bench.test_start import check

# Programs beside crncompile: the package that must be there, its name for pip, and the cases: quick, full.
PEERS = {
    "hand_numpy": ("numpy", "numpy", "ABC", "ABC"),
    "hand_numba": ("numba", "numba", "ABC", "ABC"),
    "hand_jax": ("jax", "jax", "ABC", "ABC"),
    "scipy_root": ("scipy", "scipy", "A", "AB"),  # an expression for each enzyme: minutes for B
    "roadrunner": ("roadrunner", "libroadrunner", "A", "AB"),  # compiles B for half a minute to two
    "copasi": ("basico", "copasi-basico", "A", "AB"),  # loads B for a minute, then a second for each state
}
GROWTH = {"inputs": (64, 256, 1024), "hidden": (32, 128, 512), "batch": (10, 100, 1000)}
IRREGULAR = {
    "quick": {"chain": (1000, 10_000, 100_000), "ring": (1000, 10_000), "lattice": (1024, 4096), "random": (250, 1000)},
    "full": {
        "chain": (1000, 10_000, 100_000),
        "ring": (1000, 10_000, 100_000),
        "lattice": (1024, 4096, 16_384),
        "random": (250, 1000, 4000),
    },
}
LARGE = ("gated_dots", "mnist_enzymes", "double_dots", "enzymes")
RUNS = 5
AGREE = 1e-8  # mM


@dataclass(frozen=True)
class Run:
    """Where states are kept, how long a process may take, and whether all is measured."""

    folder: Path
    full: bool
    seconds: float = 300.0

    def measure(self, *words, **environment):
        """Run a worker with an empty cache; return its figures, or ``{"error": why}``."""
        print(f"  {' '.join(map(str, words))}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "tests.bench.worker", *map(str, words)]
        with tempfile.TemporaryDirectory() as cache:
            settings = {**os.environ, "CRNCOMPILE_CACHE": cache, **environment}
            try:
                done = subprocess.run(
                    command, cwd=cases.REPOSITORY, env=settings, capture_output=True, text=True, timeout=self.seconds
                )
            except subprocess.TimeoutExpired:
                return {"error": f"not done in {self.seconds:g} s"}
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            return {"error": lines[-1]}
        return json.loads(done.stdout)


def whole(run):
    """Measure everything, part by part: yields the name of a part and its figures, plain data."""
    began, load = time.time(), os.getloadavg()[0]
    yield "machine", [run.measure("machine", threads, **_threads(threads)) for threads in sorted({1, os.cpu_count()})]
    yield "kernel", run.measure("kernel")
    absent = {name: pip for name, (package, pip, *_) in PEERS.items() if not importlib.util.find_spec(package)}
    yield "missing", absent
    backends, unable = able(run)
    yield "unable", unable
    yield "first", {f"{backend} {case}": first(run, backend, case) for backend in backends for case in cases.NAMES}
    yield "cases", {case: solvers(run, case, backends) for case in cases.NAMES}
    chosen = backends if run.full else [name for name in ("c", "numpy") if name in backends][:1]
    yield "growth", {f"{b} {what}": run.measure("growth", b, what, *s) for b in chosen for what, s in GROWTH.items()}
    irregular = IRREGULAR["full" if run.full else "quick"]
    yield "irregular", {f"{b} {k}": run.measure("irregular", b, k, *s) for b in chosen for k, s in irregular.items()}
    yield "large", [run.measure("large", backend, name) for backend in chosen for name in LARGE]
    yield "gated_jax", run.measure("gated_jax") if importlib.util.find_spec("jax") else {}
    yield "check", checks(run)
    yield "seconds", time.time() - began
    yield "load", [load, os.getloadavg()[0]]


def _threads(count):
    return {f"{name}_NUM_THREADS": str(count) for name in ("OPENBLAS", "OMP", "MKL")}


def able(run):
    """Names of the backends that run here, and why the others do not."""
    tried = {name: run.measure("first", name, "A") for name in choice.names()}
    unable = {name: figures["error"] for name, figures in tried.items() if "error" in figures}
    return [name for name in tried if name not in unable], unable


def first(run, backend, case):
    """Medians of fresh processes: from text and arrays to the first certified state."""
    runs = [run.measure("first", backend, case) for _ in range(RUNS)]
    return next((r for r in runs if "error" in r), None) or {
        name: statistics.median(r[name] for r in runs) for name in runs[0]
    }


def solvers(run, case, backends):
    """All programs on one case, and how far their states are from the first one's."""
    found = {f"crncompile-{backend}": run.measure("ours", backend, case, run.folder) for backend in backends}
    for name, (package, _, quick, full) in PEERS.items():
        if importlib.util.find_spec(package) and case in (full if run.full else quick):
            found[name] = run.measure("peer", name, case, run.folder)
    states = {name: np.load(run.folder / f"{name}-{case}.npy") for name in found if "error" not in found[name]}
    reference = states["hand_numpy"]
    for name, values in states.items():
        few = min(len(values), len(reference))
        found[name]["difference"] = float(np.abs(values[:few] - reference[:few]).max())
    return found


def checks(run):
    """CPU seconds of ``crncompile check``, cold and warm."""
    models = sorted((cases.REPOSITORY / "models").glob("*.tnet"))
    chosen = models if run.full else [model for model in models if model.stem == "sine_enzymes"]
    return {model.stem: dict(zip(("cold_s", "warm_s"), check(model), strict=True)) for model in chosen}


def disagreements(found):
    """Sentences about answers that are not the same, or that are not steady."""
    return [
        f"{name} on {case}: states differ by {figures['difference']:.1e} mM, ds/dt is {figures['residual']:.1e} mM/s"
        for case, programs in found["cases"].items()
        for name, figures in programs.items()
        if "error" not in figures and max(figures["difference"], figures["residual"]) > AGREE
    ]


def report(found, folder):
    """Print and draw; return the sentences of `disagreements`."""
    from tests.bench.picture import draw

    print(tables.whole(found))
    draw(found, folder / "report.png")
    return disagreements(found)


def measured(full, folder):
    """Measure all and keep the figures, those so far after every part."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    with tempfile.TemporaryDirectory() as states:
        for part, figures in whole(Run(Path(states), full)):
            found[part] = figures
            (folder / "report.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("--quick", action="store_true", help="about four minutes")
    size.add_argument("--full", action="store_true", help="about twenty minutes")
    size.add_argument("--again", action="store_true", help="print and draw what the folder holds, measure nothing")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args()
    kept = options.output / "report.json"
    found = json.loads(kept.read_text()) if options.again else measured(options.full, options.output)
    wrong = report(found, options.output)
    print(*wrong, sep="\n", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
