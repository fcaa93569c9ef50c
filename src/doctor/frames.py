"""Explanations of a data set's numbers: which range spans the picture, and in which order a box's four numbers stand.

A frame says that the value `reach` (N, 2: x and y of each record) is the far edge of a picture of `size` (N, 2) pixels, so that
pixels = value / reach * size. The declared one is the data set as it claims to be; every other one is a mistake that
converters make.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from src.doctor.annotations import Floats

Space = Literal["pixels", "norm1", "norm100", "norm1000"]
GRID: dict[Space, float] = {"norm1": 1.0, "norm100": 100.0, "norm1000": 1000.0}
Order = Literal["xyxy", "xywh", "cxcywh", "added"]
"""Of a box's numbers. `added`: far corners that were taken for sizes, so x2 is x1 + x2."""

ORDERS: tuple[Order, ...] = ("xywh", "cxcywh", "added")
PAIRS: frozenset[tuple[Order, Space]] = frozenset(
    {("cxcywh", "norm1"), ("xywh", "norm1"), ("xywh", "norm1000")}
)
"""Orders that tools write in another space than pixels: YOLO's labels; corner and sides in shares, or thousandths."""
QWEN25_CELL = 28
QWEN25_MIN_PIXELS = 56 * 56
QWEN25_DEFAULT = 16384 * QWEN25_CELL**2
"""The processor's own bound of the area, and the converter's."""
QWEN25_CELLS = (128, 256, 512, 640, 768, 1024, 1280, 2048, 2560, 4096, 8192)
QWEN25_MAX_PIXELS = (QWEN25_DEFAULT, *(cells * QWEN25_CELL**2 for cells in QWEN25_CELLS))
"""The default first: where pictures are so small that another bound says the same, it is the one named."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation:
    """`cause` is stable text for programs; `group` is the check it belongs to; `penalty` (nats) speaks against the unusual."""

    cause: str
    group: str
    reach: Floats
    size: Floats
    order: Order = "xyxy"
    penalty: float = 0.0


def declared_frame(size: Floats, space: Space) -> Explanation:
    """The data set as it claims to be; `size` (N, 2) as the records give it."""
    return Explanation(cause="declared", group="", reach=_reach(size, space), size=size)


def alternatives(size: Floats, space: Space) -> Iterator[Explanation]:
    """Every other explanation but exchanged axes and a wrong size, which have checks of their own."""
    spaces: tuple[Space, ...] = ("pixels", "norm1", "norm100", "norm1000")
    for name in spaces:
        reach = _reach(size, name)
        if name != space:
            yield Explanation(cause=name, group="space", reach=reach, size=size)
        for order in ORDERS:
            if name != space and (order, name) not in PAIRS:
                continue  # Others would explain nearly anything.
            yield Explanation(
                cause=order if name == space else f"{order} {name}",
                group="order",
                reach=reach,
                size=size,
                order=order,
                penalty=0.0 if name == space else 20.0,
            )
    for name, grid in GRID.items():
        twice, back = grid**2 / size, size**2 / grid
        yield Explanation(cause=f"{name} twice", group="space", reach=twice, size=size, penalty=5.0)
        yield Explanation(
            cause=f"{name} undone twice", group="space", reach=back, size=size, penalty=5.0
        )
    yield from _qwen25(size)


def _qwen25(size: Floats) -> Iterator[Explanation]:
    """One for each bound of the area that makes a difference to these pictures."""
    seen: set[bytes] = set()
    for max_pixels in QWEN25_MAX_PIXELS:
        reach = qwen25_size(size, max_pixels)
        if (key := reach.tobytes()) not in seen:
            seen.add(key)
            yield Explanation(
                cause=f"qwen25 max_pixels={max_pixels}", group="qwen25", reach=reach, size=size
            )


def _reach(size: Floats, space: Space) -> Floats:
    return size if space == "pixels" else np.full_like(size, GRID[space])


def qwen25_size(size: Floats, max_pixels: int) -> Floats:
    """(N, 2) of the picture as Qwen2.5-VL sees it: both sides on a grid of 28 pixels, the area within bounds.

    The rule is that of `smart_resize` in qwen-vl-utils (patch 14, merge 2).
    """
    cell = QWEN25_CELL
    area = size[:, :1] * size[:, 1:]
    fitted = np.maximum(cell, np.round(size / cell) * cell)
    fitted_area = fitted[:, :1] * fitted[:, 1:]
    shrunk = np.maximum(cell, np.floor(size / np.sqrt(area / max_pixels) / cell) * cell)
    grown = np.ceil(size * np.sqrt(QWEN25_MIN_PIXELS / area) / cell) * cell
    found: Floats = np.where(fitted_area > max_pixels, shrunk, fitted)
    return np.where(fitted_area < QWEN25_MIN_PIXELS, grown, found)
