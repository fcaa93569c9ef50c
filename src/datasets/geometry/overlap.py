"""Shapes as regions for overlap tests: polygons as they are (concave included), lines thickened to tubes.

A self-intersecting polygon is read by the even-odd rule through `shapely.make_valid`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from src.contract.records import ObjectAnnotation

Box = tuple[float, float, float, float]
QUARTER_SEGMENTS = 8  # of a tube's round ends and corners


def bounds(points: Sequence[float]) -> Box:
    """The enclosing box of flat points."""
    xs, ys = points[::2], points[1::2]
    return min(xs), min(ys), max(xs), max(ys)


class Region:
    """An object's area for overlap tests; `tube` is half the width that a line is given, in pixels."""

    __slots__ = ("_tube", "area", "box", "is_box", "is_line", "item", "shape")

    def __init__(self, item: ObjectAnnotation, tube: float) -> None:
        self.item = item
        self.is_box = item.kind == "bbox_2d"
        self.is_line = item.kind == "line"
        self._tube = tube
        self.shape: Any = None
        box = bounds(item.points)
        margin = tube if self.is_line else 0.0
        self.box: Box = (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)
        self.area = (box[2] - box[0]) * (box[3] - box[1]) if self.is_box else -1.0

    def build(self) -> Any:
        """The shapely geometry, made once."""
        if self.shape is None:
            import shapely

            pairs = list(zip(self.item.points[::2], self.item.points[1::2], strict=True))
            if self.is_line:
                line = shapely.LineString(pairs)
                self.shape = line.buffer(self._tube, quad_segs=QUARTER_SEGMENTS)
            elif self.is_box:
                self.shape = shapely.box(*self.box)
            else:
                polygon = shapely.Polygon(pairs)
                self.shape = polygon if polygon.is_valid else shapely.make_valid(polygon)
            self.area = float(self.shape.area)
        return self.shape
