"""Laying out a model changes nothing but its looks, and doing it twice changes nothing more."""

import dataclasses
import re
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from crncompile.errors import ModelError, Source, Span
from crncompile.language.format import WIDTH, formatted
from crncompile.language.layout import lexemes_of
from crncompile.language.parser import parse

REPOSITORY = Path(__file__).parents[2]
FILES = sorted(
    path for folder in ("models", "tests", "crncompile", "examples") for path in (REPOSITORY / folder).rglob("*.tnet")
)
OURS = [path for path in FILES if "library" not in path.parts and path.name != "mistaken.tnet"]


def bare(node):
    """Return a node without its places."""
    if dataclasses.is_dataclass(node) and not isinstance(node, Span | Source):
        fields = [f.name for f in dataclasses.fields(node) if "span" not in f.name and f.name != "source"]
        return (type(node).__name__, *(bare(getattr(node, name)) for name in fields))
    return tuple(map(bare, node)) if isinstance(node, tuple) else node


def comments(text):
    return [c for lexeme in lexemes_of(text) for c in (*lexeme.above, lexeme.behind) if c]


def check(text):
    once = formatted(Source("t", text))
    assert bare(parse(Source("t", once))) == bare(parse(Source("t", text)))
    assert comments(once) == comments(text)
    assert formatted(Source("t", once)) == once
    return once


def texts():
    good = []
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        try:
            parse(Source(path.name, text))
        except ModelError:
            continue
        good.append(pytest.param(text, id=path.relative_to(REPOSITORY).as_posix()))
    reference = (REPOSITORY / "grammars" / "README.md").read_text(encoding="utf-8")
    snippets = re.findall(r"```tnet\n(.*?)```", reference, re.DOTALL)
    return good + [pytest.param(text, id=f"snippet-{number}") for number, text in enumerate(snippets)]


TEXTS = texts()


@pytest.mark.parametrize("text", TEXTS)
def test_files_keep_their_meaning(text):
    for line in check(text).splitlines():
        assert line == line.rstrip()
        code = line.partition("#")[0].rstrip()
        assert len(code) <= WIDTH or not re.search(r"= \w+\(.*, ", code)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_our_own_files_are_laid_out(path):
    text = path.read_text(encoding="utf-8")
    assert formatted(Source(path.name, text)) == text, f"run crncompile fmt {path}"


GAPS = st.sampled_from(
    [" ", "  ", "\n", "\n\n\n", "\t", " # what for\n", "\n# why\n\n", "\r\n", "\n  #\n   # also\n", "\ufeff "]
)


@given(st.sampled_from([parameter.values[0] for parameter in TEXTS]), st.data())
@settings(max_examples=60)
def test_blanks_and_comments_anywhere(text, data):
    """Between any two tokens stands any blank or comment, where a blank may stand."""
    lexemes = lexemes_of(text)[:-1]
    parts = [data.draw(GAPS)]
    for lexeme in lexemes[:60]:
        if parts[-1].strip() in (":", "}") and data.draw(st.booleans()):
            parts.append(data.draw(GAPS))
        parts += [lexeme.text, " " if data.draw(st.integers(0, 3)) else data.draw(GAPS)]
    mangled = "".join(parts)
    try:
        parse(Source("t", mangled))
    except ModelError:
        return  # cut off in the middle of a statement
    check(mangled)


@given(st.sampled_from([parameter.values[0] for parameter in TEXTS]), st.data())
@settings(max_examples=40)
def test_how_it_was_laid_out_before_does_not_matter(text, data):
    """Without comments and line breaks inside statements, blanks decide nothing."""
    lexemes = lexemes_of(text)[:-1]
    wide = "".join(lexeme.text + data.draw(st.sampled_from([" ", "  ", "\t "])) for lexeme in lexemes)
    assert check(wide) == formatted(Source("t", " ".join(lexeme.text for lexeme in lexemes)))


MESSY = """# first
tnet   1


network messy "with  two  blanks"   # the title
temperature 100mK
index j=1 .. 4
index rail=1..2
reservoir x=input( range=[-3kT,3   kT] )
reservoir low   =fixed(at=-2 kT,)   # low

reservoir h[ j ]=floating(capacitance=10 pF)
parameter g=train 1kT^-1
parameter a_much_longer_name = - 2^-g*( 1+g )/3 - -g
dot a[j where j<4]:x->h[j+1]=resonant_dot(gamma_left=1 GHz,\
gamma_right=train loguniform(0.05 GHz,1 GHz)in[0.05 GHz,2 GHz] tolerance 1%,level=0kT)
dot bb[j]:h[j]->low gate h[1]
  = gated_dot(gamma_left=1 GHz,
 gamma_right= 1 GHz, # as wide
 level=0 kT, lever =
 0.5
 )
reaction r: 2 X+Y<->3X=mass_action(k=1 mM^-2/s,K_eq=1)
reaction out: X=>E=mass_action(k = 1 s^-1)
device d:s->t gate c{"A   text" terminal s,t,c:charge
   parameter v:volume>0
   # the arm
   parameter lever:number in[0,1]=0.5 # of the gate
   state empty state filled energy lever*c
   state more degeneracy 2

   transition enter:s+empty<->filled=tunnel(gamma=1 GHz)
   transition go:filled<->empty+t=tunnel(gamma=1 GHz)

}
readout z=g*h[1]
  +g*h[2]
# last
"""


def test_what_it_looks_like(golden):
    golden.check("format/messy.txt", check(MESSY))


@pytest.mark.parametrize("text", ["# nothing but a comment", "\ufeff# a\n\n\n# b", "tnet 1"])
def test_short_texts(text):
    check(text)


def test_a_point_behind_a_range_stays_a_number():
    assert "1.. .5" in check("index j = 1 .. .5")


def test_mistakes_are_told_as_ever():
    with pytest.raises(ModelError, match="begins no statement"):
        formatted(Source("t", "resrvoir y = output()"))
