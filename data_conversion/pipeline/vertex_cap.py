"""The cap on vertices as a step: the shape that is left, and how near it is to the one that was annotated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from data_conversion.pipeline.raw import Finding, RawObject
from src.datasets.geometry.clip import Path
from src.datasets.geometry.simplify import cap_vertices


def cap_object(item: RawObject, path: Path, limit: int) -> tuple[RawObject, Sequence[Finding]]:
    """At most `limit` vertices of a polygon or line; the finding states IoU (lines: the farthest deviation)."""
    if len(path) <= limit:
        return item, ()
    capped = cap_vertices(path, limit, closed=item.kind == "poly")
    result = _nearness(item, path, capped)
    finding = Finding(
        kind="fixed",
        rule="vertex-cap",
        message=f"vertices were left out, at most {limit} are wanted",
        object_index=item.index,
        label=item.label,
        got=f"{len(path)} vertices",
        result=f"{len(capped)} vertices, {result}",
    )
    return replace(item, parts=(tuple(value for pair in capped for value in pair),)), (finding,)


def cap_pieces(paths: Sequence[Path], limit: int | None) -> list[Path] | None:
    """The pieces of one object with so few vertices that `limit` holds for all of them joined, two more a bridge.

    Each has a share of the vertices like its share of all, at least three; None where that is not possible. Vertices are left
    out before the pieces are joined, because afterwards a bridge would be taken for part of the shape.
    """
    if limit is None:
        return list(paths)
    room = limit - 2 * (len(paths) - 1)
    if room < 3 * len(paths):
        return None
    total = sum(map(len, paths))
    if total <= room:
        return list(paths)
    spare = room - 3 * len(paths)
    above = total - 3 * len(paths)
    return [cap_vertices(path, 3 + (len(path) - 3) * spare // above, closed=True) for path in paths]


def nearness_of_pieces(before: Sequence[Path], after: Sequence[Path]) -> str:
    """How near the capped pieces of an object are to its pieces."""
    import shapely

    whole, rest = (
        shapely.union_all([_region(path) for path in paths]) for paths in (before, after)
    )
    return f"IoU {float(whole.intersection(rest).area) / float(whole.union(rest).area):.4f}"


def _nearness(item: RawObject, path: Path, capped: Path) -> str:
    import shapely

    if item.kind == "line":
        distance = shapely.hausdorff_distance(shapely.LineString(path), shapely.LineString(capped))
        return f"at most {float(distance):.2f} px away"
    whole, rest = _region(path), _region(capped)
    union = float(whole.union(rest).area)
    return f"IoU {float(whole.intersection(rest).area) / union:.4f}"


def _region(path: Path) -> Any:
    import shapely

    polygon = shapely.Polygon(path)
    return polygon if polygon.is_valid else shapely.make_valid(polygon)
