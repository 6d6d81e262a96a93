"""The running mean of free variables: less noisy than where single steps lead (Polyak and Juditsky 1992)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Average:
    """An exponential mean ``z``, of which each step keeps a ``share``; with 0 it is where the last step led.

    Early steps keep less, (1 + n) / (10 + n) where n came before, so that the start is soon forgotten.
    """

    def __init__(self, z: Array, share: float):
        self.z, self.share = z, share

    def add(self, z: Array, steps: int) -> None:
        """Take in where a step led, ``steps`` after the first; ``z`` is a new array, as others may hold the old."""
        kept = min(self.share, (1 + steps) / (10 + steps))
        self.z = z if not self.share else self.z + np.multiply(z - self.z, z.dtype.type(1 - kept))
