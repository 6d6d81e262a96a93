"""C text that does not depend on the network: the head of every library, names, and expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import sympy

from crncompile.backends.printer import Printer, identifiers

TILE = 256
"""Devices of a tile: some twenty arrays of them fit into 64 KiB."""
LANES = 16
"""Devices on which a processor works at once in any precision."""
SAMPLES = 16
"""Samples for which what devices share along the other axes is kept."""

HEAD = f"""\
#include <stddef.h>
#include <tgmath.h>

#ifndef REAL
#define REAL double
#endif
typedef REAL real;

#if defined __GLIBC__ && defined __x86_64__ && !defined __clang__
/* The vector functions of glibc are exact to 4 units in the last place. */
#pragma GCC diagnostic ignored "-Wattributes"
__attribute__((simd("notinbranch"))) double (exp)(double);
__attribute__((simd("notinbranch"))) double (log)(double);
__attribute__((simd("notinbranch"))) double (pow)(double, double);
__attribute__((simd("notinbranch"))) float (expf)(float);
__attribute__((simd("notinbranch"))) float (logf)(float);
__attribute__((simd("notinbranch"))) float (powf)(float, float);
#endif

typedef ptrdiff_t at;
enum {{ TILE = {TILE}, SAMPLES = {SAMPLES} }};

/* An exponential that saturates instead of overflowing. The limit is no constant, as that would make a branch of it. */
real largest_exponent = sizeof(real) == 8 ? 700.0 : 80.0;
static inline real bounded(real x, real limit) {{ return x < limit ? x : limit; }}
#define exp_(x) exp(bounded(x, limit))

/* Numbers of a tile's devices: where they lie side by side they are left there, else they are gathered in `to`. */
static __attribute__((noinline)) const real *along(const real *from, at stride, at width, real *restrict to)
{{
    if (stride == 1) return from;
    for (at k = 0; k < width; k++) to[k] = from[k * stride];
    return to;
}}
"""

EACH = "for (at k = 0; k < width; k++)"


def c_identifiers(names: Iterable[str]) -> dict[str, str]:
    """Return a distinct start of C identifiers for each name; letters that are not ASCII become their code points."""
    result: dict[str, str] = {}
    for name, text in identifiers(names, ()).items():
        plain = "".join(c if c.isascii() else f"u{ord(c):x}" for c in text)
        while plain in result.values():
            plain += "_"
        result[name] = plain
    return result


class CPrinter(Printer):
    """Prints expressions as C."""

    functions: ClassVar[Mapping[str, str]] = {
        "exp": "exp_",
        "log": "log",
        "tanh": "tanh",
        "sinh": "sinh",
        "cosh": "cosh",
        "Abs": "fabs",
    }

    def _number(self, e: sympy.Expr, level: int) -> str:
        text = repr(float(e))
        return f"({text})" if text.startswith("-") and level > 0 else text

    def _power(self, e: sympy.Expr, level: int) -> str:
        base, exponent = self.text(e.base, 2), e.exp
        if exponent == sympy.Rational(1, 2):
            return f"sqrt({self.text(e.base)})"
        if exponent.is_Integer and 2 <= int(exponent) <= 4 and e.base.is_Symbol:
            return f"({' * '.join([base] * int(exponent))})"
        return f"pow({self.text(e.base)}, {self.text(exponent)})"
