"""Settings: defaults, TOML, overrides, and every way to get them wrong."""

from pathlib import Path

import pytest

from edge.errors import BadSettings
from edge.settings import Settings


def write(folder: Path, text: str) -> Path:
    path = folder / "edge-alpr.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold() -> None:
    settings = Settings.load(None)
    assert settings == Settings()
    assert settings.device == "auto"
    assert settings.region is None


def test_a_file_sets_keys_and_overrides_win(tmp_path: Path) -> None:
    path = write(tmp_path, 'region = "kr"\n[camera]\nsource = "a.mp4"\nfps = 5\n[tracking]\nmin_looks = 3\n')
    settings = Settings.load(path, region="vn", camera={"source": "1", "fps": None})
    assert settings.region == "vn"
    assert settings.camera.source == "1"
    assert settings.camera.fps == 5.0
    assert isinstance(settings.camera.fps, float)
    assert settings.tracking.min_looks == 3


def test_an_override_of_none_is_not_given(tmp_path: Path) -> None:
    assert Settings.load(write(tmp_path, 'device = "cpu"'), device=None).device == "cpu"


@pytest.mark.parametrize("device", ["auto", "cpu", "edgetpu", "usb", "usb:0", "pci:1"])
def test_every_documented_device_is_accepted(device: str) -> None:
    assert Settings.load(None, device=device).device == device


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('regoin = "vn"', r"regoin is not a setting; did you mean 'region'"),
        ("[tracking]\nmin_look = 2", r"tracking\.min_look is not a setting; did you mean 'min_looks'"),
        ('region = "vm"', r"'vm' is unknown; did you mean 'vn'.*vn, kr, br, cn, latin"),
        ('device = "gpu"', r"'gpu' is not a device.*edgetpu"),
        ('[camera]\nwidth = "wide"', r"camera\.width = 'wide' must be of type int"),
        ("[camera]\nwidth = true", r"camera\.width = True must be of type int"),
        ("[camera]\nwidth = 0", r"camera\.width = 0 must be greater than 0"),
        ("[detection]\nthreshold = 1.5", r"detection\.threshold = 1\.5 must lie between 0 and 1"),
        ('camera = "0"', r"camera is a section: write \[camera\]"),
        ("region = ", r"not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadSettings, match=message):
        Settings.load(write(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"cannot be read .*--config"):
        Settings.load(tmp_path / "nowhere.toml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSettings, match="not valid TOML"):
        Settings.load(path)
