"""Backends that can not run everywhere."""

import importlib
import os

import pytest

from crncompile.backends import c_library, choice
from crncompile.errors import DataError


def missing(name):
    """Return why a backend can not run here, or nothing."""
    try:
        importlib.import_module(f"crncompile.backends.{name}_backend")
        if name == "c":
            c_library.compiler()
    except DataError as error:
        return str(error)
    return ""


def need(name):
    """Skip in words where a backend can not run; for jax, fail if CRNCOMPILE_REQUIRE_PEERS is set."""
    why = missing(name)
    if why and name == "jax" and os.environ.get("CRNCOMPILE_REQUIRE_PEERS"):
        pytest.fail(why)
    if why:
        pytest.skip(why)


@pytest.fixture(autouse=True)
def _can_run(request):
    """Look whether the backend that a test is called with can run."""
    name = request.node.callspec.params.get("name") if hasattr(request.node, "callspec") else None
    if name in choice.names():
        need(name)


@pytest.fixture
def compiler():
    """Skip in words where there is no C compiler."""
    need("c")


@pytest.fixture
def jax():
    """Give the module jax."""
    need("jax")
    return importlib.import_module("jax")
