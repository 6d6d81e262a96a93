"""Networks as estimators in the habit of scikit-learn, which the extra ``learn`` installs; nothing else imports it.

Without a model an estimator trains a generic network of enzymes (``starters/generic_*.tnet``) with as many inputs and
outputs as the data ask for. Its features are scaled to [-1, 1] by their smallest and largest values in training, its
targets to mean 0 and standard deviation 1. A model of one's own is given raw data as they are: it says itself, by
``data``, how these meet its inputs.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from crncompile.compiled import CompiledNetwork
from crncompile.compiler import load, loads
from crncompile.errors import DataError, SteadyStateError
from crncompile.learn.data import feature_names, split_features
from crncompile.learn.fit import Fit
from crncompile.network.coding import encode
from crncompile.solution import Solution

Array = NDArray[Any]
_Kind = TypeVar("_Kind")
Model = str | Path | CompiledNetwork | None


class _Thermodynamic(BaseEstimator):
    """What both estimators share: the model, its training, and its steady states.

    Parameters
    ----------
    model
        A path, the text of a model, or a compiled network; None for the generic one.
    hidden
        Hidden reservoirs of the generic network.
    rule
        How gradients are obtained; see `learn.rules`.
    optimizer
        ``levenberg_marquardt`` or ``adam``; default: the model's own, else by the size of the problem. The generic
        regressor's own is the first: take ``adam`` for many thousands of samples.
    seed
        Of all random choices.
    settings
        Other settings of `learn.fit.fit` by name: those of the optimiser, ``time``, ``nudge`` and so on.
    backend
        What computes; for a model that is not compiled yet.

    Attributes
    ----------
    network_
        The compiled network.
    parameters_
        Its trained parameters by name, in the coherent system.
    loss_, unconverged_, history_, message_, interrupted_, robustness_
        What came out of training, as in `learn.fit.Fit`. Ctrl-C ends it with a warning and keeps the best so far.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    """

    _template: str
    _keyword: str

    def __init__(
        self,
        model: Model = None,
        *,
        hidden: int = 8,
        rule: str = "adjoint",
        optimizer: str | None = None,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
        backend: str = "numpy",
    ):
        self.model = model
        self.hidden = hidden
        self.rule = rule
        self.optimizer = optimizer
        self.seed = seed
        self.settings = settings
        self.backend = backend

    def _train(self, X: Array, y: Array, outputs: int) -> None:
        """Compile, train, and note what came out; ``y`` are scaled targets or numbers of classes."""
        self.network_ = self._compiled(X.shape[1], outputs)
        self._ends: tuple[Array, Array] | None = (X.min(axis=0), X.max(axis=0)) if self.model is None else None
        found = self.network_.fit(
            self._scaled(X),
            y,
            seed=self.seed,
            rule=self.rule,
            optimizer=self.optimizer,
            **(self.settings or {}),
        )
        self._note(found)

    def _note(self, found: Fit) -> None:
        self.parameters_ = dict(found.parameters)
        self.loss_, self.unconverged_, self.history_ = found.loss, found.unconverged, found.history
        self.message_, self.interrupted_ = found.message, found.interrupted
        self.robustness_ = found.robustness
        if found.interrupted:
            warnings.warn(f"training was {found.message}", stacklevel=4)
        elif found.diverged:
            warnings.warn(f"training {found.message}", stacklevel=4)

    def _compiled(self, features: int, outputs: int) -> CompiledNetwork:
        if self.model is None:
            return _generic(self._template, features, _whole(self.hidden), outputs, self.backend)
        if isinstance(self.model, CompiledNetwork):
            found = self.model
        elif isinstance(self.model, str) and "\n" in self.model:
            found = loads(self.model, backend=self.backend)
        else:
            found = load(self.model, self.backend)
        if (self._keyword == "classify") != any(r.keyword == "classify" for r in found.network.readouts):
            other = "ThermodynamicRegressor" if self._keyword == "classify" else "ThermodynamicClassifier"
            raise DataError(f"{type(self).__name__} needs a model with `{self._keyword}`: for this one take {other}")
        wanted = len(feature_names(found.network))
        if wanted != features:
            raise DataError(f"the model has {wanted} inputs, but X has {features} features")
        return found

    def _scaled(self, X: Array) -> Array:
        """Features as the network's raw data."""
        if self._ends is None:
            return X
        low, high = self._ends
        width = high - low
        middle = low + width / 2
        with np.errstate(over="ignore"):  # what is beyond all numbers is told later
            return np.asarray(2 * (X - middle) / np.where(width > 0, width, 1.0))

    def _refuse_beyond(self, raw: Array) -> None:
        """Raise DataError for a scaled feature so far from those of training that no concentration stands for it."""
        if self._ends is None:
            return  # the network says it itself, in the model's own words
        (group,) = self.network_.inputs
        beyond = np.argwhere(~np.isfinite(encode(group, raw)))
        if beyond.size:
            sample, place = beyond[0]
            named = getattr(self, "feature_names_in_", None)
            feature = f"feature {place if named is None else named[place]} of sample {sample}"
            told = "went from {:g} to {:g} in training".format(*(end[place] for end in self._ends))
            raise DataError(f"{feature} is too far from what the network has learned: it {told}")

    def _outputs(self, X: ArrayLike) -> tuple[Array, Solution]:
        """Return readouts (samples, outputs), NaN with a warning where there is no steady state, and all about them."""
        check_is_fitted(self)
        raw = self._scaled(validate_data(self, X, reset=False, dtype=float))
        network = self.network_.network
        self._refuse_beyond(raw)
        solution = self.network_.solve(split_features(network, raw), raw=True, parameters=self.parameters_)
        readouts = [r for r in network.readouts if r.keyword == self._keyword]
        parts = [solution.readouts[r.name].reshape(len(raw), -1) for r in readouts]
        failed = np.flatnonzero(solution.certificate.failed)
        if failed.size:
            message = solution.certificate.messages[failed[0]]
            warnings.warn(f"{failed.size} samples have no steady state; sample {failed[0]}: {message}", stacklevel=4)
        return np.concatenate(parts, axis=1), solution


def _described(kind: type[_Kind]) -> type[_Kind]:
    """Add to a class's description what it shares with the other."""
    shared = inspect.cleandoc(_Thermodynamic.__doc__ or "").split("\n", 1)[1]
    kind.__doc__ = f"{inspect.getdoc(kind)}\n{shared}"
    return kind


@_described
class ThermodynamicRegressor(RegressorMixin, _Thermodynamic):
    """Learns numbers: a network's ``readout`` values by least squares, one or several for each sample."""

    _template, _keyword = "generic_regressor.tnet", "readout"

    def fit(self, X: ArrayLike, y: ArrayLike) -> ThermodynamicRegressor:
        """Train on X (samples, features) and y (samples,) or (samples, outputs); returns self.

        Raises ValueError for data that are no finite numbers, DataError for data that do not fit the model.
        """
        values, targets = validate_data(self, X, y, dtype=float, multi_output=True, y_numeric=True)
        self._flat = targets.ndim == 1
        targets = targets.reshape(len(values), -1).astype(float)
        self._scale(targets)
        self._train(values, (targets - self._mean) / self._spread, targets.shape[1])
        return self

    def _scale(self, targets: Array) -> None:
        self._mean, self._spread = np.zeros(targets.shape[1]), np.ones(targets.shape[1])
        if self.model is None:
            spread = targets.std(axis=0)
            self._mean, self._spread = targets.mean(axis=0), np.where(spread > 0, spread, 1.0)

    def predict(self, X: ArrayLike) -> Array:
        """Return the readouts of X, of the shape that ``y`` had; NaN where there is no steady state."""
        values = self._outputs(X)[0] * self._spread + self._mean
        return np.asarray(values[:, 0] if self._flat else values)

    def __sklearn_tags__(self) -> Any:
        """Say that several outputs are welcome."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags


@_described
class ThermodynamicClassifier(ClassifierMixin, _Thermodynamic):
    """Learns classes: a network's ``classify`` values are logits, trained by cross-entropy.

    ``classes_`` are the labels in their order, of which the first belongs to the model's first output, and so on.
    """

    _template, _keyword = "generic_classifier.tnet", "classify"

    def fit(self, X: ArrayLike, y: ArrayLike) -> ThermodynamicClassifier:
        """Train on X (samples, features) and labels y (samples,) of any kind; returns self.

        Raises ValueError for data that are no finite numbers or have one class only, DataError for data that do not
        fit the model. Warns where the model has more outputs than there are classes.
        """
        values, labels = validate_data(self, X, y, dtype=float)
        check_classification_targets(labels)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"a classifier needs two classes at least, and y has one class only: {self.classes_[0]}")
        self._train(values, numbers, len(self.classes_))
        return self

    def _compiled(self, features: int, outputs: int) -> CompiledNetwork:
        found = super()._compiled(features, outputs)
        (readout,) = [r for r in found.network.readouts if r.keyword == "classify"]
        known = int(np.prod(readout.shape, dtype=int))
        if known < outputs:
            raise DataError(f"the model tells {known} classes apart, but y has {outputs}")
        if known > outputs:
            message = f"the model has {known} outputs, and y only {outputs} classes: no others are predicted"
            warnings.warn(message, stacklevel=4)
        return found

    def _logits(self, X: ArrayLike) -> tuple[Array, Solution]:
        outputs, solution = self._outputs(X)
        return outputs[:, : len(self.classes_)], solution

    def decision_function(self, X: ArrayLike) -> Array:
        """Return logits (samples, classes); of two classes the second's less the first's, (samples,)."""
        logits, _ = self._logits(X)
        return np.asarray(logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits)

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the probability of each class, (samples, classes); NaN where there is no steady state."""
        logits, _ = self._logits(X)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def predict(self, X: ArrayLike) -> Array:
        """Return the most probable class of each sample.

        Raises SteadyStateError where a sample has no steady state: no label stands for that.
        """
        logits, solution = self._logits(X)
        try:
            solution.raise_for_failure()
        except SteadyStateError as error:
            raise SteadyStateError(f"{error}; predict_proba gives the other samples") from error
        return np.asarray(self.classes_[logits.argmax(axis=1)])


# --- the generic network ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def _generic(template: str, features: int, hidden: int, outputs: int, backend: str) -> CompiledNetwork:
    """Compile a template with its three sizes written in."""
    text = resources.files("crncompile").joinpath("starters", template).read_text(encoding="utf-8")
    for index, size in (("i", features), ("j", hidden), ("k", outputs)):
        text, count = re.subn(rf"^index {index} = 1\.\.\d+$", f"index {index} = 1..{size}", text, flags=re.MULTILINE)
        assert count == 1, index
    return loads(text, "generic", backend)


def _whole(hidden: int) -> int:
    if not (isinstance(hidden, int | np.integer) and hidden >= 1):
        raise DataError(f"hidden must be a whole number from 1, not {hidden}")
    return int(hidden)
