"""What a model states for its own training: whether there is such an optimiser, and its settings make sense."""

from __future__ import annotations

from collections.abc import Iterator

from crncompile.errors import DataError, Mistake, Span
from crncompile.learn.augment import check_images
from crncompile.learn.distortion import DISTORTIONS
from crncompile.learn.optimizers import Optimizer, find, having
from crncompile.learn.settings import check_patience, sensible
from crncompile.network.report import listed
from crncompile.network.types import Network, Training


def mistakes_of_training(network: Network) -> list[Mistake]:
    """Return all mistakes of a model's ``training`` statement, each at its place."""
    training = network.training
    if training is None:
        return []
    try:
        optimizer = find(training.name)
    except DataError as error:
        return [_mistake(training.span, error)]
    found = list(_of_settings(optimizer, training))
    found += _of_images(network, optimizer, training)
    if optimizer.LEAST_SQUARES and any(readout.keyword == "classify" for readout in network.readouts):
        message = f"{optimizer.NAME} minimises squares, and this model classifies"
        found.append(Mistake(training.span, message, "use adam"))
    return found


def _of_settings(optimizer: Optimizer, training: Training) -> Iterator[Mistake]:
    for name, value in training.settings.items():
        try:
            sensible(optimizer.NAME, optimizer.SETTINGS, name, value)
        except DataError as error:
            yield _mistake(training.spans[name], error, _about(name, optimizer))
    try:
        check_patience(training.settings)
    except DataError as error:
        yield _mistake(training.spans["patience"], error)


def _of_images(network: Network, optimizer: Optimizer, training: Training) -> Iterator[Mistake]:
    """Yield what is wrong with distortions where no input is an image."""
    asked = [name for name in DISTORTIONS if training.settings.get(name) and name in optimizer.SETTINGS]
    try:
        check_images([group for group in network.reservoirs if group.kind == "input"], asked)
    except DataError as error:
        yield _mistake(training.spans[asked[0]], error)


def _about(name: str, optimizer: Optimizer) -> str:
    """Say what a setting means, or which other optimisers have it."""
    if name in optimizer.SETTINGS:
        return f"{name}: {optimizer.SETTINGS[name].what}"
    others = having(name)
    return f"{listed(others)} {'have' if len(others) > 1 else 'has'} it" if others else ""


def _mistake(span: Span, error: DataError, *hints: str) -> Mistake:
    """Return what an error says, what to do apart from what is wrong."""
    message, _, hint = str(error).partition("; ")
    return Mistake(span, message, "\n".join(part for part in (hint, *hints) if part))
