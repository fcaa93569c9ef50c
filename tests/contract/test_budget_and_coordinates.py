"""The pixel budget against Qwen's own rule, and the coordinate grids against their bound."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from src.contract.budget import CELL, MAX_PIXELS, MIN_PIXELS, PixelBudget
from src.contract.coordinates import GRID, Norm, from_text_space, to_text_space
from src.errors import DataError
from src.training.torchvision_shim import ensure_torchvision

# transformers rounds a side below half a cell to nothing, where Qwen's own utilities and we give it one cell.
SIDES = st.integers(CELL // 2 + 1, 9000)


@settings(deadline=None)
@given(
    SIDES, SIDES, st.sampled_from([MIN_PIXELS, 256 * 256]), st.sampled_from([512 * 512, MAX_PIXELS])
)
@example(17, 17, MIN_PIXELS, MAX_PIXELS)
@example(48, 80, MIN_PIXELS, MAX_PIXELS)
def test_sizes_are_those_of_qwens_own_resizing(
    width: int, height: int, low: int, high: int
) -> None:
    ensure_torchvision()
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    budget = PixelBudget(min_pixels=low, max_pixels=high)
    if max(width, height) > 200 * min(width, height):
        with pytest.raises(DataError, match="elongated"):
            budget.fit(width, height)
        return
    expected = smart_resize(height, width, factor=CELL, min_pixels=low, max_pixels=high)
    assert budget.fit(width, height) == expected[::-1]
    assert budget.image_tokens(width, height) == expected[0] * expected[1] // CELL**2


@given(SIDES, SIDES, st.floats(0, 1), st.floats(0, 1), st.sampled_from(["norm100", "norm1000"]))
def test_a_round_trip_moves_a_point_by_half_a_cell_at_most(
    width: int, height: int, x: float, y: float, norm: Norm
) -> None:
    point = (x * width, y * height)
    written = to_text_space(point, width, height, norm)
    assert all(0 <= value <= GRID[norm] for value in written)
    back = from_text_space(written, width, height, norm)
    assert abs(back[0] - point[0]) <= width / GRID[norm] / 2 + 1e-9
    assert abs(back[1] - point[1]) <= height / GRID[norm] / 2 + 1e-9
    assert to_text_space(back, width, height, norm) == written


def test_a_side_below_half_a_cell_still_gets_a_cell() -> None:
    assert PixelBudget().fit(10, 1000) == (CELL, 992)


def test_points_outside_are_clamped_to_the_grid() -> None:
    assert to_text_space([-3, 5, 105, 90], 100, 80, "norm1000") == [0, 62, 1000, 1000]
    assert to_text_space([-3, 5.4, 105, 90], 100, 80, "none") == [0, 5, 100, 80]
