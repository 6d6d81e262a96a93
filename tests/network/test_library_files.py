"""The library is parsed statement by statement when it is asked: that is the same as parsing its files."""

from importlib import resources

import pytest

from crncompile.errors import Source
from crncompile.language import nodes
from crncompile.language.parser import parse
from crncompile.network.library import standard_library

FILES = sorted(
    (file for file in resources.files("crncompile").joinpath("library").iterdir() if file.name.endswith(".tnet")),
    key=lambda file: file.name,
)
KINDS = {nodes.Law: "laws", nodes.Device: "devices", nodes.Circuit: "circuits"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_statements_of_a_file_are_those_that_are_found_by_name(file):
    library = standard_library()
    sources = {
        node.span.source.name: node.span.source for known in (library.laws, library.devices) for node in known.values()
    }
    for statement in parse(sources[f"library/{file.name}"]).statements:
        found = getattr(library, KINDS[type(statement)])[statement.name]
        assert found == statement
        assert found is getattr(standard_library(), KINDS[type(statement)])[statement.name]


def test_no_more_is_found_than_the_files_declare():
    count = sum(len(parse(Source("l", file.read_text(encoding="utf-8"))).statements) for file in FILES)
    library = standard_library()
    assert len(library.laws) + len(library.devices) + len(library.circuits) == count
    assert "nobody" not in library.devices
