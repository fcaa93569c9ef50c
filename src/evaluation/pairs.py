"""Pairs of overlapping objects of many images at once, with their IoU.

Pairs of boxes are computed together by numpy; of other pairs, those whose bounding boxes leave the wanted IoU possible go to
shapely. Cost: 0.1 us a pair of boxes, 20 to 60 us for each pair of polygons or
lines that is left by the prefilter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.contract.records import ObjectAnnotation
from src.datasets.geometry.overlap import Region, bounds

Indices = NDArray[np.int64]
Values = NDArray[np.float64]
_SLACK = 1e-9  # The prefilter's bound is rounded otherwise than the IoU itself.


class ObjectSet:
    """Objects of several images, one image after the other, made ready for overlap tests.

    `starts` (images + 1,) bounds each image's objects. `boxes` is (N, 4) XYXY in pixels, a line's with the margin of its tube;
    `areas` (N,) in square pixels: true area of a polygon, -1 for a line, which has none. `names` numbers the descriptions.
    """

    def __init__(
        self,
        images: Sequence[Sequence[ObjectAnnotation]],
        tubes: Sequence[float],
        names: dict[str, int],
    ) -> None:
        self.items = list(chain.from_iterable(images))
        lengths = np.array([len(objects) for objects in images], dtype=np.int64)
        self.starts: Indices = np.concatenate(([0], np.cumsum(lengths)))
        self.image: Indices = np.repeat(np.arange(len(images)), lengths)
        self.names: Indices = np.array(
            [names.setdefault(item.desc, len(names)) for item in self.items], dtype=np.int64
        )
        self.boxes = _bounding_boxes(self.items)
        size = self.boxes[:, 2:] - self.boxes[:, :2]
        self.areas: Values = size[:, 0] * size[:, 1]
        kinds = [item.kind for item in self.items]
        self.only_boxes = kinds.count("bbox_2d") == len(kinds)
        self.is_box = np.array([kind == "bbox_2d" for kind in kinds], dtype=bool)
        self.is_line = np.array([kind == "line" for kind in kinds], dtype=bool)
        self._regions: dict[int, Region] = {}
        self._tubes = np.array(tubes, dtype=np.float64)[self.image]
        if not self.only_boxes:
            margin = self._tubes[self.is_line, None]
            self.boxes[self.is_line] += margin * (-1.0, -1.0, 1.0, 1.0)
            self.areas[self.is_line] = -1.0
            polygons = np.flatnonzero(~self.is_box & ~self.is_line)
            self.areas[polygons] = self.shapes(polygons)[1]

    def shapes(self, indices: Indices) -> tuple[NDArray[np.object_], Values]:
        """Shapely geometries of objects and their areas, a line's being its tube."""
        regions = [self._region(index) for index in indices.tolist()]
        shapes = np.empty(len(regions), dtype=object)
        shapes[:] = [region.build() for region in regions]
        return shapes, np.array([region.area for region in regions], dtype=np.float64)

    def _region(self, index: int) -> Region:
        if index not in self._regions:
            self._regions[index] = Region(self.items[index], float(self._tubes[index]))
        return self._regions[index]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Objects of one set that overlap objects of another in the same image: their indices, by image and index, and IoU."""

    first: Indices
    second: Indices
    iou: Values

    def only(self, wanted: NDArray[np.bool_]) -> Pairs:
        return Pairs(self.first[wanted], self.second[wanted], self.iou[wanted])


def _bounding_boxes(items: Sequence[ObjectAnnotation]) -> Values:
    if all(len(item.points) == 4 for item in items):
        flat: Iterable[Any] = chain.from_iterable(item.points for item in items)
        corners = np.fromiter(flat, dtype=np.float64, count=4 * len(items)).reshape(-1, 2, 2)
        low, high = (
            np.minimum(corners[:, 0], corners[:, 1]),
            np.maximum(corners[:, 0], corners[:, 1]),
        )
        return np.concatenate((low, high), axis=1)
    return np.array([bounds(item.points) for item in items], dtype=np.float64).reshape(-1, 4)


def overlapping_pairs(first: ObjectSet, second: ObjectSet, floor: float) -> Pairs:
    """Pairs of one image whose IoU is above 0 and at least `floor`; a line never overlaps a box or a polygon."""
    rows, columns = _all_pairs(first, second)
    return _overlapping(first, second, rows, columns, floor)


def repeated_pairs(found: ObjectSet, floor: float) -> Pairs:
    """Pairs of one image and one description whose IoU is at least `floor`, the earlier object first."""
    rows, columns = _all_pairs(found, found)
    wanted = (rows < columns) & (found.names[rows] == found.names[columns])
    return _overlapping(found, found, rows[wanted], columns[wanted], floor)


def _all_pairs(first: ObjectSet, second: ObjectSet) -> tuple[Indices, Indices]:
    partners = np.diff(second.starts)[first.image]
    rows = np.repeat(np.arange(len(first.items)), partners)
    offsets = np.cumsum(partners) - partners
    begin = second.starts[first.image] - offsets
    return rows, np.arange(len(rows)) + np.repeat(begin, partners)


def _overlapping(
    first: ObjectSet, second: ObjectSet, rows: Indices, columns: Indices, floor: float
) -> Pairs:
    shared = _shared_area(first.boxes, second.boxes, rows, columns)
    keep = shared > 0
    if not (first.only_boxes and second.only_boxes):
        keep &= first.is_line[rows] == second.is_line[columns]
    rows, columns, shared = rows[keep], columns[keep], shared[keep]
    if first.only_boxes and second.only_boxes:
        iou = shared / (first.areas[rows] + second.areas[columns] - shared)
    else:
        iou = _mixed_iou(first, second, rows, columns, shared, floor)
    return Pairs(rows, columns, iou).only((iou >= floor) & (iou > 0))


def _shared_area(first: Values, second: Values, rows: Indices, columns: Indices) -> Values:
    """Area that bounding boxes share, 0 where they do not meet."""
    sides = []
    for axis in (0, 1):
        low = np.maximum(first[rows, axis], second[columns, axis])
        extent = np.minimum(first[rows, axis + 2], second[columns, axis + 2]) - low
        sides.append(np.maximum(extent, 0.0, out=extent))
    return np.asarray(sides[0] * sides[1])


def _mixed_iou(
    first: ObjectSet,
    second: ObjectSet,
    rows: Indices,
    columns: Indices,
    shared: Values,
    floor: float,
) -> Values:
    """IoU of pairs whose bounding boxes meet; 0 instead of a value below `floor` where that is cheap to tell."""
    iou = np.zeros(len(rows))
    both = first.is_box[rows] & second.is_box[columns]
    union = first.areas[rows[both]] + second.areas[columns[both]] - shared[both]
    iou[both] = shared[both] / union
    others = np.flatnonzero(~both)
    if not others.size:
        return iou
    import shapely

    shapes, areas = first.shapes(rows[others])
    found_shapes, found_areas = second.shapes(columns[others])
    most = np.minimum(shared[others], np.minimum(areas, found_areas))
    reach = most >= (floor - _SLACK) * (areas + found_areas - most)
    inside = shapely.area(shapely.intersection(shapes[reach], found_shapes[reach]))
    union = areas[reach] + found_areas[reach] - inside
    iou[others[reach]] = np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)
    return iou
