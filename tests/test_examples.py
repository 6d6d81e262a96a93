"""Every example runs, says nothing on standard error, and prints what its docstring promises."""

import csv
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
PROMISED = {
    "01_resonant_dot_iv": r"largest difference from the formula: \d\.\de-(0[9]|1\d) GHz\n.*peak 0\.1\d+ GHz at 5",
    "02_solve_and_certificate": r"brusselator: settles\nbrusselator: .*X.*\n.*\n5 stable, residual <= \d\.\de-1\d",
    "03_train_sine": r"loss \d.* -> 0\.0\d+ after \d+ evaluations",
    "04_bistable_gates": r"from -4 kT: \[-5\.9 .*\]\nfrom \+4 kT: \[2\.\d+ .*\]\n7 stable",
    "05_closed_network_totals": (
        r"total of A, B, C = 7226568912\d\d.*\n.*0\.75 0\.75 0\.75.*\n(.*\n)*B / A and C / B: \[5\. 2\.\]"
    ),
    "06_other_optimisers": r"50 free .* slope (4\.040\d*), by finite differences \1\nL-BFGS-B: loss 1\.3\d -> 0\.0\d+",
}


def run(name, folder):
    environment = {**os.environ, "MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py")]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_table_names_all_examples():
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(PROMISED)


@pytest.mark.parametrize("name", PROMISED)
def test_example(name, tmp_path):
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40
    assert "What one learns" in text
    done = run(name, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(PROMISED[name], done.stdout), done.stdout
    drawn = re.findall(r"Draws (\S+\.png)", text)
    assert sorted(path.name for path in tmp_path.iterdir()) == drawn


def test_the_training_data_are_the_sine():
    with (EXAMPLES / "sine.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["x", "sin_x"]
    assert len(rows) == 101
    assert [float(y) for _, y in rows] == pytest.approx([math.sin(float(x)) for x, _ in rows], abs=1e-15)
    assert [float(x) for x, _ in rows] == pytest.approx([math.tau * k / 100 for k in range(101)], abs=1e-14)
