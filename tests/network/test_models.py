"""The four models handed round with the design resolve to what they say."""

import math

import pytest
import sympy
from scipy import constants as codata

from crncompile.errors import ModelError, Source
from crncompile.language.parser import parse
from crncompile.network.library import standard_library
from crncompile.network.resolve import resolve
from crncompile.network.types import REACTANTS, Access, Distribution, Tolerance


@pytest.fixture(scope="module")
def load(shared):
    def model(name):
        path = shared / "language" / name
        return resolve(parse(Source(path.name, path.read_text(encoding="utf-8"))), standard_library())

    return model


def parameters(network):
    return {parameter.name: parameter for parameter in network.parameters}


def families(network):
    return {family.name: family for family in network.families}


def test_double_dots(load):
    network = load("1_double_dots.tnet")
    assert network.name == "sine_double_dots"
    assert network.warnings == ()
    assert [group.name for group in network.floating] == ["h", "y"]
    assert [group.name for group in network.held] == ["x", "low", "high"]
    assert {group.content for group in network.reservoirs} == {"charge"}
    x = network.reservoir("x").coding
    assert (x.range, x.unit, x.data, x.encoding) == ((-3.0, 3.0), "kT", (0.0, 6.2831853), "linear")
    assert network.reservoir("h").labels()[-1] == "h[16]"


def test_double_dots_values_are_coherent(load):
    network = load("1_double_dots.tnet")
    known = parameters(network)
    capacitance = 10e-12 * codata.k * 0.1 / codata.e**2
    assert known["h.capacitance"].distribution.arguments[0] == pytest.approx(capacitance, rel=1e-14)
    assert known["a.coupling"].distribution == Distribution("constant", (3e9,))
    assert known["a.coupling"].tolerance == Tolerance(0.01, relative=True)
    assert known["a.coupling"].shape == ()
    level = known["a.level"]
    assert (level.shape, level.trained, level.unit, level.lower, level.upper) == ((16,), True, "kT", -6.0, 6.0)
    assert level.tolerance == Tolerance(0.05, relative=False)
    assert known["b.lever"].tolerance == Tolerance(0.01, relative=True)
    assert (known["a.gamma_left"].lower, known["a.gamma_left"].upper) == (0.0, math.inf)
    assert known["y.start"].distribution == Distribution("constant", (0.0,))
    assert known["gain"].unit == "kT^-1"


def test_double_dots_families(load):
    network = load("1_double_dots.tnet")
    found = families(network)
    assert {name: family.shape for name, family in found.items()} == dict.fromkeys("absd", (16,))
    assert [(port.reservoir, port.place.axes) for port in found["b"].ports] == [("h", (0,)), ("y", ())]
    assert found["a"].kind is found["b"].kind
    assert not found["a"].kind.amount
    assert found["a"].kind.counterpart == "resonant_dot"
    assert found["a"].volume is None
    slot = found["a"].slots["level"]
    assert slot.expression == slot.accesses[0].symbol
    assert (slot.accesses[0].name, slot.accesses[0].place.axes) == ("a.level", (0,))
    readout = network.readouts[0]
    assert {access.name for access in readout.parameters} == {"gain", "offset"}
    assert [access.name for access in readout.reservoirs] == ["y"]


def test_cascade(load):
    network = load("2_cascade.tnet")
    first = families(network)["first"]
    assert [terminal.role for terminal in first.kind.terminals] == ["source", "target", "gate"]
    assert first.kind.amount
    assert [state.name for state in first.kind.states] == ["E", "ES", "ER"]
    lock = first.kind.steps[2]
    symbols = {parameter.name: parameter.symbol for parameter in first.kind.parameters}
    assert lock.net == (0, 0, -1)
    assert lock.forward == symbols["k_on"] * REACTANTS
    assert lock.K_eq == 1 / symbols["K_R"]
    trained = parameters(network)["first.K_R"]
    assert trained.trained
    assert (trained.lower, trained.upper) == pytest.approx((1e-5, 5e-3))
    assert trained.distribution.arguments[0] == pytest.approx(5e-4)
    assert parameters(network)["first.K_eq"].distribution == Distribution("constant", (1e4,))
    assert {access.name for access in first.volume.accesses} == {"volume"}


def test_brusselator(load):
    network = load("3_brusselator.tnet")
    found = families(network)
    grow = found["grow"].kind.steps[0]
    assert [port.reservoir for port in found["grow"].ports] == ["X", "Y"]
    assert (grow.reactants, grow.products, grow.net) == ((2, 1), (3, 0), (1, -1))
    assert [terminal.role for terminal in found["grow"].kind.terminals] == ["target", "source"]
    assert parameters(network)["grow.k"].distribution.arguments[0] == pytest.approx(1e6)
    assert not found["drain"].kind.steps[0].reversible
    assert found["drain"].kind.steps[0].K_eq is None
    assert {group.content for group in network.reservoirs} == {"molecules"}


def test_mnist(load):
    network = load("4_mnist.tnet")
    found = families(network)
    assert found["up1"].shape == (784, 100)
    assert [port.place.axes for port in found["up1"].ports] == [(0,), (1,)]
    assert parameters(network)["up1.total"].shape == (784, 100)
    assert found["up1"].kind is found["decay"].kind
    K_I = found["down1"].slots["K_I"]
    assert isinstance(K_I.accesses[0], Access)
    assert K_I.accesses[0].name == "K"
    assert sympy.simplify(K_I.expression - 0.05 * K_I.accesses[0].symbol) == 0
    assert "down1.K_I" not in parameters(network)
    digit = network.readouts[0]
    assert (digit.keyword, digit.shape, digit.reservoirs[0].place.axes) == ("classify", (10,), (0,))
    assert network.warnings == ()


SMALL = """network n
temperature 100 mK
index i = 1..2000
index j = 1..2000
reservoir x[i] = input(range = [-1 kT, 1 kT])
reservoir y[j] = output(capacitance = 1 pF)
dot a[i, j]: x[i] -> y[j] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = train normal(0 kT, 1 kT))
"""


def test_a_family_of_millions_costs_nothing(monkeypatch):
    monkeypatch.setattr("numpy.argwhere", lambda mask: pytest.fail("a plain family is never listed"))
    network = resolve(parse(Source("m", SMALL)), standard_library())
    assert network.families[0].shape == (2000, 2000)
    assert network.families[0].labels_at is None


def test_an_unused_device_of_the_library_is_not_resolved(monkeypatch):
    resolved = []
    original = resolve.__globals__["Kinds"].resolve
    monkeypatch.setattr(
        resolve.__globals__["Kinds"], "resolve", lambda self, node: resolved.append(node.name) or original(self, node)
    )
    resolve(parse(Source("m", SMALL)), standard_library())
    assert resolved == ["resonant_dot"]


def test_all_library_devices_resolve():
    from crncompile.network.devices import device
    from crncompile.units import Units

    library = standard_library()
    for name in library.devices:
        kind = device(name, library, Units(300.0))
        assert kind.name == name
        assert kind.text
        assert bool(kind.steps) != (kind.current is not None)


def test_an_unknown_device_is_a_key_error():
    from crncompile.network.devices import device
    from crncompile.units import Units

    with pytest.raises(KeyError):
        device("no_such_device", standard_library(), Units(300.0))


def test_a_wrong_device_raises_all_its_mistakes():
    from crncompile.network.devices import device
    from crncompile.network.library import Library
    from crncompile.network.report import Report
    from crncompile.units import Units

    text = "device d: a -> b {\n terminal a, b: charge\n parameter g: ratee\n current flow = g + hh\n}"
    library = Library({}, {}).extended(parse(Source("m", text)), Report())
    with pytest.raises(ModelError) as caught:
        device("d", library, Units(300.0))
    assert [mistake.message for mistake in caught.value.mistakes] == [
        "ratee is not a dimension",
        "hh is not declared",
    ]
