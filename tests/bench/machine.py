"""What this machine can do on one core and on all of them: `crncompile.cli.machine`, on several threads at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import numpy as np

from crncompile.cli.machine import cores, limits, seconds_of

CALLS = 400  # of small arrays for each thread: long enough that starting threads does not count
SMALL = 16_384


def measure(threads):
    """Rates in 1/s. BLAS takes its number of threads from the environment of the process."""
    found = asdict(limits())
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            found["exp"] = _together(pool, threads, np.exp)
            found["division"] = _together(pool, threads, lambda a, out: np.divide(1.0, a, out=out))
    return {"threads": threads, "all_cores": cores(), **found}


def _together(pool, threads, function):
    arrays = [np.random.default_rng(n).uniform(0.5, 1.5, SMALL) for n in range(threads)]
    results = [np.empty_like(array) for array in arrays]

    def work(n):
        for _ in range(CALLS):
            function(arrays[n], out=results[n])

    seconds = seconds_of(lambda: list(pool.map(work, range(threads))), 0.5)
    return threads * CALLS * SMALL / seconds
