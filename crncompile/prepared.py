"""Parameters that do not change, with what functions compute of them alone."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class PreparedParameters(Mapping[str, Array]):
    """A complete set of parameters of one network, as `CompiledNetwork.prepared` returns it.

    The arrays can not be written to, so that what is once computed of them stays true.
    """

    def __init__(self, owner: object, values: Mapping[str, Array]):
        self.owner = owner
        self._values: dict[str, Array] = {name: _frozen(value) for name, value in values.items()}
        self._known: dict[int, tuple[Any, Any]] = {}
        self._single: PreparedParameters | None = None

    def __getitem__(self, name: str) -> Array:
        """Return a parameter by its name."""
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._values)

    def __len__(self) -> int:
        """Return the number of parameters."""
        return len(self._values)

    def values(self) -> ValuesView[Array]:
        """Return the arrays."""
        return self._values.values()

    def items(self) -> ItemsView[str, Array]:
        """Return the names with their arrays."""
        return self._values.items()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the values; what was computed of them is computed again where they arrive."""
        return PreparedParameters, (self.owner, self._values)

    def of(self, functions: Any) -> Any:
        """Return what functions make of the parameters."""
        key = id(functions)
        if key not in self._known:  # the functions are kept, so that no others get their id
            self._known[key] = functions, functions.prepare(self._values)
        return self._known[key][1]

    def single(self) -> PreparedParameters:
        """Return the parameters in 32 bits."""
        if self._single is None:
            self._single = PreparedParameters(self.owner, {n: np.asarray(v, np.float32) for n, v in self.items()})
        return self._single


def _frozen(value: Array) -> Array:
    own = np.array(value)
    own.flags.writeable = False
    return own
