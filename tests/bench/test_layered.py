"""Layered networks of enzymes with parameters of their own on every edge: how long, and whether it is right."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("case", ["A", "B", "C"])
def test_layered_enzymes(case, shared, capsys):
    """In a fresh process: from the text and the arrays to the first certified state, then a batch."""
    command = [sys.executable, str(Path(__file__).with_name("layered.py")), case, str(shared / "bench")]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    with capsys.disabled():
        print(
            "\n"
            + "  ".join(
                f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in found.items()
            )
        )
    assert found["first_certified"]
    assert found["largest_residual"] <= 1e-10
    assert found["largest_difference"] <= 1e-8
