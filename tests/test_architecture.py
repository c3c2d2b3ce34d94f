"""The house rules that a tool can hold: who imports what, what the wheel holds, what no file may say."""

from __future__ import annotations

import pkgutil
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import edge

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(
    m.name for m in pkgutil.walk_packages(edge.__path__, "edge.") if not m.name.endswith("__main__")
)
BLOCKED = ("tensorflow", "keras", "torch", "jax", "PIL", "models", "convert", "benchmarks")
IMPORT_ALL = """
import importlib, sys
for name in {blocked}:
    sys.modules[name] = None
for name in {modules}:
    importlib.import_module(name)
    print(name)
"""


def tracked() -> list[Path]:
    """The files that git keeps, or would keep."""
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_every_module_of_edge_imports_without_the_training_frameworks() -> None:
    program = IMPORT_ALL.format(blocked=BLOCKED, modules=MODULES)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == MODULES
    assert len(MODULES) >= 20


def test_no_module_of_edge_carries_the_name_of_a_standard_module() -> None:
    names = {name.rpartition(".")[2] for name in MODULES}
    assert "records" in names
    assert not names & set(sys.stdlib_module_names)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> list[str]:
    """The names in a wheel built from this checkout, without the network."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("edge_alpr-*.whl")
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def test_the_wheel_holds_edge_and_nothing_else(wheel: list[str]) -> None:
    assert {name.split("/")[0] for name in wheel} == {"edge", f"edge_alpr-{edge.__version__}.dist-info"}


def test_the_wheel_holds_every_module_and_the_released_models(wheel: list[str]) -> None:
    kept = [p for p in tracked() if p.is_relative_to(ROOT / "edge")]
    assert {str(p.relative_to(ROOT)) for p in kept} <= set(wheel)
    for name in ("detector", "quality", "reader", "restorer", "wide_reader"):
        assert {f"edge/zoo/{name}{end}" for end in (".tflite", ".json", ".md", ".golden.npz")} <= set(wheel)


@pytest.mark.parametrize("name", ["detector", "quality", "reader", "restorer", "wide_reader"])
def test_the_golden_pictures_of_a_model_are_few(name: str) -> None:
    assert (ROOT / "edge" / "zoo" / f"{name}.golden.npz").stat().st_size < 600_000


def test_the_wheel_asks_for_no_training_framework() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=!~;\[ ]", requirement)[0] for requirement in project["dependencies"]}
    assert names == {"numpy", "opencv-python-headless", "ai-edge-litert"}


def test_no_tracked_file_names_a_machine_path_or_a_registry() -> None:
    paths = "|".join(("work", "root", "home/[a-z]", "Users", "opt/(?:wheels|pypi)"))
    hosts = "|".join(("pypi", "pythonhosted", "piwheels", "huggingface", "kaggle", "npmjs"))
    forbidden = re.compile(rf"(?<![\w.])/(?:{paths})/|\b(?:{hosts})\.(?:org|com|co)\b")
    seen = 0
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data[:4096]:
            continue
        seen += 1
        found = forbidden.search(data.decode("utf-8"))
        assert found is None, f"{path.relative_to(ROOT)}: {found and found[0]}"
    assert seen > 40


def test_edge_catches_everything_at_most_once() -> None:
    sources = [p.read_text(encoding="utf-8") for p in (ROOT / "edge").rglob("*.py")]
    assert sum(len(re.findall(r"except Exception\b|except:", text)) for text in sources) <= 1


def test_nothing_in_the_checkout_is_pickled() -> None:
    users = [
        p
        for p in tracked()
        if p.suffix == ".py" and re.search(r"\bimport pickle\b|allow_pickle=True", p.read_text())
    ]
    assert [str(p.relative_to(ROOT)) for p in users if p != Path(__file__)] == []


def test_every_module_has_a_docstring_and_stays_readable_in_length() -> None:
    for path in (
        p for p in tracked() if p.suffix == ".py" and p.parts[len(ROOT.parts)] in ("edge", "convert")
    ):
        text = path.read_text(encoding="utf-8")
        assert text.startswith('"""'), path
        assert len(text.splitlines()) <= 350, path
