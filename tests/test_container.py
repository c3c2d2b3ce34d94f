"""The compile step in a container and in a workflow: no network here, so their parts are tried one by one.

What apt installs is a stand-in; the entry point runs for real, on nothing but the files that the image copies.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from edge.manifest import Manifest
from tests.test_compile import compiler, log

ROOT = Path(__file__).resolve().parents[1]
CONTAINER = (ROOT / "convert" / "Containerfile").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "compile.yml").read_text(encoding="utf-8")
NAMES = ["detector", "reader", "quality", "restorer", "wide_reader"]


def copied() -> list[tuple[str, str]]:
    """What the image copies: (source, place below its working folder)."""
    lines = re.findall(r"^COPY (.+) (\S+)$", CONTAINER, re.MULTILINE)
    return [(source, place) for sources, place in lines for source in sources.split()]


def test_the_entry_point_compiles_a_zoo_with_nothing_but_the_files_of_the_image(tmp_path: Path) -> None:
    inside = tmp_path / "edge-alpr"
    inside.mkdir()
    for source, place in copied():
        target = inside / place / (source if place == "./" else "")
        shutil.copytree(ROOT / source, target) if (ROOT / source).is_dir() else shutil.copy(ROOT / source, target)
    zoo = shutil.copytree(inside / "edge" / "zoo", tmp_path / "zoo")
    compiler(tmp_path, log(*NAMES))
    (entry,) = re.findall(r"^ENTRYPOINT (.+)$", CONTAINER, re.MULTILINE)
    _, *words = (str(zoo) if word == "/zoo" else word for word in json.loads(entry))
    blocked = "import sys; sys.modules.update(dict.fromkeys(('tensorflow', 'keras', 'models', 'benchmarks')));"
    code = f"{blocked} import runpy; sys.argv = {words[1:]!r}; runpy.run_module({words[1]!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=inside, capture_output=True, text=True,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(Manifest.load(zoo / f"{name}.json").edgetpu_file for name in NAMES)


def test_the_image_asks_for_corals_repository_and_refuses_to_be_built_without() -> None:
    assert "ARG CORAL\n" in CONTAINER
    check = re.search(r'RUN (test -n "\$CORAL" \|\| \{.*?\})', CONTAINER)
    assert check is not None
    done = subprocess.run(["sh", "-c", check[1]], env={"CORAL": ""}, capture_output=True, text=True)
    assert done.returncode == 1 and "--build-arg CORAL=" in done.stdout
    assert subprocess.run(["sh", "-c", check[1]], env={"CORAL": "deb x y z"}).returncode == 0
    assert "edgetpu-compiler" in CONTAINER


def test_the_workflow_builds_that_image_and_keeps_what_it_wrote() -> None:
    assert "-f convert/Containerfile ." in WORKFLOW
    assert '--build-arg CORAL="${{ vars.CORAL }}"' in WORKFLOW
    assert "$PWD/edge/zoo:/zoo" in WORKFLOW and "VOLUME /zoo" in CONTAINER
    assert "edge/zoo/*_edgetpu.tflite" in WORKFLOW
