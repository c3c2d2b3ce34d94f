"""What all recipes share: rendering in other processes, a schedule, averaged weights, checkpoints, a log."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Full
from typing import Any

import keras
import numpy as np
from tensorboard.summary import Writer

Batch = tuple[Any, Any]
Make = Callable[[np.random.Generator, float], Batch]  # (generator, progress 0..1) → one batch


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
    parser.add_argument("--workers", type=int, default=1, help="rendering processes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--init", type=Path, help="weights to start from instead of chance")
    return parser


def _serve(make: Make, seed: int, worker: int, workers: int, start: int, total: int, queue: Any) -> None:
    import cv2

    cv2.setNumThreads(1)
    parent = os.getppid()
    for index in range(start + worker, total, workers):
        batch = make(np.random.default_rng([seed, index]), index / total)
        while os.getppid() == parent:  # a trainer that was killed leaves no renderer behind
            with suppress(Full):
                queue.put(batch, timeout=5)
                break


def feed(make: Make, *, seed: int, workers: int, start: int, total: int) -> Iterator[Batch]:
    """Batches start … total − 1, the same for a seed whatever the number of worker processes (0: this one)."""
    if not workers:
        yield from (make(np.random.default_rng([seed, index]), index / total) for index in range(start, total))
        return
    context = multiprocessing.get_context("spawn")
    queues = [context.Queue(maxsize=6) for _ in range(workers)]
    for worker, queue in enumerate(queues):
        context.Process(target=_serve, args=(make, seed, worker, workers, start, total, queue), daemon=True).start()
    for index in range(start, total):
        yield queues[(index - start) % workers].get()


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


def optimizer(rate: float, total: int) -> keras.optimizers.Optimizer:
    """AdamW, cosine with a short warm-up, gradient norm 5, exponential moving average of the weights."""
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 20, total, alpha=0.02, warmup_target=rate, warmup_steps=min(500, total // 20)
    )
    return keras.optimizers.AdamW(schedule, weight_decay=0.01, global_clipnorm=5.0, use_ema=True, ema_momentum=0.998)


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
    stream = feed(make, seed=options.seed, workers=options.workers, start=start * options.steps, total=total)
    first = next(stream)
    trainer.train_on_batch(*first)  # creates the variables, so that a checkpoint can be loaded
    if start:
        trainer.load_weights(options.out / "last.weights.h5")
        print(f"continuing after epoch {start}", flush=True)
    elif options.init:
        net.load_weights(options.init, skip_mismatch=True)
    callbacks = [Checkpoint(net, options.out)]
    trainer.fit(
        _chain(first, stream), steps_per_epoch=options.steps, epochs=options.epochs, initial_epoch=start,
        callbacks=callbacks, verbose=0,
    )
    settle(trainer, net, make, options)


def settle(
    trainer: keras.Model, net: keras.Model, make: Make, options: argparse.Namespace, *, batches: int = 80
) -> None:
    """Measure the batch statistics anew under the averaged weights, which never saw those of the raw ones."""
    net.load_weights(options.out / "average.weights.h5")
    norms = [layer for layer in net.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.95
    for inputs, _ in feed(lambda rng, _: make(rng, 1.0), seed=options.seed + 1, workers=0, start=0, total=batches):
        trainer(inputs, training=True)
    net.save_weights(options.out / "average.weights.h5")


def _chain(first: Batch, stream: Iterator[Batch]) -> Iterator[Batch]:
    yield first
    yield from stream
    yield first  # fit looks one batch ahead at the very end
