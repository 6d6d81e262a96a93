"""A compiled network: the model, its equations, its code, and what one does with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crncompile.errors import DataError, NotAllowedError, did_you_mean, which_of
from crncompile.network.allowed import Examiner
from crncompile.network.coding import encode, in_range_unit
from crncompile.network.initial import initial_values
from crncompile.network.report import resembles
from crncompile.network.types import Network, Reservoir
from crncompile.prepared import PreparedParameters
from crncompile.program.types import Program
from crncompile.search import Begin, Wanted, find, slope
from crncompile.solution import Solution
from crncompile.symbolic.system import System

if TYPE_CHECKING:
    from crncompile.analyze.simulation import Simulation, Steps
    from crncompile.learn.fit import Fit
    from crncompile.learn.objective import LossAndGrad

Values = Mapping[str, ArrayLike]
Array = NDArray[Any]


class CompiledNetwork:
    """A model ready to be solved, differentiated and trained."""

    def __init__(self, network: Network, system: System, program: Program, functions: Any, backend: str = "numpy"):
        self.network = network
        self.system = system
        self.program = program
        self.functions = functions
        self.backend = backend

    def __deepcopy__(self, memo: dict[int, Any]) -> CompiledNetwork:
        """Return the network itself: it never changes."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the model's text, since functions can not be; it is compiled again where it arrives."""
        from crncompile.compiler import compile_source

        return compile_source, (self.network.source, self.backend)

    def __repr__(self) -> str:
        reservoirs = len(self.functions.structure.reservoirs)
        devices = sum(int(np.prod(f.shape, dtype=int)) for f in self.network.families)
        return f"<CompiledNetwork {self.network.name}: {reservoirs} floating reservoirs, {devices} devices>"

    @property
    def inputs(self) -> tuple[Reservoir, ...]:
        """The groups of input reservoirs."""
        return tuple(group for group in self.network.reservoirs if group.kind == "input")

    @cached_property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of all parameters; the trained ones among them are in `trained`."""
        return tuple(parameter.name for parameter in self.network.parameters)

    @cached_property
    def trained(self) -> tuple[str, ...]:
        """Names of the parameters that training changes."""
        return tuple(parameter.name for parameter in self.network.parameters if parameter.trained)

    # --- parameters and inputs ----------------------------------------------------------------------------------------

    def parameters(self, values: Values | None = None, seed: int = 0) -> dict[str, Array]:
        """Return all parameters in the coherent system: ``values`` where given, else initial ones of this seed.

        A parameter has its own shape; one that the model states as a single number may also have one value per device.
        Raises DataError for an unknown name, a shape that does not fit, and a value that devices do not allow, itself
        or by what follows from it: proofs build on that.
        """
        result: dict[str, Array] = dict(initial_values(self.network, seed))
        for name, value in (values or {}).items():
            if name in self.network.derived:
                raise DataError(f"parameter {name} follows from {', '.join(self.network.derived[name])}: set that")
            if name not in result:
                raise DataError(f"the network has no parameter {name}; {which_of(name, result)}")
            result[name] = self._fitting(name, value)
        if (wrong := self._examiner.of_drawn(result, seed)) is not None:
            raise NotAllowedError(wrong.message)
        return result

    def prepared(self, values: Values | None = None, seed: int = 0) -> PreparedParameters:
        """Return all parameters like `parameters`, for many calls of `solve`: they can not be changed.

        What depends on them alone is computed in the first call and kept.
        """
        return PreparedParameters(self, self.parameters(values, seed))

    def _complete(self, values: Values | None, seed: int) -> Mapping[str, Array]:
        if isinstance(values, PreparedParameters) and values.owner is self:
            return values
        return self.parameters(values, seed)

    @cached_property
    def _examiner(self) -> Examiner:
        return Examiner.of(self.network)

    @property
    def constrained(self) -> bool:
        """Whether devices might not allow what follows from parameters, all of which are allowed."""
        return bool(self._examiner.follows)

    def examine(self, parameters: Mapping[str, Array]) -> None:
        """Raise NotAllowedError where devices do not allow what follows from a complete set of parameters."""
        if (wrong := self._examiner.of_following(parameters)) is not None:
            raise NotAllowedError(wrong.message)

    def _fitting(self, name: str, given: ArrayLike) -> Array:
        parameter, _ = self._examiner.limits[name]
        try:
            value = np.asarray(given)
            value = value if np.iscomplexobj(value) else value.astype(float)
        except (TypeError, ValueError) as error:
            raise DataError(f"the values of parameter {name} are not numbers") from error
        shapes = [parameter.shape]
        shapes += [f.shape for f in self.network.families if parameter.shape == () and name.startswith(f"{f.name}.")]
        if value.shape not in shapes:
            wanted = " or ".join(map(str, dict.fromkeys(shapes)))
            raise DataError(f"parameter {name} has shape {value.shape}, but the network needs {wanted}")
        if (wrong := self._examiner.of_value(name, value.real)) is not None:
            raise DataError(wrong.message)
        return value

    def held(
        self, inputs: Values, parameters: Mapping[str, Array], *, raw: bool = False, precision: str = "float64"
    ) -> tuple[Array, tuple[int, ...]]:
        """Return potentials of all held reservoirs, (samples, held), and the shape of the batch.

        ``inputs`` are in the unit of each input's range, or raw data with ``raw``, (*batch, *reservoir); they
        broadcast. Raises DataError for an input that is missing, unknown or of the wrong shape.
        """
        known = [group.name for group in self.inputs]
        for name in inputs:
            if name not in known:
                raise DataError(f"the network has no input {name}; {which_of(name, known)}")
        shaped, batches = {}, []
        for group in self.inputs:
            if group.name not in inputs:
                raise DataError(f"input {group.name} is missing: give {group.name}=...")
            shaped[group.name] = self._encoded(group, inputs[group.name], raw, precision)
            batches.append(shaped[group.name].shape[: shaped[group.name].ndim - len(group.shape)])
        try:
            batch = np.broadcast_shapes(*batches)
        except ValueError as error:
            raise DataError(f"the inputs' batches {batches} do not fit together") from error
        flat = {
            group.name: np.broadcast_to(shaped[group.name], (*batch, *group.shape)).reshape(-1, *group.shape)
            for group in self.inputs
        }
        return self.functions.hold(flat, parameters), batch

    def _encoded(self, group: Reservoir, values: ArrayLike, raw: bool, precision: str) -> Array:
        try:
            array = encode(group, values, precision) if raw else in_range_unit(self.network, group, values)
        except (TypeError, ValueError) as error:
            raise DataError(f"the values of input {group.name} are not numbers: {error}") from error
        tail = array.shape[array.ndim - len(group.shape) :]
        if array.ndim < len(group.shape) or tail != group.shape:
            raise DataError(f"input {group.name} has shape {group.shape} (a batch may stand before), not {array.shape}")
        if not np.isfinite(array).all() and np.isfinite(np.asarray(values, float)).all():
            raise DataError(_beyond(group, array, raw))
        if group.content == "molecules" and np.any(array <= 0):
            raise DataError(f"input {group.name} is a concentration and must be positive: its potential is ln c")
        return array

    def _check_named(self, named: Values) -> None:
        """Raise DataError where what would be an input of `solve` looks like one of its options misspelt."""
        known, options = [group.name for group in self.inputs], tuple(CompiledNetwork.solve.__kwdefaults__ or ())
        for name in named:
            if name not in known and resembles(name, options) and not resembles(name, known):
                raise DataError(f"the network has no input {name}; {did_you_mean(name, options)}")

    # --- solving and differentiating ----------------------------------------------------------------------------------

    def solve(
        self,
        inputs: Values | None = None,
        *,
        parameters: Values | None = None,
        seed: int = 0,
        raw: bool = False,
        totals: Mapping[str, float] | None = None,
        injected: Values | None = None,
        warm: Array | None = None,
        eigenvalues: bool = False,
        precision: str = "float64",
        **named: ArrayLike,
    ) -> Solution:
        """Find the steady states to which the network relaxes from its stated start.

        Inputs are given by name, in the unit of their range (or as raw data with ``raw``), and broadcast against each
        other: ``net.solve(x=[0.1, 0.3])``. ``totals`` edits conserved totals by name, in particles. ``injected`` are
        constant currents from outside into floating reservoirs, by name, in particles per second, (*batch, *reservoir).
        ``precision`` "float32" is faster and certified to 1e-5 of the gross flux only.

        ``parameters`` are complete or in part, in the coherent system (`parameters`), those that are missing are drawn
        with ``seed``. ``warm`` are raw states (samples, floating), such as ``u`` of another solution, that are tried
        first. With ``eigenvalues`` the certificate has the leading eigenvalue of the relaxation. Raises DataError for
        what does not fit; samples that have no certified state raise nothing, see `Solution.raise_for_failure`.
        """
        values = self._complete(parameters, seed)
        self._check_named(named)
        held, batch = self.held({**(inputs or {}), **named}, values, raw=raw)
        currents = self._injected(injected, batch) if injected else None
        if warm is not None:
            warm, shape = _numbers(warm, "the states of a warm start"), (len(held), self.functions.start(values).size)
            if warm.shape != shape:
                raise DataError(f"the states of a warm start have shape {warm.shape}, but {shape} is wanted")
        wanted = Wanted(eigenvalues=eigenvalues, precision=precision)
        return find(self, held, values, batch, Begin(totals, currents, warm), wanted)

    def _injected(self, currents: Values, batch: tuple[int, ...]) -> Array:
        """Return injected currents (samples, floating) from those given by name."""
        groups = {group.name: group for group in self.program.groups}
        result = np.zeros((*batch, len(self.functions.structure.reservoirs)))
        for name, values in currents.items():
            if name not in groups:
                raise DataError(f"the network has no floating reservoir {name}; {which_of(name, groups)}")
            group, array = groups[name], _numbers(values, f"the currents into {name}")
            try:
                shaped = np.broadcast_to(array, (*batch, *group.shape))
            except ValueError as error:
                wanted = (*batch, *group.shape)
                raise DataError(f"the currents into {name} have shape {array.shape}, not {wanted}") from error
            result[..., group.start : group.stop] = shaped.reshape(*batch, group.stop - group.start)
        return result.reshape(-1, result.shape[-1])

    def solve_held(
        self,
        held: Array,
        parameters: Mapping[str, Array],
        batch: tuple[int, ...] | None = None,
        *,
        totals: Mapping[str, float] | None = None,
        injected: Array | None = None,
        warm: Array | None = None,
        follow: bool = True,
        eigenvalues: bool = False,
        precision: str = "float64",
        exact: bool = True,
    ) -> Solution:
        """Solve for held potentials (samples, held) and a complete set of parameters; see `solve`.

        ``injected`` are currents from outside into the floating reservoirs, (samples, floating) in 1/s. Without
        ``follow`` a sample fails that neither a warm start nor the fast path of a proof settles. In "float32"
        Newton's method works in 32 bits; paths are followed in 64 all the same, and their ends rounded. Without
        ``exact``, laws that are interpolated stay so to the end, which is quicker, and certified as such. Raises
        NotAllowedError where devices do not allow what follows from the parameters.
        """
        if not isinstance(parameters, PreparedParameters):
            self.examine(parameters)
        return find(
            self, held, parameters, batch, Begin(totals, injected, warm), Wanted(follow, eigenvalues, precision, exact)
        )

    @property
    def exact(self) -> Any:
        """The functions with no law approximated: what answers are certified with."""
        return getattr(self.functions, "exact", self.functions)

    def potentials(self, u: Array, held: Array, batch: tuple[int, ...]) -> dict[str, Array]:
        """Return mu/kT or ln(c/1 M) by name, (*batch, *reservoir), of raw vectors (samples, ...)."""
        found = {g.name: u[:, g.start : g.stop].reshape((*batch, *g.shape)) for g in self.program.groups}
        for fixed in self.program.held:
            g = fixed.group
            found[g.name] = held[:, g.start : g.stop].reshape((*batch, *g.shape))
        return found

    def natural(self, potentials: Mapping[str, Array]) -> dict[str, Array]:
        """Return mu in kT or c in M by name, of potentials by name."""
        content = {group.name: group.content for group in self.network.reservoirs}
        with np.errstate(all="ignore"):
            return {n: np.exp(v) if content[n] == "molecules" else v for n, v in potentials.items()}

    def read(self, u: Array, held: Array, parameters: Mapping[str, Array], batch: tuple[int, ...]) -> dict[str, Array]:
        """Return readouts by name, (*batch, *readout), of raw vectors (samples, ...)."""
        with np.errstate(all="ignore"):
            readouts = self.functions.readouts(u, held, parameters)
        return {r.name: readouts[r.name].reshape((*batch, *r.shape)) for r in self.network.readouts}

    def currents(self, name: str, u: Array, held: Array, parameters: Mapping[str, Array]) -> Array:
        """Return the current along the arrow of every device of a family, (samples, *family), in 1/s.

        ``u`` (samples, n) and ``held`` (samples, m) are potentials; see `Solution.currents`.
        """
        family = next((family for family in self.network.families if family.name == name), None)
        if family is None:
            known = [family.name for family in self.network.families]
            raise DataError(f"the network has no devices called {name}; {which_of(name, known)}")
        law = self.system.laws[family.kind.name]
        with np.errstate(all="ignore"):
            fluxes = self.functions.fluxes(u, held, parameters)[name]
        if family.keyword == "reaction":
            return np.asarray(fluxes[0])
        source = next(place for place, terminal in enumerate(family.kind.terminals) if terminal.role == "source")
        return np.asarray(sum(-net[source] * flux for net, flux in zip(law.stoichiometry, fluxes, strict=True)))

    # --- in time ------------------------------------------------------------------------------------------------------

    def simulate(
        self, inputs: Values | None = None, *, until: float | None = None, steps: Steps = (), **settings: Any
    ) -> Simulation:
        """Follow the relaxation of one sample in time, by BDF with dn/du as the mass of each potential.

        Inputs are given by name as in `solve`, among the settings too: ``net.simulate(x=0.3, until=1e-6)``.

        Parameters
        ----------
        until
            End in s; without it until a stable steady state is near, or the network is seen to oscillate.
        steps
            When inputs jump: ``[(2e-6, {"x": 1.0})]``, times in s, inputs in the unit of their range.
        settings
            ``start`` (initial mu in kT or c in M by name; else the model's), ``events`` (levels by the label of a
            reservoir or readout, whose crossings are told), ``points`` and ``logarithmic`` (output times),
            ``parameters``, ``seed``, ``raw``, ``rtol``, ``most_steps``, ``told`` (called with time and steps).
        """
        from crncompile.analyze.simulation import simulate_network

        names = {group.name for group in self.inputs}
        named = {name: value for name, value in settings.items() if name in names}
        others = {name: value for name, value in settings.items() if name not in names}
        return simulate_network(self, {**(inputs or {}), **named}, until=until, steps=steps, **others)

    def gradient(
        self,
        solution: Solution,
        weights: Mapping[str, Array],
        *,
        per_sample: bool = False,
        totals_fixed: bool = False,
        only: Collection[str] | None = None,
    ) -> tuple[dict[str, Array], Array]:
        """Differentiate sum(weights[readout] * readout) at steady states by all parameters and by the held potentials.

        ``weights[name]`` is (*batch, *readout), or (samples, *readout). Returns ({parameter: array}, (samples, held)),
        summed over the samples or, with ``per_sample``, (samples, *parameter). ``totals_fixed``: conserved totals were
        stated and do not follow the start. ``only`` names the parameters that matter: derivatives by others, and by
        held potentials, may then be left out. Exact, by the implicit-function theorem: one linear solve with the
        transposed Jacobian and one pass over the families. Raises DataError for weights that do not fit.
        """
        return slope(self, solution, weights, per_sample=per_sample, totals_fixed=totals_fixed, only=only)

    # --- learning -----------------------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: ArrayLike, *, seed: int = 0, **settings: Any) -> Fit:
        """Train on raw inputs X (samples, features) and targets y (samples, readouts); see `learn.fit.fit`."""
        from crncompile.learn.fit import fit

        return fit(self, X, y, seed=seed, **settings)

    def loss_and_grad(
        self, X: ArrayLike, y: ArrayLike, *, seed: int = 0, parameters: Values | None = None
    ) -> LossAndGrad:
        """Return the loss as a function of a free vector, with its gradient, for optimisers of one's own.

        ``f = net.loss_and_grad(X, y)``, then ``scipy.optimize.minimize(f, f.start, jac=True)`` and
        ``f.parameters(result.x)``; see `learn.objective.LossAndGrad`.
        """
        from crncompile.learn.objective import loss_and_grad

        return loss_and_grad(self, X, y, seed=seed, parameters=parameters)


def _numbers(values: ArrayLike, what: str) -> Array:
    try:
        return np.asarray(values, float)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} are not numbers") from error


def _beyond(group: Reservoir, array: Array, raw: bool) -> str:
    """Say which element of an input is so far outside its range that no number tells its potential."""
    place = int(np.flatnonzero(~np.isfinite(array).reshape(-1, *group.shape).all(axis=0))[0])
    coding, what = group.coding, "concentration" if group.content == "molecules" else "potential"
    stated = (
        "its range"
        if coding is None or not raw or coding.data is None
        else "the data range [{:g}, {:g}]".format(*coding.data)
    )
    return f"input {group.labels()[place]} is so far outside {stated} that its {what} is beyond all numbers"
