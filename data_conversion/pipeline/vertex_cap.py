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
