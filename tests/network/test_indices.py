"""Places of arrays agree with a loop over the elements."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crncompile.errors import Source
from crncompile.language.parser import parse
from crncompile.network.indices import Frame, frame_of, place_of, whole
from crncompile.network.library import standard_library
from crncompile.network.report import Fault
from crncompile.network.resolve import resolve
from crncompile.network.types import Axis

INDICES = {"i": Axis("i", 1, 4), "j": Axis("j", -2, 3)}


def statement(text):
    return parse(Source("m", text)).statements[0]


def frame(binders):
    return frame_of(statement(f"readout r[{binders}] = 1").target, INDICES, {})


def reference(text):
    return statement(f"readout r = {text}").expression


bounds = st.integers(-5, 5).flatmap(lambda lower: st.tuples(st.just(lower), st.integers(lower, lower + 4)))
factors = st.integers(-3, 3)
RELATIONS = {"<": int.__lt__, "<=": int.__le__, "!=": int.__ne__, "==": int.__eq__}


def text(a, b, c):
    return f"{a} * i + {b} * j - {c}".replace("--", "+ -").replace("- -", "+ ").replace("+ -", "- ")


@given(bounds, bounds, st.tuples(factors, factors, factors), st.tuples(factors, factors, factors), st.data())
def test_index_places_agree_with_brute_force(i, j, first, second, data):
    relation = data.draw(st.sampled_from(["", *RELATIONS]))
    limit = data.draw(st.integers(-4, 4))
    condition = f" where i - j {relation} {limit}" if relation else ""
    own = [
        (p, q)
        for p, q in itertools.product(range(i[0], i[1] + 1), range(j[0], j[1] + 1))
        if not relation or RELATIONS[relation](p - q, limit)
    ]
    assume(own)
    values = [tuple(a * p + b * q - c for a, b, c in (first, second)) for p, q in own]
    axes = tuple(Axis(n, min(v[k] for v in values), max(v[k] for v in values)) for k, n in enumerate("mn"))
    found = frame(f"i in {i[0]}..{i[1]}, j in {j[0]}..{j[1]}{condition}")
    place = place_of(reference(f"h[{text(*first)}, {text(*second)}]"), axes, found, INDICES)
    flat = [
        np.ravel_multi_index((m - axes[0].lower, n - axes[1].lower), (axes[0].size, axes[1].size)) for m, n in values
    ]
    assert place.index.shape == found.shape
    assert place.index.dtype == np.int64
    assert place.index.ravel().tolist() == flat
    if relation:
        assert found.rows.tolist() == [list(pair) for pair in own]


RELATIONS_ALL = {**RELATIONS, ">": int.__gt__, ">=": int.__ge__}
SUMS = {
    "i": lambda i, j: i,
    "j - i": lambda i, j: j - i,
    "mod(i + 2 * j, 3)": lambda i, j: (i + 2 * j) % 3,
    "mod(j, i + 9) * 2": lambda i, j: j % (i + 9) * 2,
    "1": lambda i, j: 1,
}
sums, relations = st.sampled_from(sorted(SUMS)), st.sampled_from(sorted(RELATIONS_ALL))


@given(
    bounds, bounds, st.lists(st.tuples(sums, st.lists(st.tuples(relations, sums), min_size=1, max_size=3)), max_size=3)
)
def test_conditions_agree_with_brute_force(i, j, chains):
    def holds(p, q):
        values = [[SUMS[first](p, q), *(SUMS[other](p, q) for _, other in rest)] for first, rest in chains]
        return all(
            RELATIONS_ALL[relation](left, right)
            for own, (_, rest) in zip(values, chains, strict=True)
            for left, (relation, _), right in zip(own, rest, own[1:], strict=False)
        )

    own = [pair for pair in itertools.product(range(i[0], i[1] + 1), range(j[0], j[1] + 1)) if holds(*pair)]
    assume(own)
    text = " and ".join(first + "".join(f" {relation} {other}" for relation, other in rest) for first, rest in chains)
    found = frame(f"i in {i[0]}..{i[1]}, j in {j[0]}..{j[1]}" + (f" where {text}" if text else ""))
    rows = found.listed().rows if found.rows is None else found.rows
    assert rows.tolist() == [list(pair) for pair in own]


def test_plain_indices_are_axes():
    found = frame("i, j")
    for text, axes in (("h[i, j]", (0, 1)), ("h[j, i]", (1, 0)), ("h[j]", (1,)), ("h", ())):
        names = [index.name for index in reference(text).indices]
        place = place_of(reference(text), tuple(INDICES[name] for name in names), found, INDICES)
        assert (place.axes, place.index) == (axes, None)


def test_a_diagonal_and_another_range_need_an_index():
    found = frame("i")
    assert place_of(reference("h[i, i]"), (INDICES["i"], INDICES["i"]), found, INDICES).index.tolist() == [0, 5, 10, 15]
    assert place_of(reference("h[i]"), (Axis("k", 0, 9),), found, INDICES).index.tolist() == [1, 2, 3, 4]
    assert place_of(reference("h[3]"), (INDICES["i"],), found, INDICES).index.tolist() == [2, 2, 2, 2]


def test_axes_of_equal_range_but_another_name_are_plain():
    assert place_of(reference("h[i]"), (Axis("k", 1, 4),), frame("i"), INDICES).axes == (0,)


def test_scalars_of_a_list_are_plain():
    found = frame("i, j where i < j")
    assert place_of(reference("h"), (), found, INDICES).axes == ()
    assert found.parameter_axes == (Axis("device", 1, len(found.rows)),)


def test_a_range_may_be_bound_locally():
    assert frame("j in 2..5").axes == (Axis("j", 2, 5),)
    assert frame("k in 0..0").axes == (Axis("k", 0, 0),)
    assert frame("k in -3..2 * 2").axes == (Axis("k", -3, 4),)


def test_listing_keeps_the_order_of_the_array():
    listed = frame("i in 1..2, j in 1..3").listed()
    assert listed.rows.tolist() == [[1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]]


def test_whole_numbers_do_not_overflow():
    huge = " * ".join(["i"] * 40)
    with pytest.raises(Fault, match="too large"):
        whole(reference(f"h[{huge}]").indices[0], Frame((Axis("i", 1, 10_000_000),)), {})


CHAIN = """network n
temperature 100 mK
index j = 1..4
reservoir x = input(range = [-1 kT, 1 kT])
reservoir h[j] = floating(capacitance = 1 pF)
reservoir y = output(capacitance = 1 pF)
parameter p[j] = train normal(0 kT, 1 kT)
dot a: x -> h[1] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = p[1] - p[4])
dot b[j in 1..3]: h[j] -> h[j + 1] = resonant_dot(gamma_left = train 1 GHz, gamma_right = 1 GHz, level = p[j + 1])
dot c[i in 1..4, j where i < j]: h[i] -> h[j] = gated(gamma = train 1 GHz, level = p[j], low = 0 kT)
dot d: h[4] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot e[j]: x -> h[j] = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = p[5 - j])
device gated: left -> right {
  terminal left, right: charge
  parameter gamma: rate > 0
  parameter level, low: energy
  current flow = gamma * (left - right) * logistic((level - low) / kT) / kT
}
"""


@pytest.fixture(scope="module")
def chain():
    network = resolve(parse(Source("m", CHAIN)), standard_library())
    return {family.name: family for family in network.families}, {p.name: p for p in network.parameters}


def test_a_shift_makes_a_list(chain):
    families, parameters = chain
    shifted = families["b"]
    assert shifted.shape == (3,)
    assert [port.place.index.tolist() for port in shifted.ports] == [[0, 1, 2], [1, 2, 3]]
    assert shifted.labels_at.tolist() == [[1], [2], [3]]
    assert shifted.slots["level"].accesses[0].place.index.tolist() == [1, 2, 3]
    assert parameters["b.gamma_left"].shape == (3,)
    assert shifted.slots["gamma_left"].accesses[0].place.axes == (0,)


def test_a_scalar_family_at_an_element_is_a_list_of_one(chain):
    families, _ = chain
    assert families["a"].shape == (1,)
    assert families["a"].ports[0].place.axes == ()
    assert families["a"].ports[1].place.index.tolist() == [0]
    level = families["a"].slots["level"]
    assert [access.place.index.tolist() for access in level.accesses] == [[0], [3]]
    assert [access.symbol.name for access in level.accesses] == ["p[1]", "p[4]"]


def test_a_filter_makes_a_list(chain):
    families, parameters = chain
    pairs = [[i, j] for i in range(1, 5) for j in range(1, 5) if i < j]
    assert families["c"].labels_at.tolist() == pairs
    assert families["c"].ports[1].place.index.tolist() == [j - 1 for _, j in pairs]
    assert families["c"].slots["level"].accesses[0].place.index.tolist() == [j - 1 for _, j in pairs]
    assert parameters["c.gamma"].shape == (6,)
    assert parameters["c.low"].shape == ()


def test_a_parameter_read_by_index_leaves_the_family_an_array(chain):
    families, _ = chain
    assert families["e"].labels_at is None
    assert families["e"].slots["level"].accesses[0].place.index.tolist() == [3, 2, 1, 0]
