"""The steps on shapes: what an annotated object becomes on the upright picture. Pure functions of one object.

clipped to the picture -> pieces by policy, or the box around what is left of a polygon (`geometry=bbox`) -> smallest area ->
vertex cap -> the size of the picture that is written. Every change and every drop comes back as a finding. Points keep their
annotated order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from data_conversion.config import GeometryMode, PartsPolicy
from data_conversion.pipeline.merge_parts import merge_parts
from data_conversion.pipeline.raw import Finding, FindingKind, Points, RawImage, RawObject
from data_conversion.pipeline.vertex_cap import cap_object, cap_pieces, nearness_of_pieces
from src.contract.records import GeometryKind
from src.datasets.geometry.clip import (
    Path,
    area_of,
    bounds_of,
    clip_line,
    clip_polygon,
    length_of,
)

Findings = list[Finding]
MOST_NUMBERS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeOptions:
    """See `ConversionConfig`."""

    geometry: GeometryMode = "annotated"
    parts: PartsPolicy = "largest"
    max_vertices: int | None = None
    min_area: float = 0.0


def fit_shapes(
    raw: RawImage, size: tuple[int, int], options: ShapeOptions
) -> tuple[RawImage, tuple[Finding, ...]]:
    """Every object in one piece inside a picture of `size` (width, height), with extent, in annotated order.

    An object of several pieces may become several objects (`parts="split"`), which share its index.
    """
    kept: list[RawObject] = []
    findings: Findings = []
    for item in raw.objects:
        if _stays(item, size, options):
            kept.append(item)
        else:
            kept.extend(_fitted(item, size, options, findings))
    return replace(raw, objects=tuple(kept)), tuple(findings)


def scale_points(raw: RawImage, old: tuple[int, int], new: tuple[int, int]) -> RawImage:
    """Points of a picture of size `old` on the same picture at size `new`; what lies on an edge stays on it."""
    if old == new:
        return raw
    (width, height), (new_width, new_height) = old, new
    objects = []
    for item in raw.objects:
        points = list(item.points)
        points[::2] = [x * new_width / width for x in points[::2]]
        points[1::2] = [y * new_height / height for y in points[1::2]]
        objects.append(replace(item, parts=(tuple(points),)))
    return replace(raw, objects=tuple(objects))


def _fitted(
    item: RawObject, size: tuple[int, int], options: ShapeOptions, findings: Findings
) -> Iterator[RawObject]:
    paths = [_pairs(part) for part in item.parts]
    if not all(math.isfinite(sum(part)) for part in item.parts):  # one bad number spoils the sum
        findings.append(_finding(item, "dropped", "not-finite", "a coordinate is no finite number"))
        return
    whole = paths[0] if len(paths) == 1 else None
    paths = _clipped(item, paths, size, findings)
    if options.geometry == "bbox" and item.kind == "poly" and paths:
        whole = None
        item, paths = _boxed(item, paths, options.parts, findings)
    if len(paths) > 1 and item.kind == "poly":
        paths = _one_or_split(item, paths, options, findings)
    for path in paths:
        fitted = item if path is whole else replace(item, parts=(_flat(path),))
        if options.min_area > 0 and item.kind != "line" and _area(item, path) < options.min_area:
            got = f"{_area(item, path):g} square pixels"
            text = f"smaller than min_area ({options.min_area:g})"
            findings.append(_finding(item, "dropped", "min-area", text, got=got))
            continue
        if options.max_vertices is not None and item.kind != "bbox_2d":
            fitted, found = cap_object(fitted, path, options.max_vertices)
            findings.extend(found)
        yield fitted


def _stays(item: RawObject, size: tuple[int, int], options: ShapeOptions) -> bool:
    """Whether no step would change the object. Almost all are so, and finding it out costs a quarter of the steps."""
    if len(item.parts) > 1 or options.min_area > 0:
        return False
    points = item.points
    if item.kind != "bbox_2d":
        limit = options.max_vertices
        if (item.kind == "poly" and options.geometry == "bbox") or (
            limit is not None and len(points) > 2 * limit
        ):
            return False
    return (
        math.isfinite(sum(points))
        and min(points) >= 0
        and max(points[::2]) <= size[0]
        and max(points[1::2]) <= size[1]
        and (_spans_area(item.kind, points[:6]) or not _is_degenerate(item, _pairs(points)))
    )


def _boxed(
    item: RawObject, paths: list[Path], policy: PartsPolicy, findings: Findings
) -> tuple[RawObject, list[Path]]:
    """The box around all pieces inside the picture; one around each with `parts="split"`."""
    groups = [[path] for path in paths] if policy == "split" else [paths]
    boxes = [_pairs(bounds_of([pair for path in group for pair in path])) for group in groups]
    if len(paths) > 1:
        result = f"{len(boxes)} boxes" if policy == "split" else "one box around all"
        text = "boxes were made of an object in several pieces"
        findings.append(
            _finding(item, "fixed", "parts-boxed", text, got=f"{len(paths)} pieces", result=result)
        )
    return replace(item, kind="bbox_2d"), boxes


def _clipped(
    item: RawObject, paths: list[Path], size: tuple[int, int], findings: Findings
) -> list[Path]:
    """The pieces inside the picture that have extent."""
    kept: list[Path] = []
    is_changed = False
    for path in paths:
        inside = _clip(item, path, size)
        is_changed = is_changed or inside != [path]
        kept.extend(inside)
    if not is_changed:
        return kept
    got = "; ".join(_numbers(path) for path in paths)
    if not kept:
        flat = all(_is_degenerate(item, path) for path in paths)
        rule = "degenerate" if flat else "outside-picture"
        text = "the shape has no extent" if flat else "the shape lies outside the picture"
        findings.append(_finding(item, "dropped", rule, text, got=got))
        return []
    if item.kind == "line" and len(kept) > 1:
        text = "the line leaves the picture in between; its longest part was kept"
        pieces = f"{len(kept)} parts"
        kept = [max(kept, key=length_of)]
        findings.append(_finding(item, "fixed", "line-parts", text, pieces, _numbers(kept[0])))
    else:
        result = "; ".join(_numbers(path) for path in kept)
        outside = any(not _is_inside(path, size) for path in paths)
        rule = "clipped" if outside else "degenerate-part"
        text = "the shape was clipped to the picture" if outside else "a piece has no extent"
        findings.append(_finding(item, "fixed", rule, text, got, result))
    return kept


def _clip(item: RawObject, path: Path, size: tuple[int, int]) -> list[Path]:
    """The parts of one piece inside the picture; none for a piece without extent."""
    if _is_degenerate(item, path):
        return []
    width, height = float(size[0]), float(size[1])
    if _is_inside(path, size):
        return [path]
    if item.kind == "bbox_2d":
        parts = [_within(path, width, height)]
    elif item.kind == "line":
        parts = clip_line(path, (0.0, 0.0, width, height))
    else:
        parts = clip_polygon(path, (0.0, 0.0, width, height))
    # Crossings may miss the edge by a rounding error.
    inner = [_within(part, width, height) for part in parts]
    return [part for part in inner if not _is_degenerate(item, part)]


def _within(path: Path, width: float, height: float) -> Path:
    return [(min(max(x, 0.0), width), min(max(y, 0.0), height)) for x, y in path]


def _is_inside(path: Path, size: tuple[int, int]) -> bool:
    x1, y1, x2, y2 = bounds_of(path)
    return x1 >= 0.0 and y1 >= 0.0 and x2 <= size[0] and y2 <= size[1]


def _is_degenerate(item: RawObject, path: Path) -> bool:
    """As the contract judges it: a box without a side, a line without length, a polygon whose vertices lie on one line."""
    if item.kind == "bbox_2d":
        return path[0][0] >= path[1][0] or path[0][1] >= path[1][1]
    first = path[0]
    other = next((pair for pair in path if pair != first), None)
    if other is None or item.kind == "line":
        return other is None
    dx, dy = other[0] - first[0], other[1] - first[1]
    return len(path) < 3 or all(dx * (y - first[1]) == (x - first[0]) * dy for x, y in path)


def _spans_area(kind: GeometryKind, points: Points) -> bool:
    """Whether a polygon's first three vertices settle that it has an extent, as most do."""
    if kind != "poly" or len(points) < 6:
        return False
    x0, y0, x1, y1, x2, y2 = points
    return (x1 - x0) * (y2 - y0) != (x2 - x0) * (y1 - y0)


def _one_or_split(
    item: RawObject, paths: list[Path], options: ShapeOptions, findings: Findings
) -> list[Path]:
    policy = options.parts
    pieces = f"{len(paths)} pieces"
    if policy == "split":
        text = "each piece became an object of its own"
        findings.append(
            _finding(item, "fixed", "parts-split", text, pieces, f"{len(paths)} objects")
        )
        return paths
    text = "only the largest piece was kept"
    if policy == "merge":
        capped = cap_pieces(paths, options.max_vertices)
        if capped is not None:
            merged = merge_parts(capped)
            joined = "the pieces were joined by bridges without width"
            result = f"{len(merged)} vertices"
            if capped != paths:
                result += f", {nearness_of_pieces(paths, capped)}"
            findings.append(_finding(item, "fixed", "parts-merged", joined, pieces, result))
            return [merged]
        text += f": max_vertices ({options.max_vertices}) is too small to join them"
    areas = [area_of(path) for path in paths]
    largest = paths[areas.index(max(areas))]
    share = max(areas) / math.fsum(areas)
    findings.append(
        _finding(item, "fixed", "parts-largest", text, pieces, f"{share:.1%} of their area")
    )
    return [largest]


def _area(item: RawObject, path: Path) -> float:
    if item.kind == "bbox_2d":
        return (path[1][0] - path[0][0]) * (path[1][1] - path[0][1])
    return area_of(path)


def _pairs(points: Points) -> Path:
    return list(zip(points[::2], points[1::2], strict=True))


def _flat(path: Path) -> Points:
    return tuple(chain.from_iterable(path))


def _finding(
    item: RawObject, kind: FindingKind, rule: str, message: str, got: str = "", result: str = ""
) -> Finding:
    return Finding(
        kind=kind,
        rule=rule,
        message=message,
        object_index=item.index,
        label=item.label,
        got=got,
        result=result,
    )


def _numbers(path: Path) -> str:
    numbers = _flat(path)
    shown = " ".join(f"{value:g}" for value in numbers[:MOST_NUMBERS])
    return shown if len(numbers) <= MOST_NUMBERS else f"{shown} ... ({len(path)} points)"
