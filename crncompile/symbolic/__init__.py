"""The symbolic stage: from states and transitions to currents, derivatives and conservation laws."""
