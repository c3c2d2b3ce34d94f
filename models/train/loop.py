"""What all recipes share: options, a schedule, averaged weights, checkpoints, a log."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import keras
import numpy as np
from tensorboard.summary import Writer

from models.train.feed import Batch, Make, feed


def arguments(name: str, *, epochs: int) -> argparse.ArgumentParser:
    """The options of every recipe."""
    parser = argparse.ArgumentParser(
        prog=f"python -m models.train.{name}", description=f"Train the {name} on rendered pictures."
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs") / name, help="checkpoints and TensorBoard log; continues what is there"
    )
    parser.add_argument("--epochs", type=int, default=epochs, help="length of the schedule (default %(default)s)")
    parser.add_argument("--steps", type=int, default=200, help="batches per epoch (default %(default)s)")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--workers", type=int, default=1, help="rendering processes, 0: none but this one")
    parser.add_argument(
        "--settle", type=int, default=200, help="batches at the end that measure the statistics of the averaged weights"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--init", type=Path, help="weights to start from instead of chance; the curriculum then begins at its end"
    )
    return parser


class Checkpoint(keras.callbacks.Callback):
    """After every epoch: the raw state to resume from, the averaged weights to use, the figures for TensorBoard."""

    def __init__(self, net: keras.Model, out: Path) -> None:
        super().__init__()
        self.net, self.out, self.writer, self.started = net, out, Writer(str(out / "log")), time.time()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.model.save_weights(self.out / "last.weights.h5")
        (self.out / "epoch").write_text(str(epoch + 1))
        raw = [np.array(v) for v in self.model.trainable_variables]
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        self.net.save_weights(self.out / "average.weights.h5")
        for variable, value in zip(self.model.trainable_variables, raw, strict=True):
            variable.assign(value)
        for name, value in (logs or {}).items():
            self.writer.add_scalar(name, float(value), step=epoch)
        self.writer.flush()
        figures = "  ".join(f"{k} {float(v):.4f}" for k, v in (logs or {}).items())
        print(f"epoch {epoch + 1}  {(time.time() - self.started) / 60:.1f} min  {figures}", flush=True)


def optimizer(rate: float, total: int, *, average: bool = True) -> keras.optimizers.Optimizer:
    """AdamW, cosine with a short warm-up, gradient norm 5, mostly with an exponential moving average of the weights."""
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 20, total, alpha=0.02, warmup_target=rate, warmup_steps=min(500, total // 20)
    )
    return keras.optimizers.AdamW(schedule, weight_decay=0.01, global_clipnorm=5.0, use_ema=average, ema_momentum=0.998)


def train(trainer: keras.Model, net: keras.Model, make: Make, options: argparse.Namespace) -> None:
    """Fit `trainer`, whose variables include those of the exported `net`; resumes from `options.out`."""
    options.out.mkdir(parents=True, exist_ok=True)
    total = options.epochs * options.steps
    trainer.compile(optimizer=optimizer(options.rate, total))
    done = options.out / "epoch"
    start = int(done.read_text()) if done.exists() else 0
    if start >= options.epochs:
        print(
            f"{options.out} holds a finished run of {start} epochs; choose another --out or more --epochs", flush=True
        )
        return
    if options.init:
        make = partial(_late, make)
    stream = feed(make, seed=options.seed, workers=options.workers, start=start * options.steps, total=total)
    first = next(stream)
    trainer(first[0])  # with the next line creates all variables, so that a checkpoint can be loaded
    trainer.optimizer.build(trainer.trainable_variables)
    if start:
        trainer.load_weights(options.out / "last.weights.h5")
        print(f"continuing after epoch {start}", flush=True)
    elif options.init:
        net.load_weights(options.init, skip_mismatch=True)
    callbacks = [Checkpoint(net, options.out)]
    trainer.fit(
        _chain(first, stream), steps_per_epoch=options.steps, epochs=options.epochs, initial_epoch=start,
        callbacks=callbacks, shuffle=False, verbose=0,
    )
    settle(trainer, net, make, options)


def settle(trainer: keras.Model, net: keras.Model, make: Make, options: argparse.Namespace) -> None:
    """Measure the batch statistics anew under the averaged weights, which never saw those of the raw ones."""
    net.load_weights(options.out / "average.weights.h5")
    norms = [layer for layer in net.layers if isinstance(layer, keras.layers.BatchNormalization)]
    hardest = feed(lambda rng, _: make(rng, 1.0), seed=options.seed + 1, workers=0, start=0, total=options.settle)
    for number, (inputs, _) in enumerate(hardest):
        for layer in norms:
            layer.momentum = number / (number + 1)  # the plain mean of all batches
        trainer(inputs, training=True)
    net.save_weights(options.out / "average.weights.h5")


def _late(make: Make, rng: np.random.Generator, progress: float) -> Batch:
    return make(rng, 1.0)


def _chain(first: Batch, stream: Iterator[Batch]) -> Iterator[Batch]:
    yield first
    yield from stream
    yield first  # fit looks one batch ahead at the very end
