"""How large a picture the model gets: a grid of square cells (Qwen3-VL: 32 pixels) between a smallest and a largest area.

The rule is that of Qwen's own `smart_resize` (qwen-vl-utils, patch 16, merge 2): each side is rounded to the grid, then both
are scaled together when the area leaves the budget. A cell of Qwen3-VL's grid becomes one image token.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from src.errors import DataError

CELL = 32
MIN_PIXELS = 4 * CELL * CELL
MAX_PIXELS = 16384 * CELL * CELL
MAX_ASPECT_RATIO = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelBudget:
    """Bounds on width * height of what the model sees, in pixels; `factor` is the side of a grid cell."""

    min_pixels: int = MIN_PIXELS
    max_pixels: int = MAX_PIXELS
    factor: int = CELL

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) on the grid for a picture of the given size.

        `DataError` for an aspect ratio above 200, which the model's processor refuses.
        """
        if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
            raise DataError.say(
                f"a picture of {width}x{height} is too elongated",
                expected=f"an aspect ratio of at most {MAX_ASPECT_RATIO}",
                remedy="crop it before training",
            )
        cell = self.factor
        fitted_width = max(cell, round(width / cell) * cell)
        fitted_height = max(cell, round(height / cell) * cell)
        if fitted_width * fitted_height > self.max_pixels:
            scale = math.sqrt(width * height / self.max_pixels)
            fitted_width = max(cell, math.floor(width / scale / cell) * cell)
            fitted_height = max(cell, math.floor(height / scale / cell) * cell)
        elif fitted_width * fitted_height < self.min_pixels:
            scale = math.sqrt(self.min_pixels / (width * height))
            fitted_width = math.ceil(width * scale / cell) * cell
            fitted_height = math.ceil(height * scale / cell) * cell
        return fitted_width, fitted_height

    def image_tokens(self, width: int, height: int) -> int:
        """Image tokens (cells) of a picture of the given size, without the two vision markers around them."""
        fitted_width, fitted_height = self.fit(width, height)
        return fitted_width * fitted_height // self.factor**2
