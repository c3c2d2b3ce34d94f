import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from edge.doctor import FAILURE, OK, WARNING, Finding, examine, replay
from edge.manifest import Manifest
from edge.released import NAMES, released
from edge.runtime import open_model
from edge.settings import Settings
from edge.store import Store
from tests import tiny
from tests.painted import Alpr
from tests.passing import event

PICTURES = np.random.default_rng(3).integers(0, 255, (2, 4, 6, 3), dtype=np.uint8)


def tiny_zoo(folder: Path) -> None:
    """Four models of one operator under the released names, with their golden outputs."""
    made = tiny.release(folder, tiny.logistic())
    with open_model("tiny", device="cpu", zoo=folder) as model:
        real = np.concatenate([model(crop=picture)["squashed"] for picture in PICTURES])
    output = made.outputs[0]
    squashed = np.rint(real / output.scale + output.zero_point).astype(np.uint8)
    for name in NAMES:
        raw = json.loads((folder / "tiny.json").read_text()) | {"name": name}
        (folder / f"{name}.json").write_text(json.dumps(raw))
        np.savez_compressed(folder / f"{name}.golden.npz", in_crop=PICTURES, out_squashed=squashed)


def findings(folder: Path, **settings: object) -> dict[str, Finding]:
    chosen = Settings.load(None, store={"path": str(folder / "a.db")}, **settings)
    return {f.name: f for f in examine(chosen, sys_root=folder / "sys", zoo=folder)}


def test_models_that_compute_as_released_are_well(tmp_path: Path) -> None:
    tiny_zoo(tmp_path)
    found = findings(tmp_path)
    assert [found[f"model {name}"].level for name in NAMES] == [OK] * 4
    assert found["model reader"].message.endswith("computes as when released (0.000 steps)")
    assert replay("reader", str(tmp_path)) == pytest.approx(0)


def test_models_that_are_missing_damaged_or_compute_otherwise_are_failures(tmp_path: Path) -> None:
    tiny_zoo(tmp_path)
    (tmp_path / "detector.json").unlink()
    wrong = PICTURES[..., :1].repeat(3, axis=3)
    np.savez_compressed(tmp_path / "quality.golden.npz", in_crop=PICTURES, out_squashed=wrong)
    (tmp_path / "restorer.golden.npz").unlink()
    manifest = json.loads((tmp_path / "reader.json").read_text())
    manifest["sha256"] = hashlib.sha256(b"another").hexdigest()
    (tmp_path / "reader.json").write_text(json.dumps(manifest))
    found = findings(tmp_path)
    assert [found[f"model {name}"].level for name in NAMES] == [FAILURE, FAILURE, WARNING, FAILURE]
    assert "is not a model manifest" in found["model detector"].message
    assert "computes otherwise" in found["model quality"].message
    assert "no golden outputs" in found["model restorer"].message
    assert "ModelMismatch" in found["model reader"].message


@pytest.mark.parametrize(("device", "level"), [("cpu", OK), ("auto", WARNING), ("edgetpu", FAILURE)])
def test_a_missing_edge_tpu_is_as_bad_as_it_is_wanted(tmp_path: Path, device: str, level: int) -> None:
    assert findings(tmp_path, device=device)["edgetpu"].level == level


def test_a_coral_stick_is_found_by_its_usb_id(tmp_path: Path) -> None:
    stick = tmp_path / "sys" / "bus" / "usb" / "devices" / "2-1"
    stick.mkdir(parents=True)
    (stick / "idVendor").write_text("18d1\n")
    (stick / "idProduct").write_text("9302\n")
    assert findings(tmp_path)["edgetpu"].message.startswith(
        "Coral USB 18d1:9302 at 2-1, started, but no model"
    )
    assert findings(tmp_path, device="cpu")["edgetpu"].level == OK


def test_a_compiled_model_that_the_stick_does_not_run_is_a_failure(tmp_path: Path) -> None:
    apex = tmp_path / "sys" / "bus" / "usb" / "devices" / "1-1"
    apex.mkdir(parents=True)
    (apex / "idVendor").write_text("1a6e\n")
    (apex / "idProduct").write_text("089a\n")
    (tmp_path / "reader_edgetpu.tflite").write_bytes(tiny.compiled())
    found = findings(tmp_path)["edgetpu"]
    assert found.level == FAILURE
    assert found.message.startswith("Coral USB 1a6e:089a at 1-1, not yet started: ")


def test_a_hot_board_is_a_warning(tmp_path: Path) -> None:
    zone = tmp_path / "sys" / "class" / "thermal" / "thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("84321\n")
    assert findings(tmp_path)["temperature"].message == "84 degrees C in thermal_zone0"
    assert findings(tmp_path)["temperature"].level == WARNING


def test_a_weak_power_supply_is_a_warning(tmp_path: Path) -> None:
    assert "power" not in findings(tmp_path)
    firmware = tmp_path / "sys/devices/platform/soc/soc:firmware/get_throttled"
    firmware.parent.mkdir(parents=True)
    firmware.write_text("50000\n")
    assert findings(tmp_path)["power"].message == "under-voltage since the start, slowed down since the start."
    assert findings(tmp_path)["power"].level == WARNING


def test_a_camera_that_may_not_be_opened_is_a_warning(tmp_path: Path) -> None:
    camera = tmp_path / "sys" / "class" / "video4linux" / "video97"
    camera.mkdir(parents=True)
    (camera / "name").write_text("Gate\n")
    assert findings(tmp_path)["camera"].remedy == "Add the user to the group video."


def test_the_database_is_counted_or_its_trouble_told(tmp_path: Path) -> None:
    assert "does not exist yet" in findings(tmp_path)["database"].message
    with Store.open(tmp_path / "a.db") as store:
        store.add(event("51F12345"))
    assert findings(tmp_path)["database"].message.endswith("holds 0 vehicles and 1 events")
    with Store.open(tmp_path / "a.db") as store:
        store._connection.execute("PRAGMA user_version = 99")
    assert findings(tmp_path)["database"].level == FAILURE


def test_the_zoo_is_listed_with_hash_and_cost_and_a_damaged_file_is_told(tmp_path: Path) -> None:
    tiny_zoo(tmp_path)
    listed = released(tmp_path)
    assert [shape["name"] for shape in listed] == list(NAMES)
    assert all(shape["intact"] for shape in listed)
    assert listed[0]["bytes"] == (tmp_path / Manifest.load(tmp_path / "detector.json").file).stat().st_size
    (tmp_path / "tiny.tflite").write_bytes(b"damaged")
    assert not any(shape["intact"] for shape in released(tmp_path))


def test_the_doctor_ends_with_the_worst_finding(alpr: Alpr) -> None:
    ended = alpr("doctor", "--json")
    assert ended.code == max(finding["level"] for finding in ended.objects)
    assert {"board", "python", "runtime", "edgetpu", "disk", "clock"} <= {f["name"] for f in ended.objects}
    assert len(alpr("doctor").out.splitlines()) == len(ended.objects)
