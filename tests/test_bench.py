"""The benchmark measures the real models on the bundled clip; what it says is checked, not how long it took."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.bench.loads import PLATE_RATES, RESTORE_RATES, STAY, Routed, stream
from edge.bench.machine import kind, machine, peak_memory, spent
from edge.bench.reference import Reference, deviations
from edge.bench.report import PARTS, Report, markdown
from edge.bench.stages import HERE, Kit, open_kit, scenes
from edge.bench.timing import figures, in_turn
from edge.cli import main
from edge.detector import Detector
from edge.errors import BadInput, BadSettings, EdgeError
from edge.image import rectify
from edge.records import Detection, PlateCrop
from edge.settings import Detecting, Settings
from tests.conftest import BENCH_ROUNDS


@pytest.fixture(scope="module")
def kit() -> Iterator[Kit]:
    with open_kit(Settings(device="cpu")) as opened:
        yield opened


def test_every_stage_is_measured_and_told_beside_the_seed_net(report: Report) -> None:
    assert set(report.stages) == set(PARTS)
    for taken in report.stages.values():
        assert taken.count == BENCH_ROUNDS
        assert 0 < taken.p50 <= taken.p95 <= taken.p99
    assert report.ratio("seed") == 1.0
    assert report.ratio("detector") > report.ratio("quality")
    text = markdown(report)
    assert all(f"| {title} |" in text or f"| **{title}** |" in text for title in PARTS.values())
    assert text.count("×") >= len(PARTS) - 1


def test_a_frame_is_measured_at_every_plate_and_restore_rate(report: Report) -> None:
    pairs = [(load.plate_rate, load.restore_rate) for load in report.loads]
    assert pairs == [(0, 0), *((p, r) for p in PLATE_RATES[1:] for r in RESTORE_RATES)]
    assert PLATE_RATES == (0, 0.2, 0.5, 1.0) and RESTORE_RATES == (0, 0.3, 1.0)
    for load in report.loads:
        assert 0 < load.host_share < 1 and load.per_second > 0 and load.cpu_share > 0
        assert (load.looks > 0) == (load.events > 0) == (load.plate_rate > 0)
        assert load.restored == (0 if load.restore_rate == 0 else int(load.looks * load.restore_rate))


def test_memory_start_and_machine_are_part_of_the_report(report: Report) -> None:
    told = json.loads(report.as_json())
    assert 20 < told["run"]["memory"] < 150  # MiB; a bound of the product, whatever the machine
    assert 0 < told["start"]["cpu"] < told["run"]["cpu"] + 5
    assert told["machine"]["kind"] and told["machine"]["processor"] and told["machine"]["cores"] >= 1
    assert set(told["heat"]) == {"before", "after", "troubles"}
    assert set(told["devices"]) == {"detector", "quality", "restorer", "reader", "wide_reader", "seed"}
    assert told["ratios"]["reader"] == report.ratio("reader")


def test_the_seed_net_of_the_wheel_costs_what_the_paper_says(kit: Kit) -> None:
    manifest = kit.models["seed"].manifest
    assert (manifest.parameters, round(manifest.macs / 1e6, 2)) == (198_050, 27.54)
    assert (HERE / manifest.file).stat().st_size < 310_000


def test_the_clip_gives_runs_with_a_vehicle_and_frames_without(kit: Kit) -> None:
    made = scenes(kit, STAY)
    assert len(made.vehicles) >= 3 and all(len(run) == STAY for run in made.vehicles)
    assert all(kit.detector.detect(frame.image) for run in made.vehicles for frame in run)
    assert made.empty and not any(kit.detector.detect(frame.image) for frame in made.empty)


@pytest.mark.parametrize(("rate", "share"), [(0.2, 0.2), (0.5, 0.5), (1.0, 1.0), (0.0, 0.0)])
def test_a_stream_has_vehicles_in_that_share_of_its_frames(kit: Kit, rate: float, share: float) -> None:
    made = scenes(kit, STAY)
    standing = {id(frame.image) for run in made.vehicles for frame in run}
    shown = list(stream(made, rate, 4))
    assert np.mean([id(frame.image) in standing for frame in shown]) == pytest.approx(share)
    times = np.diff([frame.time for frame in shown])
    assert (times > 0).all() and (times > 10).sum() == 3  # the next vehicle is never the one before


@pytest.mark.parametrize(("rate", "restored"), [(0.0, 0), (0.3, 3), (1.0, 10)])
def test_the_router_sends_a_fixed_share_to_the_restorer(kit: Kit, rate: float, restored: int) -> None:
    frame, plate = scenes(kit, STAY).plate
    router = Routed(kit, rate)
    crop = PlateCrop(rectify(frame.image, plate.box), plate)
    verdicts = [router.assess(crop).degraded for _ in range(10)]
    assert sum(verdicts) == router.restored == restored
    assert router.assess(crop).score == kit.assessor.assess(crop).score


def test_a_clip_without_vehicles_is_an_error_that_says_what_to_do(kit: Kit) -> None:
    detector = Detector(kit.models["detector"], Detecting(threshold=1.0))
    blind = replace(kit, detector=detector)
    with pytest.raises(BadInput, match="see no vehicles in the bundled clip"):
        scenes(blind, STAY)


def test_a_clip_in_which_no_frame_is_empty_is_an_error_that_says_so(kit: Kit) -> None:
    class Fanciful:
        def detect(self, image: np.ndarray) -> list[Detection]:
            return [Detection.whole(image)]

    with pytest.raises(BadInput, match="see a vehicle in every frame"):
        scenes(replace(kit, detector=Fanciful()), STAY)  # type: ignore[arg-type]


def test_stages_are_called_equally_often_and_in_changing_order() -> None:
    calls: list[str] = []
    taken = in_turn({name: lambda name=name: calls.append(name) for name in "abc"}, 20)  # type: ignore[misc]
    assert {name: taken[name].count for name in taken} == {"a": 20, "b": 20, "c": 20}
    assert {tuple(calls[i : i + 3]) for i in range(0, len(calls), 3)} >= {("a", "b", "c"), ("c", "b", "a")}


def test_what_is_timed_warm_is_called_twice_and_counted_once() -> None:
    calls: list[str] = []
    stages = {name: lambda name=name: calls.append(name) for name in "ab"}  # type: ignore[misc]
    taken = in_turn(stages, 5, warm="b")
    assert taken["a"].count == taken["b"].count == 5
    assert calls.count("b") == 2 * calls.count("a")


def test_percentiles_are_of_the_calls() -> None:
    taken = figures([i / 1000 for i in range(1, 101)], [0.001] * 100)
    assert (taken.p50, taken.p95, taken.p99, taken.mean, taken.cpu) == (51.0, 96.0, 100.0, 50.5, 1.0)


@pytest.mark.parametrize(
    ("model", "processor", "short"),
    [
        ("Raspberry Pi 3 Model B Plus Rev 1.3", "aarch64", "pi3"),
        ("Raspberry Pi 4 Model B Rev 1.4", "aarch64", "pi4"),
        ("Raspberry Pi 5 Model B Rev 1.0", "aarch64", "pi5"),
        ("Raspberry Pi Compute Module 4 Rev 1.1", "aarch64", "cm4"),
        ("Freescale i.MX8MQ Phanbell", "aarch64", "coral-dev-board"),
        ("a computer", "x86_64", "x86"),
        ("Radxa ROCK 5B", "aarch64", "aarch64"),
    ],
)
def test_a_board_is_known_by_its_device_tree(model: str, processor: str, short: str) -> None:
    assert kind(model, processor) == short


def test_this_machine_tells_its_own_device_tree(tmp_path: Path) -> None:
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    (tmp_path / "proc/cpuinfo").write_text("processor\t: 0\nmodel name\t: ARMv8 Processor rev 3\n")
    found = machine(tmp_path)
    assert (found.kind, found.processor) == ("pi4", "ARMv8 Processor rev 3")
    assert found.runtime.split()[0] in ("ai_edge_litert", "tflite_runtime")


def test_what_a_process_cost_is_its_own_memory_and_time() -> None:
    small = spent("x = bytearray(1)")
    large = spent("x = bytearray(b'1') * (200 << 20)")
    assert 180 < large.memory - small.memory < 220
    assert 0 < small.cpu < 60 and small.seconds > 0
    assert peak_memory() > 0
    with pytest.raises(EdgeError, match=r"broke: ZeroDivisionError"):
        spent("1 / 0")


def test_a_reference_that_a_run_recorded_is_kept_by_that_run(report: Report, tmp_path: Path) -> None:
    file = tmp_path / "x86.json"
    file.write_text(Reference.of(report).as_json(), encoding="utf-8")
    assert deviations(report, Reference.read(file)) == []


def test_slower_and_suspiciously_faster_stages_and_missing_ones_are_told(report: Report) -> None:
    reference = Reference.of(report)
    ratios = reference.ratios
    changed = ratios | {"reader": ratios["reader"] / 2, "detector": ratios["detector"] * 2, "lidar": 1.0}
    off = deviations(report, replace(reference, ratios=changed))
    assert [line.split(":")[0] for line in off] == [
        "detector is suspiciously fast", "reader is too slow", "lidar was not measured.",
    ]  # fmt: skip


def test_a_reference_of_another_board_is_no_reference(report: Report) -> None:
    (told,) = deviations(report, replace(Reference.of(report), board="pi4"))
    assert told.startswith("The reference is of another board: pi4")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"board": 1, "taken": "", "tolerance": "x", "ratios": {}}'])
def test_a_file_that_is_no_reference_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(BadInput, match="is no reference"):
        Reference.read(tmp_path / "r.json")


def test_the_command_prints_json_and_says_with_its_exit_code_what_is_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], report: Report, caplog: pytest.LogCaptureFixture
) -> None:
    impossible = replace(Reference.of(report), ratios={"detector": 1000.0})
    (tmp_path / "r.json").write_text(impossible.as_json())
    code = main(["bench", "--rounds", "1", "--device", "cpu", "--json", "--against", str(tmp_path / "r.json")])
    assert code == 1
    assert "detector is suspiciously fast" in caplog.text
    assert set(json.loads(capsys.readouterr().out)["stages"]) == set(PARTS)


def test_no_rounds_and_no_reference_are_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--rounds", "0"]) == BadSettings.exit_code
    assert main(["bench", "--against", str(tmp_path / "none.json")]) == BadInput.exit_code
    assert "measures nothing" in (said := capsys.readouterr().err) and "is no reference" in said
