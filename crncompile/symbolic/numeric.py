"""Expressions as functions of numpy arrays, independently of generated code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy
from sympy.printing.numpy import NumPyPrinter

from crncompile.symbolic.functions import logistic

_FUNCTIONS = {logistic.__name__: lambda x: 1.0 / (1.0 + np.exp(-x))}
_SETTINGS = {"fully_qualified_modules": False, "allow_unknown_functions": True}


def numpy_function(
    symbols: Sequence[sympy.Symbol], expressions: sympy.Expr | Sequence[sympy.Expr], cse: Any = False
) -> Callable[..., Any]:
    """Return the function that takes an array for each symbol and gives one for each expression.

    ``cse`` is as in `sympy.lambdify`. That would import all of numpy, some parts of which take long; here the printer
    names the functions that the expressions need.
    """
    function: Callable[..., Any] = sympy.lambdify(
        list(symbols), expressions, modules=[_FUNCTIONS], printer=NumPyPrinter(_SETTINGS), cse=cse
    )
    return function
