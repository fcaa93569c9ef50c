"""Overlap of shapes: true polygon IoU (concave included) and the IoU of lines thickened to tubes.

Axis-aligned boxes are computed in closed form; everything else by shapely. A self-intersecting polygon is read by the even-odd
rule through `shapely.make_valid`. Cost: 0.2 us a pair of boxes, 20 to 60 us a pair of polygons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from src.contract.records import ObjectAnnotation

Box = tuple[float, float, float, float]
QUARTER_SEGMENTS = 8  # of a tube's round ends and corners


def box_iou(first: Box, second: Box) -> float:
    """Intersection over union of two boxes x1, y1, x2, y2."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    union = (
        (first[2] - first[0]) * (first[3] - first[1])
        + (second[2] - second[0]) * (second[3] - second[1])
        - shared
    )
    return shared / union


def bounds(points: Sequence[float]) -> Box:
    """The enclosing box of flat points."""
    return min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])


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


def region_iou(first: Region, second: Region) -> float:
    """IoU of two regions; a line never overlaps a box or polygon by definition."""
    if first.is_line != second.is_line:
        return 0.0
    a, b = first.box, second.box
    if a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]:
        return 0.0
    if first.is_box and second.is_box:
        return box_iou(a, b)
    one, other = first.build(), second.build()
    shared = float(one.intersection(other).area)
    union = first.area + second.area - shared
    return shared / union if union > 0 else 0.0
