"""Fuzz the compiler for as long as one likes.

    python -m tests.hostile.fuzz --minutes 10 [--seed 0] [--keep FOLDER]

Every text is made from a number, so that a finding is repeated by ``--only NUMBER``. Texts that break a promise are
written to the folder (default: fuzz-findings) with what went wrong. The tests run the first few numbers
(`test_fuzz.py`).
"""

from __future__ import annotations

import argparse
import collections
import signal
import time
import traceback
from pathlib import Path

import numpy as np

from crncompile.compiler import check_source
from crncompile.errors import CrnError, Source

from .generator import random_model
from .mutation import mutated, random_tokens
from .texts import ACCEPTED, named_device
from .trial import told_or_accepted, try_text

KINDS = ("tokens", "mutant", "model")
#: Seconds of processor time that a text may take: a guard against what hangs.
SECONDS = 60


class TooSlowError(Exception):
    """A text took more processor time than it may."""


def text_of(kind, number):
    """Return the text of a kind with a number."""
    rng = np.random.default_rng([KINDS.index(kind), number])
    if kind == "tokens":
        return random_tokens(rng)
    if kind == "model":
        return random_model(rng)
    written = [ACCEPTED["states"], ACCEPTED["lets"], ACCEPTED["circuits"], named_device()]
    seeds = [*written, random_model(rng), random_model(rng)]
    return mutated(seeds[int(rng.integers(len(seeds)))], rng)


def run(kind, number):
    """Judge one text; return in a word what became of it, and raise what may not be."""
    text = text_of(kind, number)
    if kind == "tokens":
        return "refused" if told_or_accepted(text) is None else "accepted"
    return try_text(text)


def guarded(kind, number):
    """Return the outcome, or ``broken`` with the traceback."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return run(kind, number), ""
    except Exception:
        return "broken", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _alarm(*_):
    raise TooSlowError


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0, help="number of the first text")
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--only", type=int, help="judge the text of this number alone, and let its traceback out")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    options = parser.parse_args()
    kinds = options.kind or KINDS
    if options.only is not None:
        for kind in kinds:
            text = text_of(kind, options.only)
            print(f"--- {kind}\n{text}\n")
            try:
                check_source(Source("text", text))
            except CrnError as error:
                print(error)
            print(run(kind, options.only))
        return
    signal.signal(signal.SIGPROF, _alarm)
    counts, end, number = collections.Counter(), time.monotonic() + 60 * options.minutes, options.seed
    while time.monotonic() < end:
        for kind in kinds:
            outcome, trace = guarded(kind, number)
            counts[kind, outcome] += 1
            if trace:
                options.keep.mkdir(exist_ok=True)
                (options.keep / f"{kind}-{number}.tnet").write_bytes(text_of(kind, number).encode("utf-8", "replace"))
                (options.keep / f"{kind}-{number}.txt").write_text(trace, encoding="utf-8")
                print(f"{kind} {number}: {trace.strip().splitlines()[-1][:200]}", flush=True)
        number += 1
    for (kind, outcome), count in sorted(counts.items()):
        print(f"{kind:8} {outcome:20} {count}")
    print(f"numbers {options.seed} to {number - 1}")


if __name__ == "__main__":
    main()
