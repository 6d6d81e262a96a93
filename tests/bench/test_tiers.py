"""Networks of the size of MNIST in their tier and elementwise: how long a state and a gradient take."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("case", ["separable", "low_rank"])
def test_tiers(case, capsys):
    command = [sys.executable, str(Path(__file__).with_name("tiers.py")), case, "100"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    with capsys.disabled():
        for line in found:
            print("\n" + "  ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in line.items()))
    assert all(line["largest_difference"] <= 1e-9 for line in found)
    assert all(line["residual"] <= 1e-10 for line in found)
