"""Flat points between the pixels of a picture and the coordinate space of a text format.

Every space is a stretching of the picture by one factor a side, given by where the picture's far corner lies in it (`extent`):
`pixels` at (width, height), `norm1`, `norm100`, `norm1000` at (1, 1), (100, 100), (1000, 1000), and `qwen25` at the size that
Qwen2.5-VL resizes the picture to. That size is its `smart_resize` with a grid of 28 pixels and an area of 4 to 16384 cells, the
processor's own bounds; a training that sets other bounds writes other coordinates.

Pixels are those of the upright picture, pixel-edge convention. Pure functions, no cost.
"""

from __future__ import annotations

from collections.abc import Sequence

from data_conversion.pipeline.reading import Space
from src.contract.budget import PixelBudget

QWEN25_CELL = 28
QWEN25_BUDGET = PixelBudget(
    min_pixels=4 * QWEN25_CELL**2, max_pixels=16384 * QWEN25_CELL**2, factor=QWEN25_CELL
)
UNITS: dict[Space, int] = {"norm1": 1, "norm100": 100, "norm1000": 1000}

Size = tuple[int, int]


def extent(space: Space, size: Size) -> Size:
    """Where the far corner of a picture of `size` (width, height) lies in the space.

    `DataError` for "qwen25" and an aspect ratio above 200, which the model's processor refuses.
    """
    if space in UNITS:
        return UNITS[space], UNITS[space]
    return size if space == "pixels" else QWEN25_BUDGET.fit(*size)


def from_space(points: Sequence[float], space: Space, size: Size) -> tuple[float, ...]:
    """Flat points of the space -> pixels of a picture of `size`; nothing is rounded or clamped."""
    return _stretched(points, extent(space, size), size)


def to_space(points: Sequence[float], space: Space, size: Size) -> tuple[float, ...]:
    """Flat pixels of a picture of `size` -> points of the space; nothing is rounded or clamped."""
    return _stretched(points, size, extent(space, size))


def _stretched(points: Sequence[float], here: Size, there: Size) -> tuple[float, ...]:
    if here == there:  # exact: x * w / w need not be x
        return tuple(float(value) for value in points)
    return tuple(
        value * there[position % 2] / here[position % 2] for position, value in enumerate(points)
    )
