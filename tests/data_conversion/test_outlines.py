"""Masks become outlines along pixel edges: areas are pixel counts, parts are simple, holes are told."""

import cv2
import numpy as np
import pytest
import shapely

from data_conversion.pipeline.outlines import mask_outlines
from src.datasets.geometry.clip import area_of
from src.rng import generator


def pairs(part):
    return list(zip(part[::2], part[1::2], strict=True))


def painted(parts, shape):
    """The mask back from the outlines, by the pixels' centres: shares no code with the tracing."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    mask = np.zeros(shape, bool)
    for part in parts:
        mask |= shapely.contains_xy(shapely.Polygon(pairs(part)), x, y)
    return mask


def test_a_pixel_is_a_square_of_area_one_at_its_place():
    mask = np.zeros((4, 5), bool)
    mask[2, 3] = True
    assert mask_outlines(mask).parts == ((3, 2, 4, 2, 4, 3, 3, 3),)
    assert mask_outlines(mask, left=10, top=20).parts == ((13, 22, 14, 22, 14, 23, 13, 23),)


def test_collinear_edges_make_one_side_and_the_border_is_no_trouble():
    assert mask_outlines(np.ones((4, 6), bool)).parts == ((0, 0, 6, 0, 6, 4, 0, 4),)
    bracket = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1]], bool)
    assert mask_outlines(bracket).parts == ((0, 0, 1, 0, 1, 2, 3, 2, 3, 3, 0, 3),)


def test_pixels_that_touch_at_a_corner_are_two_parts():
    for mask in (np.eye(2, dtype=bool), ~np.eye(2, dtype=bool)):
        parts = mask_outlines(mask).parts
        assert [area_of(pairs(part)) for part in parts] == [1, 1]


def test_holes_are_filled_and_told_and_islands_in_them_are_not_counted_twice():
    ring = np.ones((5, 5), bool)
    ring[1:4, 1:4] = False
    ring[2, 2] = True
    outlines = mask_outlines(ring)
    assert outlines.parts == ((0, 0, 5, 0, 5, 5, 0, 5),)
    assert outlines.filled_share == 8 / 25


def test_a_hole_closed_at_a_corner_only_is_a_hole():
    mask = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], bool)
    outlines = mask_outlines(mask)
    assert outlines.filled_share == 1 / 8
    assert all(shapely.Polygon(pairs(part)).is_valid for part in outlines.parts)


def test_an_empty_mask_has_no_outline():
    assert mask_outlines(np.zeros((3, 3), bool)).parts == ()


@pytest.mark.parametrize("seed", range(40))
def test_outlines_paint_the_mask_again_and_are_simple(seed):
    rng = generator(seed, "outlines")
    shape = tuple(int(side) for side in rng.integers(1, 30, size=2))
    mask = rng.random(shape) < rng.uniform(0.2, 0.9)
    outlines = mask_outlines(mask)
    polygons = [shapely.Polygon(pairs(part)) for part in outlines.parts]
    assert all(polygon.is_valid for polygon in polygons)
    again = painted(outlines.parts, shape)
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    cv2.floodFill(outside, None, (0, 0), 2)
    assert np.array_equal(again, outside[1:-1, 1:-1] != 2)
    assert sum(polygon.area for polygon in polygons) == again.sum()
    assert outlines.filled_share == (again.sum() - mask.sum()) / max(again.sum(), 1)


def test_a_large_object_is_traced_in_little_time_and_its_area_is_its_pixels():
    y, x = np.mgrid[:900, :900]
    disc = (x - 450) ** 2 + (y - 450) ** 2 < 400**2
    (part,) = mask_outlines(disc).parts
    assert area_of(pairs(part)) == disc.sum()
