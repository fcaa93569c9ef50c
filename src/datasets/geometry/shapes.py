"""Boxes, polygons and polylines as frozen values that carry the id of the object they belong to.

Convention everywhere: pixels of the upright image, pixel edges (a 640-wide image spans 0..640), x to the right, y down,
float64. Rounding happens only where text is written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.contract.records import GeometryKind, ObjectAnnotation

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One object's geometry: `points` is (N, 2) float64, read-only; a box holds its two corners (2, 2)."""

    object_id: int
    kind: GeometryKind
    points: Points

    @property
    def flat(self) -> tuple[float, ...]:
        """(x1, y1, x2, y2, ...)"""
        return tuple(self.points.ravel().tolist())

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(x1, y1, x2, y2) of the enclosing box."""
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def shape_of(annotation: ObjectAnnotation, object_id: int) -> Shape:
    """The shape of an annotated object; the points are copied into a read-only array."""
    points = np.array(annotation.points, dtype=np.float64).reshape(-1, 2)
    points.flags.writeable = False
    return Shape(object_id, annotation.kind, points)
