"""The article of a model: parsed, complete, and its words escaped."""

import re
from pathlib import Path

import pytest
import sympy
from backends.random_networks import CHARGE, MOLECULES, random_network
from pylatexenc.latexwalker import LatexCharsNode, LatexEnvironmentNode, LatexGroupNode, LatexMacroNode, LatexWalker
from symbolic.kinds import LIBRARY, library_kind

import crncompile
from crncompile.export.latex import latex_text
from crncompile.export.tex_devices import device_section, slope_section
from crncompile.export.tex_math import Mathematics
from crncompile.export.tex_words import number, quantity, symbol, unit, words
from crncompile.symbolic.device_law import derive
from crncompile.symbolic.signs import Conductance
from crncompile.units import Units

MODELS = Path(__file__).parent.parent.parent / "models"
OWN = sorted(path.name for path in MODELS.glob("*.tnet"))
SHARED = ["1_double_dots.tnet", "2_cascade.tnet", "3_brusselator.tnet", "4_mnist.tnet"]
SECTIONS = [
    "Conventions",
    "Reservoirs",
    "Devices",
    "Rate equations",
    "Jacobian",
    "Conserved totals and uniqueness",
    "Readouts",
    "Parameters",
]
SMALL = r"""
network small_one "100 % of {dots} & their \ levels_1 — γ, ü, 水, $x^2$ #1 ~"
temperature 1 K
index j = 1..3
parameter γ = train 0.5 GHz tolerance 5 %
parameter weight[j] = train uniform(0.5, 2)
reservoir x = input(range = [-1 kT, 1 kT], data = [0, 1])
reservoir h_left[j] = floating(capacitance = 1 pF, start = 0 kT)
reservoir y = output(capacitance = 2 pF tolerance 0.1 pF)
reservoir low = fixed(at = -1 kT)
device two_ways: left -> right gate control {
  "Opened_by its gate & 50 % more"
  terminal left, right, control: charge
  parameter gamma_left, gamma: rate > 0
  parameter level: energy = 0 kT
  parameter ratio: number in [0, 1] = 0.5
  let open_level = level + ratio * control / 2
  state empty
  state filled energy open_level degeneracy 2
  transition enter: left + empty <-> filled  = tunnel(gamma = gamma_left)
  transition leave_it: filled <-> empty + right = tunnel(gamma = gamma)
}
dot a[j]: x -> h_left[j] = resonant_dot(gamma_left = γ, gamma_right = 1 GHz,
                                        level = train normal(0 kT, 1 kT) in [-3 kT, 3 kT])
dot b[j where j < 3]: h_left[j] -> h_left[j + 1] gate y = two_ways(gamma_left = 1 GHz, gamma = 2 * γ)
dot c[j]: h_left[j] -> y = resonant_dot(gamma_left = 1 GHz, gamma_right = 1 GHz, level = 0 kT)
dot d: y -> low = linear_conductance(conductance = 1 nS)
readout out_1 = weight[2] * y / 1 kT + exp(-h_left[3] / 1 kT)
"""


def nodes(text):
    return LatexWalker(text, tolerant_parsing=False).get_latex_nodes()[0]


def plain_characters(found, in_math=False):
    """Yield characters that LaTeX prints as they stand, outside mathematics."""
    for node in found or []:
        if isinstance(node, LatexCharsNode) and not in_math:
            yield node.chars
        elif isinstance(node, LatexEnvironmentNode):
            yield from plain_characters(node.nodelist, in_math or node.environmentname == "align*")
        elif isinstance(node, LatexGroupNode):
            yield from plain_characters(node.nodelist, in_math)
        elif isinstance(node, LatexMacroNode) and node.nodeargd is not None:
            yield from plain_characters([n for n in node.nodeargd.argnlist if n is not None], in_math)


def assert_well_formed(text, network):
    found = nodes(text)
    loose = "".join(plain_characters(found))
    assert not re.search(r"[_^%#$~\\<>]", re.sub(r"a4paper, margin=22mm", "", loose)), loose
    assert not re.search(r"_\{(?:[^{}]|\{[^{}]*\})*\}_", text), "double subscript"
    assert not re.search(r"\^\{(?:[^{}]|\{[^{}]*\})*\}\^", text), "double superscript"
    opened = re.findall(r"\\begin\{([a-z*]+)\}", text)
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{([a-z*]+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []
    assert opened[0] == "document"
    assert re.findall(r"\\section\{(.*)\}", text) == SECTIONS
    for parameter in network.network.parameters:
        assert rf"\texttt{{{words(parameter.name)}}}" in text
    for kind in {family.kind.name for family in network.network.families}:
        assert rf"\subsection{{Device \texttt{{{words(kind)}}}}}" in text
    for label in (*network.network.reservoirs, *network.network.readouts):
        assert symbol(label.name) in text
    for block in re.findall(r"\\begin\{align\*\}(.*?)\\end\{align\*\}", text, re.DOTALL):
        assert all(line.count("&") == 1 for line in block.strip().split("\\\\\n"))


@pytest.mark.parametrize("name", SHARED)
def test_shared_models(name, shared):
    network = crncompile.load(shared / "language" / name)
    assert_well_formed(latex_text(network, network.parameters()), network)


@pytest.mark.parametrize("name", OWN)
def test_own_models(name):
    network = crncompile.load(MODELS / name)
    assert_well_formed(latex_text(network, network.parameters()), network)


@pytest.mark.parametrize("pool", [CHARGE, MOLECULES], ids=["charge", "molecules"])
@pytest.mark.parametrize("seed", [0, 1])
def test_random_networks(pool, seed):
    network = crncompile.loads(random_network(pool, seed).text)
    assert_well_formed(latex_text(network, network.parameters()), network)


def test_small_model_is_golden(golden):
    network = crncompile.loads(SMALL)
    text = latex_text(network, network.parameters())
    assert_well_formed(text, network)
    golden.check("latex/small.tex", text.rstrip("\n"))


def test_conserved_totals_are_named():
    text = "\n".join(
        [
            "network closed",
            "temperature 300 K",
            "volume 1 nL",
            "reservoir x = input(range = [1 mM, 2 mM])",
            "reservoir A = floating(start = 1 mM)",
            "reservoir B = floating(start = 1 mM)",
            "reservoir y = output(start = 1 mM)",
            "reaction bind: 2 A <-> B = mass_action(k = 1 mM^-1/s, K_eq = 1 mM^-1)",
            "reaction feed: x <-> y = mass_action(k = 1 s^-1, K_eq = 1)",
            "readout out = y / 1 mM",
        ]
    )
    network = crncompile.loads(text)
    article = latex_text(network, network.parameters())
    assert r"\item total of A, 2 B: $n(A) + 2 n(B)$" in article
    assert_well_formed(article, network)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("K_M", "K_{M}"),
        ("k_cat", r"k_{\mathrm{cat}}"),
        ("gamma_left", r"\gamma_{\mathrm{left}}"),
        ("γ", r"\gamma"),
        ("Ω_1", r"\Omega_{1}"),
        ("r1", "r_{1}"),
        ("total", r"\mathrm{total}"),
        ("K_eq_2", r"K_{\mathrm{eq},2}"),
        ("h[j]", "h_{j}"),
        ("h_left[j + 1, 2]", r"(h_{\mathrm{left}})_{j + 1, 2}"),
        ("w[row, 2*k]", r"w_{\mathrm{row}, 2\,k}"),
    ],
)
def test_symbols(name, text):
    assert symbol(name) == text


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("", ""),
        ("uM^-1/s", r"\mathrm{\mu M}^{-1}\,\mathrm{s}^{-1}"),
        ("kT", r"k_{\mathrm{B}}T"),
        ("%", r"\mathrm{\%}"),
        ("GHz", r"\mathrm{GHz}"),
    ],
)
def test_units(token, text):
    assert unit(token) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (1.5e-9, r"1.5 \times 10^{-9}"), (1e12, "10^{12}"), (-0.25, "-0.25"), (float("inf"), r"\infty")],
)
def test_numbers(value, text):
    assert number(value) == text


def test_quantities():
    assert quantity(2e-9, "mM") == r"$2 \times 10^{-9}\,\mathrm{mM}$"
    assert quantity(3, "") == "$3$"


def test_words_are_escaped():
    assert words("a_b & 5 % {c} $d$ #1 \\ ~ ^") == (
        r"a\_b \& 5 \% \{c\} \$d\$ \#1 \textbackslash{} \textasciitilde{} \textasciicircum{}"
    )
    assert words("γ é Ω 水 A <-> B => C") == r"$\gamma$ é $\Omega$ [U+6C34] A $\rightleftharpoons$ B $\to$ C"


def test_constants_of_nature_have_their_names():
    units = Units(0.1)
    x, y = sympy.symbols("x y", positive=True)
    hbar = units.constants()["hbar"][0]
    assert Mathematics(units).text(x / sympy.Float(hbar) - y / sympy.Float(hbar)) == r"\frac{x - y}{\hbar}"
    assert Mathematics(units).text(sympy.Float(6.02214076e23) * x) == r"N_{\mathrm{A}} \, x"


GROUP = r"\{((?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*)\}"


def breadth(text):
    """Estimate the width of a formula in letters of a line: fractions as their longer part, subscripts small."""
    while match := re.search(rf"\\frac{GROUP}{GROUP}", text):
        wider = max(match[1], match[2], key=breadth)
        text = text[: match.start()] + wider + text[match.end() :]
    text = re.sub(rf"\^{GROUP}(?=_)|\\(mathrm|text|left|right|mathcal|quad|,)(?![a-z])", "", text)
    small = re.findall(rf"[_^]{GROUP}", text)
    rest = re.sub(rf"[_^]{GROUP}", "", text)
    return sum(0.65 * letters(part) for part in small) + letters(rest)


def letters(text):
    return len(re.sub(r"[{}&\\ ]", "", re.sub(r"\\[a-zA-Z]+", "x", text)))


@pytest.mark.parametrize("name", [name for name in LIBRARY if library_kind(name).current is None])
def test_every_line_of_a_law_fits_the_page(name):
    law, mathematics = derive(library_kind(name)), Mathematics(Units(1.0))
    text = device_section(law, Conductance("none"), mathematics) + slope_section(law, mathematics)
    for block in re.findall(r"\\begin\{align\*\}(.*?)\\end\{align\*\}", text, re.DOTALL):
        for line in block.split("\\\\\n"):
            assert breadth(line) < 79, line  # letters of some 2.1 mm on 166 mm


def test_long_numerators_have_names():
    law, mathematics = derive(library_kind("anderson_dot")), Mathematics(Units(1.0))
    section = device_section(law, Conductance("none"), mathematics)
    assert r"\varphi_{\text{anderson\_dot}} &= \frac{\mathcal{N}}{Z}" in section
    slopes = slope_section(law, mathematics)
    assert r"\frac{\partial \mathcal{N}}{\partial \mathrm{left}} &= " in slopes
    assert r"- \frac{\frac{\partial Z}{\partial \mathrm{left}} \, \mathcal{N}}{Z^{2}}" in slopes


def test_long_sums_are_broken():
    terms = sympy.symbols("alpha_1:40", positive=True)
    lines = Mathematics(Units(1.0)).equation("Z", sympy.Add(*terms)).split("\\\\\n")
    assert len(lines) > 2
    assert lines[0].startswith("Z &= ")
    assert all(line.startswith(r"&\quad +") for line in lines[1:])
