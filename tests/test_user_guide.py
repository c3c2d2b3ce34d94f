"""docs/user-guide.md is true: its examples run, its tables are those of the code."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from edge import errors
from edge.cli import USAGE, parser
from edge.lines import model_line
from edge.released import released
from edge.settings import Settings
from tests.painted import Alpr, clip, cut_out, png

GUIDE = (Path(__file__).resolve().parents[1] / "docs" / "user-guide.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str]]:
    """The console examples: a command and what it prints."""
    session = re.split(r"^\$ edge-alpr ", "".join(blocks("console")), flags=re.MULTILINE)[1:]
    return [(example.partition("\n")[0], example.partition("\n")[2]) for example in session]


def objects(text: str) -> list[Any]:
    """JSON values one after the other, however their lines are broken."""
    found, decoder, text = [], json.JSONDecoder(), text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].strip()
    return found


def shape(value: Any) -> Any:
    """Keys in their order and kinds of values; of a list of numbers or candidates, of what it is made."""
    if isinstance(value, dict):
        return [(key, shape(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        inner = [shape(item) for item in value]
        return inner if all(isinstance(item, dict) for item in value) else inner[:1]
    return type(value).__name__


def plain(text: str) -> str:
    """A line for people without its figures."""
    return re.sub(r" +", " ", re.sub(r"\d+", "0", text))


def test_the_examples_print_what_the_guide_shows(alpr: Alpr, tmp_path: Path) -> None:
    (table,) = blocks("csv")
    (tmp_path / "vehicles.csv").write_text(table, encoding="utf-8")
    clip(tmp_path / "gate.mjpeg")
    (tmp_path / "gate.png").write_bytes(png((10, 50, 160), (300, 150, 100)))
    (tmp_path / "crop.png").write_bytes(cut_out(50, 160))
    for command, printed in examples():
        ended = alpr(*shlex.split(command))
        if "--json" in command:
            assert shape(ended.objects) == shape(objects(printed)), command
        else:
            assert plain(ended.out + ended.err) == plain(printed), command
    assert len(examples()) >= 15


def test_every_command_is_shown_and_every_example_is_understood() -> None:
    lines = [line for kind in ("sh", "console", "text") for block in blocks(kind) for line in block.splitlines()]
    commands = [found[1] for line in lines if (found := re.search(r"^(?:\$ |.* \| )?edge-alpr (.*)", line))]
    names = {parser().parse_args(shlex.split(command)).name for command in commands}
    assert {"run", "read", "vehicles", "events", "doctor"} <= names
    for name in ("models", "demo"):
        assert f"`edge-alpr {name}" in GUIDE


def settings(section: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    section = section or Settings()
    for field in fields(section):
        value = getattr(section, field.name)
        if is_dataclass(value):
            yield from settings(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value


def test_the_released_models_are_those_of_the_guide() -> None:
    lines = "\n".join(model_line(shape) for shape in released())
    assert f"$ edge-alpr models\n{lines}\n```" in GUIDE


def test_the_table_of_settings_has_every_key_with_its_default() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.*?) \| \w", GUIDE, re.MULTILINE)
    assert rows == [(key, "–" if value is None else json.dumps(value)) for key, value in settings()]


def test_the_example_of_a_settings_file_is_accepted(tmp_path: Path) -> None:
    (example,) = blocks("toml")
    (tmp_path / "c.toml").write_text(example, encoding="utf-8")
    assert Settings.load(tmp_path / "c.toml").store.retention_days == 90


def test_the_table_of_exit_codes_has_every_error() -> None:
    rows = re.findall(r"^\| (\d+) \| .* \| (.*?) ?\|$", GUIDE, re.MULTILINE)
    listed = {name: int(code) for code, names in rows for name in re.findall(r"`(\w+)`", names)}
    family = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, errors.EdgeError)]
    assert listed == {e.__name__: e.exit_code for e in family if e is not errors.EdgeError}
    assert str(USAGE) in dict(rows)


@pytest.mark.parametrize("word", ["box", "corners", "candidates", "match", "looks", "quality"])
def test_the_words_of_the_json_lines_are_explained(word: str) -> None:
    assert f"`{word}`" in GUIDE or f"{word} of the best look" in GUIDE
