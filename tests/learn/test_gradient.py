"""Exact gradients of readouts at steady states, against complex step and against differences of solved states."""

import numpy as np
import pytest
from symbolic.kinds import library_kind

import crncompile
from crncompile.network.library import standard_library
from tests.learn.slopes import by_held, by_parameter

CHARGE = """
network charge
temperature 100 mK
index i = 1..2
reservoir x[i] = input(range = [-3 kT, 3 kT])
reservoir low  = fixed(at = train -1.5 kT)
reservoir h    = floating(capacitance = train 10 pF, start = train 0.2 kT)
reservoir y    = output(capacitance = 5 pF)
parameter gain = train 0.7 kT^-1
dot a[i]: x[i] -> h GATE = DEVICE(SETTINGS)
dot b: h -> y = DEVICE_AGAIN
dot c: y -> low = linear_conductance(conductance = train 2 uS)
readout r = gain * y + 0.1 * exp(h / 2 kT)
"""
MOLECULES = """
network molecules
temperature 310.15 K
volume 1 nL
index i = 1..2
reservoir x[i] = input(range = [0.1 mM, 3 mM])
reservoir low  = fixed(at = train 2 uM)
reservoir h    = floating(start = train 0.2 mM)
reservoir y    = output(start = 0.2 mM)
parameter gain = train 0.7
enzyme a[i]: x[i] -> h GATE = DEVICE(SETTINGS)
enzyme b: h -> y = michaelis_menten(total = train 60 nM, k_cat = 70 s^-1, K_M = 0.3 mM, K_P = 1 mM, K_eq = train 50)
reaction c: y <-> low = mass_action(k = train 0.03 s^-1, K_eq = train 1)
readout r = gain * y / 1 mM + 0.1 * ln(h / 1 mM)
"""
DEVICES = {
    "resonant_dot": (CHARGE, "", "gamma_left = train 1 GHz, gamma_right = train 0.5 GHz, level = train 0.3 kT"),
    "double_dot": (
        CHARGE,
        "",
        "gamma_left = train 1 GHz, gamma_right = 0.5 GHz, coupling = train 3 GHz, dephasing = train 13 GHz, "
        "level = train 0.3 kT, detuning = train 1 kT, lever = train 0.4",
    ),
    "gated_dot": (
        CHARGE,
        "gate y",
        "gamma_left = train 1 GHz, gamma_right = train 0.5 GHz, level = train 0.3 kT, lever = train 0.4",
    ),
    "linear_conductance": (CHARGE, "", "conductance = train 1 uS"),
    "gated_conductance": (CHARGE, "gate y", "conductance = train 3 uS, threshold = train 0.2 kT, width = train 2 kT"),
    "michaelis_menten": (
        MOLECULES,
        "",
        "total = train 30 nM, k_cat = train 100 s^-1, K_M = train 0.2 mM, K_P = train 1 mM, K_eq = train 100",
    ),
    "substrate_inhibited": (
        MOLECULES,
        "",
        "total = train 30 nM, k_cat = 100 s^-1, K_M = train 0.2 mM, K_P = train 1 mM, K_I = train 0.4 mM, "
        "K_eq = train 100",
    ),
    "competitive_effector": (
        MOLECULES,
        "gate y",
        "total = train 30 nM, k_cat = 100 s^-1, K_M = train 0.2 mM, K_P = train 1 mM, K_R = train 0.4 mM, "
        "K_eq = train 100",
    ),
    "saturable_decay": (MOLECULES, "", "total = train 10 nM, k_cat = train 100 s^-1, K_M = train 0.2 mM"),
}
UNITS = {"rate": "1 GHz", "energy": "1.3 kT", "conductance": "1 uS"}
UNITS_OF_MOLECULES = {"rate": "100 s^-1", "concentration": "0.3 mM", "concentration_rate": "1 uM/s"}
NUMBERS = {"K_eq": 100, "lever": 0.4, "transmission": 0.02, "transfer": 0.4, "sites": 3}


def generic(device):
    """Text, ends and settings of any other device of the library, all of them trained."""
    kind = library_kind(device)
    known = UNITS_OF_MOLECULES if kind.amount else UNITS
    values = [(p.name, known.get(str(p.dimension), str(NUMBERS.get(p.name, 1.7)))) for p in kind.parameters]
    settings = ", ".join(f"{name} = train {'30 nM' if name == 'total' else value}" for name, value in values)
    roles = [terminal.role for terminal in kind.terminals]
    gate = ["", "gate y", "gate y, low"][roles.count("gate")]
    text = MOLECULES if kind.amount else CHARGE
    if roles.count("source") == 2:
        text = text.replace("a[i]: x[i] -> h", "a[i]: x[i] + y -> h + low")
    return text, gate, settings


def model_of(device):
    text, gate, settings = DEVICES.get(device) or generic(device)
    again = "resonant_dot(gamma_left = 1 GHz, gamma_right = 0.8 GHz, level = train 0.1 kT)"
    return (
        text.replace("DEVICE_AGAIN", again)
        .replace("GATE", gate)
        .replace("DEVICE", device)
        .replace("SETTINGS", settings)
    )


def inputs_of(net, samples=3, seed=1):
    rng = np.random.default_rng(seed)
    return {group.name: _between(rng.uniform(0.05, 0.95, (samples, *group.shape)), group, net) for group in net.inputs}


def _between(share, group, net):
    """Numbers inside the declared range, in its unit."""
    factor, offset, _ = net.network.units.unit(group.coding.unit or None)
    low, high = ((end - offset) / factor for end in group.coding.range)
    return low + (high - low) * share


def check(net, solution, elements=60, totals_fixed=False, tolerance=1e-9):
    """All parameters (or a choice of their elements) and all held potentials, for random weights of the readouts."""
    rng = np.random.default_rng(7)
    solution.raise_for_failure()
    samples = len(solution.u)
    weights = {r.name: rng.normal(size=(samples, *r.shape)) for r in net.network.readouts}
    gradient, to_held = net.gradient(solution, weights, totals_fixed=totals_fixed)
    each, _ = net.gradient(solution, weights, per_sample=True, totals_fixed=totals_fixed)
    assert set(gradient) == set(net.parameter_names)
    places = [(name, index) for name, value in gradient.items() for index in np.ndindex(value.shape)]
    chosen = rng.permutation(len(places))[:elements]
    scale = max(np.abs(each[name] * solution.parameters[name]).max() for name in gradient)  # rounding is below this
    for name, index in [places[k] for k in chosen]:
        slopes = by_parameter(net, solution, name, index, totals_fixed)
        expected = sum((weights[r] * slopes[r].reshape(weights[r].shape)).reshape(samples, -1).sum(1) for r in weights)
        size = scale / (np.abs(solution.parameters[name]).max() or 1.0)
        assert each[name][(slice(None), *index)] == pytest.approx(expected, rel=tolerance, abs=tolerance * size), name
        assert gradient[name][index] == pytest.approx(expected.sum(), rel=tolerance, abs=tolerance * size), name
    for number in rng.permutation(solution.held.shape[1])[:elements]:
        slopes = by_held(net, solution, number, totals_fixed)
        expected = sum((weights[r] * slopes[r].reshape(weights[r].shape)).reshape(samples, -1).sum(1) for r in weights)
        assert to_held[:, number] == pytest.approx(expected, rel=tolerance, abs=tolerance * scale)
    return gradient


@pytest.mark.parametrize("device", standard_library().devices)
def test_gradient_of_every_device(device):
    net = crncompile.loads(model_of(device))
    gradient = check(net, net.solve(inputs_of(net)))
    moved = [name for name in net.trained if name.startswith("a.") and np.any(gradient[name] != 0)]
    assert moved == [name for name in net.trained if name.startswith("a.")]  # no parameter is without effect


@pytest.mark.parametrize("device", ["double_dot", "competitive_effector"])
def test_gradient_against_differences_of_solved_states(device):
    net = crncompile.loads(model_of(device))
    inputs = inputs_of(net)
    solution = net.solve(inputs)
    gradient, _ = net.gradient(solution, {"r": np.ones(3)})
    for name in net.trained:
        value = solution.parameters[name]
        step = 1e-4 * np.abs(value).max()
        for index in np.ndindex(value.shape):
            ends = []
            for sign in (2, 1, -1, -2):
                moved = value.copy()
                moved[index] += sign * step
                near = net.solve(inputs, parameters={name: moved}, warm=solution.u)
                ends.append(near.readouts["r"].sum())
            difference = (-ends[0] + 8 * ends[1] - 8 * ends[2] + ends[3]) / (12 * step)  # fourth order
            error = 1e-9 * np.abs(ends).max() / step + 1e-6 * abs(difference)
            assert gradient[name][index] == pytest.approx(difference, abs=error), name


@pytest.mark.parametrize("name", ["1_double_dots", "2_cascade", "3_brusselator"])
def test_gradient_of_the_language_models(name, shared):
    net = crncompile.load(shared / "language" / f"{name}.tnet")
    inputs = {"B": [1.2, 1.7]} if name == "3_brusselator" else inputs_of(net)
    check(net, net.solve(inputs), elements=40)


def test_gradient_where_all_share_parameters():
    """One Michaelis constant for all, another that is an expression of it, and shapes that are shared along an axis."""
    net = crncompile.loads("""
network shares
temperature 310.15 K
volume 1 nL
index i = 1..2
index j = 1..3
reservoir x[i]  = input(range = [0.1 mM, 2 mM])
reservoir h[j]  = floating(start = 1 mM)
reservoir y     = output(start = 1 mM)
reservoir waste = fixed(at = 1 uM)
parameter K = train 1 mM
parameter amount[j] = train lognormal(20 nM, 0.5)
parameter pace = train 80 s^-1
enzyme a[i, j]: x[i] -> h[j] = substrate_inhibited(
    total = amount[j], k_cat = pace, K_M = K, K_P = 2 * K, K_I = 0.05 * K, K_eq = train lognormal(100, 0.5))
enzyme b[j]: h[j] -> y = michaelis_menten(total = 2 * amount[j], k_cat = pace, K_M = K, K_P = K, K_eq = 100)
reaction c: y <-> waste = mass_action(k = pace / 1000, K_eq = 1)
readout r = y / K
classify s[j] = h[j] / 1 mM
""")
    gradient = check(net, net.solve(inputs_of(net)))
    assert gradient["amount"].shape == (3,)
    assert gradient["K"].shape == ()


CLOSED = {
    "molecules": """
network closed
temperature 310.15 K
volume 1 nL
reservoir R = input(range = [0.1 mM, 2 mM])
reservoir A = floating(start = train 1 mM)
reservoir B = floating(start = 0.1 mM, volume = train 2 nL)
reservoir C = output(start = train 0.1 mM)
enzyme first: A -> B gate R = competitive_effector(
    total = 50 nM, k_cat = 100 s^-1, K_M = 0.2 mM, K_P = train 1 mM, K_R = 0.1 mM, K_eq = train 5)
reaction pair: 2 B <-> C = mass_action(k = 1 mM^-1/s, K_eq = train 2 mM^-1)
readout r = C / 1 mM
""",
    "charge": """
network closed
temperature 100 mK
reservoir g = input(range = [-2 kT, 2 kT])
reservoir a = floating(capacitance = train 10 pF, start = train 2 kT)
reservoir b = output(capacitance = train 3 pF, start = train -1 kT)
reservoir c = floating(capacitance = 4 pF, start = train 0.5 kT)
reservoir low = fixed(at = train -1 kT)
dot one: a -> b gate g = gated_dot(gamma_left = 1 GHz, gamma_right = 0.5 GHz, level = train 0.2 kT)
dot two: c -> low gate b = gated_conductance(conductance = train 1 uS)
dot three: g -> c = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = train 0.5 kT)
readout r = (a + b + c) / 1 kT
""",
}


@pytest.mark.parametrize("content", CLOSED)
def test_gradient_of_a_closed_component(content):
    """What a component holds is decided by its start and its capacities, and these count in the gradient."""
    net = crncompile.loads(CLOSED[content])
    assert len(net.functions.structure.conserved_names) == 1
    solution = net.solve(inputs_of(net))
    gradient = check(net, solution)
    starts = [name for name in net.trained if name.endswith(".start")]
    assert starts
    assert any(gradient[name] != 0 for name in starts)


@pytest.mark.parametrize("content", CLOSED)
def test_gradient_where_totals_are_stated(content):
    net = crncompile.loads(CLOSED[content])
    inputs = inputs_of(net)
    (law,) = net.functions.structure.conserved_names
    stated = 1.3 * float(net.solve(inputs).certificate.totals[0, 0])
    solution = net.solve(inputs, totals={law: stated})
    assert solution.certificate.totals[:, 0] == pytest.approx(stated)
    gradient = check(net, solution, totals_fixed=True)
    assert all(np.all(gradient[name] == 0) for name in net.trained if name in ("A.start", "a.start", "b.start"))
