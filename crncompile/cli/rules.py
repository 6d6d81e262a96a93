"""What the command line says of learning rules: a judgement of one, a comparison of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crncompile.learn.compare import Comparison, Row

if TYPE_CHECKING:
    from rich.table import Table

    from crncompile.learn.judgement import Judgement


_SHOWN = (0.1, 0.01, 0.001)


def judgement_data(judgement: Judgement) -> dict[str, Any]:
    """Return a judgement for ``--json``."""
    return {
        "rule": judgement.rule,
        "cosine": judgement.cosine,
        "hidden_cosine": judgement.hidden_cosine,
        "error": judgement.error,
        "asymmetry": judgement.asymmetry,
    }


def comparison_data(found: Comparison) -> dict[str, Any]:
    """Return a comparison for ``--json``."""
    return {
        "samples": found.samples,
        "asymmetry": found.asymmetry,
        "nudges": found.nudges,
        "rules": [_row_data(row) for row in found.rows],
    }


def _row_data(row: Row) -> dict[str, Any]:
    return {
        "rule": row.rule.name,
        "exact": row.rule.exact or None,
        "order": row.rule.order or None,
        "measured_order": row.measured_order,
        "cosines": row.cosines,
        "errors": row.errors,
        "hidden_cosines": row.hidden,
        "skipped": row.skipped or None,
    }


def comparison_table(found: Comparison) -> Table:
    """Return a table: a row for each rule, errors, the order at which they fall, and cosines at the smallest nudge."""
    from crncompile.cli.answer import empty_table

    table = empty_table()
    table.add_column("rule", justify="left")
    shown = [k for k, nudge in enumerate(found.nudges) if nudge in _SHOWN]
    for k in shown:
        table.add_column(f"{found.nudges[k]:g}", justify="right")
    for heading in ("order", "cosine", "hidden"):
        table.add_column(heading, justify="right")
    for row in found.rows:
        if not row.skipped:
            hidden = row.hidden[-1]
            numbers = [_number(row.errors[k], ".1e") for k in shown]
            ends = [_order(row.measured_order), _number(row.cosines[-1], ".5f")]
            table.add_row(row.rule.name, *numbers, *ends, "" if hidden is None else _number(hidden, ".5f"))
    return table


def _order(measured: float) -> str:
    """Say at which order an error falls, or that it does not."""
    return "none" if abs(measured) < 0.05 else _number(measured, ".1f")


def _number(value: float, style: str) -> str:
    return "-" if value != value else f"{value:{style}}"


def comparison_lines(found: Comparison) -> list[str]:
    """Say what the table shows, and which rules are not in it."""
    lines = [
        f"relative error of the gradient of {found.samples} samples, by how far in kT an injection moves a reservoir"
    ]
    lines[0] += " (steps of free variables for finite and spsa); cosines at the smallest"
    if found.asymmetry is not None:
        lines.append(f"asymmetry of the Jacobian |J - J^T|/|J + J^T|: {found.asymmetry:.3g}")
    symmetric = [row.rule.name for row in found.rows if row.rule.symmetric and not row.skipped]
    if symmetric:
        lines.append(f"exact only where every current depends on the bias alone: {', '.join(symmetric)}")
    estimates = [row.rule.name for row in found.rows if not row.rule.exact and not row.skipped]
    if estimates:
        lines.append(f"random estimates, means of 16: {', '.join(estimates)}")
    return lines + [f"{row.rule.name} left out: {row.skipped}" for row in found.rows if row.skipped]
