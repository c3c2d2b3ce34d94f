"""What IQ-STAN and the released files take for the same five looks, in one run and one interpreter."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO

import keras
import numpy as np

from benchmarks.papers.claims import Claim
from benchmarks.papers.looks import FRAMES, released
from convert import flatbuffer, rules
from edge.fusion import fuse
from edge.manifest import Manifest
from edge.runtime import ZOO
from models import iq_stan
from models.train import iq_stan as recipe

OURS = ("quality", "reader")  # the released networks that a look passes
TIMES = 50


def seconds(work: Sequence[Callable[[int], object]]) -> np.ndarray:
    """Median CPU time (len(work),) of some works, each done often and in turn, so that all share what disturbs."""
    spent = np.empty((TIMES, len(work)))
    for number in range(TIMES):
        for column, do in enumerate(work):
            started = time.process_time()
            do(number)
            spent[number, column] = time.process_time() - started
    return np.median(spent, axis=0)


def macs(net: keras.Model) -> int:
    """Multiply-accumulates for five looks: every kernel as often as it is applied."""
    return sum(_macs(layer) for layer in net.layers if layer.weights)


def _macs(layer: keras.Layer) -> int:
    kernels = [math.prod(w.shape) for w in layer.weights if "kernel" in w.name]
    if isinstance(layer, iq_stan.Decoder):
        steps, width = layer.input[0].shape[1:]
        repeated = sum(kernels) - math.prod(layer.key.kernel.shape) - math.prod(layer.energy.kernel.shape)
        looking = steps * (iq_stan.LOOKING + width)
        return iq_stan.CHARACTERS * (repeated + looking) + steps * math.prod(layer.key.kernel.shape)
    if isinstance(layer, keras.layers.Conv2D | keras.layers.Conv2DTranspose):
        return math.prod(layer.input.shape[1:3]) * sum(kernels)  # none has a stride but the transposed
    return math.prod(layer.input.shape[1:-1]) * sum(kernels)


def litert(net: keras.Model) -> bytes:
    """The net as a float file for the same interpreter as the released ones."""
    import tensorflow as tf

    alone = iq_stan.build(batch_size=1)
    alone.set_weights(net.get_weights())
    with redirect_stdout(StringIO()):  # the export lists every tensor
        return bytes(tf.lite.TFLiteConverter.from_keras_model(alone).convert())


def cost(net: keras.Model, crops: np.ndarray, seen: np.ndarray) -> list[Claim]:
    """Time, parameters and multiply-accumulates for five looks, and what of IQ-STAN an Edge TPU refuses."""
    from ai_edge_litert.interpreter import Interpreter

    file, look = litert(net), released()
    interpreter = Interpreter(model_content=file, num_threads=1)
    interpreter.allocate_tensors()
    slot, frames = interpreter.get_input_details()[0]["index"], recipe.beside(seen).astype(np.float32) / 255

    def theirs(n: int) -> None:
        interpreter.set_tensor(slot, frames[n : n + 1])
        interpreter.invoke()

    read = [look(crop) for crop in crops[0]]
    spent = seconds([theirs, lambda n: [look(crop) for crop in crops[n]], lambda n: fuse(read, region="cn")])
    ratio = (spent[1] + spent[2]) / spent[0]
    parts = [Manifest.load(ZOO / f"{name}.json") for name in OURS]
    known = rules.table()
    graph = flatbuffer.parse(file)
    refused = sorted({op.name for op in graph.ops if op.name not in known or not known[op.name].rules})
    return [
        Claim(
            "time of five looks on one core, ours by IQ-STAN's", "157 ms",
            f"{ratio:.1f} times: {1e3 * spent[1]:.1f} ms QAM and reader, {1e3 * spent[2]:.1f} ms fusion; IQ-STAN "
            f"{1e3 * spent[0]:.1f} ms, float", TIMES,
        ),
        Claim("parameters", "–", f"{sum(p.parameters for p in parts):,}; IQ-STAN {net.count_params():,}", 1),
        Claim(
            "multiply-accumulates for five looks", "–",
            f"{FRAMES * sum(p.macs for p in parts) / 1e6:.1f} M; IQ-STAN {macs(net) / 1e6:.1f} M", 1,
        ),
        Claim("operations of IQ-STAN that the Edge TPU refuses", "–", ", ".join(refused) or "none", len(graph.ops)),
    ]
