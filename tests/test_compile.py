"""The compile step, against a stand-in that writes logs in the documented format of edgetpu_compiler 16.

The real compiler may not be passed on, so these tests prove what we do with its answers, not the answers.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from convert import compile as press
from convert.errors import CompilerError
from edge.manifest import Manifest
from edge.runtime import ZOO
from tests import tiny_models

HEAD = "Edge TPU Compiler version 16.0.384591198\nStarted a compilation timeout timer of 600 seconds.\n\n"
COMPLETE = """Model compiled successfully in 1034 ms.

Input model: /somewhere/{name}.tflite
Input size: 1.25MiB
Output model: {name}_edgetpu.tflite
Output size: 1.41MiB
On-chip memory used for caching model parameters: 1.25MiB
On-chip memory remaining for caching model parameters: 6.38MiB
Off-chip memory used for streaming uncached model parameters: {streamed}
Number of Edge TPU subgraphs: {subgraphs}
Total number of operations: 39
Operation log: {name}_edgetpu.log
{cpu}
Operator                       Count      Status

CONV_2D                        21         Mapped to Edge TPU
LOGISTIC                       1          Mapped to Edge TPU
"""
ON_CPU = "Number of operations that will run on Edge TPU: 36\nNumber of operations that will run on CPU: 3\n"


def log(*names: str, streamed: str = "0.00B", subgraphs: int = 1, cpu: str = "") -> str:
    parts = (COMPLETE.format(name=n, streamed=streamed, subgraphs=subgraphs, cpu=cpu) for n in names)
    return HEAD + "\n".join(parts)


def compiler(folder: Path, text: str, *, before: str = "") -> Path:
    """A stand-in: notes its arguments, runs `before`, writes the log and an output file for each model."""
    (folder / "log").write_text(text)
    return tiny_models.stand_in(
        folder / "edgetpu_compiler",
        f'echo "$@" >> {folder}/calls\n{before}\ncat {folder}/log\n'
        'while [ $# -gt 0 ]; do case "$1" in -o) out=$2; shift;; *.tflite) n=$(basename "$1" .tflite);'
        ' echo compiled > "$out/${n}_edgetpu.tflite";; esac; shift; done\n',
    )


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_a_complete_mapping_is_accepted_with_its_figures(tmp_path) -> None:
    program = compiler(tmp_path, log("detector"))
    (done,) = press.compile_files([tmp_path / "detector.tflite"], out=tmp_path / "out", compiler=program)
    assert done.file.read_text() == "compiled\n"
    assert (done.tpu_ops, done.cpu_ops, done.subgraphs, done.streamed) == (39, 0, 1, 0)
    assert (done.on_chip, done.remaining) == (round(1.25 * 1024**2), round(6.38 * 1024**2))


def test_the_models_are_compiled_together_in_the_order_given(tmp_path) -> None:
    names = ["detector", "reader", "quality", "restorer", "wide_reader"]
    program = compiler(tmp_path, log(*names))
    done = press.compile_files([tmp_path / f"{n}.tflite" for n in names], out=tmp_path, compiler=program)
    assert [c.source for c in done] == [f"{n}.tflite" for n in names]
    (call,) = calls(tmp_path)
    assert call.startswith("-s -m 14 -t 600 -o ")
    assert [Path(word).stem for word in call.split()[-5:]] == names


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"cpu": ON_CPU}, "3 operations were left to the CPU"),
        ({"subgraphs": 2}, "2 Edge TPU subgraphs"),
        ({"streamed": "1.50KiB"}, "1536 bytes of parameters do not fit"),
    ],
)
def test_an_incomplete_mapping_is_an_error(tmp_path, figures: dict, message: str) -> None:
    program = compiler(tmp_path, log("reader", **figures))
    with pytest.raises(CompilerError, match=message):
        press.compile_files([tmp_path / "reader.tflite"], out=tmp_path, compiler=program)


def test_an_internal_error_that_comes_and_goes_is_tried_again(tmp_path) -> None:
    internal = 'echo "Internal compiler error. Aborting!"; exit 1'
    fails_twice = f"if [ $(wc -l < {tmp_path}/calls) -lt 3 ]; then {internal}; fi"
    program = compiler(tmp_path, log("reader"), before=fails_twice)
    assert press.compile_files([tmp_path / "reader.tflite"], out=tmp_path, compiler=program)
    assert len(calls(tmp_path)) == 3


def test_an_internal_error_that_stays_is_an_error_after_three_tries(tmp_path) -> None:
    program = compiler(tmp_path, "", before='echo "Internal compiler error. Aborting!"; exit 1')
    with pytest.raises(CompilerError, match="Internal compiler error"):
        press.compile_files([tmp_path / "reader.tflite"], out=tmp_path, compiler=program)
    assert len(calls(tmp_path)) == 3


def test_a_refused_file_is_not_tried_again(tmp_path) -> None:
    refusal = "ERROR: Didn't find op for builtin opcode 'CONV_2D' version '6'"
    program = compiler(tmp_path, "", before=f'echo "{refusal}"; exit 1')
    with pytest.raises(CompilerError, match="builtin opcode 'CONV_2D' version '6'"):
        press.compile_files([tmp_path / "reader.tflite"], out=tmp_path, compiler=program)
    assert len(calls(tmp_path)) == 1


def test_a_compiler_that_hangs_is_ended(tmp_path) -> None:
    program = tiny_models.stand_in(tmp_path / "edgetpu_compiler", "exec sleep 60\n")
    with pytest.raises(CompilerError, match=r"not done after 0\.1 s"):
        press.compile_files([tmp_path / "r.tflite"], out=tmp_path, compiler=program, timeout=0.05)


def copied_zoo(folder: Path) -> Path:
    shutil.copytree(ZOO, folder / "zoo", ignore=shutil.ignore_patterns("*.golden.npz"))
    return folder / "zoo"


def test_the_zoo_is_compiled_together_with_the_detector_first_and_packaged(tmp_path, capsys) -> None:
    zoo = copied_zoo(tmp_path)
    names = ["detector", "reader", "quality", "restorer", "wide_reader"]
    program = compiler(tmp_path, log(*names))
    assert press.main(["--zoo", str(zoo), "--compiler", str(program)]) == 0
    (call,) = calls(tmp_path)
    assert [Path(word).stem for word in call.split()[-5:]] == names
    for name in names:
        manifest = Manifest.load(zoo / f"{name}.json")
        compiled = (zoo / f"{name}_edgetpu.tflite").read_bytes()
        assert manifest.edgetpu_file == f"{name}_edgetpu.tflite"
        assert manifest.edgetpu_sha256 == hashlib.sha256(compiled).hexdigest()
    said = capsys.readouterr().out
    assert "together 6.25 MiB of the chip's 8.00 MiB, 6.38 MiB remain" in said
    assert said.count("39 operations on the Edge TPU") == 5


def test_a_zoo_of_which_one_model_is_not_mapped_stays_as_it_was(tmp_path, capsys) -> None:
    zoo = copied_zoo(tmp_path)
    before = {file: file.read_bytes() for file in zoo.iterdir()}
    names = ["detector", "reader", "quality", "restorer"]
    program = compiler(tmp_path, log(*names) + "\n" + log("wide_reader", cpu=ON_CPU).removeprefix(HEAD))
    assert press.main(["--zoo", str(zoo), "--compiler", str(program)]) == 1
    assert "wide_reader.tflite: 3 operations were left to the CPU" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in zoo.iterdir()} == before


def test_an_empty_zoo_is_an_error(tmp_path, capsys) -> None:
    assert press.main(["--zoo", str(tmp_path)]) == 1
    assert "holds no models" in capsys.readouterr().err


def test_a_missing_compiler_is_an_error_that_says_where_it_comes_from(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert press.main([str(tmp_path / "reader.tflite")]) == 1
    assert "Coral's package repository" in capsys.readouterr().err
    with pytest.raises(CompilerError, match=r"nowhere cannot be run"):
        press.find(tmp_path / "nowhere")


def test_the_compiler_on_the_path_is_found(tmp_path, monkeypatch, capsys) -> None:
    compiler(tmp_path, log("reader"))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert press.main([str(tmp_path / "reader.tflite"), "--out", str(tmp_path / "out")]) == 0
    assert "39 operations on the Edge TPU" in capsys.readouterr().out


def test_a_compiler_for_another_machine_is_an_error(tmp_path) -> None:
    program = tmp_path / "edgetpu_compiler"
    program.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(64))
    program.chmod(0o755)
    with pytest.raises(CompilerError, match="It needs an x86-64 machine"):
        press.compile_files([tmp_path / "reader.tflite"], out=tmp_path, compiler=program)


@pytest.mark.parametrize(
    "text", ["", HEAD, HEAD + "Input model: reader.tflite\n"], ids=["empty", "head", "cut"]
)
def test_a_log_without_the_figures_is_an_error(tmp_path, text: str) -> None:
    with pytest.raises(CompilerError, match="is this edgetpu_compiler 16"):
        press.parse(text, tmp_path)


def test_a_log_of_other_models_is_an_error(tmp_path) -> None:
    program = compiler(tmp_path, log("detector"))
    with pytest.raises(CompilerError, match="names"):
        press.compile_files([tmp_path / "reader.tflite"], out=tmp_path, compiler=program)
