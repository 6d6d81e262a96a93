"""The quick report: every program agrees with every other; ``-s`` shows the tables."""

import pytest

from tests.bench.report import measured, report

pytestmark = pytest.mark.bench


def test_programs_agree(shared, tmp_path, capsys):
    with capsys.disabled():
        wrong = report(measured(False, tmp_path), tmp_path)
    assert wrong == []
    assert (tmp_path / "report.png").stat().st_size > 10_000
