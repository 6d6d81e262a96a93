"""Hostile texts by theme: those that must be refused (each with a golden message) and those that must be accepted."""

import keyword

DOTS = """network hostile
temperature 100 mK
reservoir x = input(range = [-3 kT, 3 kT])
reservoir y = output(capacitance = 10 pF)
"""
DOT = "dot a: x -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)\n"
ENZYMES = """network hostile
temperature 310.15 K
volume 1 nL
reservoir s = input(range = [0.1 mM, 10 mM])
reservoir p = output(start = 1 mM)
"""
ENZYME = "enzyme e: s -> p = michaelis_menten(total = 1 nM, k_cat = 1 s^-1, K_M = 1 mM, K_P = 1 mM, K_eq = 10)\n"


def level(value):
    return DOTS + f"dot a: x -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = {value})\n"


def parameter(value):
    return DOTS + DOT + f"parameter q = {value}\nreadout r = q * y / 1 kT\n"


def readout(value):
    return DOTS + DOT + f"readout r = {value}\n"


def current(items, expression="g * (a - b)"):
    return (
        DOTS
        + "device mine: a -> b {\n  terminal a, b: charge\n  parameter g: conductance > 0\n"
        + f"{items}\n  current flow = {expression}\n}}\ndot d: x -> y = mine(g = 1 uS)\n"
    )


def doubled(times, operator="+"):
    """A chain of lets in which each is the one before it joined with itself."""
    lets = [f"  let e{n + 1} = e{n} {operator} e{n}" for n in range(times)]
    return "\n".join(["  let e0 = (a - b) / 1 kT", *lets])


def ring(states, population=""):
    """A device whose states form a ring through which electrons cross."""
    names = [f"  state s{n}" for n in range(states)]
    steps = [f"  transition t{n}: s{n} <-> s{n + 1} = hop(w = g)" for n in range(1, states - 1)]
    ends = [
        "  transition t0: a + s0 <-> s1 = tunnel(gamma = g)",
        f"  transition last: s{states - 1} <-> s0 + b = tunnel(gamma = g)",
    ]
    return _device([*names, *ends, *steps], population)


def clique(states):
    """A device in which every state goes over into every other: states^(states-2) spanning trees."""
    names = [f"  state s{n}" + (" energy 0 kT" if n == 0 else "") for n in range(states)]
    steps = [
        f"  transition t{n}_{m}: s{n} <-> s{m} = hop(w = g)"
        for n in range(states)
        for m in range(n)
        if (n, m) != (1, 0)
    ]
    ends = ["  transition t0: a + s0 <-> s1 = tunnel(gamma = g)", "  transition u0: s1 <-> s0 + b = tunnel(gamma = g)"]
    return _device([*names, *ends, *steps])


def _device(items, population=""):
    lines = ["device mine: a -> b {", "  terminal a, b: charge", "  parameter g: rate > 0", population, *items, "}"]
    return DOTS + "\n".join(lines) + "\ndot d: x -> y = mine(g = 1 GHz)\n"


def terminals(count):
    """A device that takes from many reservoirs at once."""
    names = [f"t{n}" for n in range(count)]
    reservoirs = "".join(f"reservoir t{n} = fixed(at = 1 mM)\n" for n in range(1, count - 1))
    wiring = " + ".join(["s", *names[1:-1]]) + " -> p"
    device = f"device mine: {' + '.join(names[:-1])} -> {names[-1]} {{\n  terminal {', '.join(names)}: molecules\n"
    device += "  parameter k: rate > 0\n  parameter total: concentration > 0\n  population total\n"
    device += "  state E\n  state F\n  transition one: t0 + E => F = mass_action(k = k / 1 M)\n"
    device += f"  transition two: F => E + {names[-1]} = mass_action(k = k)\n}}\n"
    return ENZYMES + reservoirs + device + f"enzyme e: {wiring} = mine(k = 1 s^-1, total = 1 nM)\n"


#: Words of Python, C, LaTeX and SBML, and names that generated modules use themselves.
WORDS = """
__import__ __class__ __builtins__ exec eval open self np numpy types sympy Symbol print id list dict set sum max min abs
range len slice None_ E S N O Q zoo oo nan
int float double long short void auto static extern register volatile return goto sizeof struct union typedef char
alpha beta frac sum_ begin end input write18 mathrm textbf newcommand section
time avogadro delay piecewise exponentiale infinity notanumber compartment species model
u held parameters PARAMETERS UNITS GROUPS MIDDLE structure currents gross linearise pullback residual jacobian hold
content capacity start readouts functions steady_state gradient Array wrapped out batch tiles DEVICES input_ terminal
state transition current let population counterpart energy degeneracy output floating fixed
"""
#: Every name that means something to a language into which models are translated.
NAMES = sorted({*keyword.kwlist, *keyword.softkwlist, *WORDS.split()} - {"in", "_"})


def named_reservoirs():
    """Every such name for a reservoir and for a device."""
    lines = [DOTS + DOT]
    for name in NAMES:
        lines.append(f"reservoir {name} = floating(capacitance = 1 pF)\n")
        lines.append(
            f"dot d_{name}: x -> {name} = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)\n"
        )
    return "".join(lines)


def named_parameters():
    """Every such name for a parameter, used in a setting, or for a readout."""
    lines = [DOTS]
    for name in NAMES[::2]:
        lines.append(f"parameter {name} = 1 kT\n")
        lines.append(f"dot d_{name}: x -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = {name})\n")
    return "".join([*lines, *(f"readout {name} = y / 1 kT\n" for name in NAMES[1::2])])


def named_device():
    """Such names for everything in a device and in an index."""
    return (
        DOTS
        + """index lambda = 1..2
reservoir h[lambda] = floating(capacitance = 1 pF)
device class: None -> True gate __import__ {
  "a device"
  terminal None, True, __import__: charge
  parameter def, return: rate > 0
  parameter import: energy
  let yield = import + 0.1 * __import__
  state exec
  state eval energy yield
  transition raise: None + exec <-> eval = tunnel(gamma = def)
  transition pass: eval <-> exec + True = tunnel(gamma = return)
}
dot del[lambda]: x -> h[lambda] gate y = class(def = 1 GHz, return = 2 GHz, import = 0 kT)
dot d[lambda]: h[lambda] -> y = class(def = 1 GHz, return = 2 GHz, import = 0 kT)
""".replace("dot d[lambda]: h[lambda] -> y = class", "dot d[lambda]: h[lambda] -> y gate x = class")
    )


def titled(title):
    return DOTS.replace("network hostile", f'network hostile "{title}"') + DOT + "readout r = y / 1 kT\n"


#: Texts for generated Python, LaTeX, SVG and JSON to choke on.
TITLES = {
    "docstring": "'''; import os; os.abort(); '''",
    "backslashes": "\\ \\n \\x00 \\N{BULLET} \\",
    "formats": "{} {0.__class__} %s %(x)s ${x} {{s.found}}",
    "latex": "\\input{/etc/passwd} \\write18{ls} $x^2$ % comment & ~ #1 \\end{document}",
    "mathematics": "$\\frac{1$ $$ \\$",
    "markup": "</text><script>alert(1)</script> &amp; ]]> <!--",
    "formula": "=cmd|'/c calc'!A1",
    "long": "x" * 3000,
    "letters": "Δ ж 汉 🙂 é \u200d",
}

MANY = "index j = 1..7000\nindex k = 1..7000\nreservoir h[j] = floating(capacitance = 1 pF)\n"
WIDE = "gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT"

#: Refused, each with a golden message.
REFUSED = {
    # brackets, signs and chains without end
    "parentheses": readout("(" * 10000 + "y" + ")" * 10000),
    "functions-nested": readout("exp(" * 10000 + "1" + ")" * 10000),
    "minus-nested": readout("-" * 10000 + "y / 1 kT"),
    "powers-nested": readout("2" + "^2" * 5000),
    "sum-long": readout("y / 1 kT" + " + 1" * 10000),
    "sum-endless": readout("y / 1 kT" + " + 1" * 200000),
    "signs": "= " * 50000,
    "braces": "device a: S -> P { " * 5000,
    "closing": ") " * 50000,
    "quotes": DOTS + DOT + '"' * 10001,
    "word": "a" * 10**6,
    "digits": "1" * 10**6,
    "line": DOTS + DOT + "# " + "y" * 10**7 + "\n$",
    "line-shown": DOTS + DOT + " " * 10**6 + "$" + " " * 10**6,
    "lines": DOTS + "\n" * 10**6 + DOT + "$\n" * 50,
    "binders": DOTS + DOT + "parameter p[" + "a, " * 20000 + "a] = 1\n",
    "settings": level("0 kT, " + ", ".join(f"levl{n} = 0 kT" for n in range(3000))),
    "undeclared": DOTS + DOT + "".join(f"readout r{n} = zzz{n} * y / 1 kT\n" for n in range(500)),
    # numbers
    "tower": parameter("9^9^9^9"),
    "tower-left": parameter("9^(9^9)"),
    "exponent-digits": parameter("1e" + "9" * 1000),
    "power-digits": parameter("2^" + "9" * 1000),
    "number-digits": parameter("9" * 1000),
    "infinite": parameter("1e999"),
    "infinite-product": parameter("1e308 * 1e308"),
    "infinite-unit": level("1e308 J"),
    "denormal": parameter("1e-400"),
    "division": parameter("1 / 0"),
    "division-difference": parameter("1 / (1 - 1)"),
    "division-minus-zero": parameter("1 / (-0.0)"),
    "zero-inverse": parameter("0^-1"),
    "cube-root": parameter("(-8)^(1/3)"),
    "exponential": parameter("exp(1000)"),
    "logarithm": parameter("ln(0)"),
    "root": parameter("sqrt(-1)"),
    "division-symbolic": readout("1 kT / (y - y)"),
    "coefficient": ENZYMES + "reaction r: 1000000 s <-> p = mass_action(k = 1 s^-1, K_eq = 1)\n",
    "temperature-negative": DOTS.replace("100 mK", "-1 K") + DOT,
    "temperature-tiny": DOTS.replace("100 mK", "1e-300 K") + DOT,
    # growth
    "lets-squared": current(doubled(60, "*"), "g * (a - b) / q_e^2 / (1 + e60^2)"),
    "lets-swollen": current(
        "  let e0 = (a - b) / 1 kT\n" + "\n".join(f"  let e{n + 1} = exp(e{n}) + 1 / (1 + e{n}^2)" for n in range(30)),
        "g * (a - b) / q_e^2 * exp(-e30^2)",
    ),
    "lets-deep": current(
        "  let e0 = (a - b) / 1 kT\n" + "\n".join(f"  let e{n + 1} = 0.5 * e{n}" for n in range(400)),
        "g * (a - b) / q_e^2 * exp(-e400^2)",
    ),
    # names and characters
    "name-long": readout("y / 1 kT").replace("readout r", "readout " + "r" * 10**4),
    "name-nfkc": DOTS + DOT + "reservoir ﬁ = fixed(at = 1 kT)\nreservoir fi = fixed(at = 1 kT)\n",
    "name-cyrillic": DOTS.replace("reservoir x", "reservoir х") + DOT,
    "name-mixed": DOTS + DOT + "parameter pаram = 1\nreadout r = pаram * y / 1 kT\n",
    "name-greek-twin": DOTS + DOT + "parameter K = 1\nparameter Κ = 2\nreadout r = K * Κ * y / 1 kT\n",
    "direction-comment": DOTS + DOT + "# \u202e } secret\n",
    "direction-text": titled("\u202eabc\u2066"),
    "zero-width": DOTS + DOT + "parameter a\u200bb = 1\n",
    "joiner-name": DOTS + DOT + "parameter a\u200db = 1\n",
    "escape-text": titled("\x1b[31mred\x1b]0;title\x07"),
    "escape-comment": DOTS + DOT + "# \x1b[2J\n",
    "control": DOTS + DOT + "parameter a\x9bb = 1\n",
    "line-separator": DOTS + "# one\u2028reservoir z = output()\n" + DOT,
    # units
    "unit-power": parameter("1 kg^999999999"),
    "unit-power-negative": parameter("1 m^-99999999999"),
    "unit-power-99": parameter("1 m^99/s^99/kg^99"),
    "unit-many": parameter("1 m" + "/m" * 1000),
    "unit-long": parameter("1 " + "m" * 10000),
    "unit-decibel": parameter("1 dB"),
    "unit-decibel-power": parameter("1 dBm"),
    "unit-offset": parameter("1 degC/s"),
    "unit-offset-energy": level("1 degC"),
    "unit-dunder": parameter("1 __class__"),
    "unit-method": parameter("1 parse_expression"),
    # sizes
    "index-digits": DOTS + DOT + "index j = 1..1" + "0" * 30 + "\n",
    "index-long": DOTS + DOT + "index j = 1..1000000000000\n",
    "index-product": MANY.replace("reservoir h[j]", "reservoir h[j, k]").replace("7000", "100000") + DOTS + DOT,
    "index-memory": DOTS + MANY + f"dot b[j, k where j != k]: h[j] -> h[k] = resonant_dot({WIDE})\n" + DOT,
    "index-shift": DOTS + MANY + f"dot b[j]: x -> h[j * 999999999 * 999999999] = resonant_dot({WIDE})\n" + DOT,
}

#: Accepted by check, and compiled.
CIRCUITS = """circuit wire: a[i] -> b[i] {
  parameter g = 1 GHz
  dot d[i]: a[i] -> b[i] = resonant_dot(gamma_left = g, gamma_right = g, level = 0 kT)
}
circuit pair: a[i] -> b[i] {
  reservoir mid[i] = floating(capacitance = 1 pF)
  circuit one: a -> mid = wire()
  circuit two[k in 1..2]: mid -> b = wire(g = 2 GHz)
}
reservoir h[i in 1..2, k in 1..3] = floating(capacitance = 1 pF)
reservoir v[k in 1..3] = input(range = [-3 kT, 3 kT])
circuit p[i in 1..2]: v -> h[i] = pair()
readout r = (p.mid[1, 2] + h[2, 3]) / 1 kT
"""

ACCEPTED = {
    "parentheses": readout("(" * 90 + "y / 1 kT" + ")" * 90),
    "minus": readout("-" * 90 + "y / 1 kT"),
    "minus-zero": parameter("-0.0"),
    "zero-power": parameter("0^0"),
    "negative-logarithm": readout("ln(-exp(y / 1 kT))"),
    "powers": readout("((y / 1 kT + 1)^99)^99"),
    "power-of-itself": readout("(y / 1 kT)^(y / 1 kT)"),
    "exponentials": readout("exp(" * 50 + "y / 1 kT" + ")" * 50),
    "circuits": DOTS + DOT + CIRCUITS,
    "times-zero": readout("y * 0 / 1 kT"),
    "product": readout(" * ".join(f"(y / 1 kT + {n})" for n in range(60))),
    "lets": current(doubled(60), "g * (a - b) / q_e^2 * exp(-e60^2)"),
    "coefficients": ENZYMES + "reaction r: 99 s <-> 99 p = mass_action(k = 1 mM^-98/s, K_eq = 1)\n",
    "population": ring(3, "population 1e308"),
    "spaces": DOTS + " " * 10**7 + DOT,
    "windows": (DOTS + DOT).replace("\n", "\r\n"),
    "macintosh": (DOTS + DOT).replace("\n", "\r"),
    "byte-order-mark": "\ufeff" + DOTS + DOT,
    "scripts": DOTS
    + DOT
    + "parameter γ_L = 1\nparameter ток_x = 1\nparameter 電流 = 1\nreadout ρ = γ_L * ток_x * 電流 * y / 1 kT\n",
    "celsius": DOTS.replace("100 mK", "25 degC") + DOT,
    "no-dimension": parameter("1 dimensionless + 1 rad + 1 ppm"),
    "terminals": terminals(60),
    "states": ring(16),
    "names-of-reservoirs": named_reservoirs(),
    "names-of-parameters": named_parameters(),
    "names-in-a-device": named_device(),
    **{f"title-{name}": titled(title) for name, title in TITLES.items()},
}
