"""Batches rendered in other processes, the same for a seed whatever their number."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Full
from typing import Any

import cv2
import numpy as np

Batch = tuple[Any, Any]
Make = Callable[[np.random.Generator, float], Batch]  # (generator, progress 0..1) → one batch


def _serve(make: Make, seed: int, worker: int, workers: int, start: int, total: int, queue: Any) -> None:
    cv2.setNumThreads(1)
    parent = os.getppid()
    for index in range(start + worker, total, workers):
        batch = make(np.random.default_rng([seed, index]), index / total)
        waiting = True
        while waiting:
            if os.getppid() != parent:  # a trainer that was killed leaves no renderer behind
                queue.cancel_join_thread()
                return
            with suppress(Full):
                queue.put(batch, timeout=5)
                waiting = False


def feed(make: Make, *, seed: int, workers: int, start: int, total: int) -> Iterator[Batch]:
    """Batches start … total − 1, rendered by so many worker processes (0: by this one)."""
    if not workers:
        yield from (make(np.random.default_rng([seed, index]), index / total) for index in range(start, total))
        return
    context = multiprocessing.get_context("spawn")
    queues = [context.Queue(maxsize=6) for _ in range(workers)]
    for worker, queue in enumerate(queues):
        context.Process(target=_serve, args=(make, seed, worker, workers, start, total, queue), daemon=True).start()
    for index in range(start, total):
        yield queues[(index - start) % workers].get()
