"""Help, versions, and what is loaded to give them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import crncompile
from crncompile.cli.main import COMMANDS

HEAVY = {"sympy", "numpy", "scipy", "matplotlib", "pint", "lark", "networkx", "rich"}
TRAIN = ["train", "divider.tnet", "--data", "d.csv"]
FOLDER = Path(crncompile.__file__).parent / "cli" / "commands"


def test_every_command_has_its_module_and_every_module_its_command():
    assert {path.stem for path in FOLDER.glob("*.py")} - {"__init__"} == set(COMMANDS)


def test_the_program_lists_its_commands(crn):
    result = crn("--help")
    assert result.exit_code == 0
    assert all(f"  {name} " in result.output for name in COMMANDS)
    assert result.output.rstrip().split("\n")[-1].strip().startswith("crncompile ")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_an_example(crn, name):
    result = crn(name, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert result.output.rstrip().split("\n")[-1].strip().startswith(f"crncompile {name}")


def test_help_loads_nothing_heavy():
    code = f"""
import json, sys
from click.testing import CliRunner
from crncompile.cli.main import COMMANDS, cli
for words in (["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)):
    assert CliRunner().invoke(cli, words).exit_code == 0, words
print(json.dumps(sorted({HEAVY} & set(sys.modules))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_it_runs_as_a_module():
    words = [sys.executable, "-m", "crncompile", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == f"crncompile {crncompile.__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chek", "divider.tnet"], "there is no command chek; did you mean check?"),
        (["qqqqq"], "there is no command qqqqq; commands are check, compile, solve, simulate, train, "),
        (["check"], "Missing argument 'MODEL'"),
        (["check", "--verbos", "divider.tnet"], "No such option"),
        (["solve", "divider.tnet", "-o", "out.xlsx"], "must end in .csv or .npz"),
        (["solve", "divider.tnet", "--set", "x=0", "--plot", "a.png"], "needs several samples"),
        (["solve", "divider.tnet", "--sweep", "x=0:1:3", "--inputs", "a.csv"], "give one of them"),
        (["solve", "divider.tnet", "--sweep", "x=0:1:3", "--sweep", "z=0:1:3", "--plot", "a.png"], "along one --sweep"),
        (
            ["plot", "divider.tnet", "--what", "response", "--sweep", "x=0:1:3", "--sweep", "z=0:1:3", "-o", "a.png"],
            "along one --sweep",
        ),
        (["solve", "divider.tnet", "--set", "x=0", "-o", "-"], "name a file"),
        (["plot", "divider.tnet", "-o", "a.png"], "Missing option '--what'"),
        (["plot", "divider.tnet", "--what", "network", "--vary", "a=1", "-o", "a.png"], "are about --what device"),
        (["plot", "divider.tnet", "--what", "device", "--set", "x=1", "-o", "a.png"], "are about --what response"),
        (["train", "divider.tnet"], "Missing option '--data'"),
        (["devices", "--latex"], "name it"),
        (["devices", "resonant_dot", "--latex", "--source"], "--source prints the declaration alone"),
        (["devices", "resonant_dot", "--source", "--json"], "--source prints the declaration alone"),
        (["export", "divider.tnet", "--to", "latex", "-o", "x.pdf"], "x.pdf must end in .tex"),
        ([*TRAIN, "--nudge", "0.1"], "--nudge is about rules that measure, and adjoint is exact"),
        ([*TRAIN, "--force"], "--force is about rules that measure, and adjoint is exact"),
        ([*TRAIN, "--every", "5"], "--every goes with --checkpoint DIR"),
        ([*TRAIN, "--compare-rules", "-o", "p.npz"], "-o is about training, and --compare-rules does not train"),
        ([*TRAIN, "--compare-rules", "--rate", "0.1"], "--rate is about training"),
        ([*TRAIN, "--rate", "0.1", "--setting", "rate=0.2"], "--rate and --setting rate=0.2 both say what rate is"),
        ([*TRAIN, "--setting", "rate=0.1", "--setting", "rate=0.1"], "rate has a value already; give it one"),
    ],
)
def test_a_wrong_command_line_ends_with_2(crn, words, said):
    result = crn(*words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""
