"""Geometries of the telecom raw export, by the table in `telecom.py`. What is no shape is dropped, and noted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data_conversion.pipeline import json_values as values
from data_conversion.pipeline.object_notes import Notes
from data_conversion.pipeline.raw import Points
from src.contract.records import GeometryKind

KINDS: Mapping[str, GeometryKind] = {
    "ExtentPolygon": "bbox_2d",
    "Quad": "poly",
    "Square": "poly",
    "Polygon": "poly",
    "LineString": "line",
}
FEWEST_POINTS: Mapping[GeometryKind, int] = {"bbox_2d": 2, "poly": 3, "line": 2}
Pairs = list[tuple[float, float]]


def feature_shape(feature: values.Object, notes: Notes) -> tuple[GeometryKind, Points] | None:
    """(kind, flat pixels) of a feature; None, and a note, for what is no shape."""
    geometry = values.mapping(feature.get("geometry"))
    name = geometry.get("type")
    if not isinstance(name, str) or name not in KINDS:
        notes.add("dropped", "geometry-unknown", "the geometry is of no known type", name)
        return None
    kind = KINDS[name]
    rings = _rings(geometry.get("coordinates"))
    if rings is None:
        got = geometry.get("coordinates")
        notes.add("dropped", "points", "the coordinates are no list of finite points", got)
        return None
    ring = rings[0]
    if len(rings) > 1 and kind == "line":
        message = "a line of several pieces has no place"
        notes.add("dropped", "line-pieces", message, f"{len(rings)} pieces")
        return None
    if len(rings) > 1:
        message = "further outlines are holes; they were filled"
        notes.add("fixed", "holes-filled", message, f"{len(rings) - 1} holes")
    if kind == "poly" and len(ring) > FEWEST_POINTS[kind] and ring[0] == ring[-1]:
        ring = ring[:-1]
    if len(ring) < FEWEST_POINTS[kind]:
        notes.add("dropped", "point-number", "the shape has too few points", f"{len(ring)} points")
        return None
    if kind == "bbox_2d":
        return _extent(ring, notes)
    return kind, tuple(value for pair in ring for value in pair)


def corner_shape(entry: values.Object, notes: Notes) -> tuple[GeometryKind, Points] | None:
    """The box of an entry of the older layout, which has two opposite corners."""
    rings = _rings(entry.get("coordinates"))
    if rings is None or len(rings) != 1 or len(rings[0]) != 2:
        got = entry.get("coordinates")
        notes.add("dropped", "points", "the coordinates are no two finite corners", got)
        return None
    return _extent(rings[0], notes)


def _extent(ring: Pairs, notes: Notes) -> tuple[GeometryKind, Points] | None:
    """The box around the points; a slanted outline is noted, an empty one dropped."""
    xs, ys = zip(*ring, strict=True)
    points = (min(xs), min(ys), max(xs), max(ys))
    got = " ".join(f"{x:g},{y:g}" for x, y in ring)
    if points[0] == points[2] or points[1] == points[3]:
        notes.add("dropped", "degenerate", "the box has no area", got)
        return None
    if any(x not in (points[0], points[2]) or y not in (points[1], points[3]) for x, y in ring):
        result = " ".join(f"{value:g}" for value in points)
        message = "the outline is no upright rectangle; the box around it was taken"
        notes.add("fixed", "box-slanted", message, got, result)
    return "bbox_2d", points


def _rings(value: Any) -> list[Pairs] | None:
    """Outlines of a polygon, or the one list of points of a line; None for anything else."""
    outlines = values.sequence(value)
    if values.pair(outlines[0] if outlines else None) is not None:
        outlines = [outlines]
    rings = []
    for outline in outlines:
        pairs = [values.pair(point) for point in values.sequence(outline)]
        ring = [pair for pair in pairs if pair is not None]
        if not ring or len(ring) < len(pairs):
            return None
        rings.append(ring)
    return rings or None
