"""Each mistake has its golden text."""

import re

import pytest

from crncompile.errors import ModelError, Source
from crncompile.language.parser import parse
from crncompile.network.library import standard_library
from crncompile.network.resolve import resolve

from . import circuit_mistakes, mistakes

MISTAKES = mistakes.MISTAKES | circuit_mistakes.MISTAKES
WARNINGS = mistakes.WARNINGS | circuit_mistakes.WARNINGS


def told(text):
    with pytest.raises(ModelError) as caught:
        resolve(parse(Source("model.tnet", text)), standard_library())
    return caught.value.mistakes


@pytest.mark.parametrize("name", MISTAKES)
def test_message(name, golden):
    golden.check(f"network/{name}.txt", "\n".join(str(mistake) for mistake in told(MISTAKES[name])))


@pytest.mark.parametrize("name", WARNINGS)
def test_warning(name, golden):
    network = resolve(parse(Source("model.tnet", WARNINGS[name])), standard_library())
    golden.check(f"network/{name}.txt", "\n".join(str(warning) for warning in network.warnings))


def test_messages_hold_no_placeholders_and_no_library_of_another_name():
    for text in MISTAKES.values():
        for mistake in told(text):
            assert not re.search(r"None|<\w+ object|Token\(|sympy", mistake.message + mistake.hint)
            assert mistake.span.end >= mistake.span.start
