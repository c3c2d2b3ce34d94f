"""The experiment with injected faults, in short; `python -m benchmarks.faults` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults import Report, inject
from edge.assembly import open_pipeline
from edge.bench.timing import percentile
from edge.records import Frame
from edge.settings import Settings
from tests import gate


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


@pytest.mark.parametrize(
    ("seen", "unseen", "told"),
    [(0.5, 0.0, ["1234"]), (0.0, 0.9, ["1234"]), (1.1, 0.0, ["1234", "5678"]), (0.0, 1.1, ["1234", "5678"])],
)
def test_a_vehicle_in_the_very_place_of_another_is_told_where_that_has_been_gone_for_a_second(
    tmp_path: Path, seen: float, unseen: float, told: list[str]
) -> None:
    """`seen`: seconds of frames in which nobody stands there; `unseen`: without a frame."""
    settings = Settings.load(None, device="cpu", tracking={"certain_confidence": 0.5})
    first, nobody, second = gate.picture(("1234", 12, 3)), gate.picture(), gate.picture(("5678", 12, 3))
    plates, now = [], 1000.0
    with open_pipeline(settings, zoo=gate.zoo(tmp_path / "zoo")) as pipeline:
        for image, frames, pause in ((first, 8, 0.0), (nobody, round(10 * seen), 0.0), (second, 8, unseen)):
            now += pause
            for _ in range(frames):
                now += 0.1
                plates += [event.plate for event in pipeline.process(Frame(image, "gate", 0, now))]
        plates += [event.plate for event in pipeline.finish()]
    assert plates == told
