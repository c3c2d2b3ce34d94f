"""The recorded benchmark: page, plot, reference and the estimate for the Edge TPU."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from benchmarks import estimate, latency, seed_file
from convert import check, flatbuffer
from edge.bench.reference import Reference
from edge.bench.report import PARTS, Report

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_holds_the_run_that_its_json_holds() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    recorded = json.loads((ROOT / "docs" / "benchmarks.json").read_text(encoding="utf-8"))
    assert recorded["taken"] in page and recorded["machine"]["processor"] in page
    for stage, title in PARTS.items():
        assert f"{title} | {recorded['stages'][stage]['p50']:.3f} |" in page.replace("**", "")
    assert "estimate: Pi 4, USB 3" in page


def test_every_reference_is_of_a_board_that_was_measured_and_compares_every_stage(report: Report) -> None:
    files = sorted((ROOT / "benchmarks" / "reference").glob("*.json"))
    assert [file.stem for file in files] == ["x86"]
    for file in files:
        reference = Reference.read(file)
        assert reference.board == file.stem and 0 < reference.tolerance < 1
        assert reference.ratios.keys() == report.ratios().keys()


def test_the_docs_are_written_with_table_plot_and_json(tmp_path: Path, report: Report) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Head\n\n{latency.BEGIN}\nold\n{latency.END}\ntail\n", encoding="utf-8")
    latency.document(tmp_path, report)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Head") and text.endswith("tail\n") and "\nold\n" not in text
    assert report.taken in text
    picture = cv2.imread(str(tmp_path / "benchmarks.png"))
    assert picture.shape[1] == 1100
    assert json.loads((tmp_path / "benchmarks.json").read_text())["ratios"] == report.ratios()
    with pytest.raises(SystemExit, match="has no lines"):
        latency.written("nothing", report)


def test_a_machine_without_a_reference_is_told_to_record_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], report: Report
) -> None:
    file = tmp_path / "x86.json"
    assert latency.compared(report, file) == 1
    assert "nobody has measured this board" in capsys.readouterr().err
    file.write_text(Reference.of(report).as_json(), encoding="utf-8")
    assert latency.compared(report, file) == 0
    impossible = dict.fromkeys(report.ratios(), 1e6)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"ratios": impossible}))
    assert latency.compared(report, file) == 1
    assert capsys.readouterr().err.count("suspiciously fast") == len(impossible)


def test_the_estimate_lies_where_the_published_model_puts_a_net_of_this_size() -> None:
    graph = flatbuffer.read(ROOT / "edge" / "bench" / "seed.tflite")
    x86, pi4, pi3 = (estimate.seconds(graph, host) for host in estimate.HOSTS)
    assert 0.65e-3 < x86[0] < x86[1] < 1.1e-3
    assert 2.5e-3 < pi4[0] < pi4[1] < 3.3e-3
    assert pi3[0] > pi4[1]
    assert "| seed | 27.5 | 0.30 ms |" in estimate.table({"seed": 0.3})


def test_the_seed_file_of_the_wheel_is_what_the_builder_makes_and_passes_the_gate() -> None:
    data, manifest = seed_file.made()
    made, kept = flatbuffer.parse(data), flatbuffer.read(ROOT / "edge" / "bench" / "seed.tflite")
    assert [(op.name, op.version, [t.shape for t in op.outputs]) for op in made.ops] == [
        (op.name, op.version, [t.shape for t in op.outputs]) for op in kept.ops
    ]
    assert (made.parameters, made.macs) == (kept.parameters, kept.macs) == (manifest.parameters, manifest.macs)
    assert check.check(kept).mapped
