"""The Edge TPU gate: every rule has a model that breaks it and one that keeps it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from convert import check, flatbuffer, quantize, rules
from convert.errors import NotAModel, NotMapped
from tests import tiny_models

ZOO = Path(__file__).resolve().parents[1] / "edge" / "zoo"
L, K = keras.layers, keras.ops
Tail = Callable[[Any], Any]


def judged(data: bytes) -> check.Report:
    return check.check(flatbuffer.parse(data), file="tiny.tflite")


def reasons(report: check.Report) -> str:
    return "\n".join((*report.problems, *(f"{f.op} v{f.version}: {f.reason}" for f in report.refused)))


@pytest.fixture(scope="session")
def convert(tmp_path_factory) -> Callable[..., bytes]:
    """Quantize a tiny network with the real converter, here in this process: these do not abort."""
    from convert import worker

    def converted(tail: Tail) -> bytes:
        folder = tmp_path_factory.mktemp("saved")
        quantize.export(tiny_models.network(tail), folder)
        return worker.full_integer(str(folder), quantize.collect(p[None] for p in tiny_models.samples(2)))

    return converted


@pytest.fixture(scope="session")
def good(convert) -> bytes:
    return convert(tiny_models.heads)


KEEPS: dict[str, Tail] = {
    "a mean over height and width": lambda x: L.GlobalAveragePooling2D(keepdims=True)(x),
    "bilinear doubling": lambda x: L.Conv2D(2, 1)(L.UpSampling2D(2, interpolation="bilinear")(x)),
    "a bare transposed convolution": lambda x: L.Conv2DTranspose(
        4, 3, strides=2, padding="same", use_bias=False
    )(x),
    "Dense and softmax on (1, N)": lambda x: L.Dense(4, activation="softmax")(L.GlobalAveragePooling2D()(x)),
    "padding, pooling, concatenation": lambda x: L.Concatenate()(
        [L.MaxPooling2D(2)(x), L.Conv2D(3, 3, strides=2)(L.ZeroPadding2D(((0, 1), (0, 1)))(x))]
    ),
    "a slope per channel": lambda x: L.PReLU(shared_axes=[1, 2], alpha_initializer="ones")(L.Conv2D(4, 1)(x)),
    "one factor per channel": lambda x: (
        x * L.Conv2D(8, 1, activation="sigmoid")(L.GlobalAveragePooling2D(keepdims=True)(x))
    ),
    "equal dilation both ways": lambda x: L.Conv2D(4, 3, dilation_rate=2, padding="same")(x),
}
BREAKS: dict[str, tuple[Tail, str]] = {
    "BATCH_MATMUL": (
        lambda x: K.matmul(x, K.transpose(x, (0, 1, 3, 2))),
        "BATCH_MATMUL v2: not an Edge TPU operation",
    ),
    "SOFTMAX on a map": (lambda x: K.softmax(x), r"SOFTMAX v2: softmax over \(1, 16, 16, 8\)"),
    "HARD_SWISH": (
        lambda x: L.Activation(lambda y: y * K.relu6(y + 3) / 6)(L.Conv2D(8, 1)(x)),
        "HARD_SWISH v1: not an Edge TPU operation",
    ),
    "TILE": (lambda x: L.UpSampling2D(2, interpolation="nearest")(x), "TILE v3: not an Edge TPU operation"),
    "TRANSPOSE_CONV v4": (
        lambda x: L.Conv2DTranspose(4, 3, strides=2, activation="relu6", bias_initializer="ones")(x),
        "TRANSPOSE_CONV v4: version 4; the compiler knows up to 3",
    ),
    "CONV_2D v6": (lambda x: L.Conv2D(8, 3, groups=2)(x), "CONV_2D v6: version 6; .* Grouped convolution"),
    "Dense on a map": (lambda x: L.Dense(4)(x), r"FULLY_CONNECTED v5: .*1x1 convolution"),
    "Dense on three axes": (lambda x: L.Dense(4)(L.Reshape((16, 128))(x)), "RESHAPE v1: shape"),
    "TRANSPOSE": (lambda x: K.transpose(x, (0, 2, 1, 3)), "TRANSPOSE v[0-9]+: often left on the CPU"),
    "a constant factor": (
        lambda x: x * np.linspace(0.5, 2, 8, dtype=np.float32),
        "MUL v2: a constant operand",
    ),
    "spatial broadcasting": (
        lambda x: x * L.Conv2D(1, 1, activation="sigmoid")(x),
        r"MUL v2: shapes .* broadcasting is unproved",
    ),
    "unequal dilation": (lambda x: L.Conv2D(4, 3, dilation_rate=(1, 2), padding="same")(x), "dilation 1x2"),
    "LEAKY_RELU": (
        lambda x: L.LeakyReLU()(L.Conv2D(4, 1)(x)),
        "LEAKY_RELU v[0-9]: not an Edge TPU operation",
    ),
    "ABS": (lambda x: K.absolute(L.Conv2D(4, 1)(x)), "ABS v[0-9]: not an Edge TPU operation"),
    "LOG_SOFTMAX": (lambda x: K.log_softmax(x), "LOG_SOFTMAX v[0-9]: not an Edge TPU operation"),
    "mean over channels": (lambda x: K.mean(x, axis=-1, keepdims=True), "reduces over batch or channels"),
    "a large resize": (lambda x: L.UpSampling2D(4, interpolation="bilinear")(x), "only doubling is proved"),
}


@pytest.mark.parametrize("case", KEEPS)
def test_a_network_that_keeps_the_rules_is_mapped(convert, case: str) -> None:
    report = judged(convert(KEEPS[case]))
    assert report.mapped, report.as_text()


@pytest.mark.parametrize("case", BREAKS)
def test_a_network_that_breaks_a_rule_is_refused_with_the_reason(convert, case: str) -> None:
    tail, reason = BREAKS[case]
    report = judged(convert(tail))
    assert not report.mapped
    assert re.search(reason, reasons(report)), report.as_text()


def test_the_good_network_is_mapped_operation_by_operation(good: bytes) -> None:
    report = judged(good)
    assert report.mapped, report.as_text()
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "AVERAGE_POOL_2D", "LOGISTIC", "QUANTIZE"} <= {
        f.op for f in report.ops
    }
    check.require(report)


def _dynamic(model: Any) -> None:
    for tensor in model.subgraphs[0].tensors:
        if tensor.shape is not None and len(tensor.shape) == 4 and tensor.shape[0] == 1:
            tensor.shapeSignature = [-1, *tensor.shape[1:]]


def _float_tensor(model: Any) -> None:
    model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]].type = 0


def _signed_input(model: Any) -> None:
    model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].type = 9


def _set_option(name: str, option: str, value: int) -> Callable[[Any], None]:
    return lambda model: setattr(tiny_models.operation(model, name)[0].builtinOptions, option, value)


def _set_code(name: str, **values: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        code = tiny_models.operation(model, name)[1]
        for key, value in values.items():
            setattr(code, key, value)

    return change


def _computed_weights(model: Any) -> None:
    op = tiny_models.operation(model, "CONV_2D")[0]
    model.buffers[model.subgraphs[0].tensors[op.inputs[1]].buffer].data = None


def _second_subgraph(model: Any) -> None:
    model.subgraphs.append(model.subgraphs[0])


def _no_signature(model: Any) -> None:
    model.signatureDefs = None


def _batch_of_two(model: Any) -> None:
    for tensor in model.subgraphs[0].tensors:
        if len(tensor.shape) == 4 and tensor.shape[0] == 1:
            tensor.shape = [2, *tensor.shape[1:]]


MENDED: dict[str, tuple[Callable[[Any], None], str]] = {
    "a dynamic batch": (_dynamic, "a dynamic shape"),
    "a batch of two": (_batch_of_two, r"shape \(2, "),
    "a float tensor": (_float_tensor, "float tensor"),
    "a signed input": (_signed_input, "image is int8; inputs and outputs must be uint8"),
    "a pooling with an activation": (
        _set_option("AVERAGE_POOL_2D", "fusedActivationFunction", 3),
        "a fused activation",
    ),
    "an unequal depthwise dilation": (_set_option("DEPTHWISE_CONV_2D", "dilationHFactor", 2), "dilation 2x1"),
    "a newer ADD": (_set_code("ADD", version=5), "ADD v5: version 5; the compiler knows up to 4"),
    "weights computed at run time": (_computed_weights, "weights computed at run time"),
    "an unknown operation": (
        _set_code("LOGISTIC", builtinCode=199, deprecatedBuiltinCode=127),
        "not in the table",
    ),
    "a custom operation": (
        _set_code("LOGISTIC", builtinCode=32, deprecatedBuiltinCode=32, customCode="Mine"),
        "CUSTOM Mine v[0-9]: custom operations run on the CPU",
    ),
    "two subgraphs": (_second_subgraph, "2 subgraphs"),
    "no signature": (_no_signature, "no signature"),
}


@pytest.mark.parametrize("case", MENDED)
def test_a_file_that_breaks_a_rule_is_refused_with_the_reason(good: bytes, case: str) -> None:
    change, reason = MENDED[case]
    report = judged(tiny_models.mend(good, change))
    assert not report.mapped
    assert re.search(reason, reasons(report)), report.as_text()
    with pytest.raises(NotMapped, match="Change the network"):
        check.require(report)


def test_rewriting_a_file_without_a_change_keeps_it_mapped(good: bytes) -> None:
    assert judged(tiny_models.mend(good, lambda model: None)).mapped


def test_every_rule_of_the_table_exists_and_every_rule_is_used() -> None:
    rows = rules.table().values()
    assert {rule for row in rows for rule in row.rules} == set(rules.RULES)
    assert all(bool(row.rules) != bool(row.note) for row in rows)
    assert all(row.max_version for row in rows if row.rules)


def test_every_operation_of_the_table_is_one_of_tflite() -> None:
    assert set(rules.table()) <= set(flatbuffer.CODES.values())


def test_the_command_prints_a_verdict_and_says_it_with_its_exit_code(good: bytes, tmp_path, capsys) -> None:
    mapped, refused, junk = (tmp_path / name for name in ("a.tflite", "b.tflite", "c.tflite"))
    mapped.write_bytes(good)
    refused.write_bytes(tiny_models.mend(good, _set_code("ADD", version=5)))
    junk.write_bytes(good[:200])
    assert check.main([str(mapped)]) == 0
    assert "verdict: mapped" in capsys.readouterr().out
    assert check.main([str(mapped), str(refused)]) == 1
    assert "verdict: REFUSED" in capsys.readouterr().out
    assert check.main([str(junk), str(mapped)]) == 2


def test_the_json_names_each_operation_with_its_version_and_verdict(good: bytes, tmp_path, capsys) -> None:
    refused = tmp_path / "b.tflite"
    refused.write_bytes(tiny_models.mend(good, _set_code("ADD", version=5)))
    assert check.main(["--json", str(refused), str(tmp_path / "absent.tflite")]) == 2
    report, absent = map(json.loads, capsys.readouterr().out.splitlines())
    assert (report["verdict"], report["total"] - report["mapped"]) == ("refused", 1)
    (op,) = (op for op in report["ops"] if op["reason"])
    assert (op["op"], op["version"], op["max_version"], op["shape"]) == ("ADD", 5, 4, [1, 16, 16, 8])
    assert absent["verdict"] == "not a model"


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 64, b"\x1c\x00\x00\x00TFL3" + b"\xff" * 64], ids=["empty", "zeros", "junk"]
)
def test_a_file_that_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(NotAModel):
        flatbuffer.parse(data)


def test_every_truncation_of_a_model_is_refused(good: bytes) -> None:
    for length in range(0, len(good) - 4, 97):
        try:
            assert not judged(good[:length]).mapped, length
        except NotAModel:
            continue


def test_the_five_released_models_run_wholly_on_the_edge_tpu(capsys) -> None:
    files = sorted(ZOO.glob("*.json"))
    assert [f.stem for f in files] == ["detector", "quality", "reader", "restorer", "wide_reader"]
    assert check.main([str(f.with_suffix(".tflite")) for f in files]) == 0, capsys.readouterr().out
