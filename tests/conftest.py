"""Options and fixtures of all tests."""

import os
from pathlib import Path

import hypothesis
import pytest
from golden import Golden

TESTS = Path(__file__).parent

# the same examples in every run, and no timing
hypothesis.settings.register_profile("deterministic", derandomize=True, deadline=None, print_blob=False)
hypothesis.settings.load_profile("deterministic")


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")
    parser.addoption("--bench", action="store_true", help="run the tests marked bench too")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--bench"):
        return
    for item in items:
        if item.get_closest_marker("bench"):
            item.add_marker(pytest.mark.skip(reason="measures speed or quality: run with --bench"))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Keep nothing in the cache of whoever runs the tests, and find nothing there."""
    os.environ["CRNCOMPILE_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def golden(request):
    """Compare a text with ``tests/golden/NAME``."""
    return Golden(TESTS / "golden", request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def shared():
    """Give the folder of models and data that is handed round beside the repository.

    Where it is missing its tests are skipped, or fail if CRNCOMPILE_REQUIRE_SHARED is set.
    """
    folder = TESTS.parent.parent / "shared"
    if not folder.is_dir():
        missing = pytest.fail if os.environ.get("CRNCOMPILE_REQUIRE_SHARED") else pytest.skip
        missing("the folder shared/ does not stand beside this repository")
    return folder
