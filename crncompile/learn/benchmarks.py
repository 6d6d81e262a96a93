"""What ``bench learning`` trains: which models on which data, what they shall reach, and what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crncompile.compiler import compile_source
from crncompile.errors import ArgumentError, Source, did_you_mean
from crncompile.learn.datasets import read_samples
from crncompile.learn.task import Outcome, Task
from crncompile.network.counterparts import without_ndc

if TYPE_CHECKING:
    from crncompile.learn.fit import Fit
    from crncompile.learn.recorder import Progress

Array = NDArray[Any]
MNIST = "mnist"
_NEAR = 1.2  # of the best monotone fit, for a network that can do nothing else
_SLACK = 1e-9  # of rounding in a bound


@dataclass(frozen=True)
class Target:
    """What shall be reached on the part for testing: from ``low`` to ``high``, both included; none where reported."""

    low: float | None = None
    high: float | None = None

    def met(self, reached: float) -> bool | None:
        """Whether a value is in it; None where nothing is demanded."""
        if self.low is None and self.high is None:
            return None
        return (self.low is None or reached >= self.low) and (self.high is None or reached <= self.high)


@dataclass(frozen=True)
class Benchmark:
    """One model, the data that it learns, by which rule and with which settings beside its own; what it shall reach.

    ``monotone``: it has no NDC, and shall reach the best monotone fit of the data, as nothing below that is possible.
    ``counterparts``: devices with NDC are replaced by their monotone counterparts, everything else as it is.
    """

    task: str
    model: str
    target: Target = field(default_factory=Target)
    rule: str = "adjoint"
    settings: Mapping[str, float] = field(default_factory=dict)
    monotone: bool = False
    counterparts: bool = False

    @property
    def title(self) -> str:
        """What is trained."""
        return f"{self.model} without NDC" if self.counterparts else self.model

    def source(self) -> Source:
        """Return the text of the model."""
        written = Source(self.model, model_file(self.model).read_text(encoding="utf-8"))
        return without_ndc(written) if self.counterparts else written


_EXACT, _MEASURED, _NUDGED = Target(high=1e-8), Target(high=1e-4), Target(high=1e-3)
_SOON: dict[str, float] = {"target": 1e-5}  # measured gradients need not go on to the end of what exact ones reach
_PLAIN: dict[str, float] = dict.fromkeys(["elastic", "rotation", "scaling", "shear"], 0.0)
_PLAIN |= {"rate": 0.03, "average": 0.999, "validation": 5000}  # no distortions but shifts: every image takes longer
BENCHMARKS = (
    Benchmark("sine", "sine_enzymes", _EXACT),
    Benchmark("sine", "sine_dots", _EXACT),
    Benchmark("sine", "sine_enzymes", _MEASURED, "response", _SOON),
    Benchmark("sine", "sine_dots", _MEASURED, "response", _SOON),
    Benchmark("sine", "sine_enzymes", rule="eqprop"),
    Benchmark("sine", "sine_dots", _NUDGED, "eqprop"),
    Benchmark("sine", "sine_no_ndc", monotone=True),
    Benchmark("sine", "sine_dots", monotone=True, counterparts=True),
    Benchmark("sine", "sine_enzymes", counterparts=True),  # plain enzymes are not steep enough for the monotone fit
    Benchmark("xor", "xor_enzymes", Target(low=1.0)),
    Benchmark("xor", "xor_dots", Target(low=1.0)),
    Benchmark("moons", "moons_enzymes", Target(low=0.99)),
    Benchmark("moons", "moons_dots", Target(low=0.99)),
    Benchmark("bump", "bump_enzymes", Target(high=1e-4)),
    Benchmark("bump", "bump_dots", Target(high=1e-4)),
    Benchmark("digits", "digits_enzymes", Target(low=0.97)),
    Benchmark("digits", "digits_dots", Target(low=0.97)),
    Benchmark(MNIST, "mnist_enzymes", Target(low=0.99)),
    Benchmark(MNIST, "mnist_gated_dots", Target(low=0.991)),
    Benchmark(MNIST, "mnist_double_dots", Target(low=0.97)),
    Benchmark(MNIST, "mnist_inhibited_enzymes"),
    Benchmark(MNIST, "mnist_double_dots", counterparts=True),
    Benchmark(MNIST, "mnist_inhibited_enzymes", counterparts=True),
    Benchmark(MNIST, "mnist_gated_dots", Target(low=0.95), "response_random", _PLAIN | {"epochs": 12}),
)


@dataclass(frozen=True)
class Result:
    """What one seed came to.

    ``reached`` is the mean squared error or the accuracy on the part for testing, ``trained`` that on the samples that
    trained; ``cosines`` are those of the rule's gradient with the exact one at the start and in the end.
    """

    seed: int
    reached: float
    trained: float
    unconverged: int
    seconds: float
    cosines: tuple[float, ...] = ()


@dataclass(frozen=True)
class Row:
    """One benchmark: what is measured, ``accuracy`` or ``mse``, what shall be reached, and what each seed came to."""

    task: str
    model: str
    rule: str
    measure: str
    target: Target
    results: tuple[Result, ...]

    @property
    def met(self) -> bool | None:
        """Whether all seeds reach the target; None where nothing is demanded."""
        found = [self.target.met(result.reached) for result in self.results]
        return None if None in found else all(found)


@dataclass(frozen=True, eq=False)
class Trained:
    """How a network, trained with the first seed, answers to the part for testing, (samples, n) each.

    ``monotone`` (samples,) is the best monotone fit where the network can do no better.
    """

    inputs: Array
    targets: Array
    predictions: Array
    monotone: Array | None


# --- which -----------------------------------------------------------------------------------------------------------


def selected(only: Sequence[str], mnist: Path | None) -> list[Benchmark]:
    """Return the benchmarks of these tasks or models, all where none are named; MNIST only where its folder is given.

    Raises DataError for an unknown name, and for MNIST without its folder.
    """
    known = list(dict.fromkeys([*(b.task for b in BENCHMARKS), *(b.model for b in BENCHMARKS)]))
    for name in only:
        if name not in known:
            tasks = ", ".join(dict.fromkeys(benchmark.task for benchmark in BENCHMARKS))
            raise ArgumentError(f"there is no benchmark {name}; {did_you_mean(name, known) or f'tasks are {tasks}'}")
    chosen = [b for b in BENCHMARKS if not only or b.task in only or b.model in only]
    if mnist is not None:
        return chosen
    if any(b.task == MNIST for b in chosen) and only:
        raise ArgumentError("mnist needs its images: name the folder with the four IDX files (mnist)")
    return [benchmark for benchmark in chosen if benchmark.task != MNIST]


def model_file(name: str) -> Traversable:
    """Return the file of a model that comes with the program, in an installation or a checkout."""
    packaged = resources.files("crncompile") / "models" / f"{name}.tnet"
    return packaged if packaged.is_file() else Path(__file__).parents[2] / "models" / f"{name}.tnet"


# --- one -------------------------------------------------------------------------------------------------------------


class Trainer:
    """Trains one benchmark with any seed; ``kept`` is what the first came to, for a picture."""

    def __init__(self, benchmark: Benchmark, mnist: Path | None, backend: str):
        self.benchmark = benchmark
        source = f"{MNIST}:{mnist}" if benchmark.task == MNIST else benchmark.task
        self.compiled = compile_source(benchmark.source(), backend)
        self.train = read_samples(source, self.compiled.network, "train")
        test = read_samples(source, self.compiled.network, "test")
        self.test = Task(self.compiled, test.X, test.y)
        self.test.thrifty = True
        self.kept: Trained | None = None

    @property
    def target(self) -> Target:
        """What shall be reached."""
        if not self.benchmark.monotone:
            return self.benchmark.target
        bound = monotone_bound(self.test.targets)
        return Target(bound * (1 - _SLACK), _NEAR * bound)

    def __call__(self, seed: int, progress: Callable[[Progress], None] | None = None) -> Result:
        """Train; raises KeyboardInterrupt where that was interrupted, as what came out is no result."""
        fit = self.compiled.fit(
            self.train.X,
            self.train.y,
            seed=seed,
            rule=self.benchmark.rule,
            progress=progress,
            **self.benchmark.settings,
        )
        if fit.interrupted:
            raise KeyboardInterrupt
        outcome = self.test.run(fit.parameters)
        if self.kept is None:
            best = monotone_fit(self.test.targets) if self.benchmark.monotone else None
            inputs = [values.reshape(self.test.samples, -1) for values in self.test.inputs.values()]
            self.kept = Trained(np.concatenate(inputs, axis=1), self.test.targets, outcome.predictions, best)
        return self._result(seed, fit, outcome)

    def _result(self, seed: int, fit: Fit, outcome: Outcome) -> Result:
        cosines = tuple(judgement.cosine for judgement in fit.judgements)
        reached = self.test.accuracy(outcome) if self.test.classifies else outcome.loss
        trained = fit.loss if fit.accuracy is None else fit.accuracy
        return Result(seed, reached, trained, outcome.unconverged, fit.seconds, cosines)

    def row(self, results: Sequence[Result]) -> Row:
        """Return what came out of all seeds."""
        benchmark, measure = self.benchmark, "accuracy" if self.test.classifies else "mse"
        return Row(benchmark.task, benchmark.title, benchmark.rule, measure, self.target, tuple(results))


def monotone_fit(targets: Array) -> Array:
    """Return the best monotone function (samples,) of samples in the order of their single input, rising or falling."""
    from scipy.optimize import isotonic_regression

    values = targets.ravel()
    fits = [isotonic_regression(values, increasing=rising).x for rising in (True, False)]
    return min(fits, key=lambda fit: float(np.mean((fit - values) ** 2)))


def monotone_bound(targets: Array) -> float:
    """Return the mean squared error below which no monotone function gets."""
    return float(np.mean((monotone_fit(targets) - targets.ravel()) ** 2))
