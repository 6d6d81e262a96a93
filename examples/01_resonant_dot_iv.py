"""Current through one dot and through a double dot: the bias detunes the double dot, so its current falls again (NDC).

What one learns: how to write a network as a text, sweep an input, and read a current off a small series resistor.
The single dot is compared with I = GL GR / (GL + GR) (fL - fR) (Beenakker 1991). Draws iv.png.
"""

import matplotlib.pyplot as plt
import numpy as np

import crncompile

MODEL = """
network iv "left lead, one device, ammeter, ground"
temperature 100 mK
reservoir left   = input(range = [-20 kT, 20 kT])
reservoir right  = output(capacitance = 10 pF)
reservoir ground = fixed(at = 0 kT)
dot under_test: left -> right = DEVICE
dot ammeter: right -> ground = linear_conductance(conductance = 10 mS)  # so good that right stays near ground
readout current = 10 mS * (right - ground) / q_e^2 / 1 GHz              # 1e9 electrons per second
"""
SINGLE = "resonant_dot(gamma_left = 1 GHz, gamma_right = 2 GHz, level = 2 kT)"
RATES = "gamma_left = 1 GHz, gamma_right = 2 GHz, coupling = 3 GHz, dephasing = 13 GHz"
DOUBLE = f"double_dot({RATES}, level = 2 kT, lever = 0.5)"

bias = np.linspace(-20, 20, 201)
single, double = (crncompile.loads(MODEL.replace("DEVICE", text)).solve(left=bias) for text in (SINGLE, DOUBLE))
fermi_left, fermi_right = 1 / (1 + np.exp(2 - bias)), 1 / (1 + np.exp(2 - single.values["right"]))
formula = 1 * 2 / (1 + 2) * (fermi_left - fermi_right)
print(f"largest difference from the formula: {np.abs(single.readouts['current'] - formula).max():.1e} GHz")
current = double.readouts["current"]
print(f"double dot: peak {current.max():.3f} GHz at {bias[current.argmax()]:.1f} kT, end {current[-1]:.3f} GHz")

for name, solution in (("resonant dot", single), ("double dot", double)):
    print(f"{name}: {solution.certificate.summary()}")
    plt.plot(bias, solution.readouts["current"], label=name)
plt.gca().set(xlabel="left lead (kT)", ylabel="current (1e9 electrons/s)")
plt.legend()
plt.savefig("iv.png")
