"""COPASI through basico: Newton's method without simulation, Jacobian or stability; ``alone`` is its own time."""

import basico
import COPASI
import numpy as np

from tests.bench.cases import TOLERANCE
from tests.bench.peers import sbml
from tests.bench.peers.protocol import Clock


class Peer:
    """See `protocol.Peer`; ``alone`` counts seconds within COPASI's task, without what sets inputs and reads states."""

    title = "COPASI"

    def prepare(self, case):
        text = sbml.text(case)
        clock = Clock()
        data = basico.load_model_from_string(text)
        self.model, self.task = data.getModel(), data.getTask("Steady-State")
        self.task.getProblem().setStabilityAnalysisRequested(False)
        self.task.getProblem().setJacobianRequested(False)
        for name in ("Use Integration", "Use Back Integration"):
            self.task.getMethod().getParameter(name).setBoolValue(False)
        self.task.getMethod().getParameter("Resolution").setDblValue(TOLERANCE)
        species = {found.getObjectName(): found for found in self.model.getMetabolites()}
        self.inputs = [species[f"x{i}"] for i in range(case.layers[0])]
        self.floating = [species[f"s{j}"] for j in range(len(case.k))]
        self.task.initialize(COPASI.CCopasiTask.NO_OUTPUT)
        self.solve(case.u[:1])
        return clock.seconds()

    def solve(self, batch):
        self.alone = 0.0
        states = np.empty((len(batch), len(self.floating)))
        for n, inputs in enumerate(batch):
            changed = COPASI.ObjectStdVector()
            for species, value in zip(self.inputs, inputs, strict=True):
                species.setInitialConcentration(float(value))
                changed.append(species.getInitialConcentrationReference())
            self.model.updateInitialValues(changed)
            clock = Clock()
            self.task.processRaw(True)
            self.alone += clock.seconds()
            states[n] = [species.getConcentration() for species in self.floating]
        return states
