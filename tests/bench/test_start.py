"""CPU seconds from the command line to an answer: the first time, and again while nothing has changed.

``pytest --bench -s tests/bench/test_start.py`` prints a table; ``python -m tests.bench.test_start`` does it alone.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

MODELS = sorted((Path(__file__).parents[2] / "models").glob("*.tnet"))
RUNS = 5
LAYERED = """
import time
import crncompile, crncompile.compiler, crncompile.solve.steady
from tests.bench.ours import TEXT
began = time.process_time()
net = crncompile.loads(TEXT.format(*{layers}))
compiled = time.process_time()
net.solve(x=[0.5e-3] * {layers}[0]).raise_for_failure()
print(compiled - began, time.process_time() - began)
"""
LAYERS = {"A": (1, 8, 1), "B": (64, 32, 10), "C": (784, 100, 10)}


def cpu_seconds(command, cache):
    """User and system time of a process, on one thread."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "CRNCOMPILE_CACHE": str(cache), "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(command, env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def check(model):
    """Medians of cold and warm checks; each cold one starts with an empty folder."""
    command = [sys.executable, "-m", "crncompile", "check", str(model)]
    cold, warm = [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            cold.append(cpu_seconds(command, folder))
            warm.append(cpu_seconds(command, folder))
    return statistics.median(cold), statistics.median(warm)


def layered(case):
    """Medians of CPU seconds from the text to functions, and to the first certified state, imports not counted."""
    command, top = [sys.executable, "-c", LAYERED.format(layers=LAYERS[case])], Path(__file__).parents[2]
    runs = [
        subprocess.run(command, cwd=top, capture_output=True, text=True, check=True).stdout.split() for _ in range(RUNS)
    ]
    return tuple(statistics.median(float(run[n]) for run in runs) for n in (0, 1))


def table():
    yield f"{'check, CPU seconds':<24}{'cold':>8}{'warm':>8}"
    for model in MODELS:
        cold, warm = check(model)
        yield f"{model.stem:<24}{cold:8.2f}{warm:8.2f}"
    yield f"\n{'after imports, CPU s':<24}{'loads':>8}{'state':>8}"
    for case in LAYERS:
        compiled, solved = layered(case)
        yield f"{case:<24}{compiled:8.2f}{solved:8.2f}"


@pytest.mark.bench
def test_start():
    print("", *table(), sep="\n")


if __name__ == "__main__":
    print(*table(), sep="\n")
