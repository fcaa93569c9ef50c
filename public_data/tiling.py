"""One record and its picture as tiles: windows of whole pixels, and what each shows of an object.

Objects are clipped exactly (the largest part stays); one that shows less of itself than a given share is left out of the tile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from public_data.object_metadata import metadata_of_kept
from src.contract.records import ObjectAnnotation, Record
from src.datasets.geometry.clip import (
    Path as Outline,
)
from src.datasets.geometry.clip import (
    Window,
    area_of,
    bounds_of,
    clip_line,
    clip_polygon,
    length_of,
)


def windows(width: int, height: int, grid: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """(x1, y1, x2, y2) of each tile of a (columns, rows) grid in whole pixels, row by row; together they are the picture.

    No tile is empty where the picture has at least as many pixels across and down as the grid has tiles.
    """
    xs = [round(width * column / grid[0]) for column in range(grid[0] + 1)]
    ys = [round(height * row / grid[1]) for row in range(grid[1] + 1)]
    return [
        (xs[column], ys[row], xs[column + 1], ys[row + 1])
        for row in range(grid[1])
        for column in range(grid[0])
    ]


def tile_record(
    record: Record, image: str, window: tuple[int, int, int, int], min_visible: float
) -> Record:
    """The tile's record. Metadata stays; a summary does not, as it speaks of the whole picture."""
    found = [shown(item, window, min_visible) for item in record.objects]
    x1, y1, x2, y2 = window
    return replace(
        record,
        images=(image,),
        width=x2 - x1,
        height=y2 - y1,
        objects=tuple(item for item in found if item is not None),
        summary=None,
        metadata=metadata_of_kept(record.metadata, [item is not None for item in found]),
    )


def shown(item: ObjectAnnotation, window: Window, min_visible: float) -> ObjectAnnotation | None:
    """The object on its tile; None when the tile shows too little of it."""
    size: Callable[[Outline], float]
    path: Outline = list(zip(item.points[::2], item.points[1::2], strict=True))
    if item.kind == "line":
        parts, size = clip_line(path, window), length_of
    else:
        if item.kind == "bbox_2d":
            (x1, y1), (x2, y2) = path
            path = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
        parts, size = clip_polygon(path, window), area_of
    part = max(parts, key=size, default=None)
    if part is None or size(part) < min_visible * size(path):
        return None
    if item.kind == "bbox_2d":
        x1, y1, x2, y2 = bounds_of(part)
        part = [(x1, y1), (x2, y2)]
    points = tuple(float(v) for x, y in part for v in (x - window[0], y - window[1]))
    return ObjectAnnotation(desc=item.desc, kind=item.kind, points=points)
