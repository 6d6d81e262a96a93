"""Two reservoirs that open each other's supply have two steady states: which one is reached depends on the start.

What one learns: gates; starts are parameters like all others; cyclic gating makes memory without negative differential
conductance, so an answer has to be followed from the stated start, and the certificate says that it was.
"""

import numpy as np

import crncompile

MODEL = """
network latch "each reservoir opens the channel that feeds the other"
temperature 100 mK
reservoir set  = input(range = [-6 kT, 6 kT])
reservoir high = fixed(at = 6 kT)
reservoir low  = fixed(at = -6 kT)
reservoir a = floating(capacitance = 10 pF, start = -4 kT)
reservoir b = output(capacitance = 10 pF, start = -4 kT)
dot feed_a: high -> a gate b = gated_conductance(conductance = 3 uS)
dot feed_b: high -> b gate a = gated_conductance(conductance = 3 uS)
dot leak_a: a -> low = linear_conductance(conductance = 1 uS)
dot leak_b: b -> low = linear_conductance(conductance = 1 uS)
dot push: set -> a = linear_conductance(conductance = 0.3 uS)
readout memory = b / 1 kT
"""

net = crncompile.loads(MODEL)
push = np.linspace(-6, 6, 7)
for start in (-4.0, 4.0):
    solution = net.solve(set=push, parameters={"a.start": start, "b.start": start})
    print(f"from {start:+.0f} kT:", np.round(solution.readouts["memory"], 2))
print(solution.certificate.summary())
