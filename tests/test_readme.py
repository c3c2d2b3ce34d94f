"""What the documents promise exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def promised(pattern: str) -> list[str]:
    return sorted(set(re.findall(pattern, README)))


def explanation(*words: str) -> str:
    """What the installed command prints for these words."""
    command = [sys.executable, "-c", "from edge.cli import main; raise SystemExit(main())", *words, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", promised(r"`edge-alpr ([a-z-]+)"))
def test_every_command_of_the_readme_explains_itself(command: str) -> None:
    assert f"usage: edge-alpr {command}" in explanation(command)


def test_the_readme_names_every_command() -> None:
    listed = set(re.findall(r"^    ([a-z-]+)(?:  |$)", explanation(), re.MULTILINE))
    assert {"run", "read"} <= listed
    assert listed == set(promised(r"`edge-alpr ([a-z-]+)"))


@pytest.mark.parametrize("option", promised(r"(--(?!help)[a-z]+)[ `|]"))
def test_every_option_of_the_readme_is_one_of_the_programs(option: str) -> None:
    sources = [p for room in ("edge", "convert") for p in (ROOT / room).rglob("*.py")]
    assert any(f'"{option}"' in p.read_text(encoding="utf-8") for p in sources)


def test_every_make_target_of_the_documents_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {
        t for d in DOCUMENTS for t in re.findall(r"(?:`|^)make ([a-z]+)", d.read_text(encoding="utf-8"), re.M)
    }
    assert {"demo", "test"} <= targets
    assert [t for t in targets if not re.search(rf"^{t}:", makefile, re.M)] == []


def test_every_link_of_the_documents_leads_somewhere() -> None:
    links = [
        (d, link) for d in DOCUMENTS for link in re.findall(r"\]\(([^)#:]+)\)", d.read_text(encoding="utf-8"))
    ]
    assert len(links) >= 5
    assert [(d.name, link) for d, link in links if not (d.parent / link).exists()] == []


def test_every_module_that_the_documents_run_exists() -> None:
    text = "\n".join(d.read_text(encoding="utf-8") for d in DOCUMENTS)
    modules = set(re.findall(r"python -m ((?:convert|models|benchmarks)[\w.]*\w)", text))
    assert "convert.check" in modules
    for module in modules:
        place = ROOT.joinpath(*module.split("."))
        assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file(), module
