"""Other programs, where they are installed."""

import os

import pytest


def missing(message):
    """Skip a test for want of another program, or fail it if CRNCOMPILE_REQUIRE_PEERS is set."""
    (pytest.fail if os.environ.get("CRNCOMPILE_REQUIRE_PEERS") else pytest.skip)(message)


@pytest.fixture(scope="session")
def roadrunner():
    try:
        import roadrunner as program
    except ImportError:
        missing("libRoadRunner is not installed: pip install crncompile[peers]")
    return program


@pytest.fixture(scope="session")
def jax():
    try:
        import jax as program
    except ImportError:
        missing("JAX is not installed: pip install crncompile[gpu]")
    return program


@pytest.fixture
def double(jax):
    """Let JAX calculate in 64 bits."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)
