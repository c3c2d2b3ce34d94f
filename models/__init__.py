"""The five networks of edge-alpr in Keras 3, and everything that trains them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

NAMES = ("detector", "quality", "restorer", "reader", "wide_reader")


def build(name: str, *, batch_size: int | None = None) -> keras.Model:
    """The network of that name as it is deployed; ValueError for a name that is not one of NAMES."""
    if name not in NAMES:
        raise ValueError(f"there is no model {name!r}; choose one of {', '.join(NAMES)}")
    return import_module(f"models.{name}").build(batch_size=batch_size)
