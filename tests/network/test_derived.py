"""Indices as numbers, and parameters that follow from others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crncompile
from crncompile.compiler import check_source
from crncompile.errors import DataError, Source
from crncompile.network.initial import initial_values

HEAD = """network n
temperature 100 mK
index i = 1..3
index j = 0..4
reservoir x = input(range = [-1 kT, 1 kT])
reservoir h[i, j] = floating(capacitance = 1 pF * (i + 1), start = 0.5 kT * j - 0.1 kT * i)
reservoir y = output(capacitance = 1 pF)
dot a[i, j]: x -> h[i, j] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = LEVEL)
dot b: h[2, 3] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
"""
ROWS, COLUMNS = np.meshgrid(np.arange(1, 4), np.arange(5), indexing="ij")


def network(level, more=""):
    return check_source(Source("m", HEAD.replace("LEVEL", level) + more))


def slot_values(found, name="level", owner="a", values=None):
    """Return a slot's values by reading its parameters element by element."""
    family = next(family for family in found.families if family.name == owner)
    values = values or initial_values(found)
    slot = family.slots[name]
    result = np.empty(family.shape)
    for place in np.ndindex(family.shape):
        read = {}
        for access in slot.accesses:
            if access.place.axes is None:
                read[access.symbol] = values[access.name].flat[access.place.index[place]]
            else:
                read[access.symbol] = values[access.name][tuple(place[axis] for axis in access.place.axes)]
        result[place] = float(slot.expression.subs(read))
    return result


# --- indices as numbers -----------------------------------------------------------------------------------------------


def test_indices_become_a_constant_array():
    found = network("0.5 kT * j + 0.25 kT * (i - 2)^2 tolerance 1 %")
    parameters = {parameter.name: parameter for parameter in found.parameters}
    level = parameters["a.level"]
    assert (level.shape, level.trained, level.unit) == ((3, 5), False, "kT")
    assert level.tolerance.value == 0.01
    assert not {"a.level.j", "j"} & set(parameters)
    np.testing.assert_allclose(level.distribution.values, 0.5 * COLUMNS + 0.25 * (ROWS - 2) ** 2)
    np.testing.assert_allclose(parameters["h.start"].distribution.values, 0.5 * COLUMNS - 0.1 * ROWS, atol=1e-15)
    assert initial_values(found)["h.capacitance"].shape == (3, 5)


FUNCTIONS = {
    "exp(-0.1 * j) * i": np.exp(-0.1 * COLUMNS) * ROWS,
    "ln(i) + sqrt(j) - 1": np.log(ROWS) + np.sqrt(COLUMNS) - 1,
    "tanh(i - j) * sinh(j / 5) / cosh(i)": np.tanh(ROWS - COLUMNS) * np.sinh(COLUMNS / 5) / np.cosh(ROWS),
    "logistic(i - j)": 1 / (1 + np.exp(COLUMNS - ROWS)),
    "2^j / i - i^(-2)": 2.0**COLUMNS / ROWS - ROWS**-2.0,
    "mod(j, 2) * mod(-i, 3)": np.mod(COLUMNS, 2) * np.mod(-ROWS, 3),
    "i": ROWS,
}


@pytest.mark.parametrize("text", FUNCTIONS)
def test_functions_of_indices(text):
    expected = np.broadcast_to(FUNCTIONS[text], (3, 5))
    np.testing.assert_allclose(slot_values(network(f"1 kT * ({text})")), expected, rtol=1e-14, atol=1e-15)
    mixed = network(f"p * ({text})", "parameter p = train 3 kT\n")
    np.testing.assert_allclose(slot_values(mixed), 3 * expected, rtol=1e-14, atol=1e-15)


def test_an_index_beside_a_parameter_keeps_only_its_axis():
    found = network("p[i] * j", "parameter p[i] = train 2 kT\n")
    held = next(parameter for parameter in found.parameters if parameter.name == "a.level.j")
    assert (held.shape, [axis.name for axis in held.axes], held.trained) == ((5,), ["j"], False)


def test_indices_of_a_list():
    device = "resonant_dot(gamma_left = 1 GHz, gamma_right = g * i, level = 1 kT * j)"
    more = f"dot c[i, j where i + j == 3]: h[i, j] -> y = {device}\n"
    found = network("0 kT", more + "parameter g = train 1 GHz\n")
    assert slot_values(found, "level", "c").tolist() == [2, 1, 0]
    assert slot_values(found, "gamma_right", "c").tolist() == [1e9, 2e9, 3e9]


def test_an_index_in_a_readout():
    net = crncompile.loads(
        HEAD.replace("LEVEL", "0 kT") + "readout r[j] = s * j * h[2, j] / 1 kT\nparameter s = train 2\n"
    )
    solution = net.solve(x=0.5)
    np.testing.assert_allclose(solution.readouts["r"], 2 * np.arange(5) * solution.values["h"][1])


# --- derived parameters -----------------------------------------------------------------------------------------------

CHAIN = """parameter d[j] = 0.5 * c[4 - j] + shift * j
parameter c[j] = 2 * base[j]
parameter shift = 0.1 * gap
parameter gap = 3 kT
parameter base[j] = train normal(0 kT, 1 kT)
"""


def test_derived_parameters_stand_in_any_order_and_follow():
    found = network("d[mod(i + j, 5)] + c[2]", CHAIN)
    assert [p.name for p in found.parameters if "." not in p.name] == ["gap", "base"]
    values = initial_values(found, 1)
    for gap in (3.0, 5.0):
        values["gap"] = np.array(gap)
        k = np.mod(ROWS + COLUMNS, 5)
        expected = values["base"][4 - k] + 0.1 * gap * k + 2 * values["base"][2]
        np.testing.assert_allclose(slot_values(found, values=values), expected)


def test_what_is_made_of_constants_alone_follows_them_too():
    found = network("2 * q", "parameter q = 0.5 * p\nparameter p = 4 kT\n")
    assert slot_values(found).tolist() == np.full((3, 5), 4.0).tolist()
    assert slot_values(found, values={**initial_values(found), "p": np.array(6.0)})[0, 0] == 6.0


def test_the_gradient_goes_through_a_derived_parameter():
    net = crncompile.loads(
        HEAD.replace("LEVEL", "q[j] * i")
        + "parameter q[j] = p[4 - j]^2 / 1 kT + half * j\nparameter half = 0.5 * g\n"
        + "parameter p[j] = train normal(0 kT, 1 kT)\nparameter g = train 0.1 kT\nreadout r = y / 1 kT\n"
        + "dot l[i, j]: h[i, j] -> z = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)\n"
        + "reservoir z = fixed(at = -1 kT)\n"
    )
    values = net.parameters(seed=2)
    gradient, _ = net.gradient(net.solve(x=0.5, parameters=values), {"r": np.ones(1)})
    for name, place in (("g", ()), ("p", (1,))):
        ends = []
        for step in (1e-5, -1e-5):
            moved = {**values, name: values[name].copy()}
            moved[name][place] += step
            ends.append(float(net.solve(x=0.5, parameters=moved).readouts["r"]))
        np.testing.assert_allclose(gradient[name][place], (ends[0] - ends[1]) / 2e-5, rtol=1e-5, atol=1e-12)


def test_a_derived_parameter_is_no_parameter_of_its_own():
    net = crncompile.loads(HEAD.replace("LEVEL", "q") + "parameter q = 0.5 * p\nparameter p = 4 kT\n")
    with pytest.raises(DataError, match="parameter q follows from p: set that"):
        net.parameters({"q": 3.0})


def test_an_unused_one_is_warned_of():
    found = network("0 kT", "parameter p = 1 kT\nparameter q = 2 * p\n")
    assert [str(w.message) for w in found.warnings] == ["the parameter q is used nowhere"]


@given(st.permutations(range(6)), st.lists(st.integers(0, 5), min_size=6, max_size=6))
def test_chains_in_any_order(order, of):
    """Parameter k is 1 kT more than parameter of[k], if that one is smaller; else it is 2 kT."""
    lines, expected = [], []
    for k in range(6):
        lines.append(f"parameter p{k} = p{of[k]} + 1 kT\n" if of[k] < k else f"parameter p{k} = 2 kT\n")
        expected.append(expected[of[k]] + 1 if of[k] < k else 2)
    used = " + ".join(f"{k + 1} * p{k}" for k in range(6))
    found = network(used, "".join(lines[k] for k in order))
    np.testing.assert_allclose(slot_values(found), sum((k + 1) * value for k, value in enumerate(expected)))
