"""The on-device path over the runtime's real delegate loader, with a stick of software in the place of the Edge TPU."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge import corals, libedgetpu, runtime
from edge.assembly import open_pipeline
from edge.errors import DeviceError, ModelMismatch
from edge.runtime import open_model
from edge.settings import Settings
from tests import gate
from tests.stick import Stick, plugged_in

PICTURE = gate.picture(("1234", 12, 3), ("9070", 30, 20))
RUN = """
import sys
from edge.runtime import open_model
from tests.gate import picture
from pathlib import Path
with open_model("detector", device="edgetpu", zoo=Path(sys.argv[1])) as model:
    for number in range(5):
        print(number, round(float(model(image=picture(("1234", 12, 3)))["heat"].max()), 2), flush=True)
"""


@pytest.fixture
def stick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stick]:
    stick = plugged_in(tmp_path)
    monkeypatch.setattr(libedgetpu, "LIBRARY", stick.library)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(stick.folder))
    monkeypatch.setenv("STICK", str(stick.state))
    runtime._delegate.cache_clear()
    runtime._proven.clear()
    yield stick
    runtime._delegate.cache_clear()
    runtime._proven.clear()


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    return gate.zoo(tmp_path / "zoo")


@pytest.mark.usefixtures("stick")
@pytest.mark.parametrize("device", ["auto", "edgetpu", "usb", "usb:0", "pci:0"])
def test_every_model_computes_on_the_stick_what_it_computes_on_the_cpu(zoo: Path, device: str) -> None:
    crop, wide = PICTURE[40:104, 36:164], PICTURE[40:104, 36:292]
    compared = 0
    given_to = {"detector": PICTURE, "quality": crop, "restorer": crop, "reader": crop, "wide_reader": wide}
    for name, given in given_to.items():
        with open_model(name, device=device, zoo=zoo) as tpu, open_model(name, device="cpu", zoo=zoo) as cpu:
            assert tpu.device == ("edgetpu" if device == "auto" else device)
            assert cpu.device == "cpu"
            (taken,) = cpu.manifest.inputs
            wanted, found = cpu(**{taken.name: given}), tpu(**{taken.name: given})
        for tensor in cpu.manifest.outputs:
            np.testing.assert_allclose(found[tensor.name], wanted[tensor.name], atol=2.01 * tensor.scale)
            compared += 1
    assert compared == 11


@pytest.mark.usefixtures("stick")
@pytest.mark.parametrize("device", ["cpu", "edgetpu"])
def test_plates_are_read_on_either_device(zoo: Path, device: str) -> None:
    whole = {"thorough": False}  # the painted networks know plates of one size
    with open_pipeline(Settings.load(None, device=device, detection=whole), zoo=zoo) as pipeline:
        looks = pipeline.read_image(PICTURE)
    assert sorted(look.reading.text for look in looks) == ["1234", "9070"]


def test_a_slow_stick_only_takes_longer(zoo: Path, stick: Stick) -> None:
    stick.become("slow 20")
    with open_model("quality", device="edgetpu", zoo=zoo) as model:
        quality = model(crop=np.zeros((64, 128, 3), np.uint8))["quality"]
    assert quality.item() == pytest.approx(0.8, abs=1 / 256)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("absent", r"cannot be used \(no stick is connected\)\. None is attached .*Plug it in"),
        ("forbidden", r"permission denied\)"),
        ("old", r"crashes with this TFLite runtime .*built for TensorFlow 2.16 or newer"),
        ("abort", r"crashes with this TFLite runtime \(signal 6\)"),
        ("hang", r"did not answer within 3 seconds"),
    ],
)
def test_a_stick_that_cannot_be_used_is_refused_with_the_reason_and_auto_takes_the_cpu(
    zoo: Path, stick: Stick, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, state: str, message: str
) -> None:
    monkeypatch.setattr(libedgetpu, "PROBE_SECONDS", 3 if state == "hang" else 60)
    stick.become(state)
    with pytest.raises(DeviceError, match=message):
        open_model("quality", device="edgetpu", zoo=zoo)
    with caplog.at_level(logging.INFO), open_model("quality", zoo=zoo) as model:
        assert model.device == "cpu"
        assert model.reason is not None
        assert model.reason in caplog.text


@pytest.mark.usefixtures("stick")
@pytest.mark.parametrize("device", ["usb:1", "pci:3"])
def test_a_second_stick_that_is_not_there_is_refused(zoo: Path, device: str) -> None:
    with pytest.raises(DeviceError, match=f"{device}.*there is only one stick"):
        open_model("quality", device=device, zoo=zoo)


@pytest.mark.usefixtures("stick")
def test_the_kernel_says_whether_the_user_may_open_the_stick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = tmp_path / "sys/bus/usb/devices/2-1"
    port.mkdir(parents=True)
    for name, text in {"idVendor": "1a6e", "idProduct": "089a", "busnum": "2", "devnum": "7", "speed": "5000"}.items():
        (port / name).write_text(text + "\n")
    monkeypatch.setattr(runtime, "attached", lambda: corals.attached(tmp_path))
    assert "You may not open" in runtime._remedy()
    assert "dev/bus/usb/002/007" in runtime._remedy()
    (tmp_path / "dev/bus/usb/002").mkdir(parents=True)
    (tmp_path / "dev/bus/usb/002/007").write_bytes(b"")
    assert "another program may be using it" in runtime._remedy()


def test_an_abort_in_the_middle_takes_the_process_with_it_and_nothing_else(zoo: Path, stick: Stick) -> None:
    stick.become("abort 3")
    command = [sys.executable, "-c", RUN, str(zoo)]
    done = subprocess.run(command, env=stick.environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["0", "1.0", "1", "1.0", "2", "1.0"]
    assert done.returncode == -6
    stick.become("healthy")
    done = subprocess.run(command, env=stick.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 5


def test_a_changed_compiled_file_is_refused_before_it_reaches_the_stick(zoo: Path, stick: Stick) -> None:
    stick.become("abort")  # would end this process
    with (zoo / "quality_edgetpu.tflite").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelMismatch, match="not the file its manifest describes"):
        open_model("quality", device="edgetpu", zoo=zoo)


@pytest.mark.usefixtures("stick")
def test_only_the_first_model_of_a_process_is_probed(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probed: list[str] = []
    monkeypatch.setattr(libedgetpu, "probe", lambda file, device: probed.append(file.name))
    for name in ("detector", "quality", "reader"):
        open_model(name, device="edgetpu", zoo=zoo).close()
    assert probed == ["detector_edgetpu.tflite"]


CORAL = """
from ai_edge_litert.interpreter import load_delegate
def load_edgetpu_delegate(options=None):
    print("pycoral loads", options)
    return load_delegate("libedgetpu.so.1", options)
"""


def board(folder: Path, **packages: str) -> Path:
    """A folder of installed packages: path (dots for slashes) → source."""
    for name, source in packages.items():
        file = folder.joinpath(*name.split("__")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        for package in (file.parent, *file.parent.parents):
            if package == folder:
                break
            (package / "__init__.py").touch()
        file.write_text(source)
    return folder


TFLITE = "from ai_edge_litert.interpreter import *\nfrom ai_edge_litert.interpreter import Interpreter, load_delegate\n"


def opened(stick: Stick, zoo: Path, installed: Path, interpreters: str) -> tuple[str, str]:
    """What a process with these packages says when it opens a model on the stick."""
    code = (
        "import logging, sys; from pathlib import Path; from edge import runtime; logging.basicConfig();"
        f"runtime.INTERPRETERS = {interpreters!r},; print(runtime._library().__name__, runtime.coral_library());"
        "print(runtime.open_model('quality', device='usb:0', zoo=Path(sys.argv[1])).device)"
    )
    environment = {**stick.environment, "PYTHONPATH": f"{installed}:{Path(__file__).parents[1]}"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(zoo)], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr


def test_corals_own_pycoral_is_used_where_it_is_installed(zoo: Path, stick: Stick, tmp_path: Path) -> None:
    installed = board(tmp_path / "site", tflite_runtime__interpreter=TFLITE, pycoral__utils__edgetpu=CORAL)
    out, _ = opened(stick, zoo, installed, "tflite_runtime.interpreter")
    assert out.splitlines() == [
        "tflite_runtime.interpreter coral",
        "pycoral loads {'device': 'usb:0'}",
        "usb:0",
    ]


@pytest.mark.parametrize(
    ("blocked", "used"), [((), "ai_edge_litert"), (("ai_edge_litert",), "tflite_runtime")], ids=["both", "one"]
)
def test_litert_is_used_first_and_tflite_runtime_where_it_is_what_a_board_has(
    tmp_path: Path, blocked: tuple[str, ...], used: str
) -> None:
    installed = board(tmp_path / "site", tflite_runtime__interpreter="version = '2.14.0'\n")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({blocked!r}));"
        "from edge import runtime; print(runtime.imported(), 'ai_edge_litert' in runtime.runtimes())"
    )
    environment = {**os.environ, "PYTHONPATH": f"{installed}:{Path(__file__).parents[1]}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == used


def test_the_impostor_of_the_package_index_is_told_and_never_imported(zoo: Path, stick: Stick, tmp_path: Path) -> None:
    installed = board(tmp_path / "site", pycoral__atlas="")
    (installed / "pycoral" / "__init__.py").write_text("raise SystemExit('an atlas of corals')")
    out, err = opened(stick, zoo, installed, "ai_edge_litert.interpreter")
    assert out.splitlines() == ["ai_edge_litert.interpreter impostor", "usb:0"]
    assert "Allen Coral Atlas" in err
    assert "pip uninstall pycoral" in err
