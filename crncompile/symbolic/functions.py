"""The one function that sympy lacks and every dot needs."""

from __future__ import annotations

from typing import Any

import sympy


class logistic(sympy.Function):  # type: ignore[misc]  # noqa: N801 - named as in the language
    """1/(1 + exp(-x)): the Fermi function of -x. Its derivative is logistic(x) logistic(-x), exact at any distance."""

    @classmethod
    def eval(cls, x: Any) -> Any:
        """Evaluate at zero only; everything else stays symbolic."""
        return sympy.Rational(1, 2) if x == 0 else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative with respect to the argument."""
        return logistic(self.args[0]) * logistic(-self.args[0])

    def _eval_rewrite_as_exp(self, x: Any, **hints: Any) -> Any:
        return 1 / (1 + sympy.exp(-x))

    def _eval_is_positive(self) -> bool | None:
        return True if self.args[0].is_extended_real else None

    def _eval_evalf(self, precision: int) -> Any:
        return self.rewrite(sympy.exp)._eval_evalf(precision)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"\operatorname{{f}}{power}\left({printer._print(-self.args[0])}\right)"


def recognise_logistic(expression: sympy.Expr) -> sympy.Expr:
    """Write every 1/(1 + exp(x)) as logistic(-x), which neither overflows nor loses digits."""

    def matches(e: sympy.Basic) -> bool:
        return (
            isinstance(e, sympy.Pow)
            and e.exp.is_Integer
            and e.exp < 0
            and isinstance(e.base, sympy.Add)
            and len(e.base.args) == 2
            and e.base.args[0] == 1
            and isinstance(e.base.args[1], sympy.exp)
        )

    return expression.replace(matches, lambda e: logistic(-e.base.args[1].args[0]) ** (-e.exp))
