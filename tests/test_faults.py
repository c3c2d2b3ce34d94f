"""The experiment with injected faults, in short; `python -m benchmarks.faults` is the long one."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faults import Report, inject
from edge.bench.timing import percentile


def test_every_vehicle_is_logged_once_through_six_faults(tmp_path: Path) -> None:
    report = inject(tmp_path, 6, seed=4)
    assert report.well, report
    assert report.expected == report.stored == 6
    assert sum(len(outages) for outages in report.outages.values()) == 6
    assert report.restarts["crash"] + report.restarts["hang"] == 6
    assert report.tpu_fallbacks >= 1


def test_the_report_is_a_table_of_medians_and_percentiles() -> None:
    report = Report(3, 3, 3, outages={"abort": [1.0, 2.0], "hang": [4.0]})
    assert report.well
    assert "| abort | 2 | 1.50 | 2.00 | 2.00 |" in report.table()
    assert "| all | 3 | 2.00 | 4.00 | 4.00 |" in report.table()
    assert "Events expected 3, stored 3: 0 missing, 0 twice, 0 misread." in report.table()
    assert percentile(list(range(100)), 0.95) == 95
    assert not Report(1, 1, 2, twice=["1234"]).well
