import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import libedgetpu
from edge.attached import _state, cameras, edge_tpus
from edge.corals import HOST, attached
from edge.doctor import _clock, examine, replay
from edge.finding import FAILURE, OK, WARNING, Finding
from edge.manifest import Manifest
from edge.released import NAMES, released
from edge.runtime import open_model
from edge.settings import Filming, Settings
from edge.store import Store
from edge.vitals import vitals
from tests import gate, tiny
from tests.painted import Alpr
from tests.passing import event
from tests.read_only import NOBODY
from tests.stick import Stick, plugged_in

PICTURES = np.random.default_rng(3).integers(0, 255, (2, 4, 6, 3), dtype=np.uint8)


def tiny_zoo(folder: Path) -> None:
    """Five models of one operator under the released names, with their golden outputs."""
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
    return told(examine(chosen, root=folder, zoo=folder))


def told(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Findings by name; what is not well has a cause and a remedy, what is well has none."""
    found = list(findings)
    assert [f for f in found if f.level > OK and not (f.cause and f.remedy)] == []
    assert [f for f in found if f.level == OK and (f.cause or f.remedy)] == []
    return {f.name: f for f in found}


def tpus(folder: Path, device: str = "auto") -> dict[str, Finding]:
    return told(edge_tpus(Settings(device=device), folder, folder))


def put(root: Path, **files: str) -> None:
    """Files of the kernel: path with __ for slashes → text."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def plugged(root: Path, *, ids: str = "18d1:9302", speed: str = "5000", node: bool = True) -> None:
    """A Coral stick in a USB port."""
    port = root / "sys/bus/usb/devices/2-1"
    port.mkdir(parents=True, exist_ok=True)
    told = {"idVendor": ids[:4], "idProduct": ids[5:], "busnum": "2", "devnum": "7", "speed": speed}
    for name, text in told.items():
        (port / name).write_text(text + "\n")
    if node:
        put(root, dev__bus__usb__002__007="")


def test_models_that_compute_as_released_are_well(tmp_path: Path) -> None:
    tiny_zoo(tmp_path)
    found = findings(tmp_path)
    assert [found[f"model {name}"].level for name in NAMES] == [OK] * 5
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
    assert [found[f"model {name}"].level for name in NAMES] == [FAILURE, FAILURE, WARNING, FAILURE, OK]
    assert "is not a model manifest" in found["model detector"].cause
    assert "computes otherwise" in found["model quality"].message
    assert "golden outputs is missing" in found["model restorer"].cause
    assert "ModelMismatch" in found["model reader"].cause


@pytest.mark.parametrize(("device", "level"), [("cpu", OK), ("auto", WARNING), ("edgetpu", FAILURE)])
def test_a_missing_edge_tpu_is_as_bad_as_it_is_wanted(tmp_path: Path, device: str, level: int) -> None:
    found = tpus(tmp_path, device)
    assert found["edgetpu"].level == found["library"].level == level
    assert "libedgetpu.so.1 is" in found["library"].message + found["library"].cause


def test_board_and_system_are_named(tmp_path: Path) -> None:
    put(tmp_path, proc__meminfo="MemTotal: 3884148 kB\nMemAvailable: 3012345 kB")
    put(tmp_path, **{"etc__os-release": 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"'})
    (tmp_path / "proc/device-tree").mkdir()
    (tmp_path / "proc/device-tree/model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.5\0")
    found = told(vitals(tmp_path))
    assert found["board"].message.startswith("Raspberry Pi 4 Model B Rev 1.5, ")
    assert found["os"].message.startswith("Debian GNU/Linux 13 (trixie), Linux ")
    assert found["memory"].message == "2941 of 3793 MiB are free"
    put(tmp_path, proc__meminfo="MemTotal: 440000 kB\nMemAvailable: 200000 kB")
    assert told(vitals(tmp_path))["memory"].level == WARNING


def test_the_runtime_is_imported_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(tmp_path)["runtime"].message.endswith("; ai_edge_litert is used")
    (tmp_path / "site/ai_edge_litert").mkdir(parents=True)
    broken = tmp_path / "site/ai_edge_litert"
    (broken / "__init__.py").write_text("import os; os.abort()")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    found = findings(tmp_path)["runtime"]
    assert (found.level, found.cause) == (FAILURE, "it crashed with signal 6")


def test_a_coral_stick_is_found_by_its_usb_id_and_its_device_file_must_be_there(tmp_path: Path) -> None:
    plugged(tmp_path, ids="1a6e:089a", node=False)
    found = tpus(tmp_path)
    assert found["edgetpu"].message == "Coral USB 1a6e:089a at 2-1, not yet started."
    assert found["edgetpu"].cause == "It has no device file."
    plugged(tmp_path)
    assert tpus(tmp_path)["edgetpu"].message == "Coral USB 18d1:9302 at 2-1, started"
    assert tpus(tmp_path, "cpu")["edgetpu"].message.endswith("not used (device = cpu)")
    assert tpus(tmp_path)["inference"].cause == f"No model in {tmp_path} is compiled for the Edge TPU."


@pytest.mark.parametrize(("speed", "level"), [("5000", OK), ("10000", OK), ("480", WARNING), ("12", WARNING)])
def test_a_stick_in_a_slow_port_is_a_warning(tmp_path: Path, speed: str, level: int) -> None:
    plugged(tmp_path, speed=speed)
    assert tpus(tmp_path)["usb"].level == level


def test_a_stick_that_may_not_be_opened_needs_the_udev_rule() -> None:
    root = Path(tempfile.mkdtemp(prefix="edge-alpr-"))
    root.chmod(0o755)
    plugged(root)
    (root / "dev/bus/usb/002/007").chmod(0)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    try:
        (coral,) = attached(root)
        assert not coral.usable
        found = _state(coral, "auto", root)
    finally:
        if was_root:
            os.seteuid(0)
        shutil.rmtree(root)
    assert found.level == WARNING
    assert found.cause == f"The user may not open {root}/dev/bus/usb/002/007."
    assert "plugdev" in found.remedy


def test_a_camera_that_the_service_reads_is_left_to_it(tmp_path: Path) -> None:
    put(tmp_path, dev__video0="", proc__812__comm="edge-alpr", proc__813__comm="cheese")
    put(tmp_path, sys__class__video4linux__video0__name="USB camera")
    for process in ("812", "813"):
        (tmp_path / f"proc/{process}/fd").mkdir()
        (tmp_path / f"proc/{process}/fd/5").symlink_to("/dev/video0")
    found = told(cameras(Settings(camera=Filming(source="0")), tmp_path))
    assert found["picture"] == Finding("picture", OK, "/dev/video0 is being read by edge-alpr, process 812")
    (tmp_path / "proc/812/fd/5").unlink()
    assert "picture" not in told(cameras(Settings(camera=Filming(source="0")), tmp_path))


def test_a_stick_that_another_process_has_open_is_left_alone(tmp_path: Path) -> None:
    plugged(tmp_path)
    (tmp_path / "proc/4711/fd").mkdir(parents=True)
    (tmp_path / "proc/4711/fd/9").symlink_to("/dev/bus/usb/002/007")
    put(tmp_path, **{"reader_edgetpu.tflite": ""})
    found = tpus(tmp_path)
    assert found["edgetpu"].message.endswith("started, in use by process 4711")
    assert found["edgetpu"].level == OK
    assert "inference" not in found


def test_a_pci_coral_needs_its_driver(tmp_path: Path) -> None:
    place = tmp_path / "sys/bus/pci/devices/0000:01:00.0"
    place.mkdir(parents=True)
    (place / "vendor").write_text("0x1ac1\n")
    (place / "device").write_text("0x089a\n")
    found = tpus(tmp_path)["edgetpu"]
    assert found.message == "Coral PCI 1ac1:089a at 0000:01:00.0, driver missing."
    assert "gasket-dkms" in found.remedy
    (tmp_path / "sys/bus/pci/drivers/apex").mkdir(parents=True)
    (place / "driver").symlink_to(tmp_path / "sys/bus/pci/drivers/apex")
    assert tpus(tmp_path)["edgetpu"].cause == "It has no device file."
    put(tmp_path, dev__apex_0="")
    assert tpus(tmp_path)["edgetpu"].level == OK


@pytest.fixture
def stick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stick:
    """A stick that is plugged in, with models compiled for it and their golden outputs."""
    plugged(tmp_path)
    stick = plugged_in(tmp_path)
    monkeypatch.setattr(libedgetpu, "LIBRARY", stick.library)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(stick.folder))
    monkeypatch.setenv("STICK", str(stick.state))
    gate.zoo(tmp_path)
    for name in NAMES:
        remember(tmp_path, name)
    return stick


def remember(zoo: Path, name: str) -> None:
    """Golden outputs of a model, as convert would record them."""
    with open_model(name, device="cpu", zoo=zoo) as model:
        (given,) = model.manifest.inputs
        images = np.random.default_rng(3).integers(0, 255, (1, *given.shape[1:]), dtype=np.uint8)
        real = model(**{given.name: images})
        outputs = {
            f"out_{t.name}": np.rint(real[t.name] / t.scale + t.zero_point).astype(np.uint8)
            for t in model.manifest.outputs
        }
    np.savez_compressed(zoo / f"{name}.golden.npz", **{f"in_{given.name}": images}, **outputs)


@pytest.mark.usefixtures("stick")
def test_models_are_replayed_on_the_stick_as_well(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert found["library"].message == "libedgetpu.so.1 a stick of software"
    assert found["inference"].message == "2-1 runs detector_edgetpu.tflite"
    replayed = [found[f"model {name}{where}"] for name in NAMES for where in ("", " on the Edge TPU")]
    assert [one.level for one in replayed] == [OK] * 10


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        ("old", "crashes with this TFLite runtime"),
        ("abort", "crashes with this TFLite runtime"),
        ("hang", "did not answer within 3 seconds"),
        ("absent", "no stick is connected"),
        ("forbidden", "permission denied"),
    ],
)
def test_a_stick_that_does_not_run_a_model_leaves_the_doctor_alive(
    tmp_path: Path, stick: Stick, monkeypatch: pytest.MonkeyPatch, state: str, cause: str
) -> None:
    monkeypatch.setattr(libedgetpu, "PROBE_SECONDS", 3 if state == "hang" else 60)
    stick.become(state)
    found = tpus(tmp_path, "edgetpu")
    assert found["inference"].level == FAILURE
    assert cause in found["inference"].cause


@pytest.mark.parametrize(
    ("version", "level"), [("16.0TF2.19.1-1", OK), ("16.0TF2.17.1-1.bookworm", OK), ("16.0", FAILURE)]
)
@pytest.mark.usefixtures("stick")
def test_a_library_that_does_not_belong_to_the_runtime_is_told_by_its_package(
    tmp_path: Path, version: str, level: int
) -> None:
    package = f"Package: libedgetpu1-std\nStatus: install ok installed\nVersion: {version}"
    put(tmp_path, var__lib__dpkg__status=f"Package: bash\nStatus: install ok installed\nVersion: 5\n\n{package}")
    found = tpus(tmp_path, "edgetpu")["library"]
    assert found.level == level
    assert f"package {version}" in found.message


def test_the_impostor_under_the_name_of_pycoral_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "pycoral" not in tpus(tmp_path)
    (tmp_path / "site/pycoral").mkdir(parents=True)
    (tmp_path / "site/pycoral/__init__.py").write_text("raise SystemExit('an atlas of corals')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert tpus(tmp_path)["pycoral"].remedy == "Run pip uninstall pycoral."


def test_a_hot_board_is_a_warning(tmp_path: Path) -> None:
    put(tmp_path, sys__class__thermal__thermal_zone0__temp="84321")
    assert told(vitals(tmp_path))["temperature"].message == "84 degrees C in thermal_zone0."
    assert told(vitals(tmp_path))["temperature"].level == WARNING


@pytest.mark.parametrize(
    ("bits", "level", "message"),
    [
        ("50000", WARNING, "under-voltage since the start, slowed down since the start."),
        ("50005", FAILURE, "under-voltage, slowed down."),
        ("8", WARNING, "at its soft temperature limit."),
    ],
)
def test_power_and_throttling_are_told(tmp_path: Path, bits: str, level: int, message: str) -> None:
    assert "power" not in told(vitals(tmp_path))
    put(tmp_path, **{"sys__devices__platform__soc__soc:firmware__get_throttled": bits})
    found = told(vitals(tmp_path))["power"]
    assert (found.level, found.message) == (level, message)


def test_a_camera_that_may_not_be_opened_is_a_warning(tmp_path: Path) -> None:
    put(tmp_path, sys__class__video4linux__video97__name="Gate")
    assert "group video" in told(cameras(Settings(), tmp_path))["camera"].cause
    put(tmp_path, dev__video97="")
    assert told(cameras(Settings(), tmp_path))["camera"].message == "/dev/video97: Gate"


def test_the_source_of_the_settings_is_asked_for_a_picture(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "gate.png"), np.zeros((40, 60, 3), np.uint8))
    for source, level, words in [("gate.png", OK, "gives 60x40"), ("none.png", FAILURE, "gives no picture")]:
        settings = Settings.load(None, camera={"source": str(tmp_path / source)})
        found = list(cameras(settings, HOST))[-1]
        assert (found.name, found.level) == ("picture", level)
        assert words in found.message
    assert found.cause.startswith("There is no file or folder")


def test_a_clock_that_nobody_has_set_is_told(tmp_path: Path) -> None:
    assert _clock(1000.0, tmp_path).level == FAILURE
    put(tmp_path, run__systemd__timesync__synchronized="")
    assert _clock(1.8e9, tmp_path).level == OK


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
