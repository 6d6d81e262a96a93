"""Other programs, where they are installed."""

import os

import pytest


@pytest.fixture(scope="session")
def roadrunner():
    """Give libRoadRunner; without it its tests are skipped, or fail if CRNCOMPILE_REQUIRE_PEERS is set."""
    try:
        import roadrunner as program
    except ImportError:
        missing = pytest.fail if os.environ.get("CRNCOMPILE_REQUIRE_PEERS") else pytest.skip
        missing("libRoadRunner is not installed: pip install crncompile[peers]")
    return program
