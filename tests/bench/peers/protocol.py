"""What every program that is compared offers: it is prepared for a case once, then it solves batches."""

import time
from typing import Protocol

import numpy as np


class Peer(Protocol):
    """A program that finds steady states."""

    title: str

    def prepare(self, case) -> float:
        """Get ready for a case, all compilation included and imports left out; return the seconds that it took."""

    def solve(self, batch: np.ndarray) -> np.ndarray:
        """Return steady states (samples, floating) in mM for inputs (samples, inputs)."""


class Clock:
    """Seconds since it was made."""

    def __init__(self):
        self.began = time.perf_counter()

    def seconds(self):
        return time.perf_counter() - self.began
