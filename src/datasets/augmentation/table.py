"""The shapes of one picture while it is augmented: all vertices in one array, one row of facts per shape.

Most ops touch every vertex and no fact, so a map is one matrix product; only shapes that cross a window side go through the
exact clipper. Boxes travel as their four corners, so that a box that is turned and turned back is a box again.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.contract.records import GeometryKind
from src.datasets.geometry.affine import Matrix, inverse, transform_points
from src.datasets.geometry.clip import (
    EDGE_TOLERANCE,
    Path,
    Window,
    area_of,
    clip_line,
    clip_polygon,
    largest_area,
    length_of,
)
from src.datasets.geometry.shapes import Points
from src.datasets.scene import SceneObject

CORNERS = np.array([[0, 1], [2, 1], [2, 3], [0, 3]])  # of a box x1, y1, x2, y2
PartPolicy = Literal["largest", "split"]


class Tracked(NamedTuple):
    """What is known about a shape on its way.

    `fraction` is the visible share of the original object (area; length of a line, as measured in the source picture), over
    all clips so far. `source_id` is the object that a pasted copy came from, else the object itself.
    """

    object_id: int
    source_id: int
    kind: GeometryKind
    desc: str
    fraction: float = 1.0
    is_partial: bool = False


class Dropped(NamedTuple):
    """An object that left the picture, and why."""

    object_id: int
    op: str
    reason: str
    fraction: float


@dataclass(frozen=True, slots=True)
class Floors:
    """Below `visible` an object is dropped; below `complete` its wording becomes that of a partly shown one."""

    visible: float
    complete: float


@dataclass(frozen=True, slots=True, eq=False)
class ShapeTable:
    """`points` is (P, 2) float64; shape i owns the rows from `starts[i]` to the next start."""

    points: Points
    starts: NDArray[np.intp]
    items: tuple[Tracked, ...]

    def __len__(self) -> int:
        return len(self.items)

    def path(self, index: int) -> Path:
        """The vertices of shape `index` as pairs."""
        stop = self.starts[index + 1] if index + 1 < len(self.items) else len(self.points)
        return list(map(tuple, self.points[self.starts[index] : stop].tolist()))

    def pieces(self) -> list[Points]:
        """The vertices of each shape, views of `points`."""
        if not self.items:
            return []
        points, starts = self.points, self.starts.tolist()
        stops = [*starts[1:], len(points)]
        return [points[start:stop] for start, stop in zip(starts, stops, strict=True)]

    def moved(self, matrix: Matrix) -> ShapeTable:
        if not self.items:
            return self
        return ShapeTable(transform_points(self.points, matrix), self.starts, self.items)

    def bounds(self) -> NDArray[np.float64]:
        """(n, 4) enclosing boxes."""
        if not self.items:
            return np.empty((0, 4))
        boxes = np.empty((len(self.items), 4))
        np.minimum.reduceat(self.points, self.starts, axis=0, out=boxes[:, :2])
        np.maximum.reduceat(self.points, self.starts, axis=0, out=boxes[:, 2:])
        return boxes

    def kept(self, indices: list[int]) -> ShapeTable:
        if len(indices) == len(self.items):
            return self
        return table_of([(self.items[i], self.path(i)) for i in indices])

    def extended(self, rows: list[tuple[Tracked, Path]]) -> ShapeTable:
        return table_of([*((item, self.path(i)) for i, item in enumerate(self.items)), *rows])


def table_of(rows: list[tuple[Tracked, Path]]) -> ShapeTable:
    """A table of shapes given as vertex lists."""
    return _joined([item for item, _ in rows], [np.array(path) for _, path in rows])


def _joined(items: list[Tracked], pieces: list[Points]) -> ShapeTable:
    if not items:
        return ShapeTable(np.empty((0, 2)), np.empty(0, dtype=np.intp), ())
    starts = list(accumulate(map(len, pieces[:-1]), initial=0))
    return ShapeTable(np.concatenate(pieces), np.array(starts, dtype=np.intp), tuple(items))


def table_of_scene(objects: tuple[SceneObject, ...]) -> ShapeTable:
    """The table of a scene's objects, boxes as corners clockwise from the top left."""
    shapes = [item.shape for item in objects]
    pieces = [
        shape.points.take(CORNERS) if shape.kind == "bbox_2d" else shape.points for shape in shapes
    ]
    items = [
        Tracked(shape.object_id, shape.object_id, shape.kind, item.desc)
        for item, shape in zip(objects, shapes, strict=True)
    ]
    return _joined(items, pieces)


def clip_table(
    table: ShapeTable,
    window: Window,
    from_source: Matrix,
    floors: Floors,
    policy: PartPolicy,
    op: str,
) -> tuple[ShapeTable, tuple[Dropped, ...]]:
    """Every shape cut to the window, those below the visible floor taken out.

    `from_source` maps the source picture to the table's frame: lengths are compared in the source picture, since a map that
    stretches one axis changes ratios of lengths (ratios of areas it does not).
    """
    if not table.items:
        return table, ()
    boxes = table.bounds().tolist()
    left, top = window[0] - EDGE_TOLERANCE, window[1] - EDGE_TOLERANCE
    right, bottom = window[2] + EDGE_TOLERANCE, window[3] + EDGE_TOLERANCE
    within = [x1 >= left and y1 >= top and x2 <= right and y2 <= bottom for x1, y1, x2, y2 in boxes]
    if all(within):
        return table, ()
    back = inverse(from_source)
    items: list[Tracked] = []
    pieces: list[Points] = []
    dropped: list[Dropped] = []
    for item, piece, box, inside in zip(table.items, table.pieces(), boxes, within, strict=True):
        if inside:
            items.append(item)
            pieces.append(piece)
            continue
        if box[0] > window[2] or box[2] < window[0] or box[1] > window[3] or box[3] < window[1]:
            dropped.append(Dropped(item.object_id, op, "outside", 0.0))
            continue
        path = list(map(tuple, piece.tolist()))
        share, parts = _visible(item.kind, path, window, box, back)
        if not parts or item.fraction * share < floors.visible:
            shown = item.fraction * share
            reason = f"visible {shown:.3f} below {floors.visible:g}" if parts else "outside"
            dropped.append(Dropped(item.object_id, op, reason, shown))
            continue
        is_partial = item.is_partial or item.fraction * share < floors.complete
        for part_share, part in parts if policy == "split" else parts[:1]:
            fraction = item.fraction * part_share
            items.append(item._replace(fraction=fraction, is_partial=is_partial))
            pieces.append(np.array(part))
    return _joined(items, pieces), tuple(dropped)


def _visible(
    kind: GeometryKind, path: Path, window: Window, box: Window, back: Matrix
) -> tuple[float, list[tuple[float, Path]]]:
    """(visible share, [(share, part), ...]), the largest part first."""
    if kind == "line":
        parts = clip_line(path, window)
        whole, sizes = _source_length(path, back), [_source_length(part, back) for part in parts]
    else:
        parts = clip_polygon(path, window, box)
        whole, sizes = area_of(path), [area_of(part) for part in parts]
    if not parts or whole <= 0.0:
        return 0.0, []
    shares = sorted(
        ((size / whole, index) for index, size in enumerate(sizes)), key=lambda s: (-s[0], s[1])
    )
    return sum(share for share, _ in shares), [(share, parts[index]) for share, index in shares]


def _source_length(path: Path, back: Matrix) -> float:
    (a, b, c), (d, e, f), _ = back.tolist()
    return length_of([(a * x + b * y + c, d * x + e * y + f) for x, y in path])


def covered_share(table: ShapeTable, index: int, window: Window) -> float:
    """The share of a shape (area, or length of a line) that the window covers."""
    path = table.path(index)
    if table.items[index].kind == "line":
        whole = length_of(path)
        return sum(length_of(run) for run in clip_line(path, window)) / whole if whole else 0.0
    whole = area_of(path)
    return sum(area_of(part) for part in clip_polygon(path, window)) / whole if whole else 0.0


def largest_part(outline: Path, window: Window) -> Path | None:
    """The largest part of an outline inside the window; None when nothing is."""
    parts = clip_polygon(outline, window)
    return largest_area(parts) if parts else None
