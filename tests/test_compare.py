"""The report on what quantizing cost, with a fresh network that is converted for it, and the stick of software."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

import models
from convert import compare, package, quantize
from edge.runtime import open_model
from models import synth
from models.synth import view
from tests.test_edgetpu import stick, zoo  # noqa: F401


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Weights and a zoo of a QAM and a reader that were never trained."""
    folder = tmp_path_factory.mktemp("compared")
    weights, released = folder / "weights", folder / "zoo"
    weights.mkdir()
    for name in ("quality", "reader"):
        keras.utils.set_random_seed(5)
        net = models.build(name, batch_size=1)
        net.save_weights(weights / f"{name}.weights.h5")
        rows = quantize.calibration_rows(Path("convert/calibration") / f"{name}.csv")[:6]
        samples = quantize.collect(synth.calibration(name, rows))
        origin = package.Origin("fresh", "few", 6)
        data = quantize.quantize(net, samples)
        described = package.manifest(name, data, origin)
        package.write(package.release(data, described, net, samples, origin), released)
    return weights, released


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six rendered plates with labels, one of them unreadable."""
    folder = tmp_path_factory.mktemp("crops")
    lines = ["file,text"]
    for seed in range(6):
        sample = view.render(np.random.default_rng([3, seed]), weights=synth.SHARES, level=0.1)
        cv2.imwrite(str(folder / f"{seed}.png"), cv2.cvtColor(sample.crop, cv2.COLOR_RGB2BGR))
        lines.append(f"{seed}.png,{'###' if seed == 5 else sample.plate.text}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_float_and_uint8_differ_by_few_steps_and_read_alike(
    made: tuple[Path, Path], crops: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "NAMES", ("quality", "reader"))
    weights, released = made
    assert compare.main([str(crops), "--weights", str(weights), "--zoo", str(released)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("6 plates")
    rows = re.findall(r"^\| (\w+) \| (\w+) \| float – uint8 \| ([\d.]+) \| (\d+) \|$", said, re.MULTILINE)
    assert {(name, output) for name, output, _, _ in rows} == {
        ("quality", "degraded"), ("quality", "quality"), ("reader", "classes"), ("reader", "masks"),
    }  # fmt: skip
    assert all(float(mean) < 3 for *_, mean, _ in rows)
    assert "post-training quantization does" in said and "float 0.00%" in said


@pytest.mark.usefixtures("stick")
def test_the_edge_tpu_is_compared_where_the_models_are_compiled(zoo: Path) -> None:  # noqa: F811
    picture = [compare.Plate(np.full((40, 90, 3), 120, np.uint8), None)]
    for name in compare.NAMES:
        with open_model(name, device="cpu", zoo=zoo) as cpu, open_model(name, device="edgetpu", zoo=zoo) as tpu:
            found = compare.differences(cpu, tpu, cpu.manifest, picture)
        assert set(found) == {tensor.name for tensor in cpu.manifest.outputs}
        assert all(largest <= 1.01 for _, largest in found.values())


@pytest.mark.parametrize(("after", "well"), [(0.90, False), (0.947, True), (0.96, True), (None, True)])
def test_more_than_half_a_point_is_too_much(
    after: float | None, well: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare._told({"float": 0.95, "uint8": after}) is well
    assert ("fake quantization" in capsys.readouterr().out) is not well


def test_weights_of_another_network_are_an_error(
    made: tuple[Path, Path], crops: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare.main([str(crops), "--weights", str(crops), "--zoo", str(made[1])]) == 2
    assert "Train it: python -m models.train.quality" in capsys.readouterr().err
