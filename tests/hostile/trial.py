"""What must hold of any text: told or accepted; and of any model that is accepted: certified or a named failure."""

from __future__ import annotations

import sys
import types
import warnings
from unittest import mock

import mpmath
import numpy as np
import sympy

from crncompile.analyze.rate_matrix import RateMatrix
from crncompile.analyze.slots import elements, settings, slot_values
from crncompile.compiler import check_source, compile_source
from crncompile.errors import CrnError, Source
from crncompile.export.standalone import standalone_text
from crncompile.solve.certificate import Status
from crncompile.symbolic.functions import logistic

N_A = 6.02214076e23
SAMPLES = 3
#: Net current of a certified state, relative to the gross flux of its reservoir.
TOLERANCE = 1e-7


def told_or_accepted(text):
    """Return the network of a text or None where its mistakes were told; anything else is raised."""
    try:
        return check_source(Source("fuzz.tnet", text))
    except CrnError as error:
        message = str(error)
        assert message
        assert all(c.isprintable() or c == "\n" for c in message), repr(message)
        return None


def try_text(text):
    """Take a text as far as it goes; return ``refused``, or how many samples of its model were certified."""
    if told_or_accepted(text) is None:
        return "refused"
    try:
        compiled = compile_source(Source("fuzz.tnet", text))
    except CrnError:
        # the command `check` derives the laws too, and tells the same
        return "refused"
    if len(compiled.functions.structure.reservoirs) > 200:
        return "large"
    return Solved(compiled).check()


class Solved:
    """A compiled model at random inputs."""

    def __init__(self, compiled, seed=0):
        self.compiled = compiled
        rng = np.random.default_rng(seed)
        self.inputs = {group.name: self._input(group, rng) for group in compiled.inputs}
        self.values = compiled.parameters(seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # a model's inputs are in the unit of their range
            in_units = {n: v * (1e3 if self.molecules(n) else 1.0) for n, v in self.inputs.items()}
            self.solution = compiled.solve(in_units, parameters=self.values)

    def molecules(self, name):
        return self.compiled.network.reservoir(name).content == "molecules"

    @staticmethod
    def _input(group, rng):
        low, high = group.coding.range
        return rng.uniform(low, high, (SAMPLES, *group.shape))

    def check(self):
        certificate = self.solution.certificate
        certified = 0
        for sample, status in enumerate(np.ravel(certificate.status)):
            u = self.solution.u[sample]
            if status == Status.STABLE:
                certified += 1
                assert np.isfinite(u).all()
                self.check_state(sample)
            else:
                assert status in set(Status)
                assert certificate.messages[sample], "a failure without a reason"
        if certified and self.compiled.functions.structure.conserved.size:
            self.check_conservation()
        self.check_module()
        return f"certified {certified} of {SAMPLES}"

    # --- independent recomputation ---

    def check_state(self, sample):
        """Recompute every device by its rate matrix in 50 digits: the floating reservoirs must be at rest."""
        network, net, gross = self.compiled.network, {}, {}
        for group in network.reservoirs:
            net[group.name] = np.zeros(int(np.prod(group.shape, dtype=int)))
            gross[group.name] = np.zeros_like(net[group.name])
        for family in network.families:
            for places, currents in self.currents(family, sample):
                for (name, place), current in zip(places, currents, strict=True):
                    net[name][place] += current
                    gross[name][place] += abs(current)
        f = self.compiled.functions
        u, held = self.solution.u[sample : sample + 1], self.solution.held[sample : sample + 1]
        # at rest a device may carry nothing, and be exact only in proportion to what goes to and fro in it
        both_ways = dict(zip(f.structure.reservoirs, f.gross(u, held, self.values)[0], strict=True))
        for group in network.floating:
            size = np.fmax(gross[group.name], [both_ways[label] for label in group.labels()])
            allowed = TOLERANCE * size + 1e-290
            wrong = np.flatnonzero(np.abs(net[group.name]) > allowed)
            assert not wrong.size, (
                f"{group.name}{wrong}: net {net[group.name][wrong]}, gross {gross[group.name][wrong]}"
            )

    def currents(self, family, sample):
        """Yield where each device's terminals are and what each receives per second."""
        network, kind = self.compiled.network, family.kind
        mu = {name: np.asarray(v)[sample].ravel() for name, v in self.solution.values.items()}
        own = settings(network, family, self.values)
        where = [elements(network, family, port) for port in family.ports]
        volume = 1.0
        if family.volume is not None:
            volume = slot_values(network, family.volume, family.shape, self.values).ravel()
        scale = np.broadcast_to(N_A * volume if kind.amount else 1.0, where[0].shape)
        for number in range(len(where[0])):
            places = [(port.reservoir, int(w[number])) for port, w in zip(family.ports, where, strict=True)]
            values = {t.name: mu[n][i] for t, (n, i) in zip(kind.terminals, places, strict=True)}
            values |= {p.name: own[p.symbol][number] for p in kind.parameters}
            yield places, [float(current) * scale[number] for current in self.device(kind, values)]

    def device(self, kind, values):
        if kind.current is None:
            return self.matrix(kind).currents(values).terminals
        current = self.closed_form(kind)(*(mpmath.mpf(float(v)) for v in values.values()))
        return [{"source": -current, "target": current, "gate": 0.0}[t.role] for t in kind.terminals]

    def matrix(self, kind):
        return self.__dict__.setdefault(f"matrix of {kind.name}", RateMatrix(kind))

    def closed_form(self, kind):
        if f"form of {kind.name}" not in self.__dict__:
            expression = kind.current
            for symbol, value in reversed(kind.lets):
                expression = expression.xreplace({symbol: value})
            symbols = [t.symbol for t in kind.terminals] + [p.symbol for p in kind.parameters]
            modules = [{logistic.__name__: lambda x: 1 / (1 + mpmath.exp(-x))}, "mpmath"]
            self.__dict__[f"form of {kind.name}"] = sympy.lambdify(symbols, expression, modules=modules)
        return self.__dict__[f"form of {kind.name}"]

    # --- conservation and export ---

    def check_conservation(self):
        """No device makes or destroys what the network conserves, at any potentials."""
        f, rng = self.compiled.functions, np.random.default_rng(1)
        u = np.where(np.isfinite(self.solution.u), self.solution.u, 0.0) + rng.normal(size=self.solution.u.shape)
        with np.errstate(all="ignore"):
            current, gross = (g(u, self.solution.held, self.values) for g in (f.currents, f.gross))
        conserved = np.asarray(f.structure.conserved, float)
        finite = np.isfinite(gross).all(axis=1)
        drift, size = current[finite] @ conserved.T, gross[finite] @ np.abs(conserved).T
        assert np.all(np.abs(drift) <= 1e-11 * size)

    def check_module(self):
        """The module that stands alone gives the same numbers."""
        module = types.ModuleType("standalone_trial")
        with mock.patch.dict(sys.modules, {module.__name__: module}):
            exec(compile(standalone_text(self.compiled, self.values), "standalone", "exec"), module.__dict__)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            alone = module.steady_state(self.inputs)
        np.testing.assert_allclose(alone.u, self.solution.u, rtol=0, atol=1e-10, equal_nan=True)
        assert list(alone.certificate.status) == [str(s) for s in self.solution.certificate.status]
