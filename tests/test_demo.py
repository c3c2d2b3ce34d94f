"""The demo's way with a painted clip; the bundled clip is read with the released models elsewhere."""

from pathlib import Path

import cv2
import pytest

from edge import demo
from edge.errors import BadInput
from tests.painted import HEADER, Alpr, clip


def test_the_demo_tells_the_vehicles_of_its_clip_and_draws_them(
    alpr: Alpr,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    clip(bundle / "clip.mjpeg")
    (bundle / "vehicles.csv").write_text(HEADER + "51F-123.45,Lan,,,allow,\n")
    monkeypatch.setattr(demo, "FOLDER", bundle)
    ended = alpr("demo")
    assert ended.code == 0
    first, second, last = ended.out.splitlines()
    assert "51F-123.45" in first
    assert first.endswith("Lan, allow")
    assert second.endswith("not in the registry")
    assert last == "The vehicles are drawn in demo-output/annotated.png"
    assert cv2.imread("demo-output/annotated.png").shape == (360, 1280, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "demo-output"]


def test_an_installation_without_the_clip_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "FOLDER", tmp_path)
    with pytest.raises(BadInput, match=r"holds no clip\. Reinstall"):
        demo.clip()
