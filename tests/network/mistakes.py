"""Models with mistakes: a name for the golden file, and the text."""

HEAD = 'network bad "a model with a mistake"\ntemperature 100 mK\n'
DOTS = (
    HEAD
    + """reservoir x = input(range = [-3 kT, 3 kT])
reservoir y = output(capacitance = 10 pF)
"""
)
DOT = "dot a: x -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)\n"
ENZYMES = """network bad "a model with a mistake"
temperature 310.15 K
volume 1 nL
reservoir s = input(range = [0.1 mM, 10 mM])
reservoir p = output(start = 1 mM)
"""
ENZYME = "enzyme e: s -> p = michaelis_menten(total = 1 nM, k_cat = 1 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 10)\n"
MANY_DOTS = (
    HEAD
    + """index j = 1..16
reservoir x = input(range = [-3 kT, 3 kT])
reservoir h[j] = floating(capacitance = 10 pF)
reservoir y = output(capacitance = 10 pF)
"""
)
RATES = "gamma_left = 1 GHz, gamma_right = 1 GHz"
FAMILY = f"dot a[j]: x -> h[j] = resonant_dot({RATES}, level = 0 kT)\n"
FAMILIES = FAMILY + f"dot b[j]: h[j] -> y = resonant_dot({RATES}, level = 0 kT)\n"


def dot(level: str, rates: str = RATES) -> str:
    return DOTS + f"dot a: x -> y = resonant_dot({rates}, level = {level})\n"


def device(items: str, wiring: str = "left -> right", call: str = "") -> str:
    return DOTS + DOT + f"device mine: {wiring} {{\n{items}\n}}\n" + call


def enzyme_device(items: str) -> str:
    return ENZYMES + ENZYME + f"device mine: S -> P {{\n  terminal S, P: molecules\n{items}\n}}\n"


CHARGE = "  terminal left, right: charge\n"
TWO_STATES = (
    CHARGE
    + """  parameter gamma: rate > 0
  parameter level: energy
  state empty
  state filled energy level
"""
)

MISTAKES = {
    # units and dimensions
    "unit-missing": dot("3"),
    "unit-missing-trained": dot("train normal(0, 1 kT)"),
    "unit-unknown": dot("1 kt"),
    "unit-unknown-part": dot("0 kT", "gamma_left = 1 GHz, gamma_right = 10 sek^-1"),
    "unit-unknown-frequency": dot("0 kT", "gamma_left = 1 Ghz, gamma_right = 1 GHz"),
    "unit-offset": HEAD.replace("100 mK", "1 degC/s") + DOT,
    "unit-without-place": dot("1 cd"),
    "dimension-wrong": dot("1 GHz"),
    "dimension-sum": dot("1 kT + 1 GHz"),
    "dimension-sum-bare": dot("1 kT + 1"),
    "dimension-function": dot("1 kT * exp(1 kT)"),
    "dimension-exponent": dot("(1 kT)^pi"),
    "dimension-temperature": HEAD.replace("100 mK", "100 mT") + DOTS.split("\n", 2)[2] + DOT,
    "dimension-volume": ENZYMES.replace("1 nL", "1 nm") + ENZYME,
    "dimension-tolerance": dot("0 kT tolerance 1 GHz"),
    "dimension-capacitance": DOTS.replace("10 pF", "10 pA") + DOT,
    # names
    "name-undeclared": DOTS + "dot a: x -> yy = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = E)\n",
    "name-undeclared-reservoir": DOTS + DOT + DOT.replace("x -> y", "x -> yy").replace("a:", "b:"),
    "name-undeclared-readout": DOTS + DOT + "readout r = z / 1 kT\n",
    "name-duplicate": DOTS + DOT + "parameter y = 3\n",
    "name-reserved": DOTS + DOT + "parameter kT = 3\nindex exp = 1..2\n",
    "name-not-a-reservoir": DOTS + "parameter p = 1 kT\n" + DOT.replace("-> y", "-> p"),
    "name-has-no-value": dot("y") + "readout r = a * 2\n",
    "function-unknown": dot("1 kT * max(1)"),
    "function-arguments": dot("1 kT * exp(1, 2)"),
    "function-distribution": dot("normal(0 kT, 1 kT)"),
    # numbers
    "number-division-by-zero": dot("1 kT / 0"),
    "number-not-finite": dot("1 kT * exp(1000)"),
    # indices
    "index-unbound": MANY_DOTS + FAMILIES + f"dot c: x -> h[j] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-undeclared": MANY_DOTS + FAMILIES + f"dot c[i]: x -> h[i] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-unknown-in-place": MANY_DOTS + FAMILIES + f"dot c[j]: x -> h[k] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-out-of-range": MANY_DOTS + FAMILIES + f"dot c[j]: h[j] -> h[j + 1] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-out-of-range-constant": MANY_DOTS + FAMILIES + f"dot c: x -> h[17] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-missing": MANY_DOTS + FAMILIES + f"dot c[j]: x -> h = resonant_dot({RATES}, level = 0 kT)\n",
    "index-superfluous": MANY_DOTS + FAMILIES + f"dot c[j]: x[j] -> h[j] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-fraction": MANY_DOTS + FAMILIES + f"dot c[j]: x -> h[j / 2] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-not-whole": MANY_DOTS + FAMILIES + f"dot c: x -> h[1.5] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-too-large": MANY_DOTS
    + FAMILIES
    + f"dot c[j]: x -> h[j * 1000000000000000] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-twice": MANY_DOTS + FAMILIES + f"dot c[j, j]: x -> h[j] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-empty": DOTS + DOT + "index j = 5..1\n",
    "index-huge": DOTS + DOT + "index j = 1..100000000\n",
    "index-huge-product": DOTS
    + DOT
    + "index i = 1..1000000\nreservoir h[i, k in 1..100] = floating(capacitance = 1 pF)\n",
    "index-as-number": MANY_DOTS + FAMILIES.replace("level = 0 kT", "level = k * 0.25 kT", 1) + "index k = 1..3\n",
    "index-filter-empty": MANY_DOTS
    + FAMILIES
    + f"dot c[j where j < 1]: x -> h[j] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-filtered-reservoir": MANY_DOTS + FAMILIES + "reservoir g[j where j < 3] = floating(capacitance = 1 pF)\n",
    "index-filtered-readout": MANY_DOTS + FAMILIES + "readout r[j where j < 3] = h[j] / 1 kT\n",
    "index-mod-zero": MANY_DOTS
    + FAMILIES
    + f"dot c[j]: x -> h[mod(j, j - 3) + 1] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-mod-arguments": MANY_DOTS + FAMILIES.replace("level = 0 kT", "level = 1 kT * mod(j)", 1),
    "index-mod-of-a-value": MANY_DOTS + FAMILIES.replace("level = 0 kT", "level = 1 kT * mod(j / 2, 2)", 1),
    "index-mod-in-a-device": device(TWO_STATES + "  let a = mod(3, 2)\n"),
    "index-named-as-a-constant": MANY_DOTS
    + FAMILIES
    + f"dot c[pi in 1..3]: x -> h[pi] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-not-finite": MANY_DOTS + FAMILIES.replace("level = 0 kT", "level = 1 kT / (j - 8)", 1),
    "index-out-of-bounds": MANY_DOTS + FAMILIES.replace("gamma_left = 1 GHz", "gamma_left = 1 GHz * (j - 8)", 1),
    "index-out-of-bounds-mixed": MANY_DOTS
    + "parameter g = 1 GHz\n"
    + FAMILIES.replace("gamma_left = 1 GHz", "gamma_left = g * (j - 8)", 1),
    "index-dimension": MANY_DOTS + FAMILIES.replace("level = 0 kT", "level = j", 1),
    "index-with-index": MANY_DOTS + FAMILIES.replace("level = 0 kT", "level = j[1] * 1 kT", 1),
    "index-in-range": MANY_DOTS.replace("[-3 kT, 3 kT]", "[-3 kT, 3 kT * j]") + FAMILIES,
    "elements-together": MANY_DOTS
    + FAMILIES
    + "index k = 1..6000\nindex m = 1..6000\nparameter p[k, m] = 1\nparameter q[k, m] = 1\n",
    "condition-chain-empty": MANY_DOTS + FAMILIES.replace("a[j]", "a[j where 3 <= j + 1 < 2 and j != 9]", 1),
    "derived-tolerance": DOTS + DOT + "parameter p = 1 kT\nparameter q = 2 * p tolerance 1 %\n",
    "derived-circle": DOTS + DOT + "parameter p = 2 * r\nparameter q = p + 1 kT\nparameter r = q\nparameter s = r\n",
    "derived-by-itself": DOTS + DOT + "parameter p = 2 * p\n",
    "derived-of-a-reservoir": DOTS + DOT + "parameter p = 2 * y\n",
    "derived-index-outside": MANY_DOTS
    + "parameter p[j] = train 1 kT\nparameter q[j] = 2 * p[17 - j]\n"
    + FAMILIES.replace("level = 0 kT", "level = q[j + 1]", 1),
    "derived-index-outside-its-parts": MANY_DOTS
    + FAMILIES
    + "parameter p[j] = train 1 kT\nparameter q[j] = p[j + 1]\n",
    "derived-dimension": dot("q") + "parameter p = 1 GHz\nparameter q = 2 * p\n",
    "derived-out-of-bounds": dot("0 kT", "gamma_left = q, gamma_right = 1 GHz")
    + "parameter p = 1 GHz\nparameter q = -p\n",
    "derived-too-long": DOTS
    + DOT
    + "parameter p0 = 1\n"
    + "".join(f"parameter p{k + 1} = exp(p{k}) * (p{k} + 1)\n" for k in range(12)),
    "derived-too-deep": DOTS
    + DOT
    + "parameter p0 = 1\n"
    + "".join(f"parameter p{k + 1} = {'tanh(' * 40}p{k}{')' * 40}\n" for k in range(3)),
    "volume-of-a-parameter": ENZYMES.replace("1 nL", "2 * v") + "parameter v = 1 nL\n" + ENZYME,
    "index-table": MANY_DOTS + FAMILIES + f"dot c[e in edges]: x -> y = resonant_dot({RATES}, level = 0 kT)\n",
    # devices, parameters, settings
    "device-unknown": DOTS + DOT.replace("resonant_dot", "resonant_dott"),
    "device-is-a-law": DOTS + DOT.replace("resonant_dot", "tunnel"),
    "device-parameter-unknown": DOTS + DOT.replace("gamma_left", "gama_left"),
    "device-parameter-missing": DOTS + DOT.replace(", level = 0 kT", ""),
    "device-parameter-twice": DOTS + DOT.replace("level = 0 kT", "level = 0 kT, level = 1 kT"),
    "device-wiring": DOTS + DOT.replace("x -> y", "x -> y gate y"),
    "device-keyword-dot": DOTS + DOT.replace("dot a", "enzyme a"),
    "device-keyword-enzyme": ENZYMES + ENZYME.replace("enzyme e", "dot e"),
    "device-range-as-value": dot("[0 kT, 1 kT]"),
    "loop": MANY_DOTS + FAMILIES + f"dot c: x -> x = resonant_dot({RATES}, level = 0 kT)\n",
    "loop-family": MANY_DOTS + FAMILIES + f"dot c[i in 1..16, j]: h[i] -> h[j] = resonant_dot({RATES}, level = 0 kT)\n",
    "loop-filtered": MANY_DOTS
    + FAMILIES
    + f"dot c[i in 1..16, j where i <= j]: h[i] -> h[j] = resonant_dot({RATES}, level = 0 kT)\n",
    # values
    "value-outside-bounds": dot("0 kT", "gamma_left = -1 GHz, gamma_right = 1 GHz"),
    "value-outside-bounds-shared": DOTS + "parameter g = -1 GHz\n" + DOT.replace("1 GHz", "2 * g", 1),
    "value-zero": dot("0 kT", "gamma_left = 0 GHz, gamma_right = 1 GHz"),
    "bound-unsatisfiable": dot("0 kT", "gamma_left = train 1 GHz in [-2 GHz, -1 GHz], gamma_right = 1 GHz"),
    "bound-empty": dot("train 0 kT in [1 kT, -1 kT]"),
    "bound-distribution": dot("train uniform(-5 kT, 5 kT) in [-1 kT, 1 kT]"),
    "bound-median": dot("train normal(5 kT, 1 kT) in [-1 kT, 1 kT]"),
    "distribution-unknown": dot("train gauss(0 kT, 1 kT)"),
    "distribution-arguments": dot("train normal(0 kT)"),
    "distribution-sigma": dot("train normal(0 kT, 0 kT)"),
    "distribution-order": dot("train uniform(1 kT, 0 kT)"),
    "distribution-negative": dot("0 kT", "gamma_left = train loguniform(0 GHz, 1 GHz), gamma_right = 1 GHz"),
    "tolerance-negative": dot("0 kT tolerance 0 kT"),
    "tolerance-shared": DOTS + "parameter p = 1 kT\n" + DOT.replace("0 kT", "2 * p tolerance 1 %"),
    "parameter-is-interval": DOTS + DOT + "parameter p = [0 kT, 1 kT]\n",
    # reservoirs
    "content-contradictory": DOTS.replace("capacitance = 10 pF", "start = 1 mM") + DOT,
    "content-contradictory-devices": DOTS
    + DOT
    + "volume 1 nL\nreservoir s = input(range = [1 mM, 2 mM])\n"
    + ENZYME.replace("-> p", "-> y"),
    "content-contradictory-reaction": DOTS
    + DOT
    + "volume 1 nL\nreservoir s = fixed(at = 1 mM)\nreaction r: y <-> s = mass_action(k = 1 s^-1, K_eq = 1)\n",
    "content-unknown": DOTS + DOT + "reservoir z = floating()\n",
    "reservoir-kind-unknown": DOTS.replace("output", "outputs") + DOT,
    "reservoir-setting-unknown": DOTS.replace("range", "rnge") + DOT,
    "reservoir-no-capacitance": DOTS.replace("capacitance = 10 pF", "start = 0 kT") + DOT,
    "reservoir-no-start": ENZYMES.replace("start = 1 mM", "") + ENZYME,
    "reservoir-no-volume": ENZYMES.replace("volume 1 nL\n", "") + ENZYME,
    "reservoir-not-positive": ENZYMES.replace("start = 1 mM", "start = 0 mM") + ENZYME,
    "range-empty": DOTS.replace("[-3 kT, 3 kT]", "[3 kT, -3 kT]") + DOT,
    "range-not-positive": ENZYMES.replace("0.1 mM", "0 mM") + ENZYME,
    "range-not-an-interval": DOTS.replace("[-3 kT, 3 kT]", "3 kT") + DOT,
    "range-unlike": DOTS.replace("[-3 kT, 3 kT]", "[-3 kT, 3 mV]") + DOT,
    "data-equal": DOTS.replace("3 kT]", "3 kT], data = [1, 1]") + DOT,
    "encoding-unknown": DOTS.replace("3 kT]", "3 kT], data = [0, 1], encoding = logg") + DOT,
    "encoding-log-charge": DOTS.replace("3 kT]", "3 kT], data = [0, 1], encoding = log") + DOT,
    "encoding-dual": DOTS.replace("3 kT]", "3 kT], data = [0, 1], encoding = dual") + DOT,
    "encoding-without-data": DOTS.replace("3 kT]", "3 kT], encoding = linear") + DOT,
    # the whole
    "no-output": DOTS.replace("output(capacitance = 10 pF)", "fixed(at = 0 kT)") + DOT,
    "no-network": DOTS.split("\n", 1)[1] + DOT,
    "no-temperature": DOTS.replace("temperature 100 mK\n", "") + DOT,
    "empty": "",
    "temperature-twice": DOTS + DOT + "temperature 4 K\n",
    "temperature-negative": DOTS.replace("100 mK", "0 K") + DOT,
    "volume-twice": ENZYMES + ENZYME + "volume 2 nL\n",
    "output-unreached": DOTS + DOT + "reservoir z = output(capacitance = 1 pF)\n",
    "output-unreached-elements": MANY_DOTS.replace("floating", "output")
    + f"dot a[j in 2..15]: x -> h[j] = resonant_dot({RATES}, level = 0 kT)\n"
    + DOT.replace("a:", "b:"),
    "table": DOTS + DOT + 'table edges = "edges.csv"\n',
    "version": "tnet 2\n" + DOTS + DOT,
    # readouts and training
    "readout-not-a-number": DOTS + DOT + "readout r = 2 * y\n",
    "readout-unlike-unit": DOTS + DOT + "readout r = y * y\n",
    "readout-without-reservoir": DOTS + DOT + "readout r = 3\n",
    "readout-of-function": DOTS + DOT + "readout r = ln(y)\n",
    "classify-scalar": DOTS + DOT + "classify r = y / 1 kT\n",
    "range-equal": DOTS.replace("[-3 kT, 3 kT]", "[1 kT, 1 kT]") + DOT,
    "training-setting": DOTS + DOT + "training = adam(rate = 1 GHz, epochs = [1, 2], epochs = 3)\n",
    # laws
    "law-unknown": ENZYMES + ENZYME + "reaction r: s <-> p = mass_acton(k = 1 s^-1, K_eq = 1)\n",
    "law-is-a-device": ENZYMES + ENZYME + "reaction r: s <-> p = michaelis_menten(k = 1 s^-1, K_eq = 1)\n",
    "law-parameter-unknown": ENZYMES + ENZYME + "reaction r: s <-> p = mass_action(kk = 1 s^-1, K_eq = 1)\n",
    "law-parameter-missing": ENZYMES + ENZYME + "reaction r: s <-> p = mass_action(K_eq = 1)\n",
    "law-parameter-unused": DOTS + DOT + "law mine(k, q) = k / (1 + exp(-affinity))\n",
    "law-parameter-twice": DOTS + DOT + "law mine(k, k) = k / (1 + exp(-affinity))\n",
    "law-name-undeclared": DOTS + DOT + "law mine(k) = kk * reactants\n",
    "law-neither": DOTS + DOT + "law mine(k) = k\n",
    "law-of-library": DOTS + DOT + "law tunnel(k) = k * reactants\n",
    "law-twice": DOTS + DOT + "law mine(k) = k * reactants\nlaw mine(k) = k * reactants\n",
    "law-for-molecules": DOTS + DOT + "reaction r: x <-> y = mass_action(k = 1 GHz)\n",
    "law-dimension-inside": ENZYMES
    + ENZYME
    + "law mine(k, q) = (k + q) * reactants\nreaction r: s => p = mine(k = 1 s^-1, q = 1 mM)\n",
    "law-dimension-several": ENZYMES
    + ENZYME
    + "law mine(k, q) = k * q * reactants\nreaction r: s => p = mine(k = 1 s^-1, q = 1 mM)\n",
    # reactions
    "reaction-unit": ENZYMES + ENZYME + "reaction r: 2 s <-> p = mass_action(k = 1 s^-1, K_eq = 1 mM^-1)\n",
    "reaction-unit-missing": ENZYMES + ENZYME + "reaction r: 2 s <-> p = mass_action(k = 3, K_eq = 1 mM^-1)\n",
    "reaction-K_eq-missing": ENZYMES + ENZYME + "reaction r: s <-> p = mass_action(k = 1 s^-1)\n",
    "reaction-K_eq-dimension": ENZYMES + ENZYME + "reaction r: 2 s <-> p = mass_action(k = 1 mM^-1/s, K_eq = 3)\n",
    "reaction-K_eq-irreversible": ENZYMES + ENZYME + "reaction r: s => p = mass_action(k = 1 s^-1, K_eq = 3)\n",
    "reaction-nothing": ENZYMES + ENZYME + "reaction r: s + p <-> p + s = mass_action(k = 1 mM^-1/s, K_eq = 3)\n",
    "reaction-coefficient": ENZYMES + ENZYME + "reaction r: 1.5 s => p = mass_action(k = 1 s^-1)\n",
    "reaction-loop": ENZYMES
    + ENZYME
    + "reservoir h[j in 1..3] = floating(start = 1 mM)\n"
    + "reaction r[i in 1..3, j in 1..3]: h[i] <-> h[j] = mass_action(k = 1 s^-1, K_eq = 1)\n",
    # devices of the model
    "own-device-of-library": DOTS + DOT + "device resonant_dot: a -> b {\n  terminal a, b: charge\n}\n",
    "own-device-empty": device(CHARGE),
    "own-device-both": device(TWO_STATES + "  current flow = gamma"),
    "own-device-no-state": device(TWO_STATES + "  transition enter: left <-> filled = tunnel(gamma = gamma)"),
    "own-device-two-states": device(
        TWO_STATES + "  transition enter: left + empty + filled <-> filled = tunnel(gamma = gamma)"
    ),
    "own-device-unused-state": device(
        TWO_STATES + "  state other\n  transition enter: left + empty <-> filled = tunnel(gamma = gamma)"
    ),
    "own-device-unknown-term": device(
        TWO_STATES + "  transition enter: lft + empty <-> filled = tunnel(gamma = gamma)"
    ),
    "own-device-K_eq-with-energies": device(
        TWO_STATES + "  transition enter: left + empty <-> filled = tunnel(gamma = gamma, K_eq = 2)"
    ),
    "own-device-rate": device(TWO_STATES + "  transition enter: left + empty <-> filled = tunnel(gamma = level)"),
    "own-device-trained-setting": device(
        TWO_STATES + "  transition enter: left + empty <-> filled = tunnel(gamma = train 1 GHz)"
    ),
    "own-device-transition-twice": device(
        TWO_STATES
        + "  transition enter: left + empty <-> filled = tunnel(gamma = gamma)\n"
        + "  transition enter: right + empty <-> filled = tunnel(gamma = gamma)"
    ),
    "own-device-terminal-undeclared": device("  terminal left: charge\n  current flow = 1 GHz"),
    "own-device-terminal-unwired": device("  terminal left, right, gate1: charge\n  current flow = 1 GHz"),
    "own-device-content-unknown": device("  terminal left, right: charges\n  current flow = 1 GHz"),
    "own-device-content-mixed": device("  terminal left: charge\n  terminal right: molecules\n  current flow = 1 GHz"),
    "own-device-name-twice": device(CHARGE + "  parameter left: rate > 0\n  current flow = left"),
    "own-device-name-reserved": device(CHARGE + "  parameter pi: rate > 0\n  let affinity = 2\n  current flow = pi"),
    "own-device-dimension-unknown": device(CHARGE + "  parameter g: rates > 0\n  current flow = g"),
    "own-device-later": device(CHARGE + "  let a = b\n  let b = 1 GHz\n  current flow = a"),
    "own-device-bound-empty": device(CHARGE + "  parameter g: rate in [2 GHz, 1 GHz]\n  current flow = g"),
    "own-device-bound-unit": device(CHARGE + "  parameter g: rate > 1\n  current flow = g"),
    "own-device-default-outside": device(CHARGE + "  parameter g: rate > 0 = -1 GHz\n  current flow = g"),
    "own-device-current-ampere": device(CHARGE + "  parameter g: current > 0\n  current flow = g"),
    "own-device-current-dimension": device(CHARGE + "  parameter g: energy > 0\n  current flow = g"),
    "own-device-two-currents": device(CHARGE + "  parameter g: rate > 0\n  current flow = g\n  current other = 2 * g"),
    "own-device-counterpart": device(CHARGE + "  parameter g: rate > 0\n  counterpart resonant_do\n  current flow = g"),
    "own-device-counterpart-terminals": device(
        CHARGE + "  parameter g: rate > 0\n  counterpart gated_dot\n  current flow = g"
    ),
    "own-device-degeneracy": device(
        TWO_STATES.replace("energy level", "energy level degeneracy -2")
        + "  transition enter: left + empty <-> filled = tunnel(gamma = gamma)"
    ),
    "own-device-lever-above-one": device(
        TWO_STATES.replace("energy level", "energy level + 0.7 * left + 0.7 * right")
        + "  transition enter: left + empty <-> filled = tunnel(gamma = gamma)"
    ),
    "own-device-lever-unbounded": device(
        TWO_STATES.replace("energy level", "energy level + lever * left").replace(
            "  state empty", "  parameter lever: number\n  state empty"
        )
        + "  transition enter: left + empty <-> filled = tunnel(gamma = gamma)"
    ),
    "own-device-lever-curved": device(
        TWO_STATES.replace("energy level", "energy left * left / kT")
        + "  transition enter: left + empty <-> filled = tunnel(gamma = gamma)"
    ),
    "own-device-energy-of-molecules": enzyme_device(
        "  population 1 mM\n  state E\n  state F energy ln(S / 1 mM) * kT\n"
        "  transition turn: S + E <-> F + P = mass_action(k = 1 mM^-1/s)"
    ),
    "own-device-no-population": enzyme_device(
        "  state E\n  state F\n  transition turn: S + E <-> F = mass_action(k = 1 mM^-1/s, K_eq = 1 mM^-1)"
    ),
    "own-device-K_eq-missing": enzyme_device(
        "  population 1 mM\n  state E\n  state F\n  transition turn: S + E <-> F = mass_action(k = 1 mM^-1/s)"
    ),
    "own-device-several-transitions": enzyme_device(
        "  transition one: S <-> P = mass_action(k = 1 s^-1, K_eq = 1)\n"
        "  transition two: 2 S <-> 2 P = mass_action(k = 1 mM^-1/s, K_eq = 1)"
    ),
    "own-device-terminal-index": device(CHARGE + "  current flow = 1 GHz", "left[1] -> right"),
    "own-device-terminal-twice": device(CHARGE + "  current flow = 1 GHz", "left -> left"),
    "own-device-term-index": device(
        TWO_STATES + "  transition enter: left[1] + empty <-> filled = tunnel(gamma = gamma)"
    ),
    "own-device-step-without-states": device(TWO_STATES + "  transition enter: left <-> right = tunnel(gamma = gamma)"),
    # repeated names and wrong places
    "parameter-twice": DOTS + DOT + "parameter p = 3\nparameter p = 4\n",
    "index-mistaken-twice": DOTS
    + DOT
    + "index j = 2..1\nreservoir h[j] = floating(capacitance = 1 pF)\n"
    + f"dot b[j]: x -> h[j] = resonant_dot({RATES}, level = 0)\n",
    "index-count": MANY_DOTS + FAMILIES + f"dot c[j]: x -> h[j, 1] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-huge-literal": MANY_DOTS
    + FAMILIES
    + f"dot c: x -> h[99999999999999999] = resonant_dot({RATES}, level = 0 kT)\n",
    "index-out-of-range-scattered": MANY_DOTS
    + FAMILIES
    + f"dot c[j]: x -> h[(j - 8) * (j - 8)] = resonant_dot({RATES}, level = 0 kT)\n",
    "range-of-parameter": DOTS.replace("3 kT]", "p]") + "parameter p = 3 kT\n" + DOT,
    "reservoir-setting-missing": DOTS + DOT + "reservoir z = fixed()\n",
    "reservoir-setting-unknown-name": DOTS + DOT + "reservoir z = fixed(at = 2 * q)\n",
    "law-parameter-reserved": DOTS + DOT + "law mine(kT) = kT * reactants\n",
    "distribution-unlike": DOTS + DOT + "parameter p = train normal(0 kT, 1 GHz)\n",
    "reaction-trained": ENZYMES
    + ENZYME
    + "reaction r: 2 s <-> p = mass_action(k = train lognormal(1 s^-1, 0.5), K_eq = train 1)\n",
    "reaction-trained-K_eq": ENZYMES + ENZYME + "reaction r: 2 s <-> p = mass_action(k = 1 mM^-1/s, K_eq = train 1)\n",
    "reaction-interval": ENZYMES + ENZYME + "reaction r: s <-> p = mass_action(k = [1 s^-1, 2 s^-1], K_eq = 1)\n",
    "reaction-nowhere": ENZYMES + ENZYME + "reaction r: s <-> q = mass_action(k = 1 sek^-1, K_eq = 1)\n",
    "device-wrong-twice": DOTS
    + device("  current flow = 1 GHz").removeprefix(DOTS)
    + DOT.replace("resonant_dot", "mine"),
    # several at once
    "several": DOTS.replace("100 mK", "100 mT").replace("10 pF", "10")
    + "dot a: x -> z = resonant_dot(gamma_left = 1 Ghz + 2 kT, gama_right = 1 GHz, level = 0)\nreadout r = q + y\n",
}

WARNINGS = {
    "warning-no-input": DOTS.replace("input(range = [-3 kT, 3 kT])", "fixed(at = 0 kT)") + DOT,
    "warning-closed": DOTS.replace("input(range = [-3 kT, 3 kT])", "floating(capacitance = 10 pF)") + DOT,
    "warning-floating-alone": DOTS + DOT + "reservoir z = floating(capacitance = 1 pF)\n",
    "warning-floating-alone-elements": MANY_DOTS + FAMILY.replace("[j]:", "[j in 1..14]:") + DOT.replace("a:", "b:"),
    "warning-unused": DOTS + DOT + "parameter p = 3\nindex j = 1..3\nreservoir z = fixed(at = 1 kT)\n",
}
