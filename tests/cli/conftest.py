"""The command line as tests call it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from crncompile import search
from crncompile.cli.main import cli

MODELS = Path(__file__).parent / "models"


@pytest.fixture
def crn(tmp_path, monkeypatch):
    """Run a command in an empty folder; ``NAME.tnet`` is a model of this folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments):
        words = [str(MODELS / word) if (MODELS / str(word)).is_file() else str(word) for word in arguments]
        result = CliRunner().invoke(cli, words, prog_name="crncompile")
        assert "Traceback" not in result.output
        return result

    return run


@pytest.fixture
def hasty(monkeypatch):
    """Give up following a path soon: an oscillating network fails at once, with another message."""
    monkeypatch.setattr(search, "MOST_STEPS", 40)


@pytest.fixture
def clean():
    """Return a text without the folder of the models."""
    return lambda text: text.replace(f"{MODELS}/", "").strip()
