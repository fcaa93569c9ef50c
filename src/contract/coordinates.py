"""Coordinate spaces of a model's text: pixels of the picture that it sees, or a relative grid of 100 or 1000.

norm1000 of x is round(x / width * 1000), ties to even, clamped to 0..1000; y likewise with height. Going back multiplies by
size / 1000, so a round trip moves a point by at most half a grid cell (width / 2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Norm = Literal["none", "norm100", "norm1000"]
GRID: dict[Norm, int] = {"norm100": 100, "norm1000": 1000}


def to_text_space(points: Sequence[float], width: int, height: int, norm: Norm) -> list[int]:
    """Flat pixel points -> flat integers as the model writes them.

    Norm "none" rounds to whole pixels inside 0..width and 0..height.
    """
    limits = (GRID[norm], GRID[norm]) if norm != "none" else (width, height)
    sizes = (width, height)
    out = []
    for position, value in enumerate(points):
        axis = position % 2
        limit = limits[axis]
        out.append(min(max(round(value / sizes[axis] * limit), 0), limit))
    return out


def from_text_space(
    points: Sequence[float], width: int, height: int, norm: Norm
) -> tuple[float, ...]:
    """Flat values as the model wrote them -> flat pixel points (float)."""
    if norm == "none":
        return tuple(float(value) for value in points)
    grid = GRID[norm]
    sizes = (width, height)
    return tuple(value * sizes[position % 2] / grid for position, value in enumerate(points))
