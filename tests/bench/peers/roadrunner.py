"""libRoadRunner: conserved moieties analysed once at load, no simulation before the search, the quicker Newton method.

Compiled without LLVM's optimisation: that halves the time to load a large model and changes no other time.
"""

import numpy as np
import roadrunner

from tests.bench.cases import TOLERANCE
from tests.bench.peers import sbml
from tests.bench.peers.protocol import Clock

METHODS = ("newton", "newton_linesearch")


class Peer:
    """See `protocol.Peer`."""

    title = "libRoadRunner"

    def prepare(self, case):
        text = sbml.text(case)
        clock = Clock()
        config = roadrunner.Config
        config.setValue(config.LOADSBMLOPTIONS_CONSERVED_MOIETIES, True)
        config.setValue(config.LLVM_BACKEND, config.LLJIT)
        config.setValue(config.LLJIT_OPTIMIZATION_LEVEL, config.NONE)
        self.runner = roadrunner.RoadRunner(text)
        self.model = self.runner.model
        self.start = np.full(len(case.k), case.start)
        self.order = np.array([int(name[1:]) for name in self.model.getFloatingSpeciesIds()])
        held = self.model.getBoundarySpeciesIds()
        self.inputs = np.array([held.index(f"x{i}") for i in range(case.layers[0])], np.int32)
        self.solve(case.u[:1])
        seconds = clock.seconds()
        self.use(min(METHODS, key=lambda method: self.tried(method, case.u[:5])))
        return seconds

    def use(self, method):
        self.runner.setSteadyStateSolver(method)
        solver = self.runner.getSteadyStateSolver()
        for name in ("allow_presimulation", "allow_approx", "auto_moiety_analysis"):
            solver.setValue(name, False)
        solver.setValue("func_norm_tol", TOLERANCE)
        solver.setValue("scaled_step_tol", 1e-2 * TOLERANCE)

    def tried(self, method, batch):
        self.use(method)
        clock = Clock()
        self.solve(batch)
        return clock.seconds()

    def solve(self, batch):
        states = np.empty((len(batch), len(self.start)))
        for n, inputs in enumerate(batch):
            self.model.setBoundarySpeciesConcentrations(self.inputs, inputs)
            self.model.setFloatingSpeciesConcentrations(self.start)
            self.runner.steadyState()
            states[n, self.order] = self.model.getFloatingSpeciesConcentrations()
        return states
