"""``crncompile bench``: what it measures and what it says; times themselves are not judged."""

import json
from itertools import pairwise

import pytest

from crncompile.backends import choice
from crncompile.cli import benchmark, machine
from crncompile.cli.commands import bench
from crncompile.compiler import check_source
from crncompile.errors import DataError, Source

FIXED = machine.Limits(2, 5.32e10, 1.08e11, 4.09e10, 1.12e9, 2.4e9)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The smallest networks, and a call for each time."""
    monkeypatch.setattr(benchmark, "SIZES", ((2, 3, 1),))
    monkeypatch.setattr(benchmark, "_LIMIT", 1e-3)
    monkeypatch.setattr(benchmark, "seconds_of", lambda function: function() is None or 1e-3)
    monkeypatch.setattr(machine, "limits", lambda: FIXED)


def test_every_network_is_measured(crn):
    result = crn("bench", "--backend", "numpy", "--json")
    assert result.exit_code == 0
    content = json.loads(result.stdout)
    assert [row["network"] for row in content["networks"]] == [
        f"{n.replace('_', ' ')} 2-3-1" for n in benchmark.NETWORKS
    ]
    assert content["machine"]["cores"] == 2
    assert (content["unable"], content["interrupted"]) == ({}, False)
    for row in content["networks"]:
        assert row["failed"] == 0
        assert row["residual"] < 1e-12
        assert 0 < row["compile"] < row["first"]
        assert row["tier"] in ("elementwise", "separable", "low rank", "elementwise, separable")


@pytest.mark.parametrize("name", benchmark.NETWORKS)
@pytest.mark.parametrize("sizes", [(1, 8, 1), (64, 32, 10), (784, 100, 10)])
def test_networks_have_the_sizes_asked_for(name, sizes):
    network = check_source(Source(name, benchmark.text(name, sizes)))
    assert tuple(group.shape for group in network.reservoirs if group.shape) == tuple((size,) for size in sizes)
    assert {family.shape for family in network.families if len(family.shape) == 2} == set(pairwise(sizes))


def row(network, backend, failed=0):
    figures = {"compile": 0.0486, "first": 0.0772, "state": 5.944e-4, "gradient": 2.12e-5, "residual": 4.5e-16}
    return benchmark.Figures(
        network=network, devices=25, backend=backend, tier="elementwise", batch=100, failed=failed, **figures
    )


def test_what_is_printed(crn, golden, monkeypatch):
    def measured(network, sizes, backend):
        if backend == "torch":
            raise DataError("the backend torch needs PyTorch: pip install torch")
        return row(benchmark.title(network, sizes), backend, failed=int(network == "gated_dots"))

    monkeypatch.setattr(choice, "names", lambda: ["numpy", "torch"])
    monkeypatch.setattr(benchmark, "figures", measured)
    result = crn("bench")
    assert result.exit_code == 0
    told = "\n".join(line.rstrip() for line in result.stdout.rstrip().split("\n"))
    golden.check("cli/bench.txt", f"{told}\n--- standard error\n{result.stderr.rstrip()}")


def test_no_name_is_broken(crn, monkeypatch):
    long = "gated dots of many channels, " * 5 + "784-100-10"
    monkeypatch.setattr(benchmark, "figures", lambda network, sizes, backend: row(long, backend))
    assert long in crn("bench", "--backend", "numpy").stdout


def test_a_backend_that_is_asked_for_must_run(crn):
    result = crn("bench", "--backend", "fortran")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "there is no backend fortran" in result.stderr
    assert json.loads(crn("bench", "--backend", "fortran", "--json").stdout)["ok"] is False


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_ctrl_c_shows_what_was_measured(crn, monkeypatch, form):
    def interrupted(network, sizes, backend):
        if network != "enzymes":
            raise KeyboardInterrupt
        return row(benchmark.title(network, sizes), backend)

    monkeypatch.setattr(benchmark, "figures", interrupted)
    result = crn("bench", "--backend", "numpy", *form)
    assert result.exit_code == 130
    assert "interrupted: this is what was measured until then" in result.stderr
    assert "enzymes 2-3-1" in result.stdout
    assert "gated dots" not in result.stdout
    if form:
        assert json.loads(result.stdout)["interrupted"] is True


def test_ctrl_c_before_anything_was_measured(crn, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(machine, "limits", interrupted)
    result = crn("bench")
    assert (result.exit_code, result.stdout) == (130, "")


def test_progress_is_told_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(bench.sys.stderr, "isatty", lambda: True, raising=False)
    bench._say("enzymes 1-8-1, numpy")
    assert "enzymes 1-8-1, numpy ..." in capsys.readouterr().err
    monkeypatch.setattr(bench.sys.stderr, "isatty", lambda: False, raising=False)
    bench._say("enzymes 1-8-1, numpy")
    assert capsys.readouterr().err == ""


def test_the_limits_of_a_machine_are_rates(monkeypatch):
    monkeypatch.undo()
    called = []
    monkeypatch.setattr(machine, "seconds_of", lambda function, *_: called.append(function()) or 0.5)
    found = machine.limits()
    assert len(called) == 5
    assert found.cores >= 1
    assert found.bytes == 2 * 8 * machine._LARGE / 0.5
    assert found.exp == found.division == machine._SMALL / 0.5
    assert found.flops == found.flops_single == 2 * 768**3 / 0.5


def test_seconds_are_the_median_of_the_quickest_of_each_round(monkeypatch):
    monkeypatch.undo()
    lasting, now = iter([4, 7, 3, 8, 12]), [0.0]
    monkeypatch.setattr(machine.time, "perf_counter", lambda: now[0])

    def work():
        now[0] += next(lasting)

    assert machine.seconds_of(work, budget=30, rounds=3) == 4
    assert next(lasting, None) is None
