"""How well predictions meet data, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crncompile.learn.fit import Validation
    from crncompile.learn.robust import Robustness
    from crncompile.learn.task import Outcome


def score(outcome: Outcome, accuracy: float | None) -> dict[str, Any]:
    """Return ``loss``, ``mse`` or (for a model that classifies) ``accuracy``, ``unconverged``, and the certificate."""
    quality = {"mse": outcome.loss} if accuracy is None else {"accuracy": accuracy}
    return {
        "loss": outcome.loss,
        **quality,
        "unconverged": outcome.unconverged,
        "samples": len(outcome.good),
        "certificate": outcome.solution.certificate.summary(),
    }


def robust_account(robustness: Robustness | None) -> dict[str, Any]:
    """Return ``robustness``, if it was asked for."""
    return {} if robustness is None else {"robustness": robustness.as_dict()}


def sentence(scored: dict[str, Any]) -> str:
    """Return a score on two lines."""
    quality = f"mse {scored['mse']:.4g}" if "mse" in scored else f"accuracy {scored['accuracy']:.4g}"
    loss = "" if "mse" in scored else f", loss {scored['loss']:.4g}"
    samples = f"{scored['samples']} samples, {scored['unconverged']} unconverged"
    return f"{quality}{loss}: {samples}\n{scored['certificate']}"


def validation_score(found: Validation) -> dict[str, Any]:
    """Return what `score` does of samples held back."""
    return score(found.outcome, found.accuracy)


def validation_sentence(found: Validation) -> str:
    """Return the same on one line."""
    return f"validation: {sentence(validation_score(found)).splitlines()[0]}"
