"""Texts become nodes, exactly; whatever the text, the only complaint is a ModelError."""

import contextlib
import dataclasses
import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crncompile.errors import DataError, ModelError, Source, Span
from crncompile.language import nodes
from crncompile.language.parser import parse
from crncompile.language.reading import LARGEST_FILE, read_source
from crncompile.language.scan import scan
from crncompile.language.words import ITEMS, JOINTS, STATEMENTS


def statement(text):
    (only,) = parse(Source("m.tnet", text)).statements
    return only


def expression(text):
    return statement(f"readout r = {text}").expression


def plain(node):
    """Show a node without its spans: an expression with all its parentheses."""
    if isinstance(node, nodes.Quantity):
        return node.number if node.unit is None else f"{node.number} {node.unit}"
    if isinstance(node, nodes.Reference):
        return node.name + (f"[{', '.join(map(plain, node.indices))}]" if node.indices else "")
    if isinstance(node, nodes.Call):
        return f"{node.function}({', '.join(map(plain, node.arguments))})"
    if len(node.operands) == 1:
        return f"({node.operator}{plain(node.operands[0])})"
    return f"({f' {node.operator} '.join(map(plain, node.operands))})"


def children(node):
    """Yield the nodes directly within a node."""
    for field in dataclasses.fields(node):
        content = getattr(node, field.name)
        for element in content if isinstance(content, tuple) else (content,):
            if dataclasses.is_dataclass(element) and not isinstance(element, (Span, Source)):
                yield element


def walk(node):
    """Yield all nodes within a node."""
    for child in children(node):
        yield child
        yield from walk(child)


def check_spans(model):
    """Spans lie inside the text, inside their parents', and those of names are the names."""
    for node in walk(model):
        span = node.span
        assert 0 <= span.start < span.end <= len(model.source.text)
        for child in children(node):
            assert span.start <= child.span.start <= child.span.end <= span.end
        if hasattr(node, "name_span"):
            name = node.target.name if hasattr(node, "target") else node.name
            assert unicodedata.normalize("NFKC", node.name_span.text) == name
        if hasattr(node, "name_spans"):
            assert [unicodedata.normalize("NFKC", s.text) for s in node.name_spans] == list(node.names)
        if isinstance(node, nodes.Reference) and not node.indices:
            assert unicodedata.normalize("NFKC", span.text) == node.name
        if isinstance(node, nodes.Quantity):
            assert span.text.startswith(node.number)
            assert node.unit_span is None or node.unit_span.text == node.unit


# --- expressions and numbers ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 - 3", "((1 + 2) - 3)"),
        ("a / b * c", "((a / b) * c)"),
        ("a + b * c ^ d ^ e", "(a + (b * (c ^ (d ^ e))))"),
        ("-x^2", "(-(x ^ 2))"),
        ("2^-1", "(2 ^ (-1))"),
        ("a * -3 kT", "(a * (-3 kT))"),
        ("--a", "(-(-a))"),
        ("(a + b) * c", "((a + b) * c)"),
        ("0.5", "0.5"),
        (".5", ".5"),
        ("1e-3", "1e-3"),
        ("1E+3 kT", "1E+3 kT"),
        ("10 uM^-1/s", "10 uM^-1/s"),
        ("10 uM^-1 / s", "(10 uM^-1 / s)"),
        ("1 kT^-1", "1 kT^-1"),
        ("1 mM^-2/s", "1 mM^-2/s"),
        ("2 kT", "2 kT"),
        ("2kT", "2 kT"),
        ("2 kT/2", "(2 kT / 2)"),
        ("2^3", "(2 ^ 3)"),
        ("5 %", "5 %"),
        ("5%", "5 %"),
        ("3 µM", "3 µM"),
        ("1 kΩ", "1 kΩ"),
        ("y[k] / 1 mM", "(y[k] / 1 mM)"),
        ("h[j + 1, 2 * i]", "h[(j + 1), (2 * i)]"),
        ("scale * ln(y / 1 mM)", "(scale * ln((y / 1 mM)))"),
        ("f(a, b, 1 kT)", "f(a, b, 1 kT)"),
        ("e.weight * 2", "(e.weight * 2)"),
        ("1\n+ 2 # one\r\n* 3", "(1 + (2 * 3))"),
    ],
)
def test_expression(text, expected):
    assert plain(expression(text)) == expected


@pytest.mark.parametrize(
    ("text", "lower", "upper"), [("1..16", "1", "16"), ("1 .. n", "1", "n"), ("n-1..2*n", "(n - 1)", "(2 * n)")]
)
def test_ranges_are_no_decimal_points(text, lower, upper):
    index = statement(f"index j = {text}")
    assert (plain(index.range.lower), plain(index.range.upper)) == (lower, upper)


def test_an_expression_as_deep_as_allowed_is_accepted():
    assert statement("readout y = " + "(" * 99 + "1" + ")" * 99)
    assert statement("readout y = 1" + " + 1" * 100)


# --- statements ---


def test_coefficients_are_no_units():
    step = statement("reaction grow: 2 X + Y + 2X <-> 3 X[1] + .5 kT = mass_action(k = 2 kT)").step
    assert [(t.coefficient, plain(t.reference)) for t in step.left] == [("2", "X"), ("1", "Y"), ("2", "X")]
    assert [(t.coefficient, plain(t.reference)) for t in step.right] == [("3", "X[1]"), (".5", "kT")]
    assert step.reversible
    assert not statement("reaction a: X => Y = f()").step.reversible


def test_settings():
    kind = statement(
        "reservoir x = input(range = [-3 kT, 3 kT], data = [0, 6.28], encoding = log, volume = 1 nL,)"
    ).kind
    assert kind.name == "input"
    assert [s.name for s in kind.settings] == ["range", "data", "encoding", "volume"]
    interval, _, bare, volume = (s.value.content for s in kind.settings)
    assert (plain(interval.lower), plain(interval.upper)) == ("(-3 kT)", "3 kT")
    assert (plain(bare), plain(volume)) == ("log", "1 nL")
    assert statement("reservoir y = output()").kind.settings == ()


def test_train():
    value = statement("parameter p[j] = train normal(0 kT, 1 kT) in [-6 kT, 6 kT] tolerance 0.05 kT").value
    assert plain(value.content.distribution) == "normal(0 kT, 1 kT)"
    assert plain(value.content.interval.upper) == "6 kT"
    assert plain(value.tolerance) == "0.05 kT"
    assert statement("parameter p = train 1").value.content.interval is None
    assert plain(statement("parameter p = 0.5 tolerance 1 %").value.tolerance) == "1 %"


def test_targets():
    target = statement("dot a[i, j in 1..16, e in edges where i < j]: x[i] -> h[j] = f()").target
    assert [b.name for b in target.binders] == ["i", "j", "e"]
    first, second, third = (b.domain for b in target.binders)
    assert first is None
    assert (plain(second.lower), plain(second.upper)) == ("1", "16")
    assert plain(third) == "edges"
    (comparison,) = target.condition.comparisons
    assert (plain(comparison.left), comparison.operator, plain(comparison.right)) == ("i", "<", "j")
    assert target.name_span.text == "a"
    assert target.span.text == "a[i, j in 1..16, e in edges where i < j]"


def test_a_target_may_hold_a_condition_of_each_kind():
    for operator in ("<", "<=", ">", ">=", "!=", "=="):
        (comparison,) = statement(f"parameter p[i, j where i {operator} j+1] = 1").target.condition.comparisons
        assert comparison.operator == operator


def test_comparisons_are_chained_and_joined():
    condition = statement("dot a[i, b where 1 <= i + b <= 28 and i != b]: x[i] -> h[b] = f()").target.condition
    assert [c.span.text for c in condition.comparisons] == ["1 <= i + b", "i + b <= 28", "i != b"]
    assert condition.span.text == "1 <= i + b <= 28 and i != b"


def test_and_is_a_name_elsewhere():
    assert statement("parameter and = 3").target.name == "and"
    target = statement("dot a[and where and < 3 and and > 1]: x -> y = f()").target
    assert [plain(c.left) for c in target.condition.comparisons] == ["and", "and"]


def test_wiring():
    placed = statement("enzyme t: a + b -> c + d gate g[2], g[3] = f()")
    assert placed.keyword == "enzyme"
    assert [plain(r) for r in placed.wiring.sources] == ["a", "b"]
    assert [plain(r) for r in placed.wiring.targets] == ["c", "d"]
    assert [plain(r) for r in placed.wiring.gates] == ["g[2]", "g[3]"]
    assert plain(statement("dot w[e in edges]: x[e.from] -> h = f()").wiring.sources[0]) == "x[e.from]"


def test_small_statements():
    text = 'tnet 1 network a "A title" temperature 100 mK volume 1 nL use "b.tnet" table edges = "e.csv" '
    text += "training = adam(rate = 0.02)"
    version, network, temperature, volume, use, table, training = parse(Source("m", text)).statements
    assert version.number == "1"
    assert (network.name, network.title) == ("a", "A title")
    assert (plain(temperature.value), plain(volume.value)) == ("100 mK", "1 nL")
    assert (use.path, table.name, table.path, training.kind.name) == ("b.tnet", "edges", "e.csv", "adam")
    assert statement("network a").title == ""


def test_readouts_and_laws():
    assert statement("readout y = a").keyword == "readout"
    assert statement("classify y[k] = a").keyword == "classify"
    law = statement("law hop(w, b) = 2 * w / (1 + exp(-affinity))")
    assert (law.name, law.parameters) == ("hop", ("w", "b"))
    assert plain(law.expression) == "((2 * w) / (1 + exp((-affinity))))"
    assert statement("law one() = 1 s^-1").parameters == ()


DEVICE = """device pump: S -> P gate R {
  "Moves it"
  terminal S, P: molecules
  terminal R: molecules
  parameter total, other: concentration > 0
  parameter lever: number in [0, 1] = 0.5
  parameter level: energy
  parameter n: number >= 1 = 2
  counterpart twin
  population total
  let half = total / 2
  state E
  state ES energy level - lever * S degeneracy 2
  state current degeneracy 3
  transition bind: S + E <-> ES = mass_action(k = 1 uM^-1/s)
  current flow = half * (S - P)
}"""


def test_device():
    device = statement(DEVICE)
    assert (device.name, device.text) == ("pump", "Moves it")
    assert [type(item).__name__ for item in device.items] == (
        ["Terminal"] * 2 + ["Declaration"] * 4 + ["Counterpart", "Population", "Let"] + ["State"] * 3
    ) + ["Transition", "Current"]
    assert plain(device.wiring.gates[0]) == "R"
    terminal, _, total, lever, level, n = device.items[:6]
    assert (terminal.names, terminal.content) == (("S", "P"), "molecules")
    assert (total.names, total.dimension, total.bound.operator) == (("total", "other"), "concentration", ">")
    assert (lever.bound.operator, plain(lever.bound.upper), plain(lever.default)) == ("in", "1", "0.5")
    assert (level.dimension, level.bound, level.default) == ("energy", None, None)
    assert (n.bound.operator, n.bound.upper, plain(n.default)) == (">=", None, "2")
    empty, full, odd = device.items[9:12]
    assert (empty.energy, empty.degeneracy) == (None, None)
    assert (plain(full.energy), plain(full.degeneracy)) == ("(level - (lever * S))", "2")
    assert (odd.name, odd.energy, plain(odd.degeneracy)) == ("current", None, "3")
    assert device.items[12].kind.settings[0].value.content.unit == "uM^-1/s"
    check_spans(parse(Source("m", DEVICE)))


# --- text ---


def test_names_are_normalised_and_spans_are_not():
    source = Source("m", "parameter ﬁ_Ω = 1\nparameter e\u0301 = 2\nreadout r = \u2126\n")
    first, second, third = parse(source).statements
    assert first.target.name == "fi_Ω"
    assert first.target.name_span.text == "ﬁ_Ω"
    assert second.target.name == "é"
    assert third.expression.name == "Ω"
    check_spans(parse(source))


def test_line_ends_and_byte_order_marks(tmp_path):
    path = tmp_path / "m.tnet"
    path.write_bytes(b"\xef\xbb\xbfnetwork a # one\r\ntemperature 1 K\r\nvolume 1 nL\r\n")
    model = parse(read_source(path))
    assert [s.span.line for s in model.statements] == [1, 2, 3]
    assert len(parse(Source("m", "\ufeffnetwork a")).statements) == 1


def test_blanks_of_all_kinds_are_blanks():
    assert plain(expression("1\u00a0kT\u2009+\t2\u202fkT")) == "(1 kT + 2 kT)"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty; a smallest model looks like this"),
        (b" \r\n\t", "the file is empty"),
        (b"network a\0b", "binary file"),
        (b"network a\nreservoir \xe4 = f()", r"line 2 is not encoded in UTF-8 \(byte 0xe4\)"),
        (b"#" * (LARGEST_FILE + 1), 'larger than 16 MB; put the edges into a table: table edges = "edges.csv"'),
    ],
)
def test_unreadable_files(tmp_path, content, message):
    path = tmp_path / "m.tnet"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_source(path)


def test_places_that_hold_no_file(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        read_source(tmp_path / "none.tnet")
    with pytest.raises(DataError, match="this is a directory"):
        read_source(tmp_path)
    with pytest.raises(DataError, match="can not be read"):
        read_source("a\0b")


def test_the_smallest_model_of_the_message_parses():
    from crncompile.language.reading import smallest_model

    assert len(parse(Source("m", smallest_model())).statements) == 6


# --- the four models ---


@pytest.mark.parametrize(
    ("name", "statements"), [("1_double_dots", 15), ("2_cascade", 14), ("3_brusselator", 14), ("4_mnist", 21)]
)
def test_shared_models(shared, name, statements):
    model = parse(read_source(shared / "language" / f"{name}.tnet"))
    assert len(model.statements) == statements
    check_spans(model)


# --- any text ---

VALID = f"""tnet 1
network every_kind "of statement"   # and a comment
temperature 310.15 K
volume 1 nL
use "other.tnet"
table edges = "edges.csv"
index j = 1..16
reservoir x[j] = input(range = [-3 kT, 3 kT], data = [0, 255])
reservoir y = output(capacitance = 10 pF, start = 0 kT)
parameter gain[j] = train lognormal(1, 0.5) in [0, 3] tolerance 5 %
dot a[i, j where i < j]: x[i] -> x[j] gate y = f(level = train normal(0 kT, 1 kT), lever = 0.5)
enzyme b[e in edges]: x[e.left] -> y = g(K = 1 mM^-2/s)
reaction leak: 2 y + x[1] => 3 y = mass_action(k = 0.05 s^-1)
readout r = -gain[1] * (y + 1)^2 / exp(x[1])
classify c[j] = ln(x[j])
training = adam(rate = 0.02)
law hop(w) = w * affinity
{DEVICE}
"""


def only_model_errors(text):
    source = Source("m", text)
    try:
        check_spans(parse(source))
    except ModelError as error:
        mistakes = error.mistakes
    else:
        return
    assert mistakes
    for mistake in mistakes:
        assert 0 <= mistake.span.start <= mistake.span.end <= len(text)
        assert str(mistake)


def test_the_text_to_mutate_is_valid():
    check_spans(parse(Source("m", VALID)))


@given(st.text(max_size=200))
@settings(max_examples=200)
def test_random_text(text):
    only_model_errors(text)


VOCABULARY = sorted({lexeme.text for lexeme in scan(VALID)} | {*STATEMENTS, *ITEMS, *JOINTS, "$", '"', "..", "\n", "]"})


@given(st.lists(st.sampled_from(VOCABULARY), max_size=40))
@settings(max_examples=300)
def test_random_words(words):
    only_model_errors(" ".join(words))


@given(st.integers(0, len(VALID)), st.integers(0, 40), st.one_of(st.text(max_size=5), st.sampled_from(VOCABULARY)))
@settings(max_examples=150)
def test_mutated_models(start, length, inserted):
    only_model_errors(VALID[:start] + inserted + VALID[start + length :])


def test_models_without_one_word():
    lexemes = scan(VALID)[:-1]
    for lexeme in random.Random(0).sample(lexemes, 80):
        only_model_errors(VALID[: lexeme.start] + VALID[lexeme.end :])
        only_model_errors(VALID[: lexeme.end])


def test_random_bytes(tmp_path):
    path = tmp_path / "m.tnet"
    generator = random.Random(0)
    for _ in range(50):
        path.write_bytes(generator.randbytes(generator.randrange(50)))
        with contextlib.suppress(DataError):
            only_model_errors(read_source(path).text)
