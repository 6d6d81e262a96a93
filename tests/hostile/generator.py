"""Models that look valid: random reservoirs, families with filters and shifts, library devices, reactions, readouts."""

from __future__ import annotations

from functools import cache

import numpy as np

from crncompile.network.devices import device
from crncompile.network.library import standard_library
from crncompile.units import Units

# unit and usual decade of settings by dimension, for charge and for molecules
_USUAL = {
    "rate": (("GHz", 0.05, 5.0), ("s^-1", 0.1, 100.0)),
    "second_order_rate": (("mM^-1/s", 0.1, 100.0),) * 2,
    "third_order_rate": (("mM^-2/s", 0.1, 100.0),) * 2,
    "concentration": (("mM", 0.05, 5.0),) * 2,
    "concentration_rate": (("mM/s", 0.05, 5.0),) * 2,
    "energy": (("kT", -3.0, 3.0),) * 2,
    "inverse_energy": (("kT^-1", 0.1, 3.0),) * 2,
    "action": (("kT/GHz", 0.1, 3.0),) * 2,
    "time": (("s", 0.1, 3.0),) * 2,
    "capacitance": (("pF", 1.0, 10.0),) * 2,
    "conductance": (("uS", 0.01, 10.0),) * 2,
    "voltage": (("mV", -0.05, 0.05), ("mV", -50.0, 50.0)),
    "current": (("pA", 1.0, 100.0),) * 2,
    "number": (("", 0.2, 5.0),) * 2,
    "temperature": (("K", 0.1, 300.0),) * 2,
}

CHARGE_HEAD = """network random
temperature 100 mK
index j = 1..{n}
index k = 1..{m}
parameter P = train normal(0 kT, 1 kT)
parameter L[j] = train normal(0 kT, 1 kT)
reservoir x = input(range = [-3 kT, 3 kT])
reservoir z[k] = input(range = [-2 kT, 2 kT])
reservoir f = fixed(at = {at} kT)
reservoir h[j] = floating(capacitance = {c} pF, start = {s} kT)
reservoir g[j, k] = floating(capacitance = 3 pF)
reservoir y = output(capacitance = 10 pF, start = P)
"""
MOLECULES_HEAD = """network random
temperature 300 K
volume {c} nL
index j = 1..{n}
index k = 1..{m}
parameter P = train lognormal(1 mM, 0.4)
parameter L[j] = train lognormal(1 mM, 0.4)
reservoir x = input(range = [0.1 mM, 5 mM])
reservoir z[k] = input(range = [0.1 mM, 2 mM])
reservoir f = fixed(at = 0.05 mM)
reservoir h[j] = floating(start = 0.5 mM)
reservoir g[j, k] = floating(start = L[j], volume = 2 nL)
reservoir y = output(start = P)
"""
# indices of an owner (with filter) -> what it can be wired to
_PLACES = {
    "": ("x", "y", "f", "h[1]", "z[1]", "g[1, {m}]", "h[{n}]"),
    "[j]": ("x", "y", "f", "h[j]", "g[j, 1]", "z[1]", "h[{n} + 1 - j]"),
    "[j where j < {n}]": ("x", "y", "h[j]", "h[j + 1]", "g[j + 1, 1]", "f"),
    "[j, k]": ("x", "y", "f", "h[j]", "g[j, k]", "z[k]", "g[j, {m} + 1 - k]"),
    "[k, j where j != k]": ("y", "h[j]", "z[k]", "g[j, k]", "f"),
}


@cache
def _devices(content):
    """Devices of the library whose terminals all hold this content."""
    library, units = standard_library(), Units(1.0)
    kinds = [device(name, library, units) for name in library.devices]
    return [kind for kind in kinds if {terminal.content for terminal in kind.terminals} == {content}]


class Writer:
    """One random model; ``text`` is written when it is made."""

    def __init__(self, rng):
        self.rng = rng
        self.charge = bool(rng.random() < 0.5)
        self.sizes = {"n": int(rng.integers(2, 5)), "m": int(rng.integers(1, 4))}
        head = CHARGE_HEAD if self.charge else MOLECULES_HEAD
        number = lambda: f"{rng.uniform(0.5, 9):.3g}"  # noqa: E731
        lines = [head.format(**self.sizes, at=f"{rng.uniform(-3, 3):.3g}", c=number(), s=f"{rng.normal():.3g}")]
        lines += [self.family(f"d{number}") for number in range(rng.integers(1, 7))]
        lines += [self.leak(group) for group in ("h[j]", "g[j, k]", "y") if rng.random() < 0.8]
        if not self.charge:
            lines += [self.reaction(f"r{number}") for number in range(rng.integers(0, 4))]
        self.text = "\n".join([*lines, *self.readouts()]) + "\n"

    def chosen(self, items):
        return items[int(self.rng.integers(len(items)))]

    def family(self, name):
        content = "charge" if self.charge else "molecules"
        kind = self.chosen(_devices(content))
        indices = self.chosen(list(_PLACES))
        places = [place.format(**self.sizes) for place in _PLACES[indices]]
        moving = [terminal for terminal in kind.terminals if terminal.role != "gate"]
        distinct = [places[int(n)] for n in self.rng.permutation(len(places))[: len(moving)]]
        drawn = [*distinct, *(self.chosen(places) for _ in range(len(kind.terminals) - len(distinct)))]
        ends = {"source": [], "target": [], "gate": []}
        for terminal, place in zip(kind.terminals, drawn, strict=True):
            ends[terminal.role].append(place)
        gates = f" gate {', '.join(ends['gate'])}" if ends["gate"] else ""
        wiring = f"{' + '.join(ends['source'])} -> {' + '.join(ends['target'])}{gates}"
        settings = [self.setting(parameter, indices) for parameter in kind.parameters]
        keyword = "dot" if self.charge else "enzyme"
        values = ", ".join(setting for setting in settings if setting)
        return f"{keyword} {name}{indices.format(**self.sizes)}: {wiring} = {kind.name}({values})"

    def setting(self, parameter, indices):
        if parameter.default is not None and self.rng.random() < 0.5:
            return ""
        name, rng = str(parameter.dimension), self.rng
        unit, low, high = _USUAL[name][0 if self.charge else 1]
        if np.isfinite(parameter.upper):
            low, high, unit = parameter.lower, parameter.upper, "" if name == "number" else unit
        elif parameter.lower >= 0 and low < 0:
            low = 0.1
        if name == "energy" and "j" in indices and self.charge and parameter.lower < 0 and rng.random() < 0.3:
            return f"{parameter.name} = {self.chosen(['L[j]', '0.5 * L[j] + P', 'P', '-P'])}"
        value = rng.uniform(low, high) if low <= 0 else float(np.exp(rng.uniform(np.log(low), np.log(high))))
        if rng.random() < 0.05 and low > 0:
            value *= 10.0 ** rng.uniform(-6, 6)
        text = f"{value:.4g} {unit}".strip()
        if low > 0 and not np.isfinite(parameter.upper) and rng.random() < 0.3:
            return f"{parameter.name} = train lognormal({text}, 0.5)"
        return f"{parameter.name} = {text}"

    def leak(self, group):
        indices = group[1:]
        if self.charge:
            device_text = "resonant_dot(gamma_left = 0.5 GHz, gamma_right = 0.5 GHz, level = 0 kT)"
            return f"dot leak_{group[0]}{indices}: {group} -> f = {device_text}"
        return f"reaction leak_{group[0]}{indices}: {group} <-> f = mass_action(k = 0.1 s^-1, K_eq = 1)"

    def reaction(self, name):
        indices = self.chosen(["", "[j]", "[j, k]"])
        places = [place.format(**self.sizes) for place in _PLACES[indices]]
        sides, orders = [], []
        for _ in range(2):
            names = list(dict.fromkeys(self.chosen(places) for _ in range(self.rng.integers(1, 3))))
            counts = [int(self.rng.choice([1, 1, 1, 2, 3])) for _ in names]
            sides.append(" + ".join(f"{n} {place}" if n > 1 else place for n, place in zip(counts, names, strict=True)))
            orders.append(sum(counts))
        k = f"k = {np.exp(self.rng.normal()):.3g} {_power(1 - orders[0], '/s') if orders[0] > 1 else 's^-1'}"
        if self.rng.random() < 0.2:
            return f"reaction {name}{indices}: {sides[0]} => {sides[1]} = mass_action({k})"
        constant = f"{np.exp(2 * self.rng.normal()):.3g} {_power(orders[1] - orders[0])}".strip()
        return f"reaction {name}{indices}: {sides[0]} <-> {sides[1]} = mass_action({k}, K_eq = {constant})"

    def readouts(self):
        one = "1 kT" if self.charge else "1 mM"
        yield f"readout first = y / {one}"
        if self.rng.random() < 0.5:
            inner = f"h[j] / {one}" if self.charge else f"ln(h[j] / {one})"
            yield f"readout each[j] = tanh({inner}) + {self.expression(2)}"
        if self.rng.random() < 0.3:
            yield f"readout other = {self.expression(4)}"

    def expression(self, depth):
        """A random number made of y, x and P."""
        one = "1 kT" if self.charge else "1 mM"
        if depth == 0 or self.rng.random() < 0.2:
            return self.chosen([f"y / {one}", f"x / {one}", f"P / {one}", "2", "0.5", "pi"])
        inner = [self.expression(depth - 1) for _ in range(2)]
        forms = "({} + {})", "({} - {})", "({} * {})", "tanh({0})", "({0})^2", "-{0}", "logistic({0})", "exp(-({0})^2)"
        return self.chosen(forms).format(*inner)


def _power(power, behind=""):
    return "" if power == 0 and not behind else f"mM^{power}{behind}" if power else "s^-1"


def random_model(rng):
    """Return the text of a random model."""
    return Writer(rng).text
